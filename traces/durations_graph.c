/*
 * function_graph as text: "0.345 us | function();" for a call that called nothing, else "| function() {" and later
 * "1.2 us | }". What stands in front of the duration differs by the tool that printed it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "traces/durations.h"

static bool is_of_number(char c)
{
	return (c >= '0' && c <= '9') || c == '.';
}

/*
 * The number before "us" before @bar; negative when there is none, NAN when it is no duration. More
 * may stand before it: a mark of slow calls, and with the option latency-format the context, "d..1.".
 */
static double microseconds(const char *line, const char *bar)
{
	const char *end;
	char *parsed;
	double us;

	while (bar > line && bar[-1] == ' ')
		bar--;
	if (bar - line < 2 || bar[-1] != 's' || bar[-2] != 'u')
		return -1;
	for (bar -= 2; bar > line && bar[-1] == ' ';)
		bar--;
	if (bar == line || !is_of_number(bar[-1]))
		return -1;
	end = bar;
	while (bar > line && is_of_number(bar[-1]))
		bar--;
	us = strtod(bar, &parsed);
	return parsed != end || (bar > line && bar[-1] == '-') ? NAN : us;
}

/* The value of an argument, printed with the option funcgraph-args; false when there is no such argument. */
static bool argument(const char *args, const char *key, uint64_t *value)
{
	const char *at = args;
	size_t len = strlen(key);

	while ((at = strstr(at, key))) {
		if (at > args && (at[-1] == '(' || at[-1] == ' ') && at[len] == '=') {
			*value = strtoull(at + len + 1, NULL, 0);
			return true;
		}
		at += len;
	}
	return false;
}

/* "__kmalloc_noprof(size=0x40, flags=0xdc0)": kernels that print arguments have __GFP_ZERO there. */
static void note_arguments(struct duration_call *call, const char *args)
{
	const uint64_t gfp_zero = 0x100;
	uint64_t value = 0;

	if (argument(args, "size", &value))
		call->size = value;
	if (argument(args, "order", &value) && value < 32)
		call->order = (uint32_t)value;
	value = 0;
	if (argument(args, "gfp", &value) || argument(args, "gfp_mask", &value) || argument(args, "gfpflags", &value) ||
		argument(args, "flags", &value))
		call->zero = value & gfp_zero;
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
	if (!(us < 0))
		return durations_close(d, task, op[0] ? op : NULL, us * 1000, err);
	task->nr -= task->nr > 0;
	return 0;
}

/*
 * "name();", "name() {" or, of a module, "name [module]() {";
 * maybe with arguments, and a comment behind it. 1, or negative.
 */
static int function_line(struct durations *d, struct duration_task *task, const char *text, const char *comment,
	double us, struct err *err)
{
	size_t name_len = strcspn(text, " (");
	const char *args = text + name_len, *end = comment ? comment : text + strlen(text);
	struct duration_call *call;
	int code;

	if (args[0] == ' ' && args[1] == '[')
		args += strcspn(args, "(");
	if (!name_len || *args != '(')
		return 0;
	while (end > args && (end[-1] == ' ' || end[-1] == '\n'))
		end--;
	if (end[-1] != '{' && us < 0)
		return 1;
	call = durations_open(task, text, name_len, 0);
	if (call)
		note_arguments(call, args);
	if (end[-1] == '{' || !call)
		return 1;
	return (code = durations_close(d, task, NULL, us * 1000, err)) < 0 ? code : 1;
}

int durations_graph(struct durations *d, struct duration_task *task, const char *line, struct err *err)
{
	const char *comment = strstr(line, "/*");
	const char *bar = memrchr(line, '|', comment ? (size_t)(comment - line) : strlen(line));
	const char *text;
	double us;
	int code;

	if (!bar)
		return 0;
	us = microseconds(line, bar);
	text = bar + 1 + strspn(bar + 1, " \t");
	if (*text == '}')
		return (code = close_brace(d, task, text, us, err)) < 0 ? code : 1;
	if (text == comment) {
		note(task, text);
		return 1;
	}
	return function_line(d, task, text, comment, us, err);
}

/*
 * What follows "CPU)" at the beginning of a line; NULL when there
 * is no such. With funcgraph-abstime a time stands before it.
 */
static const char *after_cpu(const char *line, unsigned long *cpu)
{
	const char *at = line + strspn(line, " \t");
	char *end;

	*cpu = strtoul(at, &end, 10);
	if (end > at && *end == '.') {
		at = strchr(at, '|');
		if (!at)
			return NULL;
		*cpu = strtoul(++at, &end, 10);
	}
	return end > at && *end == ')' && *cpu <= UINT16_MAX ? end + 1 : NULL;
}

bool durations_graph_recognise(const char *line)
{
	unsigned long cpu;
	const char *rest = after_cpu(line, &cpu), *bar = rest ? strrchr(rest, '|') : NULL;

	return bar && (strchr(bar, '(') || strchr(bar, '}'));
}

int durations_graph_line(struct durations *d, const char *line, struct err *err)
{
	struct duration_task *task;
	unsigned long cpu;
	const char *rest;

	if (!strncmp(line + strspn(line, " \t"), "------", 6))
		return 1;
	rest = after_cpu(line, &cpu);
	if (!rest)
		return 0;
	task = durations_task(d, 0, (uint16_t)cpu);
	if (!task)
		return err_set(err, ERR_NOMEM, "no memory for the open calls of a CPU");
	/* "------------------------------------------" and "0) bash-12 => sh-13": what was open is another task's. */
	if (strstr(line, "=>") && !strchr(line, '|')) {
		task->nr = 0;
		return 1;
	}
	/* Where an interrupt begins and ends; its functions are between. */
	if (strstr(rest, "==========> |") || strstr(rest, "<========== |"))
		return 1;
	return durations_graph(d, task, rest, err);
}
