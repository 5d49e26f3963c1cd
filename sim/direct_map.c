#include "sim/direct_map.h"

#include <string.h>

/* The nominal bases of x86, without randomisation: four-level paging, five-level paging, 32 bits. */
static const uint64_t nominals[] = { 0xffff888000000000ull, 0xff11000000000000ull, 0xc0000000ull };

static bool nominal_for(uint64_t address, uint64_t memory_end, uint64_t *base)
{
	for (size_t i = 0; i < sizeof(nominals) / sizeof(nominals[0]); i++) {
		if (address >= nominals[i] && address - nominals[i] < memory_end) {
			*base = nominals[i];
			return true;
		}
	}
	return false;
}

/* What the search has seen so far. */
struct search {
	uint32_t page_size;
	uint64_t memory_end;
	uint64_t pfn;           /* of the last pages given to a large kmalloc, and how many bytes */
	uint64_t bytes;
	uint32_t who;
	uint64_t solved;        /* base that the last pair told, 0 = none yet */
};

static bool is_object(const struct trace_op *op)
{
	return op->kind == KIND_KMALLOC || op->kind == KIND_KMEM_CACHE_ALLOC;
}

/*
 * A large kmalloc comes right after its pages, from the same task: base = address - frame * page size. Randomised bases
 * are multiples of 1 GiB, and two pairs must agree.
 */
static bool solve(struct search *search, const struct trace_op *op, uint32_t who, uint64_t where)
{
	uint64_t base;

	if (op->kind == KIND_ALLOC_PAGES) {
		search->pfn = op->origin == ORIGIN_KMALLOC_LARGE ? where : 0;
		search->bytes = (uint64_t)search->page_size << op->order;
		search->who = who;
		return false;
	}
	if (op->kind != KIND_KMALLOC || !search->pfn || search->who != who || op->size_alloc != search->bytes)
		return false;
	base = where - search->pfn * search->page_size;
	if (base == search->solved)
		return true;
	search->solved = base;
	return false;
}

/* Return: whether the answer is in @map now. */
static bool search_batch(struct search *search, const struct trace_tables *tables, const struct trace_batch *batch,
	struct direct_map *map)
{
	for (uint32_t i = 0; batch->where && i < batch->nr; i++) {
		const struct trace_op *op = &tables->ops[batch->op[i]];

		if (!batch->where[i])
			continue;
		if (is_object(op) && nominal_for(batch->where[i], search->memory_end, &map->base))
			return true;
		if (solve(search, op, batch->who[i], batch->where[i])) {
			map->base = search->solved;
			return true;
		}
	}
	return false;
}

static int search_trace(struct direct_map *map, struct trace_reader *reader, uint64_t memory_end, struct err *err)
{
	struct search search = { .page_size = trace_meta(reader)->page_size, .memory_end = memory_end };
	struct trace_batch batch;
	int ret;

	if (!search.page_size)
		search.page_size = 4096;
	while ((ret = trace_next(reader, &batch, err)) > 0) {
		map->known = search_batch(&search, trace_tables(reader), &batch, map);
		if (map->known)
			return 0;
	}
	return ret;
}

int direct_map_find(struct direct_map *map, const char *path, uint64_t memory_end, struct err *err)
{
	struct trace_reader_options options = { .recorded = true };
	const struct trace_meta *meta;
	struct trace_reader *reader;
	int ret;

	*map = (struct direct_map){ 0 };
	if (!strcmp(path, "-"))
		return err_set(err, ERR_USAGE,
			"the trace is read twice where objects are found by their recorded addresses: "
			"it cannot be standard input");
	ret = trace_open(&reader, path, &options, err);
	if (ret < 0)
		return ret;
	meta = trace_meta(reader);
	if (trace_is_recording(meta) && !meta->recorded_addresses)
		ret = err_set(err, ERR_TRACE,
			"%s has no recorded addresses to go by: import the recording again, without --no-recorded", path);
	else if (meta->recorded_addresses && !meta->hashed_pointers)
		ret = search_trace(map, reader, memory_end, err);
	trace_close(reader);
	return ret;
}
