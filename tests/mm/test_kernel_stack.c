/* Stacks of tasks: spec/page-allocator.md 9.4. */
#include "mm/kernel_stack.h"

#include "base/rng.h"
#include "mm/vmalloc.h"
#include "tests/mm/mm_fixture.h"

#define V 0xffffc90000000000ull

static struct mm_fixture *fx;

static struct kernel_stacks *stacks(void)
{
	return mm_state(&fx->mm, SLOT_KERNEL_STACK);
}

static void boot(uint32_t cpus, bool vmap)
{
	fx = mm_fixture_new(cpus, 256ull << 20);
	fx->machine.kernel_stack.vmap = vmap;
	mm_fixture_boot(fx);
}

static void end(void)
{
	mm_fixture_end(fx);
}

static uint32_t take(unsigned int cpu)
{
	uint32_t stack;

	cr_assert_eq(kernel_stack_take(stacks(), cpu, -1, &stack, &fx->meter), MM_DONE);
	mm_fixture_check(fx);
	return stack;
}

static void give(uint32_t stack, unsigned int cpu)
{
	kernel_stack_give(stacks(), stack, cpu, &fx->meter);
	mm_fixture_check(fx);
}

static struct kernel_stack_stats stats(void)
{
	struct kernel_stack_stats s;

	kernel_stack_get_stats(stacks(), &s);
	return s;
}

/* 16 KiB, aligned to 16 KiB, and a guard page: the next one begins 32 KiB later. */
Test(kernel_stack, a_stack_is_an_area_of_four_pages_and_a_guard)
{
	boot(1, true);
	cr_expect_eq(kernel_stack_place(stacks(), take(0)), V);
	cr_expect_eq(kernel_stack_place(stacks(), take(0)), V + 0x8000);
	end();
}

Test(kernel_stack, each_cpu_keeps_two_and_gives_them_out_again)
{
	uint32_t a, b, c, again;

	boot(2, true);
	a = take(0);
	b = take(0);
	c = take(0);
	give(a, 0);
	give(b, 0);
	give(c, 0); /* no room: freed */
	cr_expect_eq(stats().cached, 2);
	cr_expect_eq(stats().freed, 1);
	/* The first non-empty place: the first that was freed. */
	again = take(0);
	cr_expect_eq(again, a);
	give(again, 1);
	cr_expect_eq(take(0), b);
	/* Those of the other CPU are its own. */
	cr_expect_neq(take(0), a);
	cr_expect_eq(take(1), a);
	cr_expect_eq(stats().from_cache, 3);
	cr_expect_eq(stats().live, 3);
	cr_expect_eq(stats().max_live, 3);
	end();
}

Test(kernel_stack, without_vmap_a_stack_is_one_block_of_order_2)
{
	struct vmalloc_stats areas;
	uint64_t free_pages;
	uint32_t stack;

	boot(1, false);
	free_pages = mm_fixture_free_pages(fx);
	stack = take(0);
	cr_expect_eq(stack % 4, 0);
	cr_expect_eq(stats().block_pages, 4);
	cr_expect_eq(mm_fixture_free_pages(fx), free_pages - 4);
	vmalloc_get_stats(mm_state(&fx->mm, SLOT_VMALLOC), &areas);
	cr_expect_eq(areas.areas, 0);
	give(stack, 0);
	cr_expect_eq(stats().cached, 0);
	cr_expect_eq(mm_fixture_free_pages(fx), free_pages);
	end();
}

Test(kernel_stack, the_word_at_the_end_must_stay)
{
	boot(1, true);
	cr_expect_not(kernel_stack_overflows(stacks(), 16376));
	cr_expect(kernel_stack_overflows(stacks(), 16377));
	cr_expect_eq(stats().irq_bytes, 16384);
	end();
}

Test(kernel_stack, tasks_come_and_go_and_nothing_is_lost)
{
	uint32_t live[64], nr = 0;
	struct vmalloc_stats areas;
	struct rng rng;

	boot(3, true);
	rng_init(&rng, 7, "test_kernel_stack");
	for (int step = 0; step < 2000; step++) {
		unsigned int cpu = (unsigned int)rng_below(&rng, 3);

		if (nr < 64 && rng_below(&rng, 2)) {
			live[nr++] = take(cpu);
		} else if (nr) {
			uint32_t victim = (uint32_t)rng_below(&rng, nr);

			give(live[victim], cpu);
			live[victim] = live[--nr];
		}
		cr_assert_eq(stats().live, nr, "step %d", step);
	}
	vmalloc_get_stats(mm_state(&fx->mm, SLOT_VMALLOC), &areas);
	cr_expect_eq(areas.areas, nr + stats().cached);
	cr_expect_eq(areas.mapped_pages, 4 * (nr + stats().cached));
	end();
}
