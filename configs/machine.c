#include "configs/machine.h"

const char *const machine_zone_name[NR_ZONE_TYPES] = { "DMA", "DMA32", "Normal", "HighMem", "Movable" };

const char *const machine_step_name[NR_STEPS] = {
#define X(id, text, ns) [STEP_##id] = text,
	MACHINE_STEPS(X)
#undef X
};
