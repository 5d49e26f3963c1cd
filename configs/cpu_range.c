#include "configs/cpu_range_priv.h"

#include <stdbool.h>
#include <stdlib.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *cpu_range(const char *text, uint32_t cpus, uint32_t *first, uint32_t *last)
{
	unsigned long from, to;
	char *end;

	if (!is_digit(text[0]))
		return NULL;
	from = to = strtoul(text, &end, 10);
	if (*end == '-') {
		if (!is_digit(end[1]))
			return NULL;
		to = strtoul(end + 1, &end, 10);
	}
	if (to < from || to >= cpus)
		return NULL;
	*first = (uint32_t)from;
	*last = (uint32_t)to;
	return end;
}
