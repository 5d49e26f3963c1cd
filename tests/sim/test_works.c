/* What the kernel does by the clock and on its workers, asked by itself: when, and how often. */
#include <inttypes.h>

#include "mm/slab_priv.h"
#include "tests/sim/reclaim_fixture.h"

/* A block of one page that waits for a grace period. */
static void give_rcu(struct world *w)
{
	page_alloc_give_rcu(w->fx->pa, take(w->fx, 0, M), 0, 0, &w->run.meter);
	meter_restart(&w->run.meter);
}

static void fire(struct world *w)
{
	struct err err = { 0 };

	cr_assert_eq(engine_run_first(&w->run.engine, &err), 0, "%s", err.text);
}

/* call_rcu(): who comes after it has begun waits for the next one. */
Test(works, a_grace_period_is_for_those_who_came_before_it)
{
	struct world *w = world_new(1);

	page_alloc_delay_rcu(w->fx->pa);
	w->run.reclaim.active = false;
	run_schedule_rcu(&w->run);
	cr_expect_eq(w->run.engine.queue.nr, 0, "nobody waits");
	give_rcu(w);
	run_schedule_rcu(&w->run);
	give_rcu(w);
	run_schedule_rcu(&w->run);
	cr_expect_eq(w->run.engine.queue.nr, 1);
	cr_expect_not(works_left(&w->run), "the end of the trace does not wait for it");
	fire(w);
	cr_expect_eq(w->run.engine.now, 12000000);
	cr_expect_eq(page_alloc_rcu_waiting(w->fx->pa), 1);
	fire(w);
	cr_expect_geq(w->run.engine.now, 24000000);
	cr_expect_eq(page_alloc_rcu_waiting(w->fx->pa), 0);
	cr_expect_eq(w->run.works_done[WORK_RCU], 2);
	world_free(w);
}

/*
 * A worker is woken when the request that asks for it comes to that; while the machine boots, there is nobody
 * to wait for.
 */
Test(works, a_worker_comes_after_what_its_request_has_done_so_far)
{
	struct world *w = world_new(1);

	page_alloc_delay_rcu(w->fx->pa);
	w->run.reclaim.active = false;
	give_rcu(w);
	w->run.meter.ns = 700;
	run_schedule_rcu(&w->run);
	meter_restart(&w->run.meter);
	fire(w);
	cr_expect_eq(w->run.engine.now, 12000700);
	give_rcu(w);
	w->run.booting = true;
	run_schedule_rcu(&w->run);
	cr_expect_eq(page_alloc_rcu_waiting(w->fx->pa), 0);
	cr_expect_eq(w->run.engine.queue.nr, 0);
	world_free(w);
}

/* One that is queued does what is wanted meanwhile, too; each kind has its own. */
Test(works, a_work_that_is_queued_is_not_queued_again)
{
	struct world *w = world_new(1);

	run_schedule_work(&w->run, WORK_VFREE);
	run_schedule_work(&w->run, WORK_VFREE);
	cr_expect_eq(w->run.engine.queue.nr, 1);
	run_schedule_work(&w->run, WORK_VMAP_DRAIN);
	cr_expect_eq(w->run.engine.queue.nr, 2);
	world_free(w);
}

static void no_reap(void *state, unsigned int cpu, struct meter *meter)
{
	(void)state;
	(void)cpu;
	(void)meter;
}

/* How many events are due at @time_ns. */
static uint32_t due_at(const struct world *w, ns_t time_ns)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < w->run.engine.queue.nr; i++)
		nr += w->run.engine.queue.heap[i].time_ns == time_ns;
	return nr;
}

/*
 * REAPTIMEOUT_AC, and 3 jiffies between CPUs; vm.stat_interval; a hundred samples of a recording of one
 * second.
 */
Test(works, what_is_done_by_the_clock_is_due_when_the_kernel_does_it)
{
	struct slab_ops ops = { .reap = no_reap };
	struct slab slab = { .ops = &ops };
	struct world *w = world_new(1);
	struct err err = { 0 };

	w->fx->machine.cpus = 3;
	w->run.mm.slab = &slab;
	cr_assert_eq(timers_start(&w->run, &err), 0);
	cr_expect_eq(w->run.engine.queue.nr, 7);
	cr_expect_eq(w->run.nr_periodic, 7);
	cr_expect_eq(due_at(w, NS / 100), 1, "a sample");
	cr_expect_eq(due_at(w, NS), 3, "vmstat of each CPU");
	for (uint32_t cpu = 0; cpu < 3; cpu++)
		cr_expect_eq(due_at(w, 2ull * NS + cpu * 12000000u), 1, "the reaper of CPU %u", cpu);
	w->run.mm.slab = NULL;
	world_free(w);
}

