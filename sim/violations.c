/*
 * violations: rules of the kernel's interfaces that the trace's
 * callers broke. Counted all, written out up to a limit.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/run.h"
#include "sim/severity.h"

const char *const severity_name[NR_SEVERITIES] = { "advice", "notice", "leak", "warning", "error", "fatal" };

enum severity severity_by_name(const char *name)
{
	int severity = 0;

	while (severity < NR_SEVERITIES && strcmp(severity_name[severity], name))
		severity++;
	return (enum severity)severity;
}

const char *rule_name(unsigned int rule)
{
	static const char *const names[NR_RULES + 1] = {
#define X(id, text, how_bad) [RULE_##id] = text,
		RULES(X)
#undef X
	};

	return rule < NR_RULES ? names[rule] : NULL;
}

static const struct {
	const char *name, *severity;
} rule_info[NR_RULES] = {
#define X(id, text, how_bad) [RULE_##id] = { text, how_bad },
	RULES(X)
#undef X
};

/*
 * Whether what came before decides of it: what was allocated,
 * mapped, claimed and entered, and what was freed of that.
 */
static bool depends_on_before(enum rule rule)
{
	switch (rule) {
	case RULE_CACHE_NAME_DUPLICATE:
	case RULE_CACHE_DESTROY_LIVE:
	case RULE_CACHE_DESTROYED:
	case RULE_WRONG_FREE:
	case RULE_FREE_UNKNOWN:
	case RULE_REGION_CONFLICT:
	case RULE_REGION_RELEASE_MISMATCH:
	case RULE_PORT_UNCLAIMED:
	case RULE_IOMEM_UNCLAIMED:
	case RULE_KMAP_LEAK:
	case RULE_PAGE_ADDRESS_UNMAPPED:
	case RULE_MEMPOOL_LEAK:
	case RULE_PREEMPT_IMBALANCE:
	case RULE_REGION_LEAK:
	case RULE_MEMPOOL_MISUSE:
		return true;
	default:
		return false;
	}
}

static void violation(struct run *run, enum rule rule, const char *severity, const struct run_op *op, const char *fmt,
	va_list args)
{
	struct record_violation row = {
		.time_ns = run->engine.now,
		.cpu = run->cpu,
		.rule = rule_info[rule].name,
		.severity = severity,
		.event_no = run->event_no,
		.call_site = op->trace->call_site ? run_string(run, op->trace->call_site) : NULL,
	};
	char text[512];

	/* Before the replay begins nothing is judged. */
	if (run->follow.skipping || run->follow.warming)
		return;
	/* That an object never was, the trace itself knows. */
	if (run->options->cut_front && depends_on_before(rule) && !(op->flags & OP_UNKNOWN)) {
		run->result.not_judged++;
		return;
	}
	run->result.violations++;
	if ((++run->violations[rule][severity_by_name(severity)] > MAX_VIOLATION_ROWS && !run->options->lint) ||
		run->deferred.code)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	row.text = text;
	run->recorder->ops->violation(run->recorder, &row, &run->deferred);
}

void run_violation(struct run *run, enum rule rule, const struct run_op *op, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	violation(run, rule, rule_info[rule].severity, op, fmt, args);
	va_end(args);
}

void run_violation_severe(struct run *run, enum rule rule, const char *severity, const struct run_op *op,
	const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	violation(run, rule, severity, op, fmt, args);
	va_end(args);
}
