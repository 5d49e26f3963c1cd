#include "traces/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/kind.h"

#define CLOCKS_APART_NS 1000000000u /* more than the `local` clocks of CPUs that all work differ by */

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the import's tables");
}

int gather_init(struct gather *g, const char *output, struct trace_meta *meta, struct err *err)
{
	*g = (struct gather){ .meta = meta, .page_shift = 12 };
	move_spool_init(&g->moves, output);
	g->tracks = calloc(CPU_TRACKS, sizeof(*g->tracks));
	g->last_free = calloc(CPU_TRACKS, sizeof(*g->last_free));
	if (!g->tracks || !g->last_free || texts_add(&g->texts, "", 0) == TEXT_NO_MEMORY)
		return no_memory(err);
	return raw_spool_open(&g->spool, output, err);
}

void gather_fini(struct gather *g)
{
	raw_spool_close(&g->spool);
	move_spool_close(&g->moves);
	texts_fini(&g->texts);
	free(g->tracks);
	free(g->last_free);
	for (uint32_t i = 0; i < g->nr_tasks; i++) {
		free(g->tasks[i].waiting);
		free(g->tasks[i].array);
		free(g->tasks[i].freed);
	}
	free(g->tasks);
	idmap_fini(&g->task_index);
	free(g->frames);
	slots_fini(&g->frame_slots);
	pfn_map_fini(&g->pages);
	free(g->blocks);
	slots_fini(&g->block_slots);
	idmap_fini(&g->region_parents);
	idmap_fini(&g->untold_areas);
	pools_fini(g);
	caches_fini(g);
}

/* Idle tasks all have pid 0: there is one for each CPU. */
static uint64_t task_key(const struct raw_event *event)
{
	return event->pid ? (uint64_t)(uint32_t)event->pid : (1ull << 32) + event->cpu;
}

static struct gather_task *task_of(struct gather *g, const struct raw_event *event)
{
	uint64_t key = task_key(event);
	uint32_t at = g->nr_tasks && key == g->last_task_key ? g->last_task : idmap_get(&g->task_index, key);

	g->last_task_key = key;
	g->last_task = at != IDMAP_NONE ? at : g->nr_tasks;
	if (at != IDMAP_NONE)
		return &g->tasks[at];
	if (!array_room(&g->tasks, &g->tasks_cap, g->nr_tasks))
		return NULL;
	if (idmap_put(&g->task_index, key, g->nr_tasks) < 0)
		return NULL;
	g->tasks[g->nr_tasks] = (struct gather_task){ .top = NO_FRAME, .last_block = NO_BLOCK };
	return &g->tasks[g->nr_tasks++];
}

static int push_frame(struct gather *g, struct gather_task *task, const struct raw_event *entry, struct err *err)
{
	uint32_t at = slots_take(&g->frame_slots);

	if (at == SLOT_NONE)
		return no_memory(err);
	if (!array_room(&g->frames, &g->frames_cap, at))
		return no_memory(err);
	g->frames[at] = (struct gather_frame){ .entry = *entry, .id = ++g->last_frame_id, .below = task->top };
	task->top = at;
	return 0;
}

static void pop_frame(struct gather *g, struct gather_task *task)
{
	uint32_t at = task->top;

	task->top = g->frames[at].below;
	slots_give(&g->frame_slots, at);
}

/* The innermost call of that type; calls inside it whose return was missed are given up. NULL: none is open. */
static struct gather_frame *open_call(struct gather *g, struct gather_task *task, uint8_t type)
{
	uint32_t at = task->top;

	while (at != NO_FRAME && g->frames[at].entry.type != type)
		at = g->frames[at].below;
	if (at == NO_FRAME)
		return NULL;
	while (task->top != at) {
		g->unreturned[g->frames[task->top].entry.type]++;
		pop_frame(g, task);
	}
	return &g->frames[at];
}

/* The call that encloses a frame and has pages of its own, for what is inside it: see pages_of_area in resolve. */
static uint32_t enclosing_area(const struct gather *g, uint32_t at)
{
	for (; at != NO_FRAME; at = g->frames[at].below)
		if (g->frames[at].entry.type == RAW_VMALLOC)
			return g->frames[at].id;
	return 0;
}

