/*
 * serve_bulk: calls that take or free many objects or pages at once. The recording has an event for each,
 * the last one makes the call.
 */
#ifndef KMEMSIM_SIM_SERVE_BULK_H
#define KMEMSIM_SIM_SERVE_BULK_H

#include "mm/slab.h"
#include "sim/request.h"

struct run;
struct run_op;
struct err;

/**
 * The bulk call under way on a CPU: one asker's (who), and of one action. Calls of several CPUs, and of interrupts,
 * come between one another, and the end of one may never come: its task was killed, or the trace is cut off.
 */
struct bulk {
	struct request last;         /* of its parts */
	uint32_t *slots;             /* owned, as the next two: of its parts */
	struct slab_object *objects; /* to be freed */
	pfn_t *pfns;                 /* room for those taken */
	uint32_t nr, cap;
};

int bulks_init(struct run *run, struct err *err);
void bulks_fini(struct run *run);
/**
 * bulk_wanted() - the page of @slot is to be freed and has not been taken: a call under way
 * that is to take it is made now.
 */
void bulk_wanted(struct run *run, uint32_t slot);
/** bulks_end() - the run is over: calls whose last part has not come are made with those that have. */
void bulks_end(struct run *run);

void serve_bulk_free(struct run *run, const struct request *req, struct run_op *op);
void serve_pages_bulk(struct run *run, const struct request *req, struct run_op *op);

#endif
