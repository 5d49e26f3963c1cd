/*
 * section: one gzip member of a .kmt file, as traces/format.h lays it out: made from
 * pieces of payload, found, checked and inflated. Knows nothing of what is inside.
 */
#ifndef KMEMSIM_TRACES_SECTION_H
#define KMEMSIM_TRACES_SECTION_H

#include "base/err.h"
#include "traces/bytes.h"
#include "traces/format.h"

/** What the head of a section says. */
struct section {
	unsigned int type;     /* enum section_type, or a newer one */
	uint32_t data_bytes;   /* deflated */
	uint32_t raw_bytes;
	uint32_t nr_events;
	uint64_t first_event;
	ns_t first_ns;
	uint64_t offset;       /* of its first byte in the file */
	uint64_t data_offset;  /* of the deflate data */
};

static inline uint64_t section_end(const struct section *s)
{
	return s->data_offset + s->data_bytes + SECTION_TAIL_BYTES;
}

struct packer;

/** packer_create() - makes sections with zlib's @level. Return: NULL when out of memory. */
struct packer *packer_create(int level);
void packer_destroy(struct packer *p);

/**
 * packer_scratch() - an empty buffer to lay a payload out in,
 * kept so that it need not grow anew; valid until the next call.
 */
struct bytes *packer_scratch(struct packer *p);

/** packer_add() - a piece of the payload of the section in the making. @store: do not try to deflate it. */
void packer_add(struct packer *p, const void *data, size_t len, bool store);

/**
 * packer_finish() - end the section.
 * @s: type, nr_events, first_event and first_ns are given; data_bytes and raw_bytes are filled in.
 * @out: the bytes of the member, valid until the next packer_add(); borrowed.
 * Return: 0, or -1 when out of memory. The packer is then ready for the next section.
 */
int packer_finish(struct packer *p, struct section *s, const struct bytes **out);

/**
 * section_read_head() - parse and check the head of the section at @offset.
 * Return: 1; 0 when @offset is the end of the file; negative: ERR_TRACE when there is no whole section (the text
 * says what is wrong, without position), ERR_IO.
 */
int section_read_head(int fd, uint64_t file_bytes, uint64_t offset, struct section *s, struct err *err);

struct unpacker;

struct unpacker *unpacker_create(void);
void unpacker_destroy(struct unpacker *u);

/**
 * unpacker_read() - read, inflate and check the payload of @s, at most @max_raw bytes.
 * @raw: points to its s->raw_bytes bytes, valid until the next call; borrowed.
 * Errors: ERR_TRACE (checksum, size, absurd size), ERR_IO, ERR_NOMEM.
 */
int unpacker_read(struct unpacker *u, int fd, const struct section *s, uint32_t max_raw, const uint8_t **raw,
	struct err *err);

#endif
