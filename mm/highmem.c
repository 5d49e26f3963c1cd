/*
 * highmem: slots for pages without a kernel address. Models
 * mm/highmem.c of 6.1; invariants are in mm/highmem_priv.h.
 */
#include "mm/highmem.h"

#include <stdlib.h>

#include "mm/highmem_priv.h"

#define NO_SLOT UINT32_MAX

/* Whether the page has no address of its own: PageHighMem(). */
static bool highmem_page(const struct highmem *h, pfn_t pfn)
{
	return pfn >= h->first_high;
}

/* flush_all_zero_pkmaps(): slots without users can be used again. */
static void flush_all_zero(struct highmem *h, struct meter *meter)
{
	bool any = false;

	for (uint32_t i = 0; i < h->stats.slots; i++) {
		if (h->slots[i].count != 1)
			continue;
		h->slots[i].count = 0;
		idmap_remove(&h->slot_of, h->slots[i].pfn);
		any = true;
	}
	if (!any)
		return;
	h->stats.flushes++;
	meter_charge_locked(meter, STEP_KMAP_FLUSH, 1, LOCK_KMAP);
}

/* The search of map_new_virtual(); NO_SLOT: once around, and each has users. */
static uint32_t find_slot(struct highmem *h, struct meter *meter)
{
	for (uint32_t left = h->stats.slots; left; left--) {
		h->last = h->last + 1 == h->stats.slots ? 0 : h->last + 1;
		if (h->last == 0) {
			flush_all_zero(h, meter);
			left = h->stats.slots;
		}
		if (h->slots[h->last].count == 0)
			return h->last;
	}
	return NO_SLOT;
}

enum mm_answer highmem_kmap(struct highmem *h, pfn_t pfn, uint32_t *slot, struct meter *meter)
{
	*slot = NO_SLOT;
	if (!highmem_page(h, pfn)) {
		meter_charge(meter, STEP_KMAP, 1);
		h->stats.maps++;
		return MM_DONE;
	}
	*slot = idmap_get(&h->slot_of, pfn);
	if (*slot != IDMAP_NONE) {
		meter_charge_locked(meter, STEP_KMAP, 1, LOCK_KMAP);
		h->stats.used += h->slots[*slot].count++ == 1;
	} else {
		*slot = find_slot(h, meter);
		if (*slot == NO_SLOT)
			return meter_wait(meter, SLEEP_KMAP, 0, 0);
		if (idmap_put(&h->slot_of, pfn, *slot) < 0)
			return MM_FAILED;
		meter_charge_locked(meter, STEP_KMAP_SLOT, 1, LOCK_KMAP);
		h->slots[*slot] = (struct pkmap){ .pfn = pfn, .count = 2 };
		h->stats.used++;
		h->stats.new_slots++;
	}
	h->stats.maps++;
	if (h->stats.used > h->stats.peak)
		h->stats.peak = h->stats.used;
	return MM_DONE;
}

enum highmem_kunmap highmem_kunmap(struct highmem *h, pfn_t pfn, struct meter *meter)
{
	uint32_t slot;

	if (!highmem_page(h, pfn))
		return HIGHMEM_UNMAPPED;
	slot = idmap_get(&h->slot_of, pfn);
	if (slot == IDMAP_NONE || h->slots[slot].count < 2)
		return HIGHMEM_NOT_MAPPED;
	meter_charge_locked(meter, STEP_KMAP, 1, LOCK_KMAP);
	if (--h->slots[slot].count > 1)
		return HIGHMEM_UNMAPPED;
	h->stats.used--;
	return HIGHMEM_LAST_USER;
}

enum highmem_local highmem_push_local(struct highmem *h, pfn_t pfn, uint32_t mapping, unsigned int cpu,
	struct meter *meter)
{
	struct local_stack *stack = &h->stacks[cpu];

