/* Per-CPU memory: the examples of spec/slab-vmalloc-percpu-io.md 13.10 and 7.2, and the rules of section 7. */
#include "base/rng.h"
#include "mm/percpu_priv.h"
#include "tests/mm/mm_fixture.h"

static struct mm_fixture *fx;
static uint32_t area; /* the last one */

static struct percpu *pc(void)
{
	return mm_state(&fx->mm, SLOT_PERCPU);
}

static void boot(uint32_t cpus)
{
	fx = mm_fixture_new(cpus, 256ull << 20);
	mm_fixture_boot(fx);
}

static void end(void)
{
	mm_fixture_end(fx);
}

static enum mm_answer ask(uint64_t size, uint64_t align, gfp_t gfp)
{
	struct percpu_request req = { .size = size, .align = align, .gfp = gfp };

	return percpu_alloc(pc(), &req, &area, &fx->meter);
}

/* Offset of a new area, which the examples tell. */
static uint32_t off(uint64_t size, uint64_t align)
{
	cr_assert_eq(ask(size, align, GFP_KERNEL), MM_DONE);
	mm_fixture_check(fx);
	return percpu_place(pc(), area).off;
}

static void drop(uint32_t what)
{
	percpu_free(pc(), what, &fx->meter);
	mm_fixture_check(fx);
}

/* The first chunk is full, so that what follows is in a fresh one. */
static void fill_first_chunk(void)
{
	cr_assert_neq(percpu_claim(pc(), PERCPU_FIRST_CHUNK, 0, 28672, &fx->meter), PERCPU_AREA_NONE);
}

static const struct pcpu_chunk *fresh_chunk(void)
{
	return pc()->chunks[PERCPU_RESERVED_CHUNK + 1];
}

/* C1. */
Test(percpu, slots_are_powers_of_two_of_the_longest_run)
{
	static const struct {
		uint64_t bytes;
		uint32_t slot;
	} example[] = { { 4, 1 }, { 15, 1 }, { 16, 2 }, { 31, 2 }, { 32, 3 }, { 100, 4 }, { 4096, 10 }, { 28672, 12 },
		{ 32768, 13 }, { 262144, 16 }, { 524288, 19 } };

	boot(4);
	for (size_t i = 0; i < sizeof(example) / sizeof(example[0]); i++)
		cr_expect_eq(pcpu_size_slot(pc(), example[i].bytes), example[i].slot, "%lu bytes",
			(unsigned long)example[i].bytes);
	cr_expect_eq(pc()->sidelined_slot, 18);
	cr_expect_eq(pc()->free_slot, 19);
	cr_expect_eq(pc()->depopulate_slot, 20);
	end();
}

/* C2. */
Test(percpu, small_areas_of_the_first_chunk_fill_the_holes_of_alignment)
{
	boot(4);
	cr_expect_eq(off(8, 8), 0);
	cr_expect_eq(off(4, 4), 8);
	cr_expect_eq(off(32, 16), 16);
	cr_expect_eq(off(100, 4), 48);
	cr_expect_eq(off(3, 1), 12);
	cr_expect_eq(off(64, 64), 192);
	cr_expect_eq(percpu_base(pc(), PERCPU_FIRST_CHUNK), 0x36000);
	end();
}

/* C3. */
Test(percpu, a_fresh_chunk_is_filled_as_its_hints_lead)
{
	uint32_t at_16, at_4096;

	boot(4);
	fill_first_chunk();
	cr_expect_eq(off(4, 4), 0);
	cr_expect_eq(off(32, 16), 16);
	at_16 = area;
	cr_expect_eq(off(100, 64), 64);
	cr_expect_eq(off(8, 8), 8);
	cr_expect_eq(off(4096, 4096), 4096);
	at_4096 = area;
	cr_expect_eq(off(4000, 8), 8192);
	cr_expect_eq(off(16, 16), 48);
	cr_expect_eq(off(2048, 64), 192);
	cr_expect_eq(off(60, 4), 2240);
	cr_expect_eq(fresh_chunk()->whole.contig_hint, 128024);
	cr_expect_eq(fresh_chunk()->whole.contig_start, 3048);
	cr_expect_eq(fresh_chunk()->slot, 16);
	cr_expect_eq(fresh_chunk()->whole.first_free, 1);
	drop(at_16);
	cr_expect_eq(fresh_chunk()->whole.scan_hint, 8);
	cr_expect_eq(fresh_chunk()->whole.scan_start, 4);
	cr_expect_eq(off(16, 4), 16);
	cr_expect_eq(off(24, 4), 164);
	cr_expect_eq(off(8, 4), 32);
	drop(at_4096);
	cr_expect_eq(fresh_chunk()->whole.scan_hint, 1473);
	cr_expect_eq(fresh_chunk()->whole.scan_start, 575);
	cr_expect_eq(off(5000, 4), 2300);
	cr_expect_eq(off(4096, 4096), 12288);
	end();
}

