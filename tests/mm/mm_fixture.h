/* mm_fixture: a whole small machine for tests of mechanisms above the page allocator and the slab layer. */
#ifndef KMEMSIM_TESTS_MM_MM_FIXTURE_H
#define KMEMSIM_TESTS_MM_MM_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mm/mm.h"

struct mm_fixture {
	struct machine machine;
	struct mm mm;
	struct meter meter;
};

/* 64-bit, one node, 4 KiB pages; each step costs 1 ns. Change fx->machine before mm_fixture_boot(). */
static inline struct mm_fixture *mm_fixture_new(uint32_t cpus, uint64_t ram_bytes)
{
	static const uint32_t ratios[NR_ZONE_TYPES] = { 256, 256, 32, 0, 0 };
	struct mm_fixture *fx = calloc(1, sizeof(*fx));
	struct machine *m = &fx->machine;

	cr_assert_not_null(fx);
	m->behaviour = BEHAVIOUR_6_1;
	m->cpus = cpus;
	m->page_size = 4096;
	m->page_shift = 12;
	m->nr_nodes = 1;
	m->distance[0][0] = 10;
	m->ram[m->nr_ram++] = (struct machine_range){ .start = 1 << 20, .size = ram_bytes };
	m->zones.dma_end = 16ull << 20;
	m->zones.dma32_end = 4ull << 30;
	m->zones.highmem_above = UINT64_MAX;
	m->page_allocator = (struct machine_page_allocator){ .max_order = 10, .pageblock_order = 9,
		.min_free_kbytes = MACHINE_AUTO, .watermark_scale_factor = 10, .watermark_boost_factor = 15000,
		.transparent_hugepage = true, .page_group_by_mobility = true };
	memcpy(m->page_allocator.lowmem_reserve_ratio, ratios, sizeof(ratios));
	m->slab = (struct machine_slab){ .allocator = "slub", .max_order = 3, .cpu_partial = -1, .merge = true };
	m->kmalloc = (struct machine_kmalloc){ .min_size = 8, .max_cache_size = 8192, .max_size = 4 << 20,
		.extra_classes = { 96, 192 } };
	m->vmalloc = (struct machine_vmalloc){ .start = 0xffffc90000000000, .size = 32ull << 40, .guard_pages = 1,
		.lazy_max = MACHINE_AUTO };
	m->percpu = (struct machine_percpu){
		.unit_size = MACHINE_AUTO,
		.dynamic_reserve = MACHINE_AUTO,
		.reserved = 8192,
		.static_size = 212992,
	};
	m->io_ports_size = 65536;
	m->kmap_slots = 1024;
	m->kernel_stack = (struct machine_kernel_stack){ .size = 16384, .irq_stacks = true, .vmap = true };
	for (unsigned int i = 0; i < NR_STEPS; i++)
		m->latency.step_ns[i] = 1;
	meter_start(&fx->meter, m->latency.step_ns);
	return fx;
}

static inline void mm_fixture_boot(struct mm_fixture *fx)
{
	struct err err = { 0 };

	cr_assert_eq(mm_init(&fx->mm, &fx->machine, 1, &err), 0, "%s", err.text);
}

static inline void mm_fixture_check(const struct mm_fixture *fx)
{
	struct err err = { 0 };

	cr_assert_eq(mm_check(&fx->mm, &err), 0, "%s", err.text);
}

/* An invariant has been broken on purpose: mm_check() must report it by a message that begins with @what. */
static inline void mm_fixture_expect_broken(const struct mm_fixture *fx, const char *what)
{
	struct err err = { 0 };

	cr_assert_eq(mm_check(&fx->mm, &err), -(int)ERR_INVARIANT, "%s should be reported", what);
	cr_assert_eq(strncmp(err.text, what, strlen(what)), 0, "%s expected: %s", what, err.text);
}

static inline void mm_fixture_free(struct mm_fixture *fx)
{
	mm_fini(&fx->mm);
	free(fx);
}

/* The usual end of a test. */
static inline void mm_fixture_end(struct mm_fixture *fx)
{
	mm_fixture_check(fx);
	mm_fixture_free(fx);
}

/* Free pages of the machine, those on per-CPU lists included. */
static inline uint64_t mm_fixture_free_pages(const struct mm_fixture *fx)
{
	struct zone_stats zone;
	uint64_t pages = 0;

	for (unsigned int i = 0; i < page_alloc_nr_zones(fx->mm.pages); i++) {
		page_alloc_zone_stats(fx->mm.pages, i, &zone);
		pages += zone.free_pages + zone.pcp_pages;
	}
	return pages;
}

#endif
