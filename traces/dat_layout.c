#include "traces/dat_layout.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "traces/bytes.h"

#define MAGIC         "\x17\x08" "Dtracing"
#define CPUS_MAX      UINT16_MAX
#define OPTIONS_MAX   (1u << 20)
#define OPTION_DONE   0u
#define OPTION_BUFFER 3u
#define OPTION_TSC    14u /* how long a cycle of the TSC is: a factor, a shift, an offset */
#define TSC_BYTES     16u
#define FLAG_PACKED   1u /* of a section */

static uint32_t take_u16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p ? p[0] | (uint32_t)p[1] << 8 : 0;
}

static uint32_t take_u32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p ? get_le32(p) : 0;
}

static uint64_t take_u64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);

	return p ? get_le64(p) : 0;
}

static void skip(struct cursor *c, uint64_t len)
{
	if (len > cursor_left(c))
		c->bad = true;
	else
		c->at += len;
}

/* The text up to its end, or "" and bad when there is none. */
static const char *take_text(struct cursor *c)
{
	const uint8_t *end = memchr(c->at, 0, cursor_left(c));
	const char *text = (const char *)c->at;

	if (!end || c->bad) {
		c->bad = true;
		return "";
	}
	c->at = end + 1;
	return text;
}

static bool copy_text(struct cursor *c, char text[DAT_CODEC_MAX])
{
	const char *from = take_text(c);

	if (strlen(from) >= DAT_CODEC_MAX)
		return false;
	strcpy(text, from);
	return true;
}

static bool alloc_cpus(struct dat_layout *l, uint32_t nr)
{
	if (nr > CPUS_MAX)
		return false;
	l->cpus = calloc((size_t)nr + 1, sizeof(*l->cpus));
	l->nr_cpus = nr;
	return l->cpus != NULL;
}

static bool take_span(struct cursor *c, struct dat_span *span, size_t len)
{
	span->at = take_u64(c);
	span->bytes = take_u64(c);
	return !c->bad && (!span->bytes || (span->at < len && span->bytes <= len - span->at));
}

/* Version 7: the spans of the top instance, which has no name. */
static bool take_buffer(struct dat_layout *l, struct cursor *c, const uint8_t *file, size_t len)
{
	uint64_t section = take_u64(c);
	uint32_t nr;

	if (*take_text(c))
		return true;
	take_text(c); /* the clock */
	l->page_size = take_u32(c);
	nr = take_u32(c);
	if (c->bad || l->cpus || section > len || len - section < 4 || !alloc_cpus(l, nr))
		return false;
	l->packed = file[section + 2] & FLAG_PACKED;
	for (uint32_t i = 0; i < nr; i++) {
		take_u32(c); /* the CPU's number */
		if (!take_span(c, &l->cpus[i], len))
			return false;
	}
	return true;
}

static bool read_sections(struct dat_layout *l, uint64_t at, const uint8_t *file, size_t len)
{
	for (unsigned int i = 0; at && i < OPTIONS_MAX;) {
		struct cursor c = { file, file + len, false };
		uint32_t id, flags;

		skip(&c, at);
		id = take_u16(&c);
		flags = take_u16(&c);
		skip(&c, 12);
		if (c.bad || id != OPTION_DONE || flags & FLAG_PACKED)
			return false;
		for (at = 0, id = OPTION_BUFFER; id != OPTION_DONE && i < OPTIONS_MAX; i++) {
			struct cursor option;
			uint32_t size;

			id = take_u16(&c);
			size = take_u32(&c);
			option = (struct cursor){ c.at, c.at + size, false };
			skip(&c, size);
			if (c.bad || (id == OPTION_BUFFER && !take_buffer(l, &option, file, len)))
				return false;
			l->knows_tsc |= id == OPTION_TSC && size >= TSC_BYTES;
			if (id == OPTION_DONE)
				at = take_u64(&option);
		}
	}
	return l->cpus != NULL;
}

static bool read_version_7(struct dat_layout *l, struct cursor *c, const uint8_t *file, size_t len)
{
	uint64_t options;

	if (!copy_text(c, l->codec) || !copy_text(c, l->codec_version))
		return false;
	options = take_u64(c);
	return !c->bad && read_sections(l, options, file, len);
}

static bool is_text(struct cursor *c, const char *text, size_t size)
{
	const uint8_t *p = cursor_take(c, size);

	return p && !memcmp(p, text, size);
}

/* Formats of events, each behind its size. */
static void skip_formats(struct cursor *c)
{
	for (uint32_t left = take_u32(c); left && !c->bad; left--)
		skip(c, take_u64(c));
}

static void skip_options(struct dat_layout *l, struct cursor *c)
{
	uint32_t id, size;

	while ((id = take_u16(c)) != OPTION_DONE && !c->bad) {
		size = take_u32(c);
		skip(c, size);
		l->knows_tsc |= id == OPTION_TSC && size >= TSC_BYTES;
	}
}

static bool read_version_6(struct dat_layout *l, struct cursor *c, size_t len)
{
	uint32_t nr;

	if (!is_text(c, "header_page", 12))
		return false;
	skip(c, take_u64(c));
	if (!is_text(c, "header_event", 13))
		return false;
	skip(c, take_u64(c));
	skip_formats(c);
	for (uint32_t systems = take_u32(c); systems && !c->bad; systems--) {
		take_text(c);
		skip_formats(c);
	}
	skip(c, take_u32(c)); /* symbols */
	skip(c, take_u32(c)); /* formats of printk */
	skip(c, take_u64(c)); /* names of tasks */
	nr = take_u32(c);
	if (c->bad || !is_text(c, "options  ", 10))
		return false;
	skip_options(l, c);
	if (!is_text(c, "flyrecord", 10) || !alloc_cpus(l, nr))
		return false;
	for (uint32_t i = 0; i < nr; i++)
		if (!take_span(c, &l->cpus[i], len))
			return false;
	return true;
}

bool dat_layout_read(struct dat_layout *l, const void *bytes, size_t len)
{
	struct cursor c = { bytes, (const uint8_t *)bytes + len, false };
	const char *version;
	uint32_t big_endian;

	*l = (struct dat_layout){ 0 };
	if (!is_text(&c, MAGIC, sizeof(MAGIC) - 1))
		return false;
	version = take_text(&c);
	big_endian = take_u16(&c) & 0xff;
	l->page_size = take_u32(&c);
	if (c.bad || big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) || big_endian)
		return false;
	if (!(strcmp(version, "7") ? !strcmp(version, "6") && read_version_6(l, &c, len) :
				     read_version_7(l, &c, bytes, len)))
		return false;
	return l->page_size >= 4096 && l->page_size <= 1 << 20 && !(l->page_size & (l->page_size - 1));
}

bool dat_layout_read_file(struct dat_layout *l, int fd)
{
	struct stat st;
	void *file;
	bool known;

	*l = (struct dat_layout){ 0 };
	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return false;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		return false;
	known = dat_layout_read(l, file, (size_t)st.st_size);
	munmap(file, (size_t)st.st_size);
	return known;
}

void dat_layout_fini(struct dat_layout *l)
{
	free(l->cpus);
	*l = (struct dat_layout){ 0 };
}
