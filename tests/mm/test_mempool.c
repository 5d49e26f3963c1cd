/* mempools: the worked examples of create, alloc, free, resize and destroy, and pools at random. */
#include "base/rng.h"
#include "mm/mempool_priv.h"
#include "tests/mm/mm_fixture.h"

struct fixture {
	struct mm_fixture *fx;
	struct mempools *m;
	pfn_t *taken; /* blocks that make memory short */
	uint32_t nr_taken;
};

static struct fixture start(uint64_t ram_bytes)
{
	struct fixture f = { .fx = mm_fixture_new(1, ram_bytes) };

	mm_fixture_boot(f.fx);
	f.m = mm_state(&f.fx->mm, SLOT_MEMPOOL);
	f.taken = calloc(65536, sizeof(*f.taken));
	cr_assert_not_null(f.taken);
	return f;
}

static void stop(struct fixture *f)
{
	mm_fixture_check(f->fx);
	free(f->taken);
	mm_fixture_free(f->fx);
}

static uint64_t live(const struct fixture *f, const char *cache)
{
	struct slab_stats stats;

	slab_cache_stats(f->fx->mm.slab, slab_cache_find(f->fx->mm.slab, cache), &stats);
	return stats.live_objs;
}

static uint32_t create(struct fixture *f, struct mempool_create want)
{
	uint32_t pool = MEMPOOL_NONE;

	cr_assert_eq(mempool_create(f->m, &want, 0, &pool, &f->fx->meter), MM_DONE);
	return pool;
}

static struct mempool_stats stats_of(const struct fixture *f, uint32_t pool)
{
	struct mempool_stats stats;

	mempool_get_stats(f->m, pool, &stats);
	return stats;
}

static uint32_t alloc(struct fixture *f, uint32_t pool, gfp_t gfp)
{
	uint32_t element;

	f->fx->meter.wait = (struct mm_wait){ 0 };
	cr_assert_eq(mempool_alloc(f->m, pool, gfp, 0, &element, &f->fx->meter), MM_DONE);
	return element;
}

static enum mm_answer ask(struct fixture *f, uint32_t pool, gfp_t gfp)
{
	uint32_t element;

	return mempool_alloc(f->m, pool, gfp, 0, &element, &f->fx->meter);
}

/* Take all blocks of that order that anyone can have. */
static void make_short(struct fixture *f, unsigned int order)
{
	struct page_request want = { .gfp = GFP_ATOMIC, .node = -1, .order = (uint8_t)order };

	while (page_alloc_take(f->fx->mm.pages, &want, &f->taken[f->nr_taken], &f->fx->meter) == MM_DONE)
		f->nr_taken++;
}

static void make_plenty(struct fixture *f, unsigned int order)
{
	while (f->nr_taken)
		page_alloc_give(f->fx->mm.pages, f->taken[--f->nr_taken], order, 0, &f->fx->meter);
}

/* Q1: the pool's header of 72 bytes, an array of three pointers, three elements. */
Test(mempool, creation_takes_header_array_and_min_nr_elements)
{
	struct fixture f = start(64 << 20);
	uint64_t of_96 = live(&f, "kmalloc-96"), of_32 = live(&f, "kmalloc-32"), of_512 = live(&f, "kmalloc-512");
	uint32_t pool = create(&f, (struct mempool_create){ .kind = MEMPOOL_KMALLOC, .size = 512, .min_nr = 3 });

	cr_assert_eq(live(&f, "kmalloc-96"), of_96 + 1);
	cr_assert_eq(live(&f, "kmalloc-32"), of_32 + 1);
	cr_assert_eq(live(&f, "kmalloc-512"), of_512 + 3);
	cr_assert_eq(stats_of(&f, pool).curr_nr, 3);
	cr_assert_eq(stats_of(&f, pool).element_alloc, 512);
	cr_assert_eq(mempool_destroy(f.m, pool, 0, &f.fx->meter), 0);
	cr_assert_eq(live(&f, "kmalloc-96"), of_96);
	cr_assert_eq(live(&f, "kmalloc-32"), of_32);
	cr_assert_eq(live(&f, "kmalloc-512"), of_512);
	stop(&f);
}

