#include "sim/reclaim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/reclaim_priv.h"
#include "traces/page_purpose.h"

/*
 * Per cent, where the machine does not say how much it uses again. Fitted: of recordings under pressure to
 * D-pressure (79, 31); of written pages and of those that have come again to J-whatif and two other families of
 * machines, the seventh and eighth, which with less memory have 1.02, 1.06 and 0.88 times the real pages reclaimed;
 * what is assumed to six families, which with less memory read 57 (without what a mapping thrashes), 50, 12, 220
 * (with it), 76 and 115 % of what went for the first time again. Of their page cache 44, 37, 9, 27, 50 and 8 % had
 * been used again as far as the kernel counts, through mappings or not; but the first read of a page that was
 * written only marks it. Of their anonymous pages 35, 4, 7, 41, 5 and 18 % were active. Where recordings name the
 * files, 78 and 97 % of the pages that went for the first time came again, of those that went for the second time 64
 * and 41 %, for the third 72 and none, for the fourth none.
 */
#define RECORDED_REFAULT    75u
#define RECORDED_MAPPED     25u
#define WRITTEN_REFAULT     80u /* of written pages that had not been used again as far as the kernel counts */
#define AGAIN_REFAULT       30u /* of pages that had been read again already */
#define ASSUMED_REUSED      30u
#define ASSUMED_ACTIVE_ANON 20u

/* ---- Who has which page ---- */

