#include "traces/text_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/call_chain.h"
#include "traces/io_log.h"
#include "traces/text_fields.h"
#include "traces/text_held.h"
#include "traces/trace.h"

#define SEEN_SIZE 1024u      /* event names; a power of two */
#define PROGRESS_LINES 65536u

/* An event name met in this source. */
struct seen_event {
	char name[EVENT_NAME_MAX + 1];
	size_t len;
	const struct source_event *event; /* NULL: not known */
	uint64_t ignored;
};

struct text_reader {
	struct source *src;      /* borrowed */
	struct gather *g;        /* borrowed */
	const struct import_options *options; /* borrowed */
	struct text_fields fields;
	struct seen_event seen[SEEN_SIZE];
	struct text_held held;
	uint64_t chain_of;       /* lines of a chain are of the event held under that number; 0: of none */
};

static int no_memory(const struct text_reader *r, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: no memory for what line %llu holds", r->src->name,
		(unsigned long long)r->src->line_no);
}

static int unusable(struct text_reader *r, const char *why, struct err *err)
{
	if (r->options->strict)
		return err_set(err, ERR_TRACE, "%s: line %llu: %s", r->src->name,
			(unsigned long long)r->src->line_no, why);
	return trace_counts_add(&r->g->meta->unusable, why, 1) < 0 ? no_memory(r, err) : 0;
}

/* Return: 1 when the event is whole, 0 when it was counted as unusable. */
static int parse_fields(struct text_reader *r, const struct source_event *known, const char *p, struct raw_event *event,
	struct err *err)
{
	char why[128];

	return text_fields_parse(&r->fields, known, p, event, why, sizeof(why)) ? 1 : unusable(r, why, err);
}

static struct seen_event *seen_event(struct text_reader *r, const char *name, size_t len)
{
	uint32_t hash = (uint32_t)len;
	struct seen_event *seen;

	if (len > EVENT_NAME_MAX)
		len = EVENT_NAME_MAX;
	for (size_t i = 0; i < len; i++)
		hash = hash * 31 + (unsigned char)name[i];
	hash ^= hash >> 13;
	for (uint32_t probe = 0; probe < SEEN_SIZE; probe++) {
		seen = &r->seen[(hash + probe) & (SEEN_SIZE - 1)];
		if (seen->len == len && !memcmp(seen->name, name, len))
			return seen;
		if (!seen->len) {
			memcpy(seen->name, name, len);
			seen->len = len;
			seen->event = source_event_find(name, len);
			return seen;
		}
	}
	return &r->seen[hash & (SEEN_SIZE - 1)]; /* over a thousand unknown names: their counts run together */
}

static int parse_marker(struct text_reader *r, const struct line_head *head, struct raw_event *event)
{
	const char *text = head->fields, *raw = !strncmp(text, "ip=", 3) ? strstr(text, " buf=") : NULL;

	/* `trace-cmd report` prints the function that the marker was written through, with -R the fields' names. */
	if (head->event_len == 5 && raw)
		text = raw + strlen(" buf=");
	else if (head->event_len == 5 && strstr(text, ": "))
		text = strstr(text, ": ") + 2;
	event->name = texts_add(&r->g->texts, text, strlen(text));
	return event->name == TEXT_NO_MEMORY ? -1 : 1;
}

/* kvm_pio and kvm_mmio are printed in words, not as KEY=VALUE. */
static int parse_access(struct text_reader *r, const struct source_event *known, const struct line_head *head,
	struct raw_event *event, struct err *err)
{
	char why[64];

	if (kvm_access_parse(head->fields, event))
		return 1;
	snprintf(why, sizeof(why), "%s: is not understood", known->name);
	return unusable(r, why, err);
}

/* The innermost caller outside of the memory layer is the event's call site, where it has none of its own. */
static int chain_line(struct text_reader *r, const char *site, size_t len, struct err *err)
{
	struct raw_event *event = text_held_find(&r->held, r->chain_of);
	size_t name = strcspn(site, "+/ ");

	if (!event || event->call_site || !call_chain_is_caller(site, name < len ? name : len))
		return 0;
	event->call_site = texts_add(&r->g->texts, site, len);
	return event->call_site == TEXT_NO_MEMORY ? no_memory(r, err) : 0;
}

