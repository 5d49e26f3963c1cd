/*
 * ioremap: device memory gets addresses in the vmalloc space, and is read and written there. Models
 * arch/x86/mm/ioremap.c, arch/x86/mm/pat/memtype.c and arch/x86/include/asm/io.h (6.1). Knows memory types, page tables
 * (through vmalloc) and which resource an address is in; has no clock: it is told when an access is made.
 */
#ifndef KMEMSIM_MM_IOREMAP_H
#define KMEMSIM_MM_IOREMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "mm/io_use.h"
#include "mm/meter.h"

struct ioremap; /* the state of SLOT_IOREMAP: mm_state(mm, SLOT_IOREMAP) */

/* How the processor treats a mapping, in the order of the trace's modes. NP (non-posted) is UC on x86. */
enum ioremap_mode { IOREMAP_UC, IOREMAP_WC, IOREMAP_WB, IOREMAP_NP, IOREMAP_WT, NR_IOREMAP_MODES };

/* Why there is no mapping. */
enum ioremap_refusal {
	IOREMAP_GRANTED,
	IOREMAP_EMPTY,    /* of no byte, or beyond the last address */
	IOREMAP_TOO_HIGH, /* above the processor's physical addresses */
	IOREMAP_RAM,      /* of RAM that the page allocator has */
	IOREMAP_TYPE,     /* mapped elsewhere with a mode that does not go with this one */
	IOREMAP_NO_AREA,  /* no addresses, or no page for page tables */
	NR_IOREMAP_REFUSALS
};

#define IOREMAP_NONE UINT32_MAX

struct ioremap_request {
	uint64_t phys, size; /* bytes, as asked for */
	enum ioremap_mode mode;
	uint32_t caller;     /* the user's own word, for listings */
	uint32_t cpu;
	bool older;          /* made before the trace, which does not know its physical address: nothing is checked */
};

struct ioremap_answer {
	enum ioremap_refusal refusal;
	uint32_t mapping; /* its number, until ioremap_unmap() */
	bool claimed;     /* one busy resource is around all of it */
	bool spans;       /* it goes beyond a resource that it is partly in: the kernel warns, and maps it */
};

/** A live mapping. */
struct ioremap_mapping {
	uint64_t phys, bytes;   /* whole pages */
	uint64_t size;          /* as asked for */
	uint32_t offset;        /* of the first byte asked for, in the first page */
	uint32_t area;          /* of the vmalloc space */
	uint32_t caller;
	uint8_t mode;           /* enum ioremap_mode: what was granted */
	bool live;
	/* Where the last access went, so that the next need not search: region of the uses of [first, last]. */
	uint64_t first, last, generation;
	uint32_t region;
	uint16_t device;        /* region of the machine whose costs count, from 1; 0 = none has costs */
	bool claimed;
};

/**
 * ioremap_map() - models __ioremap_caller(): the checks in its order, memory type, area, page tables.
 * Simplified: device memory is mapped by pages of the base size, never by huge ones, because machine files do
 * not have the MTRRs that decide on it.
 */
struct ioremap_answer ioremap_map(struct ioremap *io, const struct ioremap_request *req, struct meter *meter);

/** ioremap_unmap() - models iounmap() of a mapping's address. */
void ioremap_unmap(struct ioremap *io, uint32_t mapping, uint32_t cpu, struct meter *meter);

/** ioremap_bytes() - bytes that a mapping of [@phys, @phys + @size) takes: whole pages. */
uint64_t ioremap_bytes(const struct ioremap *io, uint64_t phys, uint64_t size);

/* The accessors, in the order of the trace's kinds. */
enum mmio_op {
	MMIO_READB, MMIO_READW, MMIO_READL, MMIO_READQ, MMIO_WRITEB, MMIO_WRITEW, MMIO_WRITEL, MMIO_WRITEQ,
	NR_MMIO_OPS
};

_Static_assert((int)NR_MMIO_OPS <= IO_USE_OPS, "io_use has room");

enum mmio_answer {
	MMIO_DONE,
	MMIO_UNCLAIMED, /* done, and no busy resource is there */
	MMIO_FAULT,     /* nothing is mapped there: the kernel has a page fault */
};

/** Where an access goes: @offset into a mapping, or a physical address. */
struct mmio_access {
	enum mmio_op op;
	uint32_t mapping;  /* IOREMAP_NONE: by @phys */
	uint64_t offset;
	uint64_t phys;
	bool any_mapping;  /* by @phys: mappings from before the trace may be there */
	ns_t now;          /* compared with earlier accesses to the same device only */
};

/**
 * mmio_access() - one read or write of a device's register.
 *
 * A read is a round trip: read_ns of the region, else latency.mmio_read. A write is posted: the processor goes on after
 * write_ns, else latency.mmio_write, while the write travels for half a round trip; a read of the same region, by
 * whatever CPU, first waits until the writes before it have arrived. Writes to a write-combined mapping gather in a
 * buffer of 64 bytes and cost latency.mmio_write_wc for each one filled.
 * Simplified: any number of writes can be on their way, because machine files do not have the buses' credits.
 */
enum mmio_answer mmio_access(struct ioremap *io, const struct mmio_access *access, struct meter *meter);

/**
 * ioremap_to_user() - models remap_pfn_range(): whole pages of a device, or of RAM, in a task's address space.
 * Simplified: its page tables are not allocated: recordings show them as page events.
 * Return: whether it was done; @phys must be the beginning of a page.
 */
bool ioremap_to_user(struct ioremap *io, uint64_t phys, uint64_t size, struct meter *meter);

struct ioremap_stats {
	uint64_t maps, unmaps, refused[NR_IOREMAP_REFUSALS];
	uint64_t live, live_bytes, peak_live, peak_bytes; /* bytes as mapped, without guards */
	uint64_t by_mode[NR_IOREMAP_MODES], size_by_mode[NR_IOREMAP_MODES], bytes_by_mode[NR_IOREMAP_MODES]; /* live */
	uint64_t other_type;      /* granted with the mode of another mapping */
	uint64_t spans, unclaimed;
	uint64_t user_maps, user_bytes;
	uint64_t faults;
	uint64_t read_waits, read_wait_ns; /* for posted writes */
};

const struct ioremap_stats *ioremap_stats(const struct ioremap *io);

/** ioremap_use() - reads and writes by region of iomem; region 0 is what is in none. Op: enum mmio_op. */
const struct io_use_list *ioremap_use(const struct ioremap *io);

/** ioremap_next() - the live mapping with the lowest number from @from on, or IOREMAP_NONE. */
uint32_t ioremap_next(const struct ioremap *io, uint32_t from);
/** ioremap_get() - a live mapping; borrowed until the next ioremap(). */
const struct ioremap_mapping *ioremap_get(const struct ioremap *io, uint32_t mapping);
/** ioremap_address() - where the first byte asked for is. */
uint64_t ioremap_address(const struct ioremap *io, uint32_t mapping);

#endif