/*
 * HPAGE_FRAG_CHECK_INTERVAL_MSEC after its last pass, and timers of that length expire at multiples of 8
 * jiffies.
 */
Test(works, a_look_at_fragmentation_is_put_off_by_a_pass)
{
	struct world *w = world_new(1);
	struct kswapd k = { .compact_ended_ns = 3ull * NS };

	w->run.reclaim.kswapds = &k;
	cr_expect_eq(daemons_kcompactd_put_off(&w->run, 0), 3520000000,
		"110 times 32 ms are the first after 3.5 s");
	k.compact_ended_ns = 3020000000;
	cr_expect_eq(daemons_kcompactd_put_off(&w->run, 0), 3520000000, "in time");
	k.compact_ended_ns = 3020000001;
	cr_expect_eq(daemons_kcompactd_put_off(&w->run, 0), 3552000000);
	k.compact_ended_ns = 0;
	w->run.begun_ns = 7ull * NS;
	cr_expect_eq(daemons_kcompactd_put_off(&w->run, 0), 7520000000);
	k.compacting = true;
	w->run.engine.now = 9ull * NS;
	cr_expect_gt(daemons_kcompactd_put_off(&w->run, 0), 9ull * NS, "under way");
	w->run.reclaim.kswapds = NULL;
	world_free(w);
}

static ns_t first_look_of(struct world *w, ns_t slept_ns, ns_t begun_ns)
{
	struct trace_meta meta = { .kcompactd_sleep_ns = slept_ns };
	const struct trace_meta *before = w->run.meta;
	ns_t look_ns;

	w->run.meta = &meta;
	w->run.begun_ns = begun_ns;
	look_ns = daemons_kcompactd_put_off(&w->run, 0);
	w->run.meta = before;
	return look_ns;
}

/*
 * D-pressure's kcompactd went to sleep at 1.597050898 and then at 2.114, 2.625 ...
 * 8.273949: its timer is due at multiples of 8 jiffies, 16 of which are a period.
 */
Test(works, looks_at_fragmentation_come_when_the_recorded_machine_looked)
{
	struct world *w = world_new(1);

	w->run.reclaim.kswapds = NULL;
	cr_expect_eq(first_look_of(w, 1597050898, 1597050898), 2112000000);
	cr_expect_eq(first_look_of(w, 1597050898, 8000000000), 2112000000 + 12ull * FRAG_CHECK_PERIOD_NS, "later");
	cr_expect_eq(first_look_of(w, 1597050898, 2112000000), 2112000000ull + FRAG_CHECK_PERIOD_NS, "just then");
	cr_expect_eq(first_look_of(w, 8273949000, 1000000000), 1120000000, "seen only later: 8.8, less 15 periods");
	cr_expect_eq(first_look_of(w, 8273949000, 8799999999), 8800000000);
	for (ns_t slept_ns = UINT64_MAX; slept_ns > UINT64_MAX - 700000000; slept_ns -= 99999999) {
		ns_t look_ns = first_look_of(w, slept_ns, 5000000000);

		cr_expect(look_ns > 5000000000 && look_ns <= 5000000000 + FRAG_CHECK_PERIOD_NS,
			"a damaged header: %" PRIu64, slept_ns);
	}
	cr_expect_eq(first_look_of(w, 0, 7ull * NS), 7520000000, "not told");
	world_free(w);
}

/* kcompactd's own timeout begins anew with each pass: 300 + 500 ms are 25 times 32 ms. */
Test(works, a_look_that_is_put_off_comes_when_it_is_due)
{
	struct slab_ops ops = { 0 };
	struct slab slab = { .ops = &ops };
	struct kswapd k = { .compact_ended_ns = 300000000 };
	struct world *w = world_new(1);
	struct err err = { 0 };

	w->fx->machine.page_allocator.compaction = true;
	w->fx->machine.page_allocator.compaction_proactiveness = 20;
	w->options.sample_ns = 10ull * NS;
	w->run.mm.slab = &slab;
	w->run.reclaim.kswapds = &k;
	cr_assert_eq(timers_start(&w->run, &err), 0);
	cr_expect_eq(due_at(w, 800000000), 1);
	k.compact_ended_ns = 500000000;
	fire(w);
	cr_expect_eq(w->run.engine.now, 800000000);
	cr_expect_eq(due_at(w, 1024000000), 1, "it has done something since");
	fire(w);
	fire(w);
	cr_expect_eq(due_at(w, 1024000000 + FRAG_CHECK_PERIOD_NS), 1, "and after that once in a period");
	w->run.reclaim.kswapds = NULL;
	w->run.mm.slab = NULL;
	world_free(w);
}
