#include "sim/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verify_priv.h"

const char *const verify_check_name[NR_VERIFY_CHECKS] = {
#define X(id, name) [VERIFY_##id] = name,
	VERIFY_CHECKS(X)
#undef X
};

/* The whole replay, and what it is looked at for. */
struct whole {
	const struct verify_options *options;
	struct verify *verify;
	uint64_t counters[NR_PAGE_COUNTERS]; /* at the snapshot before */
};

static int on_cut(void *arg, uint32_t cut, const struct mm *mm, struct err *err)
{
	struct whole *whole = arg;
	const struct verify_state *saved = &whole->options->states[cut + 1];

	return verify_snapshot_take(&whole->verify->snapshots[whole->verify->nr_snapshots++], saved, saved - 1, mm,
		whole->counters, err);
}

static int record_checks(struct recorder *recorder, const struct verify *verify, struct err *err)
{
	int ret = 0;

	for (int check = 0; ret == 0 && check < NR_VERIFY_CHECKS; check++) {
		const struct verify_count *count = &verify->checks[check];
		struct record_verify_check row = {
			.check = verify_check_name[check],
			.checked = count->checked,
			.equal = count->equal,
			.differs = count->first.there,
			.first_event_no = count->first.event_no,
			.first_time_ns = count->first.time_ns,
			.kernel = count->first.kernel,
			.model = count->first.model,
		};

		ret = recorder->ops->verify_check(recorder, &row, err);
	}
	return ret;
}

static int record_zone_rows(struct recorder *recorder, const struct verify_snapshot *snapshot, struct err *err)
{
	int ret = 0;

	for (uint32_t z = 0; ret == 0 && z < snapshot->nr_zones; z++) {
		const struct verify_zone *zone = &snapshot->zones[z];

		for (uint32_t order = 0; ret == 0 && order < snapshot->nr_orders; order++) {
			struct record_verify_zone row = {
				.snapshot = snapshot->name,
				.node = zone->node,
				.zone = machine_zone_name[zone->type],
				.order = order,
				.free_pages = zone->free_pages,
				.free_pages_real = zone->free_pages_real,
				.managed_pages = zone->managed_pages,
				.blocks = zone->blocks[order],
				.blocks_real = zone->blocks_real[order],
			};

			ret = recorder->ops->verify_zone(recorder, &row, err);
		}
	}
	return ret;
}

static int record_cache_rows(struct recorder *recorder, const struct verify_snapshot *snapshot, struct err *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < snapshot->nr_caches; i++) {
		const struct verify_cache *cache = &snapshot->caches[i];
		struct record_verify_cache row = { snapshot->name, cache->name, cache->slabs, cache->slabs_real,
			cache->objects, cache->objects_real };

		ret = recorder->ops->verify_cache(recorder, &row, err);
	}
	return ret;
}

static int on_end(void *arg, struct recorder *recorder, struct err *err)
{
	const struct verify *verify = ((struct whole *)arg)->verify;
	int ret = record_checks(recorder, verify, err);

	for (uint32_t i = 0; ret == 0 && i < verify->nr_snapshots; i++) {
		ret = record_zone_rows(recorder, &verify->snapshots[i], err);
		if (ret == 0)
			ret = record_cache_rows(recorder, &verify->snapshots[i], err);
	}
	return ret;
}

static int replay_whole(const struct verify_options *options, struct verify *verify, const struct replay_cut *cuts,
	struct err *err)
{
	struct trace_reader_options reader_options = { .thread = true, .recorded = true };
	struct whole whole = { .options = options, .verify = verify };
	struct replay_options replay = {
		.seed = options->seed,
		.machine = options->machine,
		.stop = options->stop,
		.arg = options->arg,
		.initial = options->states[0].state,
		.direct_map = options->direct_map,
		.cuts = cuts,
		.nr_cuts = options->nr_states - 1,
		.watch = { .cut = on_cut, .end = on_end, .arg = &whole },
		.describe = options->describe,
	};
	struct trace_reader *reader;
	int ret = trace_open(&reader, options->trace, &reader_options, err);

	if (ret < 0)
		return ret;
	ret = replay_run(&replay, reader, options->recorder, &verify->replay, err);
	trace_close(reader);
	return ret;
}

static int verify_memory(const struct verify_options *options, struct verify *verify, struct err *err)
{
	struct replay_cut *cuts = calloc(options->nr_states, sizeof(*cuts));
	int ret;

	verify->snapshots = calloc(options->nr_states, sizeof(*verify->snapshots));
	if (!cuts || !verify->snapshots) {
		free(cuts);
		return err_set(err, ERR_NOMEM, "no memory for %u snapshots", options->nr_states);
	}
	for (uint32_t i = 1; i < options->nr_states; i++)
		cuts[i - 1] = (struct replay_cut){
			.entries = options->states[i].state->entries,
			.nr = options->states[i].state->nr_entries,
		};
	ret = replay_whole(options, verify, cuts, err);
	free(cuts);
	return ret;
}

static uint64_t vmstat_sum(const struct state *state, const char *prefix)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < state->nr_vmstat; i++)
		if (!strncmp(state->vmstat[i].name, prefix, strlen(prefix)))
			sum += state->vmstat[i].value;
	return sum;
}

/*
 * What can be asked for. Which page comes next is certain on one CPU; on several, interrupts and migrations between an
 * event and its record blur it; and reclaim gives pages back in ways that no event shows. What runs freely stays on the
 * kernel's path on one CPU only.
 */
