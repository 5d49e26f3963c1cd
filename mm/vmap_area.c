/*
 * vmap_area: which addresses are free, and what becomes of those that were freed.
 * Models alloc_vmap_area(), free_vmap_area_noflush() and __purge_vmap_area_lazy() of mm/vmalloc.c in kernel 6.1.
 */
#include "base/bits.h"
#include "mm/vmalloc_priv.h"

static bool has_guard(enum vmap_use use)
{
	return use == VMAP_VMALLOC || use == VMAP_VMAP || use == VMAP_IOREMAP;
}

static uint64_t guard_bytes(const struct vmalloc *vm, enum vmap_use use)
{
	return has_guard(use) ? vm->machine->vmalloc.guard_pages * vmap_page_size(vm) : 0;
}

static void make_busy(struct vmalloc *vm, uint32_t area, enum vmap_use use)
{
	struct vmap_node *n = vmap_node(vm, area);

	n->state = VMAP_BUSY;
	n->use = (uint8_t)use;
	vm->nr_busy++;
	vm->busy_bytes += n->end - n->start;
	vm->guard_bytes += guard_bytes(vm, use);
}

static void forget_busy(struct vmalloc *vm, const struct vmap_node *n)
{
	vm->nr_busy--;
	vm->busy_bytes -= n->end - n->start;
	vm->guard_bytes -= guard_bytes(vm, (enum vmap_use)n->use);
}

/* Take [@start, @end) out of the free area @from. Return: VMAP_NIL when out of memory. */
static uint32_t vmap_area_cut(struct vmalloc *vm, uint32_t from, uint64_t start, uint64_t end)
{
	uint64_t free_start = vmap_node(vm, from)->start, free_end = vmap_node(vm, from)->end;
	uint32_t area = VMAP_NIL, left = VMAP_NIL;

	area = vmap_node_take(&vm->nodes, start, end, VMAP_BUSY);
	if (area != VMAP_NIL && free_start < start && end < free_end)
		left = vmap_node_take(&vm->nodes, free_start, start, VMAP_FREE);
	if (area == VMAP_NIL || (free_start < start && end < free_end && left == VMAP_NIL)) {
		if (area != VMAP_NIL)
			vmap_node_give(&vm->nodes, area);
		return VMAP_NIL;
	}
	if (free_start == start && free_end == end) {
		vmap_tree_remove(&vm->free, &vm->nodes, from);
		vmap_node_give(&vm->nodes, from);
		return area;
	}
	/* What is left keeps its node; of two remainders that is the upper one. */
	if (end < free_end)
		vmap_node(vm, from)->start = end;
	else
		vmap_node(vm, from)->end = start;
	vmap_tree_resized(&vm->nodes, from);
	if (left != VMAP_NIL)
		vmap_tree_insert(&vm->free, &vm->nodes, left);
	return area;
}

/* __alloc_vmap_area(). */
static uint32_t search(struct vmalloc *vm, uint64_t size, uint64_t align, uint64_t vstart, uint64_t vend)
{
	bool exact = align <= vmap_page_size(vm) || vend - vstart == size;
	uint64_t length = exact ? size : size + align - 1;
	uint32_t from = vmap_tree_lowest(&vm->free, &vm->nodes, size, align, vstart, length);
	uint64_t start;

	if (from == VMAP_NIL)
		return VMAP_NIL;
	start = align_up(max_u64(vmap_node(vm, from)->start, vstart), align);
	if (start + size > vend)
		return VMAP_NIL;
	return vmap_area_cut(vm, from, start, start + size);
}

/* How __get_vm_area_node() aligns an area for ioremap(). */
static uint64_t ioremap_align(const struct vmalloc *vm, uint64_t size)
{
	unsigned int max = vm->machine->bits32 ? 22 : 30;
	unsigned int order = size > 1 ? fls64(size - 1) : 0;

	if (order < vm->machine->page_shift)
		order = vm->machine->page_shift;
	return 1ull << (order > max ? max : order);
}

uint32_t vmap_area_take(struct vmalloc *vm, const struct vmap_request *req, struct meter *meter)
{
	enum vmap_use use = (enum vmap_use)req->use;
	uint64_t page = vmap_page_size(vm);
	uint64_t align = max_u64(use == VMAP_IOREMAP ? ioremap_align(vm, req->size) : req->align, page);
	uint64_t vstart = req->end ? req->start : vm->machine->vmalloc.start;
	uint64_t vend = req->end ? req->end : vm->limit;
	uint64_t size = align_up(req->size, page) + guard_bytes(vm, use);
	uint32_t area = VMAP_NIL;

	if (req->size && req->size <= vend - vstart) {
		meter_charge_locked(meter, STEP_LIST_LOCK, 1, LOCK_VMAP);
		area = search(vm, size, align, vstart, vend);
		if (area == VMAP_NIL) {
			vm->retries++;
			vmap_purge(vm, meter);
			area = search(vm, size, align, vstart, vend);
		}
	}
	if (area == VMAP_NIL) {
		vm->failures++;
		return VMAP_NIL;
	}
	make_busy(vm, area, use);
	vmap_node(vm, area)->caller = req->caller;
	vmap_node(vm, area)->phys = req->phys;
	vmap_node(vm, area)->reset_perms = req->reset_perms;
	return area;
}

