/* The side of the pipe that has libtracecmd. */
#include "traces/dat_priv.h"

#ifdef HAVE_TRACECMD

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trace-cmd.h>
#include <unistd.h>

#include "base/idmap.h"
#include "traces/cpu_track.h"
#include "traces/texts.h"
#include "traces/trace.h"

#define BATCH 1024u
#define ID_MAX 65536        /* event ids have 16 bits */
#define ORDER_MAX_USABLE 20u
#define PFN_MAX (1ull << 35)
#define TRACE_FLAG_IRQS_OFF 0x01 /* as in include/linux/trace_events.h */
#define TRACE_FLAG_HARDIRQ  0x08
#define TRACE_FLAG_SOFTIRQ  0x10
#define TRACE_FLAG_NMI      0x40
#define PREEMPT_DEPTH       0x0f

/* Exported by libtracecmd and not declared; absent from some versions. */
extern const char *tracecmd_get_uname(struct tracecmd_input *handle) __attribute__((weak));
extern const char *tracecmd_get_trace_clock(struct tracecmd_input *handle) __attribute__((weak));

/* An event type of this file. */
struct dat_type_info {
	bool met;
	const char *name;                 /* NULL: the file does not describe it */
	const struct source_event *known; /* NULL: not known to kmemsim */
	struct tep_format_field *fields[SOURCE_FIELDS_MAX];
	const char *missing;              /* a needed field that the format lacks */
	uint64_t ignored, unusable;
};

struct child {
	int fd;
	struct tep_handle *tep;
	enum gfp_layout layout;
	struct dat_type_info types[ID_MAX];
	struct cpu_track tracks[CPU_TRACKS];
	struct dat_event batch[BATCH];
	uint32_t nr_batch;
	struct trace_move moves[BATCH];
	uint32_t nr_moves;
	struct texts texts;
	struct idmap sites;               /* text numbers by address */
	struct idmap comms;               /* text numbers by pid */
	uint64_t lost, nameless;
};

static int send_bytes(struct child *c, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		ssize_t done = write(c->fd, from, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		from += done;
		len -= (size_t)done;
	}
	return 0;
}

static int send_message(struct child *c, enum dat_type type, const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct dat_message message = { .type = type, .len = (uint32_t)(a_len + b_len) };

	if (send_bytes(c, &message, sizeof(message)) < 0 || send_bytes(c, a, a_len) < 0)
		return -1;
	return b_len ? send_bytes(c, b, b_len) : 0;
}

static int send_text(struct child *c, enum dat_type type, const char *text)
{
	return send_message(c, type, text, strlen(text), NULL, 0);
}

static int send_count(struct child *c, enum dat_type type, uint64_t count, const char *why)
{
	struct dat_count message = { count };

	return send_message(c, type, &message, sizeof(message), why, strlen(why));
}

static int flush_events(struct child *c)
{
	size_t len = c->nr_batch * sizeof(c->batch[0]), moves = c->nr_moves * sizeof(c->moves[0]);

	c->nr_batch = c->nr_moves = 0;
	if (moves && send_message(c, DAT_MOVES, c->moves, moves, NULL, 0) < 0)
		return -1;
	return len || moves ? send_message(c, DAT_EVENTS, c->batch, len, NULL, 0) : 0;
}

/* Number of a text, which is sent when it is new. */
static int text_number(struct child *c, const char *text, size_t len, uint32_t *number)
{
	uint32_t known = c->texts.nr;

	if (len > DAT_MESSAGE_MAX)
		len = DAT_MESSAGE_MAX;
	*number = texts_add(&c->texts, text, len);
	if (*number == TEXT_NO_MEMORY)
		return -1;
	return *number >= known ? send_message(c, DAT_TEXT, text, len, NULL, 0) : 0;
}

/* "symbol+0xoff", as %pS prints it. */
static int site_number(struct child *c, uint64_t address, uint32_t *number)
{
	const char *function;
	char text[256];
	int len;

	*number = idmap_get(&c->sites, address);
	if (*number != IDMAP_NONE)
		return 0;
	function = tep_find_function(c->tep, address);
	if (function)
		len = snprintf(text, sizeof(text), "%s+0x%llx", function,
			(unsigned long long)(address - tep_find_function_address(c->tep, address)));
	else
		len = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	if (text_number(c, text, (size_t)len, number) < 0)
		return -1;
	return idmap_put(&c->sites, address, *number);
}

