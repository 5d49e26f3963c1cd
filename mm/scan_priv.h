/* scan_priv: one attempt to reclaim, and what is left of its pass over a node. */
#ifndef KMEMSIM_MM_SCAN_PRIV_H
#define KMEMSIM_MM_SCAN_PRIV_H

#include "configs/machine.h"
#include "mm/meter.h"
#include "mm/reclaim.h"

/** One attempt to reclaim. Models struct scan_control. */
struct scan_control {
	unsigned int order, cpu;
	enum machine_zone highest;   /* pages of higher zones are of no use */
	int priority;                /* lists are scanned for 1 / 2^priority of their length */
	uint64_t nr_to_reclaim;      /* pages */
	uint64_t reclaimed, scanned; /* pages */
	bool kswapd;                 /* who: for the counters */
	bool may_swap, may_fs;
	bool force_deactivate;       /* active pages grow old whatever else */
	bool skipped_deactivate;     /* of some list they did not */
	bool compaction_ready;       /* some zone has enough free pages for compaction: nothing is taken there */
	struct meter *meter;
};

/** What a pass over a node is to look at; vmscan_balance.c. */
struct scan_balance {
	bool deactivate[2];          /* anonymous, file: active pages may grow old */
	uint64_t nr[NR_LRU_LISTS];   /* pages */
};

/** A pass over a node, which is done in rounds. */
struct node_scan {
	struct scan_balance balance;    /* what is still to be looked at */
	uint64_t wanted[NR_LRU_LISTS];  /* what was, when it began */
	uint64_t reclaimed_before;      /* sc->reclaimed then */
	bool all;                       /* it does not end before all has been looked at */
};

#endif
