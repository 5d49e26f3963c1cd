/* sweep_run: one point of a sweep, replayed or recorded as failed. */
#include <stdlib.h>

#include "configs/machine_yaml.h"
#include "sim/replay.h"
#include "sim/sweep_priv.h"

/* The machine of a point and all that its run is recorded with. */
struct prepared {
	struct machine *machine;   /* owned */
	char *yaml;                /* owned */
	struct plan_record record;
};

static void unprepare(struct prepared *p)
{
	plan_record_fini(&p->record);
	free(p->yaml);
	free(p->machine);
}

static int prepare(struct prepared *p, const struct sweep_plan *plan, uint32_t index, struct err *err)
{
	int ret;

	*p = (struct prepared){ .machine = malloc(sizeof(*p->machine)) };
	if (!p->machine)
		return err_set(err, ERR_NOMEM, "no memory for a machine");
	ret = sweep_machine(plan->sweep, &plan->sweep->points[index], p->machine, err);
	if (ret == 0 && !(p->yaml = machine_to_yaml(p->machine)))
		ret = err_set(err, ERR_NOMEM, "no memory for the machine's text");
	if (ret == 0)
		ret = plan_record_init(&p->record, plan, index, p->machine, err);
	if (ret < 0)
		unprepare(p);
	else
		p->record.run.config_yaml = p->yaml;
	return ret;
}

int sweep_point_run(const struct sweep_plan *plan, uint32_t index, struct trace_reader *reader,
	struct recorder *recorder, bool (*stop)(void *arg), void *arg, uint64_t *wall_ns, struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	uint32_t trace = sweep->points[index].trace, state = plan->points[index].state;
	struct replay_result result = { 0 };
	struct prepared p;
	int ret = prepare(&p, plan, index, err);

	if (ret < 0)
		return ret;
	const struct replay_options options = {
		.seed = sweep->points[index].seed,
		.pace = plan_pace(sweep),
		.cpu_map = plan_cpu_map(sweep),
		.layer = sweep->layer == SWEEP_LAYER_PAGE ? LAYER_PAGE : LAYER_INTENT,
		.sample_ns = plan_sample_ns(plan, trace),
		.machine = p.machine,
		.from = plan->from,
		.initial = state == PLAN_BOOT ? NULL : plan->states[state].state,
		.direct_map = state == PLAN_BOOT ? (struct direct_map){ 0 } : plan->states[state].maps[trace],
		.stop = stop,
		.arg = arg,
		.describe = p.record.run,
	};
	trace_rewind(reader);
	ret = replay_run(&options, reader, recorder, &result, err);
	*wall_ns = result.wall_ns;
	unprepare(&p);
	return ret;
}

int sweep_point_failed(const struct sweep_plan *plan, uint32_t index, struct recorder *recorder, const char *reason,
	uint64_t wall_ns, struct err *err)
{
	const struct record_end end = { .status = RUN_FAILED, .error = reason, .wall_ns = wall_ns };
	struct prepared p;
	int ret = prepare(&p, plan, index, err);

	if (ret < 0)
		return ret;
	ret = recorder->ops->begin(recorder, &p.record.run, err);
	if (ret == 0)
		ret = recorder->ops->end(recorder, &end, err);
	unprepare(&p);
	return ret;
}

int sweep_plan_measure(const struct sweep_plan *plan, bool (*stop)(void *arg), void *arg, uint64_t *events,
	uint64_t *wall_ns, struct err *err)
{
	struct trace_reader *reader;
	uint32_t i = 0;
	int ret;

	*events = *wall_ns = 0;
	while (i < plan->sweep->nr_points && !plan->points[i].wanted)
		i++;
	if (i == plan->sweep->nr_points)
		return 0;
	ret = sweep_open_trace(plan, i, &reader, err);
	if (ret < 0)
		return ret;
	ret = sweep_point_run(plan, i, reader, recorder_none(), stop, arg, wall_ns, err);
	*events = trace_meta(reader)->events;
	trace_close(reader);
	return ret;
}
