/* pack: the making of sections; see traces/section.h. */
#include <stdlib.h>
#include <zlib.h>
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#include "traces/section.h"

#define STORED_MAX 65535u /* bytes in one stored deflate block */

struct packer {
	z_stream z;
	struct bytes scratch;  /* the caller's, see packer_scratch() */
	struct bytes member;   /* head, filled in at the end, then deflate data */
	uint32_t crc;
	uint64_t raw_bytes;
	bool finished;         /* the member was given out; the next piece begins another */
};

struct packer *packer_create(int level)
{
	struct packer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (deflateInit2(&p->z, level, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(p);
		return NULL;
	}
	return p;
}

void packer_destroy(struct packer *p)
{
	if (!p)
		return;
	deflateEnd(&p->z);
	bytes_fini(&p->scratch);
	bytes_fini(&p->member);
	free(p);
}

static void put_stored(struct bytes *out, const uint8_t *data, size_t len)
{
	while (len) {
		uint16_t n = (uint16_t)(len < STORED_MAX ? len : STORED_MAX);
		uint8_t head[5] = { 0, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8) };

		bytes_put(out, head, sizeof(head));
		bytes_put(out, data, n);
		data += n;
		len -= n;
	}
}

/* Return: whether deflating saved enough to be kept. */
static bool put_deflated(struct packer *p, const uint8_t *data, size_t len)
{
	/* deflateBound() speaks of Z_FINISH; a flush may add an empty block. */
	size_t bound = deflateBound(&p->z, len) + 16;
	uint8_t *at = bytes_reserve(&p->member, bound);
	size_t got;

	if (!at)
		return true;
	deflateReset(&p->z);
	p->z.next_in = (Bytef *)(uintptr_t)data;
	p->z.avail_in = (uInt)len;
	p->z.next_out = at;
	p->z.avail_out = (uInt)bound;
	if (deflate(&p->z, Z_FULL_FLUSH) != Z_OK || p->z.avail_in || !p->z.avail_out)
		return false;
	got = bound - p->z.avail_out;
	if (got > len - len * 3 / 100)
		return false;
	p->member.len += got;
	return true;
}

static void begin_member(struct packer *p)
{
	static const uint8_t none[SECTION_HEAD_BYTES];

	if (p->finished) {
		p->finished = false;
		p->member.len = 0;
		p->member.failed = false;
		p->crc = 0;
		p->raw_bytes = 0;
	}
	if (!p->member.len)
		bytes_put(&p->member, none, sizeof(none));
}

#ifdef HAVE_LIBDEFLATE
static uint32_t crc_of(uint32_t crc, const void *data, size_t len)
{
	return libdeflate_crc32(crc, data, len);
}
#else
static uint32_t crc_of(uint32_t crc, const void *data, size_t len)
{
	return (uint32_t)crc32_z(crc, data, len);
}
#endif

struct bytes *packer_scratch(struct packer *p)
{
	p->scratch.len = 0;
	p->scratch.failed = false;
	return &p->scratch;
}

void packer_add(struct packer *p, const void *data, size_t len, bool store)
{
	begin_member(p);
	if (!len)
		return;
	if (store || !put_deflated(p, data, len))
		put_stored(&p->member, data, len);
	p->crc = crc_of(p->crc, data, len);
	p->raw_bytes += len;
}

static void fill_head(uint8_t *head, const struct section *s)
{
	static const uint8_t gzip[GZIP_HEAD_BYTES + 4] = {
		0x1f, 0x8b, Z_DEFLATED, 4 /* FEXTRA */, 0, 0, 0, 0 /* no time */, 0, 255 /* unknown system */,
		SECTION_KM_BYTES + 4, 0, 'K', 'M', SECTION_KM_BYTES, 0,
	};
	uint8_t *km = head + sizeof(gzip);

	memcpy(head, gzip, sizeof(gzip));
	km[0] = (uint8_t)s->type;
	km[1] = km[2] = km[3] = 0;
	put_le32(km + 4, s->data_bytes);
	put_le32(km + 8, s->raw_bytes);
	put_le32(km + 12, s->nr_events);
	put_le64(km + 16, s->first_event);
	put_le64(km + 24, s->first_ns);
	put_le32(km + 32, (uint32_t)crc32_z(0, km, 32));
}

int packer_finish(struct packer *p, struct section *s, const struct bytes **out)
{
	/* An empty last block, with Huffman codes: its shortest form. The trailer's length is fixed by a stored one. */
	static const uint8_t last[2] = { 3, 0 };
	uint8_t tail[SECTION_TAIL_BYTES];
	bool failed;

	begin_member(p);
	if (s->type == SECTION_TRAILER && !p->member.failed)
		p->member.data[SECTION_HEAD_BYTES] = 1;
	else
		bytes_put(&p->member, last, sizeof(last));
	put_le32(tail, p->crc);
	put_le32(tail + 4, (uint32_t)p->raw_bytes);
	bytes_put(&p->member, tail, sizeof(tail));
	failed = p->member.failed || p->raw_bytes > UINT32_MAX || p->member.len > UINT32_MAX;
	if (!failed) {
		s->raw_bytes = (uint32_t)p->raw_bytes;
		s->data_bytes = (uint32_t)(p->member.len - SECTION_HEAD_BYTES - SECTION_TAIL_BYTES);
		fill_head(p->member.data, s);
	}
	p->finished = true;
	*out = &p->member;
	return failed ? -1 : 0;
}
