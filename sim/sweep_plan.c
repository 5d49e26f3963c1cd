#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "configs/machine_yaml.h"
#include "mm/slab.h"
#include "sim/describe.h"
#include "sim/sweep_priv.h"

#define BAD_POINTS_SHOWN 5

/* Puts the text of @more behind that of @err, each on lines of its own. */
static void append(struct err *err, const char *more)
{
	size_t used = strlen(err->text);

	snprintf(err->text + used, sizeof(err->text) - used, "%s%.*s", used ? "\n" : "",
		(int)(sizeof(err->text) - used) - 2, more);
}

/* One more repetition of the point before it: the same machine, and as sound. */
static bool repeats(const struct sweep_point *point)
{
	const struct sweep_point *before = point - 1;

	return point->repeat > 1 && before->sets == point->sets && before->trace == point->trace;
}

static int check_point(struct sweep_plan *plan, uint32_t i, struct machine *machine, struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	struct plan_point *point = &plan->points[i];
	int ret;

	if (repeats(&sweep->points[i])) {
		*point = point[-1];
		return 0;
	}
	ret = sweep_machine(sweep, &sweep->points[i], machine, err);
	if (ret == 0)
		ret = slab_check_machine(machine, err);
	if (ret == 0)
		ret = machine_hash(machine, point->config_hash, err);
	return ret == 0 ? plan_states_add(plan, machine, sweep->points[i].trace, &point->state, err) : ret;
}

/* Whether what @one says of a point is wrong with the base machine already; *err: told of that. */
static bool is_wrong_anyway(const struct sweep *sweep, struct machine *machine, const struct err *one, struct err *err)
{
	struct err base = { 0 };

	if (machine_load_text(machine, sweep->machine_name, sweep->machine_text, sweep->machine_len, NULL, 0, &base) ==
			0 ||
		!strstr(one->text, base.text))
		return false;
	err_set(err, base.code, "%s", base.text);
	return true;
}

/* All machines are loaded once now: what is wrong with any is told before anything runs. */
static int check_points(struct sweep_plan *plan, struct machine *machine, struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	struct err all = { .code = ERR_CONFIG }, one = { 0 };
	uint32_t bad = 0;
	bool good = false;
	char more[64];

	for (uint32_t i = 0; i < sweep->nr_points; i++) {
		int ret = check_point(plan, i, machine, &one);

		if (ret < 0 && one.code != ERR_CONFIG)
			return err_set(err, one.code, "%s", one.text);
		good |= ret == 0 && !repeats(&sweep->points[i]);
		/* What is wrong with all of them, such as their initial state, is told once. */
		if (ret < 0 && !strstr(all.text, one.text) && bad++ < BAD_POINTS_SHOWN)
			append(&all, one.text);
		plan->points[i].wanted = true;
	}
	if (!bad)
		return 0;
	if (!good && is_wrong_anyway(sweep, machine, &one, err))
		return -(int)err->code;
	if (bad > BAD_POINTS_SHOWN) {
		snprintf(more, sizeof(more), "... and %u more bad points", bad - BAD_POINTS_SHOWN);
		append(&all, more);
	}
	return err_set(err, ERR_CONFIG, "%s", all.text);
}

static int plan_from(struct sweep_plan *plan, struct err *err)
{
	const struct sweep *sweep = plan->sweep;

	if (!sweep->from[0])
		return 0;
	if (replay_from_parse(&plan->from, sweep->from) < 0)
		return err_set(err, ERR_CONFIG,
			"%s: from: \"%s\" is no time such as \"12.5 s\", no event number and no marker:TEXT",
			sweep->file, sweep->from);
	snprintf(plan->part, sizeof(plan->part), "from %s", sweep->from);
	return 0;
}

ns_t plan_sample_ns(const struct sweep_plan *plan, uint32_t trace)
{
	return max_u64(plan->traces[trace].span_ns / plan->sweep->samples, 1000);
}

static int plan_fill(struct sweep_plan *plan, struct machine *machine, struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	int ret = plan_from(plan, err);

	plan->points = calloc(sweep->nr_points, sizeof(*plan->points));
	plan->kept = calloc(1, sizeof(*plan->kept));
	if (!plan->points || !plan->kept || !machine)
		return err_set(err, ERR_NOMEM, "%s: no memory for %u points", sweep->file, sweep->nr_points);
	if (ret == 0)
		ret = plan_traces_create(plan, err);
	return ret == 0 ? check_points(plan, machine, err) : ret;
}

int sweep_plan_create(struct sweep_plan **out, const struct sweep *sweep, struct err *err)
{
	struct sweep_plan *plan = calloc(1, sizeof(*plan));
	struct machine *machine = malloc(sizeof(*machine));
	int ret;

	if (!plan) {
		free(machine);
		return err_set(err, ERR_NOMEM, "%s: no memory for a plan", sweep->file);
	}
	plan->sweep = sweep;
	ret = plan_fill(plan, machine, err);
	free(machine);
	if (ret < 0)
		sweep_plan_destroy(plan);
	else
		*out = plan;
	return ret;
}

