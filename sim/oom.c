/*
 * oom: whom the OOM killer ends. Models oom_kill_process() of mm/oom_kill.c (6.1): the task's memory is free at
 * once. Simplified: badness is a task's anonymous pages, also those in swap, and its larger movable blocks, without
 * adjustments, without page tables and without what it has mapped of files; what it asks for later does not happen.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/reclaim_priv.h"

/*
 * Threads of the kernel (6.1), which a trace tells by their names alone. A name that ends in a
 * letter stands for itself and for one with a number (kswapd0), others for all that begin so.
 */
static const char *const kernel_threads[] = {
	"cpuhp/", "cryptomgr_", "idle_inject/", "irq/", "jbd2/", "jfsIO", "jfsCommit", "jfsSync", "kauditd", "kcompactd", "kdevtmpfs",
	"khugepaged", "khungtaskd", "khvcd", "kjournald", "kpsmoused", "ksmd", "ksoftirqd/", "kswapd", "kthreadd", "kworker/", "lockd",
	"migration/", "nfsd", "oom_reaper", "pr/", "psimon", "rcu_", "rcub/", "rcuc/", "rcuog/", "rcuop/", "rcuos/", "scsi_eh_",
	"swapper/", "watchdogd", "xfsaild/",
};

bool oom_is_kernel_thread(const char *comm)
{
	for (size_t i = 0; i < sizeof(kernel_threads) / sizeof(kernel_threads[0]); i++) {
		size_t length = strlen(kernel_threads[i]);
		const char *rest = comm + length;

		if (!strncmp(comm, kernel_threads[i], length) &&
			(strchr("/_", rest[-1]) || !rest[strspn(rest, "0123456789")]))
			return true;
	}
	return false;
}

/*
 * Models oom_unkillable_task(): init and threads of the kernel.
 * A task that got another name was a program all the time.
 */
void oom_start(struct run *run)
{
	struct reclaim *r = &run->reclaim;

	for (uint32_t who = 0; who < run->tables->nr_whos; who++)
		r->unkillable[who] = true;
	for (uint32_t who = 0; who < run->tables->nr_whos; who++)
		r->unkillable[r->leader[who]] &= run->tables->whos[who].pid <= 1 ||
			oom_is_kernel_thread(run_string(run, run->tables->whos[who].comm));
}

/*
 * What the end of a process frees: anonymous pages, and movable blocks of larger
 * orders (huge pages) that are still whole. Pages of files stay in the page cache.
 */
static bool is_of_process(const struct run *run, const struct object *object)
{
	const struct run_op *maker = &run->ops[object->op];

	return object->slab == OBJECT_PAGES && reclaim_movable(maker) && maker->lru != LRU_KIND_FILE &&
		object->left == 1u << maker->order;
}

/* Of whom, the index says. */
static bool is_in_swap(const struct object *object)
{
	return object->slab == OBJECT_RECLAIMED && object->index;
}

/* By the first one with a pid: what all with that pid hold, as oom_badness() counts it without adjustments. */
static uint64_t *pages_by_task(const struct run *run)
{
	const struct reclaim *r = &run->reclaim;
	uint64_t *pages = calloc(run->tables->nr_whos + 1, sizeof(*pages));

	for (uint32_t slot = 0; pages && slot < run->nr_objects; slot++) {
		const struct object *object = &run->objects[slot];

		if (is_of_process(run, object))
			pages[r->leader[r->users[object->index].who]] += object->left;
		else if (is_in_swap(object))
			pages[r->leader[object->index - 1]]++;
	}
	return pages;
}

static bool may_kill(const struct run *run, uint32_t who)
{
	return !run->reclaim.unkillable[run->reclaim.leader[who]]; /* nor is who has been killed */
}

/* The task whose end would free most, here and in swap. -1: there is none. */
static int32_t worst_task(const struct run *run)
{
	uint64_t *pages = pages_by_task(run), most = 0;
	int32_t worst = -1;

	for (uint32_t who = 0; pages && who < run->tables->nr_whos; who++)
		if (pages[who] > most && may_kill(run, who)) {
			most = pages[who];
			worst = run->tables->whos[who].pid;
		}
	free(pages);
	return worst;
}

void oom_page_begins(struct run *run, uint32_t who)
{
	run->reclaim.none_to_kill &= !may_kill(run, who);
}

