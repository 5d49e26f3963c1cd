/*
 * page_alloc: the way of a request and of a free through the allocator: zonelist, watermarks, per-CPU lists, buddy.
 * Models __alloc_pages(), get_page_from_freelist(), rmqueue(), __free_pages() and their like of mm/page_alloc.c (6.1).
 *
 * Simplified: no cpusets, no dirty limits, no node reclaim and no real-time or PF_MEMALLOC tasks, because a trace does
 * not tell of them; __GFP_ACCOUNT never fails.
 */
#include "mm/page_alloc.h"

#include "base/bits.h"
#include "mm/lru_priv.h"
#include "mm/mempolicy.h"
#include "mm/page_alloc_priv.h"
#include "mm/pcp_priv.h"
#include "mm/vmstat_priv.h"

void zone_charge_locked(const struct zone *zone, enum machine_step step, uint32_t nr, const struct zone_work *work,
	struct meter *meter)
{
	lock_id lock = LOCK_ZONE(zone->index);

	meter_charge_locked(meter, STEP_ZONE_LOCK, 1, lock);
	if (nr)
		meter_charge_locked(meter, step, nr, lock);
	if (work->steals)
		meter_charge_locked(meter, STEP_PAGE_STEAL, work->steals, lock);
	if (work->levels)
		meter_charge_locked(meter, STEP_PAGE_SPLIT_MERGE, work->levels, lock);
}

pfn_t zone_take_buddy(struct zone *zone, unsigned int order, unsigned int mt, unsigned int cpu,
	unsigned int alloc_flags, struct meter *meter)
{
	struct zone_work work = { 0 };
	pfn_t pfn = PFN_NONE;

	if (alloc_flags & ALLOC_HIGHATOMIC)
		pfn = buddy_take_smallest(zone, order, MIGRATE_HIGHATOMIC, &work);
	if (pfn == PFN_NONE)
		pfn = zone_take_locked(zone, order, mt, alloc_flags, &work);
	if (pfn == PFN_NONE && alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK))
		pfn = buddy_take_smallest(zone, order, MIGRATE_HIGHATOMIC, &work);
	if (pfn != PFN_NONE)
		zone_mod_free_pages(zone, cpu, -(1 << order));
	zone_charge_locked(zone, STEP_PAGE_BUDDY, 1, &work, meter);
	return pfn;
}

/* A block that no list of the CPU held: freed long ago or by another CPU, its lines are in nobody's cache. */
static void charge_cold(const struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter)
{
	meter_charge(meter, STEP_CACHE_COLD, 1);
	if (ac->gfp & GFP_BIT_ZERO)
		meter_charge(meter, STEP_ZERO_COLD_KIB, 1u << (ac->order + pa->page_shift - 10));
}

/* Models rmqueue(). */
static pfn_t zone_take(struct zone *zone, const struct alloc_context *ac, unsigned int alloc_flags, struct meter *meter)
{
	const struct page_alloc *pa = zone->pa;
	pfn_t pfn = PFN_NONE;

	if (pcp_eligible(pa, ac->order))
		pfn = pcp_take(zone, ac->cpu, ac->order, ac->mt, alloc_flags, meter);
	if (pfn == PFN_NONE) {
		pfn = zone_take_buddy(zone, ac->order, ac->mt, ac->cpu, alloc_flags, meter);
		if (pfn != PFN_NONE)
			charge_cold(pa, ac, meter);
	}
	if (zone->boosted) {
		zone->boosted = false;
		kswapd_wake(zone, 0, 0, zone->type, meter);
	}
	return pfn;
}

