#include "sim/cli/trace_beside.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int start_thread(pthread_t *thread, void *(*body)(void *), struct trace_beside *trace, struct err *err)
{
	errno = pthread_create(thread, NULL, body, trace);
	return errno ? err_errno(err, "cannot start a thread") : 0;
}

static void *hash_beside(void *arg)
{
	struct trace_beside *trace = arg;

	if (trace_sha256(trace->reader, trace->sha256, &trace->hashed) == 0)
		trace->hashed = (struct err){ 0 };
	return NULL;
}

static void open_now(struct trace_beside *trace)
{
	if (trace_open(&trace->reader, trace->path, &trace->options, &trace->opened) < 0)
		return;
	trace->opened = (struct err){ 0 }; /* what is said of a file that is cut off is not an error */
	if (trace->hash)
		trace->hashing = start_thread(&trace->hasher, hash_beside, trace, &trace->hashed) == 0;
}

static void *open_beside(void *arg)
{
	open_now(arg);
	return NULL;
}

int trace_beside_start(struct trace_beside *trace, struct err *err)
{
	struct stat st;
	int ret;

	if (!strcmp(trace->path, "-") || stat(trace->path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	ret = start_thread(&trace->opener, open_beside, trace, err);
	trace->opening = ret == 0;
	return ret;
}

static void wait_opened(struct trace_beside *trace)
{
	if (trace->opening)
		pthread_join(trace->opener, NULL);
	trace->opening = false;
}

static void wait_hashed(struct trace_beside *trace)
{
	if (trace->hashing)
		pthread_join(trace->hasher, NULL);
	trace->hashing = false;
}

int trace_beside_open(struct trace_beside *trace, const struct trace_reader_options *options, struct trace_reader **reader,
	struct err *err)
{
	wait_opened(trace);
	if (trace->reader && options->recorded && !trace->options.recorded)
		trace_beside_close(trace);
	if (!trace->reader && !trace->opened.code) {
		trace->options = *options;
		open_now(trace);
	}
	*reader = trace->reader;
	if (trace->opened.code)
		*err = trace->opened;
	return -(int)trace->opened.code;
}

int trace_beside_sha256(struct trace_beside *trace, char hex[65], struct err *err)
{
	wait_hashed(trace);
	memcpy(hex, trace->sha256, sizeof(trace->sha256));
	if (trace->hashed.code)
		*err = trace->hashed;
	return -(int)trace->hashed.code;
}

void trace_beside_close(struct trace_beside *trace)
{
	wait_opened(trace);
	wait_hashed(trace);
	trace_close(trace->reader);
	trace->reader = NULL;
}
