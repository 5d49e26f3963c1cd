/* decode: columns of a section into events, with all checks; see traces/block.h and traces/format.h. */
#include "traces/block.h"

/* The columns found in a payload; absent ones are empty. */
struct directory {
	struct cursor column[NR_COLUMNS];
};

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_TRACE, "malformed block: %s", what);
}

static int read_directory(struct directory *d, const uint8_t *raw, size_t len, struct err *err)
{
	struct cursor head = { raw, raw + len, false };
	struct cursor body;
	const uint8_t *p = cursor_take(&head, 1);
	unsigned int nr = p ? *p : 0;

	*d = (struct directory){ 0 };
	/* Two walks over the directory: the first finds where it ends and the columns begin. */
	body = head;
	for (unsigned int i = 0; i < nr; i++) {
		cursor_take(&body, 1);
		cursor_varint(&body);
	}
	for (unsigned int i = 0; i < nr; i++) {
		const uint8_t *id = cursor_take(&head, 1);
		uint64_t bytes = cursor_varint(&head);
		const uint8_t *data = bytes <= len ? cursor_take(&body, (size_t)bytes) : NULL;

		if (!id || !data)
			return malformed(err, "column directory");
		if (*id < NR_COLUMNS)
			d->column[*id] = (struct cursor){ data, data + bytes, false };
	}
	return body.bad || head.bad || cursor_left(&body) ? malformed(err, "column directory") : 0;
}

/* Join byte planes @first_id .. + 3 into @n numbers. */
static int join_planes32(struct directory *d, unsigned int first_id, uint32_t *numbers, size_t n)
{
	for (unsigned int plane = 0; plane < 4; plane++) {
		const uint8_t *p = d->column[first_id + plane].at;
		size_t len = cursor_left(&d->column[first_id + plane]);

		if (len && len != n)
			return -1;
		if (!plane) {
			for (size_t i = 0; i < n; i++)
				numbers[i] = len ? p[i] : 0;
		} else if (len) {
			for (size_t i = 0; i < n; i++)
				numbers[i] |= (uint32_t)p[i] << (8 * plane);
		}
	}
	return 0;
}

static int decode_times(struct block *b, struct directory *d, ns_t first_ns, struct err *err)
{
	struct cursor high = d->column[COLUMN_TIME_HIGH];
	const uint8_t *low = d->column[COLUMN_TIME_LOW].at;
	uint64_t time = first_ns;
	bool falls = false;

	if (cursor_left(&d->column[COLUMN_TIME_LOW]) != b->nr)
		return malformed(err, "times");
	for (uint32_t i = 0; i < b->nr; i++) {
		uint64_t rest = cursor_varint(&high);
		uint64_t later = time + (rest << 8 | low[i]);

		falls |= rest >> 56 || later < time;
		b->time_ns[i] = time = later;
	}
	return high.bad || falls || cursor_left(&high) ? malformed(err, "times") : 0;
}

static int decode_ops(struct block *b, struct directory *d, uint32_t nr_ops, struct err *err)
{
	uint32_t largest = 0;

	if (join_planes32(d, COLUMN_OP, b->op, b->nr) < 0)
		return malformed(err, "operations");
	for (uint32_t i = 0; i < b->nr; i++)
		largest = b->op[i] > largest ? b->op[i] : largest;
	return b->nr && largest >= nr_ops ? malformed(err, "operation that is not in the table") : 0;
}

static int decode_whos(struct block *b, struct directory *d, uint32_t nr_whos, struct err *err)
{
	struct cursor c = d->column[COLUMN_WHO];

	for (uint32_t i = 0; i < b->nr;) {
		uint64_t run = cursor_varint(&c);
		uint64_t who = cursor_varint(&c);

		if (c.bad || !run || run > b->nr - i || who >= nr_whos)
			return malformed(err, "tasks");
		for (uint32_t end = i + (uint32_t)run; i < end; i++)
			b->who[i] = (uint32_t)who;
	}
	return cursor_left(&c) ? malformed(err, "tasks") : 0;
}

/* Begins take their codes from @begin, ends and uses from @use; both have as many as the block needs. */
static void decode_slots(struct block *b, const uint8_t *op_class, const uint32_t *begin, const uint32_t *use)
{
	uint32_t *ended = b->ended, *top = ended;
	uint32_t next = 0;

	for (uint32_t i = 0; i < b->nr; i++) {
		unsigned int class = op_class[b->op[i]] & CLASS_MASK;
		uint32_t slot = SLOT_NONE;

		if (class == CLASS_BEGINS) {
			uint32_t code = *begin++;

			if (code) {
				uint32_t predicted = top > ended ? top[-1] : next;

				slot = predicted + (uint32_t)unzigzag32(code - 1);
				top -= top > ended && code == 1;
				next = slot + 1;
			}
		} else if (class != CLASS_ABSENT) {
			slot = *use++ - 1;
			if (class == CLASS_ENDS && slot != SLOT_NONE)
				*top++ = slot;
		}
		b->slot[i] = slot;
	}
}

