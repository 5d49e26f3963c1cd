/* The part of a recorded line before the event's fields. */
#include <string.h>

#include "traces/text_lines.h"
#include "traces/trace.h"

#define COMM_MAX 15 /* bytes of a task's name */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* The next " [012] " from @p on. */
static const char *find_cpu(const char *line, const char *p, size_t len, uint16_t *cpu)
{
	while ((p = memchr(p, '[', len - (size_t)(p - line)))) {
		const char *digit = p + 1;
		uint32_t number = 0;

		while (is_digit(*digit) && number < UINT16_MAX)
			number = number * 10 + (uint32_t)(*digit++ - '0');
		if (digit > p + 1 && digit[0] == ']' && digit[1] == ' ' && p > line && p[-1] == ' ' &&
			number <= UINT16_MAX) {
			*cpu = (uint16_t)number;
			return p;
		}
		p++;
	}
	return NULL;
}

/*
 * The next "  0d..1. " from @p on, which `trace-cmd report -l` has in place of " [000] ": flags of four columns and more follow the
 * number, and the first of them is no digit.
 */
static const char *find_latency_cpu(const char *line, const char *p, uint16_t *cpu, const char **flags)
{
	for (; *p; p++) {
		const char *digit = p;
		uint32_t number = 0;

		if (p == line || p[-1] != ' ')
			continue;
		while (is_digit(*digit) && number < UINT16_MAX)
			number = number * 10 + (uint32_t)(*digit++ - '0');
		if (digit > p && number <= UINT16_MAX && strspn(digit, ".0123456789abcdefBDHLNXZhlnpsz") >= 4 &&
			!is_digit(*digit)) {
			*cpu = (uint16_t)number;
			*flags = digit;
			return p;
		}
	}
	return NULL;
}

static const char *trim_end(const char *start, const char *end)
{
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return end;
}

/*
 * `trace-cmd report` puts the instance's name in front of the task's, which it pads to 16: "foo:           bash". A name of a task
 * has 15 bytes at most. Return: where the task's name begins.
 */
static const char *skip_instance(const char *comm, const char *end)
{
	for (const char *p = comm; end - comm > COMM_MAX && p + 1 < end; p++)
		if (p[0] == ':' && p[1] == ' ')
			return skip_blanks(p + 1);
	return comm;
}

/* "comm-123", "comm-123 (  100)", "comm 123", "comm 100/123"; "comm -1" */
static bool parse_task(const char *start, const char *end, struct line_head *head)
{
	const char *digits;
	int64_t pid = 0;
	bool none;

	end = trim_end(start, end);
	if (end > start && end[-1] == ')') {
		while (end > start && end[-1] != '(')
			end--;
		end = trim_end(start, end > start ? end - 1 : end);
	}
	digits = end;
	while (digits > start && is_digit(digits[-1]))
		digits--;
	if (digits == end || digits == start || end - digits > 10)
		return false;
	for (const char *p = digits; p < end; p++)
		pid = pid * 10 + (*p - '0');
	if (pid > INT32_MAX)
		return false;
	/* perf knows no task of what an exiting one did: ":-1 -1", ":-1 -1/-1". */
	none = pid == 1 && digits - start >= 2 && digits[-1] == '-' && (digits[-2] == ' ' ||
		(digits[-2] == '/' && digits - start > 2 && digits[-3] == '1'));
	digits -= none;
	if (digits[-1] == '/') {
		digits--;
		while (digits > start && is_digit(digits[-1]))
			digits--;
		digits -= none && digits > start && digits[-1] == '-';
	}
	if (digits == start || (digits[-1] != '-' && digits[-1] != ' '))
		return false;
	end = digits[-1] == '-' ? digits - 1 : trim_end(start, digits);
	head->pid = none ? -1 : (int32_t)pid;
	head->comm = skip_instance(start, end);
	head->comm_len = (size_t)(end - head->comm);
	return true;
}

/*
 * "dNh2.": interrupts off (d), bottom halves off (b; both: D), resched, hard or soft interrupt, preemption
 * depth; more columns may follow. The depth does not count local_bh_disable(), which nobody may sleep in, either.
 */
