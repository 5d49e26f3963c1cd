#include "traces/perf_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define HEADER_SIZE      104u /* struct perf_file_header */
#define PIPE_HEADER_SIZE 16u
#define RECORD_HEADER    8u
#define SECTION_SIZE     16u  /* offset and size */
#define ATTR_SIZE_MIN    48u  /* up to and with the flags */
#define ATTR_SIZE_OF_OLD 64u  /* PERF_ATTR_SIZE_VER0: what an attr.size of 0 means */
#define FEATURES_AT      72u
#define SAMPLE_ID_ALL    18u  /* bit of the flags */

static const char magic[] = "PERFILE2", magic_swapped[] = "2ELIFREP";

bool perf_file_recognise(const void *bytes, size_t len)
{
	return len >= 8 && (!memcmp(bytes, magic, 8) || !memcmp(bytes, magic_swapped, 8));
}

static int broken(struct perf_file *f, const char *why)
{
	f->why = why;
	return -1;
}

static bool part_of(const struct perf_bytes *whole, uint64_t at, uint64_t len, struct perf_bytes *part)
{
	if (at > whole->len || len > whole->len - at)
		return false;
	*part = (struct perf_bytes){ whole->data + at, len, whole->swap };
	return true;
}

/* Bit fields fill a byte from its lowest bit in little-endian files, from its highest in big-endian ones. */
static bool flag_of(const struct perf_bytes *attr, unsigned int bit)
{
	bool big = attr->swap == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
	unsigned int byte = attr->data[40 + bit / 8];

	return byte >> (big ? 7 - bit % 8 : bit % 8) & 1;
}

/* An event and the ids of its samples, one for each CPU or task. */
static int add_attr(struct perf_file *f, const struct perf_bytes *attr, const struct perf_bytes *ids)
{
	if (attr->len < ATTR_SIZE_MIN)
		return broken(f, "an event's attributes are too short");
	if (!array_room(&f->attrs, &f->attrs_cap, f->nr_attrs))
		return broken(f, "no memory");
	f->attrs[f->nr_attrs] = (struct perf_attr){
		.sample_type = perf_u64(attr, 24),
		.read_format = perf_u64(attr, 32),
		.sample_id_all = flag_of(attr, SAMPLE_ID_ALL),
	};
	perf_attr_places(&f->attrs[f->nr_attrs]);
	for (uint64_t at = 0; at + 8 <= ids->len; at += 8)
		if (idmap_put(&f->attr_of_id, perf_u64(ids, at), f->nr_attrs) < 0)
			return broken(f, "no memory");
	f->nr_attrs++;
	return 0;
}

static int read_attrs(struct perf_file *f)
{
	uint64_t attr_size = perf_u64(&f->bytes, 16);
	struct perf_bytes all, attr, ids;

	if (!part_of(&f->bytes, perf_u64(&f->bytes, 24), perf_u64(&f->bytes, 32), &all))
		return broken(f, "the list of events is not in the file");
	if (attr_size < ATTR_SIZE_MIN + SECTION_SIZE || attr_size > 4096)
		return broken(f, "the header is damaged");
	for (uint64_t at = 0; at + attr_size <= all.len; at += attr_size) {
		uint64_t section = at + attr_size - SECTION_SIZE;

		part_of(&all, at, attr_size - SECTION_SIZE, &attr);
		if (!part_of(&f->bytes, perf_u64(&all, section), perf_u64(&all, section + 8), &ids))
			return broken(f, "the events' ids are not in the file");
		if (add_attr(f, &attr, &ids) < 0)
			return -1;
	}
	return 0;
}

/* The sections of the features stand behind the records; those of a recording that was cut off are not there. */
static void read_features(struct perf_file *f)
{
	uint64_t at = f->data_end;

	for (unsigned int bit = 0; bit < NR_PERF_FEATURES; bit++) {
		struct perf_bytes section;

		if (!(perf_u64(&f->bytes, FEATURES_AT + bit / 64 * 8) >> bit % 64 & 1))
			continue;
		if (!part_of(&f->bytes, at, SECTION_SIZE, &section)) {
			f->features_cut = true;
			return;
		}
		at += SECTION_SIZE;
		if (!part_of(&f->bytes, perf_u64(&section, 0), perf_u64(&section, 8), &f->features[bit]))
			f->features_cut = true;
	}
}