/* __purge_vmap_area_lazy(). */
static void vmap_purge_lazy(struct vmalloc *vm, struct meter *meter)
{
	uint32_t at;

	if (!vm->lazy.nr)
		return;
	meter_charge(meter, STEP_VMAP_PURGE, 1);
	meter_charge(meter, STEP_VMAP_PURGE_CPU, vm->machine->cpus);
	meter_charge_locked(meter, STEP_VMAP_PURGE_AREA, vm->lazy.nr, LOCK_VMAP);
	vm->purges++;
	vm->purged_bytes += vm->lazy_pages * vmap_page_size(vm);
	while ((at = vmap_tree_first(&vm->lazy, &vm->nodes)) != VMAP_NIL) {
		vmap_tree_remove(&vm->lazy, &vm->nodes, at);
		vmap_node(vm, at)->state = VMAP_FREE;
		vmap_tree_merge(&vm->free, &vm->nodes, at);
	}
	vm->lazy_pages = 0;
	vm->drain_due = false;
}

void vmap_purge(struct vmalloc *vm, struct meter *meter)
{
	vmap_blocks_purge(vm, meter);
	vmap_purge_lazy(vm, meter);
}

void vmap_area_give(struct vmalloc *vm, uint32_t area, struct meter *meter)
{
	struct vmap_node *n = vmap_node(vm, area);
	bool purge = n->reset_perms;

	forget_busy(vm, n);
	vm->lazy_pages += (n->end - n->start) / vmap_page_size(vm);
	*n = (struct vmap_node){ .start = n->start, .end = n->end, .longest = n->end - n->start, .state = VMAP_LAZY };
	meter_charge_locked(meter, STEP_LIST_LOCK, 1, LOCK_VMAP);
	vmap_tree_merge(&vm->lazy, &vm->nodes, area);
	if (purge)
		vmap_purge(vm, meter);
	else if (vm->lazy_pages > vm->lazy_max)
		vm->drain_due = true;
}

bool vmap_drain_due(const struct vmalloc *vm)
{
	return vm->drain_due;
}

void vmap_drain(struct vmalloc *vm, struct meter *meter)
{
	if (vm->drain_due)
		vmap_purge_lazy(vm, meter);
	vm->drain_due = false;
}

enum mm_answer vmap_take(struct vmalloc *vm, const struct vmap_request *req, uint32_t *area, struct meter *meter)
{
	uint64_t mapped = align_up(req->size, vmap_page_size(vm));
	uint32_t taken = vmap_area_take(vm, req, meter);

	if (taken == VMAP_NIL)
		return MM_FAILED;
	if (vmap_map(vm, vmap_node(vm, taken)->start, mapped, req->cpu, meter) != MM_DONE) {
		vmap_area_give(vm, taken, meter);
		return MM_FAILED;
	}
	*area = taken;
	return MM_DONE;
}

void vmap_give(struct vmalloc *vm, uint32_t area, unsigned int cpu, struct meter *meter)
{
	(void)cpu;
	vmap_area_give(vm, area, meter);
}

uint64_t vmap_address(const struct vmalloc *vm, uint32_t area)
{
	return vmap_node(vm, area)->start;
}

bool vmap_resets_perms(const struct vmalloc *vm, uint32_t area)
{
	return vmap_node(vm, area)->reset_perms;
}

enum vmap_use vmap_use_of(const struct vmalloc *vm, uint32_t area)
{
	return (enum vmap_use)vmap_node(vm, area)->use;
}

uint64_t vmap_size(const struct vmalloc *vm, uint32_t area)
{
	return vmap_node(vm, area)->end - vmap_node(vm, area)->start;
}

void vmap_ungive(struct vmalloc *vm, uint32_t area)
{
	struct vmap_node *n = vmap_node(vm, area);

	forget_busy(vm, n);
	*n = (struct vmap_node){ .start = n->start, .end = n->end, .longest = n->end - n->start, .state = VMAP_FREE };
	vmap_tree_merge(&vm->free, &vm->nodes, area);
}

/* The free area that has all of [@start, @end), or VMAP_NIL. */
static uint32_t free_at(const struct vmalloc *vm, uint64_t start, uint64_t end)
{
	uint32_t from = vmap_tree_find(&vm->free, &vm->nodes, start);

	return start < end && from != VMAP_NIL && vmap_node(vm, from)->end >= end ? from : VMAP_NIL;
}

