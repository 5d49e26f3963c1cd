#include "traces/feed.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"

int feed_init(struct feed *feed, const struct feed_file *file, const struct trace_reader_options *options)
{
	*feed = (struct feed){
		.file = file,
		.options = *options,
		.at = file->prologue_at,
		.skip_left = options->skip,
		.limit_left = options->limit ? options->limit : UINT64_MAX,
		.from_reached = !options->from_ns,
		.unpacker = unpacker_create(),
	};
	return feed->unpacker ? 0 : -1;
}

void feed_fini(struct feed *feed)
{
	if (!feed)
		return;
	unpacker_destroy(feed->unpacker);
	*feed = (struct feed){ 0 };
}

void feed_describe_cut(const struct feed_file *file, struct trace_damage *damage)
{
	const struct index *index = &file->index;
	uint64_t missing = file->events > index->events ? file->events - index->events : 0;

	if (!index->cut && !missing)
		return;
	damage->truncated = true;
	damage->missing_events = missing;
	damage->missing_bytes = index->cut ? file->bytes - index->cut_offset : 0;
	if (missing)
		snprintf(damage->text, sizeof(damage->text),
			"%.160s: the file is cut off or damaged at byte %" PRIu64 ", after %zu whole blocks: %" PRIu64 " of %" PRIu64
			" events are missing; %" PRIu64 " bytes at its end cannot be used", file->path,
			index->cut ? index->cut_offset : file->bytes, index->nr, missing, file->events,
			damage->missing_bytes);
	else
		snprintf(damage->text, sizeof(damage->text),
			"%.160s: the file is cut off or damaged at byte %" PRIu64 ", behind its last event: all %" PRIu64
			" events are there", file->path, index->cut_offset, file->events);
}

/* A section that cannot be used: what is before it stands, what comes after is given up. Return: 0, or the error. */
static int stop_at(struct feed *feed, const char *what, uint64_t block, uint64_t offset, uint64_t event, int ret,
	const struct err *why)
{
	const struct feed_file *file = feed->file;
	struct trace_damage *damage = &feed->damage;

	if (ret != -(int)ERR_TRACE)
		return ret;
	damage->missing_events = file->events > event ? file->events - event : 0;
	damage->missing_bytes = file->bytes - offset;
	snprintf(damage->text, sizeof(damage->text),
		"%.160s: %s %" PRIu64 " at byte %" PRIu64 ", event %" PRIu64 ": %.160s; it and what follows cannot be read: %" PRIu64
		" events, %" PRIu64 " bytes", file->path, what, block, offset, event, why->text, damage->missing_events,
		damage->missing_bytes);
	feed->in_events = true;
	feed->next_row = file->index.nr;
	feed->limit_left = 0;
	return 0;
}

/* Decode the section into the batch, with the RECORDED one behind it if wanted. */
static int load_block(struct feed *feed, const struct section *s, struct feed_batch *batch, struct err *err)
{
	const struct feed_file *file = feed->file;
	const uint8_t *raw;
	struct section recorded;
	int ret = unpacker_read(feed->unpacker, file->fd, s, MAX_BLOCK_RAW, &raw, err);

	if (ret < 0 || (ret = block_decode(&batch->block, s, raw, &file->limits, err)) < 0)
		return ret;
	batch->end_offset = section_end(s);
	if (!feed->options.recorded || !file->recorded)
		return 0;
	ret = section_read_head(file->fd, file->bytes, section_end(s), &recorded, err);
	if (ret < 0)
		return ret;
	/* Version 1.0 has none for the prologue. */
	if (ret == 0 || recorded.type != SECTION_RECORDED)
		return s->type == SECTION_PROLOGUE ? 0 : err_set(err, ERR_TRACE, "its recorded columns are missing");
	ret = unpacker_read(feed->unpacker, file->fd, &recorded, MAX_BLOCK_RAW, &raw, err);
	if (ret < 0)
		return ret;
	batch->end_offset = section_end(&recorded);
	return block_decode_recorded(&batch->block, &recorded, raw, &file->limits, feed->options.moves, err);
}

