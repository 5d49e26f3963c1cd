/*
 * adopt_saver: what the process that saved the state left in memory after that. Each directory, file and link that
 * it looked up in /sys/kernel/slab stays known to the kernel: an inode, its name, and what a security module wants
 * with it. The state does not have these, the machine had them when its work began; how many, its own table of what
 * was read tells.
 *
 * The recording shows the same reading on its machine, by a function of the kernel's that nobody else calls:
 * show_slab_objects() runs once for each file that counts objects of a cache (mm/slub.c). So what was allocated for
 * each file that was looked up is known, and as much comes for each that was read here and not there. It tells the
 * instant of the state, too: what of these kinds was allocated since the reading began is no object of the state's,
 * unless that has as many objects as if it had been saved later. When the replay begins before the reading, the
 * difference is made when that is over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "sim/adopt_priv.h"
#include "sim/serve_priv.h"

/*
 * The table has been read when its task has done so much else, or so much time has passed. Between two such files
 * of a directory, or of two with a hundred links between, are less than a thousand events; a virtual machine may
 * stand still for seconds.
 */
#define QUIET_EVENTS 2000u
#define QUIET_NS     10000000000u

enum saver_call { CALL_OTHER, CALL_COUNTS, CALL_LINK };

static bool is_function(const char *call_site, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(call_site, name, len) && (!call_site[len] || call_site[len] == '+' || call_site[len] == '.');
}

int saver_init(struct run *run, const struct state *state, struct err *err)
{
	struct saver *saver = &run->follow.saver;
	bool read = false;

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
		read |= saver->calls[i] == CALL_COUNTS;
	}
	/* Never in this recording: nothing is to be watched for. */
	if (!read) {
		free(saver->calls);
		saver->calls = NULL;
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
	saver->links_seen += task == saver->task && saver->calls[op] == CALL_LINK;
	return saver->turn;
}

/* Objects of older[], by kind, which is their group. Return: NULL: no memory. */
static struct sort_row *list_objects(struct run *run, const struct older *older, uint32_t nr, uint32_t *nr_list)
{
	struct sort_row *list = malloc(((size_t)nr + 1) * sizeof(*list));

	*nr_list = 0;
	for (uint32_t i = 0; list && i < nr; i++) {
		struct run_op *op = &run->ops[older[i].op];

		if (adopt_is_object(op))
			list[(*nr_list)++] = (struct sort_row){ .group = adopt_kind_of(run, op), .index = i };
	}
	if (list && sort_rows(list, *nr_list))
		return list;
	free(list);
	return NULL;
}

/* How much the recording's saver read, and this machine's. */
struct reading {
	uint64_t seen, there; /* directories, files and links */
};

/* Return: false when it was not read, or with other columns, so not in the same way. */
static bool measure(const struct run *run, struct reading *reading)
{
	const struct saver *saver = &run->follow.saver;
	const struct state_slab_table *table = &run->options->initial->slab_table;
	uint32_t counts = saver->turn ? saver->turn - saver->first + 1 : 0;

	if (!counts || counts % table->counted)
		return false;
	reading->seen = (uint64_t)counts / table->counted * (table->files + 1) + saver->links;
	/* As many directories: then the links at either end are the same, too. */
	reading->there = counts / table->counted == table->dirs ? reading->seen :
		(uint64_t)table->dirs * (table->files + 1) + table->links;
	return true;
}

/* Of @nr objects of one kind, those that were allocated while the table was read, for each file. */
static uint64_t left_per_file(const struct run *run, const struct older *older, const struct sort_row *list,
	uint32_t nr, const struct reading *reading, uint32_t *like)
{
	const struct saver *saver = &run->follow.saver;
	uint64_t read = 0;

	for (uint32_t i = 0; i < nr && list->group < ADOPT_LARGE; i++) {
		const struct older *object = &older[list[i].index];

		if (object->turn < saver->first || object->turn >= saver->turn ||
			run->tables->whos[object->who].pid != saver->task)
			continue;
		read++;
		*like = list[i].index;
	}
	return (read + reading->seen / 2) / reading->seen;
}

static uint32_t kind_end(const struct sort_row *list, uint32_t nr, uint32_t first)
{
	uint32_t end = first;

	while (end < nr && list[end].group == list[first].group)
		end++;
	return end;
}

/*
 * Of other kinds, such as open files, there were as many under
 * way in the instant of the state: those may be found in it.
 */
static void call_old(struct older *older, const struct sort_row *list, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		older[list[i].index].turn = 0;
}

int saver_look(struct run *run, struct older *older, uint32_t nr, struct err *err)
{
	struct reading reading;
	uint32_t nr_list, like, kinds = 0, lacking = 0;
	struct sort_row *list;

	if (!measure(run, &reading))
		return 0;
	list = list_objects(run, older, nr, &nr_list);
	if (!list)
		return err_set(err, ERR_NOMEM, "no memory for what saved the initial state");
	for (uint32_t first = 0, end; first < nr_list; first = end) {
		uint64_t per_file;
		struct slab_stats stats;

		end = kind_end(list, nr_list, first);
		per_file = left_per_file(run, older, list + first, end - first, &reading, &like);
		if (!per_file) {
			call_old(older, list + first, end - first);
			continue;
		}
		slab_cache_stats(run->mm.slab, list[first].group, &stats);
		kinds++;
		/* Before, there were all but what was read; afterwards as many more as were read here. */
		lacking += stats.live_objs + per_file * reading.seen < end - first + per_file * reading.there / 2;
	}
	free(list);
	run->follow.saver.later = kinds && lacking == kinds;
	return 0;
}

