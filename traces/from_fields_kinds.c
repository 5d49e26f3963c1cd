/* from_fields_kinds: which event a line is, by its name, and which keys go with it. */
#include "traces/from_fields_priv.h"

#include <stdio.h>
#include <string.h>

/* Fields that a kind's keys let in. */
static const struct {
	uint32_t key;
	enum field_key field;
} key_fields[] = {
	{ KEY_SIZE, FIELD_SIZE }, { KEY_GFP, FIELD_GFP }, { KEY_NODE, FIELD_NODE }, { KEY_ORDER, FIELD_ORDER },
	{ KEY_CACHE, FIELD_CACHE }, { KEY_ALIGN, FIELD_ALIGN }, { KEY_FLAGS, FIELD_FLAGS }, { KEY_CTOR, FIELD_CTOR },
	{ KEY_POOL, FIELD_POOL }, { KEY_MIN_NR, FIELD_MIN_NR }, { KEY_BACKING, FIELD_KIND }, { KEY_BACKING,
		FIELD_CACHE },
	{ KEY_NAME, FIELD_NAME }, { KEY_START, FIELD_START }, { KEY_PHYS, FIELD_PHYS }, { KEY_MODE, FIELD_MODE },
	{ KEY_OFFSET, FIELD_OFFSET }, { KEY_VALUE, FIELD_VALUE }, { KEY_PORT, FIELD_PORT }, { KEY_COUNT, FIELD_COUNT },
	{ KEY_RESERVED, FIELD_RESERVED }, { KEY_TARGET, FIELD_TARGET_CPU }, { KEY_MASK, FIELD_DMA_MASK },
	{ KEY_BOUNDARY, FIELD_BOUNDARY }, { KEY_PAGE, FIELD_PAGE }, { KEY_STACK, FIELD_STACK_USE }, { KEY_TEXT,
		FIELD_TEXT },
	{ KEY_AT, FIELD_AT_PFN },
	/* A block's size is as good as its order. */
	{ KEY_ORDER, FIELD_SIZE }, { KEY_SIZE, FIELD_ORDER },
};

/* Fields that stand in every line or mark any event. */
#define COMMON_FIELDS                                                                                              \
	(BIT(TIME_NS) | BIT(CPU) | BIT(PID) | BIT(COMM) | BIT(CTX) | BIT(PREEMPT_OFF) | BIT(IRQS_OFF) |             \
	 BIT(CALL_SITE) | BIT(EVENT) | BIT(ORIGIN) | BIT(BYTES_ALLOC) | BIT(IMPLIED_FREE) | BIT(FAILED) |           \
	 BIT(BULK_MORE) | BIT(PART) | BIT(LAST) | BIT(FIRST_PAGE) | BIT(UNKNOWN) | BIT(DOUBLE) | BIT(SYNTHETIC) |   \
	 BIT(BOOT) | BIT(ADOPTED) | BIT(PTR) | BIT(PFN) | BIT(RECORDED_CTX) | BIT(ENTRY) | BIT(MOVED) | \
	 BIT(RECLAIM))

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

int draft_kind(struct from_fields *f, const struct fields *fields, struct draft *d)
{
	const char *name = NULL;
	const char *near;
	enum trace_kind kind;
	int ret = take_text(f, fields, FIELD_EVENT, &name);

	if (ret)
		return ret;
	if (!name)
		return fields_unusable(f, NULL, "%s is missing", "event");
	kind = kind_by_name(name);
	if (kind == NR_KINDS)
		kind = kind_of_alias(name, &d->added_gfp);
	if (kind == NR_KINDS) {
		near = kind_nearest(name, strlen(name));
		return fields_unusable(f, near, "unknown event \"%.80s\"", name);
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

int draft_drop_foreign(struct from_fields *f, struct fields *fields, const struct draft *d, struct err *err)
{
	uint64_t allowed = COMMON_FIELDS | from_fields_keys((enum trace_kind)d->op.kind);

	if (d->kind->slot != SLOT_ABSENT)
		allowed |= BIT(ID);
	for (uint64_t left = fields->present & ~allowed; left; left &= left - 1) {
		char reason[96];

		snprintf(reason, sizeof(reason), "key %s of %s", field_name[__builtin_ctzll(left)], d->kind->name);
		if (trace_counts_add(f->ignored, reason, 1) < 0)
			return fields_no_memory(err);
	}
	fields->present &= allowed;
	return 0;
}

uint64_t fields_required(enum trace_kind kind)
{
	uint32_t keys = kind_info[kind].keys;
	enum kind_slot slot = kind_info[kind].slot;
	bool creates = kind == KIND_KMEM_CACHE_CREATE || kind == KIND_DMA_POOL_CREATE;
	uint64_t needed = 0;

	if (keys & KEY_SIZE && !(keys & KEY_BACKING) &&
		(slot == SLOT_BEGINS || slot == SLOT_USED || creates || keys & (KEY_START | KEY_NAME) ||
			kind == KIND_MMAP_DEVICE))
		needed |= BIT(SIZE);
	if (keys & KEY_CACHE && slot != SLOT_ENDS)
		needed |= BIT(CACHE);
	if (keys & KEY_POOL)
		needed |= BIT(POOL);
	if (keys & KEY_START && kind != KIND_VMALLOC)
		needed |= BIT(START);
	if (keys & KEY_PORT)
		needed |= BIT(PORT);
	if (kind == KIND_IOREMAP || kind == KIND_MMAP_DEVICE)
		needed |= BIT(PHYS);
	if (kind == KIND_DEFINE_PER_CPU)
		needed |= BIT(NAME);
	return needed;
}

int draft_check_required(struct from_fields *f, const struct fields *fields, const struct draft *d)
{
	uint64_t missing = fields_required((enum trace_kind)d->op.kind) & ~fields->present;

	/* alloc_pages_exact may give its size as an order. */
	if (d->op.kind == KIND_ALLOC_PAGES_EXACT && fields_have(fields, FIELD_ORDER))
		missing &= ~BIT(SIZE);
	if (!missing)
		return 0;
	return fields_unusable(f, d->kind->name, "%s is missing", field_name[__builtin_ctzll(missing)]);
}