/* @classes: the bits that any of the operations has are added. */
static int decode_slot_columns(struct block *b, struct directory *d, const struct block_limits *limits,
	unsigned int *classes, struct err *err)
{
	uint32_t begins = 0, absent = 0, uses, largest = 0;

	/* Not an array of counts: one that is raised again and again would be waited for. */
	for (uint32_t i = 0; i < b->nr; i++) {
		unsigned int class = limits->op_class[b->op[i]];

		begins += (class & CLASS_MASK) == CLASS_BEGINS;
		absent += (class & CLASS_MASK) == CLASS_ABSENT;
		*classes |= class;
	}
	uses = b->nr - begins - absent;
	if (join_planes32(d, COLUMN_BEGIN, b->code, begins) < 0 ||
		join_planes32(d, COLUMN_USE, b->code + begins, uses) < 0)
		return malformed(err, "slots");
	decode_slots(b, limits->op_class, b->code, b->code + begins);
	/* SLOT_NONE + 1 is 0. */
	for (uint32_t i = 0; i < b->nr; i++)
		largest = b->slot[i] + 1 > largest ? b->slot[i] + 1 : largest;
	return largest > limits->slots ? malformed(err, "slot out of range") : 0;
}

static int decode_values(struct block *b, struct directory *d, const struct block_limits *limits, unsigned int classes,
	struct err *err)
{
	struct cursor c = d->column[COLUMN_VALUE];
	bool bad_page = false;

	b->has_value = cursor_left(&c) > 0;
	for (uint32_t i = 0; i < b->nr && b->has_value; i++) {
		unsigned int class = limits->op_class[b->op[i]];

		b->value[i] = class & CLASS_VALUE ? cursor_varint(&c) : 0;
		bad_page |= class & CLASS_PAGE && b->value[i] >= limits->slots && b->value[i] != SLOT_NONE &&
			b->value[i] != PAGE_GONE;
	}
	if (b->has_value)
		return c.bad || bad_page || cursor_left(&c) ? malformed(err, "values") : 0;
	return classes & CLASS_VALUE ? malformed(err, "values are missing") : 0;
}

int block_decode(struct block *b, const struct section *s, const uint8_t *raw, const struct block_limits *limits,
	struct err *err)
{
	unsigned int classes = 0;
	struct directory d;
	int ret;