static int map_users(struct run *run, struct err *err)
{
	struct reclaim *r = &run->reclaim;
	uint64_t end = 0;

	for (uint32_t i = 0; i < run->machine->nr_ram; i++)
		end = max_u64(end, run->machine->ram[i].start + run->machine->ram[i].size);
	r->users_bytes = ((end >> run->machine->page_shift) + 1) * sizeof(*r->users);
	r->users =
		mmap(NULL, r->users_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
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
	return page_purpose_is_file(op) ? LRU_KIND_FILE : LRU_KIND_ANON;
}

bool reclaim_is_buffer(const struct run_op *op)
{
	const gfp_t mask = GFP_BIT_NOFAIL | GFP_BIT_MOVABLE;

	return op->lru == LRU_KIND_FILE && (op->gfp & (mask | GFP_BIT_FS | GFP_BIT_HIGHMEM | GFP_BIT_WRITE)) == mask;
}

bool reclaim_movable(const struct run_op *op)
{
	return op->action == ACT_PAGES && op->gfp & GFP_BIT_MOVABLE;
}

void reclaim_page_begins(struct run *run, const struct request *req, const struct run_op *op, uint64_t pfn)
{
	bool in_memory;

	run->reclaim.users[pfn] = (struct page_user){ .slot_plus1 = req->slot + 1, .who = req->who,
		.back = (uint8_t)run->reclaim.reading_again };
	if (op->lru != LRU_KIND_FILE)
		oom_page_begins(run, req->who);
	in_memory = run->follow.skipping ? shmem_page_older(run, req->who, op) : shmem_page_begins(run, req->who, op);
	if (!op->lru)
		return;
	kept_page_begins(run, pfn);
	/*
	 * A buffer is marked used by find_or_create_page(), and again
	 * by __find_get_block() that looks it up for who asked for it.
	 */
	(reclaim_is_buffer(op) ? lru_add_active : lru_add)(run->mm.pages, pfn, (enum lru_kind)op->lru);
	/* Anonymous memory is there because somebody has touched it, and perhaps will once more. */
	if (op->lru == LRU_KIND_ANON) {
		if (!in_memory)
			lru_use(run->mm.pages, pfn);
		if (run->reclaim.active_anon_percent &&
			rng_below(&run->reclaim.use, 100) < run->reclaim.active_anon_percent)
			lru_activate(run->mm.pages, pfn);
		return;
	}
	mapped_page_begins(run, req->who, op, pfn);
	/* Of what is older than the beginning shrinkers hear in order, all at once (follow_places.c). */
	if (!run->follow.skipping)
		shrinkers_object_begins(run, req->slot, req->who, SHRINK_PAGE);
	shadow_met(run, op, pfn);
}

enum shrink_class reclaim_shrink_class(const struct run_op *op)
{
	if (op->action != ACT_PAGES)
		return (enum shrink_class)op->lru;
	return op->lru == LRU_KIND_FILE ? SHRINK_PAGE : SHRINK_NOTHING;
}

void reclaim_older(struct run *run, uint32_t slot, uint32_t who)
{
	const struct object *object = &run->objects[slot];

	if (!run->reclaim.active)
		return;
	if (object->slab == OBJECT_PAGES && reclaim_movable(&run->ops[object->op])) {
		run->reclaim.users[object->index].slot_plus1 = slot + 1;
		run->reclaim.users[object->index].who = who;
	}
	oom_page_begins(run, who);
	if (object->slab == OBJECT_PAGES && run->ops[object->op].action == ACT_PAGES &&
		run->ops[object->op].lru == LRU_KIND_FILE)
		readers_know(run, slot, who);
}

void reclaim_older_missing(struct run *run, uint32_t slot)
{
	if (run->reclaim.active && !object_lives(&run->objects[slot]))
		shrinkers_object_ends(run, slot);
}

void reclaim_object_begins(struct run *run, uint32_t slot, uint32_t who, enum shrink_class class)
{
	switch (class) {
	case SHRINK_NODE:
		shmem_node_begins(run, who);
		break;
	case SHRINK_NEVER:
		mappers_fork(run, who);
		shmem_fork(run, who);
		break;
	default:
		shrinkers_object_begins(run, slot, who, class);
	}
}

void reclaim_object_ends(struct run *run, const struct object *object)
{
	uint32_t slot = (uint32_t)(object - run->objects);

	shrinkers_object_ends(run, slot);
	readers_forget(run, slot);
}

/*
 * Simplified: what kcompactd moves of a task's own memory goes when it is moved. The task
 * frees it later, or it is swapped out, at a frame where the trace does not know it.
 */
static bool is_reclaims(const struct run *run, const struct request *req, const struct run_op *op,
	const struct object *object)
{
	const struct reclaim *r = &run->reclaim;
	uint8_t lru = object->slab == OBJECT_PAGES ? run->ops[object->op].lru : (uint8_t)LRU_NONE;

	if (!r->is_kswapd[req->who] && !(op->flags & OP_RECLAIM))
		return false;
	return lru == LRU_KIND_FILE || (lru && !r->is_kcompactd[req->who]);
}

bool reclaim_keeps(struct run *run, const struct request *req, const struct run_op *op, struct object *object)
{
	struct reclaim *r = &run->reclaim;

	if (!is_reclaims(run, req, op, object))
		return false;
	r->users[object->index].slot_plus1 = 0;
	r->frees_left_to_model++;
	run->untimed = true;
	run->pages_held -= object->left;
	object_end(run, object);
	return true;
}

void reclaim_gone_freed(struct run *run, struct object *object)
{
	run->reclaim.frees_of_gone++;
	readers_forget(run, (uint32_t)(object - run->objects));
	if (object->index)
		page_alloc_swap_free(run->mm.pages);
	object->slab = OBJECT_NONE;
}

struct object *reclaim_user(struct run *run, pfn_t pfn)
{
	uint32_t slot = run->reclaim.users[pfn].slot_plus1;
	struct object *object = slot ? &run->objects[slot - 1] : NULL;

	return object && object->slab == OBJECT_PAGES && object->index == (uint32_t)pfn ? object : NULL;
}

void reclaim_lose(struct run *run, struct object *object, uint32_t swapped_plus1)
{
	object_end(run, object);
	object->slab = OBJECT_RECLAIMED;
	object->index = swapped_plus1;
}

/* ---- Pages that go, and come again ---- */

/*
 * A page of a file that a task of the trace has written goes to its disk first, where the machine has a price for that; it has
 * none unless it is given: the flusher has been there before. What was read again is clean. Simplified: 6.1 leaves
 * the writing to kswapd and the flusher, for which other reclaimers wait (reclaim_throttle()); here who
 * comes by the page waits for it.
 */
static void write_back(struct run *run, const struct object *object, const struct page_user *user)
{
	if (run->machine->latency.step_ns[STEP_WRITE_BACK_PAGE] && run->ops[object->op].gfp & GFP_BIT_WRITE &&
		user->back == BACK_NOT)
		meter_nap(&run->meter, STEP_WRITE_BACK_PAGE, 1, SLEEP_RECLAIM);
}

static void page_gone(void *arg, pfn_t pfn, bool swapped)
{
	struct run *run = arg;
	struct reclaim *r = &run->reclaim;
	struct object *object = reclaim_user(run, pfn);
	uint32_t slot = r->users[pfn].slot_plus1;

	r->pages_gone++;
	r->users[pfn].slot_plus1 = 0;
	note_place(run, OBJECT_RECLAIMED, (uint32_t)pfn);
	if (!swapped)
		shadow_left(run, lru_shadow(run->mm.pages, pfn));
	if (object) {
		run->pages_held -= object->left;
		reclaim_lose(run, object, swapped ? r->users[pfn].who + 1 : 0);
	}
	if (swapped)
		return;
	if (object) {
		write_back(run, object, &r->users[pfn]);
		shrinkers_page_gone(run, slot - 1);
	} else {
		older_page_gone(run);
	}
	refault_evicted(run, object ? slot - 1 : SLOT_NONE, r->users[pfn].who, lru_shadow(run->mm.pages, pfn),
		(enum page_back)r->users[pfn].back);
}

/* ---- The whole ---- */

/* Entries of the trace's table are of one task on one CPU in one context: which have a pid in common? */
static int find_leaders(struct run *run)
{
	struct idmap first = { 0 };
	int ret = 0;

	for (uint32_t who = 0; ret == 0 && who < run->tables->nr_whos; who++) {
		uint32_t pid = (uint32_t)run->tables->whos[who].pid, leader = idmap_get(&first, pid);

		run->reclaim.leader[who] = leader != IDMAP_NONE ? leader : who;
		if (leader == IDMAP_NONE)
			ret = idmap_put(&first, pid, who);
	}
	idmap_fini(&first);
	return ret;
}

static int note_tasks(struct run *run, struct err *err)
{
	struct reclaim *r = &run->reclaim;

	r->leader = malloc(((size_t)run->tables->nr_whos + 1) * sizeof(*r->leader));
	r->is_kswapd = calloc(run->tables->nr_whos + 1, sizeof(*r->is_kswapd));
	r->is_kcompactd = calloc(run->tables->nr_whos + 1, sizeof(*r->is_kcompactd));
	r->killed = calloc(run->tables->nr_whos + 1, sizeof(*r->killed));
	r->unkillable = calloc(run->tables->nr_whos + 1, sizeof(*r->unkillable));
	r->kswapds = calloc(run->machine->nr_nodes, sizeof(*r->kswapds));
	if (!r->is_kswapd || !r->is_kcompactd || !r->killed || !r->unkillable || !r->kswapds || !r->leader ||
		find_leaders(run) < 0)
		return err_set(err, ERR_NOMEM, "no memory for %u tasks", run->tables->nr_whos);
	rng_init(&r->wakes, run->options->seed, "wake");
	oom_start(run);
	for (uint32_t who = 0; who < run->tables->nr_whos; who++) {
		const char *comm = run_string(run, run->tables->whos[who].comm);

		r->is_kswapd[who] = !strncmp(comm, "kswapd", 6);
		r->is_kcompactd[who] = !strncmp(comm, "kcompactd", 9);
		r->recorded |= r->is_kswapd[who];
	}
	return 0;
}

/* Of @pages, so many in hundred were used again. */
static uint32_t share_of(uint64_t reused, uint64_t pages)
{
	return pages ? (uint32_t)(reused * 100 / pages) : 0;
}

/*
 * What was used again of the page cache other than through mappings, whose pages readers.c touches. Simplified:
 * each page of a mapping counts as used again, which it is when it was read before, and all of it was touched; so
 * it is the least share there can be.
 */
static uint32_t reused_share(const struct trace_meta *meta)
{
	uint64_t mapped = min_u64(meta->mapped_pages, meta->cache_pages_reused);

	return share_of(meta->cache_pages_reused - mapped, meta->cache_pages - mapped);
}

/*
 * How much of its page cache the machine uses again, where it is not described as one that has shown it. Beside a
 * recording of a machine with enough memory are the states that tell (struct trace_meta): what was used a second
 * time had become active. Of pages that were written they tell less: write() does not count as a use, and a read
 * after it is the first.
 */
static void find_use(struct run *run)
{
	const struct machine_reclaim *machine = &run->machine->reclaim;
	const struct trace_meta *meta = run->meta;
	struct reclaim *r = &run->reclaim;

	rng_init(&r->use, run->options->seed, "use");
	r->use_unknown = machine->refault_percent == RECLAIM_AUTO;
	r->refault_percent = r->written_refault_percent = r->again_refault_percent = machine->refault_percent;
	r->mapped_percent = machine->mapped_percent == RECLAIM_AUTO ? 0 : machine->mapped_percent;
	if (!r->use_unknown)
		return;
	if (r->recorded) {
		r->refault_percent = r->written_refault_percent = RECORDED_REFAULT;
		r->mapped_percent = machine->mapped_percent == RECLAIM_AUTO ? RECORDED_MAPPED : machine->mapped_percent;
		return;
	}
	r->reused_percent = reused_share(meta);
	r->refault_percent = meta->cache_pages ? r->reused_percent : ASSUMED_REUSED;
	r->written_refault_percent = r->refault_percent + (100 - r->refault_percent) * WRITTEN_REFAULT / 100;
	r->again_refault_percent = AGAIN_REFAULT;
	r->active_anon_percent =
		meta->anon_pages ? share_of(meta->anon_pages_reused, meta->anon_pages) : ASSUMED_ACTIVE_ANON;
}

void reclaim_use(const struct run *run, struct replay_use *use)
{
	const struct reclaim *r = &run->reclaim;

	*use = (struct replay_use){
		.unknown = r->use_unknown && !r->recorded && r->pages_gone,
		.assumed = !run->meta->cache_pages,
		.refault_percent = r->refault_percent,
		.written_refault_percent = r->written_refault_percent,
		.random_percent = run->machine->reclaim.random_percent,
		.mappings = readers_mappings(run),
		.late_ns = run->late_ns,
	};
}

int reclaim_start(struct run *run, struct err *err)
{
	struct reclaim_hooks hooks = { .page_gone = page_gone, .oom_kill = oom_kill, .page_moved = daemons_page_moved,
		.resched = daemons_resched, .reclaimed = daemons_reclaimed, .compacted = daemons_compacted, .arg = run };
	int ret;

	if (run->options->layer == LAYER_PAGE || !run->machine->reclaim.enabled)
		return 0;
	ret = map_users(run, err);
	if (ret == 0)
		ret = note_tasks(run, err);
	if (ret == 0)
		find_use(run);
	if (ret == 0)
		ret = shmem_start(run, err);
	if (ret == 0)
		ret = shrinkers_start(run, &hooks, err);
	if (ret == 0)
		ret = refaults_start(run, err);
	if (ret == 0)
		ret = mappers_start(run, err);
	if (ret == 0)
		ret = readers_start(run, err);
	if (ret == 0)
		ret = shadows_start(run, err);
	if (ret == 0)
		ret = mapped_start(run, &hooks, err);
	reuse_start(run, &hooks);
	kept_start(run, &hooks);
	if (ret < 0)
		return ret;
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
	free(r->is_kcompactd);
	free(r->killed);
	free(r->unkillable);
	free(r->leader);
	free(r->kswapds);
	shmem_fini(run);
	shrinkers_fini(run);
	shrink_older_fini(run);
	refaults_fini(run);
	mappers_fini(run);
	readers_fini(run);
	shadows_fini(run);
	mapped_fini(run);
}

static int record_list(struct run *run, enum lru_list list, struct err *err)
{
	static const char *const names[NR_LRU_LISTS] = { "nr_inactive_anon", "nr_active_anon", "nr_inactive_file",
		"nr_active_file" };
	struct record_counter row = { "reclaim", names[list], "pages", 0 };

	for (uint32_t node = 0; node < run->machine->nr_nodes; node++)
		row.value += (int64_t)lru_pages(run->mm.pages, node, list);
	return run->recorder->ops->counter(run->recorder, &row, err);
}

static uint64_t nr_episodes(const struct reclaim *r)
{
	uint64_t nr = 0;

	for (unsigned int by = 0; by < NR_EPISODES; by++)
		nr += r->episodes[by];
	return nr;
}

int reclaim_finish(struct run *run, struct err *err)
{
	const struct reclaim *r = &run->reclaim;
	int ret = r->active ? daemons_end(run, err) : 0;
	const struct {
		const char *name, *unit;
		uint64_t value;
	} rows[] = {
		{ "pages_reclaimed", "pages", r->pages_gone },
		{ "frees_of_reclaimed", "events", r->frees_of_gone },
		{ "frees_left_to_reclaim", "events", r->frees_left_to_model },
		{ "objects_shrunk", "objects", r->objects_gone },
		{ "refaults", "pages", r->refaults },
		{ "refaults_of_mappings", "pages", readers_came(run) },
		{ "waited_for_reading", "ns", run->late_ns },
		{ "events_of_killed_tasks", "events", r->events_of_killed },
		{ "allocations_of_killed_tasks", "allocations", r->allocations_of_killed },
		{ "oom_without_victim", "attempts", r->without_victim },
		{ "episodes", "episodes", nr_episodes(r) },
	};

	for (size_t i = 0; ret == 0 && r->active && i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record_counter row = { "reclaim", rows[i].name, rows[i].unit, (int64_t)rows[i].value };

		ret = run->recorder->ops->counter(run->recorder, &row, err);
	}
	for (int list = 0; ret == 0 && r->active && list < NR_LRU_LISTS; list++)
		ret = record_list(run, (enum lru_list)list, err);
	return ret;
}
