/*
 * vmalloc: areas with pages of their own, and the state of the vmalloc space.
 * Models __vmalloc_node_range(), vm_area_alloc_pages() and vfree() of mm/vmalloc.c in kernel 6.1.
 *
 * Simplified: NUMA policies of tasks are not modelled: without a node, pages come from the CPU's.
 *
 * Invariants
 *  1. free and lazy areas are trees as vmap_tree.c wants them
 *  2. free, lazy and busy areas together are the whole address space, once
 *  3. busy_bytes, lazy_pages, owned_pages are the sums over the areas
 *  4. a page that an area owns is handed out by the page allocator
 *  (vmap_block.c has those of blocks)
 */
#include "mm/vmalloc.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bits.h"
#include "mm/vmalloc_priv.h"

#define BULK_PAGES 100u        /* of one call of the bulk allocator */
#define PAGE_POINTER_64 8u
#define PAGE_POINTER_32 4u
#define HUGE_ORDER 9u
#define LAZY_STEP (32ull << 20) /* bytes; lazy_max_pages() */

/* What of an area's mask its array of pages is asked with: GFP_RECLAIM_MASK. */
#define ARRAY_GFP_MASK                                                                                          \
	(GFP_RECLAIM | GFP_BIT_HIGH | GFP_BIT_IO | GFP_BIT_FS | GFP_BIT_NOWARN | GFP_BIT_RETRY_MAYFAIL |        \
		GFP_BIT_NOFAIL | GFP_BIT_NORETRY | GFP_BIT_MEMALLOC | GFP_BIT_NOMEMALLOC | GFP_BIT_ATOMIC)

static int vmalloc_init(void *state, struct mm *mm, struct err *err)
{
	struct vmalloc *vm = state;
	const struct machine *m = mm->machine;
	uint64_t lazy_max = m->vmalloc.lazy_max;
	struct zone_stats zone;
	uint32_t all;

	vm->mm = mm;
	vm->machine = m;
	vm->limit = m->vmalloc.start + m->vmalloc.size - 1;
	if (lazy_max == MACHINE_AUTO)
		lazy_max = fls64(m->cpus) * LAZY_STEP;
	vm->lazy_max = lazy_max / m->page_size;
	for (unsigned int i = 0; i < page_alloc_nr_zones(mm->pages); i++) {
		page_alloc_zone_stats(mm->pages, i, &zone);
		vm->ram_pages += zone.managed;
	}
	vmap_blocks_init(vm);
	if (vmap_nodes_init(&vm->nodes, err) < 0)
		return -(int)ERR_NOMEM;
	/* vmap_init_free_space() */
	all = vmap_node_take(&vm->nodes, 1, m->bits32 ? UINT32_MAX : UINT64_MAX, VMAP_FREE);
	vmap_tree_insert(&vm->free, &vm->nodes, all);
	return 0;
}

static void vmalloc_fini(void *state)
{
	struct vmalloc *vm = state;

	vmap_nodes_fini(&vm->nodes);
	idmap_fini(&vm->tables.known);
	free(vm->blocks.all);
}

/* vm_area_alloc_pages(): in bulk until a call delivers less than asked, then one by one. Return: pages obtained. */
static uint32_t take_small_pages(struct vmalloc *vm, const struct page_request *req, uint32_t nr, pfn_t *pfns,
	struct meter *meter)
{
	uint32_t got = 0, want, more;

	while (got < nr) {
		want = nr - got < BULK_PAGES ? nr - got : BULK_PAGES;
		more = page_alloc_take_bulk(vm->mm->pages, req, want, pfns + got, meter);
		got += more;
		if (more < want)
			break;
	}
	while (got < nr && page_alloc_take(vm->mm->pages, req, &pfns[got], meter) == MM_DONE)
		got++;
	return got;
}

/* Blocks of the order of a huge mapping, each of them split. Return: pages obtained. */
static uint32_t take_huge_pages(struct vmalloc *vm, const struct page_request *req, uint32_t nr, pfn_t *pfns,
	struct meter *meter)
{
	uint32_t got = 0;
	pfn_t pfn;

	for (; got < nr && page_alloc_take(vm->mm->pages, req, &pfn, meter) == MM_DONE; got += 1u << req->order)
		for (uint32_t i = 0; i < 1u << req->order; i++)
			pfns[got + i] = pfn + i;
	return got;
}

/* The array of pages: a kmalloc of the recording's while it fits a page, else an area of its own. */
static enum mm_answer take_page_array(struct vmalloc *vm, const struct vmap_request *outer, uint32_t area, uint64_t nr,
	struct meter *meter)
{
	uint64_t bytes = nr * (vm->machine->bits32 ? PAGE_POINTER_32 : PAGE_POINTER_64);
	struct vmap_request req = {
		.size = bytes,
		.gfp = (outer->gfp & ARRAY_GFP_MASK) | GFP_BIT_ZERO,
		.node = outer->node,
		.cpu = outer->cpu,
		.caller = outer->caller,
	};
	uint32_t array;

