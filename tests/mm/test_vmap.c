/* Addresses: the tree of free areas, blocks of vm_map_ram(), groups of per-CPU chunks; spec 13.9, V16, and 5.7. */
#include "base/rng.h"
#include "mm/vmalloc_priv.h"
#include "tests/mm/mm_fixture.h"

#define V 0xffffc90000000000ull
#define PAGE 4096ull

static struct mm_fixture *fx;

static struct vmalloc *vm(void)
{
	return mm_state(&fx->mm, SLOT_VMALLOC);
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

static uint32_t take(uint64_t bytes, enum vmap_use use)
{
	struct vmap_request req = { .size = bytes, .use = (uint8_t)use, .node = -1 };
	uint32_t area = VMAP_AREA_NONE;

	cr_assert_eq(vmap_take(vm(), &req, &area, &fx->meter), MM_DONE);
	return area;
}

/* V16: an aligned search skips subtrees without a block that is long enough wherever it lies. */
Test(vmap, an_aligned_request_goes_where_the_tree_s_shape_leads)
{
	static const uint64_t expected[] = { 0xd0000, 0xf0000, 0x110000, 0x130000, 0x90000, 0xb0000 };
	uint32_t areas[21], halves[21];

	boot(1);
	for (int i = 0; i <= 20; i++) {
		bool split = i == 1 || i == 3 || i == 5;

		areas[i] = take((split ? 7 : 15) * PAGE, VMAP_VMAP);
		if (split)
			halves[i] = take(7 * PAGE, VMAP_VMAP);
		cr_assert_eq(vmap_address(vm(), areas[i]), V + (uint64_t)i * 0x10000);
	}
	for (int i = 1; i <= 19; i += 2)
		vmap_give(vm(), areas[i], 0, &fx->meter);
	vmap_purge(vm(), &fx->meter);
	mm_fixture_check(fx);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(vmap_address(vm(), take(15 * PAGE, VMAP_IOREMAP)), V + expected[i], "request %d", i);
	cr_expect_eq(vmap_address(vm(), take(15 * PAGE, VMAP_VMAP)), V + 0x70000);
	cr_expect_eq(vmap_address(vm(), take(7 * PAGE, VMAP_VMAP)), V + 0x10000);
	(void)halves;
	end();
}

/* A block of 256 pages, aligned to its size; parts follow one another, rounded up to powers of two. */
Test(vmap, small_map_ram_calls_are_carved_from_a_block_of_the_cpu)
{
	uint32_t a, b, c, other;
	struct vmalloc_stats stats;

	boot(2);
	cr_assert_eq(vm_map_ram(vm(), 1, 0, &a, &fx->meter), MM_DONE);
	cr_assert_eq(vm_map_ram(vm(), 3, 0, &b, &fx->meter), MM_DONE);
	cr_assert_eq(vm_map_ram(vm(), 1, 0, &c, &fx->meter), MM_DONE);
	cr_expect_eq(vmap_address(vm(), a), V);
	cr_expect_eq(vmap_address(vm(), b), V + 0x1000);
	cr_expect_eq(vmap_address(vm(), c), V + 0x5000);
	cr_assert_eq(vm_map_ram(vm(), 1, 1, &other, &fx->meter), MM_DONE);
	cr_expect_eq(vmap_address(vm(), other), V + 0x100000);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.blocks, 2);
	cr_expect_eq(stats.guard_bytes, 0);
	mm_fixture_check(fx);
	/* All that was handed out is back: only a purge frees the rest of the block. */
	vm_unmap_ram(vm(), a, 0, &fx->meter);
	vm_unmap_ram(vm(), b, 0, &fx->meter);
	vm_unmap_ram(vm(), c, 0, &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.blocks, 2);
	mm_fixture_check(fx);
	vmap_purge(vm(), &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.blocks, 1);
	cr_expect_eq(stats.used_bytes, 0x100000);
	end();
}

