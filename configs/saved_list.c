#include "configs/saved_list.h"

#include <stdlib.h>
#include <string.h>

#include "configs/saved_state.h"

/*
 * The instant before the first tracepoint is on ("0a") and the one when all are ("0b"): events between the two are
 * not complete, so a run starts from the later one.
 */
static bool is_before_events(const char *name)
{
	return !strncmp(name, "0a", 2);
}

static bool is_exact(const struct state *state)
{
	return state->exact_blocks && state->exact_slabs && state->nr_entries;
}

static int read_one(struct saved *saved, const char *dir, const char *name, FILE *notes, struct err *err)
{
	char path[4096];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	saved->name = strdup(name);
	if (!saved->name)
		return err_set(err, ERR_NOMEM, "no memory for the snapshots of %s", dir);
	ret = saved_state_read(&saved->state, path, notes, err);
	if (ret < 0)
		saved->state = NULL;
	return ret;
}

/* What a folder has, and how much of it is wanted. */
struct snapshots {
	const char *dir;
	char **names;  /* owned, as each of them */
	size_t nr;
	bool all;      /* else none behind the first exact one */
	FILE *notes;
};

static int read_list(struct saved_list *list, const struct snapshots *from, struct err *err)
{
	bool enough = false;
	int ret = 0;

	list->rows = calloc(from->nr ? from->nr : 1, sizeof(*list->rows));
	if (!list->rows)
		return err_set(err, ERR_NOMEM, "no memory for the snapshots of %s", from->dir);
	for (size_t i = 0; ret == 0 && i < from->nr && !enough; i++) {
		if (is_before_events(from->names[i]))
			continue;
		ret = read_one(&list->rows[list->nr++], from->dir, from->names[i], from->notes, err);
		enough = !from->all && ret == 0 && is_exact(list->rows[list->nr - 1].state);
	}
	return ret;
}

/* Drops the states before the first exact one. Return: whether there is one. */
static bool start_at_exact(struct saved_list *list)
{
	size_t first = 0;

	while (first < list->nr && !is_exact(list->rows[first].state))
		first++;
	if (first == list->nr)
		return false;
	for (size_t i = 0; i < first; i++) {
		free(list->rows[i].name);
		saved_state_free(list->rows[i].state);
	}
	list->nr -= first;
	memmove(list->rows, list->rows + first, list->nr * sizeof(*list->rows));
	return true;
}

static int read_numbered(struct saved_list *list, const char *dir, bool all, FILE *notes, struct err *err)
{
	struct snapshots from = { .dir = dir, .all = all, .notes = notes };
	int ret = saved_state_list(dir, &from.names, &from.nr, err);

	*list = (struct saved_list){ 0 };
	if (ret == 0)
		ret = read_list(list, &from, err);
	for (size_t i = 0; i < from.nr; i++)
		free(from.names[i]);
	free(from.names);
	return ret;
}

int saved_read_all(struct saved_list *list, const char *dir, FILE *notes, struct err *err)
{
	int ret = read_numbered(list, dir, true, notes, err);

	if (ret == 0 && !start_at_exact(list))
		ret = err_set(err, ERR_CONFIG, "%s: no snapshot with the whole state (memory/*.csv) to start from",
			dir);
	return ret;
}

void saved_fini(struct saved_list *list)
{
	for (size_t i = 0; i < list->nr; i++) {
		free(list->rows[i].name);
		saved_state_free(list->rows[i].state);
	}
	free(list->rows);
	*list = (struct saved_list){ 0 };
}

int saved_initial(struct state **out, const char *dir, FILE *notes, struct err *err)
{
	struct saved_list list;
	int ret = read_numbered(&list, dir, false, notes, err);

	if (ret == 0 && !list.nr) {
		ret = saved_state_read(out, dir, notes, err);
	} else if (ret == 0) {
		start_at_exact(&list);
		*out = list.rows[0].state;
		list.rows[0].state = NULL;
	}
	saved_fini(&list);
	return ret;
}

uint64_t saved_memory_end(const struct state *state, uint32_t page_size)
{
	uint64_t end = 0;

	for (size_t i = 0; i < state->nr_zones; i++)
		if (state->zones[i].start_pfn + state->zones[i].spanned > end)
			end = state->zones[i].start_pfn + state->zones[i].spanned;
	return end * page_size;
}
