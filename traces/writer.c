#include "traces/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "traces/background.h"
#include "traces/block.h"
#include "traces/collect.h"
#include "traces/header.h"
#include "traces/mappings.h"
#include "traces/spool.h"
#include "traces/tables.h"
#include "traces/spared.h"

/** A run of sections of one type, filled block by block, kept in a nameless file until the writer closes. */
struct stream {
	enum section_type type;
	struct block block;        /* the one being filled */
	uint64_t first_event;      /* number of the first event of that block */
	int spool;                 /* -1 before the first block */
	uint64_t bytes;            /* in the spool */
	ns_t last_ns;              /* time of the last event of the block before; the first time for the first */
};

/* A full block on its way to its stream's file, which happens in the background. */
struct flush {
	struct stream *stream;
	struct block block;
	uint64_t first_event;
	uint8_t *op_class;         /* owned, as whos: the tables as they were, since they grow meanwhile */
	struct trace_who *whos;
};

struct trace_writer {
	char *path;                /* owned */
	struct trace_writer_options options;
	struct collect tables;
	/* owned; the background's while that is busy, as spool and bytes of a stream, index and sizes */
	struct packer *packer;
	struct background background;
	struct flush flush;
	struct stream prologue, events;
	struct bytes index;        /* rows of the INDEX section */
	uint64_t index_rows;
	uint64_t indexed_bytes;    /* where in the events' spool the last indexed section begins */
	ns_t indexed_ns;           /* its time */
	struct header_sizes sizes;
	uint64_t implied_frees, adopted;
	struct mappings mappings;
	struct spared spared;
	ns_t first_ns, last_ns;
	uint32_t slots;
};

static int write_block(void *arg, struct err *err);

static int no_memory(const struct trace_writer *w, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: no memory for a trace writer", w->path);
}

int trace_writer_open(struct trace_writer **out, const char *path, const struct trace_writer_options *options,
	struct err *err)
{
	static const struct trace_writer_options defaults;
	struct trace_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(err, ERR_NOMEM, "%s: no memory for a trace writer", path);
	background_init(&w->background, write_block, w);
	w->options = options ? *options : defaults;
	if (!w->options.block_events)
		w->options.block_events = DEFAULT_BLOCK_EVENTS;
	w->options.block_events = (unsigned int)min_u64(w->options.block_events, MAX_BLOCK_EVENTS);
	if (!w->options.level)
		w->options.level = DEFAULT_LEVEL;
	w->prologue = (struct stream){ .type = SECTION_PROLOGUE, .spool = -1 };
	w->events = (struct stream){ .type = SECTION_EVENTS, .spool = -1 };
	w->path = strdup(path);
	w->packer = packer_create(w->options.level);
	if (!w->path || !w->packer || collect_string(&w->tables, "", 0) == INTERN_NONE) {
		trace_writer_abort(w);
		return err_set(err, ERR_NOMEM, "%s: no memory for a trace writer", path);
	}
	/* Early, so that a directory that cannot be written is known before the work is done. */
	w->events.spool = spool_open(path, err);
	if (w->events.spool < 0) {
		int ret = w->events.spool;

		trace_writer_abort(w);
		return ret;
	}
	*out = w;
	return 0;
}

uint32_t trace_writer_string(struct trace_writer *w, const char *text, size_t len)
{
	return collect_string(&w->tables, text, len);
}

uint32_t trace_writer_op(struct trace_writer *w, const struct trace_op *op)
{
	assert(op->call_site < w->tables.string_index.nr && op->name < w->tables.string_index.nr);
	assert(op->name2 < w->tables.string_index.nr);
	return collect_op(&w->tables, op);
}

const struct trace_op *trace_writer_op_at(const struct trace_writer *w, uint32_t op)
{
	return &w->tables.ops[op];
}

uint32_t trace_writer_who(struct trace_writer *w, const struct trace_who *who)
{
	assert(who->comm < w->tables.string_index.nr);
	return collect_who(&w->tables, who);
}

/* End the section in the packer and append it to @fd. Return: bytes written, or negative. */
static int64_t write_section(struct trace_writer *w, int fd, struct section *s, struct err *err)
{
	const struct bytes *member;
	int ret;

	if (packer_finish(w->packer, s, &member) < 0)
		return no_memory(w, err);
	ret = spool_write(fd, member->data, member->len, w->path, err);
	return ret < 0 ? ret : (int64_t)member->len;
}

static void index_block(struct trace_writer *w, const struct section *s)
{
	/* The first offset counts from the start of the file; that is added when it is known. */
	bytes_put_varint(&w->index, w->events.bytes - w->indexed_bytes);
	bytes_put_varint(&w->index, s->nr_events);
	bytes_put_varint(&w->index, s->first_ns - w->indexed_ns);
	w->indexed_bytes = w->events.bytes;
	w->indexed_ns = s->first_ns;
	w->index_rows++;
}