/* A chain follows, of the last event of its CPU and context. */
static void chain_begins(struct text_reader *r, const struct line_head *head)
{
	uint64_t number = cpu_track_chain(&r->g->tracks[head->cpu], head->ctx & CTX_MASK);
	const struct raw_event *event = text_held_find(&r->held, number);

	r->chain_of = event && event->pid == head->pid ? number : 0;
}

static int tell_drained(struct text_reader *r, struct cpu_track *track, uint16_t cpu, struct err *err)
{
	struct raw_event event = cpu_track_drained(track, cpu);

	return text_held_event(&r->held, &event, PAIR_NONE, err);
}

/* Nothing follows: what the CPUs drained last is known now. */
static int tell_all_drained(struct text_reader *r, struct err *err)
{
	int code = 0;

	for (uint32_t cpu = 0; cpu < r->g->meta->cpus && cpu < CPU_TRACKS && code == 0; cpu++)
		if (r->g->tracks[cpu].drained)
			code = tell_drained(r, &r->g->tracks[cpu], (uint16_t)cpu, err);
	return code;
}

/* An event that is not kept; what it tells of the free lists is. */
static int ignored_line(struct text_reader *r, struct seen_event *seen, const struct line_head *head, struct err *err)
{
	struct raw_event event = { .cpu = head->cpu, .ctx = head->ctx };
	struct trace_move move;
	int code = 1;

	if (seen->event && seen->event->moves)
		code = parse_fields(r, seen->event, head->fields, &event, err);
	if (code <= 0)
		return code;
	seen->ignored++;
	if (!seen->event || !seen->event->moves)
		return 0;
	move = cpu_track_move(&r->g->tracks[head->cpu], seen->event, &event);
	return cpu_track_tells(&move) ? text_held_move(&r->held, &move, err) : 0;
}

/* `trace-cmd report` prints function_graph's records as the tracer does. */
static int graph_line(struct text_reader *r, const struct line_head *head, struct err *err)
{
	struct duration_task *task = durations_task(r->g->durations, head->pid, head->cpu);
	int code = text_held_end(&r->held, err);

	if (code == 0)
		code = task ? durations_graph(r->g->durations, task, head->fields, err) : no_memory(r, err);
	return code < 0 ? code : 0;
}

/*
 * Where the call that returned was made. The kernel prints "(caller+0x17/0x20 [module] <- function) KEY=VALUE ...";
 * trace-cmd and perf print "(ffffffff812a8030 <- ffffffff812a8322)", in the order of the record: the caller comes
 * last, and `trace-cmd report -R` the fields' names. -1: no memory.
 */
static int return_site(struct text_reader *r, const char *fields, struct raw_event *event)
{
	static const char raw_name[] = "__probe_ret_ip=";
	const char *arrow = *fields == '(' ? strstr(fields, " <- ") : NULL;
	const char *raw = arrow ? NULL : strstr(fields, raw_name);
	char address[2 + 16 + 1] = "0x";
	size_t digits;

	if (!arrow && !raw)
		return 0;
	fields++;
	if (arrow && strspn(fields, "0123456789abcdef") < (size_t)(arrow - fields)) {
		if (call_chain_is_trampoline(fields, strcspn(fields, "+/ ")))
			return 0;
		event->call_site = texts_add(&r->g->texts, fields, strcspn(fields, "/ "));
		return event->call_site == TEXT_NO_MEMORY ? -1 : 0;
	}
	fields = arrow ? arrow + strlen(" <- ") : raw + strlen(raw_name);
	digits = strspn(fields, "0123456789abcdef");
	if (!digits || digits > 16)
		return 0;
	memcpy(address + 2, fields, digits);
	event->call_site = texts_add(&r->g->texts, address, 2 + digits);
	return event->call_site == TEXT_NO_MEMORY ? -1 : 0;
}

