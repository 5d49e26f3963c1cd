#include "traces/index.h"

#include <stdlib.h>

#include "base/array.h"

static int add_row(struct index *index, const struct index_row *row)
{
	if (!array_room(&index->rows, &index->cap, index->nr))
		return -1;
	index->rows[index->nr++] = *row;
	index->events += row->nr_events;
	return 0;
}

/* Return: 1 when @raw is an index of a file of that size with that many events, 0 when not, -1: no memory. */
static int parse(struct index *index, const uint8_t *raw, size_t len, uint64_t file_bytes, uint64_t events)
{
	struct cursor c = { raw, raw + len, false };
	uint64_t nr = cursor_varint(&c);
	struct index_row row = { 0 };

	if (nr > len)
		return 0;
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t step = cursor_varint(&c), nr_events = cursor_varint(&c);

		row.first_event += row.nr_events;
		row.first_ns += cursor_varint(&c);
		if (c.bad || step >= file_bytes - row.offset || !step || nr_events > MAX_BLOCK_EVENTS)
			return 0;
		row.offset += step;
		row.nr_events = (uint32_t)nr_events;
		if (add_row(index, &row) < 0)
			return -1;
	}
	return !c.bad && !cursor_left(&c) && index->events == events;
}

static bool is_trace_error(int ret)
{
	return ret == -(int)ERR_TRACE;
}

/* Return: 1 when the file's INDEX is in @index, 0 when there is none that can be used, negative on an error. */
static int load(struct index *index, int fd, uint64_t file_bytes, uint64_t events, struct unpacker *u, struct err *err)
{
	struct section s;
	const uint8_t *raw;
	uint64_t at;
	int ret;

	if (file_bytes < TRAILER_BYTES)
		return 0;
	ret = section_read_head(fd, file_bytes, file_bytes - TRAILER_BYTES, &s, err);
	if (ret < 0 || s.type != SECTION_TRAILER)
		return is_trace_error(ret) ? 0 : ret < 0 ? ret : 0;
	ret = unpacker_read(u, fd, &s, TRAILER_PAYLOAD, &raw, err);
	if (ret < 0 || s.raw_bytes != TRAILER_PAYLOAD || memcmp(raw, TRAILER_MAGIC, 8))
		return is_trace_error(ret) ? 0 : ret < 0 ? ret : 0;
	at = get_le64(raw + 8);
	if (at >= file_bytes)
		return 0;
	ret = section_read_head(fd, file_bytes, at, &s, err);
	if (ret <= 0 || s.type != SECTION_INDEX)
		return is_trace_error(ret) ? 0 : ret < 0 ? ret : 0;
	ret = unpacker_read(u, fd, &s, MAX_INDEX_RAW, &raw, err);
	if (ret < 0)
		return is_trace_error(ret) ? 0 : ret;
	ret = parse(index, raw, s.raw_bytes, file_bytes, events);
	return ret < 0 ? err_set(err, ERR_NOMEM, "no memory for the index") : ret;
}

static int walk(struct index *index, int fd, uint64_t file_bytes, uint64_t at, struct err *err)
{
	for (;;) {
		struct section s;
		struct index_row row;
		int ret = section_read_head(fd, file_bytes, at, &s, err);

		if (ret == 0)
			return 0;
		if (is_trace_error(ret)) {
			index->cut = true;
			index->cut_offset = at;
			return 0;
		}
		if (ret < 0)
			return ret;
		row = (struct index_row){ s.offset, index->events, s.first_ns, s.nr_events };
		if (s.type == SECTION_EVENTS && add_row(index, &row) < 0)
			return err_set(err, ERR_NOMEM, "no memory for the index");
		at = section_end(&s);
	}
}

int index_load(struct index *index, int fd, uint64_t file_bytes, uint64_t at, uint64_t events, struct unpacker *u,
	struct err *err)
{
	int ret;

	*index = (struct index){ 0 };
	ret = load(index, fd, file_bytes, events, u, err);
	if (ret)
		return ret < 0 ? ret : 0;
	index_fini(index);
	return walk(index, fd, file_bytes, at, err);
}

void index_fini(struct index *index)
{
	if (!index)
		return;
	free(index->rows);
	*index = (struct index){ 0 };
}