bool saver_is_new(const struct run *run, const struct older *older)
{
	const struct saver *saver = &run->follow.saver;

	return saver->later && older->turn >= saver->first;
}

/* @nr more than the recording has, like those of @op: nobody will free them. */
static void leave_more(struct run *run, const struct run_op *op, uint64_t nr)
{
	struct slab_object object;

	run->cpu = run->follow.saver.seat.cpu;
	for (; nr; nr--) {
		meter_start(&run->meter, run->machine->latency.step_ns);
		run->result.read_more += serve_take_object(run, op, &object) == MM_DONE;
	}
}

/* @fewer of what was allocated since need not be made. */
static void leave_less(struct run *run, struct older *older, const struct sort_row *list, uint32_t nr, uint64_t fewer)
{
	for (uint32_t i = 0; i < nr && fewer; i++) {
		if (!saver_is_new(run, &older[list[i].index]))
			continue;
		older[list[i].index].turn = TURN_NOT_THERE;
		run->result.read_less++;
		fewer--;
	}
}

int adopt_saver(struct run *run, struct older *older, uint32_t nr, struct err *err)
{
	struct saver *saver = &run->follow.saver;
	struct reading reading;
	uint32_t nr_list, like = 0;
	struct sort_row *list;

	saver->awaited = saver->calls && !saver->turn;
	if (!saver->later || !measure(run, &reading) || reading.there == reading.seen)
		return 0;
	list = list_objects(run, older, nr, &nr_list);
	if (!list)
		return err_set(err, ERR_NOMEM, "no memory for what saved the initial state");
	for (uint32_t first = 0, end; first < nr_list; first = end) {
		uint64_t per_file;

		end = kind_end(list, nr_list, first);
		per_file = left_per_file(run, older, list + first, end - first, &reading, &like);
		if (reading.there > reading.seen)
			leave_more(run, &run->ops[older[like].op], per_file * (reading.there - reading.seen));
		else
			leave_less(run, older, list + first, end - first, per_file * (reading.seen - reading.there));
	}
	free(list);
	return 0;
}

/* An object that was allocated while the table was read, and lives. */
static bool left_now(const struct run *run, const struct object *object)
{
	enum run_action action;

	if (!object_lives(object) || object->born_ns < run->follow.saver.first_ns ||
		object->born_ns >= run->follow.saver.last_ns)
		return false;
	action = (enum run_action)run->ops[object->op].action;
	return action == ACT_KMALLOC || action == ACT_CACHE_ALLOC;
}

/* The objects of @cache that were left now: @nr of them are given back. Their frees, if they come, are no mistake. */
static void take_back(struct run *run, uint32_t cache, uint64_t nr)
{
	for (uint32_t slot = 0; slot < run->nr_objects && nr; slot++) {
		struct object *object = &run->objects[slot];

		if (!left_now(run, object) || adopt_kind_of(run, &run->ops[object->op]) != cache)
			continue;
		release(run, object);
		object->slab = OBJECT_FAILED;
		run->result.read_less++;
		nr--;
	}
}

/* @left: objects that were left now, by operation. */
static void settle_cache(struct run *run, const uint32_t *left, uint32_t cache, const struct reading *reading)
{
	const struct run_op *like = NULL;
	uint64_t nr = 0, per_file;

	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		if (!left[i] || adopt_kind_of(run, &run->ops[i]) != cache)
			continue;
		nr += left[i];
		like = &run->ops[i];
	}
	per_file = (nr + reading->seen / 2) / reading->seen;
	if (!per_file)
		return;
	if (reading->there > reading->seen)
		leave_more(run, like, per_file * (reading->there - reading->seen));
	else
		take_back(run, cache, per_file * (reading->seen - reading->there));
}

void saver_over(struct run *run)
{
	struct reading reading;
	uint32_t *left;

	run->follow.saver.awaited = false;
	if (!measure(run, &reading) || reading.there == reading.seen)
		return;
	left = calloc((size_t)run->tables->nr_ops + 1, sizeof(*left));
	if (!left) {
		err_set(&run->deferred, ERR_NOMEM, "no memory for what saved the initial state");
		return;
	}
	for (uint32_t slot = 0; slot < run->nr_objects; slot++)
		if (left_now(run, &run->objects[slot]))
			left[run->objects[slot].op]++;
	for (uint32_t cache = 0; cache < slab_nr_caches(run->mm.slab); cache++)
		if (slab_cache_live(run->mm.slab, cache))
			settle_cache(run, left, cache, &reading);
	free(left);
}

void saver_watch(struct run *run, const struct trace_batch *batch, uint32_t i)
{
	struct saver *saver = &run->follow.saver;
	ns_t now = batch->time_ns[i];
	uint32_t turn = saver->turn;

	if (turn && (saver->quiet > QUIET_EVENTS || now > saver->last_ns + QUIET_NS)) {
		saver_over(run);
		return;
	}
	if (saver_note(run, batch->op[i], batch->who[i]) == turn) {
		saver->quiet += run->tables->whos[batch->who[i]].pid == saver->task;
		return;
	}
	saver->last_ns = now;
	saver->quiet = 0;
	if (saver->turn == saver->first)
		saver->first_ns = now;
}
