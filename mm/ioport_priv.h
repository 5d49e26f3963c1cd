/* ioport_priv: the table of ports, kept by resource.c. */
#ifndef KMEMSIM_MM_IOPORT_PRIV_H
#define KMEMSIM_MM_IOPORT_PRIV_H

#include "base/err.h"
#include "mm/ioport.h"

struct resources;

/*
 * A port: its region in the list of uses, the region of the
 * machine that has its costs from 1, whether it is claimed.
 */
#define IOPORT_CLAIMED_BIT  (1u << 31)
#define IOPORT_DEVICE_SHIFT 16
#define IOPORT_DEVICE_MASK  0x3ffu
#define IOPORT_REGION_MASK  0xffffu

struct ioports {
	const struct machine *machine; /* borrowed */
	uint32_t *table;               /* owned; one entry a port */
	uint32_t nr;
	struct io_use_list use;
};

int ioports_init(struct ioports *ports, const struct machine *machine, struct err *err);
void ioports_fini(struct ioports *ports);
/** ioports_refresh() - the tree of ports has changed within [@start, @end]. */
void ioports_refresh(struct resources *resources, uint64_t start, uint64_t end);
int ioports_check(const struct resources *resources, struct err *err);

#endif
