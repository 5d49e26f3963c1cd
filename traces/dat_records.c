#ifdef HAVE_TRACEEVENT

#include "traces/dat_records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/trace.h"

#define ORDER_MAX_USABLE 20u
#define PFN_MAX (1ull << 35)
#define TRACE_FLAG_IRQS_OFF 0x01 /* as in include/linux/trace_events.h */
#define TRACE_FLAG_HARDIRQ  0x08
#define TRACE_FLAG_SOFTIRQ  0x10
#define TRACE_FLAG_NMI      0x40
#define PREEMPT_DEPTH       0x0f

struct dat_records *dat_records_create(int fd)
{
	struct dat_records *c = calloc(1, sizeof(*c));

	if (!c || texts_add(&c->texts, "", 0) == TEXT_NO_MEMORY) {
		free(c);
		return NULL;
	}
	c->fd = fd;
	return c;
}

void dat_records_destroy(struct dat_records *c)
{
	if (!c)
		return;
	texts_fini(&c->texts);
	idmap_fini(&c->sites);
	idmap_fini(&c->comms);
	free(c);
}

static int send_bytes(struct dat_records *c, const void *data, size_t len)
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

static int send_message(struct dat_records *c, enum dat_type type, const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct dat_message message = { .type = type, .len = (uint32_t)(a_len + b_len) };

	if (send_bytes(c, &message, sizeof(message)) < 0 || send_bytes(c, a, a_len) < 0)
		return -1;
	return b_len ? send_bytes(c, b, b_len) : 0;
}

int dat_send(struct dat_records *c, enum dat_type type, const void *data, size_t len)
{
	return send_message(c, type, data, len, NULL, 0);
}

int dat_send_text(struct dat_records *c, enum dat_type type, const char *text)
{
	return dat_send(c, type, text, strlen(text));
}

int dat_send_count(struct dat_records *c, enum dat_type type, uint64_t count, const char *why)
{
	struct dat_count message = { count };

	return send_message(c, type, &message, sizeof(message), why, strlen(why));
}

static int flush_events(struct dat_records *c)
{
	size_t len = c->nr_batch * sizeof(c->batch[0]), moves = c->nr_moves * sizeof(c->moves[0]);

	c->nr_batch = c->nr_moves = 0;
	if (moves && dat_send(c, DAT_MOVES, c->moves, moves) < 0)
		return -1;
	return len || moves ? dat_send(c, DAT_EVENTS, c->batch, len) : 0;
}

