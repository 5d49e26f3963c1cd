/* percpu_check: walks the invariants of percpu_priv.h. */
#include <inttypes.h>

#include "mm/percpu_priv.h"

static uint32_t count_clear(const uint64_t *map, uint32_t bits)
{
	uint32_t clear = bits;

	for (uint32_t at = 0; (at = bitmap_next_set(map, at, bits)) < bits;) {
		uint32_t end = bitmap_next_zero(map, at, bits);

		clear -= end - at;
		at = end;
	}
	return clear;
}

static int check_block(const struct percpu *pc, const struct pcpu_chunk *chunk, uint32_t i, struct err *err)
{
	const struct pcpu_block *block = &chunk->blocks[i];
	const uint64_t *map = chunk->alloc_map;
	uint32_t from = i * pc->block_bits, to = from + pc->block_bits, run = from + (uint32_t)block->contig_start;
	uint32_t last = bitmap_last_set(map, from, to);
	int32_t left = (int32_t)(bitmap_next_set(map, from, to) - from);
	int32_t right = last == to ? (int32_t)pc->block_bits : (int32_t)(to - last - 1);

	if (block->left_free != left || (block->right_free != right && block->right_free != 0))
		return err_set(err, ERR_INVARIANT,
			"percpu 3: chunk %u block %u: free at its ends %d and %d, not %d and %d", chunk->number, i,
			left, right, block->left_free, block->right_free);
	if ((block->contig_hint == 0 && last != to && left + right > 0) ||
		(block->contig_hint && bitmap_next_set(map, run, to) - run != (uint32_t)block->contig_hint) ||
		block->contig_hint < left)
		return err_set(err, ERR_INVARIANT, "percpu 3: chunk %u block %u: no free run of %d bits at %d",
			chunk->number, i, block->contig_hint, block->contig_start);
	if (from + (uint32_t)block->first_free > bitmap_next_zero(map, from, to))
		return err_set(err, ERR_INVARIANT, "percpu 3: chunk %u block %u: free before %d", chunk->number, i,
			block->first_free);
	return 0;
}

static int check_whole(const struct pcpu_chunk *chunk, struct err *err)
{
	const struct pcpu_block *whole = &chunk->whole;
	uint32_t bits = (uint32_t)whole->nr_bits, start = (uint32_t)whole->contig_start;
	uint32_t clear = count_clear(chunk->alloc_map, bits);

	if (chunk->free_bytes != clear * PERCPU_MIN_ALLOC)
		return err_set(err, ERR_INVARIANT, "percpu 1: chunk %u: %u bytes free, not %u", chunk->number,
			clear * PERCPU_MIN_ALLOC, chunk->free_bytes);
	if (whole->contig_hint && bitmap_next_set(chunk->alloc_map, start, bits) - start < (uint32_t)whole->contig_hint)
		return err_set(err, ERR_INVARIANT, "percpu 4: chunk %u: no free run of %d bits at %u", chunk->number,
			whole->contig_hint, start);
	if ((uint32_t)whole->first_free > bitmap_next_zero(chunk->alloc_map, 0, bits))
		return err_set(err, ERR_INVARIANT, "percpu 4: chunk %u: free before %d", chunk->number,
			whole->first_free);
	return 0;
}

static int check_slot(const struct percpu *pc, const struct pcpu_chunk *chunk, struct err *err)
{
	uint32_t want = pcpu_chunk_slot(pc, chunk);
	bool right = chunk->isolated ? chunk->slot == pc->sidelined_slot || chunk->slot == pc->depopulate_slot :
				       chunk->slot == want || (chunk->slot == 0 && want < PERCPU_SLOT_FAIL);

	if (pcpu_is_reserved(chunk))
		right = chunk->slot == PERCPU_NO_CHUNK;
	if (!right)
		return err_set(err, ERR_INVARIANT, "percpu 5: chunk %u is in slot %u, its hint says %u", chunk->number,
			chunk->slot, want);
	return 0;
}

