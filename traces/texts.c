#include "traces/texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define FIRST_SIZE 1024u

static uint32_t hash_of(const char *text, size_t len)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ len;
	uint64_t word;

	for (; len >= 8; text += 8, len -= 8) {
		memcpy(&word, text, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, text, len);
	h = (h ^ word) * 0xff51afd7ed558ccdu;
	return (uint32_t)(h ^ (h >> 32));
}

/* The table's place of a string: where it is, or the free place where it would go. */
static uint32_t place_of(const struct texts *t, const char *text, size_t len, uint32_t hash)
{
	uint32_t mask = t->table_size - 1;
	uint32_t at = hash & mask;

	for (; t->table[at]; at = (at + 1) & mask) {
		const struct text_ref *ref = &t->refs[t->table[at] - 1];

		if (ref->hash == hash && ref->len == len && !memcmp(t->bytes + ref->offset, text, len))
			break;
	}
	return at;
}

static int grow_table(struct texts *t)
{
	uint32_t size = t->table_size ? t->table_size * 2 : FIRST_SIZE;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -1;
	for (uint32_t i = 0; i < t->nr; i++) {
		uint32_t at = t->refs[i].hash & (size - 1);

		while (table[at])
			at = (at + 1) & (size - 1);
		table[at] = i + 1;
	}
	free(t->table);
	t->table = table;
	t->table_size = size;
	return 0;
}

static int append(struct texts *t, const char *text, size_t len, uint32_t hash)
{
	if (!array_room(&t->refs, &t->refs_cap, t->nr))
		return -1;
	if (t->bytes_len + len + 1 > t->bytes_cap) {
		size_t cap = (t->bytes_len + len + 1) * 2;
		char *bytes = realloc(t->bytes, cap);

		if (!bytes)
			return -1;
		t->bytes = bytes;
		t->bytes_cap = cap;
	}
	t->refs[t->nr++] = (struct text_ref){ .offset = t->bytes_len, .len = (uint32_t)len, .hash = hash };
	memcpy(t->bytes + t->bytes_len, text, len);
	t->bytes[t->bytes_len + len] = 0;
	t->bytes_len += len + 1;
	return 0;
}

uint32_t texts_add(struct texts *t, const char *text, size_t len)
{
	uint32_t hash, at;

	if (!t->nr && len && texts_add(t, "", 0) == TEXT_NO_MEMORY)
		return TEXT_NO_MEMORY;
	if ((uint64_t)t->nr * 4 >= (uint64_t)t->table_size * 3 && grow_table(t) < 0)
		return TEXT_NO_MEMORY;
	hash = hash_of(text, len);
	at = place_of(t, text, len, hash);
	if (t->table[at])
		return t->table[at] - 1;
	if (append(t, text, len, hash) < 0)
		return TEXT_NO_MEMORY;
	t->table[at] = t->nr;
	return t->nr - 1;
}

const char *texts_at(const struct texts *t, uint32_t number)
{
	return number < t->nr ? t->bytes + t->refs[number].offset : "";
}

size_t texts_len(const struct texts *t, uint32_t number)
{
	return number < t->nr ? t->refs[number].len : 0;
}

void texts_fini(struct texts *t)
{
	free(t->bytes);
	free(t->refs);
	free(t->table);
	*t = (struct texts){ 0 };
}
