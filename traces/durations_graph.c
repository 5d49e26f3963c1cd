/*
 * function_graph as text: "0.345 us | function();" for a call that called nothing, else "| function() {" and later
 * "1.2 us | }". What stands in front of the duration differs by the tool that printed it.
 */
#include <stdlib.h>
#include <string.h>

#include "traces/durations.h"

/* The microseconds before @bar, back to the column before; negative when there are none. */
static double microseconds(const char *line, const char *bar)
{
	const char *at = bar;

	while (at > line && at[-1] != '|' && at[-1] != ')')
		at--;
	at += strcspn(at, "0123456789|");
	return at < bar && *at != '|' ? strtod(at, NULL) : -1;
}

/* A trace event inside the graph: "kmalloc: call_site=... bytes_req=64 ..." */
static void note(struct duration_task *task, const char *text)
{
	const char *bytes = strstr(text, "bytes_req="), *order = strstr(text, " order=");
	bool zero = strstr(text, "GFP_ZERO") != NULL;

	if (bytes)
		durations_note_object(task, strtoull(bytes + strlen("bytes_req="), NULL, 10), zero);
	if (order)
		durations_note_pages(task, (uint32_t)strtoul(order + strlen(" order="), NULL, 10) & 0x1f, zero);
}

/* "}", or with funcgraph-tail the function's name behind it as a comment. */
static int close_brace(struct durations *d, struct duration_task *task, const char *text, double us, struct err *err)
{
	char op[DURATION_NAME_MAX] = "";
	const char *name = strstr(text, "/* ");

	if (name) {
		size_t len = strcspn(name + 3, " ");

		len = len < sizeof(op) ? len : sizeof(op) - 1;
		memcpy(op, name + 3, len);
	}
	if (us >= 0)
		return durations_close(d, task, op[0] ? op : NULL, us * 1000, err);
	task->nr -= task->nr > 0;
	return 0;
}

int durations_graph(struct durations *d, struct duration_task *task, const char *line, struct err *err)
{
	const char *comment = strstr(line, "/*");
	const char *bar = memrchr(line, '|', comment ? (size_t)(comment - line) : strlen(line));
	const char *text, *end;
	size_t name_len;
	double us;
	int code;

	if (!bar)
		return 0;
	us = microseconds(line, bar);
	text = bar + 1 + strspn(bar + 1, " \t");
	if (*text == '}')
		return (code = close_brace(d, task, text, us, err)) < 0 ? code : 1;
	if (!strncmp(text, "/*", 2)) {
		note(task, text);
		return 1;
	}
	name_len = strcspn(text, " (");
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\n'))
		end--;
	if (!name_len || text[name_len] != '(')
		return 0;
	if (end[-1] == '{')
		return durations_open(task, text, name_len, 0), 1;
	if (us < 0 || !durations_open(task, text, name_len, 0))
		return 1;
	return (code = durations_close(d, task, NULL, us * 1000, err)) < 0 ? code : 1;
}

int durations_graph_line(struct durations *d, const char *line, struct err *err)
{
	const char *cpu = line + strspn(line, " \t");
	struct duration_task *task;
	char *end;
	unsigned long number = strtoul(cpu, &end, 10);

	if (!strncmp(cpu, "------", 6))
		return 1;
	/* With funcgraph-abstime a time stands before the CPU. */
	if (end > cpu && *end == '.') {
		cpu = strchr(cpu, '|');
		number = cpu ? strtoul(cpu + 1, &end, 10) : 0;
		cpu = cpu ? cpu + 1 : line;
	}
	if (end == cpu || *end != ')' || number > UINT16_MAX)
		return 0;
	task = durations_task(d, 0, (uint16_t)number);
	if (!task)
		return err_set(err, ERR_NOMEM, "no memory for the open calls of a CPU");
	/* "------------------------------------------" and "0) bash-12 => sh-13": what was open is another task's. */
	if (strstr(line, "=>") && !strchr(line, '|')) {
		task->nr = 0;
		return 1;
	}
	return durations_graph(d, task, end + 1, err);
}