/* VMALLOC_SPACE of 32 bits is 128 MiB, whatever vmalloc= makes of the space: 32768 pages / 8 CPUs / 16. */
Test(vmap, a_block_of_32_bits_does_not_depend_on_the_size_of_the_space)
{
	static const uint64_t sizes[] = { 64 << 20, 120 << 20, 512 << 20 };
	uint32_t part;

	for (int i = 0; i < 3; i++) {
		fx = mm_fixture_new(1, 256ull << 20);
		fx->machine.bits32 = true;
		fx->machine.vmalloc.start = 0xd0000000;
		fx->machine.vmalloc.size = sizes[i];
		mm_fixture_boot(fx);
		cr_assert_eq(vm_map_ram(vm(), 1, 0, &part, &fx->meter), MM_DONE);
		cr_expect_eq(vm()->blocks.pages, 256);
		cr_expect_eq(vm()->busy_bytes, 256 * PAGE);
		end();
	}
}

Test(vmap, more_than_64_pages_of_map_ram_are_an_area_without_guard)
{
	uint32_t mapping, after;

	boot(1);
	cr_assert_eq(vm_map_ram(vm(), 65, 0, &mapping, &fx->meter), MM_DONE);
	cr_expect_eq(vmap_size(vm(), mapping), 0x41000);
	after = take(7 * PAGE, VMAP_VMAP);
	cr_expect_eq(vmap_address(vm(), after), V + 0x41000);
	cr_expect_eq(vmap_size(vm(), after), 0x8000);
	vm_unmap_ram(vm(), mapping, 0, &fx->meter);
	end();
}

Test(vmap, a_block_goes_when_all_of_it_was_used_and_freed)
{
	uint32_t mappings[4];
	struct vmalloc_stats stats;

	boot(1);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(vm_map_ram(vm(), 64, 0, &mappings[i], &fx->meter), MM_DONE);
	mm_fixture_check(fx);
	for (int i = 0; i < 4; i++)
		vm_unmap_ram(vm(), mappings[i], 0, &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.blocks, 0);
	cr_expect_eq(stats.lazy_bytes, 0x100000);
	end();
}

/* spec 7.8: 4 CPUs, chunks of one group, from the top of the space down. */
Test(vmap, groups_of_percpu_memory_come_from_the_top)
{
	const uint64_t offsets[] = { 0, 8 << 20 }, sizes[] = { 2 << 20, 2 << 20 };
	uint32_t areas[2];

	boot(4);
	cr_assert_eq(vmap_take_groups(vm(), offsets, sizes, 1, 2 << 20, areas, &fx->meter), MM_DONE);
	cr_expect_eq(vmap_address(vm(), areas[0]), 0xffffe8ffffc00000);
	cr_assert_eq(vmap_take_groups(vm(), offsets, sizes, 1, 2 << 20, areas, &fx->meter), MM_DONE);
	cr_expect_eq(vmap_address(vm(), areas[0]), 0xffffe8ffffa00000);
	/* Two groups: the upper one goes below these, the lower one 8 MiB further down. */
	cr_assert_eq(vmap_take_groups(vm(), offsets, sizes, 2, 2 << 20, areas, &fx->meter), MM_DONE);
	cr_expect_eq(vmap_address(vm(), areas[1]), 0xffffe8ffff800000);
	cr_expect_eq(vmap_address(vm(), areas[0]), 0xffffe8ffff000000);
	mm_fixture_check(fx);
	/* The next pair fits beside it, its upper group in the gap. */
	cr_assert_eq(vmap_take_groups(vm(), offsets, sizes, 2, 2 << 20, areas, &fx->meter), MM_DONE);
	cr_expect_eq(vmap_address(vm(), areas[1]), 0xffffe8ffff600000);
	cr_expect_eq(vmap_address(vm(), areas[0]), 0xffffe8fffee00000);
	end();
}

Test(vmap, a_claimed_area_is_passed_over)
{
	boot(1);
	cr_assert_neq(vmap_claim(vm(), V + 0x2000, V + 0x5000, VMAP_VMALLOC), VMAP_AREA_NONE);
	cr_expect_eq(vmap_claim(vm(), V + 0x4000, V + 0x6000, VMAP_VMALLOC), VMAP_AREA_NONE);
	cr_assert(vmap_claim_lazy(vm(), V + 0x5000, V + 0x7000));
	mm_fixture_check(fx);
	cr_expect_eq(vmap_address(vm(), take(PAGE, VMAP_VMAP)), V);
	cr_expect_eq(vmap_address(vm(), take(PAGE, VMAP_VMAP)), V + 0x7000);
	vmap_purge(vm(), &fx->meter);
	cr_expect_eq(vmap_address(vm(), take(PAGE, VMAP_VMAP)), V + 0x5000);
	end();
}

