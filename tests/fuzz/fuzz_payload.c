/*
 * The payload of a section, past the checksums that would turn most of a fuzzer's inputs away.
 * The first byte chooses what it is (odd: tables, 2 and every
 * fourth: pages left alone), the next two the number of events.
 */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "traces/block.h"
#include "traces/tables.h"
#include "traces/spared.h"

/* Whatever was decoded must be within the limits: replay indexes with it. */
static void check_block(const struct block *b, const struct block_limits *limits)
{
	for (uint32_t i = 0; i < b->nr; i++) {
		if (b->op[i] >= limits->nr_ops || b->who[i] >= limits->nr_whos)
			abort();
		if (b->slot[i] != SLOT_NONE && b->slot[i] >= limits->slots)
			abort();
		if (i && b->time_ns[i] < b->time_ns[i - 1])
			abort();
	}
}

static void decode_block(const uint8_t *data, size_t size, uint32_t nr_events)
{
	static const uint8_t classes[] = { CLASS_ABSENT, CLASS_BEGINS, CLASS_USES, CLASS_ENDS,
		CLASS_BEGINS | CLASS_VALUE, CLASS_ENDS | CLASS_VALUE | CLASS_PAGE };
	static const struct trace_who whos[] = { { .cpu = 0 }, { .cpu = 1 }, { .cpu = UINT32_MAX } };
	const struct block_limits limits = { classes, whos, sizeof(classes), 3, 40 };
	struct section s = { .raw_bytes = (uint32_t)size, .nr_events = nr_events };
	struct block b = { .nr = 0 };
	struct err err;

	if (block_decode(&b, &s, data, &limits, &err) == 0) {
		check_block(&b, &limits);
		block_decode_recorded(&b, &s, data, &limits, true, &err);
	}
	block_fini(&b);
}

static void decode_tables(const uint8_t *data, size_t size)
{
	struct tables t;
	struct bytes again = { 0 };
	struct err err;

	if (tables_decode(&t, data, size, &err) == 0)
		tables_encode(&t.view, &again);
	bytes_fini(&again);
	tables_fini(&t);
}

static void decode_spared(const uint8_t *data, size_t size, uint32_t nr_events)
{
	uint64_t *bits;
	struct err err;

	if (spared_decode(&bits, data, size, nr_events, &err) == 0 && bits[nr_events / 64] >> nr_events % 64)
		abort();
	free(bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] & 1)
		decode_tables(data + 3, size - 3);
	else if (data[0] & 2)
		decode_spared(data + 3, size - 3, data[1] | (uint32_t)data[2] << 8);
	else
		decode_block(data + 3, size - 3, data[1] | (uint32_t)data[2] << 8);
	return 0;
}