void sweep_plan_destroy(struct sweep_plan *plan)
{
	if (!plan)
		return;
	plan_traces_free(plan);
	free(plan->kept);
	free(plan->points);
	plan_states_free(plan);
	free(plan);
}

void sweep_plan_shard(struct sweep_plan *plan, uint32_t shard, uint32_t nr)
{
	for (uint32_t i = 0; i < plan->sweep->nr_points; i++)
		plan->points[i].wanted &= i % nr == shard - 1;
}

/*
 * What a run is told apart by: the swept keys, and what the
 * sweep itself changes. Return: 0, or -1 when out of memory.
 */
static int fill_params(struct plan_record *record, const struct sweep *sweep, const struct sweep_point *point)
{
	size_t bytes = 1, nr = 0;
	char *text;

	for (uint32_t i = 0; i < point->nr_sets; i++)
		bytes += strcspn(point->sets[i], "=") + 1;
	record->key_text = text = malloc(bytes);
	if (!text)
		return -1;
	record->keys[nr] = "sweep";
	record->values[nr++] = sweep->name;
	if (point->variant) {
		record->keys[nr] = "variant";
		record->values[nr++] = point->variant;
	}
	if (sweep->repeat > 1) {
		snprintf(record->repeat, sizeof(record->repeat), "%u", point->repeat);
		record->keys[nr] = "repeat";
		record->values[nr++] = record->repeat;
	}
	for (uint32_t i = 0; i < point->nr_sets; i++) {
		size_t len = strcspn(point->sets[i], "=");

		memcpy(text, point->sets[i], len);
		text[len] = '\0';
		record->keys[nr] = text;
		record->values[nr++] = point->sets[i] + len + 1;
		text += len + 1;
	}
	record->run.param_keys = record->keys;
	record->run.param_values = record->values;
	record->run.nr_params = nr;
	return 0;
}

int plan_record_init(struct plan_record *record, const struct sweep_plan *plan, uint32_t index,
	const struct machine *machine, struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	const struct sweep_point *point = &sweep->points[index];
	const struct plan_trace *trace = &plan->traces[point->trace];

	*record = (struct plan_record){ .run = {
						.trace = sweep->traces[point->trace],
						.trace_sha256 = trace->sha256,
						.config_hash = plan->points[index].config_hash,
						.kernel = trace->kernel,
						.pace = replay_pace_name[plan_pace(sweep)],
						.cpu_map = replay_cpu_map_name[replay_cpu_map_of(plan_cpu_map(sweep),
							plan->points[index].state != PLAN_BOOT)],
						.layer = sweep->layer == SWEEP_LAYER_PAGE ? "page" : "intent",
						.initial = plan->points[index].state == PLAN_BOOT ?
							NULL :
							plan->states[plan->points[index].state].path,
						.part = plan->part[0] ? plan->part : NULL,
						.seed = point->seed,
						.lost = trace->lost,
						.zones = "",
					}, };
	describe_sampling(plan_sample_ns(plan, point->trace), 0, !sweep->full, record->sampling,
		sizeof(record->sampling));
	record->run.sampling = record->sampling;
	if (machine)
		describe_machine(&record->run, machine);
	if (fill_params(record, sweep, point) < 0)
		return err_set(err, ERR_NOMEM, "%s: no memory for point %u", sweep->file, point->number);
	return 0;
}

void plan_record_fini(struct plan_record *record)
{
	free(record->key_text);
}

uint32_t sweep_plan_drop(struct sweep_plan *plan, bool (*has)(void *arg, const struct record_run *run), void *arg)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < plan->sweep->nr_points; i++) {
		struct plan_record record;

		/* A point that there is no memory to ask for is run again, which is what its owner would do. */
		if (!plan->points[i].wanted || plan_record_init(&record, plan, i, NULL, NULL) < 0)
			continue;
		if (has(arg, &record.run)) {
			plan->points[i].wanted = false;
			dropped++;
		}
		plan_record_fini(&record);
	}
	return dropped;
}

bool sweep_plan_has(const struct sweep_plan *plan, uint32_t i)
{
	return plan->points[i].wanted;
}

const char *sweep_plan_sha256(const struct sweep_plan *plan, uint32_t trace)
{
	return plan->traces[trace].sha256;
}

uint32_t sweep_plan_runs(const struct sweep_plan *plan)
{
	uint32_t runs = 0;

	for (uint32_t i = 0; i < plan->sweep->nr_points; i++)
		runs += plan->points[i].wanted;
	return runs;
}

uint64_t sweep_plan_events(const struct sweep_plan *plan)
{
	uint64_t events = 0;

	for (uint32_t i = 0; i < plan->sweep->nr_points; i++)
		if (plan->points[i].wanted)
			events += plan->traces[plan->sweep->points[i].trace].events;
	return events;
}