	if (s->nr_events > MAX_BLOCK_EVENTS || s->nr_events > s->raw_bytes)
		return malformed(err, "number of events");
	if (block_reserve(b, s->nr_events) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a block of %u events", s->nr_events);
	b->nr = s->nr_events;
	b->has_value = b->has_where = b->has_ctx = b->has_entry = b->has_moved = false;
	b->nr_moves = 0;
	ret = read_directory(&d, raw, s->raw_bytes, err);
	if (ret < 0 || (ret = decode_times(b, &d, s->first_ns, err)) < 0)
		return ret;
	ret = decode_ops(b, &d, limits->nr_ops, err);
	if (ret < 0 || (ret = decode_whos(b, &d, limits->nr_whos, err)) < 0)
		return ret;
	ret = decode_slot_columns(b, &d, limits, &classes, err);
	return ret < 0 ? ret : decode_values(b, &d, limits, classes, err);
}

static int decode_wheres(struct block *b, struct directory *d)
{
	memset(b->where, 0, b->nr * sizeof(*b->where));
	for (unsigned int plane = 0; plane < 8; plane++) {
		const uint8_t *p = d->column[COLUMN_WHERE + plane].at;

		if (!cursor_left(&d->column[COLUMN_WHERE + plane]))
			continue;
		if (cursor_left(&d->column[COLUMN_WHERE + plane]) != b->nr)
			return -1;
		for (uint32_t i = 0; i < b->nr; i++)
			b->where[i] |= (uint64_t)p[i] << (8 * plane);
	}
	return 0;
}

static int decode_entries(struct block *b, struct directory *d, const struct trace_who *whos)
{
	struct cursor c = d->column[COLUMN_ENTRY];
	uint32_t last[1u << ENTRY_CPU_BITS] = { 0 };
	bool bad = false;

	b->has_entry = cursor_left(&c) > 0;
	for (uint32_t i = 0; i < b->nr && b->has_entry; i++) {
		uint32_t *before = &last[entry_context(&whos[b->who[i]])];
		uint64_t code = cursor_varint(&c);
		uint64_t entry = code ? *before + (uint64_t)unzigzag64(code - 1) : 0;

		bad |= entry > UINT32_MAX || (code && !entry);
		b->entry[i] = (uint32_t)entry;
		*before = code ? (uint32_t)entry : *before;
	}
	return c.bad || bad || cursor_left(&c) ? -1 : 0;
}

static int decode_moved(struct block *b, struct directory *d)
{
	struct cursor c = d->column[COLUMN_MOVED];
	uint64_t all = 0;

	b->has_moved = cursor_left(&c) > 0;
	for (uint32_t i = 0; i < b->nr && b->has_moved; i++) {
		uint64_t moved = cursor_varint(&c);

		all |= moved;
		b->moved[i] = (uint16_t)moved;
	}
	return c.bad || all > UINT16_MAX || cursor_left(&c) ? -1 : 0;
}

/* Blocks of one run; @move has what they share. Return: 0, or -1 when there are too many or no memory. */
static int decode_move_run(struct block *b, struct trace_move *move, uint64_t nr, struct cursor *pfns)
{
	uint64_t pfn = b->nr_moves ? b->moves[b->nr_moves - 1].pfn : 0;

	if (!nr || nr > cursor_left(pfns) || nr > MAX_BLOCK_MOVES - b->nr_moves)
		return -1;
	for (uint64_t i = 0; i < nr; i++) {
		pfn += (uint64_t)unzigzag64(cursor_varint(pfns));
		move->pfn = pfn;
		if (pfns->bad || block_add_move(b, move) < 0)
			return -1;
		move->entry += move->entry != 0;
	}
	return 0;
}

static int decode_moves(struct block *b, struct directory *d, uint64_t first_event)
{
	struct cursor runs = d->column[COLUMN_MOVE_RUNS], pfns = d->column[COLUMN_MOVE_PFNS];
	uint32_t last[1u << ENTRY_CPU_BITS] = { 0 };
	struct trace_move move = { .before = first_event };

	while (cursor_left(&runs)) {
		uint64_t later = cursor_varint(&runs), what = cursor_varint(&runs), cpu = cursor_varint(&runs);
		uint64_t code = cursor_varint(&runs), nr = cursor_varint(&runs);
		uint32_t *expected = &last[cpu & ((1u << ENTRY_CPU_BITS) - 1)];
		uint64_t entry = code ? *expected + (uint64_t)unzigzag64(code - 1) : 0;

		if (runs.bad || later > b->nr || move.before + later > first_event + b->nr ||
			(what & 0xf) >= NR_MOVE_KINDS || what >> 8 > UINT8_MAX || cpu > UINT16_MAX ||
			entry > UINT32_MAX || nr > UINT32_MAX - entry)
			return -1;
		move.before += later;
		move.kind = what & 0xf;
		move.mt = what >> 4 & 0xf;
		move.order = (uint8_t)(what >> 8);
		move.cpu = (uint16_t)cpu;
		move.entry = (uint32_t)entry;
		if (decode_move_run(b, &move, nr, &pfns) < 0)
			return -1;
		*expected = entry ? (uint32_t)(entry + nr) : *expected;
	}
	return cursor_left(&pfns) ? -1 : 0;
}

int block_decode_recorded(struct block *b, const struct section *s, const uint8_t *raw,
	const struct block_limits *limits, bool moves, struct err *err)
{
	struct directory d;
	const struct cursor *ctx = &d.column[COLUMN_CTX];
	int ret = read_directory(&d, raw, s->raw_bytes, err);

	if (ret < 0)
		return ret;
	if (s->nr_events != b->nr || cursor_left(ctx) != b->nr)
		return malformed(err, "recorded columns");
	if (decode_wheres(b, &d) < 0 || decode_entries(b, &d, limits->whos) < 0 || decode_moved(b, &d) < 0)
		return malformed(err, "recorded columns");
	if (moves && decode_moves(b, &d, s->first_event) < 0)
		return malformed(err, "moved blocks");
	for (uint32_t i = 0; i < b->nr; i++)
		b->ctx[i] = ctx->at[i] & (CTX_MASK | CTX_PREEMPT_OFF | CTX_IRQS_OFF);
	b->has_where = b->has_ctx = true;
	return 0;
}
