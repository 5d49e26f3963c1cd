/* cpu_range: CPUs as machine files, workload files and the kernel's cpulists name them. */
#ifndef KMEMSIM_CONFIGS_CPU_RANGE_PRIV_H
#define KMEMSIM_CONFIGS_CPU_RANGE_PRIV_H

#include <stdint.h>

/**
 * cpu_range() - "3" or "0-3" at the beginning of @text.
 * @cpus: how many CPUs there are; more than @last.
 *
 * Return: what stands behind it, or NULL when it is no range of these CPUs.
 */
const char *cpu_range(const char *text, uint32_t cpus, uint32_t *first, uint32_t *last);

#endif