/* Models zone_statistics() and the PGALLOC events. */
static inline void count_alloc(struct page_alloc *pa, const struct alloc_context *ac, const struct zone *zone)
{
	const struct zone *preferred = ac->zonelist->zone[ac->preferred];

	pa->counter[PC_PGALLOC_DMA + zone->type] += 1ull << ac->order;
	if (zone->node == preferred->node) {
		pa->counter[PC_NUMA_HIT]++;
	} else {
		pa->counter[PC_NUMA_MISS]++;
		pa->counter[PC_NUMA_FOREIGN]++;
	}
	if (zone->node == pa->machine->node_of_cpu[ac->cpu])
		pa->counter[PC_NUMA_LOCAL]++;
	else
		pa->counter[PC_NUMA_OTHER]++;
}
_Static_assert(PC_PGALLOC_DMA + ZONE_MOVABLE == PC_PGALLOC_MOVABLE, "one PGALLOC counter per zone type, in order");

pfn_t zonelist_walk(struct page_alloc *pa, const struct alloc_context *ac, unsigned int alloc_flags,
	struct meter *meter)
{
	const struct zonelist *list = ac->zonelist;

restart:
	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		struct zone *zone = list->zone[i];
		pfn_t pfn;

		if (zone->type > ac->highest)
			continue;
		if (alloc_flags & ALLOC_NOFRAGMENT && zone->node != list->zone[ac->preferred]->node) {
			/* Rather a fragmented pageblock here than memory of another node. */
			alloc_flags &= ~ALLOC_NOFRAGMENT;
			goto restart;
		}
		if (!zone_watermark_fast(zone, ac->order, zone_mark(zone, alloc_flags), ac->highest, alloc_flags,
			    ac->gfp) &&
			!(alloc_flags & ALLOC_NO_WATERMARKS) &&
			!(pa->machine->reclaim.zone_reclaim_mode && node_reclaim(zone, ac, alloc_flags, meter))) {
			meter_charge(meter, STEP_PAGE_ZONE_SKIP, 1);
			continue;
		}
		pfn = zone_take(zone, ac, alloc_flags, meter);
		if (pfn == PFN_NONE)
			continue;
		if (__builtin_expect(alloc_flags & ALLOC_HIGHATOMIC, 0))
			zone_reserve_highatomic(zone, pfn);
		count_alloc(pa, ac, zone);
		return pfn;
	}
	if (alloc_flags & ALLOC_NOFRAGMENT) {
		alloc_flags &= ~ALLOC_NOFRAGMENT;
		goto restart;
	}
	return PFN_NONE;
}

void page_context(const struct page_alloc *pa, const struct page_request *req, struct alloc_context *ac)
{
	uint32_t node = pa->machine->node_of_cpu[req->cpu];
	uint32_t type = (req->gfp & (GFP_BIT_MOVABLE | GFP_BIT_RECLAIMABLE)) / GFP_BIT_MOVABLE;

	assert(req->cpu < pa->nr_cpus);
	if (req->node >= 0 && (uint32_t)req->node < pa->nr_nodes)
		node = (uint32_t)req->node;
	/* Movable and Reclaimable at once is a caller's mistake; such a page is as little movable as any. */
	if (pa->mobility_off || type == MIGRATE_PCPTYPES)
		type = MIGRATE_UNMOVABLE;
	ac->gfp = req->gfp;
	ac->order = req->order;
	ac->mt = type;
	ac->cpu = req->cpu;
	ac->highest = pa->gfp_zone[req->gfp & 0xf];
	ac->zonelist = &pa->zonelists[node];
	ac->nr_zones = req->gfp & GFP_BIT_THISNODE ? ac->zonelist->nr_local : ac->zonelist->nr;
	ac->preferred = ac->zonelist->first[ac->highest];
}

/* The flags of a first attempt: low watermark, and no fragmenting where DMA32 can help out. */
static inline unsigned int fast_flags(const struct alloc_context *ac)
{
	unsigned int flags = WMARK_LOW;

	if (ac->gfp & GFP_BIT_KSWAPD_RECLAIM)
		flags |= ALLOC_KSWAPD;
	if (ac->zonelist->zone[ac->preferred]->nofragment)
		flags |= ALLOC_NOFRAGMENT;
	return flags;
}

