#include "mm/mm.h"

#include <stdlib.h>

static int part_init(struct mm *mm, enum mm_slot slot, struct err *err)
{
	const struct mechanism *mech = mechanism_first(slot);
	struct mm_part *part = &mm->parts[slot];

	if (!mech)
		return 0;
	part->state = calloc(1, mech->state_size);
	if (!part->state)
		return err_set(err, ERR_NOMEM, "no memory for %s", mech->name);
	part->mech = mech;
	return mech->init(part->state, mm, err) < 0 ? err_context(err, "%s", mech->name) : 0;
}

int mm_init(struct mm *mm, const struct machine *machine, uint64_t seed, struct err *err)
{
	int ret;

	*mm = (struct mm){ .machine = machine, .seed = seed };
	ret = page_alloc_create(&mm->pages, machine, err);
	if (ret < 0)
		return ret;
	ret = slab_create_all(&mm->slab, mm, err);
	if (ret < 0)
		mm->slab = NULL;
	for (int slot = SLOT_SLAB + 1; ret == 0 && slot < NR_SLOTS; slot++)
		ret = part_init(mm, (enum mm_slot)slot, err);
	if (ret < 0)
		mm_fini(mm);
	return ret;
}

void mm_fini(struct mm *mm)
{
	for (int slot = NR_SLOTS - 1; slot > SLOT_SLAB; slot--) {
		if (mm->parts[slot].mech && mm->parts[slot].mech->fini)
			mm->parts[slot].mech->fini(mm->parts[slot].state);
		free(mm->parts[slot].state);
	}
	if (mm->slab)
		slab_destroy_all(mm->slab);
	page_alloc_destroy(mm->pages);
	*mm = (struct mm){ 0 };
}

int mm_check(const struct mm *mm, struct err *err)
{
	int ret = page_alloc_check(mm->pages, err);

	if (ret == 0)
		ret = slab_check(mm->slab, err);
	for (int slot = SLOT_SLAB + 1; ret == 0 && slot < NR_SLOTS; slot++)
		if (mm->parts[slot].mech && mm->parts[slot].mech->check)
			ret = mm->parts[slot].mech->check(mm->parts[slot].state, err);
	return ret;
}
