#include "configs/saved_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_NUMBERS 65536 /* object numbers in a chunk; more than a slab can have */

void saved_note(const struct saved_reader *r, const char *fmt, ...)
{
	va_list args;

	if (!r->notes)
		return;
	va_start(args, fmt);
	vfprintf(r->notes, fmt, args);
	va_end(args);
	fputc('\n', r->notes);
}

/* Several parts of the state may ask for the same file. */
static bool is_news(struct saved_reader *r, const char *name)
{
	size_t i = 0;

	while (i < SAVED_NR_TEXTS && r->unusable[i] && strcmp(r->unusable[i], name))
		i++;
	if (i == SAVED_NR_TEXTS || r->unusable[i])
		return false;
	r->unusable[i] = name;
	return true;
}

int saved_text(struct saved_reader *r, const char *name, size_t limit, char **text, char used[TEXT_PATH_MAX],
	struct err *err)
{
	char path[TEXT_PATH_MAX];
	int got = text_read_in(text, r->dir, name, limit, path, err);

	if (used)
		memcpy(used, path, strlen(path) + 1);
	if (got == -(int)ERR_IO && access(path, R_OK) < 0 && errno == EACCES) {
		if (is_news(r, name))
			saved_note(r, "%s may not be read (only the root user may?): taken as missing", path);
		*err = (struct err){ 0 };
		return 0;
	}
	if (got != 1 || **text)
		return got;
	free(*text);
	if (is_news(r, name))
		saved_note(r, "%s is empty (saved by a user who may not read it?): taken as missing", path);
	return 0;
}

int saved_grow(void *array, size_t nr, size_t size, struct err *err)
{
	void **at = array, *bigger;

	if (nr & (nr - 1))
		return 0; /* it was doubled at the last power of two */
	bigger = realloc(*at, (nr ? nr * 2 : 1) * size);
	if (!bigger)
		return err_set(err, ERR_NOMEM, "no memory for a saved state");
	*at = bigger;
	return 0;
}

/* Return: room for as many object numbers as a slab can have. */
static struct saved_chunk *roomy_chunk(struct saved *saved, uint32_t wanted)
{
	struct saved_chunk *chunk = saved->chunks;

	if (chunk && chunk->cap - chunk->nr >= wanted)
		return chunk;
	chunk = malloc(sizeof(*chunk) + CHUNK_NUMBERS * sizeof(chunk->numbers[0]));
	if (!chunk)
		return NULL;
	*chunk = (struct saved_chunk){ .next = saved->chunks, .cap = CHUNK_NUMBERS };
	saved->chunks = chunk;
	return chunk;
}

int saved_list(struct saved_reader *r, struct csv *csv, uint32_t column, uint32_t unit, uint32_t limit,
	const uint16_t **list, uint32_t *nr, struct err *err)
{
	struct saved_chunk *chunk;
	const char *at = NULL;
	uint64_t value;
	uint32_t n = 0;

	*nr = 0;
	*list = NULL;
	if (!*csv_text(csv, column) || !limit || csv->failed)
		return 0;
	chunk = roomy_chunk(r->saved, limit);
	if (!chunk)
		return err_set(err, ERR_NOMEM, "no memory for the freelists of a saved state");
	while (csv_item(csv, column, &at, (uint64_t)(limit - 1) * unit, &value, err)) {
		if (n == limit || value % unit) {
			csv_wrong(csv, column, err, "at most %u numbers, multiples of %u", limit, unit);
			break;
		}
		chunk->numbers[chunk->nr + n++] = (uint16_t)(value / unit);
	}
	if (n)
		*list = chunk->numbers + chunk->nr;
	*nr = n;
	chunk->nr += n;
	return 0;
}