/* What a call asked for and what it returned, as one event at the time of its return. */
static void merge_return(const struct gather *g, const struct gather_frame *frame, struct raw_event *event)
{
	struct raw_event whole = frame->entry;

	whole.time_ns = event->time_ns;
	whole.call_site = whole.call_site ? whole.call_site : event->call_site;
	whole.cpu = event->cpu;
	whole.ctx = event->ctx;
	whole.entry = event->entry;
	whole.moved = event->moved;
	switch (whole.type) {
	case RAW_REGION_REQUEST:
		whole.align = event->where;
		break;
	case RAW_CACHE_ALLOC_BULK:
		whole.size = event->size;
		break;
	case RAW_PAGES_BULK:
		/* Pages that the ordinary allocator gave have their own event. */
		whole.size_alloc = event->size;
		whole.size = event->size > frame->pages ? event->size - frame->pages : 0;
		whole.link = enclosing_area(g, frame->below);
		break;
	case RAW_VMALLOC:
		whole.where = event->where;
		whole.link = frame->id;
		/* Inside another it is the array of the other's pages. */
		if (enclosing_area(g, frame->below))
			whole.origin = ORIGIN_VMALLOC;
		break;
	default:
		whole.where = event->where;
		break;
	}
	*event = whole;
}

static int look_at_object(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err)
{
	int code = pages_claim(g, task, event, err);

	if (code < 0)
		return code;
	g->meta->bytes_requested += event->size;
	g->meta->bytes_allocated += event->size_alloc;
	if (pools_object(g, task, event))
		event->origin = ORIGIN_MEMPOOL;
	code = event->type == RAW_KMALLOC ? caches_kmalloc(g, event, err) : caches_alloc(g, event, err);
	if (code == 0 && pools_learn_object(g, task, event) < 0)
		return no_memory(err);
	return code < 0 ? code : areas_object(g, task, event, err);
}

static int note_region(struct gather *g, const struct raw_event *event, struct err *err)
{
	uint32_t seen = idmap_get(&g->region_parents, event->where);

	if (seen == IDMAP_NONE)
		seen = 0;
	if (event->aux > 0xffff || event->size > 0x10000)
		seen |= REGION_MEMORY;
	if (seen < UINT32_MAX / 2)
		seen += REGION_USE;
	if (seen / REGION_USE > g->region_root_uses) {
		g->region_root_uses = seen / REGION_USE;
		g->region_root = event->where;
	}
	return idmap_put(&g->region_parents, event->where, seen) < 0 ? no_memory(err) : 0;
}

bool gather_is_region_root(const struct gather *g, uint64_t parent)
{
	uint64_t apart = parent > g->region_root ? parent - g->region_root : g->region_root - parent;

	return apart < REGION_ROOTS_APART;
}

static int look_at(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err)
{
	int code;

	if (task->elements_left)
		pools_other_event(task, event);
	switch (event->type) {
	case RAW_KMALLOC:
	case RAW_CACHE_ALLOC:
		return look_at_object(g, task, event, err);
	case RAW_KFREE:
		code = areas_kfree(g, task, event, err);
		return code < 0 ? code : caches_kfree(g, event, err);
	case RAW_CACHE_FREE:
		return caches_free(g, event, err);
	case RAW_CACHE_CREATE:
		return caches_create(g, event, err);
	case RAW_CACHE_DESTROY:
		return caches_destroy(g, event, err);
	case RAW_CACHE_SHRINK:
	case RAW_CACHE_ALLOC_BULK:
	case RAW_CACHE_FREE_BULK:
		event->link = caches_at(g, event->where, 0);
		return event->link == CACHE_NONE ? no_memory(err) : 0;
	case RAW_PAGE_ALLOC:
		return pages_alloc(g, task, event, err);
	case RAW_PAGES_BULK:
		pages_bulk(g, task, event);
		return 0;
	case RAW_POOL_INIT:
		return pools_init(g, task, event) < 0 ? no_memory(err) : 0;
	case RAW_PAGE_FREE:
		return pages_free(g, task, event, err);
	case RAW_RECLAIM_BEGIN:
	case RAW_RECLAIM_END:
		task->reclaiming = event->type == RAW_RECLAIM_BEGIN;
		return 0;
	case RAW_COMPACT_BEGIN:
	case RAW_COMPACT_END:
		task->compacting = event->type == RAW_COMPACT_BEGIN;
		return 0;
	case RAW_PERCPU_ALLOC:
	case RAW_PERCPU_CHUNK:
		return pages_percpu(g, task, err);
	case RAW_REGION_REQUEST:
	case RAW_REGION_RELEASE:
		return note_region(g, event, err);
	default:
		return 0;
	}
}

