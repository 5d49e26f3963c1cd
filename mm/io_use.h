/*
 * io_use: what was read and written of each region of ports or of device memory. Regions are told apart by place and
 * name: one that is released and requested again goes on counting.
 */
#ifndef KMEMSIM_MM_IO_USE_H
#define KMEMSIM_MM_IO_USE_H

#include <stdbool.h>
#include <stdint.h>

#define IO_USE_OPS 12   /* kinds of access: enum ioport_op, enum mmio_op */
#define IO_USE_MAX 65535 /* regions; what is used of more counts for the first */

struct io_use {
	uint64_t calls;     /* events */
	uint64_t accesses;  /* of the bus: a string instruction makes many */
	uint64_t bytes;
	uint64_t cost_ns;
	uint64_t unclaimed; /* calls outside of what a driver or the kernel has claimed */
};

struct io_use_region {
	uint64_t start, end; /* inclusive */
	const char *name;    /* borrowed */
	struct io_use use[IO_USE_OPS];
};

struct io_use_list {
	struct io_use_region *regions; /* owned */
	uint32_t nr, cap;
};

void io_use_fini(struct io_use_list *list);

/** io_use_find() - the number of the region, made if it is new. Return: 0, the first one's, when there is no room. */
uint32_t io_use_find(struct io_use_list *list, uint64_t start, uint64_t end, const char *name);

/** io_use_count() - a call of @accesses of @bytes each that cost @cost_ns. */
static inline void io_use_count(struct io_use *use, uint64_t accesses, uint64_t bytes, uint64_t cost_ns, bool claimed)
{
	use->calls++;
	use->accesses += accesses;
	use->bytes += accesses * bytes;
	use->cost_ns += cost_ns;
	use->unclaimed += !claimed;
}

#endif
