#include "sim/reclaim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/serve_priv.h"
#include "sim/timers.h"

#define MAX_EPISODES  10000u            /* rows of reclaim_events; more are only counted */
#define KSWAPD_NAP_NS 100000000u        /* kswapd_try_to_sleep(): HZ / 10 */
#define REFAULT_NS    1000000000u       /* mean time until a page is read again */

/* ---- Who has which page ---- */

static int map_users(struct run *run, struct err *err)
{
	struct reclaim *r = &run->reclaim;
	uint64_t end = 0;

	for (uint32_t i = 0; i < run->machine->nr_ram; i++)
		end = max_u64(end, run->machine->ram[i].start + run->machine->ram[i].size);
	r->users_bytes = ((end >> run->machine->page_shift) + 1) * sizeof(*r->users);
	r->users = mmap(NULL, r->users_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->users == MAP_FAILED) {
		r->users = NULL;
		return err_errno(err, "users of pages (%" PRIu64 " bytes of address space)", r->users_bytes);
	}
	return 0;
}

enum lru_kind reclaim_lru_kind(const struct trace_op *op)
{
	if (!(op->gfp & GFP_BIT_MOVABLE) || op->order || kind_info[op->kind].slot != SLOT_BEGINS)
		return LRU_NONE;
	/*
	 * Files are written to (__GFP_WRITE), or read ahead with a mask that may fail; anonymous memory is cleared; shared
	 * memory and copies on write come with a plain mask.
	 */
	if (op->gfp & GFP_BIT_WRITE)
		return LRU_KIND_FILE;
	if (op->gfp & GFP_BIT_ZERO || !(op->gfp & (GFP_BIT_NORETRY | GFP_BIT_NOFAIL)))
		return LRU_KIND_ANON;
	return LRU_KIND_FILE;
}

void reclaim_page_begins(struct run *run, const struct request *req, const struct run_op *op, uint64_t pfn)
{
	run->reclaim.users[pfn] = (struct page_user){ req->slot + 1, req->who };
	lru_add(run->mm.pages, pfn, (enum lru_kind)op->lru);
}

bool reclaim_keeps(struct run *run, const struct request *req, struct object *object)
{
	struct reclaim *r = &run->reclaim;

	if (!r->is_kswapd[req->who] || object->slab != OBJECT_PAGES || !run->ops[object->op].lru)
		return false;
	r->users[object->index].slot_plus1 = 0;
	r->frees_left_to_model++;
	run->pages_held -= object->left;
	object_end(run, object);
	return true;
}

void reclaim_gone_freed(struct run *run, const struct request *req, struct object *object)
{
	run->reclaim.frees_of_gone++;
	run->ops[req->op].done++;
	if (object->index)
		page_alloc_swap_free(run->mm.pages);
	object->slab = OBJECT_NONE;
}

static struct object *user_object(struct run *run, pfn_t pfn)
{
	uint32_t slot = run->reclaim.users[pfn].slot_plus1;
	struct object *object = slot ? &run->objects[slot - 1] : NULL;

	return object && object->slab == OBJECT_PAGES && object->index == (uint32_t)pfn ? object : NULL;
}

/* The trace's holder of an object has it no more; its free, when it comes, is of something that is gone. */
static void lose(struct run *run, struct object *object, bool swapped)
{
	object_end(run, object);
	object->slab = OBJECT_RECLAIMED;
	object->index = swapped;
}

/* ---- Shrinkers ---- */

enum shrink_class { SHRINK_UNKNOWN, SHRINK_NOT, SHRINK_CACHE, SHRINK_HEADS };

/* Dentries and inodes are what prune_super() frees; buffer heads go with their page. */
static enum shrink_class class_of(const struct slab_stats *stats)
{
	if (!strcmp(stats->name, "buffer_head"))
		return SHRINK_HEADS;
	if (!(stats->flags & SLAB_FLAG_RECLAIM_ACCOUNT))
		return SHRINK_NOT;
	return !strcmp(stats->name, "dentry") || strstr(stats->name, "inode") ? SHRINK_CACHE : SHRINK_NOT;
}

