#include "sim/sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/wall_clock.h"
#include "sim/recorder_stream.h"
#include "sim/sweep_priv.h"
#include "sim/sweep_worker_priv.h"

#define TICK_NS 1000000000u      /* between two looks at what nobody reports */
#define READ_BYTES (256u << 10)

struct pool {
	const struct sweep_plan *plan;       /* borrowed */
	const struct sweep *sweep;           /* borrowed */
	const struct sweep_options *options; /* borrowed */
	struct worker *workers;              /* owned */
	struct pollfd *fds;                  /* owned: one per worker, -1 where idle */
	char *spare;                         /* owned: the results being written, or room for a worker's next */
	size_t spare_cap;
	struct trace_reader *reader;         /* owned: of the trace being replayed */
	uint32_t reader_trace;               /* its number */
	uint32_t next;                       /* index of the next point to look at */
	uint64_t start_ns;
	bool warned;
	struct sweep_progress progress;
};

static bool stopped(const struct pool *pool)
{
	return pool->options->stop && pool->options->stop(pool->options->arg);
}

/* Points come trace by trace; workers keep their own view of a trace that the parent has closed. */
static int use_trace(struct pool *pool, uint32_t index, struct err *err)
{
	uint32_t trace = pool->sweep->points[index].trace;

	if (pool->reader && pool->reader_trace == trace)
		return 0;
	trace_close(pool->reader);
	pool->reader = NULL;
	pool->reader_trace = trace;
	return sweep_open_trace(pool->plan, index, &pool->reader, err);
}

/* A limit of memory is over what its process has at the run's start: such a process does one run. */
static bool can_go_on(const struct pool *pool, const struct worker *worker, uint32_t index)
{
	return worker->trace == pool->sweep->points[index].trace && !pool->sweep->memory_bytes;
}

/* Has @worker run the point at @index, in the process that it has or in a new one. */
static int start_run(struct pool *pool, struct worker *worker, uint32_t index, struct err *err)
{
	int ret = 0;

	if (worker->pid && !(can_go_on(pool, worker, index) && worker_next(worker, index)))
		worker_end(worker);
	if (!worker->pid) {
		ret = use_trace(pool, index, err);
		if (ret == 0)
			ret = worker_start(worker, pool->plan, pool->reader, index, err);
	}
	if (ret < 0)
		return ret;
	worker->index = index;
	worker->busy = true;
	worker->timed_out = false;
	worker->len = worker->walked = 0;
	worker->started_ns = wall_clock_ns();
	pool->fds[worker - pool->workers] = (struct pollfd){ .fd = worker->fd, .events = POLLIN };
	pool->progress.running++;
	return 0;
}

/* Have an idle worker run the next point, if there is one. */
static int fill_worker(struct pool *pool, struct worker *worker, struct err *err)
{
	while (pool->next < pool->sweep->nr_points && !sweep_plan_has(pool->plan, pool->next))
		pool->next++;
	return pool->next < pool->sweep->nr_points ? start_run(pool, worker, pool->next++, err) : 0;
}

static int fill_workers(struct pool *pool, struct err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < pool->options->workers && ret == 0; i++)
		if (!pool->workers[i].busy)
			ret = fill_worker(pool, &pool->workers[i], err);
	return ret;
}

/* A run that is over, on its way into the recorder. */
struct finished {
	uint32_t index;      /* of its point */
	bool timed_out;
	int status;          /* of its process, where that ended */
	uint64_t wall_ns;
	const char *stream;  /* borrowed from the pool */
	size_t len;
};

/* Why a run has no results, in @buf; NULL when it has. */
static const char *reason_of(const struct pool *pool, const struct finished *run, const struct recorder_stream *stream,
	char *buf, size_t size)
{
	char limit[32];
	int status = run->status;

	if (stream->complete)
		return NULL;
	if (run->timed_out)
		snprintf(buf, size, "timeout: took longer than %s",
			units_format_time_short(pool->sweep->timeout_ns, limit, sizeof(limit)));
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "its worker was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else if (stream->failure && pool->sweep->memory_bytes)
		snprintf(buf, size, "%s (memory: %s)", stream->failure,
			units_format_size(pool->sweep->memory_bytes, limit, sizeof(limit)));
	else if (stream->failure)
		snprintf(buf, size, "%s", stream->failure);
	else
		snprintf(buf, size, "its worker ended with status %d and without results", WEXITSTATUS(status));
	return buf;
}

/* One is enough: others of the sweep most likely have the same. */
static void warn_once(struct pool *pool, uint32_t index, const struct recorder_stream *stream)
{
	const struct sweep_options *options = pool->options;
	char text[300];

	if (pool->warned || !options->warn || !reserve_warning(&stream->reserve, stream->page_size, text, sizeof(text)))
		return;
	pool->warned = true;
	options->warn(options->arg, &pool->sweep->points[index], text);
}

/* Recorded, one way or the other. */
static int record_run(struct pool *pool, const struct finished *run, struct err *err)
{
	const struct sweep_options *options = pool->options;
	struct recorder_stream stream;
	const char *reason;
	char buf[1024];
	int ret;

	recorder_stream_look(run->stream, run->len, &stream);
	warn_once(pool, run->index, &stream);
	reason = reason_of(pool, run, &stream, buf, sizeof(buf));
	if (reason)
		ret = sweep_point_failed(pool->plan, run->index, options->recorder, reason, run->wall_ns, err);
	else
		ret = recorder_stream_play(run->stream, run->len, options->recorder, err);
	if (ret < 0)
		return ret;
	if (!reason && stream.end.status != RUN_DONE)
		reason = stream.end.error ? stream.end.error : "it did not end";
	if (reason) {
		pool->progress.failed++;
		if (options->failed)
			options->failed(options->arg, &pool->sweep->points[run->index], reason);
		return 0;
	}
	pool->progress.done++;
	pool->progress.events += stream.end.events;
	return 0;
}

