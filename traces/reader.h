/*
 * reader: gives the events of a .kmt file as batches of columns. Inflating and decoding can run in a thread of
 * their own beside the consumer. Memory is bounded by a few blocks, whatever the trace's length.
 * A file that ends too soon, or a damaged block, gives what was whole before it and says what is missing.
 */
#ifndef KMEMSIM_TRACES_READER_H
#define KMEMSIM_TRACES_READER_H

#include "base/err.h"
#include "traces/trace.h"

struct trace_reader;

struct trace_reader_options {
	bool thread;         /* decode beside the consumer */
	bool recorded;       /* also give the optional columns, */
	bool moves;          /* and with them the blocks that moved between the events */
	ns_t from_ns;        /* skip events before; 0 = none */
	ns_t to_ns;          /* stop at events at or after; 0 = none */
	uint64_t skip;       /* skip that many events, of those from from_ns on */
	uint64_t limit;      /* give at most that many events; 0 = all */
	/* decode all when opened, and keep it in memory: 20 bytes an event; trace_rewind() works */
	bool keep;
};

/** A run of events as columns; all arrays have @nr entries and belong to the reader until the next call. */
struct trace_batch {
	uint32_t nr;
	uint64_t first_event;           /* number of the first in the trace, from 0 */
	bool prologue;
	const uint64_t *time_ns;
	const uint32_t *op;             /* < tables.nr_ops, checked */
	const uint32_t *slot;           /* < meta.slots or SLOT_NONE, checked */
	const uint32_t *who;            /* < tables.nr_whos, checked */
	const uint64_t *value;          /* NULL when no event of the batch has one */
	const uint64_t *where;          /* recorded; NULL unless asked for and there */
	const uint8_t *ctx;             /* recorded; NULL unless asked for and there */
	const uint32_t *entry;          /* the same; also NULL when none of the batch is known */
	const uint16_t *moved;          /* the same; also NULL when all of the batch are 0 */
	/* nr_moves of them, by .before, from first_event to first_event + nr; only if asked for */
	const struct trace_move *moves;
	uint32_t nr_moves;
};

/** What the reader found missing or damaged; all zero for a whole file. */
struct trace_damage {
	bool truncated;
	uint64_t missing_events;  /* events the header promises that did not come */
	uint64_t missing_bytes;   /* compressed bytes that could not be used; 0 = unknown */
	char text[512];           /* the message for people, "" = none */
};

/** Sizes, for `info`. */
struct trace_sizes {
	uint64_t blocks;
	/* before compression: tables, prologue and event columns, without the optional ones */
	uint64_t bytes_raw;
	uint64_t bytes_compressed;  /* the same in the file */
	uint64_t bytes_recorded;    /* the optional columns in the file */
	uint64_t bytes_file;
};

/**
 * trace_open() - open a .kmt file and read its header and tables.
 * The caller owns *out: trace_close(). @path "-" is standard input (it is then read into a temporary file).
 * Errors: ERR_TRACE for what is not a trace, a newer major version, or damage before the first block;
 * ERR_IO.
 */
int trace_open(struct trace_reader **out, const char *path, const struct trace_reader_options *options,
	struct err *err);

/** trace_meta(), trace_tables(), trace_sizes() - of the open trace: owned by the reader, valid until trace_close(). */
const struct trace_meta *trace_meta(const struct trace_reader *r);
const struct trace_tables *trace_tables(const struct trace_reader *r);
const struct trace_sizes *trace_sizes(const struct trace_reader *r);
/** trace_sha256() - of the whole file, hexadecimal. @hex: 65 bytes. */
int trace_sha256(const struct trace_reader *r, char *hex, struct err *err);

/**
 * trace_next() - the next batch: first those of the prologue, then the events proper.
 * Return: 1 with *batch filled, 0 at the end (see trace_damage()), negative on an error.
 */
int trace_next(struct trace_reader *r, struct trace_batch *batch, struct err *err);

/**
 * trace_spare_recorded() - the optional columns are needed no
 * more: from the second batch after this one on they are not read.
 */
void trace_spare_recorded(struct trace_reader *r);

/** trace_rewind() - the next batch is the first again. Only with trace_reader_options.keep; costs nothing. */
void trace_rewind(struct trace_reader *r);

/** trace_progress() - compressed bytes consumed so far, out of trace_sizes()->bytes_file. */
uint64_t trace_progress(const struct trace_reader *r);

/**
 * trace_damage() - valid once trace_next() has answered 0; a
 * file that is cut off tells so right after trace_open(), too.
 */
const struct trace_damage *trace_damage(const struct trace_reader *r);

void trace_close(struct trace_reader *r);

#endif