static bool is_kept(const struct raw_event *event)
{
	switch (event->type) {
	case RAW_SLAB_GROW:
	case RAW_SLAB_RELEASE:
	case RAW_PERCPU_CHUNK:
	case RAW_RECLAIM_BEGIN:
	case RAW_RECLAIM_END:
	case RAW_COMPACT_BEGIN:
	case RAW_COMPACT_END:
	case RAW_KCOMPACTD_SLEEPS:
		return false;
	default:
		return true;
	}
}

static int ignore(struct gather *g, const char *why, struct err *err)
{
	return trace_counts_add(&g->meta->ignored, why, 1) < 0 ? no_memory(err) : 0;
}

static int ignore_effect(struct gather *g, const struct raw_event *event, struct err *err)
{
	if (event->type == RAW_PERCPU_CHUNK)
		return ignore(g, "percpu_create_chunk: effect of alloc_percpu", err);
	if (event->type >= RAW_RECLAIM_BEGIN && event->type <= RAW_COMPACT_END)
		return ignore(g,
			"mm_vmscan_direct_reclaim_*, mm_compaction_begin and _end: tell whose frees are reclaim's",
			err);
	if (event->type == RAW_KCOMPACTD_SLEEPS)
		return ignore(g, "mm_compaction_kcompactd_sleep: tells when it looks at fragmentation", err);
	return ignore(g, event->type == RAW_SLAB_GROW ? "slab_grow: effect of an allocation" :
		"slab_release: effect of a free", err);
}

static int slab_event(struct gather *g, struct gather_task *task, const struct raw_event *event, struct err *err)
{
	if (caches_at(g, event->where, event->name) == CACHE_NONE)
		return no_memory(err);
	g->sees_slabs = true;
	if (event->type == RAW_SLAB_RELEASE)
		task->releasing_slab = true;
	return 0;
}

int gather_move(struct gather *g, const struct trace_move *move, struct err *err)
{
	struct trace_move next = *move;

	if (g->durations)
		return 0;
	next.before = g->spool.nr;
	return move_spool_append(&g->moves, &next, err);
}

/* A move of no block. */
static int moment(struct gather *g, const struct raw_event *event, enum trace_move_kind kind, struct err *err)
{
	struct trace_move move = { .entry = event->entry, .cpu = event->cpu, .kind = (unsigned int)kind & 0xf };

	return gather_move(g, &move, err);
}

/* From the first one it is known when kcompactd looks at fragmentation. */
static int kcompactd_sleeps(struct gather *g, const struct raw_event *event, struct err *err)
{
	if (!g->meta->kcompactd_sleep_ns)
		g->meta->kcompactd_sleep_ns = event->time_ns;
	return moment(g, event, MOVE_SLEEP, err);
}

/* What comes of a call comes before its return. */
static int call_begins(struct gather *g, struct gather_task *task, const struct raw_event *event, struct err *err)
{
	int code = 0;

	if (event->type == RAW_SLAB_GROW)
		code = slab_event(g, task, event, err);
	else if (event->type == RAW_PAGES_BULK)
		code = moment(g, event, MOVE_BULK, err);
	return code < 0 ? code : push_frame(g, task, event, err);
}

