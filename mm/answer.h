/* answer: what the modelled kernel says to a request. Never an error of kmemsim itself. */
#ifndef KMEMSIM_MM_ANSWER_H
#define KMEMSIM_MM_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

enum mm_answer {
	MM_DONE,
	MM_FAILED, /* no memory, or refused, as the kernel would */
	MM_WAIT,   /* must sleep: struct mm_wait says for what; call again when the wait is over */
};

/* What requests sleep for. The last two are the engine's own: no sleep of the kernel's, but order that is kept. */
#define SLEEP_REASONS(X)                                                              \
	X(MEMPOOL, "mempool")        /* an element to come back to the pool */        \
	X(KMAP, "kmap")              /* a slot of the persistent kmap area */         \
	X(RECLAIM, "reclaim")        /* pages being written to the swap device */     \
	X(OOM, "oom")                /* the killed task's memory */                   \
	X(RETRY, "retry")            /* a pause before trying again */                \
	X(OBJECT, "object")          /* an earlier request with the same object */    \
	X(TASK, "task")              /* the task's request before it */

enum sleep_reason {
#define X(id, name) SLEEP_##id,
	SLEEP_REASONS(X)
#undef X
	NR_SLEEP_REASONS
};

/** Where a request that slept goes on: its mechanism's own note. 0: from the start. */
struct mm_place {
	uint32_t stage;
};

/** Filled by who answers MM_WAIT (meter_wait()), read by who parks the request; given back in the next call. */
struct mm_wait {
	/* which of them: pool, node ... ; wake-ups name the same; in: of the wait that is over */
	uint64_t key;
	uint64_t timeout_ns;    /* 0: until woken */
	struct mm_place place;  /* in and out */
	uint8_t reason;         /* enum sleep_reason; in: of the wait that is over */
	bool timed_out;         /* in: the wait that is over ended by its timeout */
};

#endif
