/*
 * import: turns recordings of other tools into a .kmt file. Knows the sources' formats (recognised from the
 * content) and the rules by which their gaps are repaired; each repair is counted, none is silent.
 */
#ifndef KMEMSIM_TRACES_IMPORT_H
#define KMEMSIM_TRACES_IMPORT_H

#include "base/err.h"
#include "traces/duration.h"
#include "traces/trace.h"

/** Called now and then with what was read so far; a non-zero answer stops the import with ERR_INTERRUPTED. */
typedef int (*import_progress_fn)(void *arg, uint64_t bytes, uint64_t bytes_total, uint64_t events);

/** What is known of pages on LRU lists: the members of struct trace_meta with these names. */
struct import_cache {
	uint64_t cache_pages, cache_pages_reused; /* reused <= all <= UINT32_MAX */
	uint64_t anon_pages, anon_pages_reused;
};

/**
 * Who finds the pace of reclaim: @call gets each batch of an inactive list and each way
 * of kswapd from being woken to running, with @arg; @tell fills @pace when all have come.
 */
struct import_pace {
	duration_fn call;
	int (*tell)(void *arg, struct trace_pace *pace, struct err *err);
	void *arg;
};

struct import_options {
	bool recorded;      /* keep recorded addresses, page frames and contexts; default of the CLI: yes */
	bool strict;        /* any unusable line is an error */
	uint32_t page_size; /* of the recorded machine; 0 = from the source, else 4096 */
	const char *kallsyms; /* names of call sites, where the recording has addresses; may be NULL */
	unsigned int kernel_major, kernel_minor; /* 0 = from the source, else 6.1 */
	/* takes the place of what the source says itself; NULL = as the source says */
	const struct import_cache *cache;
	const struct import_pace *pace;   /* NULL = nobody looks for it */
	import_progress_fn progress; /* may be NULL */
	void *progress_arg;
};

/**
 * import_files() - import @nr sources, the parts of one recording in order of time, into @output.
 * @sources: paths; "-" is standard input.
 * @meta:    filled with the summary on success; the caller ends it with trace_meta_fini().
 */
int import_files(const char *const *sources, size_t nr, const char *output, const struct import_options *options,
	struct trace_meta *meta, struct err *err);

#endif