static bool classify(struct run *run)
{
	struct reclaim *r = &run->reclaim;
	uint32_t nr = slab_nr_caches(run->mm.slab);

	if (r->nr_shrinks == nr && r->shrinks_generation == run->cache_generation)
		return true;
	if (nr > r->nr_shrinks) {
		uint8_t *shrinks = realloc(r->shrinks, nr);

		if (!shrinks)
			return false;
		r->shrinks = shrinks;
	}
	r->nr_shrinks = nr;
	r->shrinks_generation = run->cache_generation;
	for (uint32_t cache = 0; cache < nr; cache++) {
		struct slab_stats stats;

		r->shrinks[cache] = SHRINK_NOT;
		if (!slab_cache_live(run->mm.slab, cache))
			continue;
		slab_cache_stats(run->mm.slab, cache, &stats);
		r->shrinks[cache] = (uint8_t)class_of(&stats);
	}
	return true;
}

static uint64_t live_of_class(struct run *run, enum shrink_class class)
{
	uint64_t live = 0;

	if (!classify(run))
		return 0;
	for (uint32_t cache = 0; cache < run->reclaim.nr_shrinks; cache++) {
		struct slab_stats stats;

		if (run->reclaim.shrinks[cache] != class || !slab_cache_live(run->mm.slab, cache))
			continue;
		slab_cache_stats(run->mm.slab, cache, &stats);
		live += stats.live_objs;
	}
	return live;
}

/* The next object of @class that the trace holds, from *hand on. NULL: none in @most slots. */
static struct object *next_of_class(struct run *run, enum shrink_class class, uint32_t *hand, uint32_t most)
{
	for (uint32_t i = 0; i < most && run->nr_objects; i++) {
		struct object *object = &run->objects[*hand];
		uint32_t cache;

		*hand = *hand + 1 < run->nr_objects ? *hand + 1 : 0;
		if (object->slab >= OBJECT_TAGS)
			continue;
		cache = slab_object_cache(run->mm.slab, slab_part(object));
		if (cache < run->reclaim.nr_shrinks && run->reclaim.shrinks[cache] == class)
			return object;
	}
	return NULL;
}

static void free_object(struct run *run, struct object *object, unsigned int cpu, struct meter *meter)
{
	slab_free(run->mm.slab, slab_part(object), cpu, meter);
	lose(run, object, false);
	run->reclaim.objects_gone++;
}

/*
 * What the trace does not tell: which dentries and inodes are in use. A quarter is taken not to be: so many were scanned in
 * a recording of a file workload under pressure (J-whatif/less-memory), for what there was of them.
 * Objects are not told apart by node either: each node's shrinker has its share.
 */
#define UNUSED_SHARE 4u

static uint64_t count_objects(void *arg, uint32_t node)
{
	struct run *run = arg;

	(void)node;
	if (run->reclaim.recorded)
		return 0;
	return live_of_class(run, SHRINK_CACHE) / UNUSED_SHARE / run->machine->nr_nodes;
}

/* Two of three objects that are looked at can go; the others have been used since (the same recording). */
static uint64_t scan_objects(void *arg, uint32_t node, uint64_t nr, unsigned int cpu, struct meter *meter)
{
	struct run *run = arg;
	uint64_t freed = 0;

	(void)node;
	for (uint64_t i = 0; i < nr; i++) {
		struct object *object = next_of_class(run, SHRINK_CACHE, &run->reclaim.object_hand, run->nr_objects);

		if (!object)
			break;
		if (i % 3 == 2)
			continue;
		meter_charge(meter, STEP_SHRINKER_OBJECT, 1);
		free_object(run, object, cpu, meter);
		freed++;
	}
	return freed;
}

