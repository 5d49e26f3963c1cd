/*
 * dma_pool: small blocks of one size for devices, cut from coherent pages. Models mm/dmapool.c of kernel 6.1; the
 * invariants are in mm/dma_priv.h.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/dma_priv.h"

/* sizeof(struct dma_pool) and of struct dma_page, by the size of a pointer */
#define POOL_BYTES_64   104u
#define POOL_BYTES_32   68u
#define HEADER_BYTES_64 40u
#define HEADER_BYTES_32 24u
#define SIZE_MIN     4u   /* a free block holds the offset of the next one */
#define SIZE_MAX_POOL (1u << 30)

static enum mm_answer take_small(struct dma *dma, uint32_t size, gfp_t gfp, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	uint32_t cache = kmalloc_class(dma->slab, size, gfp);

	if (cache == CACHE_NONE)
		return kmalloc_sized(dma->slab, size, gfp, -1, cpu, object, meter);
	return slab_alloc(dma->slab, cache, gfp, -1, cpu, object, meter);
}

static bool power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* What dma_pool_create() makes of its arguments. Return: false when it refuses them. */
static bool normalize(const struct dma *dma, const struct dma_pool_create *create, struct dma_pool_stats *stats)
{
	uint64_t align = create->align ? create->align : 1;
	uint64_t size = create->size < SIZE_MIN ? SIZE_MIN : create->size;

	if (!create->size || create->size > SIZE_MAX_POOL || !power_of_two(align) || align > SIZE_MAX_POOL)
		return false;
	size = align_up(size, align);
	stats->allocation = size > dma->machine->page_size ? size : dma->machine->page_size;
	if (create->boundary && (create->boundary < size || !power_of_two(create->boundary)))
		return false;
	stats->create = *create;
	stats->create.align = align;
	stats->create.size = size;
	stats->create.boundary = create->boundary ? create->boundary : stats->allocation;
	return true;
}

/*
 * pool_initialise_page(): where its blocks begin. A block that would end exactly at a boundary is left out, as 6.1
 * compares with >=. @offsets may be NULL. Return: how many.
 */
static uint32_t cut(const struct dma_pool_stats *stats, uint32_t *offsets)
{
	uint64_t size = stats->create.size, boundary = stats->create.boundary;
	uint64_t offset = 0, next_boundary = boundary;
	uint32_t nr = 0;

	do {
		uint64_t next = offset + size;

		if (next + size >= next_boundary) {
			next = next_boundary;
			next_boundary += boundary;
		}
		if (offsets)
			offsets[nr] = (uint32_t)offset;
		nr++;
		offset = next;
	} while (offset < stats->allocation);
	return nr;
}

static struct dma_pool *add_pool(struct dma *dma)
{
	if (!array_room(&dma->pools, &dma->cap_pools, dma->nr_pools))
		return NULL;
	return &dma->pools[dma->nr_pools];
}

enum mm_answer dma_pool_create(struct dma *dma, const struct dma_pool_create *create, unsigned int cpu, uint32_t *pool,
	struct meter *meter)
{
	struct dma_pool new = { .first_page = DMA_LIST_END };
	struct dma_pool *place = add_pool(dma);
	enum mm_answer answer;

	if (!place || !normalize(dma, create, &new.stats))
		return MM_FAILED;
	new.stats.blocks_per_page = cut(&new.stats, NULL);
	new.offsets = malloc(new.stats.blocks_per_page * sizeof(*new.offsets));
	if (!new.offsets)
		return MM_FAILED;
	answer = take_small(dma, dma->machine->bits32 ? POOL_BYTES_32 : POOL_BYTES_64, GFP_KERNEL, cpu, &new.header,
		meter);
	if (answer != MM_DONE) {
		free(new.offsets);
		return answer;
	}
	cut(&new.stats, new.offsets);
	*place = new;
	*pool = dma->nr_pools++;
	return MM_DONE;
}

uint32_t dma_pool_find(const struct dma *dma, uint64_t name)
{
	for (uint32_t pool = dma->nr_pools; pool-- > 0;)
		if (dma->pools[pool].state == DMA_POOL_LIVES && dma->pools[pool].stats.create.name == name)
			return pool;
	return DMA_POOL_NONE;
}

uint32_t dma_pool_nr(const struct dma *dma)
{
	return dma->nr_pools;
}

