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

struct pcpu_runs pcpu_measure_runs(const struct pcpu_chunk *chunk)
{
	uint32_t end = (uint32_t)pcpu_map_bits(chunk) - chunk->hidden_end;
	uint32_t last = bitmap_last_set(chunk->alloc_map, chunk->hidden_start, end);
	struct pcpu_runs runs = { 0 };
	uint32_t stop;

	for (uint32_t at = chunk->hidden_start; (at = bitmap_next_zero(chunk->alloc_map, at, end)) < end; at = stop) {
		uint64_t bytes;

		stop = bitmap_next_set(chunk->alloc_map, at, end);
		bytes = (uint64_t)(stop - at) * PERCPU_MIN_ALLOC;
		runs.largest_free_bytes = max_u64(runs.largest_free_bytes, bytes);
		if (last == end || at > last)
			continue;
		runs.hole_bytes += bytes;
		runs.largest_hole_bytes = max_u64(runs.largest_hole_bytes, bytes);
	}
	return runs;
}

/* Each sample asks for all chunks, few of which have changed since the one before. */
static const struct pcpu_runs *runs_of(struct pcpu_chunk *chunk)
{
	if (!chunk->runs_known)
		chunk->runs = pcpu_measure_runs(chunk);
	chunk->runs_known = true;
	return &chunk->runs;
}

bool percpu_chunk_get(const struct percpu *pc, uint32_t number, struct percpu_chunk_stats *stats)
{
	struct pcpu_chunk *chunk = number < pc->nr_chunks ? pc->chunks[number] : NULL;
	const struct pcpu_runs *runs;

	if (!chunk)
		return false;
	runs = runs_of(chunk);
	*stats = (struct percpu_chunk_stats){
		.base = chunk->base,
		.areas = chunk->nr_areas,
		.populated_pages = chunk->nr_populated,
		.empty_pages = (uint32_t)chunk->nr_empty,
		.free_bytes = chunk->free_bytes,
		.contig_bytes = (uint64_t)chunk->whole.contig_hint * PERCPU_MIN_ALLOC,
		.largest_free_bytes = runs->largest_free_bytes,
		.hole_bytes = runs->hole_bytes,
		.largest_hole_bytes = runs->largest_hole_bytes,
		.isolated = chunk->isolated,
	};
	return true;
}

uint64_t percpu_populated_pages(const struct percpu *pc)
{
	return pc->nr_populated;
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