/* Number of a text, which is sent when it is new. */
static int text_number(struct dat_records *c, const char *text, size_t len, uint32_t *number)
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
static int new_site(struct dat_records *c, uint64_t address, uint32_t *number)
{
	const char *function;
	char text[256];
	int len;

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

static int site_number(struct dat_records *c, uint64_t address, uint32_t *number)
{
	struct dat_site *recent = &c->recent[address >> 2 & (DAT_RECENT - 1)];

	if (recent->address == address && address) {
		*number = recent->text;
		return 0;
	}
	*number = idmap_get(&c->sites, address);
	if (*number == IDMAP_NONE && new_site(c, address, number) < 0)
		return -1;
	*recent = (struct dat_site){ address, *number };
	return 0;
}

int dat_comm(struct dat_records *c, int pid, const char *comm, size_t len)
{
	uint32_t number;

	if (text_number(c, comm, len, &number) < 0)
		return -1;
	return idmap_put(&c->comms, (uint64_t)(uint32_t)pid, number);
}

int dat_comm_inherit(struct dat_records *c, int pid, int parent)
{
	uint32_t number = idmap_get(&c->comms, (uint64_t)(uint32_t)parent);

	return number == IDMAP_NONE ? 0 : idmap_put(&c->comms, (uint64_t)(uint32_t)pid, number);
}

bool dat_comm_known(const struct dat_records *c, int pid)
{
	return idmap_get(&c->comms, (uint64_t)(uint32_t)pid) != IDMAP_NONE;
}

static uint32_t comm_of(const struct dat_records *c, int pid)
{
	uint32_t number = idmap_get(&c->comms, (uint64_t)(uint32_t)pid);

	return number != IDMAP_NONE ? number : 0;
}

/* Where a text field lies in the record; empty when it would leave it. */
static const char *text_of(struct dat_records *c, const struct tep_format_field *field, const struct tep_record *record,
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

static int put_text(struct dat_records *c, const char *text, size_t len, uint32_t *number)
{
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	/* What a probe stores when it could not read the string. */
	if (len == 7 && !memcmp(text, "(fault)", 7))
		len = 0;
	return text_number(c, text, len, number);
}

static bool put_number(struct dat_records *c, const struct source_field *known, uint64_t value, struct raw_event *event)
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

/* What tep_read_number_field() does, without its detours where the file has this machine's byte order. */
static bool read_number(struct dat_records *c, const struct tep_format_field *field, const struct tep_record *record,
	uint64_t *value)
{
	const char *from = (const char *)record->data + field->offset;
	bool is_signed = field->flags & TEP_FIELD_IS_SIGNED;
	uint32_t word;

	if (field->offset < 0 || field->size < 0 || field->offset + field->size > record->size)
		return false;
	if (field->size == 8 && c->native) {
		memcpy(value, from, sizeof(*value));
		return true;
	}
	if (field->size != 1 && field->size != 2 && field->size != 4 && field->size != 8)
		return false;
	if (field->size != 4 || !c->native) {
		*value = tep_read_number(c->tep, from, field->size);
	} else {
		memcpy(&word, from, sizeof(word));
		*value = word;
	}
	if (field->size == 4 && is_signed)
		*value = (uint64_t)(int64_t)(int32_t)(uint32_t)*value;
	return true;
}

/* Return: 1 when the event is whole, 0 when a value cannot be used, negative when the pipe or memory failed. */
static int read_fields(struct dat_records *c, struct dat_type_info *type, struct tep_record *record, struct raw_event *event)
{
	for (unsigned int i = 0; i < SOURCE_FIELDS_MAX && type->known->fields[i].key; i++) {
		const struct source_field *known = &type->known->fields[i];
		struct tep_format_field *field = type->fields[i];
		uint64_t value;
		const char *text;
		size_t len;
		int failed = 0;

		if (!field)
			continue;
		if (known->how == FIELD_NAME) {
			text = text_of(c, field, record, &len);
			failed = put_text(c, text, len, &event->name);
		} else if (!read_number(c, field, record, &value)) {
			return 0;
		} else if (known->how == FIELD_SITE) {
			failed = site_number(c, value, &event->call_site);
		} else if (!put_number(c, known, value, event)) {
			return 0;
		}
		if (failed)
			return -1;
	}
	return 1;
}

static int read_marker(struct dat_records *c, struct dat_type_info *type, struct tep_record *record, struct raw_event *event)
{
	size_t len = 0;
	const char *text = type->fields[0] ? text_of(c, type->fields[0], record, &len) : "";

	return put_text(c, text, len, &event->name) < 0 ? -1 : 1;
}

static void describe(struct dat_records *c, struct dat_type_info *type, int id)
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

static uint8_t context_of(struct dat_records *c, struct tep_record *record)
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
	if (((unsigned int)tep_data_preempt_count(c->tep, record) & PREEMPT_DEPTH) > c->preempt_bias)
		ctx |= CTX_PREEMPT_OFF;
	return ctx;
}

static int next_in_batch(struct dat_records *c)
{
	c->nr_batch++;
	return c->nr_batch == DAT_BATCH ? flush_events(c) : 0;
}

static int tell_drained(struct dat_records *c, struct cpu_track *track, uint16_t cpu)
{
	c->batch[c->nr_batch] = (struct dat_event){ .event = cpu_track_drained(track, cpu) };
	return next_in_batch(c);
}

/* Nothing follows: what the CPUs drained last is known now. */
static int tell_all_drained(struct dat_records *c)
{
	int failed = 0;

	for (uint32_t cpu = 0; cpu < CPU_TRACKS; cpu++)
		if (c->tracks[cpu].drained)
			failed |= tell_drained(c, &c->tracks[cpu], (uint16_t)cpu);
	return failed;
}

/* An event that is not kept; what it tells of the free lists is. */
static int ignore_record(struct dat_records *c, struct dat_type_info *type, struct cpu_track *track,
	struct tep_record *record, uint16_t cpu)
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
	return c->nr_moves == DAT_BATCH ? flush_events(c) : 0;
}