/* C4: what the kernel does not see since 5.2. */
Test(percpu, a_hole_inside_a_page_of_a_full_chunk_is_not_seen)
{
	uint32_t areas[256];

	boot(4);
	fill_first_chunk();
	for (uint32_t i = 0; i < 256; i++) {
		cr_assert_eq(off(2048, 4), i * 2048);
		areas[i] = area;
	}
	cr_expect_eq(fresh_chunk()->whole.contig_hint, 0);
	cr_expect_eq(fresh_chunk()->slot, 0);
	drop(areas[20]);
	cr_expect_eq(fresh_chunk()->slot, 0);
	cr_expect_eq(fresh_chunk()->whole.contig_hint, 0);
	cr_expect_eq(pcpu_find_fit(pc(), fresh_chunk(), 25, 1, false), -1);
	drop(areas[0]);
	cr_expect_eq(fresh_chunk()->whole.contig_hint, 512);
	cr_expect_eq(fresh_chunk()->whole.contig_start, 0);
	cr_expect_eq(fresh_chunk()->slot, 9);
	cr_expect_eq(off(100, 4), 0);
	drop(areas[21]);
	cr_expect_eq(fresh_chunk()->whole.contig_hint, 1024);
	cr_expect_eq(fresh_chunk()->whole.contig_start, 10240);
	cr_expect_eq(fresh_chunk()->whole.scan_hint, 487);
	cr_expect_eq(fresh_chunk()->whole.scan_start, 25);
	cr_expect_eq(fresh_chunk()->slot, 10);
	cr_expect_eq(off(3000, 4), 40960);
	end();
}

/* C8. */
Test(percpu, large_areas_follow_one_another_by_their_rounded_sizes)
{
	uint32_t at = 0;

	boot(4);
	fill_first_chunk();
	for (uint32_t i = 0; i < 10; i++) {
		cr_expect_eq(off(32768 - 4 * i, 4), at);
		at += 32768 - 4 * i;
	}
	end();
}

/* 7.2 and C7. */
Test(percpu, units_are_as_large_as_the_cpus_and_their_nodes_make_them)
{
	static const struct {
		uint32_t cpus;
		uint64_t unit;
		uint32_t units;
	} example[] = { { 1, 2048, 1 }, { 2, 1024, 2 }, { 3, 512, 4 }, { 4, 512, 4 }, { 5, 1024, 6 }, { 6, 256, 8 },
		{ 8, 256, 8 }, { 16, 256, 16 } };

	for (size_t i = 0; i < sizeof(example) / sizeof(example[0]); i++) {
		struct percpu_layout layout;

		boot(example[i].cpus);
		percpu_get_layout(pc(), &layout);
		cr_expect_eq(layout.unit_size, example[i].unit << 10, "%u CPUs", example[i].cpus);
		cr_expect_eq(layout.nr_units, example[i].units, "%u CPUs", example[i].cpus);
		cr_expect_eq(layout.dynamic_size, 28672);
		end();
	}
}

/* What capture I-highmem-32bit printed: "Embedded 33 pages/cpu s104276 r0 d30892 u135168". */
Test(percpu, on_32_bits_units_are_whole_pages)
{
	struct percpu_layout layout;

	fx = mm_fixture_new(1, 64 << 20);
	fx->machine.bits32 = true;
	fx->machine.zones.dma32_end = 0;
	fx->machine.vmalloc = (struct machine_vmalloc){ .start = 0xf7ffe000, .size = 96 << 20, .guard_pages = 1,
		.lazy_max = MACHINE_AUTO };
	fx->machine.percpu.static_size = 104276;
	fx->machine.percpu.reserved = 0;
	mm_fixture_boot(fx);
	percpu_get_layout(pc(), &layout);
	cr_expect_eq(layout.unit_size, 135168);
	cr_expect_eq(layout.dynamic_size, 30892);
	cr_expect_eq(off(4, 4), 104276 % 4096);
	end();
}

