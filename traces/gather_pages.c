/* First pass: blocks of pages, which call caused them, and where the direct map lies. */
#include <stdlib.h>

#include "base/array.h"
#include "traces/gather.h"
#include "traces/kind.h"

#define DIRECT_MAP_ALIGN (1ull << 30) /* both 0xc0000000 and the bases that KASLR chooses on x86-64 */
#define PAIRS_TO_TRUST 2u
#define KMALLOC_CACHES_MAX 8192u      /* larger requests go to the page allocator */

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the import's pages");
}

static bool has(gfp_t gfp, gfp_t bits)
{
	return (gfp & bits) == bits;
}

/*
 * A slab's mask: spec/page-allocator.md 10.4, signature 3. A
 * page fragment's has __GFP_NOMEMALLOC with a reclaim bit.
 */
static bool looks_like_slab(const struct raw_event *event)
{
	const gfp_t never = GFP_BIT_ZERO | GFP_BIT_ACCOUNT | GFP_BIT_HIGHMEM | GFP_BIT_MOVABLE | GFP_BIT_WRITE;

	if (!has(event->gfp, GFP_BIT_NOWARN | GFP_BIT_NORETRY) || (event->gfp & never) || event->order > 3)
		return false;
	if (has(event->gfp, GFP_BIT_NOMEMALLOC) && (event->gfp & GFP_RECLAIM))
		return false;
	return has(event->gfp, GFP_BIT_COMP) == (event->order > 0);
}

static bool looks_like_percpu(const struct raw_event *event)
{
	return event->order == 0 && has(event->gfp, GFP_BIT_HIGHMEM) &&
		!(event->gfp & (GFP_BIT_HARDWALL | GFP_BIT_MOVABLE | GFP_BIT_ZERO | GFP_BIT_ACCOUNT));
}

/* The cause of pages inside a vmalloc call. */
static enum trace_origin inside_vmalloc(const struct raw_event *call, const struct raw_event *event)
{
	if (event->order == 0 && has(event->gfp, GFP_BIT_ZERO) && !has(event->gfp, GFP_BIT_HIGHMEM))
		return ORIGIN_PAGE_TABLE;
	return call->size == VMAP_STACK_SIZE && call->align == VMAP_STACK_SIZE ? ORIGIN_STACK : ORIGIN_VMALLOC;
}

/* dma_alloc_coherent() tells by the zone of its first attempt how far its device reaches. */
static void note_mask(struct raw_event *call, gfp_t gfp)
{
	if (!call->aux)
		call->aux = gfp & GFP_BIT_DMA ? (1u << 24) - 1 : gfp & GFP_BIT_DMA32 ? UINT32_MAX : INT64_MAX;
}

/* The cause by the innermost call that has pages of its own; false when there is none. */
static bool cause_by_bracket(struct gather *g, struct gather_task *task, struct raw_event *event)
{
	for (uint32_t at = task->top; at != NO_FRAME; at = g->frames[at].below) {
		struct gather_frame *frame = &g->frames[at];

		if (frame->entry.type != RAW_SLAB_GROW && !g->sees_slabs && looks_like_slab(event))
			break; /* of an object's slab, whose growth is not recorded */
		event->method = FOUND_BRACKET;
		switch (frame->entry.type) {
		case RAW_SLAB_GROW:
			event->origin = ORIGIN_SLAB;
			return true;
		case RAW_VMALLOC:
			event->origin = (uint8_t)inside_vmalloc(&frame->entry, event);
			return true;
		case RAW_VMAP:
		case RAW_VM_MAP_RAM:
		case RAW_IOREMAP:
			event->origin = ORIGIN_PAGE_TABLE;
			return true;
		case RAW_PAGES_EXACT:
			event->origin = ORIGIN_EXACT;
			return true;
		case RAW_DMA_ALLOC:
			event->origin = ORIGIN_DMA;
			note_mask(&frame->entry, event->gfp);
			return true;
		case RAW_POOL_ALLOC:
			event->origin = ORIGIN_MEMPOOL;
			pools_learn_page(g, event, frame->entry.aux);
			return true;
		case RAW_PAGES_BULK:
			frame->pages += event->order == 0 && event->where;
			break;
		default:
			break;
		}
	}
	event->method = FOUND_NOT;
	return false;
}

static uint32_t grown_cache(const struct gather *g, const struct gather_task *task)
{
	for (uint32_t at = task->top; at != NO_FRAME; at = g->frames[at].below)
		if (g->frames[at].entry.type == RAW_SLAB_GROW)
			return idmap_get(&g->cache_of_s, g->frames[at].entry.where);
	return CACHE_NONE;
}

static void leave_block(struct gather *g, uint32_t number)
{
	if (--g->blocks[number].pages_left == 0)
		slots_give(&g->block_slots, number);
}

