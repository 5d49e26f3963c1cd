/* bytes: a growing buffer to encode into, and a cursor to decode from. Both remember that something went wrong, so that
 * a row of calls needs one check at its end. */
#ifndef KMEMSIM_TRACES_BYTES_H
#define KMEMSIM_TRACES_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VARINT_MAX_BYTES 10u

/** A buffer; a zeroed struct is empty. */
struct bytes {
	uint8_t *data; /* owned */
	size_t len, cap;
	bool failed;   /* out of memory once; what was put since is lost */
};

/** bytes_reserve() - room for @more bytes behind the end. Return: where they start, NULL when out of memory. */
uint8_t *bytes_reserve(struct bytes *b, size_t more);
void bytes_put(struct bytes *b, const void *data, size_t len);
void bytes_put_varint(struct bytes *b, uint64_t value);

/** put_varint() - write @value at @p, where there is room for VARINT_MAX_BYTES. Return: behind it. */
static inline uint8_t *put_varint(uint8_t *p, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*p++ = (uint8_t)(value | 0x80);
	*p++ = (uint8_t)value;
	return p;
}

void bytes_fini(struct bytes *b);

static inline void bytes_put_u8(struct bytes *b, uint8_t value)
{
	bytes_put(b, &value, 1);
}

static inline void put_le32(uint8_t *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(x >> (8 * i));
}

static inline void put_le64(uint8_t *p, uint64_t x)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(x >> (8 * i));
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return (uint64_t)get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

/** Where decoding stands; at the first short or overlong item @bad is set and everything after reads as 0. */
struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* The rest of a varint longer than a byte. */
uint64_t cursor_long_varint(struct cursor *c);

static inline uint64_t cursor_varint(struct cursor *c)
{
	if (c->at < c->end && *c->at < 0x80)
		return *c->at++;
	return cursor_long_varint(c);
}

/** cursor_take() - the next @len bytes, or NULL (and bad) when there are not that many. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t len)
{
	const uint8_t *p = c->at;

	if (cursor_left(c) < len) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	c->at += len;
	return p;
}

#endif