/* Return: 1 with a batch of the prologue, 0 when it is through, negative on an error. */
static int next_prologue(struct feed *feed, struct feed_batch *batch, struct err *err)
{
	struct section s;

	for (;;) {
		int ret = section_read_head(feed->file->fd, feed->file->bytes, feed->at, &s, err);

		/* A cut is told at the end, when all events before it are through: here there are none. */
		if (ret == 0 || (feed->file->index.cut && feed->at == feed->file->index.cut_offset))
			return 0;
		if (ret < 0)
			return stop_at(feed, "prologue block", feed->prologue_blocks, feed->at, 0, ret, err);
		if (s.type == SECTION_EVENTS || s.type == SECTION_INDEX || s.type == SECTION_TRAILER)
			return 0;
		feed->at = section_end(&s);
		if (s.type != SECTION_PROLOGUE)
			continue;
		ret = load_block(feed, &s, batch, err);
		if (ret < 0)
			return stop_at(feed, "prologue block", feed->prologue_blocks, s.offset, 0, ret, err);
		feed->prologue_blocks++;
		if (!batch->block.nr)
			continue;
		batch->prologue = true;
		batch->start = 0;
		batch->nr = batch->block.nr;
		batch->first_event = feed->prologue_events;
		feed->prologue_events += batch->nr;
		return 1;
	}
}

/* Whether all of block @i is before the wanted range, as far as the index can tell. */
static bool can_pass(struct feed *feed, size_t i)
{
	const struct index *index = &feed->file->index;

	if (!feed->from_reached)
		return i + 1 < index->nr && index->rows[i + 1].first_ns < feed->options.from_ns;
	if (index->rows[i].nr_events > feed->skip_left)
		return false;
	feed->skip_left -= index->rows[i].nr_events;
	return true;
}

/* The first of the block's events at or after @time. */
static uint32_t event_at(const struct block *b, ns_t time)
{
	uint32_t low = 0, high = b->nr;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (b->time_ns[mid] < time)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Choose the wanted part of the block; the range ends when to_ns or the limit is met. */
static void trim(struct feed *feed, struct feed_batch *batch)
{
	const struct block *b = &batch->block;
	uint32_t start = feed->from_reached ? 0 : event_at(b, feed->options.from_ns);
	uint32_t end = b->nr;

	if (start < b->nr)
		feed->from_reached = true;
	if (feed->options.to_ns) {
		end = event_at(b, feed->options.to_ns);
		if (end < b->nr)
			feed->next_row = feed->file->index.nr;
	}
	if (start < end) {
		uint32_t skip = (uint32_t)min_u64(feed->skip_left, end - start);

		start += skip;
		feed->skip_left -= skip;
	}
	batch->start = start;
	batch->nr = start < end ? (uint32_t)min_u64(end - start, feed->limit_left) : 0;
	feed->limit_left -= batch->nr;
}

static int read_row(struct feed *feed, const struct index_row *row, struct feed_batch *batch, struct err *err)
{
	struct section s;
	int ret = section_read_head(feed->file->fd, feed->file->bytes, row->offset, &s, err);

	if (ret == 0)
		return err_set(err, ERR_TRACE, "the file ends here");
	if (ret < 0)
		return ret;
	if (s.type != SECTION_EVENTS || s.nr_events != row->nr_events || s.first_event != row->first_event ||
	    s.first_ns != row->first_ns)
		return err_set(err, ERR_TRACE, "not the block that the index names");
	ret = load_block(feed, &s, batch, err);
	if (ret < 0)
		return ret;
	/* Blocks are decoded by themselves; that time does not fall from one to the next is seen here. */
	if (batch->block.nr && row + 1 < feed->file->index.rows + feed->file->index.nr &&
	    batch->block.time_ns[batch->block.nr - 1] > row[1].first_ns)
		return err_set(err, ERR_TRACE, "its last event is later than the block after it");
	return 0;
}

static int next_events(struct feed *feed, struct feed_batch *batch, struct err *err)
{
	const struct index *index = &feed->file->index;

	while (feed->next_row < index->nr && feed->limit_left) {
		size_t i = feed->next_row++;
		const struct index_row *row = &index->rows[i];
		int ret;

		if (can_pass(feed, i))
			continue;
		if (feed->options.to_ns && row->first_ns >= feed->options.to_ns)
			return 0;
		ret = read_row(feed, row, batch, err);
		if (ret < 0)
			return stop_at(feed, "block", i, row->offset, row->first_event, ret, err);
		batch->prologue = false;
		trim(feed, batch);
		batch->first_event = row->first_event + batch->start;
		if (batch->nr)
			return 1;
	}
	return 0;
}

int feed_next(struct feed *feed, struct feed_batch *batch, struct err *err)
{
	int ret;

	if (!feed->in_events) {
		ret = next_prologue(feed, batch, err);
		if (ret)
			return ret;
		feed->in_events = true;
	}
	ret = next_events(feed, batch, err);
	if (ret == 0 && !feed->damage.text[0])
		feed_describe_cut(feed->file, &feed->damage);
	return ret;
}
