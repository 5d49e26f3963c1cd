/* Second pass: pages. Every page frame maps to the slot of its block, so that a block may be freed in parts. */
#include "base/array.h"
#include "traces/resolve_priv.h"

static int set_pages(struct resolve *r, uint64_t pfn, unsigned int order, uint32_t value, struct err *err)
{
	for (uint64_t i = pfn; i < pfn + (1ull << order); i++)
		if (pfn_map_set(&r->pages, i, value) < 0)
			return resolve_no_memory(err);
	return 0;
}

static bool same_owner(const struct resolve *r, uint64_t pfn, unsigned int order)
{
	uint32_t owner = pfn_map_get(&r->pages, pfn);

	for (uint64_t i = pfn + 1; i < pfn + (1ull << order); i++)
		if (pfn_map_get(&r->pages, i) != owner)
			return false;
	return true;
}

/* Free pages that all belong to the block in @slot: the whole block, or a part of it. */
static int free_of_block(struct resolve *r, const struct raw_event *event, uint64_t pfn, unsigned int order,
	uint16_t flags, uint32_t slot, struct err *err)
{
	struct slot_info *info = &r->info[slot];
	struct trace_op op = { .kind = KIND_FREE_PAGES, .origin = info->origin, .node = -1, .order = (uint8_t)order,
		.flags = flags };
	bool last;
	int code;

	if (event->type == RAW_PAGE_FREE && event->by_reclaim)
		op.flags |= OP_RECLAIM;
	info->pages_left -= 1u << order;
	last = info->pages_left == 0;
	if (!last || order != info->order) {
		op.flags |= OP_PART | (last ? OP_LAST : 0);
		op.arg[1] = pfn - info->where;
	}
	code = set_pages(r, pfn, order, PFN_MAP_NONE, err);
	if (code == 0)
		code = resolve_emit(r, event, &op, slot, pfn, err);
	if (last)
		slots_give(&r->slots, slot);
	return code;
}

/* A block that was there before the trace. */
static uint32_t adopt_block(struct resolve *r, const struct raw_event *event, uint64_t pfn, unsigned int order,
	struct err *err)
{
	struct trace_op op = { .kind = KIND_ALLOC_PAGES, .origin = event->origin, .node = -1, .order = (uint8_t)order,
		.gfp = GFP_KERNEL, .arg[0] = pfn, .flags = event->by_reclaim ? OP_RECLAIM : 0 };
	uint32_t slot = resolve_slot(r, true, event->origin);

	if (slot == SLOT_NONE) {
		resolve_no_memory(err);
		return SLOT_NONE;
	}
	r->info[slot].where = pfn;
	r->info[slot].order = (uint8_t)order;
	r->info[slot].pages_left = 1u << order;
	return resolve_prologue(r, &op, slot, pfn, err) < 0 ? SLOT_NONE : slot;
}

/* A page that was taken in bulk for the area which @call made; SLOT_NONE: all are freed. */
static uint32_t take_of_area(struct resolve *r, uint32_t call)
{
	uint32_t area = idmap_get(&r->area_of_call, call);

	return area == IDMAP_NONE ? SLOT_NONE : slot_list_take_first(r, &r->area_pages[area]);
}

static int free_unknown(struct resolve *r, const struct raw_event *event, uint64_t pfn, unsigned int order,
	uint16_t flags, struct err *err)
{
	uint32_t slot = SLOT_NONE;

	if (order == 0 && event->origin != ORIGIN_SLAB) {
		if (event->link && event->origin == ORIGIN_VMALLOC)
			slot = take_of_area(r, event->link);
		if (slot == SLOT_NONE)
			slot = slot_list_take_first(r, &r->released);
		if (slot == SLOT_NONE)
			slot = slot_list_take_first(r, &r->loose);
		r->repaired[REPAIR_PAGE_FREED] += slot != SLOT_NONE;
	}
	if (slot == SLOT_NONE)
		slot = adopt_block(r, event, pfn, order, err);
	return slot == SLOT_NONE ? -(int)err->code : free_of_block(r, event, pfn, order, flags, slot, err);
}

/* @implied: only what is known to live is freed, as the recording shows it allocated again. */
static int free_range(struct resolve *r, const struct raw_event *event, uint64_t pfn, unsigned int order,
	uint16_t flags, bool implied, struct err *err)
{
	uint32_t owner;
	int code;

	if (order && !same_owner(r, pfn, order)) {
		code = free_range(r, event, pfn, order - 1, flags, implied, err);
		if (code < 0)
			return code;
		return free_range(r, event, pfn + (1ull << (order - 1)), order - 1, flags | OP_SYNTHETIC, implied, err);
	}
	owner = pfn_map_get(&r->pages, pfn);
	if (owner != PFN_MAP_NONE) {
		r->meta->implied_frees += implied;
		return free_of_block(r, event, pfn, order, flags, owner - 1, err);
	}
	return implied ? 0 : free_unknown(r, event, pfn, order, flags, err);
}