static int comm_number(struct child *c, int pid, uint32_t *number)
{
	const char *comm;

	*number = idmap_get(&c->comms, (uint64_t)(uint32_t)pid);
	if (*number != IDMAP_NONE)
		return 0;
	comm = tep_data_comm_from_pid(c->tep, pid);
	if (text_number(c, comm ? comm : "", comm ? strlen(comm) : 0, number) < 0)
		return -1;
	return idmap_put(&c->comms, (uint64_t)(uint32_t)pid, *number);
}

/* Where a text field lies in the record; empty when it would leave it. */
static const char *text_of(struct child *c, const struct tep_format_field *field, const struct tep_record *record,
	size_t *len)
{
	const char *data = record->data;
	size_t offset = (size_t)field->offset, size = (size_t)record->size, length = 0;

	if (field->flags & TEP_FIELD_IS_DYNAMIC) {
		uint64_t where = tep_read_number(c->tep, data + offset, field->size);

		offset = where & 0xffff;
		length = where >> 16 & 0xffff;
		if (field->flags & TEP_FIELD_IS_RELATIVE)
			offset += (size_t)(field->offset + field->size);
	} else {
		length = field->size > 0 ? (size_t)field->size : size - (offset < size ? offset : size);
	}
	if (offset > size || length > size - offset)
		length = 0;
	*len = length ? strnlen(data + offset, length) : 0;
	return data + offset;
}

static int put_text(struct child *c, const char *text, size_t len, uint32_t *number)
{
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	/* What a probe stores when it could not read the string. */
	if (len == 7 && !memcmp(text, "(fault)", 7))
		len = 0;
	return text_number(c, text, len, number);
}

static bool put_number(struct child *c, const struct source_field *known, uint64_t value, struct raw_event *event)
{
	char *member = (char *)event + known->offset;

	switch (known->how) {
	case FIELD_PFN:
		if (value == UINT64_MAX || value == UINT32_MAX)
			value = 0;
		memcpy(member, &value, sizeof(value));
		return value < PFN_MAX;
	case FIELD_ORDER:
		*member = (char)value;
		return value <= ORDER_MAX_USABLE;
	case FIELD_NODE:
		event->node = (int16_t)value;
		return value + 1 <= INT16_MAX; /* -1: any node */
	case FIELD_GFP:
		event->gfp = gfp_from_raw(value, c->layout, NULL);
		return true;
	case FIELD_BOOL:
		*member = value != 0;
		return true;
	default:
		memcpy(member, &value, sizeof(value));
		return true;
	}
}

/* Return: 1 when the event is whole, 0 when a value cannot be used, negative when the pipe or memory failed. */
static int read_fields(struct child *c, struct dat_type_info *type, struct tep_record *record, struct raw_event *event)
{
	for (unsigned int i = 0; i < SOURCE_FIELDS_MAX && type->known->fields[i].key; i++) {
		const struct source_field *known = &type->known->fields[i];
		struct tep_format_field *field = type->fields[i];
		unsigned long long value;
		const char *text;
		size_t len;
		int failed = 0;

		if (!field)
			continue;
		if (known->how == FIELD_NAME) {
			text = text_of(c, field, record, &len);
			failed = put_text(c, text, len, &event->name);
		} else if (field->offset + field->size > record->size || tep_read_number_field(field, record->data, &value)) {
			return 0;
		} else if (known->how == FIELD_SITE) {
			failed = site_number(c, value, &event->call_site);
		} else {
			if ((field->flags & TEP_FIELD_IS_SIGNED) && field->size == 4)
				value = (uint64_t)(int64_t)(int32_t)value;
			if (!put_number(c, known, value, event))
				return 0;
		}
		if (failed)
			return -1;
	}
	return 1;
}

static int read_marker(struct child *c, struct dat_type_info *type, struct tep_record *record, struct raw_event *event)
{
	size_t len = 0;
	const char *text = type->fields[0] ? text_of(c, type->fields[0], record, &len) : "";

	return put_text(c, text, len, &event->name) < 0 ? -1 : 1;
}

