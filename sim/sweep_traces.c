/* sweep_traces: the traces of a sweep: recorded ones, and those that are made of workloads before anything runs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/gen.h"
#include "sim/sweep_priv.h"

#define PLACE_SIZE 32

/* Where the trace is to be read. @buf: PLACE_SIZE bytes. */
static const char *place_of(const struct sweep_plan *plan, uint32_t trace, char *buf)
{
	if (plan->traces[trace].made < 0)
		return plan->sweep->traces[trace];
	snprintf(buf, PLACE_SIZE, "/proc/self/fd/%d", plan->traces[trace].made);
	return buf;
}

static int generate_into(const char *path, const char *workload_path, struct err *err)
{
	const struct gen_options options = { 0 };
	struct workload *workload = NULL;
	struct trace_meta meta;
	int ret = workload_load(&workload, workload_path, err);

	if (ret == 0)
		ret = gen_trace(workload, path, &options, &meta, err);
	workload_free(workload);
	if (ret < 0)
		return ret;
	trace_meta_fini(&meta);
	return 0;
}

/*
 * A file in a folder of its own, both of which lose their names
 * at once: nothing is left behind, whatever ends the sweep.
 */
static int make_trace(struct plan_trace *t, const char *workload, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = NULL, *path = NULL;
	int ret;

	if (asprintf(&dir, "%s/kmemsim-XXXXXX", tmp && tmp[0] ? tmp : "/tmp") < 0)
		return err_set(err, ERR_NOMEM, "%s: no memory", workload);
	if (!mkdtemp(dir)) {
		ret = err_errno(err, "%s: no folder for the trace that is made of %s", dir, workload);
		free(dir);
		return ret;
	}
	if (asprintf(&path, "%s/trace.kmt", dir) < 0) {
		path = NULL;
		ret = err_set(err, ERR_NOMEM, "%s: no memory", workload);
	} else {
		ret = generate_into(path, workload, err);
	}
	if (ret == 0 && (t->made = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		ret = err_errno(err, "%s", path);
	if (path)
		unlink(path);
	rmdir(dir);
	free(path);
	free(dir);
	return ret;
}

static int look_at_trace(const struct sweep_plan *plan, uint32_t trace, struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	struct plan_trace *t = &plan->traces[trace];
	char place[PLACE_SIZE];
	const char *path = place_of(plan, trace, place);
	struct trace_reader *reader;
	int ret = trace_open(&reader, path, NULL, err);

	if (ret < 0)
		return ret;
	t->events = trace_meta(reader)->events;
	t->lost = trace_meta(reader)->lost;
	t->span_ns = trace_meta(reader)->last_ns - trace_meta(reader)->first_ns;
	ret = trace_sha256(reader, t->sha256, err);
	if (ret == 0 && trace_meta(reader)->kernel && !(t->kernel = strdup(trace_meta(reader)->kernel)))
		ret = err_set(err, ERR_NOMEM, "%s: no memory", path);
	if (ret == 0 && replay_from_check(&plan->from, trace_tables(reader), trace_meta(reader), err) < 0)
		ret = err_context(err, "%s: from: %s", sweep->file, sweep->traces[trace]);
	trace_close(reader);
	return ret;
}

int plan_traces_create(struct sweep_plan *plan, struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	int ret = 0;

	plan->traces = calloc(sweep->nr_traces, sizeof(*plan->traces));
	if (!plan->traces)
		return err_set(err, ERR_NOMEM, "%s: no memory for %u traces", sweep->file, sweep->nr_traces);
	for (uint32_t i = 0; i < sweep->nr_traces; i++)
		plan->traces[i].made = -1;
	for (uint32_t i = 0; i < sweep->nr_traces && ret == 0; i++) {
		if (sweep_is_workload(sweep->traces[i]))
			ret = make_trace(&plan->traces[i], sweep->traces[i], err);
		if (ret == 0)
			ret = look_at_trace(plan, i, err);
	}
	return ret;
}

void plan_traces_free(struct sweep_plan *plan)
{
	if (plan->kept)
		trace_close(plan->kept->reader);
	for (uint32_t i = 0; plan->traces && i < plan->sweep->nr_traces; i++) {
		free(plan->traces[i].kernel);
		if (plan->traces[i].made >= 0)
			close(plan->traces[i].made);
	}
	free(plan->traces);
}

static int open_whole(const struct sweep_plan *plan, uint32_t trace, struct trace_reader **reader, struct err *err)
{
	const struct trace_reader_options options = { .keep = true, .recorded = plan->nr_states > 0 };
	char place[PLACE_SIZE];
	int ret = trace_open(reader, place_of(plan, trace, place), &options, err);

	if (ret < 0)
		return ret;
	if (!trace_damage(*reader)->text[0])
		return 0;
	ret = err_set(err, ERR_TRACE, "%s", trace_damage(*reader)->text);
	trace_close(*reader);
	*reader = NULL;
	return ret;
}

static bool is_left(const struct sweep_plan *plan, uint32_t trace)
{
	for (uint32_t i = 0; i < plan->sweep->nr_points; i++)
		if (plan->sweep->points[i].trace == trace && plan->points[i].wanted)
			return true;
	return false;
}

/* Backwards: points come trace by trace, so that the first of them is open in the end. */
int sweep_plan_check_traces(struct sweep_plan *plan, bool (*stop)(void *arg), void *arg, struct err *err)
{
	int ret = 0;

	for (uint32_t i = plan->sweep->nr_traces; i-- > 0 && ret == 0;) {
		if (!is_left(plan, i))
			continue;
		if (stop(arg))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
		trace_close(plan->kept->reader);
		*plan->kept = (struct plan_kept){ .trace = i };
		ret = open_whole(plan, i, &plan->kept->reader, err);
	}
	return ret;
}

int sweep_open_trace(const struct sweep_plan *plan, uint32_t index, struct trace_reader **reader, struct err *err)
{
	uint32_t trace = plan->sweep->points[index].trace;

	if (!plan->kept->reader || plan->kept->trace != trace)
		return open_whole(plan, trace, reader, err);
	*reader = plan->kept->reader;
	plan->kept->reader = NULL;
	return 0;
}
