#include "traces/from_fields_priv.h"

#include <string.h>

#include "base/bits.h"

#define DEFAULT_STEP_NS 1000u /* between lines without a time */
#define MAX_CPU 8192u         /* the largest NR_CPUS a kernel can be built with */

void from_fields_fini(struct from_fields *f)
{
	if (!f)
		return;
	idmap_fini(&f->ids);
	idmap_fini(&f->blocks);
	collect_fini(&f->names);
	slots_fini(&f->slots);
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
		return fields_unusable(f, NULL, "%s", "time goes back");
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
		return fields_unusable(f, "expected as the kernel prints it, such as GFP_KERNEL|__GFP_ZERO", "%s",
			"gfp: unknown flag");
	d->op.gfp |= d->added_gfp;
	return unknown ? fields_unusable(f, NULL, "%s", "gfp: unknown bits") : 0;
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

		if (field_number(v, &number) && number <= UINT32_MAX)
			d->op.slab_flags = (uint32_t)number;
		else if (v->type != FIELD_TYPE_TEXT || slab_flags_parse(v->text, v->len, &d->op.slab_flags) < 0)
			return fields_unusable(f, "expected names such as SLAB_HWCACHE_ALIGN|SLAB_PANIC", "%s",
				"flags: unknown flag");
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
			return fields_unusable(f, NULL, "%s: out of range", "order");
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
	enum field_key name = keys & KEY_CACHE ? FIELD_CACHE :
		keys & KEY_POOL                ? FIELD_POOL :
		keys & KEY_NAME                ? FIELD_NAME :
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
		{ FIELD_FAILED, OP_FAILED }, { FIELD_BULK_MORE, OP_BULK_MORE }, { FIELD_PART, OP_PART }, { FIELD_LAST,
			OP_LAST },
		{ FIELD_UNKNOWN, OP_UNKNOWN }, { FIELD_DOUBLE, OP_DOUBLE }, { FIELD_SYNTHETIC, OP_SYNTHETIC },
		{ FIELD_BOOT, OP_BOOT }, { FIELD_RESERVED, OP_RESERVED }, { FIELD_RECLAIM, OP_RECLAIM },
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
		return fields_unusable(f, text, "%s: unknown value", "recorded_ctx");
	recorded->entry = (uint32_t)entry;
	recorded->moved = (uint16_t)moved;
	recorded->ctx = (uint8_t)ctx;
	return 0;
}

static int write_event(struct from_fields *f, struct draft *d, struct err *err)
{
	d->who.ctx = d->event.recorded.ctx & WHO_CTX;
	d->event.op = trace_writer_op(f->writer, &d->op);
	d->event.who = trace_writer_who(f->writer, &d->who);
	if (d->event.op == UINT32_MAX || d->event.who == UINT32_MAX)
		return fields_no_memory(err);
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

	if (ret || (ret = take_gfp(f, fields, d)) || (ret = take_flags(f, fields, d)) ||
		(ret = take_sizes(f, fields, d)) || (ret = take_names(f, fields, d, err)) ||
		(ret = take_args(f, fields, d)))
		return ret;
	return take_marks(f, fields, d);
}

int from_fields_op(struct from_fields *f, const struct fields *fields, struct trace_op *op, uint64_t *value,
	struct err *err)
{
	struct draft d = { .op = { .node = -1 } };
	int ret = draft_kind(f, fields, &d);

	if (ret || (ret = draft_check_required(f, fields, &d)) || (ret = take_operation(f, fields, &d, err)))
		return ret;
	*op = d.op;
	*value = d.event.value;
	return 0;
}

int from_fields_take(struct from_fields *f, struct fields *fields, struct err *err)
{
	struct draft d = { .op = { .node = -1 } };
	int ret = draft_kind(f, fields, &d);

	if (ret || (ret = draft_drop_foreign(f, fields, &d, err)) || (ret = draft_check_required(f, fields, &d)) ||
	    (ret = take_time(f, fields, &d)) || (ret = take_operation(f, fields, &d, err)) ||
	    (ret = take_recorded(f, fields, &d)) || (ret = draft_check_id(f, fields, &d)) ||
	    (ret = draft_resolve_page(f, fields, &d, err)) || (ret = draft_resolve_id(f, fields, &d, err)))
		return ret;
	return write_event(f, &d, err);
}
