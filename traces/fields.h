/*
 * fields: an event as the keys and values of the text interchange. JSONL, CSV and the text for people are three
 * ways to write it, JSONL and CSV two ways to read it; what a key means for which event stands only in to_fields.c
 * and from_fields.c.
 */
#ifndef KMEMSIM_TRACES_FIELDS_H
#define KMEMSIM_TRACES_FIELDS_H

#include "base/err.h"
#include "traces/trace.h"

/* All keys, in the order in which they are written. */
#define TRACE_KEYS(X)                                                                                                  \
	X(TIME_NS, "time_ns") X(CPU, "cpu") X(PID, "pid") X(COMM, "comm") X(CTX, "ctx")                                 \
	X(PREEMPT_OFF, "preempt_off") X(IRQS_OFF, "irqs_off") X(CALL_SITE, "call_site") X(EVENT, "event")               \
	X(ID, "id") X(SIZE, "size") X(GFP, "gfp") X(NODE, "node") X(ORDER, "order") X(CACHE, "cache")                   \
	X(ALIGN, "align") X(FLAGS, "flags") X(CTOR, "ctor") X(POOL, "pool") X(MIN_NR, "min_nr") X(KIND, "kind")         \
	X(NAME, "name") X(START, "start") X(PHYS, "phys") X(MODE, "mode") X(OFFSET, "offset") X(VALUE, "value")         \
	X(PORT, "port") X(COUNT, "count") X(RESERVED, "reserved") X(TARGET_CPU, "target_cpu")                           \
	X(DMA_MASK, "dma_mask") X(BOUNDARY, "boundary") X(PAGE, "page") X(STACK_USE, "stack_use") X(TEXT, "text")       \
	X(ORIGIN, "origin") X(BYTES_ALLOC, "bytes_alloc") X(IMPLIED_FREE, "implied_free") X(FAILED, "failed")           \
	X(BULK_MORE, "bulk_more") X(PART, "part") X(LAST, "last") X(FIRST_PAGE, "first_page") X(UNKNOWN, "unknown")     \
	X(DOUBLE, "double") X(SYNTHETIC, "synthetic") X(BOOT, "boot") X(ADOPTED, "adopted") X(PTR, "ptr")               \
	X(PFN, "pfn") X(RECORDED_CTX, "recorded_ctx") X(AT_PFN, "at_pfn") X(ENTRY, "entry") X(MOVED, "moved")           \
	X(RECLAIM, "reclaim")

enum field_key {
#define X(id, name) FIELD_##id,
	TRACE_KEYS(X)
#undef X
	NR_FIELDS,
};

_Static_assert(NR_FIELDS <= 64, "the keys that are there are bits of a 64-bit mask");

extern const char *const field_name[NR_FIELDS];

/** field_by_name() - the key called @name (@len bytes), or NR_FIELDS. */
enum field_key field_by_name(const char *name, size_t len);
/** field_nearest() - the known key that @name is most likely meant to be, or NULL when none is near. */
const char *field_nearest(const char *name, size_t len);
/** kind_nearest() - the same for the name of an event. */
const char *kind_nearest(const char *name, size_t len);

/* OTHER: something that no key takes, such as a list or a fraction. */
enum field_type { FIELD_TYPE_NULL, FIELD_TYPE_NUMBER, FIELD_TYPE_BOOL, FIELD_TYPE_TEXT, FIELD_TYPE_OTHER };

struct field {
	enum field_type type;
	bool negative;        /* NUMBER: it is -number */
	uint64_t number;      /* NUMBER, BOOL */
	const char *text;     /* TEXT: borrowed, terminated */
	size_t len;
};

struct fields {
	uint64_t present;     /* bit n: field[n] is there */
	struct field field[NR_FIELDS];
	char gfp[384], flags[384], ctx[64], recorded_ctx[64]; /* texts made for the fields of those names */
};

static inline bool fields_have(const struct fields *f, enum field_key key)
{
	return f->present >> key & 1;
}

/** fields_required() - the keys without which an event of @kind means nothing, as a mask like struct fields.present. */
uint64_t fields_required(enum trace_kind kind);

void fields_set_number(struct fields *f, enum field_key key, uint64_t number);
void fields_set_text(struct fields *f, enum field_key key, const char *text);

/** One event as the reader gives it, with the recorded columns if wanted and there. */
struct event_view {
	uint64_t time_ns;
	uint32_t op, slot, who;
	uint64_t value;
	bool prologue;
	bool has_recorded;
	struct trace_recorded recorded;
};

/** fields_of_event() - fill @f; texts point into the tables and @f. Members at their defaults are left out. */
void fields_of_event(struct fields *f, const struct event_view *event, const struct trace_tables *tables);

/* Names of values, by number. */
extern const char *const backing_name[];
extern const char *const cache_mode_name[];
#define NR_BACKINGS 4u
#define NR_CACHE_MODES 5u

/** slab_flags_format(), slab_flags_parse() - "SLAB_HWCACHE_ALIGN|SLAB_PANIC"; numbers are read too. Parse: 0 or -1. */
void slab_flags_format(uint32_t flags, char *buf, size_t size);
int slab_flags_parse(const char *text, size_t len, uint32_t *flags);

/** ctx_format(), ctx_parse() - "softirq|preempt_off". Parse: 0 or -1. */
void ctx_format(unsigned int ctx, char *buf, size_t size);
int ctx_parse(const char *text, size_t len, unsigned int *ctx);

#endif
