/* unpack: the finding and inflating of sections; see traces/section.h. */
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#include "traces/section.h"

struct unpacker {
	struct bytes data;     /* deflate data and tail of the section */
	struct bytes raw;
	z_stream z;
#ifdef HAVE_LIBDEFLATE
	struct libdeflate_decompressor *whole;
#endif
};

struct unpacker *unpacker_create(void)
{
	struct unpacker *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
#ifdef HAVE_LIBDEFLATE
	u->whole = libdeflate_alloc_decompressor();
	if (!u->whole) {
		free(u);
		return NULL;
	}
#else
	if (inflateInit2(&u->z, -MAX_WBITS) != Z_OK) {
		free(u);
		return NULL;
	}
#endif
	return u;
}

void unpacker_destroy(struct unpacker *u)
{
	if (!u)
		return;
#ifdef HAVE_LIBDEFLATE
	libdeflate_free_decompressor(u->whole);
#else
	inflateEnd(&u->z);
#endif
	bytes_fini(&u->data);
	bytes_fini(&u->raw);
	free(u);
}

/* Return: bytes read, fewer than @len only at the end of the file, negative on ERR_IO. */
static ssize_t read_at(int fd, uint8_t *buf, size_t len, uint64_t offset, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, buf + done, len - done, (off_t)(offset + done));

		if (got < 0)
			return err_errno(err, "cannot read");
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int section_read_head(int fd, uint64_t file_bytes, uint64_t offset, struct section *s, struct err *err)
{
	uint8_t head[SECTION_HEAD_BYTES];
	const uint8_t *km = head + GZIP_HEAD_BYTES + 4;
	ssize_t got;
	unsigned int extra;

	if (offset == file_bytes)
		return 0;
	got = read_at(fd, head, sizeof(head), offset, err);
	if (got < 0)
		return (int)got;
	if (got < (ssize_t)sizeof(head))
		return err_set(err, ERR_TRACE, "the file is cut off in the head of a section");
	if (head[0] != 0x1f || head[1] != 0x8b || head[2] != Z_DEFLATED || head[3] != 4 || head[12] != 'K' ||
		head[13] != 'M')
		return err_set(err, ERR_TRACE, "no section begins here");
	extra = head[10] | (unsigned int)head[11] << 8;
	if (extra < SECTION_KM_BYTES + 4 || get_le32(km + 32) != (uint32_t)crc32_z(0, km, 32))
		return err_set(err, ERR_TRACE, "the head of a section is damaged");
	*s = (struct section){
		.type = km[0],
		.data_bytes = get_le32(km + 4),
		.raw_bytes = get_le32(km + 8),
		.nr_events = get_le32(km + 12),
		.first_event = get_le64(km + 16),
		.first_ns = get_le64(km + 24),
		.offset = offset,
		.data_offset = offset + GZIP_HEAD_BYTES + extra,
	};
	if (section_end(s) > file_bytes)
		return err_set(err, ERR_TRACE, "the file is cut off in a section");
	return 1;
}

static bool inflate_all(struct unpacker *u, const uint8_t *data, size_t data_len, uint8_t *raw, size_t raw_len)
{
#ifdef HAVE_LIBDEFLATE
	return libdeflate_deflate_decompress(u->whole, data, data_len, raw, raw_len, NULL) == LIBDEFLATE_SUCCESS;
#else
	inflateReset(&u->z);
	u->z.next_in = (Bytef *)(uintptr_t)data;
	u->z.avail_in = (uInt)data_len;
	u->z.next_out = raw;
	u->z.avail_out = (uInt)raw_len;
	return inflate(&u->z, Z_FINISH) == Z_STREAM_END && !u->z.avail_out;
#endif
}

static uint32_t checksum(const uint8_t *raw, size_t len)
{
#ifdef HAVE_LIBDEFLATE
	return libdeflate_crc32(0, raw, len);
#else
	return (uint32_t)crc32_z(0, raw, len);
#endif
}

int unpacker_read(struct unpacker *u, int fd, const struct section *s, uint32_t max_raw, const uint8_t **raw,
	struct err *err)
{
	size_t want = (size_t)s->data_bytes + SECTION_TAIL_BYTES;
	const uint8_t *tail;
	ssize_t got;

	if (s->raw_bytes > max_raw || s->raw_bytes > (uint64_t)s->data_bytes * DEFLATE_MAX_RATIO)
		return err_set(err, ERR_TRACE, "a section claims to hold %u bytes", s->raw_bytes);
	u->data.len = u->raw.len = 0;
	/* One byte more, so that there is memory even for an empty payload. */
	if (!bytes_reserve(&u->data, want) || !bytes_reserve(&u->raw, (size_t)s->raw_bytes + 1))
		return err_set(err, ERR_NOMEM, "no memory for a section of %u bytes", s->raw_bytes);
	got = read_at(fd, u->data.data, want, s->data_offset, err);
	if (got < 0)
		return (int)got;
	if ((size_t)got < want)
		return err_set(err, ERR_TRACE, "the file is cut off in a section");
	if (!inflate_all(u, u->data.data, s->data_bytes, u->raw.data, s->raw_bytes))
		return err_set(err, ERR_TRACE, "compressed data is damaged");
	tail = u->data.data + s->data_bytes;
	if (get_le32(tail) != checksum(u->raw.data, s->raw_bytes) || get_le32(tail + 4) != s->raw_bytes)
		return err_set(err, ERR_TRACE, "checksum differs");
	*raw = u->raw.data;
	return 0;
}
