#include "sim/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "sim/recorder_pipe.h"
#include "sim/sweep_priv.h"

#define TICK_NS 1000000000u      /* between two looks at what nobody reports */
#define PIPE_BYTES (1 << 20)     /* most runs fit: their worker need not wait for the parent, which may be writing */
#define READ_BYTES (256u << 10)

struct worker {
	pid_t pid;                 /* 0 = idle */
	int fd;                    /* its results */
	uint32_t index;            /* of its point */
	char *stream;              /* owned: what it has sent */
	size_t len, cap;
	uint64_t started_ns;
	bool timed_out;
};

struct pool {
	const struct sweep_plan *plan;       /* borrowed */
	const struct sweep *sweep;           /* borrowed */
	const struct sweep_options *options; /* borrowed */
	struct worker *workers;              /* owned */
	struct pollfd *fds;                  /* owned: one per worker, -1 where idle */
	struct trace_reader *reader;         /* owned: of the trace being replayed */
	uint32_t reader_trace;               /* its number */
	uint32_t next;                       /* index of the next point to look at */
	uint64_t start_ns;
	struct sweep_progress progress;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Private writable memory that the process has now, shared with its parent or not; RLIMIT_DATA counts the same. */
static uint64_t data_bytes(void)
{
	char text[4096] = "";
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long long kib = 0;
	const char *line;

	if (!file)
		return 0;
	if (fread(text, 1, sizeof(text) - 1, file) > 0 && (line = strstr(text, "VmData:")))
		sscanf(line, "VmData: %llu", &kib);
	fclose(file);
	return kib << 10;
}

static int limit_memory(uint64_t bytes, struct err *err)
{
	uint64_t all = data_bytes() + bytes;
	struct rlimit limit = { .rlim_cur = all, .rlim_max = all };

	return setrlimit(RLIMIT_DATA, &limit) < 0 ? err_errno(err, "cannot limit memory") : 0;
}

/* The life of a worker. It ends with its parent, whatever ends that, and leaves Ctrl-C to it. */
static void work(const struct pool *pool, uint32_t index, int fd, pid_t parent)
{
	const struct sweep *sweep = pool->sweep;
	struct recorder *recorder;
	struct err err = { 0 };
	uint64_t wall_ns;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	ret = recorder_pipe_open(&recorder, fd, &err);
	if (ret < 0)
		_exit(1);
	if (!sweep->full)
		recorder_pipe_thin(recorder);
	if (sweep->memory_bytes)
		ret = limit_memory(sweep->memory_bytes, &err);
	if (ret == 0)
		ret = sweep_point_run(pool->plan, index, pool->reader, recorder, NULL, NULL, &wall_ns, &err);
	if (ret < 0)
		recorder_pipe_fail(recorder, &err, NULL);
	_exit(ret < 0);
}

static int open_pipe(int ends[2], struct err *err)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "cannot make a pipe for a worker");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* a smaller one is slower, no more */
	return 0;
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

static int start_worker(struct pool *pool, struct worker *worker, uint32_t index, struct err *err)
{
	pid_t parent = getpid(), pid;
	int ends[2];
	int ret = use_trace(pool, index, err);

	if (ret < 0 || (ret = open_pipe(ends, err)) < 0)
		return ret;
	pid = fork();
	if (pid == 0)
		work(pool, index, ends[1], parent);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_errno(err, "cannot start a worker");
	}
	worker->pid = pid;
	worker->fd = ends[0];
	worker->index = index;
	worker->len = 0;
	worker->started_ns = now_ns();
	worker->timed_out = false;
	pool->fds[worker - pool->workers] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	pool->progress.running++;
	return 0;
}

static int fill_workers(struct pool *pool, struct err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < pool->options->workers && ret == 0; i++) {
		if (pool->workers[i].pid)
			continue;
		while (pool->next < pool->sweep->nr_points && !sweep_plan_has(pool->plan, pool->next))
			pool->next++;
		if (pool->next == pool->sweep->nr_points)
			break;
		ret = start_worker(pool, &pool->workers[i], pool->next++, err);
	}
	return ret;
}

/* Return: its wait status. The worker's place is free after it. */
static int reap(struct pool *pool, struct worker *worker)
{
	int status = 0;

	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(worker->fd);
	worker->pid = 0;
	pool->fds[worker - pool->workers].fd = -1;
	pool->progress.running--;
	return status;
}

/* Why a run has no results, in @buf; NULL when it has. */
static const char *reason_of(const struct pool *pool, const struct worker *worker, const struct recorder_stream *stream,
	int status, char *buf, size_t size)
{
	char limit[32];

	if (stream->complete)
		return NULL;
	if (worker->timed_out)
		snprintf(buf, size, "timeout: took longer than %s",
			units_format_time_short(pool->sweep->timeout_ns, limit, sizeof(limit)));
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "its worker was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (stream->failure && pool->sweep->memory_bytes)
		snprintf(buf, size, "%s (memory: %s)", stream->failure,
			units_format_size(pool->sweep->memory_bytes, limit, sizeof(limit)));
	else if (stream->failure)
		snprintf(buf, size, "%s", stream->failure);
	else
		snprintf(buf, size, "its worker ended with status %d and without results", WEXITSTATUS(status));
	return buf;
}

/* A worker has ended: its run is recorded, one way or the other. */
static int finish_worker(struct pool *pool, struct worker *worker, struct err *err)
{
	const struct sweep_options *options = pool->options;
	int status = reap(pool, worker);
	struct recorder_stream stream;
	const char *reason;
	char buf[1024];
	int ret;

	recorder_stream_look(worker->stream, worker->len, &stream);
	reason = reason_of(pool, worker, &stream, status, buf, sizeof(buf));
	if (reason)
		ret = sweep_point_failed(pool->plan, worker->index, options->recorder, reason, now_ns() - worker->started_ns, err);
	else
		ret = recorder_stream_play(worker->stream, worker->len, options->recorder, err);
	if (ret < 0)
		return ret;
	if (!reason && stream.end.status != RUN_DONE)
		reason = stream.end.error ? stream.end.error : "it did not end";
	if (reason) {
		pool->progress.failed++;
		if (options->failed)
			options->failed(options->arg, &pool->sweep->points[worker->index], reason);
		return 0;
	}
	pool->progress.done++;
	pool->progress.events += stream.end.events;
	return 0;
}

/* Take what a worker has sent. Return: 1 when it has ended, 0 when not, negative on an error. */
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
	uint64_t limit = pool->sweep->timeout_ns, now = now_ns(), wait = TICK_NS;

	for (uint32_t i = 0; i < pool->options->workers && limit; i++) {
		struct worker *worker = &pool->workers[i];

		if (!worker->pid || worker->timed_out)
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
	pool->progress.wall_ns = now_ns() - pool->start_ns;
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
		int ret;

		if (!pool->workers[i].pid || !pool->fds[i].revents)
			continue;
		ret = receive(&pool->workers[i], err);
		if (ret > 0)
			ret = finish_worker(pool, &pool->workers[i], err);
		if (ret < 0)
			return ret;
	}
	show(pool);
	return 0;
}

static bool stopped(const struct pool *pool)
{
	return pool->options->stop && pool->options->stop(pool->options->arg);
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

		if (worker->pid) {
			kill(worker->pid, SIGKILL);
			reap(pool, worker);
		}
		free(worker->stream);
	}
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
		.start_ns = now_ns(),
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
	pool.progress.wall_ns = now_ns() - pool.start_ns;
	*result = pool.progress;
	return ret;
}
