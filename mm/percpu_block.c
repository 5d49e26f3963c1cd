/*
 * percpu_block: what is known of free runs, kept after each allocation and free so that a search need not read the
 * maps. Models the pcpu_block_md functions of mm/percpu.c (6.1), with what they forget: spec 7.4, 7.5 and 7.7.
 */
#include "mm/percpu_priv.h"

static int32_t min_i32(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static bool overlaps(int32_t a, int32_t a_end, int32_t b, int32_t b_end)
{
	return a < b_end && b < a_end;
}

static int trailing_zeros(int32_t bit)
{
	return __builtin_ctz((uint32_t)bit);
}

static void block_all_free(struct pcpu_block *block)
{
	block->contig_hint = block->left_free = block->right_free = block->nr_bits;
	block->contig_start = block->scan_hint = block->first_free = 0;
}

void pcpu_blocks_init(struct pcpu_chunk *chunk, uint32_t block_bits)
{
	chunk->whole = (struct pcpu_block){ .nr_bits = (int32_t)(chunk->nr_pages * block_bits) };
	block_all_free(&chunk->whole);
	for (uint32_t i = 0; i < chunk->nr_pages; i++) {
		chunk->blocks[i] = (struct pcpu_block){ .nr_bits = (int32_t)block_bits };
		block_all_free(&chunk->blocks[i]);
	}
}

/* A run longer than the hint becomes the hint, and the old one a run before it. */
static void longer_run(struct pcpu_block *block, int32_t start, int32_t bits)
{
	if (start <= block->contig_start) {
		block->scan_hint = 0;
	} else if (block->contig_hint > block->scan_hint) {
		block->scan_start = block->contig_start;
		block->scan_hint = block->contig_hint;
	} else if (start < block->scan_start) {
		block->scan_hint = 0;
	}
	block->contig_start = start;
	block->contig_hint = bits;
}

/* A run as long as the hint: the better aligned one is the hint. */
static void equal_run(struct pcpu_block *block, int32_t start, int32_t bits)
{
	if (block->contig_start && (!start || trailing_zeros(start) > trailing_zeros(block->contig_start))) {
		block->contig_start = start;
		if (start < block->scan_start && block->contig_hint > block->scan_hint)
			block->scan_hint = 0;
	} else if (start > block->scan_start || block->contig_hint > block->scan_hint) {
		block->scan_start = start;
		block->scan_hint = bits;
	}
}

/* The run [start, end) is free. Models pcpu_block_update(); a run of negative length is only a place to begin. */
static void block_update(struct pcpu_block *block, int32_t start, int32_t end)
{
	int32_t bits = end - start;

	block->first_free = min_i32(block->first_free, start);
	if (start == 0)
		block->left_free = bits;
	if (end == block->nr_bits)
		block->right_free = bits;
	if (bits > block->contig_hint) {
		longer_run(block, start, bits);
	} else if (bits == block->contig_hint) {
		equal_run(block, start, bits);
	} else if (start < block->contig_start &&
		   (bits > block->scan_hint || (bits == block->scan_hint && start > block->scan_start))) {
		block->scan_start = start;
		block->scan_hint = bits;
	}
}

static uint32_t block_base(const struct percpu *pc, int32_t index)
{
	return (uint32_t)index * pc->block_bits;
}

/* The first clear bit at or behind @from of the block, its length when there is none. */
static int32_t next_zero_in_block(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t index, int32_t from)
{
	uint32_t base = block_base(pc, index);

	if (from >= (int32_t)pc->block_bits)
		return (int32_t)pc->block_bits;
	return (int32_t)(bitmap_next_zero(chunk->alloc_map, base + (uint32_t)from, base + pc->block_bits) - base);
}

/* One past the last set bit before @bit in its block. */
static int32_t run_start(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t index, int32_t bit)
{
	uint32_t base = block_base(pc, index), end = base + (uint32_t)bit;
	uint32_t last = bitmap_last_set(chunk->alloc_map, base, end);

	return last == end ? 0 : (int32_t)(last - base) + 1;
}

/* The hint is broken: find the longest run again, from the run before it on. Models pcpu_block_refresh_hint(). */
static void block_refresh(const struct percpu *pc, struct pcpu_chunk *chunk, int32_t index)
{
	struct pcpu_block *block = &chunk->blocks[index];
	uint32_t base = block_base(pc, index), end = base + pc->block_bits, at;

	if (block->scan_hint) {
		at = base + (uint32_t)(block->scan_start + block->scan_hint);
		block->contig_start = block->scan_start;
		block->contig_hint = block->scan_hint;
		block->scan_hint = 0;
	} else {
		at = base + (uint32_t)block->first_free;
		block->contig_hint = 0;
	}
	block->right_free = 0;
	while ((at = bitmap_next_zero(chunk->alloc_map, at, end)) < end) {
		uint32_t stop = bitmap_next_set(chunk->alloc_map, at, end);

		block_update(block, (int32_t)(at - base), (int32_t)(stop - base));
		at = stop;
	}
}

/*
 * The next free run that blocks know of: the longest of each,
 * and those across borders. Models pcpu_next_md_free_region().
 * @bit: where to begin, then where it is. Return: its length; @bit is at the end when there is none.
 */
static int32_t next_known_run(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t *bit)
{
	int32_t size = (int32_t)pc->block_bits, in_block = *bit % size, bits = 0;

	for (int32_t i = *bit / size; i < (int32_t)chunk->nr_pages; i++, in_block = 0) {
		const struct pcpu_block *block = &chunk->blocks[i];

		if (bits) {
			bits += block->left_free;
			if (block->left_free == size)
				continue;
			return bits;
		}
		bits = block->contig_hint;
		if (bits && block->contig_start >= in_block && bits + block->contig_start < size) {
			*bit = i * size + block->contig_start;
			return bits;
		}
		bits = block->right_free;
		*bit = (i + 1) * size - block->right_free;
	}
	return bits;
}

/* Models pcpu_chunk_refresh_hint(). */
static void chunk_refresh(const struct percpu *pc, struct pcpu_chunk *chunk, bool full)
{
	struct pcpu_block *whole = &chunk->whole;
	int32_t at, bits;

	if (!full && whole->scan_hint) {
		at = whole->scan_start + whole->scan_hint;
		whole->contig_start = whole->scan_start;
		whole->contig_hint = whole->scan_hint;
		whole->scan_hint = 0;
	} else {
		at = whole->first_free;
		whole->contig_hint = 0;
	}
	while (bits = next_known_run(pc, chunk, &at), at < pcpu_map_bits(chunk)) {
		block_update(whole, at, at + bits);
		at += bits + 1;
	}
}

void pcpu_add_empty(struct percpu *pc, struct pcpu_chunk *chunk, int32_t nr)
{
	chunk->nr_empty += nr;
	if (!pcpu_is_reserved(chunk) && !chunk->isolated)
		pc->nr_empty += nr;
}

void pcpu_hint_scan(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits)
{
	int32_t size = (int32_t)pc->block_bits, index = bit / size, start = bit % size, end = start + bits;

	if (end > size)
		return;
	block_update(&chunk->blocks[index], run_start(pc, chunk, index, start), end);
}

/* The first block of an allocation, from @so on, to its end or @eo. */
static void alloc_first_block(struct percpu *pc, struct pcpu_chunk *chunk, int32_t index, int32_t so, int32_t bits,
	bool only)
{
	struct pcpu_block *block = &chunk->blocks[index];

	if (so == block->first_free)
		block->first_free = next_zero_in_block(pc, chunk, index, so + bits);
	if (overlaps(block->scan_start, block->scan_start + block->scan_hint, so, so + bits))
		block->scan_hint = 0;
	if (overlaps(block->contig_start, block->contig_start + block->contig_hint, so, so + bits)) {
		if (so == 0)
			block->left_free = 0;
		block_refresh(pc, chunk, index);
		return;
	}
	block->left_free = min_i32(block->left_free, so);
	block->right_free = only ? min_i32(block->right_free, block->nr_bits - (so + bits)) : 0;
}

/* The last block of an allocation that began in an earlier one; it ends at @eo, before the block does. */
static void alloc_last_block(struct percpu *pc, struct pcpu_chunk *chunk, int32_t index, int32_t eo)
{
	struct pcpu_block *block = &chunk->blocks[index];

	if (eo > block->scan_start)
		block->scan_hint = 0;
	block->left_free = 0;
	if (eo > block->contig_start)
		block_refresh(pc, chunk, index);
	else
		block->right_free = min_i32(block->right_free, block->nr_bits - eo);
}

void pcpu_hint_alloc(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits)
{
	int32_t size = (int32_t)pc->block_bits, last_bit = bit + bits - 1;
	int32_t first = bit / size, last = last_bit / size, so = bit % size, eo = last_bit % size + 1;
	struct pcpu_block *whole = &chunk->whole;
	int32_t lost = chunk->blocks[first].contig_hint == size;

	alloc_first_block(pc, chunk, first, so, bits, first == last);
	if (first != last) {
		int32_t full = last;

		lost += (chunk->blocks[last].contig_hint == size) + last - first - 1;
		chunk->blocks[last].first_free = next_zero_in_block(pc, chunk, last, eo);
		if (eo == size)
			full++;
		else
			alloc_last_block(pc, chunk, last, eo);
		for (int32_t i = first + 1; i < full; i++) {
			struct pcpu_block *block = &chunk->blocks[i];

			block->scan_hint = block->contig_hint = block->left_free = block->right_free = 0;
		}
	}
	if (lost)
		pcpu_add_empty(pc, chunk, -lost);
	if (overlaps(whole->scan_start, whole->scan_start + whole->scan_hint, bit, bit + bits))
		whole->scan_hint = 0;
	if (overlaps(whole->contig_start, whole->contig_start + whole->contig_hint, bit, bit + bits))
		chunk_refresh(pc, chunk, false);
}

/* Where the free run around the freed bits ends, in its last block. */
static int32_t free_run_end(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t index, int32_t eo)
{
	const struct pcpu_block *block = &chunk->blocks[index];
	uint32_t base = block_base(pc, index);

	if (eo == block->contig_start)
		return block->contig_start + block->contig_hint;
	return (int32_t)(bitmap_next_set(chunk->alloc_map, base + (uint32_t)eo, base + pc->block_bits) - base);
}

void pcpu_hint_free(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits)
{
	int32_t size = (int32_t)pc->block_bits, last_bit = bit + bits - 1;
	int32_t first = bit / size, last = last_bit / size, so = bit % size, eo = last_bit % size + 1;
	struct pcpu_block *block = &chunk->blocks[first];
	int32_t start = so == block->contig_start + block->contig_hint ? block->contig_start :
									  run_start(pc, chunk, first, so);
	int32_t end = free_run_end(pc, chunk, last, eo);
	int32_t first_end = first == last ? end : size;
	int32_t gained = start == 0 && first_end == size;

	block_update(block, start, first_end);
	if (first != last) {
		gained += (end == size) + last - first - 1;
		block_update(&chunk->blocks[last], 0, end);
		for (int32_t i = first + 1; i < last; i++)
			block_all_free(&chunk->blocks[i]);
	}
	if (gained)
		pcpu_add_empty(pc, chunk, gained);
	/*
	 * The chunk hears of whole pages and of runs across pages. Of others it is told their start in the chunk but
	 * their end in the block: so does the kernel since 5.2, and so such a run is not seen beyond the first page.
	 */
	if (end - start >= size || first != last)
		chunk_refresh(pc, chunk, true);
	else
		block_update(&chunk->whole, first * size + start, end);
}