/* A file page takes its buffer heads with it: as many as there are to a page on the whole. */
static void free_heads(struct run *run, uint32_t node)
{
	struct reclaim *r = &run->reclaim;
	uint64_t heads = r->recorded ? 0 : live_of_class(run, SHRINK_HEADS);
	uint64_t pages = lru_pages(run->mm.pages, node, LRU_INACTIVE_FILE) + lru_pages(run->mm.pages, node, LRU_ACTIVE_FILE);

	if (!heads)
		return;
	for (r->heads_owed += heads * 1000 / (pages + 1); r->heads_owed >= 1000; r->heads_owed -= 1000) {
		struct object *head = next_of_class(run, SHRINK_HEADS, &r->head_hand, run->nr_objects);

		if (!head) {
			r->heads_owed = 0;
			return;
		}
		free_object(run, head, run->cpu, &run->meter);
	}
}

/* ---- Pages that go, and come again ---- */

static void page_gone(void *arg, pfn_t pfn, bool swapped)
{
	struct run *run = arg;
	struct reclaim *r = &run->reclaim;
	struct object *object = user_object(run, pfn);
	uint32_t slot = r->users[pfn].slot_plus1;

	r->pages_gone++;
	r->users[pfn].slot_plus1 = 0;
	note_place(run, OBJECT_RECLAIMED, (uint32_t)pfn);
	if (!swapped)
		free_heads(run, page_alloc_node_of(run->mm.pages, pfn));
	if (!object)
		return;
	run->pages_held -= object->left;
	lose(run, object, swapped);
	if (!swapped && rng_below(&r->refault_rng, 100) < run->machine->reclaim.refault_percent)
		engine_timer(&run->engine, run->engine.now + 1 + rng_below(&r->refault_rng, 2 * REFAULT_NS), CLASS_WAKE,
			RUN_TIMER_REFAULT, slot - 1, &run->deferred);
}

/* A page that was reclaimed is needed again: it is read into a new one, unless its slot has another object by now. */
static int refault(struct run *run, uint32_t slot, struct err *err)
{
	struct object *object = &run->objects[slot];
	struct run_op *op = &run->ops[object->op];
	struct request req = { .op = object->op, .slot = slot };
	struct page_request want;
	pfn_t pfn;

	(void)err;
	if (object->slab != OBJECT_RECLAIMED || !op->lru)
		return 0;
	run->cpu = 0;
	want = page_request_of(run, op);
	meter_start(&run->meter, run->machine->latency.step_ns);
	if (page_alloc_take(run->mm.pages, &want, &pfn, &run->meter) != MM_DONE)
		return 0;
	meter_charge(&run->meter, STEP_SWAP_IN_PAGE, 1);
	run->reclaim.refaults++;
	block_begin(run, &req, op, pfn);
	op->older++; /* not a request of the trace */
	reclaim_after(run);
	return 0;
}

/* ---- The OOM killer ---- */

static uint64_t *pages_by_who(struct run *run)
{
	uint64_t *pages = calloc(run->tables->nr_whos + 1, sizeof(*pages));

	for (uint32_t slot = 0; pages && slot < run->nr_objects; slot++) {
		const struct object *object = &run->objects[slot];

		if (object->slab == OBJECT_PAGES && run->ops[object->op].lru)
			pages[run->reclaim.users[object->index].who]++;
	}
	return pages;
}

/* The task that holds most pages which it would give back: oom_badness() without adjustments. -1: there is none. */
static int32_t worst_task(struct run *run)
{
	uint64_t *pages = pages_by_who(run), most = 0;
	int32_t worst = -1;

	for (uint32_t who = 0; pages && who < run->tables->nr_whos; who++) {
		uint64_t sum = 0;

		if (run->tables->whos[who].pid <= 1 || run->reclaim.killed[who])
			continue;
		for (uint32_t other = 0; other < run->tables->nr_whos; other++)
			if (run->tables->whos[other].pid == run->tables->whos[who].pid)
				sum += pages[other];
		if (sum > most) {
			most = sum;
			worst = run->tables->whos[who].pid;
		}
	}
	free(pages);
	return worst;
}