/* The task's memory is free, and its places in swap. Return: pages of memory. */
static uint64_t free_pages_of(struct run *run, int32_t pid, unsigned int cpu, struct meter *meter)
{
	const struct trace_who *whos = run->tables->whos;
	uint64_t pages = 0;

	for (uint32_t slot = 0; slot < run->nr_objects; slot++) {
		struct object *object = &run->objects[slot];

		if (is_in_swap(object) && whos[object->index - 1].pid == pid) {
			page_alloc_swap_free(run->mm.pages);
			object->index = 0;
			continue;
		}
		if (!is_of_process(run, object) || whos[run->reclaim.users[object->index].who].pid != pid)
			continue;
		page_alloc_give(run->mm.pages, object->index, run->ops[object->op].order, cpu, meter);
		pages += object->left;
		run->pages_held -= object->left;
		reclaim_lose(run, object, 0);
	}
	return pages;
}

/*
 * Models __oom_kill_process(). Interrupts that break into a task have its pid, but do not end with it;
 * nobody is killed twice, whatever they take. Return: pages.
 */
static uint64_t kill_task(struct run *run, int32_t pid, unsigned int cpu, struct meter *meter)
{
	struct reclaim *r = &run->reclaim;
	struct episode episode = { .by = EPISODE_OOM, .node = run->machine->node_of_cpu[cpu],
		.begun_ns = run->engine.now + meter_elapsed(meter), .success = true };

	meter_nap(meter, STEP_OOM_KILL, 1, SLEEP_OOM);
	for (uint32_t who = 0; who < run->tables->nr_whos; who++) {
		if (run->tables->whos[who].pid != pid)
			continue;
		r->killed[who] |= !(run->tables->whos[who].ctx & CTX_MASK);
		r->unkillable[r->leader[who]] = true;
	}
	r->nr_killed++;
	episode.pages = free_pages_of(run, pid, cpu, meter);
	daemons_episode(run, &episode);
	return episode.pages;
}

/* Who was killed, and what it held: a counter. */
static void record_victim(struct run *run, int32_t pid, uint64_t pages)
{
	const char *comm = "";
	char name[64];
	struct record_counter row = { "oom", name, "pages", (int64_t)pages };

	for (uint32_t who = 0; who < run->tables->nr_whos && !comm[0]; who++)
		if (run->tables->whos[who].pid == pid)
			comm = run_string(run, run->tables->whos[who].comm);
	snprintf(name, sizeof(name), "killed %.40s, pid %" PRId32, comm, pid);
	if (!run->deferred.code)
		run->recorder->ops->counter(run->recorder, &row, &run->deferred);
}

bool oom_kill(void *arg, unsigned int cpu, struct meter *meter)
{
	struct run *run = arg;
	int32_t pid;

	/*
	 * On a machine without memory each failed request comes
	 * here: looking at all of it every time would take minutes.
	 */
	pid = run->reclaim.none_to_kill ? -1 : worst_task(run);
	if (pid < 0) {
		run->reclaim.none_to_kill = true;
		run->reclaim.without_victim++;
		return false;
	}
	record_victim(run, pid, kill_task(run, pid, cpu, meter));
	return true;
}

/*
 * Who asked got no memory, so it counts among those that failed. Its tickets stay: others
 * may wait for their turn; and what still lives in the slot has its own free to come.
 */
static void drop_allocation(struct run *run, const struct request *req, struct run_op *op)
{
	run->reclaim.allocations_of_killed++;
	if (req->slot != SLOT_NONE && object_lives(&run->objects[req->slot])) {
		op->failed++;
		run->result.failed++;
		return;
	}
	note_failure(run, req, op);
	if (req->slot != SLOT_NONE)
		run->objects[req->slot].op = req->op;
}

/* A mapping takes no memory: its end is told that it was not made. */
static void drop_mapping(struct run *run, const struct request *req)
{
	struct object *object = req->slot == SLOT_NONE ? NULL : &run->objects[req->slot];

	if (!object || object_lives(object))
		return;
	object->slab = OBJECT_FAILED;
	object->op = req->op;
}

bool reclaim_drops(struct run *run, const struct request *req, struct run_op *op)
{
	enum kind_slot use = kind_info[op->kind].slot;

	/* What it frees on its way out it still frees. */
	if (!run->reclaim.killed[req->who] || use == SLOT_ENDS)
		return false;
	run->reclaim.events_of_killed++;
	if (op_is_mapping(op))
		drop_mapping(run, req);
	else if (use == SLOT_BEGINS)
		drop_allocation(run, req, op);
	return true;
}
