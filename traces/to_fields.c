/* to_fields: an event of a trace as keys and values; see traces/fields.h. Its mirror is traces/from_fields.c. */
#include "traces/fields.h"

static void set_true(struct fields *f, enum field_key key, bool is)
{
	if (!is)
		return;
	f->present |= 1ull << key;
	f->field[key] = (struct field){ .type = FIELD_TYPE_BOOL, .number = 1 };
}

static void set_unless_0(struct fields *f, enum field_key key, uint64_t number)
{
	if (number)
		fields_set_number(f, key, number);
}

static void set_signed(struct fields *f, enum field_key key, int64_t number)
{
	fields_set_number(f, key, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
	f->field[key].negative = number < 0;
}

static void set_string(struct fields *f, enum field_key key, const struct trace_tables *tables, uint32_t string)
{
	if (string)
		fields_set_text(f, key, tables->strings[string]);
}

/* What was said to be 0, or nothing, and must be said. An address may stand in place of an object's name. */
static void set_required(struct fields *f, const struct event_view *e, const struct trace_op *op)
{
	uint64_t missing = fields_required((enum trace_kind)op->kind) & ~f->present;

	if (kind_info[op->kind].keys & KEY_PHYS && e->slot == SLOT_NONE &&
		!(op->flags & (OP_UNKNOWN | OP_DOUBLE | OP_NULL)))
		missing |= 1ull << FIELD_PHYS & ~f->present;
	for (; missing; missing &= missing - 1) {
		enum field_key key = (enum field_key)__builtin_ctzll(missing);

		if (key == FIELD_CACHE || key == FIELD_POOL || key == FIELD_NAME)
			fields_set_text(f, key, "");
		else
			fields_set_number(f, key, 0);
	}
}

static void set_common(struct fields *f, const struct event_view *e, const struct trace_tables *tables)
{
	const struct trace_op *op = &tables->ops[e->op];
	const struct trace_who *who = &tables->whos[e->who];

	if (e->prologue)
		set_true(f, FIELD_ADOPTED, true);
	else
		fields_set_number(f, FIELD_TIME_NS, e->time_ns);
	set_unless_0(f, FIELD_CPU, who->cpu);
	if (who->pid)
		set_signed(f, FIELD_PID, who->pid);
	set_string(f, FIELD_COMM, tables, who->comm);
	if (op->ctx & CTX_MASK) {
		ctx_format(op->ctx & CTX_MASK, f->ctx, sizeof(f->ctx));
		fields_set_text(f, FIELD_CTX, f->ctx);
	}
	set_true(f, FIELD_PREEMPT_OFF, op->ctx & CTX_PREEMPT_OFF);
	set_true(f, FIELD_IRQS_OFF, op->ctx & CTX_IRQS_OFF);
	set_string(f, FIELD_CALL_SITE, tables, op->call_site);
	fields_set_text(f, FIELD_EVENT, kind_info[op->kind].name);
}

/* The slot is the object's name in text. Why an event has none is said by its own key, or by a null for NULL. */
static void set_id(struct fields *f, const struct event_view *e, const struct trace_op *op)
{
	if (kind_info[op->kind].slot == SLOT_ABSENT)
		return;
	if (e->slot != SLOT_NONE) {
		fields_set_number(f, FIELD_ID, e->slot);
	} else if (op->flags & OP_NULL) {
		f->present |= 1ull << FIELD_ID;
		f->field[FIELD_ID] = (struct field){ .type = FIELD_TYPE_NULL };
	}
}

/* Names, sizes and numbers whose key is the kind's business. */
static void set_sizes(struct fields *f, const struct trace_op *op, const struct trace_tables *tables)
{
	const struct kind_info *kind = &kind_info[op->kind];
	uint32_t keys = kind->keys;

	if (keys & KEY_SIZE && (op->size || (kind->slot == SLOT_BEGINS && !(keys & KEY_BACKING))))
		fields_set_number(f, FIELD_SIZE, op->size);
	if (keys & KEY_GFP) {
		gfp_format(op->gfp, f->gfp, sizeof(f->gfp));
		fields_set_text(f, FIELD_GFP, f->gfp);
	}
	if (op->node >= 0)
		fields_set_number(f, FIELD_NODE, (uint64_t)op->node);
	if (keys & KEY_ORDER)
		set_unless_0(f, FIELD_ORDER, op->order);
	set_string(f, FIELD_CACHE, tables, keys & KEY_CACHE ? op->name : keys & KEY_BACKING ? op->name2 : 0);
	set_string(f, FIELD_POOL, tables, keys & KEY_POOL ? op->name : 0);
	set_string(f, FIELD_NAME, tables, keys & KEY_NAME ? op->name : 0);
	set_string(f, FIELD_TEXT, tables, keys & KEY_TEXT ? op->name : 0);
	if (keys & KEY_ALIGN)
		set_unless_0(f, FIELD_ALIGN, op->align);
	if (keys & KEY_FLAGS && op->slab_flags & ~SLAB_FLAG_CTOR) {
		slab_flags_format(op->slab_flags & ~SLAB_FLAG_CTOR, f->flags, sizeof(f->flags));
		fields_set_text(f, FIELD_FLAGS, f->flags);
	}
	set_true(f, FIELD_CTOR, keys & KEY_CTOR && op->slab_flags & SLAB_FLAG_CTOR);
	set_true(f, FIELD_RESERVED, keys & KEY_RESERVED && op->flags & OP_RESERVED);
	set_unless_0(f, FIELD_BYTES_ALLOC, op->size_alloc);
}

/* Keys that stand for arg[0] and arg[1]. */
static void set_args(struct fields *f, const struct trace_op *op)
{
	uint32_t keys = kind_info[op->kind].keys;

	if (keys & KEY_MIN_NR)
		fields_set_number(f, FIELD_MIN_NR, op->arg[0]);
	if (keys & KEY_START && (op->arg[0] || kind_info[op->kind].slot == SLOT_ABSENT))
		fields_set_number(f, FIELD_START, op->arg[0]);
	if (keys & KEY_PHYS)
		set_unless_0(f, FIELD_PHYS, op->arg[0]);
	if (keys & KEY_PORT)
		fields_set_number(f, FIELD_PORT, op->arg[0]);
	if (keys & KEY_MASK)
		set_unless_0(f, FIELD_DMA_MASK, op->arg[0]);
	if (keys & KEY_BOUNDARY)
		set_unless_0(f, FIELD_BOUNDARY, op->arg[0]);
	if (keys & KEY_STACK)
		set_unless_0(f, FIELD_STACK_USE, op->arg[0]);
	if (keys & KEY_AT)
		set_unless_0(f, FIELD_AT_PFN, op->arg[0]);
	if (keys & KEY_BACKING)
		fields_set_text(f, FIELD_KIND, backing_name[op->arg[1] < NR_BACKINGS ? op->arg[1] : BACKING_OTHER]);
	if (keys & KEY_MODE)
		fields_set_text(f, FIELD_MODE,
			cache_mode_name[op->arg[1] < NR_CACHE_MODES ? op->arg[1] : CACHE_MODE_UC]);
	if (keys & KEY_OFFSET)
		set_unless_0(f, FIELD_OFFSET, op->arg[1]);
	if (keys & KEY_COUNT)
		fields_set_number(f, FIELD_COUNT, op->arg[1]);
	if (keys & KEY_TARGET)
		fields_set_number(f, FIELD_TARGET_CPU, op->arg[1]);
	if (op->flags & OP_PART)
		fields_set_number(f, FIELD_FIRST_PAGE, op->arg[1]);
}

static void set_marks(struct fields *f, const struct event_view *e, const struct trace_op *op)
{
	uint32_t keys = kind_info[op->kind].keys;

	if (keys & KEY_VALUE)
		set_unless_0(f, FIELD_VALUE, e->value);
	if (keys & KEY_PAGE && e->value != SLOT_NONE)
		fields_set_number(f, FIELD_PAGE, e->value);
	if (op->origin != ORIGIN_DIRECT)
		fields_set_text(f, FIELD_ORIGIN, origin_name[op->origin]);
	set_true(f, FIELD_IMPLIED_FREE, op->flags & OP_IMPLIED_FREE);
	set_true(f, FIELD_FAILED, op->flags & OP_FAILED);
	set_true(f, FIELD_BULK_MORE, op->flags & OP_BULK_MORE);
	set_true(f, FIELD_PART, op->flags & OP_PART);
	set_true(f, FIELD_LAST, op->flags & OP_LAST);
	set_true(f, FIELD_UNKNOWN, op->flags & OP_UNKNOWN);
	set_true(f, FIELD_DOUBLE, op->flags & OP_DOUBLE);
	set_true(f, FIELD_SYNTHETIC, op->flags & OP_SYNTHETIC);
	set_true(f, FIELD_BOOT, op->flags & OP_BOOT);
	set_true(f, FIELD_RECLAIM, op->flags & OP_RECLAIM);
}

/* @ctx: what replay needs of the context is there without the recorded columns, too. */
static void set_recorded(struct fields *f, const struct event_view *e, const struct trace_op *op, unsigned int ctx)
{
	bool is_page = op->kind >= KIND_ALLOC_PAGES && op->kind <= KIND_FREE_PAGES;

	if (ctx) {
		ctx_format(ctx, f->recorded_ctx, sizeof(f->recorded_ctx));
		fields_set_text(f, FIELD_RECORDED_CTX, f->recorded_ctx);
	}
	if (!e->has_recorded)
		return;
	set_unless_0(f, is_page ? FIELD_PFN : FIELD_PTR, e->recorded.where);
	set_unless_0(f, FIELD_ENTRY, e->recorded.entry);
	set_unless_0(f, FIELD_MOVED, e->recorded.moved);
}

void fields_of_event(struct fields *f, const struct event_view *event, const struct trace_tables *tables)
{
	const struct trace_op *op = &tables->ops[event->op];

	f->present = 0;
	set_common(f, event, tables);
	set_id(f, event, op);
	set_sizes(f, op, tables);
	set_args(f, op);
	set_required(f, event, op);
	set_marks(f, event, op);
	set_recorded(f, event, op, event->has_recorded ? event->recorded.ctx : tables->whos[event->who].ctx);
}
