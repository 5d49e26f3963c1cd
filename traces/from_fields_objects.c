/*
 * from_fields_objects: which object a line is of: objects have
 * ids of their writer's choice, pages are freed in parts.
 */
#include "traces/from_fields_priv.h"

#include <inttypes.h>
#include <stdio.h>

#define ID_FREED (UINT32_MAX - 1)
#define NAME_KEY (1ull << 63)      /* key in the id map of names that are not numbers */
#define FREED_BITS 24u             /* of a value in the map of blocks */

/* The key in the id map of the object that the field names. Return: 0, UNUSABLE or an error. */
static int id_key(struct from_fields *f, const struct field *v, uint64_t *key, struct err *err)
{
	char digits[32];
	const char *text = v->text;
	size_t len = v->len;
	uint32_t name;
	bool canonical =
		v->type == FIELD_TYPE_NUMBER || (v->type == FIELD_TYPE_TEXT && len && (len == 1 || text[0] != '0'));

	if (v->type != FIELD_TYPE_NUMBER && v->type != FIELD_TYPE_TEXT)
		return fields_unusable(f, "a text or a number is expected", "%s", "id: not a name");
	if (canonical && field_number(v, key) && *key < NAME_KEY)
		return 0;
	if (v->type == FIELD_TYPE_NUMBER) {
		len = (size_t)snprintf(digits, sizeof(digits), "%s%" PRIu64, v->negative ? "-" : "", v->number);
		text = digits;
	}
	name = collect_string(&f->names, text, len);
	*key = NAME_KEY | name;
	return name == INTERN_NONE ? fields_no_memory(err) : 0;
}

static int begin_object(struct from_fields *f, struct draft *d, uint64_t key, struct err *err)
{
	uint32_t slot = idmap_get(&f->ids, key);

	if (slot != IDMAP_NONE && slot != ID_FREED) {
		d->op.flags |= OP_IMPLIED_FREE;
	} else {
		slot = key < f->direct ? (uint32_t)key : slots_take(&f->slots);
		if (slot == SLOT_NONE)
			return fields_no_memory(err);
		if (key >= f->direct)
			slot += f->direct;
		if (slot >= UINT32_MAX / 2)
			return err_set(err, ERR_TRACE, "more objects than a trace can have");
		if (idmap_put(&f->ids, key, slot) < 0)
			return fields_no_memory(err);
	}
	if (d->kind->keys & KEY_ORDER && idmap_put(&f->blocks, slot, (uint32_t)d->op.order << FREED_BITS) < 0)
		return fields_no_memory(err);
	d->event.slot = slot;
	return 0;
}

/*
 * free_pages of fewer pages than the block has frees a part: the next one,
 * unless the line says which. Return: whether the block goes on living.
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

int draft_check_id(struct from_fields *f, const struct fields *fields, const struct draft *d)
{
	bool there = fields_have(fields, FIELD_ID);
	bool null = there && fields->field[FIELD_ID].type == FIELD_TYPE_NULL;

	if (null && d->kind->slot != SLOT_ENDS)
		return fields_unusable(f, "null is for frees", "%s", "id: null");
	if (there && d->op.flags & OP_FAILED)
		return fields_unusable(f, NULL, "%s", "id: of a failed allocation");
	if (!there && d->kind->slot == SLOT_BEGINS && !(d->op.flags & OP_FAILED))
		return fields_unusable(f, d->kind->name, "%s is missing", "id");
	if (!there && d->kind->slot == SLOT_ENDS && !(d->op.flags & (OP_UNKNOWN | OP_DOUBLE)) &&
	    !fields_have(fields, FIELD_PHYS))
		return fields_unusable(f, d->kind->name, "%s is missing", "id");
	return 0;
}

int draft_resolve_id(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err)
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

int draft_resolve_page(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err)
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
