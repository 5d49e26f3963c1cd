#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#define PLACE_BYTES 8u
#define NR_BYTES    12u /* with those of the group, which counts more */

/* Byte @nr of what a row is sorted by, from the lowest. */
static uint8_t byte_of(const struct sort_row *row, unsigned int nr)
{
	return (uint8_t)(nr < PLACE_BYTES ? row->place >> (8 * nr) : row->group >> (8 * (nr - PLACE_BYTES)));
}

static void count_bytes(const struct sort_row *rows, uint32_t nr, uint32_t counts[NR_BYTES][256])
{
	for (uint32_t i = 0; i < nr; i++)
		for (unsigned int byte = 0; byte < NR_BYTES; byte++)
			counts[byte][byte_of(&rows[i], byte)]++;
}

/* @counts: of each value of the byte, how many rows have it; from then on where the next of them goes. */
static void spread(const struct sort_row *from, struct sort_row *to, uint32_t nr, unsigned int byte,
	uint32_t counts[256])
{
	uint32_t before = 0;

	for (unsigned int value = 0; value < 256; value++) {
		uint32_t count = counts[value];

		counts[value] = before;
		before += count;
	}
	for (uint32_t i = 0; i < nr; i++)
		to[counts[byte_of(&from[i], byte)]++] = from[i];
}

bool sort_rows(struct sort_row *rows, uint32_t nr)
{
	uint32_t (*counts)[256] = calloc(NR_BYTES, sizeof(*counts));
	struct sort_row *spare = malloc(((size_t)nr + 1) * sizeof(*spare)), *from = rows, *to = spare;
	bool room = counts && spare;

	if (room)
		count_bytes(rows, nr, counts);
	for (unsigned int byte = 0; room && byte < NR_BYTES; byte++) {
		struct sort_row *sorted = to;

		/* All have the same value, as addresses have in their upper half. */
		if (!nr || counts[byte][byte_of(&rows[0], byte)] == nr)
			continue;
		spread(from, to, nr, byte, counts[byte]);
		to = from;
		from = sorted;
	}
	if (room && from != rows)
		memcpy(rows, from, nr * sizeof(*rows));
	free(spare);
	free(counts);
	return room;
}
