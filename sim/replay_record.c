/* replay_record: what a replay tells its recorder at the beginning and at the end, and its caller. */
#include "base/fingerprint.h"
#include "sim/describe.h"
#include "sim/replay_priv.h"

int replay_record_begin(struct run *run, struct err *err)
{
	const struct replay_options *options = run->options;
	struct record_run record = options->describe;

	describe_run(&record, options, run->meta);
	return run->recorder->ops->begin(run->recorder, &record, err);
}

/* Recorded and modelled bytes_alloc of kmalloc events, for those that the recording has them for. */
static void compare_bytes_alloc(struct run *run)
{
	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		const struct run_op *op = &run->ops[i];

		if ((op->action != ACT_KMALLOC && op->action != ACT_KMALLOC_LARGE) || !op->trace->size_alloc ||
			op->flags & OP_BOOT)
			continue;
		run->result.bytes_alloc_checked += op->done - op->older + op->failed;
		if (op->bytes_alloc != op->trace->size_alloc)
			run->result.bytes_alloc_mismatch += op->done - op->older + op->failed;
	}
}

/*
 * The rows of the run's end. Results so far are kept whatever
 * ended the run; the first error is the one that is told.
 */
static int record_rest(struct run *run, int ret, struct err *err)
{
	const struct recorder_ops *ops = run->recorder->ops;
	bool usable = ret == 0 || err->code == ERR_INTERRUPTED || err->code == ERR_TRACE || err->code == ERR_INVARIANT;
	struct err second = { 0 };

	if (usable && (sampler_sample(run, "end", NULL, &second) < 0 || sampler_finish(run, &second) < 0) && ret == 0) {
		*err = second;
		ret = -(int)err->code;
	}
	if (ret == 0 && run->options->watch.end)
		ret = run->options->watch.end(run->options->watch.arg, run->recorder, err);
	if (ret == 0 && ops->rows_done)
		ret = ops->rows_done(run->recorder, err);
	return ret;
}

int replay_finish(struct run *run, int ret, struct err *err)
{
	struct replay_result *result = &run->result;

	compare_bytes_alloc(run);
	if (ret < 0)
		result->cut_off = engine_waiting(&run->engine) + sleepers_cut_off(run);
	ret = record_rest(run, ret, err);
	result->events = run->events;
	result->live_objects = run->live_objects;
	result->oom_kills = run->reclaim.nr_killed;
	result->oom_without_victim = run->reclaim.without_victim;
	reclaim_use(run, &result->use);
	for (int c = PC_ALLOCSTALL_DMA; run->mm.pages && c <= PC_ALLOCSTALL_MOVABLE; c++)
		result->stalls += page_alloc_counter(run->mm.pages, (enum page_counter)c);
	result->sim_ns = run->engine.now - min_u64(run->begun_ns, run->engine.now);
	result->fingerprint = fingerprint_add(result->fingerprint, result->sim_ns);
	return ret;
}

int replay_record_end(struct recorder *recorder, const struct replay_result *result, int ret, struct err *err)
{
	struct record_end end = {
		.status = RUN_DONE,
		.events = result->events,
		.sim_ns = result->sim_ns,
		.wall_ns = result->wall_ns,
		.fingerprint = result->fingerprint,
	};
	struct err second = { 0 };

	if (ret < 0) {
		end.status = err->code == ERR_INTERRUPTED ? RUN_INTERRUPTED : RUN_FAILED;
		end.error = err->text;
	}
	if (recorder->ops->end(recorder, &end, &second) < 0 && ret == 0) {
		*err = second;
		ret = -(int)err->code;
	}
	return ret;
}
