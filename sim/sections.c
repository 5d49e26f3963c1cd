#include "sim/sections.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/run.h"

/* Return: whether there are sections of either kind. */
static bool has_sections(const struct trace_tables *tables, bool *counted)
{
	bool mapped = false;

	for (uint32_t i = 0; i < tables->nr_ops; i++) {
		uint8_t kind = tables->ops[i].kind;

		*counted |= kind == KIND_GET_CPU || kind == KIND_PUT_CPU || kind == KIND_GET_CPU_VAR ||
			kind == KIND_PUT_CPU_VAR;
		mapped |= kind == KIND_KMAP_ATOMIC || kind == KIND_KUNMAP_ATOMIC;
	}
	return *counted || mapped;
}

/* Who asks stands in the table once for each name of a task: sections go by CPU and pid alone. */
int sections_prepare(struct run *run, struct err *err)
{
	struct sections *s = &run->sections;
	struct idmap seen = { 0 };
	int ret = 0;

	if (!has_sections(run->tables, &s->counted))
		return 0;
	s->of_who = calloc(run->tables->nr_whos + 1, sizeof(*s->of_who));
	s->open = calloc(run->tables->nr_whos + 1, sizeof(*s->open));
	if (!s->of_who || !s->open)
		return err_set(err, ERR_NOMEM, "no memory for the sections of %u tasks", run->tables->nr_whos);
	for (uint32_t i = 0; ret == 0 && i < run->tables->nr_whos; i++) {
		const struct trace_who *who = &run->tables->whos[i];
		uint64_t key = (uint64_t)who->cpu << 32 | (uint32_t)who->pid;
		uint32_t number = idmap_get(&seen, key);

		if (number == IDMAP_NONE && idmap_put(&seen, key, number = s->nr++) < 0)
			ret = err_set(err, ERR_NOMEM, "no memory for the sections of %u tasks", run->tables->nr_whos);
		s->of_who[i] = number;
	}
	idmap_fini(&seen);
	return ret;
}

void sections_fini(struct run *run)
{
	free(run->sections.of_who);
	free(run->sections.open);
}

bool sections_any(const struct run *run)
{
	return run->sections.of_who != NULL;
}

static struct section *section_of(struct run *run, const struct request *req)
{
	return &run->sections.open[run->sections.of_who[req->who]];
}

void sections_enter(struct run *run, const struct request *req)
{
	struct section *section = section_of(run, req);

	if (section->depth++ == 0) {
		section->begun_ns = run->engine.now;
		section->op = req->op;
	}
	/* Before the replay begins nothing is counted. */
	if (run->follow.skipping)
		return;
	run->sections.calls++;
	if (section->depth > run->sections.max_depth)
		run->sections.max_depth = section->depth;
}

void sections_leave(struct run *run, const struct request *req, const struct run_op *op)
{
	struct section *section = section_of(run, req);
	ns_t ns;

	if (!section->depth) {
		run_violation(run, RULE_PREEMPT_IMBALANCE, op, "%s without get: preempt_count underflows",
			kind_info[op->kind].name);
		return;
	}
	if (--section->depth || run->follow.skipping)
		return;
	ns = run->engine.now - max_u64(section->begun_ns, run->begun_ns);
	run->sections.count++;
	run->sections.total_ns += ns;
	if (ns > run->sections.max_ns)
		run->sections.max_ns = ns;
}

void sections_may_sleep(struct run *run, const struct request *req, const struct run_op *op)
{
	const struct section *section = section_of(run, req);

	/* An interrupt is not the task that it comes into: its own context has been judged. */
	if ((!section->depth && !section->mapped) || (op->ctx & CTX_MASK) != CTX_PROCESS)
		return;
	run->sections.sleeps++;
	if (section->depth)
		run_violation(run, RULE_SLEEP_IN_ATOMIC, op,
			"%s may sleep, between %s and put: \"scheduling while atomic\"", kind_info[op->kind].name,
			kind_info[run->ops[section->op].kind].name);
	else
		run_violation(run, RULE_SLEEP_IN_ATOMIC, op,
			"%s may sleep, between kmap_atomic and kunmap_atomic: \"scheduling while"
			" atomic\"",
			kind_info[op->kind].name);
}

void sections_map(struct run *run, const struct request *req)
{
	section_of(run, req)->mapped++;
}

void sections_unmap(struct run *run, const struct request *req)
{
	struct section *section = section_of(run, req);

	section->mapped -= section->mapped > 0;
}

/* Nobody will put what is open. */
static void report_open(struct run *run, struct section *section, const char *when)
{
	const struct run_op *op = &run->ops[section->op];

	if (!section->depth)
		return;
	run_violation(run, RULE_PREEMPT_IMBALANCE, op,
		"%s at %" PRIu64 " ns: %u without put at the end of %s: \"scheduling"
		" while atomic\" when it next sleeps",
		kind_info[op->kind].name, section->begun_ns, section->depth, when);
	section->depth = 0;
}

void sections_task_ends(struct run *run, const struct request *req)
{
	if (sections_any(run))
		report_open(run, section_of(run, req), "the task");
}

int sections_finish(struct run *run, struct err *err)
{
	const struct sections *s = &run->sections;
	const struct record_counter rows[] = {
		{ "percpu", "get_calls", "calls", (int64_t)s->calls },
		{ "percpu", "sections", "sections", (int64_t)s->count },
		{ "percpu", "section_total_ns", "ns", (int64_t)s->total_ns },
		{ "percpu", "section_max_ns", "ns", (int64_t)s->max_ns },
		{ "percpu", "section_max_depth", "calls", (int64_t)s->max_depth },
		{ "percpu", "section_sleeps", "requests", (int64_t)s->sleeps },
	};
	int ret = 0;

	if (!sections_any(run))
		return 0;
	for (uint32_t i = 0; i < s->nr; i++)
		report_open(run, &run->sections.open[i], "the trace");
	for (size_t i = 0; ret == 0 && s->counted && i < sizeof(rows) / sizeof(rows[0]); i++)
		ret = run->recorder->ops->counter(run->recorder, &rows[i], err);
	return ret;
}
