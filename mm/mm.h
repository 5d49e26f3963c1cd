/* mm: the modelled kernel memory of one run: page allocator below, slab above. No clock, no I/O. */
#ifndef KMEMSIM_MM_MM_H
#define KMEMSIM_MM_MM_H

#include "mm/mechanism.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

struct mm {
	const struct machine *machine; /* borrowed, constant, may be shared by many runs */
	uint64_t seed;
	struct page_alloc *pages;      /* owned */
	struct slab *slab;             /* owned */
	struct mm_part {
		const struct mechanism *mech;
		void *state;               /* owned */
	} parts[NR_SLOTS];             /* NULL: SLOT_SLAB, and slots that no mechanism is listed for */
};

/** mm_state() - the state of the mechanism in @slot: what its header calls its struct. */
static inline void *mm_state(const struct mm *mm, enum mm_slot slot)
{
	return mm->parts[slot].state;
}

/** mm_init() - boot the machine. On failure nothing is left to free. */
int mm_init(struct mm *mm, const struct machine *machine, uint64_t seed, struct err *err);
void mm_fini(struct mm *mm);

/** mm_check() - all invariants of all mechanisms. */
int mm_check(const struct mm *mm, struct err *err);

#endif