Test(percpu, two_nodes_have_a_group_of_units_each)
{
	struct percpu_layout layout;

	fx = mm_fixture_new(8, 64 << 20);
	fx->machine.nr_nodes = 2;
	fx->machine.distance[0][1] = fx->machine.distance[1][0] = 20;
	fx->machine.distance[1][1] = 10;
	fx->machine.ram[fx->machine.nr_ram++] =
		(struct machine_range){ .start = 65 << 20, .size = 64 << 20, .node = 1 };
	for (uint32_t cpu = 4; cpu < 8; cpu++)
		fx->machine.node_of_cpu[cpu] = 1;
	mm_fixture_boot(fx);
	percpu_get_layout(pc(), &layout);
	cr_expect_eq(layout.unit_size, 512 << 10);
	cr_expect_eq(layout.nr_groups, 2);
	cr_expect_eq(layout.units_per_alloc, 4);
	cr_expect_eq(pc()->unit_offset[5] - pc()->unit_offset[4], 512 << 10);
	fill_first_chunk();
	cr_expect_eq(off(4096, 4096), 0);
	cr_expect_eq(off(4, 4), 4096);
	end();
}

/* 7.8. */
Test(percpu, chunks_come_from_the_top_of_the_vmalloc_space)
{
	boot(4);
	fill_first_chunk();
	off(4, 4);
	cr_expect_eq(percpu_base(pc(), percpu_place(pc(), area).chunk), 0xffffe8ffffc00000);
	for (uint32_t i = 0; i < 16; i++)
		off(32768, 4);
	cr_expect_eq(percpu_base(pc(), percpu_place(pc(), area).chunk), 0xffffe8ffffa00000);
	end();
}

Test(percpu, too_large_or_too_aligned_is_refused)
{
	boot(1);
	cr_expect_eq(ask(32769, 4, GFP_KERNEL), MM_FAILED);
	cr_expect_eq(ask(0, 4, GFP_KERNEL), MM_FAILED);
	cr_expect_eq(ask(8, 8192, GFP_KERNEL), MM_FAILED);
	cr_expect_eq(ask(8, 12, GFP_KERNEL), MM_FAILED);
	cr_expect_eq(ask(32768, 4096, GFP_KERNEL), MM_DONE);
	cr_expect_eq(pc()->done.refused, 4);
	end();
}

/* 7.6: atomic requests live on populated pages; a failed one has four more populated. */
Test(percpu, an_atomic_request_takes_no_page_and_calls_for_the_balance_when_it_fails)
{
	uint64_t before;

	boot(2);
	fill_first_chunk();
	before = mm_fixture_free_pages(fx);
	cr_expect_eq(ask(4, 4, GFP_NOWAIT), MM_FAILED);
	cr_expect(percpu_balance_due(pc()));
	cr_expect_eq(mm_fixture_free_pages(fx), before);
	percpu_balance(pc(), 0, &fx->meter);
	mm_fixture_check(fx);
	cr_expect_not(percpu_balance_due(pc()));
	cr_expect_eq(pc()->done.pages_populated, 4);
	cr_expect_eq(pc()->nr_empty, 4);
	/* 4 pages of both CPUs, and page tables. */
	cr_expect_geq(before - mm_fixture_free_pages(fx), 8);
	cr_expect_eq(ask(16384, 4, GFP_NOWAIT), MM_DONE);
	cr_expect_eq(percpu_place(pc(), area).off, 0);
	cr_expect_eq(ask(4, 4, GFP_NOWAIT), MM_FAILED);
	end();
}

Test(percpu, the_balance_begins_below_two_empty_pages_and_makes_four)
{
	boot(1);
	cr_expect_eq(pc()->nr_empty, 7);
	off(20480, 4096);
	cr_expect_eq(pc()->nr_empty, 2);
	cr_expect_not(percpu_balance_due(pc()));
	off(4, 4);
	cr_expect(percpu_balance_due(pc()));
	percpu_balance(pc(), 0, &fx->meter);
	cr_expect_eq(pc()->nr_empty, 4);
	cr_expect_eq(pc()->done.chunks, 2);
	end();
}

