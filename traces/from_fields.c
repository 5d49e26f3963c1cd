#include "traces/from_fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define UNUSABLE 1
#define ID_FREED (UINT32_MAX - 1)
#define DEFAULT_STEP_NS 1000u      /* between lines without a time */
#define MAX_CPU 8192u              /* the largest NR_CPUS a kernel can be built with */
#define NAME_KEY (1ull << 63)      /* key in the id map of names that are not numbers */
#define FREED_BITS 24u             /* of a value in the map of blocks */

/* A line in the making: checked and complete before anything of it takes effect. */
struct draft {
	struct trace_op op;
	struct trace_who who;
	struct trace_event event;
	const struct kind_info *kind;
	gfp_t added_gfp; /* by the name of the call */
	bool prologue;
};

/* Fields that a kind's keys let in. */
static const struct {
	uint32_t key;
	enum field_key field;
} key_fields[] = {
	{ KEY_SIZE, FIELD_SIZE }, { KEY_GFP, FIELD_GFP }, { KEY_NODE, FIELD_NODE }, { KEY_ORDER, FIELD_ORDER },
	{ KEY_CACHE, FIELD_CACHE }, { KEY_ALIGN, FIELD_ALIGN }, { KEY_FLAGS, FIELD_FLAGS }, { KEY_CTOR, FIELD_CTOR },
	{ KEY_POOL, FIELD_POOL }, { KEY_MIN_NR, FIELD_MIN_NR }, { KEY_BACKING, FIELD_KIND }, { KEY_BACKING, FIELD_CACHE },
	{ KEY_NAME, FIELD_NAME }, { KEY_START, FIELD_START }, { KEY_PHYS, FIELD_PHYS }, { KEY_MODE, FIELD_MODE },
	{ KEY_OFFSET, FIELD_OFFSET }, { KEY_VALUE, FIELD_VALUE }, { KEY_PORT, FIELD_PORT }, { KEY_COUNT, FIELD_COUNT },
	{ KEY_RESERVED, FIELD_RESERVED }, { KEY_TARGET, FIELD_TARGET_CPU }, { KEY_MASK, FIELD_DMA_MASK },
	{ KEY_BOUNDARY, FIELD_BOUNDARY }, { KEY_PAGE, FIELD_PAGE }, { KEY_STACK, FIELD_STACK_USE }, { KEY_TEXT, FIELD_TEXT },
	{ KEY_AT, FIELD_AT_PFN },
	/* A block's size is as good as its order. */
	{ KEY_ORDER, FIELD_SIZE }, { KEY_SIZE, FIELD_ORDER },
};

/* Fields that stand in every line or mark any event. */
#define BIT(field) (1ull << FIELD_##field)
#define COMMON_FIELDS                                                                                              \
	(BIT(TIME_NS) | BIT(CPU) | BIT(PID) | BIT(COMM) | BIT(CTX) | BIT(PREEMPT_OFF) | BIT(IRQS_OFF) |             \
	 BIT(CALL_SITE) | BIT(EVENT) | BIT(ORIGIN) | BIT(BYTES_ALLOC) | BIT(IMPLIED_FREE) | BIT(FAILED) |           \
	 BIT(BULK_MORE) | BIT(PART) | BIT(LAST) | BIT(FIRST_PAGE) | BIT(UNKNOWN) | BIT(DOUBLE) | BIT(SYNTHETIC) |   \
	 BIT(BOOT) | BIT(ADOPTED) | BIT(PTR) | BIT(PFN) | BIT(RECORDED_CTX) | BIT(ENTRY) | BIT(MOVED))

static int unusable(struct from_fields *f, const char *hint, const char *fmt, const char *what)
	__attribute__((format(printf, 3, 0)));

static int unusable(struct from_fields *f, const char *hint, const char *fmt, const char *what)
{
	snprintf(f->reason, sizeof(f->reason), fmt, what);
	snprintf(f->hint, sizeof(f->hint), "%s", hint ? hint : "");
	return UNUSABLE;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the trace's tables");
}