/* Of 32 bits: a header of 40 bytes, pointers of 4. */
Test(mempool, creation_on_32_bits_takes_less)
{
	struct fixture f = { .fx = mm_fixture_new(1, 64 << 20) };
	uint64_t of_64, of_16;

	f.fx->machine.bits32 = true;
	f.fx->machine.vmalloc = (struct machine_vmalloc){ .start = 0xf77fe000, .size = 120 << 20, .guard_pages = 1,
		.lazy_max = MACHINE_AUTO };
	mm_fixture_boot(f.fx);
	f.m = mm_state(&f.fx->mm, SLOT_MEMPOOL);
	of_64 = live(&f, "kmalloc-64");
	of_16 = live(&f, "kmalloc-16");
	create(&f, (struct mempool_create){ .kind = MEMPOOL_KMALLOC, .size = 512, .min_nr = 3 });
	cr_expect_eq(live(&f, "kmalloc-64"), of_64 + 1);
	cr_expect_eq(live(&f, "kmalloc-16"), of_16 + 1);
	stop(&f);
}

/* Q2, Q3, Q4: with nothing behind the pool the reserve goes down, last element first; then who may sleep waits. */
Test(mempool, reserve_is_used_when_the_backing_fails_and_refilled_first)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, (struct mempool_create){ .kind = MEMPOOL_PAGES, .order = 9, .min_nr = 3 });
	uint32_t first = f.m->pools[pool].reserve[0], last = f.m->pools[pool].reserve[2], extra, elements[3];

	extra = alloc(&f, pool, GFP_KERNEL);
	make_short(&f, 9);
	for (uint32_t i = 0; i < 3; i++) {
		elements[i] = alloc(&f, pool, GFP_ATOMIC);
		cr_assert_eq(stats_of(&f, pool).curr_nr, 2 - i);
	}
	cr_assert_eq(elements[0], last);
	cr_assert_eq(elements[2], first);
	cr_assert_eq(ask(&f, pool, GFP_ATOMIC), MM_FAILED);
	cr_assert_eq(ask(&f, pool, GFP_KERNEL), MM_WAIT);
	cr_assert_eq(f.fx->meter.wait.reason, SLEEP_MEMPOOL);
	cr_assert_eq(f.fx->meter.wait.timeout_ns, 5000000000u);
	/* After 5 s nothing has changed: it waits again. */
	f.fx->meter.wait.timed_out = true;
	cr_assert_eq(ask(&f, pool, GFP_KERNEL), MM_WAIT);
	cr_assert_eq(stats_of(&f, pool).timeouts, 1);
	f.fx->meter.wait = (struct mm_wait){ 0 };

	cr_assert_eq(mempool_free(f.m, elements[0], 0, &f.fx->meter), pool, "a waiter is to be woken");
	cr_assert_eq(stats_of(&f, pool).curr_nr, 1);
	cr_assert_eq(mempool_free(f.m, elements[1], 0, &f.fx->meter), pool);
	cr_assert_eq(mempool_free(f.m, extra, 0, &f.fx->meter), pool, "an element need not have come from the reserve");
	cr_assert_eq(mempool_free(f.m, elements[2], 0, &f.fx->meter), MEMPOOL_NONE, "a full reserve frees");
	cr_assert_eq(stats_of(&f, pool).curr_nr, 3);
	cr_assert_eq(stats_of(&f, pool).lowest, 0);
	cr_assert_eq(stats_of(&f, pool).from_reserve, 3);
	cr_assert_eq(stats_of(&f, pool).refills, 3);
	make_plenty(&f, 9);
	stop(&f);
}

