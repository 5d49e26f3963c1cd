#include "sim/sweep_worker_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/recorder_pipe.h"

#define PIPE_BYTES (1 << 20) /* most runs fit: their worker need not wait for the parent, which may be writing */

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

/* One run. Return: whether its results, or its failure, could be sent. */
static bool run_one(const struct sweep_plan *plan, struct trace_reader *reader, uint32_t index, int fd)
{
	const struct sweep *sweep = plan->sweep;
	struct recorder *recorder;
	struct err err = { 0 };
	uint64_t wall_ns;
	bool sent;
	int ret = 0;

	if (recorder_pipe_open(&recorder, fd, &err) < 0)
		return false;
	if (!sweep->full)
		recorder_pipe_thin(recorder);
	if (sweep->memory_bytes)
		ret = limit_memory(sweep->memory_bytes, &err);
	if (ret == 0)
		ret = sweep_point_run(plan, index, reader, recorder, NULL, NULL, &wall_ns, &err);
	if (ret < 0)
		recorder_pipe_fail(recorder, &err, NULL);
	sent = recorder_pipe_over(recorder, NULL) == 0;
	recorder->ops->close(recorder);
	return sent;
}

/* The life of a worker. It ends with its parent, whatever ends that, and leaves Ctrl-C to it. */
static void work(const struct sweep_plan *plan, struct trace_reader *reader, uint32_t index, int fd, int tasks,
	pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	do {
		if (!run_one(plan, reader, index, fd))
			_exit(1);
	} while (recv(tasks, &index, sizeof(index), MSG_WAITALL) == sizeof(index));
	_exit(0);
}

static int open_ends(int results[2], int tasks[2], struct err *err)
{
	if (pipe2(results, O_CLOEXEC) < 0)
		return err_errno(err, "cannot make a pipe for a worker");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, tasks) < 0) {
		err_errno(err, "cannot make a socket for a worker");
		close(results[0]);
		close(results[1]);
		return -(int)err->code;
	}
	fcntl(results[0], F_SETFL, O_NONBLOCK);
	fcntl(results[1], F_SETPIPE_SZ, PIPE_BYTES); /* a smaller one is slower, no more */
	return 0;
}

int worker_start(struct worker *worker, const struct sweep_plan *plan, struct trace_reader *reader, uint32_t index,
	struct err *err)
{
	pid_t parent = getpid(), pid;
	int results[2], tasks[2];

	if (open_ends(results, tasks, err) < 0)
		return -(int)err->code;
	pid = fork();
	if (pid == 0)
		work(plan, reader, index, results[1], tasks[1], parent);
	close(results[1]);
	close(tasks[1]);
	if (pid < 0) {
		err_errno(err, "cannot start a worker");
		close(results[0]);
		close(tasks[0]);
		return -(int)err->code;
	}
	worker->pid = pid;
	worker->fd = results[0];
	worker->tasks = tasks[0];
	worker->trace = plan->sweep->points[index].trace;
	return 0;
}

bool worker_next(struct worker *worker, uint32_t index)
{
	return send(worker->tasks, &index, sizeof(index), MSG_NOSIGNAL) == sizeof(index);
}

int worker_reap(struct worker *worker)
{
	int status = 0;

	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(worker->fd);
	close(worker->tasks);
	worker->pid = 0;
	return status;
}

/* Killed: a later worker may have inherited this end of its socket, so that closing it would not tell. */
int worker_end(struct worker *worker)
{
	kill(worker->pid, SIGKILL);
	return worker_reap(worker);
}
