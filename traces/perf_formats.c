/* The formats of trace events that perf stores in a recording, for libtraceevent. */
#ifdef HAVE_TRACEEVENT

#include "traces/perf_priv.h"

#include <string.h>

#define TRACING_MAGIC "\x17\x08" "Dtracing"
#define NAME_MAX_LEN  256u

/* What is left to read of the tracing data. */
struct cursor {
	const struct perf_bytes *bytes;
	uint64_t at;
	bool cut;
};

static bool has(struct cursor *c, uint64_t len)
{
	c->cut |= len > c->bytes->len - c->at;
	return !c->cut;
}

static const char *take(struct cursor *c, uint64_t len)
{
	const char *here = (const char *)c->bytes->data + c->at;

	if (!has(c, len))
		return NULL;
	c->at += len;
	return here;
}

static uint32_t take_u32(struct cursor *c)
{
	uint64_t at = c->at;

	return take(c, 4) ? perf_u32(c->bytes, at) : 0;
}

static uint64_t take_u64(struct cursor *c)
{
	uint64_t at = c->at;

	return take(c, 8) ? perf_u64(c->bytes, at) : 0;
}

static const char *take_string(struct cursor *c)
{
	const char *start = (const char *)c->bytes->data + c->at;
	const char *end = memchr(start, 0, c->bytes->len - c->at);

	c->cut |= !end || end - start > NAME_MAX_LEN;
	return c->cut ? NULL : take(c, (uint64_t)(end + 1 - start));
}

/* The formats of one system. What libtraceevent does not understand is an unknown event later. */
static void take_events(struct cursor *c, struct tep_handle *tep, const char *system)
{
	for (uint32_t left = take_u32(c); left && !c->cut; left--) {
		uint64_t size = take_u64(c);
		const char *format = take(c, size);

		if (format && size)
			tep_parse_event(tep, format, (unsigned long)size, system);
	}
}

uint32_t perf_formats_read(struct tep_handle *tep, const struct perf_bytes *bytes)
{
	struct cursor c = { .bytes = bytes };
	const char *magic = take(&c, sizeof(TRACING_MAGIC) - 1), *order, *long_size;
	uint32_t page_size;

	if (!magic || memcmp(magic, TRACING_MAGIC, sizeof(TRACING_MAGIC) - 1) || !take_string(&c))
		return 0;
	order = take(&c, 1);
	long_size = take(&c, 1);
	page_size = take_u32(&c);
	if (c.cut)
		return 0;
	tep_set_file_bigendian(tep, *order ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	tep_set_long_size(tep, *long_size);
	/* "header_page" and "header_event": of the ring buffer, which perf does not use. */
	for (int i = 0; i < 2 && !c.cut; i++) {
		take_string(&c);
		take(&c, take_u64(&c));
	}
	take_events(&c, tep, "ftrace");
	for (uint32_t left = take_u32(&c); left && !c.cut; left--) {
		const char *system = take_string(&c);

		if (system)
			take_events(&c, tep, system);
	}
	return c.cut ? 0 : page_size;
}

#endif
