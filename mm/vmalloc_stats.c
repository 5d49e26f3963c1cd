/* vmalloc_stats: the vmalloc space in figures, and its areas as /proc/vmallocinfo lists them. */
#include <stdlib.h>

#include "base/bits.h"
#include "mm/vmalloc_priv.h"

/* Bytes of [start, end) within the vmalloc space. */
static uint64_t inside(const struct vmalloc *vm, uint64_t start, uint64_t end)
{
	uint64_t from = max_u64(start, vm->machine->vmalloc.start);
	uint64_t to = min_u64(end, vm->machine->vmalloc.start + vm->machine->vmalloc.size);

	return from < to ? to - from : 0;
}

static void count_holes(const struct vmalloc *vm, struct vmalloc_stats *stats)
{
	uint32_t at = vmap_tree_find(&vm->free, &vm->nodes, vm->machine->vmalloc.start);

	if (at == VMAP_NIL)
		at = vmap_tree_first(&vm->free, &vm->nodes);
	for (; at != VMAP_NIL && vmap_node(vm, at)->start <= vm->limit; at = vmap_tree_next(&vm->nodes, at)) {
		uint64_t bytes = inside(vm, vmap_node(vm, at)->start, vmap_node(vm, at)->end);

		stats->free_bytes += bytes;
		stats->holes += bytes > 0;
		stats->largest_hole = max_u64(stats->largest_hole, bytes);
	}
}

void vmalloc_get_stats(const struct vmalloc *vm, struct vmalloc_stats *stats)
{
	*stats = (struct vmalloc_stats){
		.size = vm->machine->vmalloc.size,
		.mapped_pages = vm->owned_pages,
		.guard_bytes = vm->guard_bytes,
		.areas = vm->nr_busy,
		.lazy_areas = vm->lazy.nr,
		.blocks = vm->blocks.live,
		.page_table_pages = vm->tables.pages,
		.purges = vm->purges,
		.purged_bytes = vm->purged_bytes,
		.failures = vm->failures,
		.retries = vm->retries,
		.deferred = vm->deferred_total,
		.huge_areas = vm->huge_areas,
	};
	for (uint32_t at = vmap_tree_first(&vm->lazy, &vm->nodes); at != VMAP_NIL; at = vmap_tree_next(&vm->nodes, at))
		stats->lazy_bytes += inside(vm, vmap_node(vm, at)->start, vmap_node(vm, at)->end);
	count_holes(vm, stats);
	stats->used_bytes = stats->size - stats->free_bytes - stats->lazy_bytes;
}

static int by_address(const void *a, const void *b)
{
	const struct vmap_line *x = a, *y = b;

	if (x->lazy != y->lazy)
		return x->lazy ? 1 : -1;
	return (x->start > y->start) - (x->start < y->start);
}

int64_t vmalloc_lines(const struct vmalloc *vm, struct vmap_line **lines)
{
	struct vmap_line *all = calloc(vm->nodes.nr, sizeof(*all));
	size_t nr = 0;

	*lines = all;
	if (!all)
		return -1;
	for (uint32_t i = 1; i < vm->nodes.nr; i++) {
		const struct vmap_node *n = vmap_node(vm, i);
		bool part = n->use == VMAP_MAP_RAM && n->link;

		if ((n->state != VMAP_BUSY && n->state != VMAP_LAZY) || part)
			continue;
		all[nr++] = (struct vmap_line){
			.start = n->start,
			.end = n->end,
			.phys = n->phys,
			.caller = n->caller,
			.nr_pages = n->nr_pages,
			.use = n->use,
			.lazy = n->state == VMAP_LAZY,
			.vpages = n->link != VMAP_NIL,
			.area = i,
		};
	}
	qsort(all, nr, sizeof(*all), by_address);
	return (int64_t)nr;
}

uint32_t vmalloc_pages_on(const struct vmalloc *vm, uint32_t area, uint32_t node)
{
	const struct vmap_node *n = vmap_node(vm, area);
	uint32_t nr = 0;

	for (uint32_t i = 0; i < n->nr_pages; i++)
		nr += page_alloc_node_of(vm->mm->pages, n->pfns[i]) == node;
	return nr;
}