static void describe(struct child *c, struct dat_type_info *type, int id)
{
	struct tep_event *event = tep_find_event(c->tep, id);

	type->met = true;
	if (!event)
		return;
	type->name = event->name;
	type->known = source_event_find(event->name, strlen(event->name));
	if (!type->known)
		return;
	if (type->known->type == RAW_MARKER)
		type->fields[0] = tep_find_field(event, "buf");
	for (unsigned int i = 0; i < SOURCE_FIELDS_MAX && type->known->fields[i].key; i++) {
		type->fields[i] = tep_find_field(event, type->known->fields[i].key);
		if (!type->fields[i] && type->known->fields[i].needed)
			type->missing = type->known->fields[i].key;
	}
}

static uint8_t context_of(struct child *c, struct tep_record *record)
{
	int flags = tep_data_flags(c->tep, record);
	uint8_t ctx = CTX_PROCESS;

	if (flags & TRACE_FLAG_NMI)
		ctx = CTX_NMI;
	else if (flags & TRACE_FLAG_HARDIRQ)
		ctx = CTX_HARDIRQ;
	else if (flags & TRACE_FLAG_SOFTIRQ)
		ctx = CTX_SOFTIRQ;
	if (flags & TRACE_FLAG_IRQS_OFF)
		ctx |= CTX_IRQS_OFF;
	if (tep_data_preempt_count(c->tep, record) & PREEMPT_DEPTH)
		ctx |= CTX_PREEMPT_OFF;
	return ctx;
}

static int next_in_batch(struct child *c)
{
	c->nr_batch++;
	return c->nr_batch == BATCH ? flush_events(c) : 0;
}

static int tell_drained(struct child *c, struct cpu_track *track, uint16_t cpu)
{
	c->batch[c->nr_batch] = (struct dat_event){ .event = cpu_track_drained(track, cpu) };
	return next_in_batch(c);
}

/* Nothing follows: what the CPUs drained last is known now. */
static int tell_all_drained(struct child *c)
{
	int failed = 0;

	for (uint32_t cpu = 0; cpu < CPU_TRACKS; cpu++)
		if (c->tracks[cpu].drained)
			failed |= tell_drained(c, &c->tracks[cpu], (uint16_t)cpu);
	return failed;
}

/* An event that is not kept; what it tells of the free lists is. */
static int ignore_record(struct child *c, struct dat_type_info *type, struct cpu_track *track, struct tep_record *record,
	uint16_t cpu)
{
	struct raw_event event = { .cpu = cpu };
	struct trace_move move;
	int code = 1;

	if (type->known && type->known->moves)
		code = read_fields(c, type, record, &event);
	if (code <= 0) {
		type->unusable++;
		return code;
	}
	type->ignored++;
	if (!type->known || !type->known->moves)
		return 0;
	event.ctx = context_of(c, record);
	move = cpu_track_move(track, type->known, &event);
	if (!cpu_track_tells(&move))
		return 0;
	move.before = c->nr_batch;
	c->moves[c->nr_moves++] = move;
	return c->nr_moves == BATCH ? flush_events(c) : 0;
}

static int on_record(struct tracecmd_input *handle, struct tep_record *record, int cpu, void *data)
{
	struct child *c = data;
	int id = tep_data_type(c->tep, record), code;
	struct cpu_track *track = &c->tracks[(uint16_t)cpu];
	struct dat_event *out;
	struct dat_type_info *type;

	(void)handle;
	track->entry++;
	if (record->missed_events)
		c->lost += record->missed_events > 0 ? (uint64_t)record->missed_events : 1;
	if (id < 0 || id >= ID_MAX) {
		c->nameless++;
		return 0;
	}
	type = &c->types[id];
	if (!type->met)
		describe(c, type, id);
	if (!type->known || type->known->type == RAW_IGNORED)
		return ignore_record(c, type, track, record, (uint16_t)cpu);
	if (type->missing) {
		type->unusable++;
		return 0;
	}
	if (cpu_track_ends_drain(track, type->known->type) && tell_drained(c, track, (uint16_t)cpu) < 0)
		return -1;
	out = &c->batch[c->nr_batch];
	*out = (struct dat_event){ .pair = type->known->pair };
	out->event.type = (uint8_t)type->known->type;
	out->event.time_ns = record->ts;
	out->event.cpu = (uint16_t)cpu;
	out->event.node = -1;
	out->event.pid = tep_data_pid(c->tep, record);
	out->event.ctx = context_of(c, record);
	if (comm_number(c, out->event.pid, &out->event.comm) < 0)
		return -1;
	code = out->event.type == RAW_MARKER ? read_marker(c, type, record, &out->event) :
		read_fields(c, type, record, &out->event);
	if (code < 0)
		return -1;
	if (code == 0) {
		type->unusable++;
		return 0;
	}
	cpu_track_stamp(track, type->known->pair, &out->event);
	return next_in_batch(c);
}