	if (bytes <= vmap_page_size(vm))
		return MM_DONE;
	if (vmalloc_take(vm, &req, &array, meter) != MM_DONE)
		return MM_FAILED;
	vmap_node(vm, area)->link = array;
	return MM_DONE;
}

/* __vmalloc_area_node(). On failure the caller frees the area with what it has by then. */
static enum mm_answer fill_area(struct vmalloc *vm, const struct vmap_request *req, uint32_t area, uint64_t bytes,
	unsigned int order, struct meter *meter)
{
	bool zoned = req->gfp & (GFP_BIT_DMA | GFP_BIT_DMA32);
	struct page_request page = { .gfp = req->gfp | GFP_BIT_NOWARN | (zoned ? 0 : GFP_BIT_HIGHMEM), .cpu = req->cpu,
		.node = req->node, .order = (uint8_t)order };
	uint32_t nr = (uint32_t)(bytes / vmap_page_size(vm)), got;
	pfn_t *pfns;

	if (take_page_array(vm, req, area, nr, meter) != MM_DONE)
		return MM_FAILED;
	pfns = malloc(nr * sizeof(*pfns));
	if (!pfns)
		return MM_FAILED;
	got = order ? take_huge_pages(vm, &page, nr, pfns, meter) : take_small_pages(vm, &page, nr, pfns, meter);
	vmap_node(vm, area)->pfns = pfns;
	vmap_node(vm, area)->nr_pages = got;
	vm->owned_pages += got;
	meter_charge(meter, STEP_VMALLOC_PAGE, got);
	if (got < nr)
		return MM_FAILED;
	return vmap_tables_map(vm, vmap_node(vm, area)->start, bytes, order > 0, req->cpu, meter);
}

static enum mm_answer take_of_order(struct vmalloc *vm, const struct vmap_request *req, unsigned int order,
	uint32_t *area, struct meter *meter)
{
	struct vmap_request real = *req;
	uint64_t unit = vmap_page_size(vm) << order;
	uint32_t taken;

	real.size = align_up(req->size, unit);
	real.align = max_u64(req->align, unit);
	meter_charge(meter, STEP_VMALLOC, 1);
	taken = vmap_area_take(vm, &real, meter);
	if (taken == VMAP_NIL)
		return MM_FAILED;
	if (fill_area(vm, &real, taken, real.size, order, meter) != MM_DONE) {
		vmalloc_give(vm, taken, req->cpu, meter);
		return MM_FAILED;
	}
	vm->huge_areas += order > 0;
	*area = taken;
	return MM_DONE;
}

/* In pages of 2 MiB, where those are mapped at once and a node's share fills one. */
static bool wants_huge(const struct machine *machine, uint64_t size, int node)
{
	uint64_t per_node = node < 0 ? size / machine->nr_nodes : size;

	return !machine->bits32 && machine->page_size == 4096 && per_node >= (uint64_t)machine->page_size << HUGE_ORDER;
}

uint64_t vmalloc_huge_bytes(const struct machine *machine, uint64_t size, int node)
{
	return align_up(size, (uint64_t)machine->page_size << (wants_huge(machine, size, node) ? HUGE_ORDER : 0));
}

enum mm_answer vmalloc_take(struct vmalloc *vm, const struct vmap_request *req, uint32_t *area, struct meter *meter)
{
	if (!req->size || req->size / vmap_page_size(vm) > vm->ram_pages)
		return MM_FAILED;
	if (req->huge && wants_huge(vm->machine, req->size, req->node) &&
		take_of_order(vm, req, HUGE_ORDER, area, meter) == MM_DONE)
		return MM_DONE;
	return take_of_order(vm, req, 0, area, meter);
}

void vmalloc_give(struct vmalloc *vm, uint32_t area, unsigned int cpu, struct meter *meter)
{
	struct vmap_node *n = vmap_node(vm, area);
	uint32_t array = n->link, nr = n->nr_pages;
	pfn_t *pfns = n->pfns;

	n->pfns = NULL;
	n->nr_pages = 0;
	meter_charge(meter, STEP_VFREE, 1);
	meter_charge(meter, STEP_VFREE_PAGE, nr);
	vmap_area_give(vm, area, meter);
	for (uint32_t i = 0; i < nr; i++)
		page_alloc_give(vm->mm->pages, pfns[i], 0, cpu, meter);
	vm->owned_pages -= nr;
	free(pfns);
	if (array != VMAP_NIL)
		vmalloc_give(vm, array, cpu, meter);
}

