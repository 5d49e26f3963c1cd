/*
 * ioport: in and out instructions: what an access costs, whether somebody has claimed the port, and what was used of
 * each region. Models arch/x86/include/asm/shared/io.h and the hardware behind it. Knows of the resource tree only
 * which region each port is in: a table of all ports, since a recording can hold millions of accesses.
 */
#ifndef KMEMSIM_MM_IOPORT_H
#define KMEMSIM_MM_IOPORT_H

#include <stdint.h>

#include "mm/io_use.h"
#include "mm/meter.h"

/* The instructions, in the order of the trace's kinds. */
enum ioport_op {
	IOPORT_INB, IOPORT_INW, IOPORT_INL, IOPORT_OUTB, IOPORT_OUTW, IOPORT_OUTL,
	IOPORT_INSB, IOPORT_INSW, IOPORT_INSL, IOPORT_OUTSB, IOPORT_OUTSW, IOPORT_OUTSL,
	NR_IOPORT_OPS
};

#define IOPORT_WIDTH_LOG2(op) ((op) % 3u)

_Static_assert((int)NR_IOPORT_OPS <= IO_USE_OPS, "io_use has room");

struct ioports;

/** What became of an access: the hardware carries all of them out. */
enum ioport_access {
	IOPORT_CLAIMED,   /* all of its ports are in one claimed region */
	IOPORT_UNCLAIMED, /* its first port is in none */
	IOPORT_SPLIT,     /* it begins in a claimed region and reaches beyond it */
	IOPORT_NO_PORT,   /* there is no such port */
};

/**
 * ioport_access() - one instruction on @port; a string form makes @count accesses of the same port
 * (less than 2^32), else @count is 1.
 *
 * Costs, if the machine gives the port's region none of its own: latency.port_isa for each access below 0x400, where
 * the devices of a PC's LPC bridge are, else latency.port_pci. An access of a string form costs 30 % less, since the
 * processor has decoded its instruction already.
 */
enum ioport_access ioport_access(struct ioports *ports, enum ioport_op op, uint64_t port, uint64_t count,
	struct meter *meter);

/** ioport_use() - what was used, by region; region 0 is what is in none. Op: enum ioport_op. */
const struct io_use_list *ioport_use(const struct ioports *ports);

#endif