static int send_counts(struct child *c)
{
	char why[256];
	int failed = 0;

	for (int id = 0; id < ID_MAX; id++) {
		const struct dat_type_info *type = &c->types[id];

		if (!type->name) {
			c->nameless += type->ignored;
			continue;
		}
		if (type->known && type->ignored)
			snprintf(why, sizeof(why), "%s: %s", type->name, type->known->why);
		else
			snprintf(why, sizeof(why), "unknown event %s", type->name);
		if (type->ignored)
			failed |= send_count(c, DAT_IGNORED, type->ignored, why);
		if (type->missing)
			snprintf(why, sizeof(why), "%s: %s= is missing", type->name, type->missing);
		else
			snprintf(why, sizeof(why), "%s: a value is not understood", type->name);
		if (type->unusable)
			failed |= send_count(c, DAT_UNUSABLE, type->unusable, why);
	}
	if (c->nameless)
		failed |= send_count(c, DAT_IGNORED, c->nameless, "event that the recording tool could not name");
	return failed;
}

/* "Linux host 6.1.0-56-amd64 x86_64": the release is the first word that begins with a version. */
static int send_kernel(struct child *c, const char *uname, unsigned int *major, unsigned int *minor)
{
	char text[512], *rest = text, *word, *last = text;

	snprintf(text, sizeof(text), "%s", uname);
	while ((word = strsep(&rest, " "))) {
		unsigned int a, b;

		last = *word ? word : last;
		if (*major || sscanf(word, "%u.%u", &a, &b) != 2)
			continue;
		*major = a;
		*minor = b;
		if (send_text(c, DAT_KERNEL, word) < 0)
			return -1;
	}
	return send_text(c, DAT_ARCH, last);
}

static int send_file(struct child *c, struct tracecmd_input *handle, unsigned int major, unsigned int minor)
{
	struct dat_machine machine;
	const char *uname = tracecmd_get_uname ? tracecmd_get_uname(handle) : NULL;
	const char *clock = tracecmd_get_trace_clock ? tracecmd_get_trace_clock(handle) : NULL;

	c->tep = tracecmd_get_tep(handle);
	machine.cpus = (uint32_t)tep_get_cpus(c->tep);
	machine.page_size = (uint32_t)tep_get_page_size(c->tep);
	if (send_message(c, DAT_MACHINE, &machine, sizeof(machine), NULL, 0) < 0)
		return -1;
	if (clock && send_text(c, DAT_CLOCK, clock) < 0)
		return -1;
	if (uname && !major && send_kernel(c, uname, &major, &minor) < 0)
		return -1;
	c->layout = major ? gfp_layout_of_kernel(major, minor) : GFP_LAYOUT_L5;
	if (tracecmd_iterate_events(handle, NULL, 0, on_record, c) < 0 || tell_all_drained(c) < 0 ||
	    flush_events(c) < 0 || send_counts(c) < 0)
		return -1;
	return send_message(c, DAT_DONE, &(struct dat_count){ c->lost }, sizeof(struct dat_count), NULL, 0);
}

int dat_child(const char *path, int fd, unsigned int kernel_major, unsigned int kernel_minor)
{
	struct child *c = calloc(1, sizeof(*c));
	struct tracecmd_input *handle;

	if (!c || texts_add(&c->texts, "", 0) == TEXT_NO_MEMORY)
		return 1;
	c->fd = fd;
	tracecmd_set_loglevel(TEP_LOG_NONE);
	handle = tracecmd_open(path, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!handle) {
		send_text(c, DAT_FAILED, "libtracecmd cannot read it");
		return 1;
	}
	return send_file(c, handle, kernel_major, kernel_minor) < 0;
}

#else

int dat_child(const char *path, int fd, unsigned int kernel_major, unsigned int kernel_minor)
{
	(void)path;
	(void)fd;
	(void)kernel_major;
	(void)kernel_minor;
	return 1;
}

#endif
