/* regions: spans of I/O ports and I/O memory, named as the kernel names them in /proc/ioports and /proc/iomem. */
#ifndef KMEMSIM_CONFIGS_REGIONS_PRIV_H
#define KMEMSIM_CONFIGS_REGIONS_PRIV_H

#include <stdbool.h>

#include "configs/machine.h"

/** region_is_kernels() - whether the kernel itself makes a region of that name busy at boot. @start: its first byte. */
bool region_is_kernels(const char *name, uint64_t start);

/** region_is_hardware() - whether the name is that of a PCI function or a bus window: never busy itself. */
bool region_is_hardware(const char *name);

/** regions_sort() - ascending by start, of those that start together the larger first; equal ones as they were. */
void regions_sort(struct machine_io *io);

#endif