/* Return: 1 when @event has both what its entry and what its return tells, 0 when the entry was not recorded. */
static int call_returns(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err)
{
	struct gather_frame *frame = open_call(g, task, event->type);
	int code = ignore(g, frame ? "*_ret: one with the entry" : "*_ret: its entry was not recorded", err);

	if (code < 0 || !frame)
		return code;
	merge_return(g, frame, event);
	pop_frame(g, task);
	return 1;
}

static int whole_event(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err)
{
	int code = 0;

	if (event->type == RAW_SLAB_RELEASE)
		code = slab_event(g, task, event, err);
	else if (event->type == RAW_KCOMPACTD_SLEEPS)
		code = kcompactd_sleeps(g, event, err);
	if (code == 0)
		code = look_at(g, task, event, err);
	if (code < 0)
		return code;
	if (event->type == RAW_PAGE_FREE || event->type == RAW_PAGE_ALLOC)
		g->last_free[event->cpu] = event->type == RAW_PAGE_FREE ? g->spool.nr + 1 : 0;
	if (event->type == RAW_VMAP_AREA && areas_in_call(g, task))
		return ignore(g, "alloc_vmap_area: effect of vmalloc, vmap or ioremap", err);
	return is_kept(event) ? raw_spool_append(&g->spool, event, err) : ignore_effect(g, event, err);
}

/* The clocks of CPUs may be a little apart. */
static void put_in_order(struct gather *g, struct raw_event *event)
{
	if (event->time_ns < g->last_ns) {
		g->far_late += g->last_ns - event->time_ns > CLOCKS_APART_NS;
		event->time_ns = g->last_ns;
		g->late++;
	}
	g->last_ns = event->time_ns;
}

/* What moved inside the page allocator belongs to the free just before it on its CPU. */
static int note_drained(struct gather *g, const struct raw_event *event, struct err *err)
{
	uint64_t free_before = g->last_free[event->cpu];

	return free_before ? raw_spool_moved(&g->spool, free_before - 1, event->moved, err) : 0;
}

int gather_event(struct gather *g, struct raw_event *event, enum source_pair pair, struct err *err)
{
	struct gather_task *task;
	int code;

	if (g->durations)
		return durations_event(g->durations, event, pair, texts_at(&g->texts, event->call_site), err);
	if (g->pace && durations_reclaim(g->pace, event, err) < 0)
		return -(int)err->code;
	if (event->type == RAW_FUNCTION)
		return ignore(g, "probe or funcgraph_*: " TIMED_PROBE, err);
	if (raw_type_is_timing(event->type))
		return ignore(g, "mm_vmscan_lru_*, _write_*, _kswapd_*, mm_shrink_slab_start: " RECLAIM_PACE, err);
	if (event->type == RAW_PAGES_DRAINED)
		return note_drained(g, event, err);
	task = task_of(g, event);
	if (!task)
		return no_memory(err);
	code = areas_before(g, task, event, err);
	if (code < 0)
		return code;
	put_in_order(g, event);
	g->sees_areas |= event->type == RAW_VMALLOC || event->type == RAW_VMAP_AREA;
	if (pair == PAIR_ENTRY)
		return call_begins(g, task, event, err);
	if (pair == PAIR_RETURN) {
		code = call_returns(g, task, event, err);
		if (code <= 0)
			return code;
	}
	return whole_event(g, task, event, err);
}

int gather_finish(struct gather *g, struct err *err)
{
	uint64_t open = 0;

	for (uint32_t i = 0; i < g->nr_tasks; i++)
		for (uint32_t at = g->tasks[i].top; at != NO_FRAME; at = g->frames[at].below)
			open++;
	for (int type = 0; type < NR_RAW_TYPES; type++)
		open += g->unreturned[type];
	if (open && trace_counts_add(&g->meta->ignored, "call whose return was not recorded", open) < 0)
		return no_memory(err);
	if (g->late > g->far_late &&
		trace_counts_add(&g->meta->repaired, "time before that of the event before: raised to it",
			g->late - g->far_late) < 0)
		return no_memory(err);
	if (g->far_late && trace_counts_add(&g->meta->repaired, TRACE_REASON_FAR_LATE, g->far_late) < 0)
		return no_memory(err);
	return caches_settle(g, err) < 0 ? -(int)err->code : pages_settle(g, err);
}
