#ifdef HAVE_TRACEEVENT

#include "traces/dat_records.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/trace.h"

#define PFN_MAX (1ull << 35)
#define TRACE_FLAG_IRQS_OFF 0x01 /* as in include/linux/trace_events.h */
#define TRACE_FLAG_HARDIRQ  0x08
#define TRACE_FLAG_SOFTIRQ  0x10
#define TRACE_FLAG_NMI      0x40
#define TRACE_FLAG_BH_OFF   0x80 /* local_bh_disable(), which is not in the preemption depth (5.17) */
#define PREEMPT_DEPTH       0x0f

/* What all records have: -1 where there is none. */
struct dat_common {
	int type, flags, preempt, pid;
};

/* Where a text field lies in the record; empty when it would leave it. */
static const char *text_of(struct dat_records *c, const struct tep_format_field *field, const struct dat_raw *raw,
	size_t *len)
{
	const char *data = raw->data;
	size_t offset = (size_t)field->offset, size = (size_t)raw->size, length = 0;

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
	return dat_text_number(c, text, len, number);
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

static uint64_t load(const char *from, unsigned int size)
{
	uint64_t number;
	uint32_t word;
	uint16_t half;

	switch (size) {
	case 8:
		memcpy(&number, from, sizeof(number));
		return number;
	case 4:
		memcpy(&word, from, sizeof(word));
		return word;
	case 2:
		memcpy(&half, from, sizeof(half));
		return half;
	default:
		return (uint8_t)*from;
	}
}

static bool is_number(unsigned int size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static uint64_t extend(const struct dat_field *field, uint64_t value)
{
	return field->size == 4 && field->is_signed ? (uint64_t)(int64_t)(int32_t)(uint32_t)value : value;
}

/* The number, if it lies in the record. */
static bool read_number(struct dat_records *c, const struct dat_field *field, const struct dat_raw *raw,
	uint64_t *value)
{
	const char *from = (const char *)raw->data + field->offset;

	if (field->offset > INT_MAX || (int64_t)field->offset + field->size > raw->size || !is_number(field->size))
		return false;
	*value = extend(field, c->native ? load(from, field->size) : tep_read_number(c->tep, from, field->size));
	return true;
}

/* Return: 1 when the event is whole, 0 when a value cannot be used, negative when the pipe or memory failed. */
static int read_fields(struct dat_records *c, const struct dat_type_info *type, const struct dat_raw *raw,
	struct raw_event *event)
{
	bool whole = raw->size >= type->whole;

	for (unsigned int i = 0; i < type->nr_fields; i++) {
		const struct dat_field *field = &type->fields[i];
		uint64_t value;
		int failed = 0;

		if (field->known->how == FIELD_NAME) {
			size_t len;
			const char *text = text_of(c, field->format, raw, &len);

			if (put_text(c, text, len, &event->name) < 0)
				return -1;
			continue;
		}
		if (whole)
			value = extend(field, load((const char *)raw->data + field->offset, field->size));
		else if (!read_number(c, field, raw, &value))
			return 0;
		if (field->known->how == FIELD_SITE)
			failed = dat_site_number(c, value, &event->call_site);
		else if (!put_number(c, field->known, value, event))
			return 0;
		if (failed)
			return -1;
	}
	return 1;
}

static int read_marker(struct dat_records *c, const struct dat_type_info *type, const struct dat_raw *raw,
	struct raw_event *event)
{
	size_t len = 0;
	const char *text = type->nr_fields ? text_of(c, type->fields[0].format, raw, &len) : "";

	return put_text(c, text, len, &event->name) < 0 ? -1 : 1;
}

static void add_field(struct dat_type_info *type, const struct source_field *known,
	const struct tep_format_field *format)
{
	struct dat_field *field = &type->fields[type->nr_fields++];
	bool is_text = !known || known->how == FIELD_NAME;

	*field = (struct dat_field){ .known = known, .format = format, .offset = (uint32_t)format->offset,
		.size = is_number((unsigned int)format->size) ? (uint8_t)format->size : 0,
		.is_signed = format->flags & TEP_FIELD_IS_SIGNED };
	if (is_text)
		return;
	if (!field->size || format->offset < 0 || format->offset > INT_MAX - 8)
		type->whole = INT_MAX;
	else if (type->whole < format->offset + format->size)
		type->whole = format->offset + format->size;
}

static struct dat_type_info *describe(struct dat_records *c, int id)
{
	struct dat_type_info *type = calloc(1, sizeof(*type));
	struct tep_event *event = tep_find_event(c->tep, id);
	struct tep_format_field *format;

	c->types[id] = type;
	if (!type || !event)
		return type;
	type->whole = c->native ? 0 : INT_MAX;
	type->name = event->name;
	type->known = source_event_find(event->name, strlen(event->name));
	if (!type->known)
		return type;
	if (type->known->type == RAW_MARKER && (format = tep_find_field(event, "buf")))
		add_field(type, NULL, format);
	format = source_event_is_chain(type->known) ? tep_find_field(event, "caller") : NULL;
	if (format && format->offset > 0) {
		type->chain = (uint32_t)format->offset;
		format = tep_find_field(event, "size");
		type->chain_size = format && format->offset >= 0 ? format : NULL;
	}
	for (unsigned int i = 0; i < SOURCE_FIELDS_MAX && type->known->fields[i].key; i++) {
		format = tep_find_field(event, type->known->fields[i].key);
		if (format)
			add_field(type, &type->known->fields[i], format);
		else if (type->known->fields[i].needed)
			type->missing = type->known->fields[i].key;
	}
	format = source_event_has_return_site(type->known) ? tep_find_field(event, RETURN_SITE_KEY) : NULL;
	if (format && type->nr_fields < SOURCE_FIELDS_MAX)
		add_field(type, &source_return_site, format);
	return type;
}

static struct dat_place place_of(struct tep_event *event, const char *name)
{
	struct tep_format_field *field = event ? tep_find_common_field(event, name) : NULL;

	return field && field->offset >= 0 && is_number((unsigned int)field->size) ?
		(struct dat_place){ (uint32_t)field->offset, (uint32_t)field->size } : (struct dat_place){ 0, 0 };
}

static bool is_at(const struct dat_place *place, uint32_t offset, uint32_t size)
{
	return place->offset == offset && place->size == size;
}

void dat_records_know(struct dat_records *c)
{
	/* Any event tells of what all have in common. */
	struct tep_event *event = tep_get_first_event(c->tep);

	c->native = tep_is_file_bigendian(c->tep) == tep_is_local_bigendian(c->tep);
	c->type = place_of(event, "common_type");
	c->flags = place_of(event, "common_flags");
	c->preempt = place_of(event, "common_preempt_count");
	c->pid = place_of(event, "common_pid");
	c->usual = c->native && is_at(&c->type, 0, 2) && is_at(&c->flags, 2, 1) && is_at(&c->preempt, 3, 1) &&
		is_at(&c->pid, 4, 4);
}

/* A member that all records have; -1 when there is none. */
static int common(const struct dat_records *c, const struct dat_place *place, const struct dat_raw *raw)
{
	const char *from = (const char *)raw->data + place->offset;

	if (!place->size ||
		(place->offset + place->size > DAT_COMMON_MAX && (int64_t)place->offset + place->size > raw->size))
		return -1;
	return (int)(c->native ? load(from, place->size) : tep_read_number(c->tep, from, (int)place->size));
}

/* struct trace_entry */
struct entry {
	uint16_t type;
	uint8_t flags, preempt;
	int32_t pid;
};

_Static_assert(sizeof(struct entry) == DAT_COMMON_MAX, "it can be read of any record");

static struct dat_common common_of(const struct dat_records *c, const struct dat_raw *raw)
{
	struct entry entry;

	if (!c->usual)
		return (struct dat_common){ common(c, &c->type, raw), common(c, &c->flags, raw),
			common(c, &c->preempt, raw), common(c, &c->pid, raw) };
	memcpy(&entry, raw->data, sizeof(entry));
	return (struct dat_common){ entry.type, entry.flags, entry.preempt, entry.pid };
}

int dat_record_pid(const struct dat_records *c, const struct dat_raw *raw)
{
	return common_of(c, raw).pid;
}

static uint8_t context_of(const struct dat_records *c, const struct dat_common *common)
{
	int flags = common->flags;
	uint8_t ctx = CTX_PROCESS;

	if (flags & TRACE_FLAG_NMI)
		ctx = CTX_NMI;
	else if (flags & TRACE_FLAG_HARDIRQ)
		ctx = CTX_HARDIRQ;
	else if (flags & TRACE_FLAG_SOFTIRQ)
		ctx = CTX_SOFTIRQ;
	if (flags & TRACE_FLAG_IRQS_OFF)
		ctx |= CTX_IRQS_OFF;
	if (((unsigned int)common->preempt & PREEMPT_DEPTH) > c->preempt_bias || flags & TRACE_FLAG_BH_OFF)
		ctx |= CTX_PREEMPT_OFF;
	return ctx;
}

static int next_in_batch(struct dat_records *c)
{
	c->nr_events++;
	return c->nr_events == DAT_BATCH ? dat_flush_older(c) : 0;
}

static int tell_drained(struct dat_records *c, struct cpu_track *track, uint16_t cpu)
{
	c->slot->events[c->nr_events] = (struct dat_event){ .event = cpu_track_drained(track, cpu) };
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
	const struct dat_raw *raw, const struct dat_common *common, uint16_t cpu)
{
	unsigned int level = context_of(c, common) & CTX_MASK;
	struct raw_event event = { .cpu = cpu };
	struct trace_move move;
	int code = 1;

	if (type->known && source_event_is_chain(type->known)) {
		type->ignored++;
		return dat_chain_record(c, type, raw, cpu, level, common->pid);
	}
	cpu_track_next(track, level, 0);
	if (type->known && type->known->moves)
		code = read_fields(c, type, raw, &event);
	if (code <= 0) {
		type->unusable++;
		return code;
	}
	type->ignored++;
	if (!type->known || !type->known->moves)
		return 0;
	event.ctx = context_of(c, common);
	move = cpu_track_move(track, type->known, &event);
	if (!cpu_track_tells(&move))
		return 0;
	move.before = c->nr_events;
	c->slot->moves[c->nr_moves++] = move;
	return c->nr_moves == DAT_BATCH ? dat_flush_older(c) : 0;
}

static int keep_record(struct dat_records *c, struct dat_type_info *type, const struct dat_raw *raw,
	const struct dat_common *common, uint16_t cpu, int pid, const struct dat_callers *callers)
{
	struct cpu_track *track = &c->tracks[cpu];
	struct dat_event *out;
	int code;

	if (cpu_track_ends_drain(track, type->known->type) && tell_drained(c, track, cpu) < 0)
		return -1;
	out = &c->slot->events[c->nr_events];
	*out = (struct dat_event){ .pair = type->known->pair };
	out->event.type = (uint8_t)type->known->type;
	out->event.time_ns = raw->time_ns;
	out->event.cpu = cpu;
	out->event.node = -1;
	out->event.pid = pid;
	out->event.ctx = context_of(c, common);
	out->event.comm = dat_comm_of(c, pid);
	code = out->event.type == RAW_MARKER ? read_marker(c, type, raw, &out->event) :
		read_fields(c, type, raw, &out->event);
	if (code > 0 && out->event.type == RAW_FUNCTION && !source_event_is_graph(type->known))
		code = put_text(c, type->known->name, strlen(type->known->name), &out->event.call_site) < 0 ? -1 : 1;
	if (code > 0 && callers && !out->event.call_site && dat_chain_of(c, callers, &out->event) < 0)
		return -1;
	if (code < 0)
		return -1;
	cpu_track_next(track, out->event.ctx & CTX_MASK, code > 0 ? c->sent + c->nr_events + 1 : 0);
	if (code == 0) {
		type->unusable++;
		return 0;
	}
	cpu_track_stamp(track, type->known->pair, &out->event);
	return next_in_batch(c);
}

int dat_record(struct dat_records *c, const struct dat_raw *raw, uint16_t cpu, int pid,
	const struct dat_callers *callers)
{
	struct dat_common common = common_of(c, raw);
	int id = common.type;
	struct cpu_track *track = &c->tracks[cpu];
	struct dat_type_info *type;

	track->entry++;
	if (raw->missed)
		cpu_track_lost(track);
	if (id < 0 || id >= DAT_IDS) {
		cpu_track_lost(track);
		c->nameless++;
		return 0;
	}
	type = c->types[id] ? c->types[id] : describe(c, id);
	if (!type)
		return -1;
	if (!type->known || type->known->type == RAW_IGNORED)
		return ignore_record(c, type, track, raw, &common, cpu);
	if (type->missing) {
		cpu_track_lost(track);
		type->unusable++;
		return 0;
	}
	return keep_record(c, type, raw, &common, cpu, pid, callers);
}

static int send_counts(struct dat_records *c)
{
	char why[256];
	int failed = 0;

	for (int id = 0; id < DAT_IDS; id++) {
		const struct dat_type_info *type = c->types[id];

		if (!type)
			continue;
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

int dat_records_end(struct dat_records *c)
{
	if (tell_all_drained(c) < 0 || dat_flush(c) < 0 || send_counts(c) < 0)
		return -1;
	return dat_send(c, DAT_DONE, &(struct dat_count){ c->lost }, sizeof(struct dat_count));
}

int dat_records_cut(struct dat_records *c, const char *why)
{
	if (dat_flush(c) < 0 || send_counts(c) < 0)
		return -1;
	return dat_send_text(c, DAT_FAILED, why);
}

#endif