uint32_t vmap_claim(struct vmalloc *vm, uint64_t start, uint64_t end, enum vmap_use use)
{
	uint32_t from = free_at(vm, start, end);
	uint32_t area = from != VMAP_NIL ? vmap_area_cut(vm, from, start, end) : VMAP_NIL;

	if (area == VMAP_NIL)
		return VMAP_NIL;
	make_busy(vm, area, use);
	vmap_tables_know(vm, start, end);
	return area;
}

void vmap_describe(struct vmalloc *vm, uint32_t area, uint32_t caller, uint64_t phys)
{
	vmap_node(vm, area)->caller = caller;
	vmap_node(vm, area)->phys = phys;
}

bool vmap_claim_lazy(struct vmalloc *vm, uint64_t start, uint64_t end)
{
	uint32_t from = free_at(vm, start, end);
	uint32_t area = from != VMAP_NIL ? vmap_area_cut(vm, from, start, end) : VMAP_NIL;

	if (area == VMAP_NIL)
		return false;
	vmap_node(vm, area)->state = VMAP_LAZY;
	vm->lazy_pages += (end - start) / vmap_page_size(vm);
	vmap_tree_merge(&vm->lazy, &vm->nodes, area);
	return true;
}

/*
 * pvm_determine_end_from_reverse(): from the free area @at downwards, the first that has room below an aligned address;
 * @top: that address.
 */
static uint32_t free_below(const struct vmalloc *vm, uint32_t at, uint64_t align, uint64_t *top)
{
	for (; at != VMAP_NIL; at = vmap_tree_prev(&vm->nodes, at)) {
		*top = min_u64(vmap_node(vm, at)->end, vm->limit) & ~(align - 1);
		if (vmap_node(vm, at)->start < *top)
			return at;
	}
	*top = 0;
	return VMAP_NIL;
}

/* The group that reaches highest. */
static uint32_t highest_group(const uint64_t *offsets, const uint64_t *sizes, uint32_t nr)
{
	uint32_t highest = 0;

	for (uint32_t i = 1; i < nr; i++)
		if (offsets[i] + sizes[i] > offsets[highest] + sizes[highest])
			highest = i;
	return highest;
}

/* The highest base at which all groups lie in free areas; 0: there is none. */
static uint64_t highest_base(const struct vmalloc *vm, const uint64_t *offsets, const uint64_t *sizes, uint32_t nr,
	uint64_t align)
{
	uint32_t group = highest_group(offsets, sizes, nr), moved_for = group;
	uint64_t end = offsets[group] + sizes[group], top;
	uint32_t at = free_below(vm, vmap_tree_find(&vm->free, &vm->nodes, vm->limit), align, &top);
	uint64_t base = top - end;

	for (;;) {
		if (at == VMAP_NIL || top < end || base < vm->machine->vmalloc.start)
			return 0;
		if (base + end > vmap_node(vm, at)->end || base + offsets[group] < vmap_node(vm, at)->start) {
			/* It does not fit here: the base moves down, and all groups must be seen again. */
			if (base + end <= vmap_node(vm, at)->end)
				at = vmap_tree_prev(&vm->nodes, at);
			at = free_below(vm, at, align, &top);
			base = top - end;
			moved_for = group;
			continue;
		}
		group = (group + nr - 1) % nr;
		if (group == moved_for)
			return base;
		end = offsets[group] + sizes[group];
		at = vmap_tree_find(&vm->free, &vm->nodes, base + end);
	}
}

enum mm_answer vmap_take_groups(struct vmalloc *vm, const uint64_t *offsets, const uint64_t *sizes, uint32_t nr,
	uint64_t align, uint32_t *areas, struct meter *meter)
{
	uint64_t base = highest_base(vm, offsets, sizes, nr, align);
	uint32_t done;

	meter_charge_locked(meter, STEP_LIST_LOCK, 1, LOCK_VMAP);
	if (!base) {
		vm->retries++;
		vmap_purge(vm, meter);
		base = highest_base(vm, offsets, sizes, nr, align);
	}
	for (done = 0; base && done < nr; done++) {
		uint64_t start = base + offsets[done];
		uint32_t from = free_at(vm, start, start + sizes[done]);

		areas[done] = from != VMAP_NIL ? vmap_area_cut(vm, from, start, start + sizes[done]) : VMAP_NIL;
		if (areas[done] == VMAP_NIL)
			break;
		make_busy(vm, areas[done], VMAP_PERCPU);
	}
	if (base && done == nr)
		return MM_DONE;
	while (done > 0)
		vmap_area_give(vm, areas[--done], meter);
	vm->failures++;
	return MM_FAILED;
}
