#include "configs/machine.h"

#include <string.h>

const char *const machine_zone_name[NR_ZONE_TYPES] = { "DMA", "DMA32", "Normal", "HighMem", "Movable" };

const char *const machine_step_name[NR_STEPS] = {
#define X(id, text, ns) [STEP_##id] = text,
	MACHINE_STEPS(X)
#undef X
};

bool machine_has_constructor(const struct machine *machine, const char *cache)
{
	const char *list = machine->slab.constructors;
	size_t len = strlen(cache);

	for (const char *at = list; len && (at = strstr(at, cache)); at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}