static int set_pages(struct gather *g, uint64_t pfn, unsigned int order, uint32_t value, struct err *err)
{
	for (uint64_t i = pfn; i < pfn + (1ull << order); i++) {
		uint32_t old = pfn_map_get(&g->pages, i);

		if (old != PFN_MAP_NONE)
			leave_block(g, old - 1);
		if (pfn_map_set(&g->pages, i, value) < 0)
			return no_memory(err);
	}
	return 0;
}

static uint32_t add_block(struct gather *g, const struct gather_block *block, struct err *err)
{
	uint32_t number = slots_take(&g->block_slots);

	if (number == SLOT_NONE)
		return NO_BLOCK;
	if (!array_room(&g->blocks, &g->blocks_cap, number))
		return NO_BLOCK;
	g->blocks[number] = *block;
	g->blocks[number].pages_left = 1u << block->order;
	return set_pages(g, block->pfn, block->order, number + 1, err) < 0 ? NO_BLOCK : number;
}

static int wait_for_percpu(struct gather *g, struct gather_task *task, struct err *err)
{
	if (!task->waiting)
		task->waiting = malloc(WAITING_MAX * sizeof(*task->waiting));
	if (!task->waiting)
		return no_memory(err);
	if (task->nr_waiting < WAITING_MAX)
		task->waiting[task->nr_waiting++] = g->spool.nr;
	return 0;
}

int pages_alloc(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err)
{
	struct gather_block block = { .record = g->spool.nr, .pfn = event->where, .order = event->order,
		.cache = CACHE_NONE, .recorded = true };
	int code;

	/* Who gets memory of users' reclaims none: the event of its end was lost. */
	if (event->gfp & GFP_BIT_MOVABLE && !(event->ctx & CTX_MASK))
		task->reclaiming = task->compacting = false;
	event->origin = ORIGIN_DIRECT;
	if (!cause_by_bracket(g, task, event) && !g->sees_slabs && looks_like_slab(event)) {
		event->origin = ORIGIN_SLAB;
		event->method = FOUND_GFP;
	} else if (event->origin == ORIGIN_DIRECT && task->page_origin != ORIGIN_DIRECT) {
		event->origin = task->page_origin;
		event->method = FOUND_SEQUENCE;
	} else if (event->origin == ORIGIN_DIRECT && pools_fills_page(g, task, event)) {
		event->origin = ORIGIN_MEMPOOL;
		event->method = FOUND_SEQUENCE;
	} else if (event->origin == ORIGIN_DIRECT && looks_like_percpu(event)) {
		event->origin = ORIGIN_PERCPU;
		event->method = FOUND_GFP;
		code = wait_for_percpu(g, task, err);
		if (code < 0)
			return code;
	}
	if (!event->where)
		return 0;
	block.origin = event->origin;
	block.method = event->method;
	if (event->origin == ORIGIN_SLAB)
		block.cache = grown_cache(g, task);
	if (block.cache != CACHE_NONE && event->gfp & GFP_BIT_RECLAIMABLE)
		g->caches[gather_cache(g, block.cache)].reclaimable = true;
	task->last_record = block.record;
	task->last_block = add_block(g, &block, err);
	return task->last_block == NO_BLOCK ? no_memory(err) : 0;
}

void pages_bulk(struct gather *g, struct gather_task *task, struct raw_event *event)
{
	event->origin = ORIGIN_DIRECT;
	cause_by_bracket(g, task, event);
}

static int set_cause(struct gather *g, struct gather_block *block, enum trace_origin origin, enum found_by method,
	struct err *err)
{
	struct raw_spool_finding finding = { .origin = (uint8_t)origin, .method = (uint8_t)method };

	block->origin = finding.origin;
	block->method = finding.method;
	return raw_spool_find(&g->spool, block->record, &finding, err);
}

/*
 * Slabs are not the only pages with their mask (fragments of sockets have it too), but no slab stays without an
 * object. That is known of blocks whose objects were all seen.
 */
static int doubt_slab(struct gather *g, struct gather_block *block, struct err *err)
{
	if (block->origin != ORIGIN_SLAB || block->method != FOUND_GFP || !g->map.known ||
	    block->record < g->map.known_from)
		return 0;
	return set_cause(g, block, ORIGIN_DIRECT, FOUND_NOT, err);
}

/*
 * Whether reclaim frees the page, or compaction that has moved what it held: a daemon does, or a task in direct
 * reclaim or compaction; not an interrupt of either. What was moved is freed later, by whomever, at a frame that
 * nobody was seen to take.
 */
static bool is_by_reclaim(struct gather *g, const struct gather_task *task, const struct raw_event *event, bool known)
{
	const char *comm = texts_at(&g->texts, event->comm);
	bool moves = task->compacting || !strncmp(comm, "kcompactd", 9);

	if (event->order || event->origin != ORIGIN_DIRECT || event->ctx & CTX_MASK)
		return false;
	if (moves) {
		g->moved_away += known;
		return true;
	}
	if (!known && g->moved_away) {
		g->moved_away--;
		return true;
	}
	return task->reclaiming || !strncmp(comm, "kswapd", 6);
}