/* 7.9, 7.10: of wholly free chunks one stays; its pages go beyond what is kept at hand. */
Test(percpu, free_chunks_but_one_are_destroyed_by_the_balance)
{
	uint32_t areas[48];

	boot(4);
	fill_first_chunk();
	for (uint32_t i = 0; i < 48; i++) {
		off(32768, 4);
		areas[i] = area;
	}
	cr_expect_eq(pc()->done.chunks, 4);
	for (uint32_t i = 0; i < 48; i++) {
		drop(areas[i]);
		if (percpu_balance_due(pc()))
			percpu_balance(pc(), 0, &fx->meter);
		mm_fixture_check(fx);
	}
	cr_expect_leq(pc()->done.chunks, 2);
	cr_expect_gt(pc()->done.pages_depopulated, 0);
	end();
}

Test(percpu, pages_come_from_the_node_of_each_cpu_and_go_back_with_the_chunk)
{
	struct percpu_stats stats;

	boot(4);
	percpu_get_stats(pc(), &stats);
	cr_expect_eq(stats.populated_pages, 61);
	fill_first_chunk();
	off(5000, 4);
	percpu_get_stats(pc(), &stats);
	cr_expect_eq(stats.populated_pages, 63);
	cr_expect_eq(stats.allocated_bytes, 28672 + 5000);
	cr_expect_eq(stats.chunks, 2);
	cr_expect_eq(stats.free_bytes, 524288 - 5000);
	cr_expect_eq(stats.largest_free_bytes, 524288 - 5000);
	cr_expect_eq(stats.hole_bytes, 0);
	drop(percpu_claim(pc(), PERCPU_RESERVED_CHUNK + 1, 8192, 8, &fx->meter));
	off(4096, 4096);
	percpu_get_stats(pc(), &stats);
	cr_expect_eq(stats.hole_bytes, 8192 - 5000);
	end();
}

Test(percpu, static_areas_of_modules_have_the_reserved_chunk)
{
	struct percpu_request req = { .size = 8192, .align = 64, .gfp = GFP_KERNEL, .reserved = true };
	uint64_t at;

	boot(1);
	cr_assert_eq(percpu_alloc(pc(), &req, &area, &fx->meter), MM_DONE);
	cr_expect_eq(percpu_place(pc(), area).chunk, PERCPU_RESERVED_CHUNK);
	cr_expect_eq(percpu_place(pc(), area).off, 0);
	req.size = 4;
	cr_expect_eq(percpu_alloc(pc(), &req, &area, &fx->meter), MM_FAILED);
	cr_expect_eq(percpu_define(pc(), 100, 64, &at), MM_DONE);
	cr_expect_eq(at, 0);
	cr_expect_eq(percpu_define(pc(), 8, 8, &at), MM_DONE);
	cr_expect_eq(at, 104);
	cr_expect_eq(percpu_define(pc(), 212992, 8, &at), MM_FAILED);
	end();
}

/* An obvious model: which bytes of which chunk are whose. */
#define MAX_LIVE 400u

/* The area that was taken last lies as asked, and on none of @live[0 .. nr-1]. */
static void expect_place_of_its_own(const uint32_t *live, uint32_t nr, uint32_t size, uint32_t align, uint64_t seed)
{
	struct percpu_place place = percpu_place(pc(), area);

	cr_assert_eq(place.off % align, 0, "seed %lu, %u live", (unsigned long)seed, nr);
	cr_assert_eq(place.size, (size + 3) / 4 * 4);
	for (uint32_t k = 0; k < nr; k++) {
		struct percpu_place other = percpu_place(pc(), live[k]);

		cr_assert(other.chunk != place.chunk || other.off + other.size <= place.off ||
				  place.off + place.size <= other.off,
			"seed %lu, %u live", (unsigned long)seed, nr);
	}
}

static void run_property(uint64_t seed, uint32_t cpus)
{
	struct rng rng;
	struct percpu_stats stats;
	uint32_t live[MAX_LIVE], nr = 0;

	boot(cpus);
	rng_init(&rng, seed, "percpu");
	for (int i = 0; i < 1500; i++) {
		bool take = nr == 0 || (nr < MAX_LIVE && rng_below(&rng, 100) < (i / 300 % 2 ? 35u : 70u));

		if (take) {
			uint32_t size = 1 + (uint32_t)rng_below(&rng, rng_below(&rng, 8) ? 300 : 32768);
			uint32_t align = 1u << rng_below(&rng, 13);

			if (ask(size, align, rng_below(&rng, 4) ? GFP_KERNEL : GFP_NOWAIT) == MM_DONE) {
				expect_place_of_its_own(live, nr, size, align, seed);
				live[nr++] = area;
			}
		} else {
			uint32_t k = (uint32_t)rng_below(&rng, nr);

			percpu_free(pc(), live[k], &fx->meter);
			live[k] = live[--nr];
		}
		mm_fixture_check(fx);
		percpu_get_stats(pc(), &stats); /* and the next check holds what it measured against the map */
		if (percpu_balance_due(pc()) && rng_below(&rng, 3) == 0) {
			percpu_balance(pc(), 0, &fx->meter);
			mm_fixture_check(fx);
		}
	}
	while (nr)
		percpu_free(pc(), live[--nr], &fx->meter);
	/*
	 * The first one puts chunks that were isolated back among
	 * the free ones, the second destroys all but one of these.
	 */
	percpu_balance(pc(), 0, &fx->meter);
	percpu_balance(pc(), 0, &fx->meter);
	cr_expect_eq(pc()->done.allocated_bytes, 0);
	cr_expect_leq(pc()->done.chunks, 2);
	end();
}

