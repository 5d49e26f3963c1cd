/*
 * percpu_chunk: chunks in the vmalloc space, their pages, and the work item that keeps some empty
 * pages at hand and gives others back. Models mm/percpu-vm.c and pcpu_balance_workfn() of 6.1.
 */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/percpu_priv.h"

struct pcpu_chunk *pcpu_chunk_new(struct percpu *pc, uint32_t nr_pages)
{
	struct pcpu_chunk *chunk = calloc(1, sizeof(*chunk));
	uint32_t bits = nr_pages * pc->block_bits;

	if (!chunk)
		return NULL;
	chunk->nr_pages = nr_pages;
	chunk->free_bytes = bits * PERCPU_MIN_ALLOC;
	chunk->slot = chunk->prev = chunk->next = PERCPU_NO_CHUNK;
	chunk->blocks = calloc(nr_pages, sizeof(*chunk->blocks));
	chunk->alloc_map = calloc(bitmap_words(bits), sizeof(*chunk->alloc_map));
	chunk->bound_map = calloc(bitmap_words(bits + 1), sizeof(*chunk->bound_map));
	chunk->populated = calloc(bitmap_words(nr_pages), sizeof(*chunk->populated));
	if (!chunk->blocks || !chunk->alloc_map || !chunk->bound_map || !chunk->populated) {
		pcpu_chunk_delete(pc, chunk);
		return NULL;
	}
	pcpu_blocks_init(chunk, pc->block_bits);
	bitmap_set_bit(chunk->bound_map, 0);
	bitmap_set_bit(chunk->bound_map, bits);
	return chunk;
}

void pcpu_chunk_delete(struct percpu *pc, struct pcpu_chunk *chunk)
{
	if (!chunk)
		return;
	if (chunk->number < pc->nr_chunks && pc->chunks[chunk->number] == chunk) {
		pcpu_chunk_unlist(pc, chunk);
		pc->chunks[chunk->number] = NULL;
	}
	free(chunk->blocks);
	free(chunk->alloc_map);
	free(chunk->bound_map);
	free(chunk->populated);
	free(chunk->pages);
	free(chunk->areas);
	free(chunk);
}

static uint32_t free_number(struct percpu *pc)
{
	for (uint32_t i = PERCPU_RESERVED_CHUNK + 1; i < pc->nr_chunks; i++)
		if (!pc->chunks[i])
			return i;
	if (!array_room(&pc->chunks, &pc->cap_chunks, pc->nr_chunks))
		return PERCPU_NO_CHUNK;
	pc->chunks[pc->nr_chunks] = NULL;
	return pc->nr_chunks++;
}

static bool take_memory(const struct percpu *pc, struct pcpu_chunk *chunk)
{
	chunk->areas = calloc(pc->layout.nr_groups, sizeof(*chunk->areas));
	chunk->pages = malloc((size_t)pc->machine->cpus * chunk->nr_pages * sizeof(*chunk->pages));
	return chunk->areas && chunk->pages;
}

/* Its areas are known. */
static void add_chunk(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t number)
{
	chunk->base = vmap_address(pc->vmalloc, chunk->areas[0]) - pc->group_offset[0];
	chunk->number = number;
	pc->chunks[number] = chunk;
	pc->done.chunks++;
	pc->done.max_chunks = max_u64(pc->done.max_chunks, pc->done.chunks);
	pcpu_chunk_relocate(pc, chunk, PERCPU_NO_CHUNK);
}

/* Address space for the units of all groups, congruent with the first chunk's. */
static bool take_space(struct percpu *pc, struct pcpu_chunk *chunk, struct meter *meter)
{
	if (!take_memory(pc, chunk))
		return false;
	if (vmap_take_groups(pc->vmalloc, pc->group_offset, pc->group_size, pc->layout.nr_groups, pc->layout.atom_size,
		    chunk->areas, meter) != MM_DONE)
		return false;
	for (uint32_t g = 0; g < pc->layout.nr_groups; g++)
		vmap_describe(pc->vmalloc, chunk->areas[g], 0, 0);
	return true;
}

