/* percpu_stats: figures of chunks, read off their maps. Models the sums of mm/percpu-stats.c. */
#include "base/bits.h"
#include "mm/percpu_priv.h"

void percpu_get_layout(const struct percpu *pc, struct percpu_layout *layout)
{
	*layout = pc->layout;
}

uint32_t percpu_nr_chunks(const struct percpu *pc)
{
	return pc->nr_chunks;
}

/* Free runs; those before the last area are holes. */
static void measure_runs(const struct pcpu_chunk *chunk, struct percpu_chunk_stats *stats)
{
	uint32_t end = (uint32_t)pcpu_map_bits(chunk) - chunk->hidden_end;
	uint32_t last = bitmap_last_set(chunk->alloc_map, chunk->hidden_start, end);
	uint32_t stop;

	for (uint32_t at = chunk->hidden_start; (at = bitmap_next_zero(chunk->alloc_map, at, end)) < end; at = stop) {
		uint64_t bytes;

		stop = bitmap_next_set(chunk->alloc_map, at, end);
		bytes = (uint64_t)(stop - at) * PERCPU_MIN_ALLOC;
		stats->largest_free_bytes = max_u64(stats->largest_free_bytes, bytes);
		if (last == end || at > last)
			continue;
		stats->hole_bytes += bytes;
		stats->largest_hole_bytes = max_u64(stats->largest_hole_bytes, bytes);
	}
}

bool percpu_chunk_get(const struct percpu *pc, uint32_t number, struct percpu_chunk_stats *stats)
{
	const struct pcpu_chunk *chunk = number < pc->nr_chunks ? pc->chunks[number] : NULL;

	if (!chunk)
		return false;
	*stats = (struct percpu_chunk_stats){
		.base = chunk->base,
		.areas = chunk->nr_areas,
		.populated_pages = chunk->nr_populated,
		.empty_pages = (uint32_t)chunk->nr_empty,
		.slot = chunk->slot,
		.free_bytes = chunk->free_bytes,
		.contig_bytes = (uint64_t)chunk->whole.contig_hint * PERCPU_MIN_ALLOC,
		.isolated = chunk->isolated,
	};
	measure_runs(chunk, stats);
	return true;
}

void percpu_get_stats(const struct percpu *pc, struct percpu_stats *stats)
{
	*stats = pc->done;
	stats->static_bytes = pc->static_used;
	stats->populated_pages = pc->nr_populated;
	stats->empty_pages = (uint64_t)(pc->nr_empty > 0 ? pc->nr_empty : 0);
	for (uint32_t i = 0; i < pc->nr_chunks; i++) {
		struct percpu_chunk_stats chunk;

		if (i == PERCPU_RESERVED_CHUNK || !percpu_chunk_get(pc, i, &chunk))
			continue;
		stats->free_bytes += chunk.free_bytes;
		stats->hole_bytes += chunk.hole_bytes;
		stats->largest_free_bytes = max_u64(stats->largest_free_bytes, chunk.largest_free_bytes);
		stats->largest_hole_bytes = max_u64(stats->largest_hole_bytes, chunk.largest_hole_bytes);
	}
}
