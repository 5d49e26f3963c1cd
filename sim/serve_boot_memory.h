/* serve_boot_memory: what the events of boot memory mean, for the two files that carry them out. */
#ifndef KMEMSIM_SIM_SERVE_BOOT_MEMORY_H
#define KMEMSIM_SIM_SERVE_BOOT_MEMORY_H

#include "mm/boot_memory.h"
#include "traces/trace.h"

/** boot_call_of() - how an event of that kind looks for memory; NR_BOOT_CALLS: it takes none. */
enum boot_call boot_call_of(uint8_t kind);

/** boot_memory_free_op() - what a free_bootmem frees: of @block, or at its own address. Return: bytes given back. */
uint64_t boot_memory_free_op(struct boot_memory *bm, const struct trace_op *op, uint32_t block);

#endif
