#include "sim/recorder_violations.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static struct recorder *next_of(struct recorder *rec)
{
	return ((struct recorder_violations *)rec)->next;
}

/* One function per member that passes its row on. */
#define PASS(name, type)                                                                              \
	static int pass_##name(struct recorder *rec, const struct type *row, struct err *err)         \
	{                                                                                             \
		return next_of(rec)->ops->name(next_of(rec), row, err);                               \
	}

PASS(begin, record_run)
PASS(sample, record_sample)
PASS(zone, record_zone)
PASS(free_blocks, record_free_blocks)
PASS(pageblocks, record_pageblocks)
PASS(frag, record_frag)
PASS(cache, record_cache)
PASS(op, record_op)
PASS(extfrag, record_extfrag)
PASS(call_site, record_call_site)
PASS(counter, record_counter)
PASS(verify_check, record_verify_check)
PASS(verify_zone, record_verify_zone)
PASS(verify_cache, record_verify_cache)
PASS(row, record_row)
PASS(end, record_end)

static void pass_close(struct recorder *rec)
{
	(void)rec;
}

/* Return: the count of the rule and severity, NULL without memory. */
static struct violation_count *count_of(struct recorder_violations *keeper, const char *rule, enum severity severity)
{
	struct violation_count *counts;

	for (size_t i = 0; i < keeper->nr_counts; i++)
		if (keeper->counts[i].severity == severity && !strcmp(keeper->counts[i].rule, rule))
			return &keeper->counts[i];
	counts = realloc(keeper->counts, (keeper->nr_counts + 1) * sizeof(*counts));
	if (!counts)
		return NULL;
	keeper->counts = counts;
	counts[keeper->nr_counts] = (struct violation_count){ .rule = rule, .severity = severity };
	return &counts[keeper->nr_counts++];
}

static int keep(struct recorder_violations *keeper, const struct record_violation *row, enum severity severity,
	struct err *err)
{
	struct kept_violation kept = {
		.time_ns = row->time_ns,
		.event_no = row->event_no,
		.cpu = row->cpu,
		.severity = severity,
		.rule = row->rule,
	};

	if (!array_room(&keeper->kept, &keeper->cap_kept, keeper->nr_kept))
		return err_set(err, ERR_NOMEM, "no memory for %u violations", keeper->nr_kept + 1);
	kept.text = strdup(row->text);
	kept.call_site = row->call_site ? strdup(row->call_site) : NULL;
	keeper->kept[keeper->nr_kept++] = kept;
	if (!kept.text || (row->call_site && !kept.call_site))
		return err_set(err, ERR_NOMEM, "no memory for %u violations", keeper->nr_kept);
	return 0;
}

static int take_violation(struct recorder *rec, const struct record_violation *row, struct err *err)
{
	struct recorder_violations *keeper = (struct recorder_violations *)rec;
	enum severity severity = severity_by_name(row->severity);
	struct violation_count *count;
	int ret = 0;

	if (severity < keeper->filter.severity || (keeper->filter.rule && strcmp(keeper->filter.rule, row->rule)))
		return 0;
	count = count_of(keeper, row->rule, severity);
	if (!count)
		return err_set(err, ERR_NOMEM, "no memory for the violations of a rule");
	if (++count->count > MAX_VIOLATION_ROWS)
		return 0;
	ret = keep(keeper, row, severity, err);
	return ret < 0 ? ret : keeper->next->ops->violation(keeper->next, row, err);
}

static const struct recorder_ops violations_ops = {
	.begin = pass_begin,
	.sample = pass_sample,
	.zone = pass_zone,
	.free_blocks = pass_free_blocks,
	.pageblocks = pass_pageblocks,
	.frag = pass_frag,
	.cache = pass_cache,
	.op = pass_op,
	.extfrag = pass_extfrag,
	.call_site = pass_call_site,
	.violation = take_violation,
	.counter = pass_counter,
	.verify_check = pass_verify_check,
	.verify_zone = pass_verify_zone,
	.verify_cache = pass_verify_cache,
	.row = pass_row,
	.end = pass_end,
	.close = pass_close,
};

void recorder_violations_init(struct recorder_violations *keeper, const struct violations_filter *filter,
	struct recorder *next)
{
	*keeper = (struct recorder_violations){ .recorder.ops = &violations_ops, .next = next, .filter = *filter };
}

void recorder_violations_fini(struct recorder_violations *keeper)
{
	if (!keeper)
		return;
	for (size_t i = 0; i < keeper->nr_kept; i++) {
		free(keeper->kept[i].call_site);
		free(keeper->kept[i].text);
	}
	free(keeper->kept);
	free(keeper->counts);
}

uint64_t recorder_violations_worse(const struct recorder_violations *keeper, enum severity severity)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < keeper->nr_counts; i++)
		if (keeper->counts[i].severity >= severity)
			sum += keeper->counts[i].count;
	return sum;
}