void from_fields_fini(struct from_fields *f)
{
	if (!f)
		return;
	idmap_fini(&f->ids);
	idmap_fini(&f->blocks);
	collect_fini(&f->names);
	slots_fini(&f->slots);
}

/* A whole number, also written as text, decimal or 0x; blanks and signs are not part of one. */
static bool number_of(const struct field *v, uint64_t *number)
{
	char *end;

	if (v->type == FIELD_TYPE_NUMBER && !v->negative) {
		*number = v->number;
		return true;
	}
	if (v->type != FIELD_TYPE_TEXT || v->text[0] < '0' || v->text[0] > '9')
		return false;
	errno = 0;
	*number = strtoull(v->text, &end, !strncmp(v->text, "0x", 2) || !strncmp(v->text, "0X", 2) ? 16 : 10);
	return !errno && !*end;
}

/* Set *number from the field if it is there. Return: 0 or UNUSABLE. */
static int take_number(struct from_fields *f, const struct fields *fields, enum field_key key, uint64_t max, uint64_t *number)
{
	uint64_t n;

	if (!fields_have(fields, key))
		return 0;
	if (!number_of(&fields->field[key], &n))
		return unusable(f, "a whole number is expected", "%s: not a number", field_name[key]);
	if (n > max)
		return unusable(f, NULL, "%s: out of range", field_name[key]);
	*number = n;
	return 0;
}

static int take_signed(struct from_fields *f, const struct fields *fields, enum field_key key, int64_t min, int64_t max,
	int64_t *number)
{
	struct field magnitude = fields->field[key];
	uint64_t n;
	bool negative;

	if (!fields_have(fields, key))
		return 0;
	negative = magnitude.negative;
	magnitude.negative = false;
	if (magnitude.type == FIELD_TYPE_TEXT && magnitude.text[0] == '-') {
		negative = true;
		magnitude.text++;
	}
	if (!number_of(&magnitude, &n))
		return unusable(f, "a whole number is expected", "%s: not a number", field_name[key]);
	if (n > INT32_MAX || (negative ? -(int64_t)n : (int64_t)n) < min || (!negative && (int64_t)n > max))
		return unusable(f, NULL, "%s: out of range", field_name[key]);
	*number = negative ? -(int64_t)n : (int64_t)n;
	return 0;
}

static int take_bool(struct from_fields *f, const struct fields *fields, enum field_key key, bool *is)
{
	const struct field *v = &fields->field[key];

	if (!fields_have(fields, key))
		return 0;
	if (v->type == FIELD_TYPE_BOOL || (v->type == FIELD_TYPE_NUMBER && v->number <= 1 && !v->negative))
		*is = v->number;
	else if (v->type == FIELD_TYPE_TEXT && (!strcmp(v->text, "true") || !strcmp(v->text, "1")))
		*is = true;
	else if (v->type == FIELD_TYPE_TEXT && (!strcmp(v->text, "false") || !strcmp(v->text, "0")))
		*is = false;
	else
		return unusable(f, "true or false is expected", "%s: not a boolean", field_name[key]);
	return 0;
}

static int take_text(struct from_fields *f, const struct fields *fields, enum field_key key, const char **text)
{
	const struct field *v = &fields->field[key];

	if (!fields_have(fields, key))
		return 0;
	if (v->type != FIELD_TYPE_TEXT)
		return unusable(f, "a text is expected", "%s: not a text", field_name[key]);
	*text = v->text;
	return 0;
}

/* A text's number in the trace's string table; a missing field is string 0. */
static int take_string(struct from_fields *f, const struct fields *fields, enum field_key key, uint32_t *string, struct err *err)
{
	const char *text = "";
	int ret = take_text(f, fields, key, &text);

	if (ret)
		return ret;
	*string = trace_writer_string(f->writer, text, strlen(text));
	return *string == UINT32_MAX ? no_memory(err) : 0;
}