static bool oom_kill(void *arg, unsigned int cpu, struct meter *meter)
{
	struct run *run = arg;
	int32_t pid = worst_task(run);

	if (pid < 0)
		return false;
	meter_charge(meter, STEP_OOM_KILL, 1);
	for (uint32_t who = 0; who < run->tables->nr_whos; who++)
		run->reclaim.killed[who] |= run->tables->whos[who].pid == pid;
	run->reclaim.nr_killed++;
	for (uint32_t slot = 0; slot < run->nr_objects; slot++) {
		struct object *object = &run->objects[slot];

		if (object->slab != OBJECT_PAGES || !run->ops[object->op].lru ||
			run->tables->whos[run->reclaim.users[object->index].who].pid != pid)
			continue;
		page_alloc_give(run->mm.pages, object->index, 0, cpu, meter);
		run->pages_held -= object->left;
		lose(run, object, false);
	}
	return true;
}

bool reclaim_drops(struct run *run, const struct request *req, const struct run_op *op)
{
	/* What it frees on its way out it still frees. */
	if (!run->reclaim.killed[req->who] || kind_info[op->kind].slot == SLOT_ENDS)
		return false;
	run->reclaim.events_of_killed++;
	if (req->slot != SLOT_NONE && kind_info[op->kind].slot == SLOT_BEGINS && !object_lives(&run->objects[req->slot])) {
		/* Its tickets stay: others may wait for their turn. */
		run->objects[req->slot].slab = OBJECT_FAILED;
		run->objects[req->slot].op = req->op;
	}
	return true;
}

/* ---- kswapd ---- */

static uint64_t stolen(const struct run *run)
{
	return page_alloc_counter(run->mm.pages, PC_PGSTEAL_KSWAPD);
}

static int schedule(struct run *run, uint32_t node, enum kswapd_state state, ns_t delay, struct err *err)
{
	struct kswapd *k = &run->reclaim.kswapds[node];

	k->state = state;
	k->generation = (k->generation + 1) & 0xffffff;
	return engine_timer(&run->engine, run->engine.now + delay, CLASS_WAKE,
		RUN_TIMER_KSWAPD | k->generation << RUN_TIMER_BITS, node, err);
}

static int episode(struct run *run, const char *by, uint32_t node, ns_t begun, uint64_t pages, struct err *err)
{
	if (run->reclaim.rows++ >= MAX_EPISODES)
		return 0;
	return RECORD_ROW(run->recorder, RECLAIM_EVENTS, err, RECORD_T(by), RECORD_U(node), RECORD_U(begun),
		RECORD_U(run->engine.now), RECORD_U(pages), RECORD_U(pages > 0));
}

/* The last CPU of the node: kswapd is bound to none, and the first ones have the trace's tasks. */
static uint32_t cpu_of_node(const struct run *run, uint32_t node)
{
	for (uint32_t cpu = run->machine->cpus; cpu-- > 0;)
		if (run->machine->node_of_cpu[cpu] == node)
			return cpu;
	return 0;
}

static int step(struct run *run, uint32_t node, struct err *err)
{
	struct kswapd *k = &run->reclaim.kswapds[node];
	enum kswapd_answer answer;
	int ret;

	if (k->state != KSWAPD_RUNNING) {
		k->begun_ns = run->engine.now;
		k->stolen_before = stolen(run);
	}
	meter_start(&run->meter, run->machine->latency.step_ns);
	run->cpu = cpu_of_node(run, node);
	answer = kswapd_step(run->mm.pages, node, run->cpu, &run->meter);
	if (answer == KSWAPD_MORE)
		return schedule(run, node, KSWAPD_RUNNING, max_u64(run->meter.ns, 1000), err);
	reclaim_wake_kcompactds(run);
	ret = episode(run, "kswapd", node, k->begun_ns, stolen(run) - k->stolen_before, err);
	return ret < 0 ? ret : schedule(run, node, KSWAPD_NAPPING, KSWAPD_NAP_NS, err);
}

