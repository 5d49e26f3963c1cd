/*
 * boot_prefix: the events at the beginning of a trace that happen before the page allocator has memory: boot memory
 * and definitions of static per-CPU areas. They are read and carried out before the model boots, since what they
 * take never reaches it; the replay then only tells what came of them. Their place in the trace is what makes them
 * so: the first other event ends boot.
 *
 * Simplified: only the first block of events is looked through.
 */
#ifndef KMEMSIM_SIM_BOOT_PREFIX_H
#define KMEMSIM_SIM_BOOT_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/idmap.h"
#include "mm/boot_memory.h"
#include "traces/reader.h"

struct run;
struct request;

struct boot_prefix {
	struct trace_batch *kept;      /* owned, with its columns: batches of the prologue that were read ahead */
	uint32_t nr_kept, next_kept;
	struct trace_batch first;      /* borrowed from the reader: the first batch of events, while pending */
	bool pending;
	uint64_t events;               /* so many events of the trace are before the page allocator */
	uint32_t *block_of_event;      /* owned: the block that each of them took, or freed; BOOT_BLOCK_NONE = none */
	struct idmap block_of_slot;    /* owned: blocks that live */
	struct boot_memory memory;     /* owned until boot_prefix_move() */
	struct machine *machine;       /* owned: as configured, what boot took being reserved */
};

/** boot_prefix_read() - before the model boots. Sets run->machine to one without the memory that boot takes. */
int boot_prefix_read(struct run *run, struct trace_reader *reader, struct err *err);
/** boot_prefix_move() - the model has booted: its boot memory is what was read. */
void boot_prefix_move(struct run *run);
void boot_prefix_fini(struct run *run);

/** boot_prefix_next() - as trace_next(), with what was read ahead. */
int boot_prefix_next(struct run *run, struct trace_reader *reader, struct trace_batch *batch, struct err *err);

/** boot_prefix_has() - whether the request comes before the page allocator. */
bool boot_prefix_has(const struct run *run, const struct request *req);

#endif
