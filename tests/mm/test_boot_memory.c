/* Boot memory: spec/page-allocator.md 2.5. */
#include "base/rng.h"
#include "mm/boot_memory.h"
#include "tests/mm/mm_fixture.h"

static struct mm_fixture *fx;

static struct boot_memory *bm(void)
{
	return mm_state(&fx->mm, SLOT_BOOT_MEMORY);
}

static void end(void)
{
	mm_fixture_end(fx);
}

static uint32_t block;

static uint64_t take(enum boot_call call, uint64_t size, uint64_t align)
{
	cr_assert_eq(boot_memory_take(bm(), call, size, align, &block), MM_DONE);
	mm_fixture_check(fx);
	return bm()->blocks[block].start;
}

/* 32 MiB from 1 MiB on; the last MiB but one is reserved. */
static void boot(void)
{
	fx = mm_fixture_new(1, 32 * MIB);
	fx->machine.reserved[fx->machine.nr_reserved++] = (struct machine_range){ .start = 31 * MIB, .size = MIB };
	mm_fixture_boot(fx);
}

Test(boot_memory, memblock_goes_down_from_the_top_byte_by_byte)
{
	boot();
	cr_expect_eq(take(BOOT_MEMBLOCK, 100, 0), 33 * MIB - 128);
	cr_expect_eq(take(BOOT_MEMBLOCK, 100, 4), 33 * MIB - 228);
	cr_expect_eq(take(BOOT_MEMBLOCK, MIB, 4096), 30 * MIB);
	cr_expect_eq(take(BOOT_MEMBLOCK, 4096, 4096), 33 * MIB - 8192);
	end();
}

Test(boot_memory, bootmem_goes_up_from_the_end_of_zone_dma)
{
	boot();
	cr_expect_eq(take(BOOT_BOOTMEM, 100, 0), 16 * MIB);
	cr_expect_eq(take(BOOT_BOOTMEM, 100, 0), 16 * MIB + 128);
	cr_expect_eq(take(BOOT_BOOTMEM_PAGES, 100, 0), 16 * MIB + 4096);
	cr_expect_eq(take(BOOT_BOOTMEM, 8192, 0), 16 * MIB + 4096 + 128);
	cr_expect_eq(take(BOOT_BOOTMEM_LOW, 100, 0), 1 * MIB);
	cr_expect_eq(take(BOOT_BOOTMEM_LOW_PAGES, 100, 0), 1 * MIB + 4096);
	end();
}

Test(boot_memory, bootmem_falls_back_below_its_goal)
{
	boot();
	cr_expect_eq(take(BOOT_BOOTMEM_PAGES, 15 * MIB, 0), 16 * MIB);
	cr_expect_eq(take(BOOT_BOOTMEM_PAGES, 2 * MIB, 0), 1 * MIB);
	cr_expect_eq(boot_memory_take(bm(), BOOT_BOOTMEM, 64 * MIB, 0, &block), MM_FAILED);
	cr_expect_eq(boot_memory_take(bm(), BOOT_MEMBLOCK, 64 * MIB, 0, &block), MM_FAILED);
	end();
}

Test(boot_memory, bootmem_frees_only_pages_wholly_inside_the_range)
{
	uint64_t at;

	boot();
	at = take(BOOT_BOOTMEM_PAGES, 3 * 4096, 0);
	cr_expect_eq(boot_memory_give(bm(), at + 1, 3 * 4096, false), 2 * 4096);
	cr_expect_eq(bm()->blocks[block].freed, 2 * 4096);
	mm_fixture_check(fx);
	cr_expect_eq(take(BOOT_BOOTMEM_PAGES, 4096, 0), at + 4096);
	cr_expect_eq(boot_memory_give(bm(), at, 100, false), 0);
	cr_expect_eq(boot_memory_give(bm(), 20 * MIB, MIB, false), 0);
	at = take(BOOT_MEMBLOCK, 100, 4);
	cr_expect_eq(boot_memory_give(bm(), at, 60, true), 60);
	cr_expect_eq(take(BOOT_MEMBLOCK, 60, 4), at);
	end();
}

Test(boot_memory, what_is_taken_is_reserved_in_the_machine_that_boots)
{
	struct machine machine;
	struct err err = { 0 };

	boot();
	take(BOOT_MEMBLOCK, 4096, 4096);
	take(BOOT_BOOTMEM, 100, 0);
	machine = fx->machine;
	cr_assert_eq(boot_memory_reserve(bm(), &machine, &err), 0);
	cr_assert_eq(machine.nr_reserved, 3);
	cr_expect_eq(machine.reserved[0].start, 16 * MIB);
	cr_expect_eq(machine.reserved[0].size, 4096);
	cr_expect_eq(machine.reserved[1].start, 31 * MIB);
	cr_expect_eq(machine.reserved[2].start, 33 * MIB - 4096);
	end();
}

Test(boot_memory, on_32_bits_high_memory_is_out_of_reach)
{
	fx = mm_fixture_new(1, 32 * MIB);
	fx->machine.bits32 = true;
	fx->machine.zones.dma32_end = 0;
	fx->machine.zones.highmem_above = 24 * MIB;
	fx->machine.vmalloc = (struct machine_vmalloc){ .start = 0xf7ffe000, .size = 96 * MIB, .guard_pages = 1,
		.lazy_max = MACHINE_AUTO };
	mm_fixture_boot(fx);
	cr_expect_eq(take(BOOT_MEMBLOCK, 4096, 4096), 24 * MIB - 4096);
	end();
}

/* Blocks lie in memory and apart; what is given can be taken again. */
Test(boot_memory, blocks_never_overlap)
{
	struct rng rng;

	boot();
	rng_init(&rng, 7, "boot_memory");
	for (int i = 0; i < 600; i++) {
		enum boot_call call = (enum boot_call)rng_below(&rng, NR_BOOT_CALLS);

		if (rng_below(&rng, 3) == 0 && bm()->nr_blocks) {
			struct boot_block *old = &bm()->blocks[rng_below(&rng, bm()->nr_blocks)];

			if (!old->freed && old->call == BOOT_MEMBLOCK)
				cr_assert_eq(boot_memory_give(bm(), old->start, old->size, true), old->size);
		} else if (boot_memory_take(bm(), call, 1 + rng_below(&rng, 20000), 1ull << rng_below(&rng, 14),
				   &block) == MM_DONE) {
			const struct boot_block *a = &bm()->blocks[block];

			cr_assert_eq(a->start % a->align, 0);
			for (uint32_t k = 0; k < block; k++) {
				const struct boot_block *b = &bm()->blocks[k];

				cr_assert(b->freed || a->start + a->size <= b->start || b->start + b->size <= a->start);
			}
		}
		mm_fixture_check(fx);
	}
	end();
}

Test(boot_memory, each_broken_invariant_is_reported)
{
	struct err err = { 0 };

	boot();
	take(BOOT_MEMBLOCK, 4096, 4096);
	bm()->taken[0].start = 31 * MIB + 4096;
	cr_expect_lt(mm_check(&fx->mm, &err), 0);
	cr_expect(strstr(err.text, "boot_memory 1") != NULL, "%s", err.text);
	bm()->taken[0].start = 33 * MIB - 4000;
	cr_expect_lt(mm_check(&fx->mm, &err), 0);
	cr_expect(strstr(err.text, "boot_memory 2") != NULL, "%s", err.text);
	bm()->taken[0].start = 33 * MIB - 4096;
	end();
}
