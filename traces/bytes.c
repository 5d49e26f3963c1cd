#include "traces/bytes.h"

#include <stdlib.h>

uint8_t *bytes_reserve(struct bytes *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 4096;
	uint8_t *bigger;

	if (b->failed)
		return NULL;
	if (b->data && b->cap - b->len >= more)
		return b->data + b->len;
	while (cap - b->len < more)
		cap *= 2;
	bigger = realloc(b->data, cap);
	if (!bigger) {
		b->failed = true;
		return NULL;
	}
	b->data = bigger;
	b->cap = cap;
	return b->data + b->len;
}

void bytes_put(struct bytes *b, const void *data, size_t len)
{
	uint8_t *p = bytes_reserve(b, len);

	if (!p || !len)
		return;
	memcpy(p, data, len);
	b->len += len;
}

void bytes_put_varint(struct bytes *b, uint64_t value)
{
	uint8_t *p = bytes_reserve(b, VARINT_MAX_BYTES);

	if (p)
		b->len += (size_t)(put_varint(p, value) - p);
}

void bytes_fini(struct bytes *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct bytes){ 0 };
}

uint64_t cursor_long_varint(struct cursor *c)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	c->bad = true;
	c->at = c->end;
	return 0;
}