/* A number for a new page; DMA_LIST_END when the program has no memory for it. */
static uint32_t page_number(struct dma *dma)
{
	uint32_t number = dma->free_page;

	if (number != DMA_LIST_END) {
		dma->free_page = dma->page[number].next_page;
		return number;
	}
	if (!array_room(&dma->page, &dma->cap_pages, dma->nr_pages))
		return DMA_LIST_END;
	dma->page[dma->nr_pages] = (struct dma_page){ 0 };
	return dma->nr_pages++;
}

static void forget_page(struct dma *dma, uint32_t number)
{
	free(dma->page[number].next_free);
	dma->page[number] = (struct dma_page){ .pool = DMA_POOL_NONE, .next_page = dma->free_page };
	dma->free_page = number;
}

/* The header, then the memory of a new page. */
static enum dma_result take_page(struct dma *dma, const struct dma_pool *pool, gfp_t gfp, unsigned int cpu,
	struct dma_page *page, struct meter *meter)
{
	struct dma_request want = { .size = pool->stats.allocation, .gfp = gfp, .cpu = (uint16_t)cpu };
	uint32_t header = dma->machine->bits32 ? HEADER_BYTES_32 : HEADER_BYTES_64;
	enum mm_answer answer = take_small(dma, header, gfp, cpu, &page->header, meter);
	enum dma_result result;

	if (answer != MM_DONE)
		return answer == MM_WAIT ? DMA_WAIT : DMA_FAILED;
	result = dma_alloc_coherent(dma, &want, &page->memory, meter);
	if (result != DMA_DONE)
		slab_free(dma->slab, page->header, cpu, meter);
	return result;
}

/* pool_alloc_page(): one more page, at the head of the pool's list. */
static enum dma_result add_page(struct dma *dma, uint32_t number, gfp_t gfp, unsigned int cpu, struct meter *meter)
{
	struct dma_pool *pool = &dma->pools[number];
	uint32_t nr = pool->stats.blocks_per_page;
	struct dma_page page = { .pool = number, .next_page = pool->first_page };
	uint32_t at = page_number(dma);
	enum dma_result result;

	if (at == DMA_LIST_END)
		return DMA_FAILED;
	page.next_free = malloc(nr * sizeof(*page.next_free));
	result = page.next_free ? take_page(dma, pool, gfp & ~GFP_BIT_ZERO, cpu, &page, meter) : DMA_FAILED;
	if (result != DMA_DONE) {
		free(page.next_free);
		forget_page(dma, at);
		return result;
	}
	for (uint32_t block = 0; block < nr; block++)
		page.next_free[block] = block + 1 < nr ? block + 1 : DMA_LIST_END;
	dma->page[at] = page;
	pool->first_page = at;
	pool->stats.pages++;
	return DMA_DONE;
}

/* The first page in list order that has a block. */
static uint32_t page_with_block(const struct dma *dma, const struct dma_pool *pool)
{
	uint32_t page = pool->first_page;

	while (page != DMA_LIST_END && dma->page[page].first_free == DMA_LIST_END)
		page = dma->page[page].next_page;
	return page;
}

enum dma_result dma_pool_alloc(struct dma *dma, uint32_t pool, gfp_t gfp, unsigned int cpu, uint32_t *page,
	uint32_t *block, struct meter *meter)
{
	struct dma_pool *p = &dma->pools[pool];
	uint32_t at = page_with_block(dma, p);

	if (at == DMA_LIST_END) {
		enum dma_result result = add_page(dma, pool, gfp, cpu, meter);

		if (result != DMA_DONE) {
			p->stats.failed += result != DMA_WAIT;
			return result;
		}
		at = p->first_page;
	}
	meter_charge_locked(meter, STEP_DMA_POOL, 1, LOCK_DMA_POOL);
	if (gfp & GFP_BIT_ZERO)
		meter_charge(meter, STEP_ZERO_KIB, (uint32_t)(p->stats.create.size >> 10));
	*page = at;
	*block = dma->page[at].first_free;
	dma->page[at].first_free = dma->page[at].next_free[*block];
	dma->page[at].next_free[*block] = *block;
	dma->page[at].in_use++;
	p->stats.allocs++;
	if (++p->stats.in_use > p->stats.peak)
		p->stats.peak = p->stats.in_use;
	return DMA_DONE;
}