static int write_recorded(struct trace_writer *w, struct stream *st, const struct section *s, struct err *err)
{
	struct section recorded = *s;
	int64_t written;

	if (!w->options.recorded)
		return 0;
	recorded.type = SECTION_RECORDED;
	if (block_encode_recorded(&w->flush.block, w->flush.whos, w->flush.first_event, w->packer) < 0)
		return no_memory(w, err);
	written = write_section(w, st->spool, &recorded, err);
	if (written < 0)
		return (int)written;
	st->bytes += (uint64_t)written;
	w->sizes.bytes_recorded += (uint64_t)written;
	return 0;
}

/* Runs in the background. */
static int write_block(void *arg, struct err *err)
{
	struct trace_writer *w = arg;
	struct flush *flush = &w->flush;
	struct stream *st = flush->stream;
	struct section s = { .type = st->type, .nr_events = flush->block.nr, .first_event = flush->first_event,
		.first_ns = flush->block.time_ns[0] };
	int64_t written;

	if (st->spool < 0 && (st->spool = spool_open(w->path, err)) < 0)
		return st->spool;
	if (block_encode(&flush->block, flush->op_class, s.first_ns, w->packer) < 0)
		return no_memory(w, err);
	written = write_section(w, st->spool, &s, err);
	if (written < 0)
		return (int)written;
	if (st->type == SECTION_EVENTS)
		index_block(w, &s);
	st->bytes += (uint64_t)written;
	w->sizes.blocks += st->type == SECTION_EVENTS;
	w->sizes.bytes_raw += s.raw_bytes;
	w->sizes.bytes_compressed += (uint64_t)written;
	return write_recorded(w, st, &s, err);
}

static int copy_tables(struct flush *flush, const struct collect *tables)
{
	size_t ops = tables->op_index.nr, whos = tables->who_index.nr;
	uint8_t *op_class = realloc(flush->op_class, ops + 1);
	struct trace_who *copy = realloc(flush->whos, (whos + 1) * sizeof(*copy));

	if (op_class)
		flush->op_class = op_class;
	if (copy)
		flush->whos = copy;
	if (!op_class || !copy)
		return -1;
	memcpy(op_class, tables->op_class, ops);
	memcpy(copy, tables->whos, whos * sizeof(*copy));
	return 0;
}

/* Have the block that is being filled written and begin the next. */
static int flush_block(struct trace_writer *w, struct stream *st, struct err *err)
{
	struct flush *flush = &w->flush;
	struct block empty;
	int ret;

	if (!st->block.nr)
		return 0;
	ret = background_wait(&w->background, err);
	if (ret < 0)
		return ret;
	if (copy_tables(flush, &w->tables) < 0)
		return no_memory(w, err);
	empty = flush->block;
	flush->stream = st;
	flush->block = st->block;
	flush->first_event = st->first_event;
	st->first_event += st->block.nr;
	st->block = empty;
	st->block.nr = 0;
	st->block.nr_moves = 0;
	return background_start(&w->background, err);
}

/* Slots that an event names must be among those that the header counts. */
static int count_slot(struct trace_writer *w, uint64_t slot, struct err *err)
{
	if (slot == SLOT_NONE)
		return 0;
	if (slot >= MAX_SLOTS)
		return err_set(err, ERR_TRACE, "%s: slot number %" PRIu64 " is too large", w->path, slot);
	if (slot >= w->slots)
		w->slots = (uint32_t)slot + 1;
	return 0;
}

static int stream_add(struct trace_writer *w, struct stream *st, const struct trace_event *event, struct err *err)
{
	struct block *b = &st->block;
	unsigned int class = w->tables.op_class[event->op];
	uint32_t i;
	int ret = count_slot(w, class & CLASS_MASK ? event->slot : SLOT_NONE, err);

	assert(event->op < w->tables.op_index.nr && event->who < w->tables.who_index.nr);
	if (ret == 0 && class & CLASS_PAGE && event->value != PAGE_GONE)
		ret = count_slot(w, event->value, err);
	if (ret < 0)
		return ret;
	if (!b->cap && block_reserve(b, w->options.block_events) < 0)
		return no_memory(w, err);
	i = b->nr++;
	b->time_ns[i] = st->last_ns = event->time_ns;
	b->op[i] = event->op;
	b->slot[i] = event->slot;
	b->who[i] = event->who;
	b->value[i] = event->value;
	b->where[i] = event->recorded.where;
	b->entry[i] = event->recorded.entry;
	b->moved[i] = event->recorded.moved;
	b->ctx[i] = event->recorded.ctx;
	return b->nr == w->options.block_events ? flush_block(w, st, err) : 0;
}

