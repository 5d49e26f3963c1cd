#include "base/word.h"

#include <stdio.h>
#include <string.h>

unsigned int word_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int rows[3][WORD_MAX_COMPARED + 1];
	unsigned int *before = rows[0], *last = rows[1], *row = rows[2];

	if (b_len > WORD_MAX_COMPARED || a_len > WORD_MAX_COMPARED)
		return WORD_MAX_COMPARED;
	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned int)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *spare = before;

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_len];
}

const char *word_nearest(const char *word, const char *const *words, size_t nr)
{
	unsigned int best = 1 + (unsigned int)strlen(word) / 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < nr; i++) {
		unsigned int distance = word_distance(word, strlen(word), words[i], strlen(words[i]));

		if (distance < best + !nearest) {
			best = distance;
			nearest = words[i];
		}
	}
	return nearest;
}

char *word_hint(const char *word, const char *const *words, size_t nr, const char *none, char *buf, size_t size)
{
	const char *near = word_nearest(word, words, nr);

	snprintf(buf, size, near ? "; did you mean \"%s\"?" : "%s", near ? near : none);
	return buf;
}

char *word_list(const char *const *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
			!i                   ? "" :
				words[i + 1] ? ", " :
					       " or ",
			words[i]);
	return buf;
}