/* One of a list of names. */
static int take_name(struct from_fields *f, const struct fields *fields, enum field_key key, const char *const *names,
	unsigned int nr, uint64_t *number)
{
	const char *text = NULL;
	int ret = take_text(f, fields, key, &text);

	if (ret || !text)
		return ret;
	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(names[i], text)) {
			*number = i;
			return 0;
		}
	return unusable(f, text, "%s: unknown value", field_name[key]);
}

/* Calls that are others of the kernel's with something added, under their own names. */
static const struct {
	const char *name;
	enum trace_kind kind;
	gfp_t gfp; /* added */
} aliases[] = {
	{ "alloc_page", KIND_ALLOC_PAGES, 0 },
	{ "alloc_pages_node", KIND_ALLOC_PAGES, 0 },
	{ "alloc_pages_vma", KIND_ALLOC_PAGES, 0 },
	{ "__get_free_page", KIND_GET_FREE_PAGES, 0 },
	{ "__get_dma_pages", KIND_GET_FREE_PAGES, GFP_BIT_DMA },
	{ "free_page", KIND_FREE_PAGES, 0 },
	{ "__free_page", KIND_FREE_PAGES, 0 },
	{ "__free_pages", KIND_FREE_PAGES, 0 },
	{ "kcalloc", KIND_KZALLOC, 0 },
	{ "kmalloc_node", KIND_KMALLOC, 0 },
	{ "kzalloc_node", KIND_KZALLOC, 0 },
	{ "kmem_cache_zalloc", KIND_KMEM_CACHE_ALLOC, GFP_BIT_ZERO },
};

static enum trace_kind kind_of_alias(const char *name, gfp_t *added)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(aliases[i].name, name))
			continue;
		*added = aliases[i].gfp;
		return aliases[i].kind;
	}
	return NR_KINDS;
}

static int take_kind(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	const char *name = NULL;
	const char *near;
	enum trace_kind kind;
	int ret = take_text(f, fields, FIELD_EVENT, &name);

	if (ret)
		return ret;
	if (!name)
		return unusable(f, NULL, "%s is missing", "event");
	kind = kind_by_name(name);
	if (kind == NR_KINDS)
		kind = kind_of_alias(name, &d->added_gfp);
	if (kind == NR_KINDS) {
		near = kind_nearest(name, strlen(name));
		return unusable(f, near, "unknown event \"%.80s\"", name);
	}
	d->op.kind = (uint8_t)kind;
	d->kind = &kind_info[kind];
	return 0;
}

uint64_t from_fields_keys(enum trace_kind kind)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < sizeof(key_fields) / sizeof(key_fields[0]); i++)
		if (kind_info[kind].keys & key_fields[i].key)
			keys |= 1ull << key_fields[i].field;
	return keys;
}

/* Keys of the interchange that this event has no use for: what design tables write for a row of events. */
static int drop_foreign_keys(struct from_fields *f, struct fields *fields, const struct draft *d, struct err *err)
{
	uint64_t allowed = COMMON_FIELDS | from_fields_keys((enum trace_kind)d->op.kind);

	if (d->kind->slot != SLOT_ABSENT)
		allowed |= BIT(ID);
	for (uint64_t left = fields->present & ~allowed; left; left &= left - 1) {
		char reason[96];

		snprintf(reason, sizeof(reason), "key %s of %s", field_name[__builtin_ctzll(left)], d->kind->name);
		if (trace_counts_add(f->ignored, reason, 1) < 0)
			return no_memory(err);
	}
	fields->present &= allowed;
	return 0;
}