/* Q5: a larger array of 40 bytes (64) and two more elements; a smaller pool frees three and keeps its array. */
Test(mempool, resize_grows_with_a_new_array_and_shrinks_without)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, (struct mempool_create){ .kind = MEMPOOL_KMALLOC, .size = 512, .min_nr = 3 });
	uint64_t of_64 = live(&f, "kmalloc-64"), of_32 = live(&f, "kmalloc-32"), of_512 = live(&f, "kmalloc-512");

	cr_assert_eq(mempool_resize(f.m, pool, 5, 0, &f.fx->meter), MM_DONE);
	cr_assert_eq(live(&f, "kmalloc-64"), of_64 + 1);
	cr_assert_eq(live(&f, "kmalloc-32"), of_32 - 1);
	cr_assert_eq(live(&f, "kmalloc-512"), of_512 + 2);
	cr_assert_eq(mempool_resize(f.m, pool, 2, 0, &f.fx->meter), MM_DONE);
	cr_assert_eq(live(&f, "kmalloc-64"), of_64 + 1);
	cr_assert_eq(live(&f, "kmalloc-512"), of_512 - 1);
	cr_assert_eq(stats_of(&f, pool).curr_nr, 2);
	cr_assert_eq(mempool_resize(f.m, pool, 0, 0, &f.fx->meter), MM_FAILED);
	stop(&f);
}

/* new_min_nr <= min_nr only gives back what is too much: later frees fill the reserve. */
Test(mempool, resize_to_what_it_is_leaves_the_reserve_as_it_is)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, (struct mempool_create){ .kind = MEMPOOL_PAGES, .order = 9, .min_nr = 3 }),
		 elements[2];

	make_short(&f, 9);
	for (uint32_t i = 0; i < 2; i++)
		elements[i] = alloc(&f, pool, GFP_ATOMIC);
	make_plenty(&f, 9);
	cr_assert_eq(mempool_resize(f.m, pool, 3, 0, &f.fx->meter), MM_DONE);
	cr_expect_eq(stats_of(&f, pool).curr_nr, 1);
	for (uint32_t i = 0; i < 2; i++)
		mempool_free(f.m, elements[i], 0, &f.fx->meter);
	cr_expect_eq(stats_of(&f, pool).curr_nr, 3);
	cr_expect_eq(stats_of(&f, pool).refills, 2);
	stop(&f);
}

/* Q6 */
Test(mempool, destruction_frees_the_reserve_and_tells_what_callers_still_hold)
{
	struct fixture f = start(64 << 20);
	uint32_t pool =
		create(&f, (struct mempool_create){ .name = 7, .kind = MEMPOOL_KMALLOC, .size = 512, .min_nr = 3 });
	uint64_t of_512 = live(&f, "kmalloc-512");
	uint32_t element = alloc(&f, pool, GFP_KERNEL);

	cr_assert_eq(mempool_find(f.m, 7), pool);
	cr_assert_eq(mempool_destroy(f.m, pool, 0, &f.fx->meter), 1);
	cr_assert_eq(live(&f, "kmalloc-512"), of_512 - 3 + 1);
	cr_assert_eq(mempool_find(f.m, 7), MEMPOOL_NONE);
	mm_fixture_check(f.fx);
	/* Freed to a pool that is gone: to the backing, no waiter. */
	cr_assert_eq(mempool_free(f.m, element, 0, &f.fx->meter), MEMPOOL_NONE);
	cr_assert_eq(live(&f, "kmalloc-512"), of_512 - 3);
	stop(&f);
}

Test(mempool, light_attempt_comes_first_and_reserve_before_reclaim)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, (struct mempool_create){ .kind = MEMPOOL_PAGES, .order = 9, .min_nr = 1 });
	uint64_t failures;

	make_short(&f, 9);
	failures = page_alloc_counter(f.fx->mm.pages, PC_ALLOC_FAIL);
	/* One light attempt fails, then the reserve serves. */
	alloc(&f, pool, GFP_KERNEL);
	cr_assert_eq(page_alloc_counter(f.fx->mm.pages, PC_ALLOC_FAIL), failures + 1);
	/* GFP_ATOMIC is light already: one attempt; GFP_KERNEL makes two. */
	cr_assert_eq(ask(&f, pool, GFP_ATOMIC), MM_FAILED);
	cr_assert_eq(page_alloc_counter(f.fx->mm.pages, PC_ALLOC_FAIL), failures + 2);
	cr_assert_eq(ask(&f, pool, GFP_KERNEL), MM_WAIT);
	cr_assert_eq(page_alloc_counter(f.fx->mm.pages, PC_ALLOC_FAIL), failures + 4);
	stop(&f);
}

