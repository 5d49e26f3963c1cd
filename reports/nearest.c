#include "reports/nearest_priv.h"

#include <string.h>

#include "base/bits.h"

/* What lies behind is not looked at: no known name is as long. */
#define NAME_MAX_COMPARED 63

/* Levenshtein distance, one row of its table at a time. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_COMPARED + 1];
	size_t len = strnlen(b, NAME_MAX_COMPARED);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; i < NAME_MAX_COMPARED && a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t substituted = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = min_u64(substituted, 1 + min_u64(row[j], row[j + 1]));
		}
	}
	return row[len];
}

const char *nearest_name(const char *name, const char *const *names, size_t nr)
{
	size_t best = 0;

	for (size_t i = 1; i < nr; i++)
		if (distance(name, names[i]) < distance(name, names[best]))
			best = i;
	return names[best];
}