/* An obvious model: which pages of the window are taken; lazily freed ones are, until a purge. */
#define WINDOW 512u
#define MAX_LIVE 96u

static int lowest(const uint8_t *taken, uint32_t pages)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < WINDOW; i++) {
		run = taken[i] ? 0 : run + 1;
		if (run == pages)
			return (int)(i + 1 - pages);
	}
	return -1;
}

static void random_life(uint64_t seed)
{
	uint8_t taken[WINDOW] = { 0 };
	uint32_t live[MAX_LIVE], nr = 0;
	struct rng rng;

	rng_init(&rng, seed, "test_vmap");
	for (int step = 0; step < 3000; step++) {
		struct vmap_request req = { .size = (1 + rng_below(&rng, 12)) * PAGE, .use = VMAP_MAP_RAM, .node = -1,
			.start = V, .end = V + WINDOW * PAGE };
		uint32_t pages = (uint32_t)(req.size / PAGE);

		if (nr < MAX_LIVE && rng_below(&rng, 2)) {
			int at = lowest(taken, pages);

			if (at < 0) /* the failed search purges */
				for (uint32_t i = 0; i < WINDOW; i++)
					taken[i] &= 1;
			at = lowest(taken, pages);
			cr_assert_eq(vmap_take(vm(), &req, &live[nr], &fx->meter), at < 0 ? MM_FAILED : MM_DONE,
				"seed %lu step %d", seed, step);
			if (at < 0)
				continue;
			cr_assert_eq(vmap_address(vm(), live[nr]), V + (uint64_t)at * PAGE, "seed %lu step %d", seed,
				step);
			memset(taken + at, 1, pages);
			nr++;
		} else if (nr) {
			uint32_t victim = (uint32_t)rng_below(&rng, nr);
			uint64_t at = (vmap_address(vm(), live[victim]) - V) / PAGE;

			memset(taken + at, 2, vmap_size(vm(), live[victim]) / PAGE);
			vmap_give(vm(), live[victim], 0, &fx->meter);
			live[victim] = live[--nr];
		} else {
			vmap_purge(vm(), &fx->meter);
			for (uint32_t i = 0; i < WINDOW; i++)
				taken[i] &= 1;
		}
		mm_fixture_check(fx);
	}
}

Test(vmap, three_thousand_random_operations_agree_with_a_page_map)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		boot(1);
		random_life(seed);
		end();
	}
}

Test(vmap, broken_invariants_are_reported)
{
	uint32_t a, b, ram;
	struct vmalloc *v;

	boot(1);
	v = vm();
	a = take(PAGE, VMAP_VMAP);
	b = take(PAGE, VMAP_VMAP);
	take(PAGE, VMAP_VMAP);
	vmap_give(v, b, 0, &fx->meter);
	cr_assert_eq(vm_map_ram(v, 1, 0, &ram, &fx->meter), MM_DONE);
	v->lazy_pages++;
	mm_fixture_expect_broken(fx, "vmalloc 3");
	v->lazy_pages--;
	v->busy_bytes++;
	mm_fixture_expect_broken(fx, "vmalloc 3");
	v->busy_bytes--;
	v->nodes.all[v->free.root].red = true;
	mm_fixture_expect_broken(fx, "vmalloc 1: vmap_tree 2");
	v->nodes.all[v->free.root].red = false;
	v->nodes.all[v->free.root].longest++;
	mm_fixture_expect_broken(fx, "vmalloc 1: vmap_tree 3");
	v->nodes.all[v->free.root].longest--;
	v->nodes.all[v->lazy.root].state = VMAP_FREE;
	mm_fixture_expect_broken(fx, "vmalloc 1: vmap_tree 1");
	v->nodes.all[v->lazy.root].state = VMAP_LAZY;
	v->nodes.all[a].end += PAGE;
	v->busy_bytes += PAGE;
	mm_fixture_expect_broken(fx, "vmalloc 2");
	v->nodes.all[a].end -= PAGE;
	v->busy_bytes -= PAGE;
	v->blocks.all[0].dirty = v->blocks.pages;
	mm_fixture_expect_broken(fx, "vmap_block 1");
	v->blocks.all[0].dirty = 0;
	v->blocks.all[0].queued = false;
	mm_fixture_expect_broken(fx, "vmap_block 2");
	v->blocks.all[0].queued = true;
	end();
}