struct pcpu_chunk *pcpu_chunk_create(struct percpu *pc, struct meter *meter)
{
	struct pcpu_chunk *chunk = pcpu_chunk_new(pc, pc->unit_pages);
	uint32_t number = chunk ? free_number(pc) : PERCPU_NO_CHUNK;

	meter_charge(meter, STEP_PERCPU_CHUNK, 1);
	if (number == PERCPU_NO_CHUNK || !take_space(pc, chunk, meter)) {
		pcpu_chunk_delete(pc, chunk);
		return NULL;
	}
	pc->done.chunks_created++;
	add_chunk(pc, chunk, number);
	return chunk;
}

uint32_t percpu_adopt_chunk(struct percpu *pc, const uint32_t *areas)
{
	struct pcpu_chunk *chunk = pcpu_chunk_new(pc, pc->unit_pages);
	uint32_t number = chunk ? free_number(pc) : PERCPU_NO_CHUNK;

	if (number == PERCPU_NO_CHUNK || !take_memory(pc, chunk)) {
		pcpu_chunk_delete(pc, chunk);
		return PERCPU_AREA_NONE;
	}
	memcpy(chunk->areas, areas, pc->layout.nr_groups * sizeof(*areas));
	add_chunk(pc, chunk, number);
	return number;
}

uint32_t percpu_lend(struct percpu *pc, const pfn_t *pfns, uint32_t nr)
{
	uint32_t left = pc->nr_lent;

	pc->lent = pfns;
	pc->nr_lent = nr;
	return left;
}

static pfn_t *page_of(const struct pcpu_chunk *chunk, unsigned int cpu, uint32_t page)
{
	return &chunk->pages[(size_t)cpu * chunk->nr_pages + page];
}

/* Gives back the pages of CPUs below @cpus and, of CPU @cpus, those below @last. */
static void free_pages(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t from, uint32_t to, uint32_t cpus,
	uint32_t last, unsigned int on_cpu, struct meter *meter)
{
	for (uint32_t cpu = 0; cpu < pc->machine->cpus && cpu <= cpus; cpu++)
		for (uint32_t page = from; page < (cpu == cpus ? last : to); page++)
			page_alloc_give(pc->pages, *page_of(chunk, cpu, page), 0, on_cpu, meter);
}

static bool take_pages(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t from, uint32_t to, gfp_t gfp,
	unsigned int on_cpu, struct meter *meter)
{
	for (uint32_t cpu = 0; cpu < pc->machine->cpus; cpu++) {
		for (uint32_t page = from; page < to; page++) {
			struct page_request req = { .gfp = gfp | GFP_BIT_HIGHMEM, .cpu = (uint16_t)on_cpu,
				.node = (int16_t)pc->machine->node_of_cpu[cpu] };

			if (pc->nr_lent) {
				*page_of(chunk, cpu, page) = pc->lent[--pc->nr_lent];
				continue;
			}
			if (page_alloc_take(pc->pages, &req, page_of(chunk, cpu, page), meter) == MM_DONE)
				continue;
			free_pages(pc, chunk, from, to, cpu, page, on_cpu, meter);
			return false;
		}
	}
	return true;
}

/* Page tables of [from, to) of all units. */
static bool map_pages(struct percpu *pc, const struct pcpu_chunk *chunk, uint32_t from, uint32_t to,
	unsigned int on_cpu, struct meter *meter)
{
	uint64_t page_size = pc->machine->page_size;

	for (uint32_t cpu = 0; cpu < pc->machine->cpus; cpu++)
		if (vmap_map(pc->vmalloc, chunk->base + pc->unit_offset[cpu] + from * page_size,
			    (to - from) * page_size, on_cpu, meter) != MM_DONE)
			return false;
	return true;
}