/* What flags add to the cost of a block: clearing, and the charge to a memory cgroup. */
static void charge_extras(const struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter)
{
	if (ac->gfp & GFP_BIT_ZERO)
		meter_charge(meter, STEP_ZERO_KIB, 1u << (ac->order + pa->page_shift - 10));
	if (ac->gfp & GFP_BIT_ACCOUNT && pa->machine->slab.memcg_kmem)
		meter_charge(meter, STEP_MEMCG_CHARGE, 1);
}

/* What handing out and clearing a block of a farther node takes more: the table's costs are those of distance 10. */
static __attribute__((noinline)) void charge_far(const struct page_alloc *pa, const struct alloc_context *ac, pfn_t pfn,
	struct meter *meter)
{
	const struct machine *machine = pa->machine;
	uint64_t near_ns = meter->step_ns[pcp_eligible(pa, ac->order) ? STEP_PAGE_PCP : STEP_PAGE_BUDDY];
	uint32_t distance = machine->distance[machine->node_of_cpu[ac->cpu]][page_zone(pa, pfn)->node];

	if (ac->gfp & GFP_BIT_ZERO)
		near_ns += (uint64_t)meter->step_ns[STEP_ZERO_KIB] << (ac->order + pa->page_shift - 10);
	if (distance > 10)
		meter_charge_ns(meter, near_ns * (distance - 10) / 10);
}

static inline void page_prepare(struct page_alloc *pa, const struct alloc_context *ac, pfn_t pfn, struct meter *meter)
{
	page_hand_out(pa, pfn, ac->order, ac->mt == MIGRATE_MOVABLE);
	if (ac->gfp & (GFP_BIT_ZERO | GFP_BIT_ACCOUNT))
		charge_extras(pa, ac, meter);
	if (__builtin_expect(pa->far, 0))
		charge_far(pa, ac, pfn, meter);
}

static enum mm_answer take_pages(struct page_alloc *pa, const struct page_request *req, pfn_t *pfn, struct meter *meter)
{
	struct alloc_context ac;

	pa->last_moved = 0;
	*pfn = PFN_NONE;
	page_context(pa, req, &ac);
	if (req->order > pa->max_order) {
		page_count_failure(pa, &ac);
		return MM_FAILED;
	}
	if (ac.preferred < ac.nr_zones) {
		*pfn = zonelist_walk(pa, &ac, fast_flags(&ac), meter);
		if (__builtin_expect(*pfn == PFN_NONE, 0))
			*pfn = page_slowpath(pa, &ac, meter);
	}
	if (*pfn == PFN_NONE) {
		page_count_failure(pa, &ac);
		return MM_FAILED;
	}
	page_prepare(pa, &ac, *pfn, meter);
	return MM_DONE;
}

/* What a memory policy is for: no node is wanted, nor must it be the CPU's. */
static inline bool by_policy(const struct page_alloc *pa, const struct page_request *req)
{
	return __builtin_expect(pa->policy != NULL, 0) && req->node < 0 && !(req->gfp & GFP_BIT_THISNODE);
}

/* Models alloc_page_interleave(). */
static __attribute__((noinline)) enum mm_answer take_interleaved(struct page_alloc *pa, const struct page_request *req,
	pfn_t *pfn, struct meter *meter)
{
	struct page_request want = *req;
	enum mm_answer answer;

	want.node = (int16_t)mempolicy_next_pages(pa->policy);
	answer = take_pages(pa, &want, pfn, meter);
	if (answer == MM_DONE && page_zone(pa, *pfn)->node == (uint32_t)want.node)
		pa->counter[PC_NUMA_INTERLEAVE]++;
	return answer;
}

enum mm_answer page_alloc_take(struct page_alloc *pa, const struct page_request *req, pfn_t *pfn, struct meter *meter)
{
	return by_policy(pa, req) ? take_interleaved(pa, req, pfn, meter) : take_pages(pa, req, pfn, meter);
}

void page_alloc_set_policy(struct page_alloc *pa, struct mempolicy *policy)
{
	pa->policy = policy;
}

