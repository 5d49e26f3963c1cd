/*
 * meter: what an operation of mm/ cost, in named steps. mm/ never writes nanoseconds: the machine's table prices a
 * step. Steps without a lock are summed on the spot; steps under a lock are kept as segments, in order, for the
 * engine, which grants locks in order of arrival.
 */
#ifndef KMEMSIM_MM_METER_H
#define KMEMSIM_MM_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "configs/machine.h"
#include "mm/answer.h"

#define METER_SEGMENTS 32 /* as most requests have fewer, these are in place */

/* Lock numbers: zone locks first, then node list locks. */
typedef uint16_t lock_id;
#define NR_ZONE_LOCKS    ((unsigned int)MACHINE_MAX_NODES * NR_ZONE_TYPES)
#define LOCK_ZONE(zone)  ((lock_id)(zone))                   /* zone: index in the model's zone array */
#define LOCK_LIST(node)  ((lock_id)(NR_ZONE_LOCKS + (node))) /* SLUB list_lock, one per node in the model */

/* Locks that a machine has one of, behind those. */
#define METER_LOCKS(X)                                                 \
	X(VMAP, "vmap_area")           /* vmap_area_lock, free_vmap_area_lock */ \
	X(PCPU, "pcpu")                /* pcpu_lock and pcpu_alloc_mutex */ \
	X(MEMPOOL, "mempool")          /* pool->lock: one for all pools in the model */ \
	X(RESOURCE, "resource")        /* resource_lock */             \
	X(KMAP, "kmap")                /* kmap_lock */                 \
	X(DMA_POOL, "dma_pool")        /* pool->lock: one for all pools in the model */ \
	X(LRU, "lru")                  /* lruvec->lru_lock */

enum meter_lock {
	LOCK_FIRST_SINGLE = NR_ZONE_LOCKS + MACHINE_MAX_NODES,
	LOCK_BEFORE_SINGLES = LOCK_FIRST_SINGLE - 1,
#define X(id, name) LOCK_##id,
	METER_LOCKS(X)
#undef X
	NR_LOCKS
};

struct meter_segment {
	lock_id lock;
	uint16_t step;   /* enum machine_step */
	uint32_t count;
	uint64_t at_ns;  /* what the request had cost before it */
};

/* Room for the segments of a request that has more of them: grown when one has more than any before, and kept. */
struct meter_more {
	struct meter_segment *segments; /* owned */
	uint32_t cap;
	bool no_memory;          /* some have been dropped: what locks say from then on is not the whole of it */
};

struct meter {
	const uint32_t *step_ns; /* borrowed: the machine's price list */
	uint64_t ns;             /* sum of the steps so far, those under locks included */
	uint32_t nr_segments;    /* all there were: see meter_kept() */
	struct meter_segment segments[METER_SEGMENTS]; /* the first ones: see meter_segment() */
	struct meter_more *more; /* borrowed: those behind; NULL: nobody asks for them, they are only in ns */
	/* beside ns: what the request sleeps once it has done what it does; 0 but under pressure */
	uint64_t nap_ns;
	uint8_t nap_reason;      /* enum sleep_reason, the worst */
	uint32_t loops;          /* not 0: the last request found no page, and would loop; alike for like requests */
	/* kswapd was woken, a request reclaimed, a block waits for RCU: cleared when looked after */
	bool pressure;
	/* of a request that sleeps or slept; all 0 for others, and not touched by meter_start() */
	struct mm_wait wait;
};

/** meter_start() - the first request of a meter that was zeroed; @step_ns is borrowed. */
static inline void meter_start(struct meter *meter, const uint32_t *step_ns)
{
	meter->step_ns = step_ns;
	meter->ns = 0;
	meter->nr_segments = 0;
	meter->nap_ns = 0;
}

/** meter_restart() - the next request, at the same prices. Naps of the one before have been taken. */
static inline void meter_restart(struct meter *meter)
{
	meter->ns = 0;
	meter->nr_segments = 0;
	meter->loops = 0;
}

/** meter_charge() - @count times @step, no lock held. */
static inline void meter_charge(struct meter *meter, enum machine_step step, uint32_t count)
{
	meter->ns += (uint64_t)meter->step_ns[step] * count;
}

/**
 * meter_nap() - @count times @step, for which the request sleeps: its CPU is free meanwhile.
 * What the request changes it has changed by then.
 */
static inline void meter_nap(struct meter *meter, enum machine_step step, uint32_t count, enum sleep_reason reason)
{
	if (!meter->nap_ns || (uint8_t)reason > meter->nap_reason)
		meter->nap_reason = (uint8_t)reason;
	meter->nap_ns += (uint64_t)meter->step_ns[step] * count;
	meter->pressure = true;
}

/** meter_elapsed() - how long the request has taken, without what it waited at locks. */
static inline uint64_t meter_elapsed(const struct meter *meter)
{
	return meter->ns + meter->nap_ns;
}

/** meter_charge_ns() - a price that the machine gives for one device, no lock held. */
static inline void meter_charge_ns(struct meter *meter, uint64_t ns)
{
	meter->ns += ns;
}

/** meter_put_more() - segment number meter->nr_segments, which is not among the first. */
void meter_put_more(struct meter *meter, const struct meter_segment *segment);
/** meter_more_fini() - no meter may have it then. */
void meter_more_fini(struct meter_more *more);

/** meter_kept() - how many of its segments can be asked for. */
static inline uint32_t meter_kept(const struct meter *meter)
{
	uint32_t room = METER_SEGMENTS + (meter->more ? meter->more->cap : 0);

	return meter->nr_segments < room ? meter->nr_segments : room;
}

/** meter_segment() - number @i of those that are kept. */
static inline const struct meter_segment *meter_segment(const struct meter *meter, uint32_t i)
{
	return i < METER_SEGMENTS ? &meter->segments[i] : &meter->more->segments[i - METER_SEGMENTS];
}

/** meter_charge_locked() - @count times @step with @lock held. */
static inline void meter_charge_locked(struct meter *meter, enum machine_step step, uint32_t count, lock_id lock)
{
	const struct meter_segment segment = { lock, (uint16_t)step, count, meter->ns };

	if (__builtin_expect(meter->nr_segments < METER_SEGMENTS, 1))
		meter->segments[meter->nr_segments] = segment;
	else
		meter_put_more(meter, &segment);
	meter->ns += (uint64_t)meter->step_ns[step] * count;
	meter->nr_segments++;
}

/**
 * meter_wait() - the request must sleep: `return meter_wait(...)` before any state has
 * changed that a retry cannot bear.
 */
static inline enum mm_answer meter_wait(struct meter *meter, enum sleep_reason reason, uint64_t key,
	uint64_t timeout_ns)
{
	meter->wait.reason = (uint8_t)reason;
	meter->wait.key = key;
	meter->wait.timeout_ns = timeout_ns;
	return MM_WAIT;
}

#endif
