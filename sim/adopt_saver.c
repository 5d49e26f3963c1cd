/*
 * adopt_saver: what the process that saved the state left in memory after that. Each directory, file and link that it looked up in
 * /sys/kernel/slab stays known to the kernel: an inode, its name, and what a security module wants with it. The state does
 * not have these, the machine had them when its work began; how many, its own table of what was read tells.
 *
 * The recording shows the same reading on its machine, by a function of the kernel's that nobody else calls: show_slab_objects() runs
 * once for each file that counts objects of a cache (mm/slub.c). So what was allocated for each file that was looked up is known, and
 * as much comes for each that was read here and not there. On a machine with as many directories there is nothing to do.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/adopt_priv.h"
#include "sim/serve_priv.h"

enum saver_call { CALL_OTHER, CALL_COUNTS, CALL_LINK };

static bool is_function(const char *call_site, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(call_site, name, len) && (!call_site[len] || call_site[len] == '+' || call_site[len] == '.');
}

int saver_init(struct run *run, const struct state *state, struct err *err)
{
	struct saver *saver = &run->follow.saver;

	*saver = (struct saver){ 0 };
	if (!state || !state->slab_table.counted)
		return 0;
	saver->calls = malloc((size_t)run->tables->nr_ops + 1);
	if (!saver->calls)
		return err_set(err, ERR_NOMEM, "no memory for what saved the initial state");
	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		const struct trace_op *op = &run->tables->ops[i];
		const char *call_site = run_string(run, op->call_site);

		saver->calls[i] = CALL_OTHER;
		if (op->kind != KIND_KMALLOC)
			continue;
		if (is_function(call_site, "show_slab_objects"))
			saver->calls[i] = CALL_COUNTS;
		else if (is_function(call_site, "kernfs_iop_get_link"))
			saver->calls[i] = CALL_LINK;
	}
	return 0;
}

void saver_fini(struct saver *saver)
{
	free(saver->calls);
}

uint32_t saver_note(struct run *run, uint32_t op, uint32_t who)
{
	struct saver *saver = &run->follow.saver;
	int32_t task = run->tables->whos[who].pid;

	if (!saver->calls)
		return 0;
	if (saver->calls[op] == CALL_COUNTS) {
		if (!saver->turn || task != saver->task) {
			saver->task = task;
			saver->first = saver->turn + 1;
			saver->links_seen = 0;
		}
		saver->turn++;
		saver->links = saver->links_seen;
		saver->seat = run->seats[who];
	}
	if (!saver->turn || task != saver->task)
		return 0;
	saver->links_seen += saver->calls[op] == CALL_LINK;
	return saver->turn;
}

/* An object that was allocated while the table was read and stayed, or one that the state does not have; or both. */
struct left_behind {
	uint32_t kind;
	uint32_t index; /* into older[] */
	bool read, missing;
};

static int by_kind(const void *a, const void *b)
{
	const struct left_behind *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static uint32_t list_left(struct run *run, const struct older *older, uint32_t nr, struct left_behind *left)
{
	const struct saver *saver = &run->follow.saver;
	uint32_t nr_left = 0;

	for (uint32_t i = 0; i < nr; i++) {
		struct run_op *op = &run->ops[older[i].op];
		bool read = older[i].turn >= saver->first && older[i].turn < saver->turn;
		bool missing = !object_lives(&run->objects[older[i].slot]);

		if (adopt_is_object((enum run_action)op->action) && (read || missing))
			left[nr_left++] = (struct left_behind){ adopt_kind_of(run, op), i, read, missing };
	}
	qsort(left, nr_left, sizeof(*left), by_kind);
	return nr_left;
}

/* @nr more than the recording has: nobody will free them. */
static void leave_more(struct run *run, const struct older *like, uint64_t nr)
{
	struct slab_object object;

	run->cpu = run->follow.saver.seat.cpu;
	for (; nr; nr--) {
		meter_start(&run->meter, run->machine->latency.step_ns);
		run->result.read_more += serve_take_object(run, &run->ops[like->op], &object) == MM_DONE;
	}
}

/* @fewer of the missing objects need not be made. */
static void leave_less(struct run *run, struct older *older, const struct left_behind *left, uint32_t nr, uint64_t fewer)
{
	for (uint32_t i = 0; i < nr && fewer; i++) {
		if (!left[i].missing)
			continue;
		older[left[i].index].turn = TURN_NOT_THERE;
		run->result.read_less++;
		fewer--;
	}
}

/*
 * Objects of one kind, of which the recording's saver left as many for each of @seen files; this machine's looked at @there. When
 * the state has most of them, it was saved after they were made.
 */
static void leave_kind(struct run *run, struct older *older, const struct left_behind *left, uint32_t nr, uint64_t seen, uint64_t there)
{
	uint64_t read = 0, missing = 0, per_file;
	uint32_t like = 0;

	for (uint32_t i = 0; i < nr; i++) {
		read += left[i].read;
		missing += left[i].missing;
		like = left[i].read ? left[i].index : like;
	}
	per_file = (read + seen / 2) / seen;
	if (!per_file || 2 * missing < read)
		return;
	if (there > seen)
		leave_more(run, &older[like], per_file * (there - seen));
	else
		leave_less(run, older, left, nr, per_file * (seen - there));
}

int adopt_saver(struct run *run, struct older *older, uint32_t nr, struct err *err)
{
	const struct saver *saver = &run->follow.saver;
	const struct state_slab_table *table = &run->options->initial->slab_table;
	uint32_t counts = saver->turn ? saver->turn - saver->first + 1 : 0, nr_left;
	struct left_behind *left;
	uint64_t seen, there;

	/* Not read, or with other columns, so not in the same way; or as many directories. */
	if (!counts || counts % table->counted || counts / table->counted == table->dirs)
		return 0;
	seen = (uint64_t)counts / table->counted * (table->files + 1) + saver->links;
	there = (uint64_t)table->dirs * (table->files + 1) + table->links;
	left = malloc(((size_t)nr + 1) * sizeof(*left));
	if (!left)
		return err_set(err, ERR_NOMEM, "no memory for what saved the initial state");
	nr_left = list_left(run, older, nr, left);
	for (uint32_t first = 0, end; first < nr_left; first = end) {
		for (end = first; end < nr_left && left[end].kind == left[first].kind; end++)
			;
		leave_kind(run, older, left + first, end - first, seen, there);
	}
	free(left);
	return 0;
}
