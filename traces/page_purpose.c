#include "traces/page_purpose.h"

bool page_purpose_is_table(const struct trace_op *op)
{
	/* pagetable_alloc() of 6.6 and later adds __GFP_COMP. */
	return op->kind == KIND_ALLOC_PAGES && !op->order && op->origin != ORIGIN_PAGE_TABLE &&
		(op->gfp & ~GFP_BIT_COMP) == (GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO);
}

bool page_purpose_is_file(const struct trace_op *op)
{
	if (!(op->gfp & GFP_BIT_MOVABLE) || op->order || kind_info[op->kind].slot != SLOT_BEGINS)
		return false;
	/*
	 * Files are written to (__GFP_WRITE), or read ahead with a mask that may fail; anonymous
	 * memory is cleared; shared memory and copies on write come with a plain mask.
	 */
	return op->gfp & GFP_BIT_WRITE || (!(op->gfp & GFP_BIT_ZERO) && op->gfp & (GFP_BIT_NORETRY | GFP_BIT_NOFAIL));
}