/* Keys without which the event means nothing. */
static uint64_t required_fields(const struct draft *d)
{
	uint32_t keys = d->kind->keys;
	bool creates = d->op.kind == KIND_KMEM_CACHE_CREATE || d->op.kind == KIND_DMA_POOL_CREATE;
	uint64_t needed = 0;

	if (keys & KEY_SIZE && !(keys & KEY_BACKING) &&
	    (d->kind->slot == SLOT_BEGINS || d->kind->slot == SLOT_USED || creates || keys & (KEY_START | KEY_NAME) ||
	     d->op.kind == KIND_MMAP_DEVICE))
		needed |= BIT(SIZE);
	if (keys & KEY_CACHE && d->kind->slot != SLOT_ENDS)
		needed |= BIT(CACHE);
	if (keys & KEY_POOL)
		needed |= BIT(POOL);
	if (keys & KEY_START && d->op.kind != KIND_VMALLOC)
		needed |= BIT(START);
	if (keys & KEY_PORT)
		needed |= BIT(PORT);
	if (d->op.kind == KIND_IOREMAP || d->op.kind == KIND_MMAP_DEVICE)
		needed |= BIT(PHYS);
	if (d->op.kind == KIND_DEFINE_PER_CPU)
		needed |= BIT(NAME);
	return needed;
}

static int check_required(struct from_fields *f, const struct fields *fields, const struct draft *d)
{
	uint64_t missing = required_fields(d) & ~fields->present;

	/* alloc_pages_exact may give its size as an order. */
	if (d->op.kind == KIND_ALLOC_PAGES_EXACT && fields_have(fields, FIELD_ORDER))
		missing &= ~BIT(SIZE);
	if (!missing)
		return 0;
	return unusable(f, d->kind->name, "%s is missing", field_name[__builtin_ctzll(missing)]);
}

static int take_time(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	uint64_t time = f->started ? f->last_ns + DEFAULT_STEP_NS : 0;
	int ret = take_bool(f, fields, FIELD_ADOPTED, &d->prologue);

	if (ret || d->prologue)
		return ret;
	ret = take_number(f, fields, FIELD_TIME_NS, INT64_MAX, &time);
	if (ret)
		return ret;
	if (f->started && time < f->last_ns)
		return unusable(f, NULL, "%s", "time goes back");
	d->event.time_ns = time;
	return 0;
}

static int take_who(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err)
{
	uint64_t cpu = 0, ctx = 0;
	int64_t pid = 0;
	bool preempt_off = false, irqs_off = false;
	static const char *const contexts[] = { "process", "softirq", "hardirq", "nmi" };
	int ret = take_number(f, fields, FIELD_CPU, MAX_CPU - 1, &cpu);

	if (ret || (ret = take_signed(f, fields, FIELD_PID, INT32_MIN, INT32_MAX, &pid)) ||
	    (ret = take_string(f, fields, FIELD_COMM, &d->who.comm, err)) ||
	    (ret = take_name(f, fields, FIELD_CTX, contexts, 4, &ctx)) ||
	    (ret = take_bool(f, fields, FIELD_PREEMPT_OFF, &preempt_off)) ||
	    (ret = take_bool(f, fields, FIELD_IRQS_OFF, &irqs_off)) ||
	    (ret = take_string(f, fields, FIELD_CALL_SITE, &d->op.call_site, err)))
		return ret;
	d->who.cpu = (uint32_t)cpu;
	d->who.pid = (int32_t)pid;
	d->op.ctx = (uint8_t)(ctx | (preempt_off ? CTX_PREEMPT_OFF : 0) | (irqs_off ? CTX_IRQS_OFF : 0));
	return 0;
}

static int take_gfp(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	const struct field *v = &fields->field[FIELD_GFP];
	uint64_t unknown = 0;

	if (d->kind->keys & KEY_GFP)
		d->op.gfp = GFP_KERNEL | d->added_gfp;
	if (!fields_have(fields, FIELD_GFP))
		return 0;
	if (v->type == FIELD_TYPE_NUMBER && !v->negative)
		d->op.gfp = gfp_from_raw(v->number, f->layout, &unknown);
	else if (v->type != FIELD_TYPE_TEXT || gfp_parse(v->text, v->len, f->layout, &d->op.gfp) < 0)
		return unusable(f, "expected as the kernel prints it, such as GFP_KERNEL|__GFP_ZERO", "%s", "gfp: unknown flag");
	d->op.gfp |= d->added_gfp;
	return unknown ? unusable(f, NULL, "%s", "gfp: unknown bits") : 0;
}

