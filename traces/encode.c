/* encode: events as columns into a section; see traces/block.h and traces/format.h. */
#include <stdlib.h>

#include "traces/block.h"

/* A payload in the making: the columns one behind the other, and where each begins. */
struct columns {
	struct bytes *raw; /* borrowed: the packer's */
	struct {
		uint8_t id;
		bool store;
		size_t start, end;
	} list[NR_COLUMNS];
	unsigned int nr;
};

static void column_begin(struct columns *c, unsigned int id, bool store)
{
	c->list[c->nr].id = (uint8_t)id;
	c->list[c->nr].store = store;
	c->list[c->nr].start = c->raw->len;
}

/* Empty columns are left out. */
static void column_end(struct columns *c)
{
	c->list[c->nr].end = c->raw->len;
	if (c->list[c->nr].end > c->list[c->nr].start)
		c->nr++;
}

/* Room for @nr varints, which are written from the answer on; NULL: no memory. varints_end() says where they end. */
static uint8_t *varints_begin(struct columns *c, unsigned int id, size_t nr)
{
	column_begin(c, id, false);
	return bytes_reserve(c->raw, nr * VARINT_MAX_BYTES);
}

static void varints_end(struct columns *c, const uint8_t *end)
{
	c->raw->len = (size_t)(end - c->raw->data);
	column_end(c);
}

static void put_planes32(struct columns *c, unsigned int first_id, const uint32_t *numbers, size_t n)
{
	uint32_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= numbers[i];
	for (unsigned int plane = 0; plane < 4 && all >> (8 * plane); plane++) {
		uint8_t *p = bytes_reserve(c->raw, n);

		if (!p)
			return;
		column_begin(c, first_id + plane, false);
		for (size_t i = 0; i < n; i++)
			p[i] = (uint8_t)(numbers[i] >> (8 * plane));
		c->raw->len += n;
		column_end(c);
	}
}

static void put_times(struct columns *c, const struct block *b, ns_t first_ns)
{
	uint8_t *p = bytes_reserve(c->raw, b->nr);
	ns_t before = first_ns;

	if (!p)
		return;
	column_begin(c, COLUMN_TIME_LOW, true);
	for (uint32_t i = 0; i < b->nr; i++) {
		p[i] = (uint8_t)(b->time_ns[i] - before);
		before = b->time_ns[i];
	}
	c->raw->len += b->nr;
	column_end(c);
	p = varints_begin(c, COLUMN_TIME_HIGH, b->nr);
	before = first_ns;
	for (uint32_t i = 0; p && i < b->nr; i++) {
		p = put_varint(p, (b->time_ns[i] - before) >> 8);
		before = b->time_ns[i];
	}
	if (p)
		varints_end(c, p);
}

static void put_whos(struct columns *c, const struct block *b)
{
	column_begin(c, COLUMN_WHO, false);
	for (uint32_t i = 0, next; i < b->nr; i = next) {
		for (next = i + 1; next < b->nr && b->who[next] == b->who[i]; next++)
			;
		bytes_put_varint(c->raw, next - i);
		bytes_put_varint(c->raw, b->who[i]);
	}
	column_end(c);
}

/* Slots that begin, against the prediction from the events before in this block. */
static size_t code_begins(struct block *b, const uint8_t *op_class)
{
	uint32_t next = 0, nr_ended = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < b->nr; i++) {
		uint32_t slot = b->slot[i];
		unsigned int class = op_class[b->op[i]] & CLASS_MASK;

		if (class == CLASS_ENDS && slot != SLOT_NONE)
			b->ended[nr_ended++] = slot;
		if (class != CLASS_BEGINS)
			continue;
		if (slot == SLOT_NONE) {
			b->code[n++] = 0;
			continue;
		}
		uint32_t predicted = nr_ended ? b->ended[nr_ended - 1] : next;

		b->code[n++] = 1 + zigzag32((int32_t)(slot - predicted));
		if (nr_ended && slot == predicted)
			nr_ended--;
		next = slot + 1;
	}
	return n;
}

static size_t code_uses(struct block *b, const uint8_t *op_class)
{
	size_t n = 0;

	for (uint32_t i = 0; i < b->nr; i++) {
		unsigned int class = op_class[b->op[i]] & CLASS_MASK;

		if (class == CLASS_USES || class == CLASS_ENDS)
			b->code[n++] = b->slot[i] + 1;
	}
	return n;
}

static void put_values(struct columns *c, const struct block *b, const uint8_t *op_class)
{
	column_begin(c, COLUMN_VALUE, false);
	for (uint32_t i = 0; i < b->nr; i++)
		if (op_class[b->op[i]] & CLASS_VALUE)
			bytes_put_varint(c->raw, b->value[i]);
	column_end(c);
}

/* Directory and columns into the section, each column by itself. */
static int pack_columns(struct columns *c, struct packer *p)
{
	struct bytes directory = { 0 };
	bool failed;

	bytes_put_u8(&directory, (uint8_t)c->nr);
	for (unsigned int i = 0; i < c->nr; i++) {
		bytes_put_u8(&directory, c->list[i].id);
		bytes_put_varint(&directory, c->list[i].end - c->list[i].start);
	}
	failed = directory.failed || c->raw->failed;
	if (!failed) {
		packer_add(p, directory.data, directory.len, true);
		for (unsigned int i = 0; i < c->nr; i++)
			packer_add(p, c->raw->data + c->list[i].start, c->list[i].end - c->list[i].start,
				c->list[i].store);
	}
	bytes_fini(&directory);
	return failed ? -1 : 0;
}