int saved_type_of(const char *name)
{
	static const char *const names[SAVED_NR_TYPES] = { "Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA",
		"Isolate" };

	for (int i = 0; i < SAVED_NR_TYPES; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

uint16_t saved_zone_of(const struct saved_reader *r, struct csv *csv, uint32_t node, uint32_t zone, struct err *err)
{
	uint64_t nid = csv_number(csv, node, MACHINE_MAX_NODES - 1, err);

	for (size_t i = 0; i < r->state->nr_zones; i++) {
		const struct state_zone *z = &r->state->zones[i];

		if (z->node == nid && !strcmp(machine_zone_name[z->type], csv_text(csv, zone)))
			return (uint16_t)i;
	}
	csv_wrong(csv, zone, err, "a zone that node %u has", (unsigned int)nid);
	return 0;
}

static int choose_folder(struct saved_reader *r, const char *dir, struct err *err)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_errno(err, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG,
			"%s: expected a folder with memory/zones.csv, zoneinfo, pagetypeinfo or buddyinfo", dir);
	if (snprintf(r->dir, sizeof(r->dir), "%s", dir) >= (int)sizeof(r->dir) ||
		snprintf(r->memory, sizeof(r->memory), "%s/memory", dir) >= (int)sizeof(r->memory))
		return err_set(err, ERR_CONFIG, "%s: path too long", dir);
	if (stat(r->memory, &st) < 0 || !S_ISDIR(st.st_mode))
		memcpy(r->memory, r->dir, sizeof(r->memory));
	snprintf(r->state->source, sizeof(r->state->source), "%s", dir);
	return 0;
}

static int read_parts(struct saved_reader *r, const char *dir, struct err *err)
{
	int ret = choose_folder(r, dir, err);

	if (!ret)
		ret = saved_memory(r, err);
	if (!ret)
		ret = saved_slabs(r, err);
	if (!ret)
		ret = saved_proc(r, err);
	if (!ret)
		ret = saved_lru(r, err);
	if (!ret)
		ret = saved_slabinfo(r, err);
	if (!ret)
		ret = saved_vmallocinfo(r, err);
	return ret;
}

int saved_state_read(struct state **out, const char *dir, FILE *notes, struct err *err)
{
	struct saved_reader r = { .saved = calloc(1, sizeof(*r.saved)), .notes = notes };
	int ret;

	if (!r.saved)
		return err_set(err, ERR_NOMEM, "no memory for a saved state");
	r.state = &r.saved->state;
	ret = read_parts(&r, dir, err);
	idmap_fini(&r.cache_at);
	idmap_fini(&r.slab_at);
	if (ret < 0) {
		saved_state_free(r.state);
		return ret;
	}
	*out = r.state;
	return 0;
}

void saved_state_free(struct state *state)
{
	struct saved *saved = (struct saved *)state;

	if (!state)
		return;
	while (saved->chunks) {
		struct saved_chunk *chunk = saved->chunks;

		saved->chunks = chunk->next;
		free(chunk);
	}
	free(state->zones);
	free(state->blocks);
	free(state->pcp);
	free(state->pages);
	free(state->caches);
	free(state->slabs);
	free(state->block_counts);
	free(state->pageblocks);
	free(state->pcp_counts);
	free(state->vmstat);
	free(state->areas);
	free(saved);
}

/* "1-after-boot": a snapshot's name begins with its number. */
static int is_snapshot(const struct dirent *entry)
{
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && strchr(entry->d_name, '-') != NULL;
}

int saved_state_list(const char *dir, char ***names, size_t *nr, struct err *err)
{
	struct dirent **entries;
	int found = scandir(dir, &entries, is_snapshot, versionsort);
	bool complete = true;
	char **list;

	if (found < 0)
		return err_errno(err, "%s", dir);
	list = calloc((size_t)found + 1, sizeof(*list));
	for (int i = 0; i < found; i++) {
		if (list)
			list[i] = strdup(entries[i]->d_name);
		complete = complete && list && list[i];
		free(entries[i]);
	}
	free(entries);
	if (complete && list) {
		*names = list;
		*nr = (size_t)found;
		return 0;
	}
	for (int i = 0; list && i < found; i++)
		free(list[i]);
	free(list);
	return err_set(err, ERR_NOMEM, "%s: no memory for the names of its snapshots", dir);
}