int pages_free(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err)
{
	uint32_t number = pfn_map_get(&g->pages, event->where);
	struct gather_block *block = number != PFN_MAP_NONE ? &g->blocks[number - 1] : NULL;
	int code = block && block->recorded ? doubt_slab(g, block, err) : 0;

	if (code < 0)
		return code;
	if (!block && event->order == 0 && areas_page_freed(g, task) < 0)
		return no_memory(err);
	/* For a block that was there before the recording; otherwise its allocation's origin counts. */
	if (task->releasing_slab && (!block || block->origin == ORIGIN_SLAB)) {
		event->origin = ORIGIN_SLAB;
		event->method = FOUND_BRACKET;
		task->releasing_slab = false;
	} else if (block && !block->recorded) {
		event->origin = ORIGIN_SLAB;
		event->method = FOUND_POINTER;
	}
	event->by_reclaim = is_by_reclaim(g, task, event, block != NULL);
	return set_pages(g, event->where, event->order, PFN_MAP_NONE, err);
}

static bool page_of(const struct gather *g, uint64_t address, uint64_t *pfn)
{
	if (!g->map.known || address < g->map.base)
		return false;
	*pfn = (address - g->map.base) >> g->page_shift;
	return *pfn < PFN_MAP_MAX >> 4;
}

struct gather_block *pages_block_of(struct gather *g, uint64_t address)
{
	uint64_t pfn;
	uint32_t number;

	if (!page_of(g, address, &pfn))
		return NULL;
	number = pfn_map_get(&g->pages, pfn);
	return number != PFN_MAP_NONE ? &g->blocks[number - 1] : NULL;
}

struct gather_block *pages_block_for(struct gather *g, uint64_t address)
{
	struct gather_block *block = pages_block_of(g, address);
	struct gather_block fresh = { .cache = CACHE_NONE, .origin = ORIGIN_SLAB };
	uint32_t number;

	if (block || !page_of(g, address, &fresh.pfn))
		return block;
	number = add_block(g, &fresh, NULL);
	return number != NO_BLOCK ? &g->blocks[number] : NULL;
}

/* The latest page allocation of the task, while it lives and no object has explained it. */
static struct gather_block *latest_block(struct gather *g, const struct gather_task *task)
{
	struct gather_block *block = task->last_block != NO_BLOCK ? &g->blocks[task->last_block] : NULL;

	return block && block->pages_left && block->recorded && block->record == task->last_record ? block : NULL;
}

/* An object just after a page allocation of its task most likely lies in it: that tells where the direct map is. */
static void learn_direct_map(struct gather *g, const struct gather_block *block, uint64_t address)
{
	uint64_t base;

	if (g->map.known || !block || g->meta->hashed_pointers)
		return;
	base = (address & ~((1ull << (g->page_shift + block->order)) - 1)) - (block->pfn << g->page_shift);
	if (!base || base % DIRECT_MAP_ALIGN || base > address)
		return;
	if (base != g->map.candidate) {
		g->map.candidate = base;
		g->map.agreed = 0;
	}
	if (++g->map.agreed == PAIRS_TO_TRUST) {
		g->map.known = true;
		g->map.known_from = g->spool.nr;
		g->map.base = base;
	}
}

int pages_claim(struct gather *g, struct gather_task *task, const struct raw_event *object, struct err *err)
{
	bool large = object->type == RAW_KMALLOC && object->size > KMALLOC_CACHES_MAX;
	struct gather_block *latest, *block;
	int code = 0;

	if (!object->where)
		return 0;
	latest = latest_block(g, task);
	learn_direct_map(g, latest, object->where);
	block = pages_block_of(g, object->where);
	if (block && block->recorded && block->method != FOUND_BRACKET && block->method != FOUND_POINTER)
		code = set_cause(g, block, large ? ORIGIN_KMALLOC_LARGE : ORIGIN_SLAB, FOUND_POINTER, err);
	else if (!g->map.known && large && latest && object->size_alloc == 1ull << (g->page_shift + latest->order))
		code = set_cause(g, latest, ORIGIN_KMALLOC_LARGE, FOUND_SEQUENCE, err);
	if (large)
		task->last_block = NO_BLOCK;
	return code;
}

int pages_percpu(struct gather *g, struct gather_task *task, struct err *err)
{
	const struct raw_spool_finding finding = { .origin = ORIGIN_PERCPU, .method = FOUND_SEQUENCE };

	for (uint32_t i = 0; i < task->nr_waiting; i++) {
		int code = raw_spool_find(&g->spool, task->waiting[i], &finding, err);

		if (code < 0)
			return code;
	}
	task->nr_waiting = 0;
	return 0;
}

int pages_settle(struct gather *g, struct err *err)
{
	for (uint32_t i = 0; i < g->block_slots.used; i++) {
		int code = g->blocks[i].pages_left && g->blocks[i].recorded ? doubt_slab(g, &g->blocks[i], err) : 0;

		if (code < 0)
			return code;
	}
	return 0;
}
