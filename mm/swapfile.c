/*
 * swapfile: how many pages there are in swap, all devices together, and how many of them are in use. Models
 * what is counted in mm/swapfile.c (6.1): nr_swap_pages and total_swap_pages. Which page goes there:
 * vmscan.c; no page has a slot of its own.
 */
#include "base/bits.h"
#include "mm/lru_priv.h"

bool can_reclaim_anon(const struct page_alloc *pa)
{
	return pa->swap_used < pa->swap_pages;
}

void page_alloc_swap_add(struct page_alloc *pa, uint64_t pages)
{
	pa->swap_pages += pages;
}

void page_alloc_swap_load(struct page_alloc *pa, uint64_t pages, uint64_t used)
{
	pa->swap_pages = max_u64(pa->swap_pages, pages);
	pa->swap_used = max_u64(pa->swap_used, min_u64(used, pa->swap_pages));
}

uint64_t page_alloc_swap_remove(struct page_alloc *pa, uint64_t pages)
{
	pa->swap_pages -= pages < pa->swap_pages ? pages : pa->swap_pages;
	return pa->swap_used > pa->swap_pages ? pa->swap_used - pa->swap_pages : 0;
}

void page_alloc_swapped_out(struct page_alloc *pa)
{
	pa->swap_used++;
	pa->counter[PC_PSWPOUT]++;
}

void page_alloc_swapped_in(struct page_alloc *pa)
{
	page_alloc_swap_free(pa);
	pa->counter[PC_PSWPIN]++;
}

void page_alloc_swap_free(struct page_alloc *pa)
{
	if (pa->swap_used)
		pa->swap_used--;
}