void dma_pool_free(struct dma *dma, uint32_t page, uint32_t block, struct meter *meter)
{
	struct dma_page *p = &dma->page[page];
	struct dma_pool *pool = &dma->pools[p->pool];

	/* Its page leaked with the pool. */
	if (pool->state != DMA_POOL_LIVES)
		return;
	meter_charge_locked(meter, STEP_DMA_POOL, 1, LOCK_DMA_POOL);
	p->next_free[block] = p->first_free;
	p->first_free = block;
	p->in_use--;
	pool->stats.in_use--;
	pool->stats.frees++;
}

bool dma_page_lives(const struct dma *dma, uint32_t page)
{
	return dma->pools[dma->page[page].pool].state == DMA_POOL_LIVES;
}

uint64_t dma_pool_address(const struct dma *dma, uint32_t page, uint32_t block)
{
	const struct dma_page *p = &dma->page[page];

	return ((uint64_t)p->memory.pfn << dma->machine->page_shift) + dma->pools[p->pool].offsets[block];
}

uint64_t dma_pool_destroy(struct dma *dma, uint32_t pool, unsigned int cpu, struct meter *meter)
{
	struct dma_pool *p = &dma->pools[pool];
	uint32_t next;

	for (uint32_t at = p->first_page; at != DMA_LIST_END; at = next) {
		struct dma_page *page = &dma->page[at];

		next = page->next_page;
		/* "busy": the kernel frees the header and leaks the memory. */
		if (page->in_use)
			p->stats.busy_pages++;
		else
			dma_free_coherent(dma, page->memory, cpu, meter);
		slab_free(dma->slab, page->header, cpu, meter);
		if (!page->in_use)
			forget_page(dma, at);
	}
	slab_free(dma->slab, p->header, cpu, meter);
	p->first_page = DMA_LIST_END;
	p->state = DMA_POOL_DESTROYED;
	p->stats.destroyed = true;
	return p->stats.busy_pages;
}

void dma_pool_get_stats(const struct dma *dma, uint32_t pool, struct dma_pool_stats *stats)
{
	*stats = dma->pools[pool].stats;
}

void dma_pools_fini(struct dma *dma)
{
	for (uint32_t pool = 0; pool < dma->nr_pools; pool++)
		free(dma->pools[pool].offsets);
	for (uint32_t page = 0; page < dma->nr_pages; page++)
		free(dma->page[page].next_free);
	free(dma->pools);
	free(dma->page);
}

static int check_page(const struct dma *dma, uint32_t at, struct err *err)
{
	const struct dma_page *page = &dma->page[at];
	uint32_t nr = dma->pools[page->pool].stats.blocks_per_page, on_chain = 0;

	for (uint32_t b = page->first_free; b != DMA_LIST_END && on_chain <= nr; b = page->next_free[b])
		on_chain++;
	if (on_chain + page->in_use != nr)
		return err_set(err, ERR_INVARIANT, "dma 1: page %u has %u blocks in use and %u free, of %u", at,
			page->in_use, on_chain, nr);
	if (!page_alloc_allocated(dma->pages, page->memory.pfn, page->memory.order))
		return err_set(err, ERR_INVARIANT, "dma 3: page %u of pool %u is free memory", at, page->pool);
	return 0;
}

int dma_pools_check(const struct dma *dma, struct err *err)
{
	for (uint32_t number = 0; number < dma->nr_pools; number++) {
		const struct dma_pool *pool = &dma->pools[number];
		uint64_t in_use = 0, pages = 0;

		if (pool->state != DMA_POOL_LIVES)
			continue;
		for (uint32_t at = pool->first_page; at != DMA_LIST_END; at = dma->page[at].next_page, pages++) {
			if (dma->page[at].pool != number || check_page(dma, at, err) < 0)
				return err->code ? -(int)err->code :
						   err_set(err, ERR_INVARIANT,
							   "dma 2: page %u is on the list of pool %u", at, number);
			in_use += dma->page[at].in_use;
		}
		if (in_use != pool->stats.in_use || pages != pool->stats.pages)
			return err_set(err, ERR_INVARIANT,
				"dma 2: pool %u counts %" PRIu64 " blocks in %" PRIu64 " pages, has %" PRIu64
				" in %" PRIu64,
				number, pool->stats.in_use, pool->stats.pages, in_use, pages);
	}
	return 0;
}