	meter_charge(meter, STEP_KMAP_LOCAL, 1);
	if (highmem_page(h, pfn)) {
		/* kmap_local_idx_push() */
		if (stack->depth + 1 >= KM_MAX_IDX)
			return HIGHMEM_LOCAL_FULL;
		stack->mappings[stack->depth++] = mapping;
		if (stack->depth > h->stats.local_peak)
			h->stats.local_peak = stack->depth;
	} else if (h->orders[cpu].depth + 1 < KM_MAX_IDX) {
		h->orders[cpu].mappings[h->orders[cpu].depth++] = mapping;
	}
	h->stats.local_maps++;
	return HIGHMEM_LOCAL_DONE;
}

enum highmem_local highmem_pop_local(struct highmem *h, pfn_t pfn, uint32_t mapping, unsigned int cpu,
	struct meter *meter)
{
	struct local_stack *stack = highmem_page(h, pfn) ? &h->stacks[cpu] : &h->orders[cpu];
	uint32_t at = stack->depth;

	meter_charge(meter, STEP_KMAP_LOCAL, 1);
	while (at > 0 && stack->mappings[at - 1] != mapping)
		at--;
	if (at == 0)
		return HIGHMEM_LOCAL_ABSENT;
	for (uint32_t i = at; i < stack->depth; i++)
		stack->mappings[i - 1] = stack->mappings[i];
	return at == stack->depth-- ? HIGHMEM_LOCAL_DONE : HIGHMEM_LOCAL_NOT_LAST;
}

void highmem_waited(struct highmem *h, uint64_t waits, uint64_t wait_ns)
{
	h->stats.waits += waits;
	h->stats.wait_ns += wait_ns;
}

void highmem_get_stats(const struct highmem *h, struct highmem_stats *stats)
{
	*stats = h->stats;
}

static int highmem_init(void *state, struct mm *mm, struct err *err)
{
	const struct machine *machine = mm->machine;
	struct highmem *h = state;
	bool high = machine->bits32 && machine->zones.highmem_above != UINT64_MAX;

	*h = (struct highmem){ .machine = machine, .first_high = PFN_NONE };
	h->stacks = calloc(machine->cpus, sizeof(*h->stacks));
	h->orders = calloc(machine->cpus, sizeof(*h->orders));
	if (!h->stacks || !h->orders)
		return err_set(err, ERR_NOMEM, "no memory for the kmap stacks of %u CPUs", machine->cpus);
	if (!high)
		return 0;
	h->first_high = machine->zones.highmem_above >> machine->page_shift;
	h->slots = calloc(machine->kmap_slots, sizeof(*h->slots));
	if (!h->slots)
		return err_set(err, ERR_NOMEM, "no memory for %u kmap slots", machine->kmap_slots);
	h->stats.slots = machine->kmap_slots;
	return 0;
}

static void highmem_fini(void *state)
{
	struct highmem *h = state;

	free(h->slots);
	free(h->stacks);
	free(h->orders);
	idmap_fini(&h->slot_of);
}

static int highmem_check(const void *state, struct err *err)
{
	const struct highmem *h = state;
	uint32_t used = 0, taken = 0;

	for (uint32_t i = 0; i < h->stats.slots; i++) {
		if (!h->slots[i].count)
			continue;
		if (idmap_get(&h->slot_of, h->slots[i].pfn) != i)
			return err_set(err, ERR_INVARIANT, "highmem 1: slot %u is not that of its page", i);
		taken++;
		used += h->slots[i].count > 1;
	}
	if (h->slot_of.nr != taken)
		return err_set(err, ERR_INVARIANT, "highmem 1: %zu pages have %u slots", h->slot_of.nr, taken);
	if (used != h->stats.used)
		return err_set(err, ERR_INVARIANT, "highmem 2: %u slots have users, %u are counted", used,
			h->stats.used);
	for (uint32_t cpu = 0; cpu < h->machine->cpus; cpu++)
		if (h->stacks[cpu].depth >= KM_MAX_IDX || h->orders[cpu].depth >= KM_MAX_IDX)
			return err_set(err, ERR_INVARIANT, "highmem 3: CPU %u has %u mappings, %u of low pages", cpu,
				h->stacks[cpu].depth, h->orders[cpu].depth);
	return 0;
}

const struct mechanism mech_highmem = {
	.name = "highmem", .slot = SLOT_HIGHMEM, .state_size = sizeof(struct highmem),
	.init = highmem_init, .fini = highmem_fini, .check = highmem_check,
};