int resolve_page_free(struct resolve *r, const struct raw_event *event, struct err *err)
{
	r->repaired[REPAIR_SPLIT_FREE] += !same_owner(r, event->where, event->order);
	return free_range(r, event, event->where, event->order, 0, false, err);
}

/* The slot of the block that is allocated again as it is, or SLOT_NONE. */
static uint32_t same_block(const struct resolve *r, const struct raw_event *event)
{
	uint32_t owner = pfn_map_get(&r->pages, event->where);
	const struct slot_info *info;

	if (owner == PFN_MAP_NONE)
		return SLOT_NONE;
	info = &r->info[owner - 1];
	if (info->where != event->where || info->order != event->order || info->pages_left != 1u << info->order)
		return SLOT_NONE;
	return owner - 1;
}

/* A page of an area that only its array tells of: where no area goes with it, it is a page by itself. */
static enum trace_origin origin_of(const struct resolve *r, const struct raw_event *event)
{
	bool of_area = event->origin == ORIGIN_VMALLOC || event->origin == ORIGIN_STACK;

	return of_area && event->method == FOUND_SEQUENCE && r->g->sees_areas ? ORIGIN_DIRECT : event->origin;
}

int resolve_page_alloc(struct resolve *r, const struct raw_event *event, struct err *err)
{
	enum trace_origin origin = origin_of(r, event);
	struct trace_op op = { .kind = KIND_ALLOC_PAGES, .origin = (uint8_t)origin, .node = -1, .order = event->order,
		.gfp = event->gfp };
	uint32_t slot;
	int code;

	r->found_pages[origin][event->method]++;
	if (!event->where) {
		op.flags = OP_FAILED;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	slot = same_block(r, event);
	if (slot != SLOT_NONE) {
		op.flags = OP_IMPLIED_FREE;
		r->meta->implied_frees++;
		r->info[slot].origin = (uint8_t)origin;
		return resolve_emit(r, event, &op, slot, event->where, err);
	}
	code = free_range(r, event, event->where, event->order, OP_SYNTHETIC, true, err);
	if (code < 0)
		return code;
	slot = resolve_slot(r, false, (uint8_t)origin);
	if (slot == SLOT_NONE)
		return resolve_no_memory(err);
	r->info[slot].where = event->where;
	r->info[slot].order = event->order;
	r->info[slot].pages_left = 1u << event->order;
	code = set_pages(r, event->where, event->order, slot + 1, err);
	return code < 0 ? code : resolve_emit(r, event, &op, slot, event->where, err);
}

/* Number of the list of pages behind the area that @call made; SLOT_NONE: no memory. */
static uint32_t resolve_area(struct resolve *r, uint32_t call)
{
	uint32_t area = idmap_get(&r->area_of_call, call);

	if (area != IDMAP_NONE)
		return area;
	if (!array_room(&r->area_pages, &r->areas_cap, r->nr_areas))
		return SLOT_NONE;
	if (idmap_put(&r->area_of_call, call, r->nr_areas) < 0)
		return SLOT_NONE;
	slot_list_init(&r->area_pages[r->nr_areas]);
	return r->nr_areas++;
}

int resolve_page_bulk(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_ALLOC_PAGES_BULK, .origin = event->origin, .node = event->node,
		.gfp = event->gfp };
	uint32_t area = event->link ? resolve_area(r, event->link) : SLOT_NONE;
	struct raw_event each = *event;
	bool untold = resolve_is_untold(event->aux);

	if (untold && r->g->sees_areas)
		op.origin = ORIGIN_DIRECT; /* no area goes with them */

	if (event->link && area == SLOT_NONE)
		return resolve_no_memory(err);
	if (event->size > BULK_MAX)
		return resolve_count_unusable(r, "alloc_pages_bulk: n= is absurd", err);
	r->repaired[REPAIR_AREA_UNTOLD] += untold;
	if (!event->size_alloc) {
		op.flags = OP_FAILED;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	for (uint64_t i = 1; i <= event->size; i++) {
		uint32_t slot = resolve_slot(r, false, op.origin);
		int code;

		if (slot == SLOT_NONE)
			return resolve_no_memory(err);
		r->info[slot].pages_left = 1;
		slot_list_append(r, area != SLOT_NONE ? &r->area_pages[area] : &r->loose, slot);
		r->found_pages[op.origin][event->method]++;
		op.flags = i < event->size ? OP_BULK_MORE : 0;
		code = resolve_emit(r, &each, &op, slot, 0, err);
		if (code < 0)
			return code;
		each.moved = 0; /* the call's first page tells for all */
	}
	return 0;
}