static int keep_record(struct dat_records *c, struct dat_type_info *type, struct tep_record *record, uint16_t cpu, int pid)
{
	struct cpu_track *track = &c->tracks[cpu];
	struct dat_event *out;
	int code;

	if (cpu_track_ends_drain(track, type->known->type) && tell_drained(c, track, cpu) < 0)
		return -1;
	out = &c->batch[c->nr_batch];
	*out = (struct dat_event){ .pair = type->known->pair };
	out->event.type = (uint8_t)type->known->type;
	out->event.time_ns = record->ts;
	out->event.cpu = cpu;
	out->event.node = -1;
	out->event.pid = pid;
	out->event.ctx = context_of(c, record);
	out->event.comm = comm_of(c, pid);
	code = out->event.type == RAW_MARKER ? read_marker(c, type, record, &out->event) :
		read_fields(c, type, record, &out->event);
	if (code > 0 && out->event.type == RAW_FUNCTION && !source_event_is_graph(type->known))
		code = put_text(c, type->known->name, strlen(type->known->name), &out->event.call_site) < 0 ? -1 : 1;
	if (code < 0)
		return -1;
	if (code == 0) {
		type->unusable++;
		return 0;
	}
	cpu_track_stamp(track, type->known->pair, &out->event);
	return next_in_batch(c);
}

int dat_record(struct dat_records *c, struct tep_record *record, uint16_t cpu, int pid)
{
	int id = tep_data_type(c->tep, record);
	struct cpu_track *track = &c->tracks[cpu];
	struct dat_type_info *type;

	track->entry++;
	c->native = tep_is_file_bigendian(c->tep) == tep_is_local_bigendian(c->tep);
	if (id < 0 || id >= DAT_IDS) {
		c->nameless++;
		return 0;
	}
	type = &c->types[id];
	if (!type->met)
		describe(c, type, id);
	if (!type->known || type->known->type == RAW_IGNORED)
		return ignore_record(c, type, track, record, cpu);
	if (type->missing) {
		type->unusable++;
		return 0;
	}
	return keep_record(c, type, record, cpu, pid);
}

static int send_counts(struct dat_records *c)
{
	char why[256];
	int failed = 0;

	for (int id = 0; id < DAT_IDS; id++) {
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
			failed |= dat_send_count(c, DAT_IGNORED, type->ignored, why);
		if (type->missing)
			snprintf(why, sizeof(why), "%s: %s= is missing", type->name, type->missing);
		else
			snprintf(why, sizeof(why), "%s: a value is not understood", type->name);
		if (type->unusable)
			failed |= dat_send_count(c, DAT_UNUSABLE, type->unusable, why);
	}
	if (c->nameless)
		failed |= dat_send_count(c, DAT_IGNORED, c->nameless, "event that the recording tool could not name");
	return failed;
}

int dat_send_kernel(struct dat_records *c, const char *release, unsigned int *major, unsigned int *minor)
{
	if (*major)
		return 0;
	if (sscanf(release, "%u.%u", major, minor) != 2)
		*major = 0;
	return dat_send_text(c, DAT_KERNEL, release);
}

int dat_records_end(struct dat_records *c)
{
	if (tell_all_drained(c) < 0 || flush_events(c) < 0 || send_counts(c) < 0)
		return -1;
	return dat_send(c, DAT_DONE, &(struct dat_count){ c->lost }, sizeof(struct dat_count));
}

int dat_records_cut(struct dat_records *c, const char *why)
{
	if (flush_events(c) < 0 || send_counts(c) < 0)
		return -1;
	return dat_send_text(c, DAT_FAILED, why);
}

#endif
