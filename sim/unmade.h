/*
 * unmade: caches and pools whose creation has arrived and is not done: it waits for its CPU, for its task's turn,
 * or for memory. What names them later in the trace waits for that, as nobody in the kernel has a pointer to what
 * is not there yet. Nor does a driver release or use a region before its request is done, or another one request it
 * before its release. Tickets (sim/arrive.h) cannot see to it: they go by slots, and these have none. And a cache
 * or pool is destroyed when all that named it earlier, and waits for its CPU, its task's turn or its object, is
 * done. Nor is a page mapped that is still to be allocated.
 *
 * Invariants
 *  1. an operation has OP_UNMADE exactly when it names something that is unmade, is about
 *     such a region, destroys something, or maps a page
 */
#ifndef KMEMSIM_SIM_UNMADE_H
#define KMEMSIM_SIM_UNMADE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/request.h"
#include "traces/kind.h"

struct run;

/** A creation or destruction, or a request or release of a region, that is not done. */
struct maker {
	uint64_t event_no;
	uint64_t start, last; /* KEY_START: the region's first and last byte */
	uint32_t name;        /* string number */
	/* KEY_CACHE, KEY_POOL: such a name; KEY_START, KEY_PORT: a region of memory, or of ports */
	uint32_t keys;
};

struct unmade {
	struct maker *makers; /* owned */
	uint32_t nr, cap;
	uint32_t nr_early;    /* destructions and mappings that wait for what came before them */
};

void unmade_fini(struct run *run);
/** unmade_begins() - @req, if it is a creation or about a region's claim, has to wait. Return: whether it is one. */
bool unmade_begins(struct run *run, const struct request *req);
/** unmade_ends() - creation @req is over, done or failed: who waits for it goes on, in order. */
void unmade_ends(struct run *run, const struct request *req);
/**
 * unmade_looks() - whether operations of @kind have OP_UNMADE
 * always: they destroy a cache or a pool, or map a page.
 */
bool unmade_looks(enum trace_kind kind);
/** unmade_arrives() - @req does not begin at once. If it maps a page: which requests of the page are before it. */
void unmade_arrives(const struct run *run, struct request *req);
/**
 * unmade_passed() - while run->unmade.nr_early: @req, which waited, is done: a destruction
 * or mapping that waits for it looks again.
 */
void unmade_passed(struct run *run, const struct request *req);
/**
 * unmade_holds() - whether @req, which is about to be served and whose operation has OP_UNMADE, names what an
 * earlier event is to make, destroys what an earlier one names, or maps a page that an earlier one takes. Then it
 * waits for that (SLEEP_OBJECT), and is served again as if it had not been.
 */
bool unmade_holds(struct run *run, const struct request *req);
int unmade_check(const struct run *run, struct err *err);

#endif