int trace_writer_prologue(struct trace_writer *w, const struct trace_event *event, struct err *err)
{
	if (event->time_ns < w->prologue.last_ns)
		return err_set(err, ERR_TRACE, "%s: time goes back in the prologue", w->path);
	if ((w->tables.op_class[event->op] & CLASS_MASK) == CLASS_BEGINS && event->slot != SLOT_NONE)
		w->adopted++;
	return stream_add(w, &w->prologue, event, err);
}

static bool is_kswapds(const struct trace_tables *tables, const struct trace_event *event)
{
	return tables->ops[event->op].flags & OP_RECLAIM &&
		!strncmp(tables->strings[tables->whos[event->who].comm], "kswapd", 6);
}

int trace_writer_event(struct trace_writer *w, const struct trace_event *event, struct err *err)
{
	uint64_t event_no = w->events.first_event + w->events.block.nr;
	bool first = event_no == 0;
	struct trace_tables tables;

	if (!first && event->time_ns < w->last_ns)
		return err_set(err, ERR_TRACE, "%s: time goes back from %" PRIu64 " to %" PRIu64 " ns", w->path,
			w->last_ns, event->time_ns);
	if (first)
		w->first_ns = event->time_ns;
	w->last_ns = event->time_ns;
	w->tables.op_counts[event->op]++;
	w->implied_frees += (w->tables.ops[event->op].flags & OP_IMPLIED_FREE) != 0;
	tables = collect_tables(&w->tables);
	if (!mappings_event(&w->mappings, &tables, event))
		return no_memory(w, err);
	if (event_no < MAX_SPARED_EVENTS &&
		!spared_event(&w->spared, &tables.ops[event->op], event->slot, event_no, is_kswapds(&tables, event)))
		return no_memory(w, err);
	return stream_add(w, &w->events, event, err);
}

int trace_writer_move(struct trace_writer *w, const struct trace_move *move, struct err *err)
{
	struct stream *st = &w->events;
	struct trace_move next = *move;

	next.before = st->first_event + st->block.nr;
	if (!w->options.recorded || st->block.nr_moves == MAX_BLOCK_MOVES)
		return 0;
	if (!st->block.cap && block_reserve(&st->block, w->options.block_events) < 0)
		return no_memory(w, err);
	return block_add_move(&st->block, &next) < 0 ? no_memory(w, err) : 0;
}

/* Sections that are made at the end and stand outside the streams. Return: bytes written, or negative. */
static int64_t write_header(struct trace_writer *w, int fd, const struct trace_meta *meta, struct err *err)
{
	struct section s = { .type = SECTION_HEADER };
	char *json = header_format(meta, &w->sizes);

	if (!json)
		return no_memory(w, err);
	packer_add(w->packer, json, strlen(json), false);
	packer_add(w->packer, "\n", 1, true);
	free(json);
	return write_section(w, fd, &s, err);
}

/*
 * A section that is known last and stands in front: through a spool of its own, as the header tells its size.
 * The payload is ended. Return: bytes written, or negative.
 */
static int64_t write_front(struct trace_writer *w, int fd, enum section_type type, struct bytes *payload,
	struct err *err)
{
	struct section s = { .type = type };
	int64_t written;

	packer_add(w->packer, payload->data, payload->len, false);
	bytes_fini(payload);
	written = write_section(w, fd, &s, err);
	w->sizes.bytes_raw += s.raw_bytes;
	w->sizes.bytes_compressed += written > 0 ? (uint64_t)written : 0;
	return written;
}

static int64_t write_tables(struct trace_writer *w, int fd, struct err *err)
{
	struct trace_tables tables = collect_tables(&w->tables);
	struct bytes payload = { 0 };
	bool failed;

	tables_encode(&tables, &payload);
	failed = payload.failed;
	if (!failed && payload.len <= MAX_TABLES_RAW)
		return write_front(w, fd, SECTION_TABLES, &payload, err);
	bytes_fini(&payload);
	return failed ? no_memory(w, err) : err_set(err, ERR_TRACE, "%s: too many different operations", w->path);
}

/* Nothing for a recording that reclaimed nothing, or a longer one than readers take memory for. */
static int64_t write_spared(struct trace_writer *w, int fd, struct err *err)
{
	struct bytes payload = { 0 };
	bool failed;

	if (w->events.first_event > MAX_SPARED_EVENTS)
		return 0;
	if (!spared_end(&w->spared))
		return no_memory(w, err);
	if (!w->spared.nr)
		return 0;
	spared_encode(&w->spared, &payload);
	failed = payload.failed;
	if (!failed && payload.len <= MAX_SPARED_RAW)
		return write_front(w, fd, SECTION_SPARED, &payload, err);
	bytes_fini(&payload);
	return failed ? no_memory(w, err) : 0;
}