int block_encode(struct block *b, const uint8_t *op_class, ns_t first_ns, struct packer *p)
{
	struct columns c = { .raw = packer_scratch(p) };

	put_times(&c, b, first_ns);
	put_planes32(&c, COLUMN_OP, b->op, b->nr);
	put_whos(&c, b);
	put_planes32(&c, COLUMN_BEGIN, b->code, code_begins(b, op_class));
	put_planes32(&c, COLUMN_USE, b->code, code_uses(b, op_class));
	put_values(&c, b, op_class);
	return pack_columns(&c, p);
}

static void put_wheres(struct columns *c, const struct block *b)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < b->nr; i++)
		all |= b->where[i];
	for (unsigned int plane = 0; plane < 8 && all >> (8 * plane); plane++) {
		uint8_t *bytes = bytes_reserve(c->raw, b->nr);

		if (!bytes)
			return;
		column_begin(c, COLUMN_WHERE + plane, false);
		for (uint32_t i = 0; i < b->nr; i++)
			bytes[i] = (uint8_t)(b->where[i] >> (8 * plane));
		c->raw->len += b->nr;
		column_end(c);
	}
}

static void put_entries(struct columns *c, const struct block *b, const struct trace_who *whos)
{
	uint32_t last[1u << ENTRY_CPU_BITS] = { 0 };
	uint32_t all = 0;
	uint8_t *p;

	for (uint32_t i = 0; i < b->nr; i++)
		all |= b->entry[i];
	if (!all)
		return;
	p = varints_begin(c, COLUMN_ENTRY, b->nr);
	for (uint32_t i = 0; p && i < b->nr; i++) {
		uint32_t *before = &last[entry_context(&whos[b->who[i]])];

		p = put_varint(p, b->entry[i] ? 1 + zigzag64((int64_t)b->entry[i] - *before) : 0);
		*before = b->entry[i] ? b->entry[i] : *before;
	}
	if (p)
		varints_end(c, p);
}

static void put_moved(struct columns *c, const struct block *b)
{
	uint32_t all = 0;
	uint8_t *p;

	for (uint32_t i = 0; i < b->nr; i++)
		all |= b->moved[i];
	if (!all)
		return;
	p = varints_begin(c, COLUMN_MOVED, b->nr);
	for (uint32_t i = 0; p && i < b->nr; i++)
		p = put_varint(p, b->moved[i]);
	if (p)
		varints_end(c, p);
}

static bool goes_on(const struct trace_move *run, uint32_t nr, const struct trace_move *move)
{
	return move->before == run->before && move->kind == run->kind && move->mt == run->mt &&
		move->order == run->order && move->cpu == run->cpu && move->entry == (run->entry ? run->entry + nr : 0);
}

static void put_move_runs(struct columns *c, const struct block *b, uint64_t first_event)
{
	uint32_t last[1u << ENTRY_CPU_BITS] = { 0 };
	uint64_t before = first_event;

	column_begin(c, COLUMN_MOVE_RUNS, false);
	for (uint32_t i = 0, nr; i < b->nr_moves; i += nr) {
		const struct trace_move *run = &b->moves[i];
		uint32_t *expected = &last[run->cpu & ((1u << ENTRY_CPU_BITS) - 1)];

		for (nr = 1; i + nr < b->nr_moves && goes_on(run, nr, run + nr); nr++)
			;
		bytes_put_varint(c->raw, run->before - before);
		bytes_put_varint(c->raw, (uint64_t)run->kind | (uint64_t)run->mt << 4 | (uint64_t)run->order << 8);
		bytes_put_varint(c->raw, run->cpu);
		bytes_put_varint(c->raw, run->entry ? 1 + zigzag64((int64_t)run->entry - *expected) : 0);
		bytes_put_varint(c->raw, nr);
		before = run->before;
		*expected = run->entry ? run->entry + nr : *expected;
	}
	column_end(c);
}

static void put_move_pfns(struct columns *c, const struct block *b)
{
	uint8_t *p = varints_begin(c, COLUMN_MOVE_PFNS, b->nr_moves);
	uint64_t before = 0;

	for (uint32_t i = 0; p && i < b->nr_moves; i++) {
		p = put_varint(p, zigzag64((int64_t)(b->moves[i].pfn - before)));
		before = b->moves[i].pfn;
	}
	if (p)
		varints_end(c, p);
}

int block_encode_recorded(const struct block *b, const struct trace_who *whos, uint64_t first_event, struct packer *p)
{
	struct columns c = { .raw = packer_scratch(p) };

	put_wheres(&c, b);
	column_begin(&c, COLUMN_CTX, false);
	bytes_put(c.raw, b->ctx, b->nr);
	column_end(&c);
	put_entries(&c, b, whos);
	put_moved(&c, b);
	put_move_runs(&c, b, first_event);
	put_move_pfns(&c, b);
	return pack_columns(&c, p);
}
