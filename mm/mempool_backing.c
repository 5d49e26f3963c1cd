/* mempool_backing: where the elements of a pool come from; see mm/mempool_priv.h. */
#include "mm/mempool_priv.h"

enum mm_answer mempool_take_kmalloc(struct mempools *m, uint64_t size, gfp_t gfp, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	uint32_t cache = kmalloc_class(m->slab, size, gfp);

	if (cache != CACHE_NONE)
		return slab_alloc(m->slab, cache, gfp, -1, cpu, object, meter);
	if (kmalloc_is_large(m->slab, size))
		return kmalloc_large(m->slab, size, gfp, -1, cpu, object, meter);
	return kmalloc_sized(m->slab, size, gfp, -1, cpu, object, meter);
}

static enum mm_answer take_pages(struct mempools *m, const struct mempool_create *create, gfp_t gfp, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	struct page_request want = { .gfp = gfp, .cpu = (uint16_t)cpu, .node = -1, .order = (uint8_t)create->order };
	pfn_t pfn = PFN_NONE;
	enum mm_answer answer = page_alloc_take(m->pages, &want, &pfn, meter);

	*object = (struct slab_object){ .index = (uint32_t)pfn };
	return answer;
}

enum mm_answer mempool_backing_take(struct mempools *m, const struct mempool_create *create, gfp_t gfp,
	unsigned int cpu, struct slab_object *object, struct meter *meter)
{
	switch (create->kind) {
	case MEMPOOL_SLAB:
		if (create->cache == CACHE_NONE || !slab_cache_live(m->slab, create->cache))
			return MM_FAILED;
		return slab_alloc(m->slab, create->cache, gfp, -1, cpu, object, meter);
	case MEMPOOL_KMALLOC:
		return mempool_take_kmalloc(m, create->size, gfp, cpu, object, meter);
	case MEMPOOL_PAGES:
		return take_pages(m, create, gfp, cpu, object, meter);
	default:
		*object = (struct slab_object){ 0 };
		return MM_DONE;
	}
}

void mempool_backing_give(struct mempools *m, const struct mempool_create *create, struct slab_object object,
	unsigned int cpu, struct meter *meter)
{
	if (create->kind == MEMPOOL_PAGES)
		page_alloc_give(m->pages, object.index, create->order, cpu, meter);
	else if (create->kind != MEMPOOL_OTHER)
		slab_free(m->slab, object, cpu, meter);
}

uint64_t mempool_element_alloc(const struct mempools *m, const struct mempool_create *create)
{
	switch (create->kind) {
	case MEMPOOL_SLAB:
		return create->cache != CACHE_NONE ? slab_cache_geometry(m->slab, create->cache)->size : 0;
	case MEMPOOL_KMALLOC:
		return kmalloc_size(m->slab, create->size, GFP_KERNEL);
	case MEMPOOL_PAGES:
		return (uint64_t)m->machine->page_size << create->order;
	default:
		return 0;
	}
}

uint64_t mempool_element_bytes(const struct mempools *m, const struct mempool_create *create)
{
	if (create->kind == MEMPOOL_SLAB)
		return create->cache != CACHE_NONE ? slab_cache_geometry(m->slab, create->cache)->object_size : 0;
	return create->kind == MEMPOOL_KMALLOC ? create->size : mempool_element_alloc(m, create);
}
