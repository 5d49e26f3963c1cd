/*
 * text_lines: recordings as text: `trace-cmd report`, the tracing directory's `trace` and `trace_pipe`, and
 * `perf script`. One grammar reads them all:
 *
 *     COMM-PID [(TGID)] [CPU] [FLAGS] SECONDS.FRACTION: EVENT: KEY=VALUE ...
 *     COMM PID[/TID]    [CPU]         SECONDS.FRACTION: SYSTEM:EVENT: KEY=VALUE ...
 */
#ifndef KMEMSIM_TRACES_TEXT_LINES_H
#define KMEMSIM_TRACES_TEXT_LINES_H

#include "traces/gather.h"
#include "traces/import.h"
#include "traces/source.h"

/** What stands before an event's fields. Texts point into the line. */
struct line_head {
	const char *comm, *event;
	size_t comm_len, event_len;
	const char *fields; /* the rest of the line */
	ns_t time_ns;
	int32_t pid;
	uint16_t cpu;
	uint8_t ctx;        /* enum trace_ctx, as the flags say */
};

/** line_head_parse() - Return: whether @line is an event's. */
bool line_head_parse(const char *line, size_t len, struct line_head *head);

enum line_chain { LINE_NO_CHAIN, LINE_KERNEL_CHAIN, LINE_USER_CHAIN };

/**
 * line_head_chain() - "task-7 [000] ..... 1.000001: <stack trace>", which the kernel prints before a chain of callers.
 * Return: whether it is one; then *head has all but the event.
 */
enum line_chain line_head_chain(const char *line, size_t len, struct line_head *head);

/** text_import() - read all of @src into @g. */
int text_import(struct source *src, struct gather *g, const struct import_options *options, struct err *err);

#endif