static int take_flags(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	const struct field *v = &fields->field[FIELD_FLAGS];
	bool ctor = false;
	int ret = take_bool(f, fields, FIELD_CTOR, &ctor);

	if (ret)
		return ret;
	if (fields_have(fields, FIELD_FLAGS)) {
		uint64_t number;

		if (number_of(v, &number) && number <= UINT32_MAX)
			d->op.slab_flags = (uint32_t)number;
		else if (v->type != FIELD_TYPE_TEXT || slab_flags_parse(v->text, v->len, &d->op.slab_flags) < 0)
			return unusable(f, "expected names such as SLAB_HWCACHE_ALIGN|SLAB_PANIC", "%s", "flags: unknown flag");
	}
	d->op.slab_flags |= ctor ? SLAB_FLAG_CTOR : 0;
	return 0;
}

/* get_order() of the kernel. */
static uint64_t order_of(uint64_t size, uint32_t page_size)
{
	uint64_t pages = div_round_up(size ? size : 1, page_size);

	return pages <= 1 ? 0 : fls64(pages - 1);
}

static int take_sizes(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	uint32_t keys = d->kind->keys;
	uint64_t size = 0, order = 0;
	int64_t node = -1;
	int ret = take_number(f, fields, FIELD_SIZE, 1ull << 63, &size);

	if (ret || (ret = take_number(f, fields, FIELD_ORDER, UINT8_MAX, &order)) ||
	    (ret = take_number(f, fields, FIELD_ALIGN, 1ull << 63, &d->op.align)) ||
	    (ret = take_number(f, fields, FIELD_BYTES_ALLOC, UINT64_MAX, &d->op.size_alloc)) ||
	    (ret = take_signed(f, fields, FIELD_NODE, -1, INT16_MAX - 1, &node)))
		return ret;
	if (!(keys & KEY_SIZE) && fields_have(fields, FIELD_SIZE) && !fields_have(fields, FIELD_ORDER))
		order = order_of(size, f->page_size);
	if (!(keys & KEY_ORDER) && fields_have(fields, FIELD_ORDER) && !fields_have(fields, FIELD_SIZE)) {
		if (order > 40)
			return unusable(f, NULL, "%s: out of range", "order");
		size = (uint64_t)f->page_size << order;
	}
	d->op.size = keys & KEY_SIZE ? size : 0;
	d->op.order = (uint8_t)(keys & KEY_ORDER ? order : 0);
	d->op.node = (int16_t)node;
	return 0;
}

static int take_names(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err)
{
	uint32_t keys = d->kind->keys;
	enum field_key name = keys & KEY_CACHE ? FIELD_CACHE : keys & KEY_POOL ? FIELD_POOL : keys & KEY_NAME ? FIELD_NAME :
		FIELD_TEXT;
	int ret = take_string(f, fields, name, &d->op.name, err);

	if (ret || !(keys & KEY_BACKING))
		return ret;
	ret = take_string(f, fields, FIELD_CACHE, &d->op.name2, err);
	d->op.arg[1] = d->op.name2 ? BACKING_SLAB : BACKING_KMALLOC;
	return ret ? ret : take_name(f, fields, FIELD_KIND, backing_name, NR_BACKINGS, &d->op.arg[1]);
}

/* Of the keys that share arg[0], and of those that share arg[1], a kind has one. */
static int take_args(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	static const enum field_key first[] = { FIELD_MIN_NR, FIELD_START, FIELD_PHYS, FIELD_PORT, FIELD_DMA_MASK,
		FIELD_BOUNDARY, FIELD_STACK_USE, FIELD_AT_PFN };
	static const enum field_key second[] = { FIELD_OFFSET, FIELD_COUNT, FIELD_TARGET_CPU, FIELD_FIRST_PAGE };
	int ret = 0;

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]) && !ret; i++)
		ret = take_number(f, fields, first[i], UINT64_MAX, &d->op.arg[0]);
	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]) && !ret; i++)
		ret = take_number(f, fields, second[i], UINT64_MAX, &d->op.arg[1]);
	if (!ret)
		ret = take_name(f, fields, FIELD_MODE, cache_mode_name, NR_CACHE_MODES, &d->op.arg[1]);
	if (!ret)
		ret = take_number(f, fields, FIELD_VALUE, UINT64_MAX, &d->event.value);
	return ret;
}

