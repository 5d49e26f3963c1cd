/* Samples of perf.data: which member stands where follows from their event's sample_type. See perf_file.h. */
#include "traces/perf_file.h"

/* enum perf_event_sample_format, in the order in which the members stand. */
#define SAMPLE_IDENTIFIER 0x10000u
#define SAMPLE_IP         0x1u
#define SAMPLE_TID        0x2u
#define SAMPLE_TIME       0x4u
#define SAMPLE_ADDR       0x8u
#define SAMPLE_ID         0x40u
#define SAMPLE_STREAM_ID  0x200u
#define SAMPLE_CPU        0x80u
#define SAMPLE_PERIOD     0x100u
#define SAMPLE_READ       0x10u
#define SAMPLE_CALLCHAIN  0x20u
#define SAMPLE_RAW        0x400u

/* enum perf_event_read_format */
#define FORMAT_TIME_ENABLED 0x1u
#define FORMAT_TIME_RUNNING 0x2u
#define FORMAT_ID           0x4u
#define FORMAT_GROUP        0x8u
#define FORMAT_LOST         0x10u

static unsigned int nr_bits(uint64_t mask)
{
	return (unsigned int)__builtin_popcountll(mask);
}

/* Bytes of the members that stand before the one with that bit and are 8 bytes each. */
static uint64_t place_of(uint64_t sample_type, uint32_t member)
{
	static const uint32_t order[] = { SAMPLE_IDENTIFIER, SAMPLE_IP, SAMPLE_TID, SAMPLE_TIME, SAMPLE_ADDR, SAMPLE_ID,
		SAMPLE_STREAM_ID, SAMPLE_CPU, SAMPLE_PERIOD };
	uint64_t before = 0;

	for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]) && order[i] != member; i++)
		before |= order[i];
	return 8 * nr_bits(sample_type & before);
}

void perf_attr_places(struct perf_attr *attr)
{
	attr->time_at = (uint16_t)place_of(attr->sample_type, SAMPLE_TIME);
	attr->cpu_at = (uint16_t)place_of(attr->sample_type, SAMPLE_CPU);
	attr->tid_at = (uint16_t)place_of(attr->sample_type, SAMPLE_TID);
	attr->id_at = (uint16_t)place_of(attr->sample_type, attr->sample_type & SAMPLE_IDENTIFIER ? SAMPLE_IDENTIFIER :
		SAMPLE_ID);
	attr->fixed = (uint16_t)place_of(attr->sample_type, 0);
}

/* Where events differ in their members, the id stands at the same place in the samples of all. */
const struct perf_attr *perf_attr_of(struct perf_file *f, const struct perf_record *record)
{
	const struct perf_attr *first = f->attrs;
	uint64_t id;

	if (f->nr_attrs < 2 || !(first->sample_type & (SAMPLE_IDENTIFIER | SAMPLE_ID)))
		return f->nr_attrs ? first : NULL;
	if (first->id_at + 8u > record->body.len)
		return NULL;
	id = perf_u64(&record->body, first->id_at);
	if (id != f->last_id || !f->looked_up) {
		f->last_id = id;
		f->looked_up = true;
		f->last_attr = idmap_get(&f->attr_of_id, id);
	}
	return f->last_attr != IDMAP_NONE ? &f->attrs[f->last_attr] : NULL;
}

uint64_t perf_sample_time(const struct perf_attr *attr, const struct perf_record *record)
{
	return attr->sample_type & SAMPLE_TIME && attr->time_at + 8u <= record->body.len ?
		perf_u64(&record->body, attr->time_at) : 0;
}

/* The counters that may stand in a sample. Return: whether they end within it. */
static bool skip_read(uint64_t format, const struct perf_bytes *body, uint64_t *at)
{
	unsigned int times = nr_bits(format & (FORMAT_TIME_ENABLED | FORMAT_TIME_RUNNING));
	unsigned int each = 1 + nr_bits(format & (FORMAT_ID | FORMAT_LOST));
	uint64_t values = 1;

	if (format & FORMAT_GROUP) {
		if (*at + 8 > body->len)
			return false;
		values = perf_u64(body, *at);
		*at += 8;
		if (values > body->len)
			return false;
	}
	*at += 8 * (times + values * each);
	return *at <= body->len;
}

/* enum perf_callchain_context: what follows are addresses in the kernel, until another such mark. */
#define CONTEXT_KERNEL ((uint64_t)-128)
#define CONTEXT_MAX    ((uint64_t)-4095)

/* The callers in the kernel are kept. Without a mark nobody knows whose they are, as in recordings before 2.6.33. */
static bool take_callchain(const struct perf_bytes *body, uint64_t *at, struct perf_bytes *callers)
{
	uint64_t nr, first = 0, end;

	if (*at + 8 > body->len)
		return false;
	nr = perf_u64(body, *at);
	if (nr > body->len / 8)
		return false;
	*at += 8;
	if (8 * nr > body->len - *at)
		return false;
	while (first < nr && perf_u64(body, *at + 8 * first) != CONTEXT_KERNEL)
		first++;
	for (end = first + (first < nr); end < nr && perf_u64(body, *at + 8 * end) < CONTEXT_MAX; end++)
		;
	if (first < nr)
		*callers = (struct perf_bytes){ body->data + *at + 8 * (first + 1), 8 * (end - first - 1), body->swap };
	*at += 8 * nr;
	return true;
}

static bool take_raw(const struct perf_bytes *body, uint64_t at, struct perf_sample *sample)
{
	uint64_t size;

	if (at + 4 > body->len)
		return false;
	size = perf_u32(body, at);
	if (size > body->len - at - 4)
		return false;
	sample->raw = (struct perf_bytes){ body->data + at + 4, size, body->swap };
	return true;
}

bool perf_sample_parse(const struct perf_attr *attr, const struct perf_record *record, struct perf_sample *sample)
{
	const struct perf_bytes *body = &record->body;
	uint64_t type = attr->sample_type, at = attr->fixed;

	*sample = (struct perf_sample){ .pid = -1, .tid = -1, .cpu = -1 };
	if (at > body->len)
		return false;
	if (type & SAMPLE_TID) {
		sample->pid = (int32_t)perf_u32(body, attr->tid_at);
		sample->tid = (int32_t)perf_u32(body, attr->tid_at + 4u);
	}
	if (type & SAMPLE_CPU)
		sample->cpu = (int32_t)perf_u32(body, attr->cpu_at);
	sample->time_ns = perf_sample_time(attr, record);
	if (type & SAMPLE_READ && !skip_read(attr->read_format, body, &at))
		return false;
	if (type & SAMPLE_CALLCHAIN && !take_callchain(body, &at, &sample->callers))
		return false;
	return !(type & SAMPLE_RAW) || take_raw(body, at, sample);
}

/* Behind other records stand TID, TIME, ID, STREAM_ID, CPU and IDENTIFIER, as far as samples have them. */
uint64_t perf_trailer_time(const struct perf_file *f, const struct perf_record *record)
{
	const struct perf_attr *attr = f->attrs;
	uint64_t behind;

	if (!attr || !attr->sample_id_all || !(attr->sample_type & SAMPLE_TIME))
		return 0;
	behind = 8 * (1 + nr_bits(attr->sample_type & (SAMPLE_ID | SAMPLE_STREAM_ID | SAMPLE_CPU | SAMPLE_IDENTIFIER)));
	return behind <= record->body.len ? perf_u64(&record->body, record->body.len - behind) : 0;
}