/* The worker is idle, or gone, and free for the next run: what it has sent is the pool's now. */
static struct finished take_finished(struct pool *pool, struct worker *worker, bool over)
{
	struct finished run = {
		.index = worker->index,
		.timed_out = worker->timed_out,
		.status = over ? 0 : worker_reap(worker),
		.wall_ns = wall_clock_ns() - worker->started_ns,
		.stream = worker->stream,
		.len = over ? worker->walked : worker->len,
	};
	char *spare = pool->spare;
	size_t cap = pool->spare_cap;

	if (over && worker->timed_out)
		worker_end(worker); /* it was killed all the same */
	worker->busy = false;
	pool->fds[worker - pool->workers].fd = -1;
	pool->progress.running--;
	pool->spare = worker->stream;
	pool->spare_cap = worker->cap;
	worker->stream = spare;
	worker->cap = cap;
	return run;
}

/*
 * The run is over, or its process has ended. Of several workers none waits while
 * results are written; a single one does, so that one process is at work at a time.
 */
static int finish_run(struct pool *pool, struct worker *worker, bool over, struct err *err)
{
	struct finished run = take_finished(pool, worker, over);
	int started = 0, ret;

	if (pool->options->workers > 1 && !stopped(pool))
		started = fill_worker(pool, worker, err);
	ret = record_run(pool, &run, started < 0 ? NULL : err);
	return started < 0 ? started : ret;
}

/* Take what a worker has sent. Return: 1 when its process has ended, 0 when not, negative on an error. */
static int receive(struct worker *worker, struct err *err)
{
	for (;;) {
		ssize_t got;

		if (worker->cap - worker->len < READ_BYTES) {
			size_t cap = 2 * worker->cap + READ_BYTES;
			char *stream = realloc(worker->stream, cap);

			if (!stream)
				return err_set(err, ERR_NOMEM, "no memory for the results of a run");
			worker->stream = stream;
			worker->cap = cap;
		}
		got = read(worker->fd, worker->stream + worker->len, worker->cap - worker->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got <= 0)
			return 1;
		worker->len += (size_t)got;
	}
}

/* Kill those that take too long. Return: ns until the next one is due, at most a tick. */
static uint64_t check_times(struct pool *pool)
{
	uint64_t limit = pool->sweep->timeout_ns, now = wall_clock_ns(), wait = TICK_NS;

	for (uint32_t i = 0; i < pool->options->workers && limit; i++) {
		struct worker *worker = &pool->workers[i];

		if (!worker->busy || worker->timed_out)
			continue;
		if (now - worker->started_ns >= limit) {
			worker->timed_out = true;
			kill(worker->pid, SIGKILL);
		} else {
			wait = min_u64(wait, limit - (now - worker->started_ns));
		}
	}
	return wait;
}

static void show(struct pool *pool)
{
	pool->progress.wall_ns = wall_clock_ns() - pool->start_ns;
	if (pool->options->progress)
		pool->options->progress(pool->options->arg, &pool->progress);
}

/* Wait for what comes next, and take it. */
static int turn(struct pool *pool, struct err *err)
{
	int wait_ms = (int)(check_times(pool) / 1000000) + 1;
	int ready = poll(pool->fds, pool->options->workers, wait_ms);

	if (ready < 0 && errno != EINTR)
		return err_errno(err, "cannot wait for the workers");
	for (uint32_t i = 0; i < pool->options->workers && ready > 0; i++) {
		struct worker *worker = &pool->workers[i];
		bool over;
		int ret;

		if (!worker->busy || !pool->fds[i].revents)
			continue;
		ret = receive(worker, err);
		over = ret >= 0 && recorder_stream_over(worker->stream, worker->len, &worker->walked);
		if (ret > 0 || over)
			ret = finish_run(pool, worker, over, err);
		if (ret < 0)
			return ret;
	}
	show(pool);
	return 0;
}

static int run_all(struct pool *pool, struct err *err)
{
	int ret;

	for (;;) {
		if (stopped(pool))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
		ret = fill_workers(pool, err);
		if (ret < 0 || !pool->progress.running)
			return ret;
		ret = turn(pool, err);
		if (ret < 0)
			return ret;
	}
}

static void pool_fini(struct pool *pool)
{
	for (uint32_t i = 0; pool->workers && i < pool->options->workers; i++) {
		struct worker *worker = &pool->workers[i];

		if (worker->pid)
			worker_end(worker);
		free(worker->stream);
	}
	free(pool->spare);
	trace_close(pool->reader);
	free(pool->workers);
	free(pool->fds);
}

int sweep_run(const struct sweep_plan *plan, const struct sweep_options *options, struct sweep_progress *result,
	struct err *err)
{
	struct pool pool = {
		.plan = plan,
		.sweep = plan->sweep,
		.options = options,
		.workers = calloc(options->workers, sizeof(*pool.workers)),
		.fds = calloc(options->workers, sizeof(*pool.fds)),
		.start_ns = wall_clock_ns(),
		.progress.runs = sweep_plan_runs(plan),
	};
	int ret;

	if (!pool.workers || !pool.fds) {
		ret = err_set(err, ERR_NOMEM, "no memory for %u workers", options->workers);
	} else {
		for (uint32_t i = 0; i < options->workers; i++)
			pool.fds[i].fd = -1;
		ret = run_all(&pool, err);
	}
	pool_fini(&pool);
	pool.progress.wall_ns = wall_clock_ns() - pool.start_ns;
	*result = pool.progress;
	return ret;
}
