/*
 * feed: the decoded batches of a trace one after the other, within the wanted range. One thread uses it at a time: the
 * reader's own, or the one that decodes beside the consumer.
 */
#ifndef KMEMSIM_TRACES_FEED_H
#define KMEMSIM_TRACES_FEED_H

#include "traces/block.h"
#include "traces/index.h"
#include "traces/reader.h"

/** A file that was opened; borrowed by the feed and not changed while it runs. */
struct feed_file {
	const char *path;
	int fd;
	uint64_t bytes;
	uint64_t prologue_at;        /* where the sections after the TABLES begin */
	uint64_t events;             /* that the header promises */
	bool recorded;               /* every EVENTS section has a RECORDED behind it */
	struct index index;
	struct block_limits limits;
};

struct feed {
	const struct feed_file *file;  /* borrowed */
	struct trace_reader_options options;
	struct unpacker *unpacker;     /* owned */
	struct trace_damage damage;
	bool in_events;                /* the prologue is through */
	uint64_t at;                   /* next section of the prologue */
	uint64_t prologue_blocks, prologue_events; /* given so far */
	size_t next_row;               /* next block, in the index */
	uint64_t skip_left, limit_left;
	bool from_reached;
};

/** What the feed fills for a batch. */
struct feed_batch {
	struct block block;
	uint32_t start, nr;            /* the part of the block that is wanted */
	uint64_t first_event;          /* number of event @start */
	bool prologue;
	uint64_t end_offset;           /* of the section in the file: how far the reading has come */
};

/** feed_init() - Return: 0, or -1 when out of memory. */
int feed_init(struct feed *feed, const struct feed_file *file, const struct trace_reader_options *options);
void feed_fini(struct feed *feed);

/** feed_next() - as trace_next(). */
int feed_next(struct feed *feed, struct feed_batch *batch, struct err *err);

/** feed_describe_cut() - fill @damage if the file ends too soon, as its index says. */
void feed_describe_cut(const struct feed_file *file, struct trace_damage *damage);

#endif