void vmalloc_leak(struct vmalloc *vm, uint32_t area)
{
	struct vmap_node *n = vmap_node(vm, area);

	vm->owned_pages -= n->nr_pages;
	free(n->pfns);
	n->pfns = NULL;
	n->nr_pages = 0;
	n->link = VMAP_NIL;
}

void vmalloc_defer(struct vmalloc *vm, uint32_t area, unsigned int cpu)
{
	vmap_node(vm, area)->parent = vm->deferred[cpu];
	vm->deferred[cpu] = area;
	vm->nr_deferred++;
	vm->deferred_total++;
}

void vmalloc_run_deferred(struct vmalloc *vm, struct meter *meter)
{
	for (uint32_t cpu = 0; vm->nr_deferred && cpu < vm->machine->cpus; cpu++) {
		while (vm->deferred[cpu] != VMAP_NIL) {
			uint32_t area = vm->deferred[cpu];

			vm->deferred[cpu] = vmap_node(vm, area)->parent;
			vm->nr_deferred--;
			vmalloc_give(vm, area, cpu, meter);
		}
	}
}

void vmalloc_own(struct vmalloc *vm, uint32_t area, pfn_t *pfns, uint32_t nr)
{
	vmap_node(vm, area)->pfns = pfns;
	vmap_node(vm, area)->nr_pages = nr;
	vm->owned_pages += nr;
}

uint32_t vmalloc_pages(const struct vmalloc *vm, uint32_t area)
{
	return vmap_node(vm, area)->nr_pages;
}

/* Invariants 2, 3 and 4 over the busy areas; parts of blocks are not areas. */
static int check_busy(const struct vmalloc *vm, uint64_t *bytes, uint64_t *pages, struct err *err)
{
	uint64_t nr = 0;

	*bytes = *pages = 0;
	for (uint32_t i = 1; i < vm->nodes.nr; i++) {
		const struct vmap_node *n = vmap_node(vm, i);

		if (n->state != VMAP_BUSY || (n->use == VMAP_MAP_RAM && n->link))
			continue;
		nr++;
		*bytes += n->end - n->start;
		*pages += n->nr_pages;
		for (uint32_t p = 0; p < n->nr_pages; p++)
			if (!page_alloc_allocated(vm->mm->pages, n->pfns[p], 0))
				return err_set(err, ERR_INVARIANT,
					"vmalloc 4: page %" PRIu64 " of area %#" PRIx64 " is free", n->pfns[p],
					n->start);
	}
	if (nr != vm->nr_busy || *bytes != vm->busy_bytes || *pages != vm->owned_pages)
		return err_set(err, ERR_INVARIANT,
			"vmalloc 3: %" PRIu64 " busy areas with %" PRIu64 " bytes and %" PRIu64
			" pages; counted %" PRIu64 ", %" PRIu64 ", %" PRIu64,
			nr, *bytes, *pages, vm->nr_busy, vm->busy_bytes, vm->owned_pages);
	return 0;
}

static uint64_t tree_bytes(const struct vmalloc *vm, const struct vmap_tree *tree)
{
	uint64_t bytes = 0;

	for (uint32_t at = vmap_tree_first(tree, &vm->nodes); at != VMAP_NIL; at = vmap_tree_next(&vm->nodes, at))
		bytes += vmap_size(vm, at);
	return bytes;
}

static int vmalloc_check(const void *state, struct err *err)
{
	const struct vmalloc *vm = state;
	uint64_t busy, pages, lazy;

	if (vmap_tree_check(&vm->free, &vm->nodes, VMAP_FREE, err) < 0 ||
		vmap_tree_check(&vm->lazy, &vm->nodes, VMAP_LAZY, err) < 0)
		return err_context(err, "vmalloc 1");
	if (check_busy(vm, &busy, &pages, err) < 0 || vmap_blocks_check(vm, err) < 0)
		return -(int)ERR_INVARIANT;
	lazy = tree_bytes(vm, &vm->lazy);
	if (lazy != vm->lazy_pages * vmap_page_size(vm))
		return err_set(err, ERR_INVARIANT, "vmalloc 3: %" PRIu64 " lazy bytes, %" PRIu64 " lazy pages counted",
			lazy, vm->lazy_pages);
	if (tree_bytes(vm, &vm->free) + lazy + busy != (vm->machine->bits32 ? UINT32_MAX : UINT64_MAX) - 1)
		return err_set(err, ERR_INVARIANT, "vmalloc 2: %" PRIu64 " bytes busy, %" PRIu64
			" lazy, and the free ones are not all of the address space", busy, lazy);
	return 0;
}

const struct mechanism mech_vmalloc = {
	.name = "vmalloc",
	.slot = SLOT_VMALLOC,
	.state_size = sizeof(struct vmalloc),
	.init = vmalloc_init,
	.fini = vmalloc_fini,
	.check = vmalloc_check,
};