static int check_pages(const struct percpu *pc, const struct pcpu_chunk *chunk, struct err *err)
{
	uint32_t populated = chunk->nr_pages - count_clear(chunk->populated, chunk->nr_pages);
	int32_t empty = 0;

	for (uint32_t page = 0; page < chunk->nr_pages; page++) {
		if (!bitmap_test(chunk->populated, page))
			continue;
		empty += chunk->blocks[page].contig_hint == (int32_t)pc->block_bits;
		for (uint32_t cpu = 0; chunk->pages && cpu < pc->machine->cpus; cpu++)
			if (!page_alloc_allocated(pc->pages, chunk->pages[cpu * (size_t)chunk->nr_pages + page], 0))
				return err_set(err, ERR_INVARIANT,
					"percpu 6: chunk %u page %u of CPU %u is free memory", chunk->number, page,
					cpu);
	}
	if (populated != chunk->nr_populated || empty != chunk->nr_empty)
		return err_set(err, ERR_INVARIANT, "percpu 6: chunk %u: %u pages populated and %d empty, not %u and %d",
			chunk->number, populated, empty, chunk->nr_populated, chunk->nr_empty);
	return 0;
}

static int check_runs(const struct pcpu_chunk *chunk, struct err *err)
{
	struct pcpu_runs runs = pcpu_measure_runs(chunk);

	if (chunk->runs_known && (runs.largest_free_bytes != chunk->runs.largest_free_bytes ||
					 runs.hole_bytes != chunk->runs.hole_bytes ||
					 runs.largest_hole_bytes != chunk->runs.largest_hole_bytes))
		return err_set(err, ERR_INVARIANT, "percpu 7: chunk %u: %" PRIu64 " bytes of holes, not %" PRIu64,
			chunk->number, runs.hole_bytes, chunk->runs.hole_bytes);
	return 0;
}

static int check_chunk(const struct percpu *pc, const struct pcpu_chunk *chunk, struct err *err)
{
	int ret = check_whole(chunk, err);

	for (uint32_t i = 0; ret == 0 && i < chunk->nr_pages; i++)
		ret = check_block(pc, chunk, i, err);
	if (ret == 0)
		ret = check_slot(pc, chunk, err);
	if (ret == 0)
		ret = check_runs(chunk, err);
	return ret == 0 ? check_pages(pc, chunk, err) : ret;
}

static int check_area(const struct percpu *pc, uint32_t number, struct err *err)
{
	const struct pcpu_area *area = &pc->areas[number];
	const struct pcpu_chunk *chunk = area->chunk < pc->nr_chunks ? pc->chunks[area->chunk] : NULL;
	uint32_t end;

	if (area->chunk == PERCPU_NO_CHUNK)
		return 0;
	if (!chunk || !bitmap_test(chunk->bound_map, area->bit))
		return err_set(err, ERR_INVARIANT, "percpu 2: area %u does not begin at bit %u of chunk %u", number,
			area->bit, area->chunk);
	end = bitmap_next_set(chunk->bound_map, area->bit + 1, (uint32_t)pcpu_map_bits(chunk) + 1);
	if (bitmap_next_zero(chunk->alloc_map, area->bit, end) < end)
		return err_set(err, ERR_INVARIANT, "percpu 2: area %u at bit %u of chunk %u is partly free", number,
			area->bit, area->chunk);
	return 0;
}

int percpu_check(const void *state, struct err *err)
{
	const struct percpu *pc = state;
	int32_t empty = 0;
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < pc->nr_chunks; i++) {
		const struct pcpu_chunk *chunk = pc->chunks[i];

		if (!chunk)
			continue;
		ret = check_chunk(pc, chunk, err);
		if (!chunk->isolated && !pcpu_is_reserved(chunk))
			empty += chunk->nr_empty;
	}
	for (uint32_t i = 0; ret == 0 && i < pc->nr_areas; i++)
		ret = check_area(pc, i, err);
	if (ret == 0 && empty != pc->nr_empty)
		return err_set(err, ERR_INVARIANT, "percpu 6: %d empty pages, not %d", empty, pc->nr_empty);
	return ret;
}