/* Return: 1 when the event is whole, 0 when it cannot be used. */
static int parse_event_line(struct text_reader *r, const struct source_event *known, const struct line_head *head,
	struct raw_event *event, struct err *err)
{
	int code;

	event->type = (uint8_t)known->type;
	event->comm = texts_add(&r->g->texts, head->comm, head->comm_len);
	if (event->comm == TEXT_NO_MEMORY)
		return no_memory(r, err);
	if (source_event_has_return_site(known) && return_site(r, head->fields, event) < 0)
		return no_memory(r, err);
	if (event->type == RAW_MARKER)
		code = parse_marker(r, head, event);
	else if (event->type == RAW_PORT_IO || event->type == RAW_MMIO)
		code = parse_access(r, known, head, event, err);
	else
		code = parse_fields(r, known, head->fields, event, err);
	if (code <= 0)
		return code;
	if (event->type == RAW_FUNCTION)
		event->call_site = texts_add(&r->g->texts, known->name, strlen(known->name));
	return event->name == TEXT_NO_MEMORY || event->call_site == TEXT_NO_MEMORY ? no_memory(r, err) : 1;
}

/* Whether what it says is looked at. */
static bool is_read(const struct gather *g, const struct source_event *event)
{
	if (!event || event->type == RAW_IGNORED)
		return false;
	return !raw_type_is_timing((uint8_t)event->type) || g->durations || (g->pace && event->type != RAW_FUNCTION);
}

static int event_line(struct text_reader *r, const struct line_head *head, struct err *err)
{
	struct seen_event *seen = seen_event(r, head->event, head->event_len);
	struct raw_event event = { .time_ns = head->time_ns, .cpu = head->cpu, .pid = head->pid, .ctx = head->ctx,
		.node = -1 };
	struct cpu_track *track = &r->g->tracks[head->cpu];
	const char *site;
	size_t len;
	int code;

	r->g->meta->lines++;
	track->entry++;
	if (seen->event && source_event_is_chain(seen->event)) {
		chain_begins(r, head);
		seen->ignored++;
		/* trace-cmd without its plugins begins the chain on this line. */
		return call_chain_line(head->fields, &site, &len) ? chain_line(r, site, len, err) : 0;
	}
	r->chain_of = 0;
	cpu_track_next(track, head->ctx & CTX_MASK, 0);
	if (seen->event && source_event_is_graph(seen->event) && r->g->durations)
		return graph_line(r, head, err);
	if (!is_read(r->g, seen->event))
		return ignored_line(r, seen, head, err);
	code = parse_event_line(r, seen->event, head, &event, err);
	if (code <= 0)
		return code;
	if (r->fields.wide_pointers && (event.type == RAW_KMALLOC || event.type == RAW_CACHE_ALLOC) && event.where &&
	    event.where <= UINT32_MAX)
		r->g->meta->hashed_pointers = true;
	if (head->cpu >= r->g->meta->cpus)
		r->g->meta->cpus = head->cpu + 1u;
	if (cpu_track_ends_drain(track, seen->event->type) && tell_drained(r, track, head->cpu, err) < 0)
		return -(int)err->code;
	cpu_track_stamp(track, seen->event->pair, &event);
	code = text_held_event(&r->held, &event, seen->event->pair, err);
	r->chain_of = r->held.nr; /* perf prints the chain at once */
	cpu_track_next(track, head->ctx & CTX_MASK, r->held.nr);
	return code;
}

static uint64_t number_after(const char *line, const char *word)
{
	const char *p = strstr(line, word);

	return p ? strtoull(p + strlen(word), NULL, 10) : 0;
}

/* A line says that the machine has so many CPUs; a CPU that recorded nothing is told by nothing else. */
static void note_cpus(struct text_reader *r, uint64_t cpus)
{
	if (cpus <= UINT16_MAX && cpus > r->g->meta->cpus)
		r->g->meta->cpus = (uint32_t)cpus;
}

