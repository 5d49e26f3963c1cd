#include "fake_page_alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mm/mempolicy.h"

void fake_page_alloc_init(struct page_alloc *pa, const struct machine *machine)
{
	memset(pa, 0, sizeof(*pa));
	pa->machine = machine;
	pa->refuse_from = PAGE_MAX_ORDERS;
	for (uint32_t i = 0; i < machine->nr_ram; i++) {
		const struct machine_range *ram = &machine->ram[i];

		pa->next[ram->node] = (uint32_t)(ram->start >> machine->page_shift);
		pa->end[ram->node] = (uint32_t)((ram->start + ram->size) >> machine->page_shift);
		assert(pa->end[ram->node] <= FAKE_PAGES_MAX);
	}
}

static pfn_t take_from(struct page_alloc *pa, unsigned int node, unsigned int order)
{
	uint32_t pages = 1u << order, pfn = pa->freed[node][order];

	if (pfn) {
		pa->freed[node][order] = pa->link[pfn];
		return pfn;
	}
	pfn = (pa->next[node] + pages - 1) / pages * pages;
	if (pfn + pages > pa->end[node])
		return PFN_NONE;
	pa->next[node] = pfn + pages;
	return pfn;
}

struct mempolicy *page_alloc_policy(const struct page_alloc *pa)
{
	return pa->policy;
}

int page_alloc_local_node(const struct page_alloc *pa, int node, unsigned int cpu)
{
	return node < 0 ? (int)pa->machine->node_of_cpu[cpu] : node;
}

enum mm_answer page_alloc_take(struct page_alloc *pa, const struct page_request *req, pfn_t *pfn, struct meter *meter)
{
	unsigned int nodes = pa->machine->nr_nodes;
	unsigned int first = req->node >= 0 ? (unsigned int)req->node :
		pa->policy ? mempolicy_next_pages(pa->policy) : pa->machine->node_of_cpu[req->cpu];

	assert(!meter->more); /* no meter of these tests has one */
	if (pa->locks)
		meter_charge_locked(meter, STEP_ZONE_LOCK, 1, LOCK_ZONE(0));
	memmove(&pa->requests[1], &pa->requests[0], (FAKE_REQUESTS - 1) * sizeof(pa->requests[0]));
	pa->requests[0] = *req;
	if (pa->wait)
		return MM_WAIT;
	if (pa->reclaim) {
		void (*reclaim)(void *arg) = pa->reclaim;

		pa->reclaim = NULL;
		reclaim(pa->reclaim_arg);
	}
	if (req->order >= pa->refuse_from || req->order > pa->machine->page_allocator.max_order)
		return MM_FAILED;
	*pfn = PFN_NONE;
	for (unsigned int i = 0; i < nodes && *pfn == PFN_NONE; i++)
		if (i == 0 || !(req->gfp & GFP_BIT_THISNODE))
			*pfn = take_from(pa, (first + i) % nodes, req->order);
	if (*pfn == PFN_NONE)
		return MM_FAILED;
	assert(!pa->taken[*pfn]);
	pa->taken[*pfn] = (uint8_t)(req->order + 1);
	pa->pages_out += 1u << req->order;
	return MM_DONE;
}

/* Pages never used before, or a block of that size that was given back. Those in front of the former are lost. */
bool page_alloc_take_at(struct page_alloc *pa, pfn_t pfn, unsigned int order, enum migratetype mt, unsigned int cpu,
	struct meter *meter)
{
	uint32_t node = page_alloc_node_of(pa, pfn), *at = &pa->freed[node][order];

	(void)mt;
	(void)cpu;
	(void)meter;
	if (pfn >= pa->next[node] && pfn + (1u << order) <= pa->end[node]) {
		pa->next[node] = (uint32_t)pfn + (1u << order);
	} else {
		while (*at && *at != pfn)
			at = &pa->link[*at];
		if (!*at)
			return false;
		*at = pa->link[pfn];
	}
	pa->taken[pfn] = (uint8_t)(order + 1);
	pa->pages_out += 1u << order;
	return true;
}

void page_alloc_give(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter)
{
	uint32_t node = page_alloc_node_of(pa, pfn);

	(void)cpu;
	(void)meter;
	assert(pa->taken[pfn] == order + 1);
	pa->taken[pfn] = 0;
	pa->pages_out -= 1u << order;
	pa->link[pfn] = pa->freed[node][order];
	pa->freed[node][order] = (uint32_t)pfn;
	pa->given = pfn;
}

/* No grace periods here. */
void page_alloc_give_rcu(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter)
{
	page_alloc_give(pa, pfn, order, cpu, meter);
}

bool page_alloc_allocated(const struct page_alloc *pa, pfn_t pfn, unsigned int order)
{
	for (unsigned int i = 0; i < PAGE_MAX_ORDERS && pfn < FAKE_PAGES_MAX; i++) {
		pfn_t head = pfn >> i << i;

		if (pa->taken[head] > i)
			return pfn + (1u << order) <= head + (1u << (pa->taken[head] - 1));
	}
	return false;
}

void page_alloc_set_owner(struct page_alloc *pa, pfn_t pfn, uint32_t owner)
{
	assert(pa->taken[pfn]);
	pa->owner[pfn] = owner;
}

uint32_t page_alloc_owner(const struct page_alloc *pa, pfn_t pfn)
{
	return pa->owner[pfn];
}

uint32_t page_alloc_node_of(const struct page_alloc *pa, pfn_t pfn)
{
	for (uint32_t i = 0; i < pa->machine->nr_ram; i++) {
		const struct machine_range *ram = &pa->machine->ram[i];

		if (pfn >= ram->start >> pa->machine->page_shift &&
				pfn < (ram->start + ram->size) >> pa->machine->page_shift)
			return ram->node;
	}
	abort(); /* there is no such page */
}

pfn_t page_alloc_used_block(const struct page_alloc *pa, pfn_t from, unsigned int order, unsigned int mt)
{
	(void)mt;
	for (pfn_t pfn = (from + (1u << order) - 1) >> order << order; pfn < FAKE_PAGES_MAX; pfn += 1u << order)
		if (page_alloc_allocated(pa, pfn, order))
			return pfn;
	return PFN_NONE;
}

pfn_t page_alloc_end(const struct page_alloc *pa)
{
	(void)pa;
	return FAKE_PAGES_MAX;
}