/* ---- Compaction ---- */

/* What @from held is at @to now. */
static void page_moved(void *arg, pfn_t from, pfn_t to)
{
	struct run *run = arg;
	struct object *object = user_object(run, from);

	run->reclaim.users[to] = run->reclaim.users[from];
	run->reclaim.users[from].slot_plus1 = 0;
	if (object)
		object->index = (uint32_t)to;
	note_place(run, (uint32_t)from, (uint32_t)to);
}

static void compacted(void *arg, const struct compact_episode *e)
{
	struct run *run = arg;

	run->meter.pressure = true;
	if (run->deferred.code || run->reclaim.rows++ >= MAX_EPISODES)
		return;
	RECORD_ROW(run->recorder, RECLAIM_EVENTS, &run->deferred, RECORD_T(e->who == COMPACT_DIRECT ? "compaction" : "kcompactd"),
		RECORD_U(e->node), RECORD_U(run->engine.now), RECORD_U(run->engine.now), RECORD_U(e->migrated),
		RECORD_U(e->result == COMPACT_SUCCESS));
}

void reclaim_wake_kcompactds(struct run *run)
{
	for (uint32_t node = 0; run->reclaim.active && node < run->machine->nr_nodes; node++) {
		if (!kcompactd_wanted(run->mm.pages, node) || run->reclaim.kswapds[node].compacting)
			continue;
		run->reclaim.kswapds[node].compacting = true;
		engine_timer(&run->engine, run->engine.now + run->machine->latency.step_ns[STEP_WAKE_UP], CLASS_WAKE,
			RUN_TIMER_KCOMPACTD, node, &run->deferred);
	}
}

static int compact_step(struct run *run, uint32_t node, struct err *err)
{
	meter_start(&run->meter, run->machine->latency.step_ns);
	run->cpu = cpu_of_node(run, node);
	if (kcompactd_step(run->mm.pages, node, run->cpu, &run->meter) == KCOMPACTD_MORE)
		return engine_timer(&run->engine, run->engine.now + max_u64(run->meter.ns, 1000), CLASS_WAKE, RUN_TIMER_KCOMPACTD,
			node, err);
	run->reclaim.kswapds[node].compacting = false;
	return 0;
}

int reclaim_fire(struct run *run, uint32_t kind, uint32_t generation, uint32_t value, struct err *err)
{
	struct kswapd *k;

	if (kind == RUN_TIMER_REFAULT)
		return refault(run, value, err);
	if (kind == RUN_TIMER_KCOMPACTD)
		return compact_step(run, value, err);
	k = &run->reclaim.kswapds[value];
	if (generation != k->generation)
		return 0;
	if (k->state != KSWAPD_NAPPING)
		return step(run, value, err);
	if (!kswapd_may_sleep(run->mm.pages, value, false))
		return step(run, value, err);
	k->state = KSWAPD_ASLEEP;
	return 0;
}

static void wake_kswapds(struct run *run)
{
	for (uint32_t node = 0; node < run->machine->nr_nodes; node++) {
		struct kswapd *k = &run->reclaim.kswapds[node];

		if (!kswapd_wanted(run->mm.pages, node) || k->state == KSWAPD_RUNNING || k->state == KSWAPD_STARTING)
			continue;
		if (k->state == KSWAPD_NAPPING)
			kswapd_may_sleep(run->mm.pages, node, true);
		schedule(run, node, KSWAPD_STARTING, run->machine->latency.step_ns[STEP_WAKE_UP], &run->deferred);
	}
}

static uint64_t direct_reclaims(const struct run *run)
{
	uint64_t stalls = 0;

	for (int zone = 0; zone < NR_ZONE_TYPES; zone++)
		stalls += page_alloc_counter(run->mm.pages, (enum page_counter)(PC_ALLOCSTALL_DMA + zone));
	return stalls;
}