bool pcpu_populate(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t from, uint32_t to, gfp_t gfp, unsigned int cpu,
	struct meter *meter)
{
	meter_charge(meter, STEP_PERCPU_POPULATE_CPU, (to - from) * pc->machine->cpus);
	if (!take_pages(pc, chunk, from, to, gfp, cpu, meter))
		return false;
	if (!map_pages(pc, chunk, from, to, cpu, meter)) {
		free_pages(pc, chunk, from, to, pc->machine->cpus, 0, cpu, meter);
		return false;
	}
	bitmap_set(chunk->populated, from, to);
	chunk->nr_populated += to - from;
	pc->nr_populated += to - from;
	pc->done.pages_populated += to - from;
	pcpu_add_empty(pc, chunk, (int32_t)(to - from));
	return true;
}

/* Models pcpu_depopulate_chunk() and pcpu_chunk_depopulated(). */
static void depopulate(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t from, uint32_t to, unsigned int cpu,
	struct meter *meter)
{
	free_pages(pc, chunk, from, to, pc->machine->cpus, 0, cpu, meter);
	bitmap_clear(chunk->populated, from, to);
	chunk->nr_populated -= to - from;
	pc->nr_populated -= to - from;
	pc->done.pages_depopulated += to - from;
	pcpu_add_empty(pc, chunk, -(int32_t)(to - from));
}

static void destroy(struct percpu *pc, struct pcpu_chunk *chunk, unsigned int cpu, struct meter *meter)
{
	uint32_t from = 0;

	while ((from = bitmap_next_set(chunk->populated, from, chunk->nr_pages)) < chunk->nr_pages) {
		uint32_t to = bitmap_next_zero(chunk->populated, from, chunk->nr_pages);

		depopulate(pc, chunk, from, to, cpu, meter);
		from = to;
	}
	for (uint32_t g = 0; g < pc->layout.nr_groups; g++)
		vmap_give(pc->vmalloc, chunk->areas[g], cpu, meter);
	pc->done.chunks_destroyed++;
	pc->done.chunks--;
	pcpu_chunk_delete(pc, chunk);
}

void pcpu_isolate(struct percpu *pc, struct pcpu_chunk *chunk)
{
	if (!chunk->isolated) {
		chunk->isolated = true;
		pc->nr_empty -= chunk->nr_empty;
	}
	pcpu_chunk_move(pc, chunk, pc->depopulate_slot, true);
}

void pcpu_reintegrate(struct percpu *pc, struct pcpu_chunk *chunk)
{
	if (!chunk->isolated)
		return;
	chunk->isolated = false;
	pc->nr_empty += chunk->nr_empty;
	pcpu_chunk_relocate(pc, chunk, PERCPU_NO_CHUNK);
}

/* Wholly free chunks but the first of their list go, the last one first. Models pcpu_balance_free(). */
static void balance_free(struct percpu *pc, bool unpopulated_only, unsigned int cpu, struct meter *meter)
{
	uint32_t at = pc->lists[pc->free_slot].tail;

	while (at != PERCPU_NO_CHUNK && at != pc->lists[pc->free_slot].head) {
		struct pcpu_chunk *chunk = pc->chunks[at];

		at = chunk->prev;
		if (!unpopulated_only || chunk->nr_empty == 0)
			destroy(pc, chunk, cpu, meter);
	}
}

static bool is_empty_page(const struct percpu *pc, const struct pcpu_chunk *chunk, uint32_t page)
{
	return chunk->blocks[page].contig_hint == (int32_t)pc->block_bits && bitmap_test(chunk->populated, page);
}

