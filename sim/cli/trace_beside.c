#include "sim/cli/trace_beside.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void open_now(struct trace_beside *trace)
{
	if (trace_open(&trace->reader, trace->path, &trace->options, &trace->opened) == 0)
		trace->opened = (struct err){ 0 }; /* what is said of a file that is cut off is not an error */
}

static void *open_beside(void *arg)
{
	open_now(arg);
	return NULL;
}

int trace_beside_start(struct trace_beside *trace, struct err *err)
{
	struct stat st;

	if (!strcmp(trace->path, "-") || stat(trace->path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	errno = pthread_create(&trace->opener, NULL, open_beside, trace);
	if (errno)
		return err_errno(err, "cannot start a thread");
	trace->opening = true;
	return 0;
}

static void wait_opened(struct trace_beside *trace)
{
	if (trace->opening)
		pthread_join(trace->opener, NULL);
	trace->opening = false;
}

int trace_beside_open(struct trace_beside *trace, const struct trace_reader_options *options,
	struct trace_reader **reader, struct err *err)
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

void trace_beside_close(struct trace_beside *trace)
{
	wait_opened(trace);
	trace_close(trace->reader);
	trace->reader = NULL;
}