static uint8_t parse_flags(const char *flags, size_t len)
{
	uint8_t ctx = CTX_PROCESS;

	if (len < 4)
		return ctx;
	if (flags[2] == 'h' || flags[2] == 'H')
		ctx = CTX_HARDIRQ;
	else if (flags[2] == 's')
		ctx = CTX_SOFTIRQ;
	else if (flags[2] == 'z' || flags[2] == 'Z')
		ctx = CTX_NMI;
	if (flags[0] == 'd' || flags[0] == 'D')
		ctx |= CTX_IRQS_OFF;
	if (flags[3] != '.' || flags[0] == 'b' || flags[0] == 'D')
		ctx |= CTX_PREEMPT_OFF;
	return ctx;
}

/* "12.345678:" with any number of digits behind the point. */
static const char *parse_time(const char *p, ns_t *time_ns)
{
	uint64_t seconds = 0, fraction = 0, unit = 1000000000u;
	const char *start = p;

	while (is_digit(*p) && seconds < UINT64_MAX / 1000000000u / 10)
		seconds = seconds * 10 + (uint64_t)(*p++ - '0');
	if (p == start || *p != '.')
		return NULL;
	for (p++; is_digit(*p); p++) {
		if (unit > 1) {
			unit /= 10;
			fraction += (uint64_t)(*p - '0') * unit;
		}
	}
	if (*p != ':')
		return NULL;
	*time_ns = seconds * 1000000000u + fraction;
	return p + 1;
}

/* "event:" or "system:event:", then blanks. */
static bool parse_event(const char *p, struct line_head *head)
{
	const char *name = p;

	while (*p && *p != ' ' && !(*p == ':' && (p[1] == ' ' || !p[1]))) {
		if (*p == ':')
			name = p + 1;
		p++;
	}
	if (*p != ':' || p == name)
		return false;
	head->event = name;
	head->event_len = (size_t)(p - name);
	head->fields = skip_blanks(p + 1);
	return true;
}

/* "(+1022473) ": since the line before, with `trace-cmd report --ts-diff`. */
static const char *skip_difference(const char *p)
{
	size_t len = *p == '(' ? strspn(p, "(+0123456789") : 0;

	return len && p[len] == ')' ? skip_blanks(p + len + 1) : p;
}

/*
 * Flags, where there are any, and the time: all between the
 * CPU's number and the event's name, of which *rest begins.
 */
static bool parse_when(const char *p, struct line_head *head, const char **rest)
{
	head->ctx = CTX_PROCESS;
	if (!is_digit(*p)) {
		size_t width = strcspn(p, " ");

		head->ctx = parse_flags(p, width);
		p = skip_blanks(p + width);
	}
	p = parse_time(p, &head->time_ns);
	if (p)
		*rest = skip_difference(skip_blanks(p));
	return p;
}

static bool parse_latency(const char *line, struct line_head *head, const char **rest)
{
	const char *flags, *cpu = find_latency_cpu(line, line, &head->cpu, &flags);

	while (cpu && !(parse_task(skip_blanks(line), cpu, head) && parse_when(flags, head, rest)))
		cpu = find_latency_cpu(line, cpu + 1, &head->cpu, &flags);
	return cpu;
}

/* All before the event's name, of which *rest begins. */
static bool parse_who(const char *line, size_t len, struct line_head *head, const char **rest)
{
	const char *cpu = find_cpu(line, line, len, &head->cpu);

	/* A task's name may hold any character, such brackets as well. */
	while (cpu && !parse_task(skip_blanks(line), cpu, head))
		cpu = find_cpu(line, cpu + 1, len, &head->cpu);
	return cpu ? parse_when(skip_blanks(strchr(cpu, ']') + 1), head, rest) : parse_latency(line, head, rest);
}

bool line_head_parse(const char *line, size_t len, struct line_head *head)
{
	const char *rest;

	return parse_who(line, len, head, &rest) && parse_event(rest, head);
}

enum line_chain line_head_chain(const char *line, size_t len, struct line_head *head)
{
	const char *rest;

	if (!parse_who(line, len, head, &rest))
		return LINE_NO_CHAIN;
	return !strcmp(rest, "<stack trace>")       ? LINE_KERNEL_CHAIN :
		!strcmp(rest, "<user stack trace>") ? LINE_USER_CHAIN :
						      LINE_NO_CHAIN;
}