struct mempolicy *page_alloc_policy(const struct page_alloc *pa)
{
	return pa->policy;
}

int page_alloc_local_node(const struct page_alloc *pa, int node, unsigned int cpu)
{
	return node < 0 ? (int)pa->machine->node_of_cpu[cpu] : node;
}

/* The zone that a bulk request takes all its pages from, NULL when no local one has enough above its low watermark. */
static struct zone *bulk_zone(const struct alloc_context *ac, uint32_t nr)
{
	const struct zonelist *list = ac->zonelist;
	enum machine_zone preferred_type;

	if (ac->preferred >= ac->nr_zones)
		return NULL;
	preferred_type = list->zone[ac->preferred]->type;
	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		struct zone *zone = list->zone[i];

		if (zone->node != list->zone[ac->preferred]->node)
			return NULL;
		if (zone->type <= ac->highest &&
			zone_watermark_fast(zone, 0, zone_mark(zone, WMARK_LOW) + nr, preferred_type, WMARK_LOW,
				ac->gfp))
			return zone;
	}
	return NULL;
}

/*
 * Simplified: __GFP_ACCOUNT does not make it a single allocation, because whether memory control groups are in use is
 * not known.
 */
static uint32_t take_bulk(struct page_alloc *pa, const struct page_request *req, uint32_t nr, pfn_t *pfns,
	struct meter *meter)
{
	struct page_request single = *req;
	struct alloc_context ac;
	struct zone *zone = NULL;
	uint32_t got = 0;

	if (!nr)
		return 0;
	single.order = 0;
	page_context(pa, &single, &ac);
	if (nr > 1)
		zone = bulk_zone(&ac, nr);
	if (zone)
		zone->pcps[ac.cpu].acquisitions++;
	while (zone && got < nr) {
		pfn_t pfn = pcp_pop(zone, ac.cpu, 0, ac.mt, WMARK_LOW, meter);

		if (pfn == PFN_NONE)
			break;
		page_prepare(pa, &ac, pfn, meter);
		count_alloc(pa, &ac, zone);
		pfns[got++] = pfn;
	}
	if (got)
		return got;
	return take_pages(pa, &single, pfns, meter) == MM_DONE;
}

/* Models alloc_pages_bulk_array_interleave(): an equal share from each node, the first ones give what is left over. */
static uint32_t take_bulk_interleaved(struct page_alloc *pa, const struct page_request *req, uint32_t nr, pfn_t *pfns,
	struct meter *meter)
{
	struct page_request want = *req;
	uint32_t nodes = pa->policy->nr, got = 0;

	for (uint32_t i = 0; i < nodes; i++) {
		want.node = (int16_t)mempolicy_next(pa->policy);
		got += take_bulk(pa, &want, nr / nodes + (i < nr % nodes), pfns + got, meter);
	}
	return got;
}

uint32_t page_alloc_take_bulk(struct page_alloc *pa, const struct page_request *req, uint32_t nr, pfn_t *pfns,
	struct meter *meter)
{
	return by_policy(pa, req) ? take_bulk_interleaved(pa, req, nr, pfns, meter) :
				    take_bulk(pa, req, nr, pfns, meter);
}

void page_free_direct(struct page_alloc *pa, pfn_t pfn, unsigned int order, enum buddy_place place, unsigned int cpu,
	struct meter *meter)
{
	struct zone *zone = page_zone(pa, pfn);
	struct zone_work work = { 0 };

	buddy_free(zone, pfn, order, pageblock_migratetype(pa, pfn), place, cpu, &work);
	zone_charge_locked(zone, STEP_PAGE_BUDDY, 1, &work, meter);
}

/*
 * Pages that were never managed are now. Models adjust_managed_page_count().
 * Return: whether it is deferred initialisation that frees them: deferred_free_range(), __free_pages_core().
 */
