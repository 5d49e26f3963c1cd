#include "mm/page_priv.h"

#include <sys/mman.h>

#include "base/bits.h"

static int map_zeroes(void **map, uint64_t bytes, const char *what, struct err *err)
{
	void *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (addr == MAP_FAILED)
		return err_errno(err, "%s of the modelled memory (%llu bytes of address space)", what,
			(unsigned long long)bytes);
	/* A huge page behind one touched record would cost 2 MiB. It is only a hint: failing changes nothing. */
	(void)madvise(addr, bytes, MADV_NOHUGEPAGE);
	*map = addr;
	return 0;
}

int page_metadata_init(struct page_alloc *pa, pfn_t end_pfn, struct err *err)
{
	void *map = NULL;
	int ret;

	pa->end_pfn = align_up(end_pfn, 1ull << pa->max_order);
	pa->pages_bytes = pa->end_pfn * sizeof(*pa->pages);
	pa->handed_out_bytes = div_round_up(pa->end_pfn, HANDED_PER_WORD) * sizeof(*pa->handed_out);
	pa->pageblock_bytes = (pa->end_pfn >> pa->pageblock_order) + 1;
	ret = map_zeroes(&map, pa->pages_bytes, "page records", err);
	if (ret < 0)
		return ret;
	pa->pages = map;
	ret = map_zeroes(&map, pa->handed_out_bytes, "page states", err);
	if (ret < 0)
		return ret;
	pa->handed_out = map;
	ret = map_zeroes(&map, pa->pageblock_bytes, "pageblock types", err);
	if (ret < 0)
		return ret;
	pa->pageblock_type = map;
	return 0;
}

void page_metadata_fini(struct page_alloc *pa)
{
	if (pa->pages)
		munmap(pa->pages, pa->pages_bytes);
	if (pa->handed_out)
		munmap(pa->handed_out, pa->handed_out_bytes);
	if (pa->pageblock_type)
		munmap(pa->pageblock_type, pa->pageblock_bytes);
}

int page_metadata_reset(struct page_alloc *pa, struct err *err)
{
	/* Private anonymous memory reads as zero again after MADV_DONTNEED. */
	if (madvise(pa->pages, pa->pages_bytes, MADV_DONTNEED) < 0 ||
		madvise(pa->handed_out, pa->handed_out_bytes, MADV_DONTNEED) < 0)
		return err_errno(err, "records of the modelled memory");
	return 0;
}

/* Whether the page is memory of that node. */
static bool node_has(const struct machine *machine, uint32_t node, pfn_t pfn)
{
	uint64_t at = pfn << machine->page_shift;

	for (uint32_t i = 0; i < machine->nr_ram; i++)
		if (machine->ram[i].node == node && at >= machine->ram[i].start &&
			at - machine->ram[i].start < machine->ram[i].size)
			return true;
	return false;
}

/* Memory of one node may lie in a hole of another, whose zone spans it then: whose memory it is decides. */
struct zone *page_zone_slow(const struct page_alloc *pa, pfn_t pfn)
{
	struct zone *first = NULL;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];

		if (!zone_spans(zone, pfn))
			continue;
		if (pa->nr_nodes == 1 || node_has(pa->machine, zone->node, pfn))
			return zone;
		if (!first)
			first = zone;
	}
	return first;
}

uint64_t page_nr_handed_out(const struct page_alloc *pa, pfn_t start, pfn_t end)
{
	uint64_t nr = 0;
	pfn_t pfn = start;

	while (pfn < end) {
		uint64_t word = pa->handed_out[pfn / HANDED_PER_WORD] & HANDED_OUT_BITS;
		pfn_t next = min_u64(end, align_up(pfn + 1, HANDED_PER_WORD));

		word >>= 2 * (pfn % HANDED_PER_WORD);
		if (next - pfn < HANDED_PER_WORD)
			word &= (1ull << (2 * (next - pfn))) - 1;
		nr += (uint64_t)__builtin_popcountll(word);
		pfn = next;
	}
	return nr;
}

bool pageblock_counted(const struct zone *zone, uint64_t pageblock)
{
	const struct page_alloc *pa = zone->pa;
	uint64_t first = pageblock_of(pa, zone->start);
	uint64_t nr = div_round_up(zone->end - zone->start, pageblock_pages(pa));

	if (pageblock < first || pageblock >= first + nr)
		return false;
	if (pa->nr_nodes > 1 && page_zone_slow(pa, zone->start + ((pageblock - first) << pa->pageblock_order)) != zone)
		return false;
	return pa->section_online[pageblock << (pa->pageblock_order + pa->page_shift) >> SECTION_BYTES_SHIFT];
}

void set_pageblock_migratetype(struct page_alloc *pa, pfn_t pfn, unsigned int mt)
{
	uint64_t pageblock = pageblock_of(pa, pfn);
	unsigned int old = pageblock_migratetype(pa, pfn);

	if (pa->mobility_off && mt < MIGRATE_PCPTYPES)
		mt = MIGRATE_UNMOVABLE;
	pa->pageblock_type[pageblock] = (uint8_t)(mt ^ MIGRATE_MOVABLE);
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];

		if (!pageblock_counted(zone, pageblock))
			continue;
		zone->pageblocks[old]--;
		zone->pageblocks[mt]++;
	}
}
