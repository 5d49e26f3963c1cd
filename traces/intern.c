#include "traces/intern.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

/* The product of two words in 128 bits, folded: each bit of them reaches both ends. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Pairs of words by themselves, so that a processor works at several of them at once. */
uint64_t intern_hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t hash = 0x6b6d74u ^ len, key = 0x9e3779b97f4a7c15u, word[2];

	for (; len > 16; p += 16, len -= 16) {
		memcpy(word, p, 16);
		hash += fold(word[0] ^ key, word[1] ^ 0xff51afd7ed558ccdu);
		key += 0x9e3779b97f4a7c15u;
	}
	word[0] = word[1] = 0;
	memcpy(word, p, len);
	hash += fold(word[0] ^ key, word[1] ^ 0xff51afd7ed558ccdu);
	hash *= 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

uint32_t intern_find(const struct intern *in, uint64_t hash, intern_same same, const void *items, const void *key)
{
	size_t mask = in->nr_entries - 1;

	if (!in->nr)
		return INTERN_NONE;
	for (size_t i = (size_t)hash & mask; in->entries[i].number != INTERN_NONE; i = (i + 1) & mask)
		if (in->entries[i].hash == (uint32_t)hash && same(items, in->entries[i].number, key))
			return in->entries[i].number;
	return INTERN_NONE;
}

static void place(struct intern *in, struct intern_entry entry)
{
	size_t mask = in->nr_entries - 1;
	size_t i = entry.hash & mask;

	while (in->entries[i].number != INTERN_NONE)
		i = (i + 1) & mask;
	in->entries[i] = entry;
}

static int grow(struct intern *in)
{
	struct intern bigger = { .nr_entries = in->nr_entries ? 2 * in->nr_entries : FIRST_SIZE, .nr = in->nr };

	/* Searches begin at the low bits of a 32-bit hash. */
	if (bigger.nr_entries > UINT32_MAX)
		return -1;
	bigger.entries = malloc(bigger.nr_entries * sizeof(*bigger.entries));
	if (!bigger.entries)
		return -1;
	memset(bigger.entries, 0xff, bigger.nr_entries * sizeof(*bigger.entries));
	for (size_t i = 0; i < in->nr_entries; i++)
		if (in->entries[i].number != INTERN_NONE)
			place(&bigger, in->entries[i]);
	free(in->entries);
	*in = bigger;
	return 0;
}

uint32_t intern_add(struct intern *in, uint64_t hash)
{
	if (2 * ((size_t)in->nr + 1) > in->nr_entries && grow(in) < 0)
		return INTERN_NONE;
	place(in, (struct intern_entry){ .hash = (uint32_t)hash, .number = in->nr });
	return in->nr++;
}

void intern_fini(struct intern *in)
{
	if (!in)
		return;
	free(in->entries);
	*in = (struct intern){ 0 };
}