int perf_file_open(struct perf_file *f, const void *data, uint64_t len)
{
	uint64_t header_size;

	*f = (struct perf_file){ .bytes = { data, len, false } };
	if (len < PIPE_HEADER_SIZE || !perf_file_recognise(data, len))
		return broken(f, "its header is cut off");
	f->bytes.swap = memcmp(data, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? magic : magic_swapped, 8) != 0;
	/* The magic is the number whose bytes spell it on a little-endian machine. */
	header_size = perf_u64(&f->bytes, 8);
	if (header_size == PIPE_HEADER_SIZE) {
		f->pipe = true;
		f->data_at = PIPE_HEADER_SIZE;
		f->data_end = len;
		return 0;
	}
	if (header_size < HEADER_SIZE || len < HEADER_SIZE)
		return broken(f, "its header is cut off");
	f->data_at = perf_u64(&f->bytes, 40);
	if (f->data_at < HEADER_SIZE || __builtin_add_overflow(f->data_at, perf_u64(&f->bytes, 48), &f->data_end))
		return broken(f, "the header is damaged");
	if (f->data_end == f->data_at)
		return broken(f, "perf did not finish it: it was killed while recording");
	if (read_attrs(f) < 0)
		return -1;
	read_features(f);
	return 0;
}

void perf_file_close(struct perf_file *f)
{
	free(f->attrs);
	idmap_fini(&f->attr_of_id);
	*f = (struct perf_file){ 0 };
}

static int take_attr(struct perf_file *f, const struct perf_bytes *body)
{
	uint64_t size = body->len >= ATTR_SIZE_MIN ? perf_u32(body, 4) : 0;
	struct perf_bytes attr, ids;

	size = size ? size : ATTR_SIZE_OF_OLD;
	if (!part_of(body, 0, size, &attr) || !part_of(body, size, body->len - size, &ids))
		return broken(f, "an event's attributes are too short");
	return add_attr(f, &attr, &ids);
}

/* Bytes that follow a record without being one. */
static int take_tail(struct perf_file *f, uint64_t size, uint64_t *at, struct perf_bytes *tail)
{
	if (size > f->data_end - *at || !part_of(&f->bytes, *at, size, tail))
		return broken(f, "it ends within a block of data");
	*at += size;
	return 0;
}

/* What perf itself tells between the kernel's records. */
static int take_own(struct perf_file *f, const struct perf_record *record, uint64_t *at)
{
	const struct perf_bytes *body = &record->body;
	struct perf_bytes tail;
	uint64_t number;

	switch (record->type) {
	case PERF_HEADER_ATTR:
		return f->pipe ? take_attr(f, body) : 0;
	case PERF_HEADER_FEATURE:
		number = body->len >= 8 ? perf_u64(body, 0) : NR_PERF_FEATURES;
		return number >= NR_PERF_FEATURES || part_of(body, 8, body->len - 8, &f->features[number]) ? 0 :
			broken(f, "a feature is cut off");
	case PERF_HEADER_TRACING_DATA:
		if (body->len < 4)
			return broken(f, "the events' formats are cut off");
		number = perf_u32(body, 0);
		return take_tail(f, (number + 7) & ~7ull, at, &f->features[PERF_TRACING_DATA]);
	case PERF_AUXTRACE:
		return body->len < 8 ? broken(f, "a block of data has no size") :
			take_tail(f, perf_u64(body, 0), at, &tail);
	default:
		return 0;
	}
}

int perf_file_next(struct perf_file *f, uint64_t *at, struct perf_record *record)
{
	struct perf_bytes header;
	uint64_t size;

	if (*at >= f->data_end)
		return 0;
	if (f->data_end - *at < RECORD_HEADER || !part_of(&f->bytes, *at, RECORD_HEADER, &header))
		return broken(f, "it ends within a record");
	size = perf_u16(&header, 6);
	if (size < RECORD_HEADER)
		return broken(f, "a record has no size");
	*record = (struct perf_record){ .type = perf_u32(&header, 0), .misc = perf_u16(&header, 4), .at = *at };
	if (size > f->data_end - *at || !part_of(&f->bytes, *at + RECORD_HEADER, size - RECORD_HEADER, &record->body))
		return broken(f, "it ends within a record");
	*at += size;
	return record->type >= PERF_HEADER_ATTR && take_own(f, record, at) < 0 ? -1 : 1;
}