static int take_marks(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	static const struct {
		enum field_key field;
		uint16_t flag;
	} marks[] = {
		{ FIELD_FAILED, OP_FAILED }, { FIELD_BULK_MORE, OP_BULK_MORE }, { FIELD_PART, OP_PART }, { FIELD_LAST, OP_LAST },
		{ FIELD_UNKNOWN, OP_UNKNOWN }, { FIELD_DOUBLE, OP_DOUBLE }, { FIELD_SYNTHETIC, OP_SYNTHETIC },
		{ FIELD_BOOT, OP_BOOT }, { FIELD_RESERVED, OP_RESERVED },
	};
	uint64_t origin = ORIGIN_DIRECT;
	int ret = take_name(f, fields, FIELD_ORIGIN, origin_name, NR_ORIGINS, &origin);

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) && !ret; i++) {
		bool is = false;

		ret = take_bool(f, fields, marks[i].field, &is);
		d->op.flags |= is ? marks[i].flag : 0;
	}
	d->op.origin = (uint8_t)origin;
	return ret;
}

static int take_recorded(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	struct trace_recorded *recorded = &d->event.recorded;
	uint64_t entry = 0, moved = 0;
	unsigned int ctx = 0;
	const char *text = NULL;
	int ret = take_number(f, fields, FIELD_PTR, UINT64_MAX, &recorded->where);

	if (ret || (ret = take_number(f, fields, FIELD_PFN, UINT64_MAX, &recorded->where)) ||
	    (ret = take_number(f, fields, FIELD_ENTRY, UINT32_MAX, &entry)) ||
	    (ret = take_number(f, fields, FIELD_MOVED, UINT16_MAX, &moved)) ||
	    (ret = take_text(f, fields, FIELD_RECORDED_CTX, &text)))
		return ret;
	if (text && ctx_parse(text, strlen(text), &ctx) < 0)
		return unusable(f, text, "%s: unknown value", "recorded_ctx");
	recorded->entry = (uint32_t)entry;
	recorded->moved = (uint16_t)moved;
	recorded->ctx = (uint8_t)ctx;
	return 0;
}

/* The key in the id map of the object that the field names. Return: 0, UNUSABLE or an error. */
static int id_key(struct from_fields *f, const struct field *v, uint64_t *key, struct err *err)
{
	char digits[32];
	const char *text = v->text;
	size_t len = v->len;
	uint32_t name;
	bool canonical = v->type == FIELD_TYPE_NUMBER || (v->type == FIELD_TYPE_TEXT && len && (len == 1 || text[0] != '0'));

	if (v->type != FIELD_TYPE_NUMBER && v->type != FIELD_TYPE_TEXT)
		return unusable(f, "a text or a number is expected", "%s", "id: not a name");
	if (canonical && number_of(v, key) && *key < NAME_KEY)
		return 0;
	if (v->type == FIELD_TYPE_NUMBER) {
		len = (size_t)snprintf(digits, sizeof(digits), "%s%" PRIu64, v->negative ? "-" : "", v->number);
		text = digits;
	}
	name = collect_string(&f->names, text, len);
	*key = NAME_KEY | name;
	return name == INTERN_NONE ? no_memory(err) : 0;
}