Test(percpu, areas_never_overlap_and_all_comes_back)
{
	run_property(1, 1);
	run_property(2, 4);
	run_property(3, 8);
}

/* A chunk of a saved state: its addresses are claimed, its pages are some that are in use. */
Test(percpu, an_adopted_chunk_takes_lent_pages_and_gives_them_back)
{
	struct page_request req = { .gfp = GFP_KERNEL, .node = -1 };
	struct vmalloc *vm;
	pfn_t pfns[3];
	uint32_t areas[1], chunk, kept;

	boot(1);
	fill_first_chunk();
	vm = mm_state(&fx->mm, SLOT_VMALLOC);
	areas[0] = vmap_claim(vm, 0xffffe8ffffc00000, 0xffffe8ffffc00000 + pc()->layout.unit_size, VMAP_PERCPU);
	cr_assert_neq(areas[0], VMAP_AREA_NONE);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(page_alloc_take(fx->mm.pages, &req, &pfns[i], &fx->meter), MM_DONE);
	chunk = percpu_adopt_chunk(pc(), areas);
	cr_assert_neq(chunk, PERCPU_AREA_NONE);
	cr_expect_eq(percpu_base(pc(), chunk), 0xffffe8ffffc00000);
	cr_expect_eq(percpu_lend(pc(), pfns, 3), 0);
	kept = percpu_claim(pc(), chunk, 4096, 8192, &fx->meter);
	cr_assert_neq(kept, PERCPU_AREA_NONE);
	mm_fixture_check(fx);
	cr_expect_eq(pc()->chunks[chunk]->pages[1], pfns[2]);
	cr_expect_eq(pc()->chunks[chunk]->pages[2], pfns[1]);
	cr_expect_eq(percpu_lend(pc(), NULL, 0), 1);
	page_alloc_give(fx->mm.pages, pfns[0], 0, 0, &fx->meter);
	/* The next area is in that chunk. */
	cr_expect_eq(off(64, 8), 0);
	cr_expect_eq(percpu_place(pc(), area).chunk, chunk);
	drop(area);
	drop(kept);
	end();
}

Test(percpu, each_broken_invariant_is_reported)
{
	struct percpu_stats stats;
	struct pcpu_chunk *first;

	boot(1);
	off(64, 4);
	first = pc()->chunks[PERCPU_FIRST_CHUNK];
	first->free_bytes += 4;
	mm_fixture_expect_broken(fx, "percpu 1");
	first->free_bytes -= 4;
	pc()->areas[area].bit = 3;
	mm_fixture_expect_broken(fx, "percpu 2");
	pc()->areas[area].bit = 0;
	first->blocks[1].contig_hint--;
	mm_fixture_expect_broken(fx, "percpu 3");
	first->blocks[1].contig_hint++;
	first->blocks[1].left_free--;
	mm_fixture_expect_broken(fx, "percpu 3");
	first->blocks[1].left_free++;
	first->whole.first_free++;
	mm_fixture_expect_broken(fx, "percpu 4");
	first->whole.first_free--;
	first->slot = 1;
	mm_fixture_expect_broken(fx, "percpu 5");
	first->slot = pcpu_chunk_slot(pc(), first);
	first->nr_empty++;
	mm_fixture_expect_broken(fx, "percpu 6");
	first->nr_empty--;
	pc()->nr_empty++;
	mm_fixture_expect_broken(fx, "percpu 6");
	pc()->nr_empty--;
	percpu_get_stats(pc(), &stats);
	first->runs.hole_bytes += 4;
	mm_fixture_expect_broken(fx, "percpu 7");
	first->runs.hole_bytes -= 4;
	end();
}
