/*
 * verify_step_priv: what the files of the pass over pages one step at a time share:
 * verify_step.c (the choices, compared) and verify_step_settle.c (what moved, put right).
 */
#ifndef KMEMSIM_SIM_VERIFY_STEP_PRIV_H
#define KMEMSIM_SIM_VERIFY_STEP_PRIV_H

#include "sim/verify_priv.h"

/* What a CPU's recording has told that is not over yet. */
struct step_cpu {
	struct trace_move *moves; /* owned: refilled blocks, or flushed ones */
	uint32_t nr, cap;
	pfn_t freed;              /* the free that they follow, PFN_NONE: none */
	uint8_t freed_order;
	struct unseen_cpu lists;
	uint32_t unseen[MACHINE_MAX_NODES]; /* pages taken without an event since a bulk call began, by node */
	bool in_bulk;
	uint32_t bulk;            /* pages of the bulk call that ends */
};

struct step {
	struct verify_pass pass;
	struct verify_count *pages, *refills, *drains; /* borrowed */
	struct unseen_log *log;   /* borrowed */
	struct step_cpu *cpus;    /* owned */
	uint64_t event_no;        /* of the event next to come */
	ns_t time_ns;
};

static inline struct page_alloc *step_pages(const struct step *s)
{
	return s->pass.mm.pages;
}

/* Whether blocks of @order have lists of CPUs. */
static inline bool step_has_list(const struct step *s, unsigned int order)
{
	const struct machine_page_allocator *config = &s->pass.options->machine->page_allocator;

	return order < PCP_ORDERS || (config->transparent_hugepage && order == config->pageblock_order);
}

/** step_no_memory() - ERR_NOMEM. */
int step_no_memory(struct err *err);
/**
 * step_log_unseen() - a block had left its list without an event: see
 * struct unseen_take. Those of a bulk call are counted by its event.
 *
 * Errors: ERR_NOMEM.
 */
int step_log_unseen(struct step *s, uint32_t number, pfn_t pfn, uint8_t order, enum migratetype mt, struct err *err);
/**
 * step_take_unseen() - what stands on a list in front of @until
 * left it unseen; PFN_NONE: all of it. Errors: ERR_NOMEM.
 */
int step_take_unseen(struct step *s, unsigned int zone, unsigned int list, uint32_t number, pfn_t until,
	enum migratetype mt, struct err *err);

/** step_settle() - CPU @number tells of something else: what it told before is whole. Errors: ERR_NOMEM. */
int step_settle(struct step *s, uint32_t number, struct err *err);
/** step_free_page() - a page goes to the list of CPU @number, or at once to the free lists. Errors: ERR_NOMEM. */
int step_free_page(struct step *s, uint32_t number, pfn_t pfn, uint8_t order, struct err *err);
/** step_move() - a recorded move; @arg: the struct step. Errors: ERR_NOMEM. */
int step_move(void *arg, const struct trace_move *move, struct err *err);

#endif