static int begin_object(struct from_fields *f, struct draft *d, uint64_t key, struct err *err)
{
	uint32_t slot = idmap_get(&f->ids, key);

	if (slot != IDMAP_NONE && slot != ID_FREED) {
		d->op.flags |= OP_IMPLIED_FREE;
	} else {
		slot = key < f->direct ? (uint32_t)key : slots_take(&f->slots);
		if (slot == SLOT_NONE)
			return no_memory(err);
		if (key >= f->direct)
			slot += f->direct;
		if (slot >= UINT32_MAX / 2)
			return err_set(err, ERR_TRACE, "more objects than a trace can have");
		if (idmap_put(&f->ids, key, slot) < 0)
			return no_memory(err);
	}
	if (d->kind->keys & KEY_ORDER && idmap_put(&f->blocks, slot, (uint32_t)d->op.order << FREED_BITS) < 0)
		return no_memory(err);
	d->event.slot = slot;
	return 0;
}

/*
 * free_pages of fewer pages than the block has frees a part: the next one, unless the line says which. Return: whether the
 * block goes on living.
 */
static bool frees_part(struct from_fields *f, const struct fields *fields, struct draft *d, uint32_t slot)
{
	uint32_t block = idmap_get(&f->blocks, slot);
	uint64_t pages, freed;

	if (d->op.kind != KIND_FREE_PAGES)
		return false;
	if (d->op.flags & OP_PART)
		return !(d->op.flags & OP_LAST);
	/* Text printed from a trace has said all. */
	if (f->direct || block == IDMAP_NONE || block >> FREED_BITS >= FREED_BITS)
		return false;
	if (!fields_have(fields, FIELD_ORDER) && !fields_have(fields, FIELD_SIZE))
		d->op.order = (uint8_t)(block >> FREED_BITS);
	if (d->op.order >= block >> FREED_BITS)
		return false;
	pages = 1ull << (block >> FREED_BITS);
	freed = block & ((1u << FREED_BITS) - 1);
	d->op.flags |= OP_PART;
	d->op.arg[1] = freed;
	freed += 1ull << d->op.order;
	if (freed >= pages) {
		d->op.flags |= OP_LAST;
		return false;
	}
	/* The entry exists: this cannot fail. */
	return idmap_put(&f->blocks, slot, (block & ~((1u << FREED_BITS) - 1)) | (uint32_t)freed) == 0;
}

static void end_object(struct from_fields *f, const struct fields *fields, struct draft *d, uint64_t key)
{
	uint32_t slot = idmap_get(&f->ids, key);

	if (slot == IDMAP_NONE || slot == ID_FREED) {
		d->op.flags |= slot == IDMAP_NONE ? OP_UNKNOWN : OP_DOUBLE;
		return;
	}
	d->event.slot = slot;
	if (frees_part(f, fields, d, slot))
		return;
	idmap_put(&f->ids, key, ID_FREED);
	idmap_remove(&f->blocks, slot);
	if (key >= f->direct)
		slots_give(&f->slots, slot - f->direct);
}

static int check_id(struct from_fields *f, const struct fields *fields, const struct draft *d)
{
	bool there = fields_have(fields, FIELD_ID);
	bool null = there && fields->field[FIELD_ID].type == FIELD_TYPE_NULL;

	if (null && d->kind->slot != SLOT_ENDS)
		return unusable(f, "null is for frees", "%s", "id: null");
	if (there && d->op.flags & OP_FAILED)
		return unusable(f, NULL, "%s", "id: of a failed allocation");
	if (!there && d->kind->slot == SLOT_BEGINS && !(d->op.flags & OP_FAILED))
		return unusable(f, d->kind->name, "%s is missing", "id");
	if (!there && d->kind->slot == SLOT_ENDS && !(d->op.flags & (OP_UNKNOWN | OP_DOUBLE)) &&
	    !fields_have(fields, FIELD_PHYS))
		return unusable(f, d->kind->name, "%s is missing", "id");
	return 0;
}

