#include "mm/mm.h"

int mm_init(struct mm *mm, const struct machine *machine, uint64_t seed, struct err *err)
{
	int ret;

	*mm = (struct mm){ .machine = machine, .seed = seed };
	ret = page_alloc_create(&mm->pages, machine, err);
	if (ret < 0)
		return ret;
	ret = slab_create_all(&mm->slab, mm, err);
	if (ret < 0) {
		mm->slab = NULL;
		mm_fini(mm);
	}
	return ret;
}

void mm_fini(struct mm *mm)
{
	if (mm->slab)
		slab_destroy_all(mm->slab);
	page_alloc_destroy(mm->pages);
	*mm = (struct mm){ 0 };
}

int mm_check(const struct mm *mm, struct err *err)
{
	int ret = page_alloc_check(mm->pages, err);

	return ret < 0 ? ret : slab_check(mm->slab, err);
}