/* "# entries-in-buffer/entries-written: 801065/801065   #P:1" */
static void header_line(struct text_reader *r, const char *line)
{
	uint64_t kept = number_after(line, "entries-written: ");
	const char *p = strstr(line, "entries-written: ");
	uint64_t written = p && (p = strpbrk(p + strlen("entries-written: "), "/ ")) ? number_after(p, "/") : 0;

	if (written > kept)
		r->g->meta->lost += written - kept;
	note_cpus(r, number_after(line, "#P:"));
}

/* "CPU:2 [LOST 17 EVENTS]", "CPU:2 [17 EVENTS DROPPED]"; without a number where the kernel does not know it */
static void lost_line(struct text_reader *r, const char *line)
{
	uint64_t lost = number_after(line, "[LOST ");

	if (!lost)
		lost = number_after(line, "[");
	r->g->meta->lost += lost ? lost : strstr(line, "EVENTS") != NULL;
	cpu_track_lost(&r->g->tracks[(uint16_t)number_after(line, "CPU:")]);
}

/* "task-1 [000] 1.5: [UNKNOWN EVENT]": of its CPU's entries it is one. */
static int unknown_event_line(struct text_reader *r, const char *line, struct err *err)
{
	r->g->tracks[(uint16_t)number_after(line, "[")].entry++;
	r->g->meta->lines++;
	return trace_counts_add(&r->g->meta->ignored, "event that the recording tool could not name", 1) < 0 ?
		no_memory(r, err) :
		0;
}

/* As trace-cmd's events kernel_stack and user_stack. */
static int chain_head_line(struct text_reader *r, const struct line_head *head, enum line_chain chain)
{
	const char *name = chain == LINE_KERNEL_CHAIN ? "kernel_stack" : "user_stack";

	r->g->meta->lines++;
	r->g->tracks[head->cpu].entry++;
	seen_event(r, name, strlen(name))->ignored++;
	if (chain == LINE_KERNEL_CHAIN)
		chain_begins(r, head);
	else
		r->chain_of = 0;
	return 0;
}

/* "CPU 3 is empty": what `trace-cmd report` begins with, for each CPU that recorded nothing. */
static bool is_empty_cpu(const char *line)
{
	size_t digits;

	if (strncmp(line, "CPU ", strlen("CPU ")))
		return false;
	line += strlen("CPU ");
	digits = strspn(line, "0123456789");
	return digits && !strcmp(line + digits, " is empty");
}

/* "task-1 [000] d..1. 123456: kfree: ...": of a clock that counts no ns the kernel prints the bare number. */
static bool has_ticks(const char *line)
{
	static const char digits[] = "0123456789";
	const char *p = strstr(line, "] ");
	size_t len;

	if (!p)
		return false;
	p += 2 + strspn(p + 2, " ");
	if (!strspn(p, digits)) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	len = strspn(p, digits);
	return len && p[len] == ':' && p[len + 1] == ' ';
}

/* Neither an event nor part of a chain of callers. */
static int note_line(struct text_reader *r, const char *line, struct err *err)
{
	line += strspn(line, " \t");
	if (!*line || !strncmp(line, "version = ", strlen("version = ")) || !strcmp(line, "<stack trace>") ||
		is_empty_cpu(line))
		return 0;
	if (*line == '#') {
		header_line(r, line);
	} else if (!strncmp(line, "cpus=", strlen("cpus="))) {
		note_cpus(r, number_after(line, "cpus="));
	} else if (!strncmp(line, "CPU:", strlen("CPU:"))) {
		lost_line(r, line);
	} else if (strstr(line, "[UNKNOWN EVENT]")) {
		return unknown_event_line(r, line, err);
	} else {
		r->g->meta->lines++;
		return unusable(r, has_ticks(line) ? "time is of a clock that counts no ns: see trace_clock" :
			"line is not an event", err);
	}
	return 0;
}

static int other_line(struct text_reader *r, const char *line, struct err *err)
{
	enum line_chain chain;
	struct line_head head;
	const char *site;
	size_t len;

	if (call_chain_line(line, &site, &len))
		return chain_line(r, site, len, err);
	chain = line_head_chain(line, strlen(line), &head);
	if (chain != LINE_NO_CHAIN)
		return chain_head_line(r, &head, chain);
	if (r->g->durations) {
		int code = durations_graph_line(r->g->durations, line, err);

		if (code)
			return code < 0 ? code : 0;
	}
	return note_line(r, line, err);
}