/* From its last page down. Return: whether the chunk's empty pages are needed after all. */
static bool reclaim_chunk(struct percpu *pc, struct pcpu_chunk *chunk, unsigned int cpu, struct meter *meter)
{
	uint32_t end = 0; /* of the run of empty pages that is being collected, 0 = none */

	for (uint32_t page = chunk->nr_pages; page-- > 0;) {
		uint32_t from = page + 1;

		if (chunk->nr_empty == 0)
			return false;
		if (pc->nr_empty < PERCPU_EMPTY_HIGH)
			return true;
		if (is_empty_page(pc, chunk, page)) {
			end = end ? end : page + 1;
			if (page > 0)
				continue;
			from = 0;
		}
		if (end)
			depopulate(pc, chunk, from, end, cpu, meter);
		end = 0;
	}
	return false;
}

/* Models pcpu_reclaim_populated(). */
static void balance_reclaim(struct percpu *pc, unsigned int cpu, struct meter *meter)
{
	uint32_t number;

	while ((number = pc->lists[pc->depopulate_slot].head) != PERCPU_NO_CHUNK) {
		struct pcpu_chunk *chunk = pc->chunks[number];
		uint32_t before = chunk->nr_populated;
		bool needed = reclaim_chunk(pc, chunk, cpu, meter);

		if (chunk->nr_populated < before)
			meter_charge(meter, STEP_TLB_SHOOTDOWN, 1);
		if (needed || chunk->free_bytes == pc->layout.unit_size)
			pcpu_reintegrate(pc, chunk);
		else
			pcpu_chunk_move(pc, chunk, pc->sidelined_slot, false);
	}
}

static struct pcpu_chunk *first_unpopulated(const struct percpu *pc, uint32_t slot)
{
	for (uint32_t at = pc->lists[slot].head; at != PERCPU_NO_CHUNK; at = pc->chunks[at]->next)
		if (pc->chunks[at]->nr_populated < pc->chunks[at]->nr_pages)
			return pc->chunks[at];
	return NULL;
}

/* Up to @want pages of @chunk. Return: pages still wanted, 0 when there is no memory. */
static uint32_t populate_some(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t want, unsigned int cpu,
	struct meter *meter)
{
	gfp_t gfp = GFP_KERNEL | GFP_BIT_NORETRY | GFP_BIT_NOWARN;
	uint32_t from = 0;

	while (want && (from = bitmap_next_zero(chunk->populated, from, chunk->nr_pages)) < chunk->nr_pages) {
		uint32_t to = bitmap_next_set(chunk->populated, from, chunk->nr_pages);
		uint32_t nr = (uint32_t)min_u64(to - from, want);

		if (!pcpu_populate(pc, chunk, from, from + nr, gfp, cpu, meter))
			return 0;
		want -= nr;
		from = to;
	}
	return want;
}

/* Models pcpu_balance_populated(). */
static void balance_populate(struct percpu *pc, unsigned int cpu, struct meter *meter)
{
	for (;;) {
		int32_t missing = PERCPU_EMPTY_HIGH - pc->nr_empty;
		uint32_t want = pc->atomic_failed ? PERCPU_EMPTY_HIGH : missing > 0 ? (uint32_t)missing : 0;

		want = (uint32_t)min_u64(want, PERCPU_EMPTY_HIGH);
		pc->atomic_failed = false;
		for (uint32_t slot = pcpu_size_slot(pc, pc->machine->page_size); want && slot <= pc->free_slot;
			slot++) {
			struct pcpu_chunk *chunk = first_unpopulated(pc, slot);

			if (chunk)
				want = populate_some(pc, chunk, want, cpu, meter);
		}
		if (!want || !pcpu_chunk_create(pc, meter))
			return;
	}
}

bool percpu_balance_due(const struct percpu *pc)
{
	return pc->balance_due;
}

void percpu_balance(struct percpu *pc, unsigned int cpu, struct meter *meter)
{
	pc->balance_due = false;
	pc->done.balance_runs++;
	balance_free(pc, false, cpu, meter);
	balance_reclaim(pc, cpu, meter);
	balance_populate(pc, cpu, meter);
	balance_free(pc, true, cpu, meter);
}