Test(mempool, creation_that_gets_too_few_elements_gives_all_back)
{
	struct fixture f = start(64 << 20);
	struct mempool_create want = { .kind = MEMPOOL_PAGES, .order = 10, .min_nr = 1000 };
	uint64_t of_96 = live(&f, "kmalloc-96");
	uint32_t pool = MEMPOOL_NONE;

	cr_assert_eq(mempool_create(f.m, &want, 0, &pool, &f.fx->meter), MM_FAILED);
	cr_assert_eq(live(&f, "kmalloc-96"), of_96);
	cr_assert_eq(f.m->pools[pool].stats.curr_nr, 0);
	stop(&f);
}

Test(mempool, thousand_random_operations_keep_every_invariant)
{
	struct fixture f = start(32 << 20);
	struct slab_create cache = { .name = "elements", .object_size = 200 };
	struct mempool_create want[4] = {
		{ .kind = MEMPOOL_SLAB, .min_nr = 5 }, { .kind = MEMPOOL_KMALLOC, .size = 3000, .min_nr = 8 },
		{ .kind = MEMPOOL_PAGES, .order = 3, .min_nr = 3 }, { .kind = MEMPOOL_KMALLOC, .size = 20000,
			.min_nr = 2 },
	};
	uint32_t pools[4], elements[2000], nr = 0;
	struct rng rng;

	rng_init(&rng, 5, "test");
	cr_assert_neq(slab_cache_create(f.fx->mm.slab, &cache, &want[0].cache, &f.fx->meter), SLAB_CREATE_FAILED);
	for (int i = 0; i < 4; i++)
		pools[i] = create(&f, want[i]);
	for (int step = 0; step < 1000; step++) {
		uint64_t what = rng_below(&rng, 100);
		uint32_t pool = pools[rng_below(&rng, 4)], element;

		if (step % 200 == 100)
			make_short(&f, 0);
		if (step % 200 == 150)
			make_plenty(&f, 0);
		f.fx->meter.wait = (struct mm_wait){ 0 };
		if (what < 5)
			mempool_resize(f.m, pool, 1 + (uint32_t)rng_below(&rng, 12), 0, &f.fx->meter);
		else if (what < 55 || !nr)
			nr += mempool_alloc(f.m, pool, what & 1 ? GFP_KERNEL : GFP_ATOMIC, 0, &elements[nr],
				      &f.fx->meter) == MM_DONE;
		else {
			uint32_t at = (uint32_t)rng_below(&rng, nr);

			element = elements[at];
			elements[at] = elements[--nr];
			mempool_free(f.m, element, 0, &f.fx->meter);
		}
		mm_fixture_check(f.fx);
	}
	stop(&f);
}

Test(mempool, broken_invariants_are_reported_by_number)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, (struct mempool_create){ .kind = MEMPOOL_KMALLOC, .size = 512, .min_nr = 3 });
	uint32_t element = alloc(&f, pool, GFP_KERNEL);
	struct pool *p = &f.m->pools[pool];

	p->stats.create.min_nr = 2;
	mm_fixture_expect_broken(f.fx, "mempool 1");
	p->stats.create.min_nr = 3;
	f.m->elements[p->reserve[0]].next = 0;
	mm_fixture_expect_broken(f.fx, "mempool 2");
	f.m->elements[p->reserve[0]].next = 1;
	p->stats.outstanding++;
	mm_fixture_expect_broken(f.fx, "mempool 3");
	p->stats.outstanding--;
	slab_free(f.fx->mm.slab, f.m->elements[element].object, 0, &f.fx->meter);
	mm_fixture_expect_broken(f.fx, "mempool 4");
	free(f.taken);
	mm_fixture_free(f.fx);
}
