/* percpu_find: where in a chunk an area fits. Models pcpu_find_block_fit() and pcpu_find_zero_area() of 6.1. */
#include "mm/percpu_priv.h"

/*
 * The next run that holds @bits bits as blocks know of them. Models pcpu_next_fit_region().
 * @bit: where to begin, then where to search from. Return: bits to search; @bit is at the end when there is none.
 */
static int32_t next_fit(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t bits, int32_t align,
	int32_t *bit)
{
	int32_t size = (int32_t)pc->block_bits, in_block = *bit % size, run = 0;

	for (int32_t i = *bit / size; i < (int32_t)chunk->nr_pages; i++, in_block = 0) {
		const struct pcpu_block *block = &chunk->blocks[i];
		int32_t pad = pcpu_align(block->contig_start, align) - block->contig_start, tail;

		if (run) {
			run += block->left_free;
			if (run >= bits)
				return run;
			if (block->left_free == size)
				continue;
		}
		if (block->contig_hint && block->contig_start >= in_block && block->contig_hint >= pad + bits) {
			int32_t start = pcpu_next_hint(block, bits);

			*bit = i * size + start;
			return pad + bits + block->contig_start - start;
		}
		tail = pcpu_align(size - block->right_free, align);
		run = size - tail;
		*bit = i * size + tail;
		if (run >= bits)
			return run;
	}
	*bit = pcpu_map_bits(chunk);
	return 0;
}

/* Whether the pages under [bit, bit + bits) are populated; else @next is behind the first stretch that is not. */
static bool is_populated(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t bit, int32_t bits,
	int32_t *next)
{
	uint32_t from = (uint32_t)bit / pc->block_bits,
		 to = ((uint32_t)(bit + bits) + pc->block_bits - 1) / pc->block_bits;
	uint32_t missing = bitmap_next_zero(chunk->populated, from, to);

	if (missing >= to)
		return true;
	*next = (int32_t)(bitmap_next_set(chunk->populated, missing + 1, to) * pc->block_bits);
	return false;
}

int32_t pcpu_find_fit(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t bits, int32_t align,
	bool populated_only)
{
	const struct pcpu_block *whole = &chunk->whole;
	int32_t at, run;

	if (pcpu_align(whole->contig_start, align) - whole->contig_start + bits > whole->contig_hint)
		return -1;
	at = pcpu_next_hint(whole, bits);
	while (run = next_fit(pc, chunk, bits, align, &at), at < pcpu_map_bits(chunk)) {
		int32_t next;

		if (!populated_only || is_populated(pc, chunk, at, run, &next))
			return at;
		at = next;
	}
	return -1;
}

int32_t pcpu_find_zero(const struct pcpu_chunk *chunk, int32_t start, int32_t end, int32_t bits, int32_t align,
	int32_t *off, int32_t *len)
{
	*off = *len = 0;
	for (;;) {
		int32_t at =
			pcpu_align((int32_t)bitmap_next_zero(chunk->alloc_map, (uint32_t)start, (uint32_t)end), align);
		int32_t set, run;

		if (at + bits > end)
			return -1;
		set = (int32_t)bitmap_next_set(chunk->alloc_map, (uint32_t)at, (uint32_t)(at + bits));
		if (set == at + bits)
			return at;
		run = set - at;
		if (run > *len ||
			(run == *len && *off && (!at || __builtin_ctz((uint32_t)at) > __builtin_ctz((uint32_t)*off)))) {
			*off = at;
			*len = run;
		}
		start = set + 1;
	}
}
