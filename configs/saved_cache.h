/*
 * saved_cache: how much of its page cache a machine used again, by what the states saved of it count.
 * Knows vmstat, of kernels from 4.x to 6.18; knows nothing of the recording that the states stand beside.
 */
#ifndef KMEMSIM_CONFIGS_SAVED_CACHE_H
#define KMEMSIM_CONFIGS_SAVED_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAVED_CACHE_TEXT 1024 /* bytes: enough for a folder and a reason */

/** Pages of a kind. Both 0: not known. reused <= pages <= UINT32_MAX. */
struct saved_pages {
	uint64_t pages;  /* that came to the LRU lists between two states */
	uint64_t reused; /* the active ones among them: used a second time */
};

struct saved_cache {
	struct saved_pages file, anon; /* anon may be unknown where file is known */
};

/**
 * saved_cache_read() - compare the first and the last state in a folder.
 * @dir: holds states, each a folder with a vmstat (or vmstat.xz), in the order of their names, where 10 comes after 9;
 *       or is one state itself. A single state is compared with boot, when all counters are 0.
 * @how: which states told it, or why nothing is known: one line, without its end.
 *
 * Models nothing, but reads what mark_page_accessed() leaves: it makes a page active that is used a second time.
 * Reclaim takes pages off the lists and makes others inactive again, so nothing is known when pgsteal_file (5.8 and
 * later; else pgsteal_kswapd and pgsteal_direct, of each zone or of all) differs between the two states, or
 * pgdeactivate by more than 1 % of what came. Nor is it when fewer than 1024 file pages came, which is too few for a
 * share, when the counts contradict each other, or when a file is missing or damaged.
 *
 * Return: whether it is known.
 */
bool saved_cache_read(struct saved_cache *cache, const char *dir, char how[SAVED_CACHE_TEXT]);

#endif