static int write_index(struct trace_writer *w, int fd, uint64_t events_at, uint64_t index_at, struct err *err)
{
	struct section index = { .type = SECTION_INDEX, .first_event = w->events.first_event };
	struct section trailer = { .type = SECTION_TRAILER };
	struct bytes head = { 0 };
	struct cursor rows = { w->index.data, w->index.data + w->index.len, false };
	uint8_t locator[TRAILER_PAYLOAD];
	int64_t ret;

	bytes_put_varint(&head, w->index_rows);
	if (w->index_rows)
		bytes_put_varint(&head, events_at + cursor_varint(&rows));
	if (head.failed || w->index.failed) {
		bytes_fini(&head);
		return no_memory(w, err);
	}
	packer_add(w->packer, head.data, head.len, true);
	packer_add(w->packer, rows.at, cursor_left(&rows), false);
	bytes_fini(&head);
	ret = write_section(w, fd, &index, err);
	if (ret < 0)
		return (int)ret;
	memcpy(locator, TRAILER_MAGIC, 8);
	put_le64(locator + 8, index_at);
	packer_add(w->packer, locator, sizeof(locator), true);
	ret = write_section(w, fd, &trailer, err);
	return ret < 0 ? (int)ret : 0;
}

bool trace_writer_is_empty(const struct trace_writer *w)
{
	return !w->events.first_event && !w->events.block.nr && !w->prologue.first_event && !w->prologue.block.nr;
}

static void fill_meta(const struct trace_writer *w, struct trace_meta *meta)
{
	meta->events = w->events.first_event;
	meta->prologue_events = w->prologue.first_event;
	meta->adopted = w->adopted;
	meta->implied_frees = w->implied_frees;
	meta->first_ns = w->first_ns;
	meta->last_ns = w->last_ns;
	meta->slots = w->slots;
	meta->mapped_pages = w->mappings.tables * (meta->page_size / PTE_BYTES);
	meta->recorded_addresses = w->options.recorded;
}

static int assemble(struct trace_writer *w, int fd, int tables, const struct trace_meta *meta, struct err *err)
{
	int64_t spared_bytes = write_spared(w, tables, err), tables_bytes;
	int64_t header_bytes;
	uint64_t events_at;
	int ret;

	if (spared_bytes < 0)
		return (int)spared_bytes;
	tables_bytes = write_tables(w, tables, err);
	if (tables_bytes < 0)
		return (int)tables_bytes;
	tables_bytes += spared_bytes;
	header_bytes = write_header(w, fd, meta, err);
	if (header_bytes < 0)
		return (int)header_bytes;
	ret = spool_copy(fd, tables, (uint64_t)tables_bytes, w->path, err);
	if (ret < 0 || (ret = spool_copy(fd, w->prologue.spool, w->prologue.bytes, w->path, err)) < 0 ||
	    (ret = spool_copy(fd, w->events.spool, w->events.bytes, w->path, err)) < 0)
		return ret;
	events_at = (uint64_t)header_bytes + (uint64_t)tables_bytes + w->prologue.bytes;
	return write_index(w, fd, events_at, events_at + w->events.bytes, err);
}

static int write_file(struct trace_writer *w, const struct trace_meta *meta, struct err *err)
{
	struct output out;
	int tables = spool_open(w->path, err);
	int ret;

	if (tables < 0)
		return tables;
	ret = output_open(&out, w->path, err);
	if (ret == 0) {
		ret = assemble(w, out.fd, tables, meta, err);
		if (ret < 0)
			output_abort(&out);
		else
			ret = output_finish(&out, err);
	}
	close(tables);
	return ret;
}

int trace_writer_close(struct trace_writer *w, struct trace_meta *meta, struct err *err)
{
	int ret = flush_block(w, &w->prologue, err);

	if (ret == 0)
		ret = flush_block(w, &w->events, err);
	if (ret == 0)
		ret = background_wait(&w->background, err);
	if (ret == 0) {
		fill_meta(w, meta);
		ret = write_file(w, meta, err);
	}
	trace_writer_abort(w);
	return ret;
}

static void stream_fini(struct stream *st)
{
	block_fini(&st->block);
	if (st->spool >= 0)
		close(st->spool);
}

void trace_writer_abort(struct trace_writer *w)
{
	if (!w)
		return;
	background_fini(&w->background);
	block_fini(&w->flush.block);
	free(w->flush.op_class);
	free(w->flush.whos);
	stream_fini(&w->prologue);
	stream_fini(&w->events);
	packer_destroy(w->packer);
	collect_fini(&w->tables);
	mappings_fini(&w->mappings);
	spared_fini(&w->spared);
	bytes_fini(&w->index);
	free(w->path);
	free(w);
}
