/*
 * recorder_violations: a recorder that keeps broken rules in memory, and passes all that it gets on to another one. For
 * `kmemsim lint`.
 */
#ifndef KMEMSIM_SIM_RECORDER_VIOLATIONS_H
#define KMEMSIM_SIM_RECORDER_VIOLATIONS_H

#include "sim/recorder.h"
#include "sim/severity.h"

/** What to keep. */
struct violations_filter {
	const char *rule;        /* of this rule only; NULL = all. Borrowed. */
	enum severity severity;  /* of this severity and worse */
};

/** A kept violation; its texts are owned. */
struct kept_violation {
	ns_t time_ns;
	uint64_t event_no;
	uint32_t cpu;
	enum severity severity;
	const char *rule;        /* static */
	char *call_site;         /* NULL = unknown */
	char *text;
};

/** How many there were of a rule and severity. */
struct violation_count {
	const char *rule;        /* static */
	enum severity severity;
	uint64_t count;
};

struct recorder_violations {
	struct recorder recorder;     /* what the replay gets */
	struct recorder *next;        /* borrowed */
	struct violations_filter filter;
	struct kept_violation *kept;  /* owned; in the order of their events, leaks of the end last */
	uint32_t nr_kept, cap_kept;
	struct violation_count *counts; /* owned; in the order of their first */
	size_t nr_counts;
};

/** recorder_violations_init() - @next gets everything, of violations the first ones; it is not closed by close(). */
void recorder_violations_init(struct recorder_violations *keeper, const struct violations_filter *filter,
	struct recorder *next);
/** recorder_violations_fini() - free what is kept. NULL is allowed. */
void recorder_violations_fini(struct recorder_violations *keeper);
/** recorder_violations_worse() - how many violations passed the filter that are of @severity or worse. */
uint64_t recorder_violations_worse(const struct recorder_violations *keeper, enum severity severity);

#endif
