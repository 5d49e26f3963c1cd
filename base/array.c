#include "base/array.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16u

uint32_t array_bigger(uint32_t cap, uint64_t nr)
{
	uint64_t bigger = cap ? 2 * (uint64_t)cap : FIRST_CAP;

	if (nr >= UINT32_MAX)
		return 0;
	while (bigger <= nr)
		bigger *= 2;
	return bigger < UINT32_MAX ? (uint32_t)bigger : UINT32_MAX;
}

bool array_resize(void *items, size_t size, uint32_t cap)
{
	void *old, *grown;

	memcpy(&old, items, sizeof(old)); /* a pointer to any type: read as bytes, as it is no void pointer */
	grown = cap ? reallocarray(old, cap, size) : NULL;
	if (!grown)
		return false;
	memcpy(items, &grown, sizeof(grown));
	return true;
}

bool array_grow(void *items, size_t size, uint32_t *cap, uint64_t nr)
{
	uint32_t bigger = array_bigger(*cap, nr);

	if (!array_resize(items, size, bigger))
		return false;
	*cap = bigger;
	return true;
}

bool array_grow_cleared(void *items, size_t size, uint32_t *cap, uint64_t nr)
{
	uint32_t had = *cap;
	char *elements;

	if (!array_grow(items, size, cap, nr))
		return false;
	memcpy(&elements, items, sizeof(elements));
	memset(elements + had * size, 0, (*cap - had) * size);
	return true;
}