static void set_limits(const struct verify_options *options, struct verify_limits *limits)
{
	const struct state *last = options->states[options->nr_states - 1].state;
	bool one_cpu = options->machine->cpus == 1;

	limits->pressure = vmstat_sum(last, "pgscan_") > 0 || vmstat_sum(last, "allocstall") > 0;
	limits->equal_permille[VERIFY_BYTES_ALLOC] = 1000;
	limits->equal_permille[VERIFY_GEOMETRY] = 1000;
	limits->equal_permille[VERIFY_PAGES_STEP] = limits->pressure ? 850 : one_cpu ? 990 : 950;
	limits->equal_permille[VERIFY_PAGES_FREE] = one_cpu && !limits->pressure ? 900 : 0;
	limits->equal_permille[VERIFY_AREAS] = 950;
	limits->equal_permille[VERIFY_PERCPU] = 950;
	limits->equal_permille[VERIFY_OBJECTS] = one_cpu && !limits->pressure ? 950 : 0;
}

static int verify_pages(const struct verify_options *options, struct verify *verify, struct err *err)
{
	struct unseen_log log = { .pagesets_at = UINT64_MAX, .marks_at = UINT64_MAX };
	int ret = verify_pages_step(options, &verify->checks[VERIFY_PAGES_STEP], &verify->checks[VERIFY_REFILLS],
		&verify->checks[VERIFY_DRAINS], &log, err);

	if (ret == 0)
		ret = verify_pages_free(options, &log, &verify->checks[VERIFY_PAGES_FREE], err);
	unseen_log_fini(&log);
	return ret;
}

int verify_run(const struct verify_options *options, struct verify *verify, struct err *err)
{
	int ret;

	*verify = (struct verify){ 0 };
	set_limits(options, &verify->limits);
	ret = verify_geometry(options, &verify->checks[VERIFY_GEOMETRY], err);
	if (ret == 0)
		ret = verify_objects(options, &verify->checks[VERIFY_BYTES_ALLOC], &verify->checks[VERIFY_OBJECTS],
			err);
	if (ret == 0)
		ret = verify_pages(options, verify, err);
	if (ret == 0)
		ret = verify_areas(options, &verify->checks[VERIFY_AREAS], err);
	if (ret == 0)
		ret = verify_percpu(options, &verify->checks[VERIFY_PERCPU], err);
	if (ret == 0)
		ret = verify_memory(options, verify, err);
	return ret;
}

void verify_fini(struct verify *verify)
{
	for (uint32_t i = 0; i < verify->nr_snapshots; i++)
		free(verify->snapshots[i].caches);
	free(verify->snapshots);
	*verify = (struct verify){ 0 };
}

/* @why may be NULL with a size of 0: snprintf() writes nothing then. */
static bool checks_pass(const struct verify *verify, char *why, size_t size)
{
	for (int check = 0; check < NR_VERIFY_CHECKS; check++) {
		const struct verify_count *count = &verify->checks[check];

		if (count->equal * 1000 >= count->checked * verify->limits.equal_permille[check])
			continue;
		snprintf(why, size, "%s: %" PRIu64 " of %" PRIu64 " are equal, %u in a thousand are asked for",
			verify_check_name[check], count->equal, count->checked, verify->limits.equal_permille[check]);
		return false;
	}
	return true;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool zones_pass(const struct verify_snapshot *snapshot, char *why, size_t size)
{
	for (uint32_t z = 0; z < snapshot->nr_zones; z++) {
		const struct verify_zone *zone = &snapshot->zones[z];

		if (distance(zone->free_pages, zone->free_pages_real) * 100 > zone->managed_pages ||
			zone->unusable_max_error_milli > 50) {
			snprintf(why, size, "%s: zone %s of node %u has %" PRIu64 " free pages instead of %" PRIu64
				", unusable index off by 0.%03u", snapshot->name, machine_zone_name[zone->type], zone->node,
				zone->free_pages, zone->free_pages_real, zone->unusable_max_error_milli);
			return false;
		}
	}
	return true;
}

/* 90 % of the caches within 5 % or 2 slabs, all slab pages together within 3 %. */
static bool caches_pass(const struct verify_snapshot *snapshot, char *why, size_t size)
{
	uint32_t near = 0;

	for (uint32_t i = 0; i < snapshot->nr_caches; i++) {
		uint64_t off = distance(snapshot->caches[i].slabs, snapshot->caches[i].slabs_real);

		near += off <= 2 || off * 20 <= snapshot->caches[i].slabs_real;
	}
	if (near * 10 < snapshot->nr_caches * 9) {
		snprintf(why, size, "%s: %u of %u caches have about the real number of slabs", snapshot->name, near,
			snapshot->nr_caches);
		return false;
	}
	if (distance(snapshot->slab_pages, snapshot->slab_pages_real) * 100 > snapshot->slab_pages_real * 3) {
		snprintf(why, size, "%s: %" PRIu64 " slab pages instead of %" PRIu64, snapshot->name,
			snapshot->slab_pages, snapshot->slab_pages_real);
		return false;
	}
	return true;
}

bool verify_passed(const struct verify *verify, char *why, size_t size)
{
	const struct verify_snapshot *last;

	if (!checks_pass(verify, why, size))
		return false;
	if (verify->limits.pressure || !verify->nr_snapshots)
		return true;
	last = &verify->snapshots[verify->nr_snapshots - 1];
	return zones_pass(last, why, size) && caches_pass(last, why, size);
}