void reclaim_after(struct run *run)
{
	uint64_t stalls;

	run->meter.pressure = false;
	if (!run->reclaim.active)
		return;
	wake_kswapds(run);
	reclaim_wake_kcompactds(run);
	stalls = direct_reclaims(run);
	if (stalls != run->reclaim.stalls_seen && !run->deferred.code)
		episode(run, "direct", run->machine->node_of_cpu[run->cpu], run->engine.now,
			page_alloc_last_reclaimed(run->mm.pages), &run->deferred);
	run->reclaim.stalls_seen = stalls;
}

/* ---- The whole ---- */

static int note_tasks(struct run *run, struct err *err)
{
	struct reclaim *r = &run->reclaim;

	r->is_kswapd = calloc(run->tables->nr_whos + 1, sizeof(*r->is_kswapd));
	r->killed = calloc(run->tables->nr_whos + 1, sizeof(*r->killed));
	r->kswapds = calloc(run->machine->nr_nodes, sizeof(*r->kswapds));
	if (!r->is_kswapd || !r->killed || !r->kswapds)
		return err_set(err, ERR_NOMEM, "no memory for %u tasks", run->tables->nr_whos);
	for (uint32_t who = 0; who < run->tables->nr_whos; who++) {
		r->is_kswapd[who] = !strncmp(run_string(run, run->tables->whos[who].comm), "kswapd", 6);
		r->recorded |= r->is_kswapd[who];
	}
	return 0;
}

int reclaim_start(struct run *run, struct err *err)
{
	const struct reclaim_hooks hooks = { .page_gone = page_gone, .count_objects = count_objects, .scan_objects = scan_objects,
		.oom_kill = oom_kill, .page_moved = page_moved, .compacted = compacted, .arg = run };
	int ret;

	if (run->options->layer == LAYER_PAGE || !run->machine->reclaim.enabled)
		return 0;
	ret = map_users(run, err);
	if (ret == 0)
		ret = note_tasks(run, err);
	if (ret < 0)
		return ret;
	rng_init(&run->reclaim.refault_rng, run->options->seed, "refault");
	page_alloc_set_hooks(run->mm.pages, &hooks);
	run->reclaim.active = true;
	return 0;
}

void reclaim_fini(struct run *run)
{
	struct reclaim *r = &run->reclaim;

	if (r->users)
		munmap(r->users, r->users_bytes);
	free(r->is_kswapd);
	free(r->killed);
	free(r->kswapds);
	free(r->shrinks);
}

void reclaim_load(struct run *run)
{
	const struct state *state = run->options->initial;

	for (size_t i = 0; run->reclaim.active && i < state->nr_pages; i++) {
		const struct state_pages *pages = &state->pages[i];
		bool file = pages->kind == STATE_PAGE_FILE;

		if (!file && pages->kind != STATE_PAGE_ANON)
			continue;
		for (pfn_t pfn = pages->first_pfn; pfn < pages->first_pfn + pages->nr_pages; pfn++)
			if (page_alloc_allocated(run->mm.pages, pfn, 0))
				lru_add(run->mm.pages, pfn, file ? LRU_KIND_FILE : LRU_KIND_ANON);
	}
}

int reclaim_finish(struct run *run, struct err *err)
{
	const struct reclaim *r = &run->reclaim;
	const struct {
		const char *name, *unit;
		uint64_t value;
	} rows[] = {
		{ "pages_reclaimed", "pages", r->pages_gone },
		{ "frees_of_reclaimed", "events", r->frees_of_gone },
		{ "frees_left_to_reclaim", "events", r->frees_left_to_model },
		{ "objects_shrunk", "objects", r->objects_gone },
		{ "refaults", "pages", r->refaults },
		{ "events_of_killed_tasks", "events", r->events_of_killed },
		{ "episodes", "episodes", r->rows },
	};
	int ret = 0;

	for (size_t i = 0; ret == 0 && r->active && i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record_counter row = { "reclaim", rows[i].name, rows[i].unit, (int64_t)rows[i].value };

		ret = run->recorder->ops->counter(run->recorder, &row, err);
	}
	return ret;
}