static bool manage_pages(struct zone *zone, pfn_t pfn, unsigned int order)
{
	bool deferred = page_at(zone->pa, pfn)->place == PAGE_DEFERRED;
	uint64_t nr = 0;

	for (pfn_t p = pfn; p < pfn + (1ull << order); p++) {
		struct page *page = page_at(zone->pa, p);

		nr += page->place != PAGE_NO_HEAD;
		page->place = PAGE_NO_HEAD;
		if (deferred && p % pageblock_pages(zone->pa) == 0)
			set_pageblock_migratetype(zone->pa, p, MIGRATE_MOVABLE);
	}
	zone->managed += nr;
	zone->unmanaged -= nr;
	return deferred;
}

void page_alloc_give(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter)
{
	struct zone *zone = page_zone(pa, pfn);
	unsigned int mt;

	assert(cpu < pa->nr_cpus && page_alloc_allocated(pa, pfn, order));
	pa->last_moved = 0;
	if (page_at(pa, pfn)->place == PAGE_ON_LRU)
		lru_del(pa, pfn);
	page_take_back(pa, pfn, order);
	pa->counter[PC_PGFREE] += 1ull << order;
	if (__builtin_expect(zone->unmanaged != 0, 0) && manage_pages(zone, pfn, order)) {
		page_free_direct(pa, pfn, order, PLACE_TAIL, cpu, meter);
		return;
	}
	mt = pageblock_migratetype(pa, pfn);
	if (pcp_eligible(pa, order) && mt != MIGRATE_ISOLATE)
		pcp_give(zone, pfn, order, mt, cpu, meter);
	else
		page_free_direct(pa, pfn, order, PLACE_DEFAULT, cpu, meter);
}

enum mm_answer page_alloc_take_exact(struct page_alloc *pa, const struct page_request *req, uint64_t nr_pages,
	pfn_t *pfn, struct meter *meter)
{
	struct page_request block = *req;

	if (!nr_pages)
		return MM_FAILED; /* get_order(0) is beyond any block */
	block.gfp &= ~GFP_BIT_COMP;
	block.order = nr_pages > 1 ? (uint8_t)fls64(nr_pages - 1) : 0;
	if (page_alloc_take(pa, &block, pfn, meter) != MM_DONE)
		return MM_FAILED;
	for (pfn_t p = *pfn + nr_pages; p < *pfn + (1ull << block.order); p++) {
		page_take_back(pa, p, 0);
		pa->counter[PC_PGFREE]++;
		page_free_direct(pa, p, 0, PLACE_TAIL, req->cpu, meter);
	}
	return MM_DONE;
}

bool page_alloc_allocated(const struct page_alloc *pa, pfn_t pfn, unsigned int order)
{
	const uint64_t *word;
	uint64_t bits = HANDED_OUT_BITS;

	if (pfn >= pa->end_pfn || order > pa->max_order || pfn & ((1ull << order) - 1))
		return false;
	word = &pa->handed_out[pfn / HANDED_PER_WORD];
	if (order == 0)
		return *word & handed_mask(pfn, 0) & bits;
	if (order <= HANDED_ORDER) {
		bits &= handed_mask(pfn, order);
		if ((*word & bits) != bits)
			return false;
	} else {
		for (uint64_t i = 0; i < 1ull << (order - HANDED_ORDER); i++)
			if ((word[i] & bits) != bits)
				return false;
	}
	/* No block reaches over the end of its zone, whoever owns the pages there. */
	return pfn + (1ull << order) <= page_zone(pa, pfn)->end;
}

void page_alloc_set_owner(struct page_alloc *pa, pfn_t pfn, uint32_t owner)
{
	page_at(pa, pfn)->owner = owner;
}

uint32_t page_alloc_owner(const struct page_alloc *pa, pfn_t pfn)
{
	return page_at(pa, pfn)->owner;
}

uint32_t page_alloc_node_of(const struct page_alloc *pa, pfn_t pfn)
{
	return page_zone(pa, pfn)->node;
}

uint32_t page_alloc_last_moved(const struct page_alloc *pa)
{
	return pa->last_moved;
}