/* What was not kept, and what of that which was. */
static int count_left_out(struct text_reader *r, struct err *err)
{
	for (size_t i = 0; i < SEEN_SIZE; i++) {
		const struct seen_event *seen = &r->seen[i];
		char why[192];

		if (!seen->ignored)
			continue;
		if (seen->event)
			snprintf(why, sizeof(why), "%s: %s", seen->name, seen->event->why);
		else
			snprintf(why, sizeof(why), "unknown event %s", seen->name);
		if (trace_counts_add(&r->g->meta->ignored, why, seen->ignored) < 0)
			return no_memory(r, err);
	}
	return text_fields_count(&r->fields, &r->g->meta->repaired) < 0 ? no_memory(r, err) : 0;
}

/*
 * The oldest kernel that the first bytes of a recording can
 * be of, when nothing else tells which it was. NULL: of any.
 */
static const char *guess_kernel(const char *head, size_t len)
{
	static const char alloc[] = "kmem_cache_alloc: ";
	const char *end = head + len;

	/* Allocating functions have been called so since 6.10: in chains, and where one of them calls another. */
	if (memmem(head, len, "_noprof", 7))
		return "6.10 or newer";
	/* The cache's name came into the event with 6.18. */
	for (const char *p = memmem(head, len, alloc, sizeof(alloc) - 1); p;
	     p = memmem(p + 1, (size_t)(end - p - 1), alloc, sizeof(alloc) - 1)) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if (eol)
			return memmem(p, (size_t)(eol - p), " name=", 6) ? "6.18 or newer" : NULL;
	}
	return NULL;
}

/* What masks mean; and what is known of the kernel's release goes into the trace's header. */
static int find_kernel(struct text_reader *r, struct err *err)
{
	unsigned int major = r->options->kernel_major, minor = r->options->kernel_minor;
	const char *guess = major ? NULL : guess_kernel(r->src->head, r->src->head_len);

	if (guess && !r->g->meta->kernel) {
		r->g->meta->kernel = strdup(guess);
		if (!r->g->meta->kernel)
			return no_memory(r, err);
	}
	if (guess && sscanf(guess, "%u.%u", &major, &minor) != 2)
		major = 0;
	r->fields.layout = major ? gfp_layout_of_kernel(major, minor) : GFP_LAYOUT_L5;
	return 0;
}

static int read_lines(struct text_reader *r, struct err *err)
{
	const struct import_options *options = r->options;
	char *line;
	size_t len;
	int code;

	/* The first pass is half of the work. */
	while ((code = source_line(r->src, &line, &len, err)) > 0) {
		struct line_head head;

		code = line_head_parse(line, len, &head) ? event_line(r, &head, err) : other_line(r, line, err);
		if (code < 0)
			return code;
		if (options->progress && r->src->line_no % PROGRESS_LINES == 0 &&
			options->progress(options->progress_arg, r->src->bytes_read, 2 * r->src->bytes_total,
				r->g->meta->lines))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
	}
	if (code == 0)
		code = tell_all_drained(r, err);
	if (code == 0)
		code = text_held_end(&r->held, err);
	return code < 0 ? code : count_left_out(r, err);
}

int text_import(struct source *src, struct gather *g, const struct import_options *options, struct err *err)
{
	struct text_reader *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return err_set(err, ERR_NOMEM, "%s: no memory to read it", src->name);
	r->src = src;
	r->g = g;
	r->options = options;
	r->held.g = g;
	for (uint32_t cpu = 0; cpu < g->meta->cpus && cpu < CPU_TRACKS; cpu++)
		cpu_track_lost(&g->tracks[cpu]);
	r->fields.texts = &g->texts;
	code = find_kernel(r, err);
	if (code == 0)
		code = read_lines(r, err);
	text_fields_fini(&r->fields);
	free(r);
	return code;
}