/* The slot that the event's id stands for. From here on the line takes effect. */
static int resolve_id(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err)
{
	uint64_t key;
	uint32_t slot;
	int ret;

	d->event.slot = SLOT_NONE;
	if (!fields_have(fields, FIELD_ID))
		return 0;
	if (fields->field[FIELD_ID].type == FIELD_TYPE_NULL) {
		d->op.flags |= OP_NULL;
		return 0;
	}
	ret = id_key(f, &fields->field[FIELD_ID], &key, err);
	if (ret)
		return ret;
	d->op.flags &= (uint16_t)~(OP_UNKNOWN | OP_DOUBLE);
	if (d->kind->slot == SLOT_BEGINS)
		return begin_object(f, d, key, err);
	if (d->kind->slot == SLOT_ENDS) {
		end_object(f, fields, d, key);
		return 0;
	}
	slot = idmap_get(&f->ids, key);
	/* krealloc() of nothing is kmalloc(), and to nothing kfree(). */
	if (d->op.kind == KIND_KREALLOC && slot == IDMAP_NONE && d->op.size)
		return begin_object(f, d, key, err);
	if (d->op.kind == KIND_KREALLOC && !d->op.size) {
		end_object(f, fields, d, key);
		return 0;
	}
	if (slot == IDMAP_NONE || slot == ID_FREED)
		d->op.flags |= slot == IDMAP_NONE ? OP_UNKNOWN : OP_DOUBLE;
	else
		d->event.slot = slot;
	return 0;
}

/* The page that a mapping is of: PAGE_GONE when it does not live, SLOT_NONE when none is named. */
static int resolve_page(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err)
{
	uint64_t key;
	uint32_t slot;
	int ret;

	if (!(d->kind->keys & KEY_PAGE))
		return 0;
	d->event.value = SLOT_NONE;
	if (!fields_have(fields, FIELD_PAGE))
		return 0;
	ret = id_key(f, &fields->field[FIELD_PAGE], &key, err);
	if (ret)
		return ret;
	slot = idmap_get(&f->ids, key);
	d->event.value = slot != IDMAP_NONE && slot != ID_FREED ? slot : PAGE_GONE;
	return 0;
}

static int write_event(struct from_fields *f, struct draft *d, struct err *err)
{
	d->who.ctx = d->event.recorded.ctx & WHO_CTX;
	d->event.op = trace_writer_op(f->writer, &d->op);
	d->event.who = trace_writer_who(f->writer, &d->who);
	if (d->event.op == UINT32_MAX || d->event.who == UINT32_MAX)
		return no_memory(err);
	if (d->who.cpu >= f->cpus)
		f->cpus = d->who.cpu + 1;
	if (d->prologue)
		return trace_writer_prologue(f->writer, &d->event, err);
	f->last_ns = d->event.time_ns;
	f->started = true;
	return trace_writer_event(f->writer, &d->event, err);
}

/* What the operation is, without its time and its object. */
static int take_operation(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err)
{
	int ret = take_who(f, fields, d, err);

	if (ret || (ret = take_gfp(f, fields, d)) || (ret = take_flags(f, fields, d)) || (ret = take_sizes(f, fields, d)) ||
	    (ret = take_names(f, fields, d, err)) || (ret = take_args(f, fields, d)))
		return ret;
	return take_marks(f, fields, d);
}

int from_fields_op(struct from_fields *f, const struct fields *fields, struct trace_op *op, uint64_t *value, struct err *err)
{
	struct draft d = { .op = { .node = -1 } };
	int ret = take_kind(f, fields, &d);

	if (ret || (ret = check_required(f, fields, &d)) || (ret = take_operation(f, fields, &d, err)))
		return ret;
	*op = d.op;
	*value = d.event.value;
	return 0;
}

int from_fields_take(struct from_fields *f, struct fields *fields, struct err *err)
{
	struct draft d = { .op = { .node = -1 } };
	int ret = take_kind(f, fields, &d);

	if (ret || (ret = drop_foreign_keys(f, fields, &d, err)) || (ret = check_required(f, fields, &d)) ||
	    (ret = take_time(f, fields, &d)) || (ret = take_operation(f, fields, &d, err)) ||
	    (ret = take_recorded(f, fields, &d)) || (ret = check_id(f, fields, &d)) ||
	    (ret = resolve_page(f, fields, &d, err)) || (ret = resolve_id(f, fields, &d, err)))
		return ret;
	return write_event(f, &d, err);
}
