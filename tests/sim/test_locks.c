#include "base/rng.h"
#include "tests/sim/run_fixture.h"

#define AT(lock, before, hold) { LOCK_##lock, before, hold }

Test(locks, three_cpus_get_a_lock_in_order_of_arrival_and_spin_until_then)
{
	struct scene *s = scene_new(3, PACE_RECORDED);
	uint32_t a = scene_add(s, (struct act){ .at_ns = 0, .cpu = 0, .cost_ns = 10, .locks = { AT(VMAP, 0, 100) } });
	uint32_t b = scene_add(s, (struct act){ .at_ns = 5, .cpu = 1, .cost_ns = 50, .locks = { AT(VMAP, 0, 100) } });
	uint32_t c = scene_add(s, (struct act){ .at_ns = 20, .cpu = 2, .cost_ns = 10, .locks = { AT(VMAP, 0, 100) } });

	scene_play(s);
	expect_served(s, a, 0, 0, 110);
	/* c arrives at 30, b at 55: c has it from 110 to 210, b from 210. */
	expect_served(s, c, 20, 20, 190);
	expect_served(s, b, 5, 5, 305);
	s->run.recorder = recorder_none();
	cr_assert_eq(locks_record(&s->run, NULL), 0);
	cr_assert_eq(s->run.locks.stats[LOCK_VMAP].acquisitions, 3);
	cr_assert_eq(s->run.locks.stats[LOCK_VMAP].hold_ns, 300);
	cr_assert_eq(s->run.locks.stats[LOCK_VMAP].contended, 2);
	cr_assert_eq(s->run.locks.stats[LOCK_VMAP].wait_ns, 80 + 155);
	scene_free(s);
}

Test(locks, different_locks_and_other_times_do_not_meet)
{
	struct scene *s = scene_new(3, PACE_RECORDED);
	uint32_t a = scene_add(s, (struct act){ .at_ns = 0, .cpu = 0, .locks = { AT(ZONE(0), 0, 100) } });
	uint32_t b = scene_add(s, (struct act){ .at_ns = 5, .cpu = 1, .locks = { AT(ZONE(1), 0, 100) } });
	uint32_t c =
		scene_add(s, (struct act){ .at_ns = 50, .cpu = 2, .cost_ns = 50, .locks = { AT(ZONE(0), 0, 100) } });

	scene_play(s);
	expect_served(s, a, 0, 0, 100);
	expect_served(s, b, 5, 5, 100);
	expect_served(s, c, 50, 50, 150);
	scene_free(s);
}

Test(locks, who_starts_later_and_arrives_earlier_goes_first)
{
	struct scene *s = scene_new(2, PACE_RECORDED);
	uint32_t a =
		scene_add(s, (struct act){ .at_ns = 0, .cpu = 0, .cost_ns = 100, .locks = { AT(ZONE(0), 0, 50) } });
	uint32_t b =
		scene_add(s, (struct act){ .at_ns = 60, .cpu = 1, .cost_ns = 20, .locks = { AT(ZONE(0), 0, 50) } });

	scene_play(s);
	expect_served(s, b, 60, 60, 70);
	expect_served(s, a, 0, 0, 180);
	scene_free(s);
}

Test(locks, of_two_that_arrive_at_once_the_one_that_started_first_goes_first)
{
	struct scene *s = scene_new(2, PACE_RECORDED);
	uint32_t a =
		scene_add(s, (struct act){ .at_ns = 0, .cpu = 0, .cost_ns = 50, .locks = { AT(ZONE(0), 0, 100) } });
	uint32_t b =
		scene_add(s, (struct act){ .at_ns = 20, .cpu = 1, .cost_ns = 30, .locks = { AT(ZONE(0), 0, 10) } });

	scene_play(s);
	expect_served(s, a, 0, 0, 150);
	expect_served(s, b, 20, 20, 140);
	scene_free(s);
}

Test(locks, a_wait_at_one_lock_lets_others_go_first_at_the_next)
{
	struct scene *s = scene_new(3, PACE_RECORDED);
	uint32_t a = scene_add(s, (struct act){ .at_ns = 0, .cpu = 0, .locks = { AT(ZONE(0), 0, 100) } });
	uint32_t b = scene_add(s,
		(struct act){ .at_ns = 10, .cpu = 1, .locks = { AT(ZONE(0), 0, 10), AT(ZONE(1), 10, 50) } });
	uint32_t c =
		scene_add(s, (struct act){ .at_ns = 20, .cpu = 2, .cost_ns = 20, .locks = { AT(ZONE(1), 0, 30) } });

	scene_play(s);
	expect_served(s, a, 0, 0, 100);
	expect_served(s, b, 10, 10, 160); /* 90 of waiting, then 70; zone 1 is free again */
	expect_served(s, c, 20, 20, 50);
	scene_free(s);
}

Test(locks, a_spinning_cpu_is_busy_and_its_next_request_waits)
{
	struct scene *s = scene_new(2, PACE_RECORDED);

	scene_add(s, (struct act){ .at_ns = 0, .cpu = 0, .locks = { AT(ZONE(0), 0, 1000) } });
	scene_add(s, (struct act){ .at_ns = 10, .cpu = 1, .locks = { AT(ZONE(0), 0, 10) } });
	uint32_t next = scene_add(s, (struct act){ .at_ns = 30, .cpu = 1, .cost_ns = 5 });

	scene_play(s);
	expect_served(s, next, 1010, 1010, 985);
	scene_free(s);
}

Test(locks, an_interrupt_waits_until_the_lock_that_its_cpu_holds_is_released)
{
	struct scene *s = scene_new(2, PACE_RECORDED);
	uint32_t task = scene_add(s,
		(struct act){ .at_ns = 0, .cost_ns = 100, .locks = { AT(ZONE(0), 0, 100), AT(ZONE(0), 200, 50) } });
	uint32_t free_irq = scene_add(s, (struct act){ .at_ns = 50, .ctx = CTX_HARDIRQ, .cost_ns = 20 });
	uint32_t held_irq = scene_add(s, (struct act){ .at_ns = 150, .ctx = CTX_HARDIRQ, .cost_ns = 20 });
	uint32_t other =
		scene_add(s, (struct act){ .at_ns = 420, .cpu = 1, .cost_ns = 30, .locks = { AT(ZONE(0), 0, 10) } });

	scene_play(s);
	expect_served(s, free_irq, 50, 50, 20);
	expect_served(s, held_irq, 220, 220, 90);
	/* The task's second stay begins at 440 in place of 400: at 450 the other one meets it. */
	expect_served(s, task, 0, 0, 490);
	expect_served(s, other, 420, 420, 80);
	scene_free(s);
}

/* No lock keeps an NMI out: nobody who runs in one takes any that others hold. */
Test(locks, an_nmi_comes_into_what_holds_a_lock)
{
	struct scene *s = scene_new(1, PACE_RECORDED);
	uint32_t task = scene_add(s, (struct act){ .at_ns = 0, .cost_ns = 10, .locks = { AT(ZONE(0), 0, 100) } });
	uint32_t nmi = scene_add(s, (struct act){ .at_ns = 50, .ctx = CTX_NMI, .cost_ns = 20 });

	scene_play(s);
	expect_served(s, nmi, 50, 50, 20);
	expect_served(s, task, 0, 0, 130);
	scene_free(s);
}

/* A call that takes a lock 5000 times, as a large vmalloc() does: who comes late in it meets it as who comes early. */
Test(locks, a_request_may_take_any_number_of_locks)
{
	struct scene *s = scene_new(3, PACE_RECORDED);
	uint32_t a =
		scene_add(s, (struct act){ .at_ns = 0, .locks = { AT(VMAP, 10, 10), AT(PCPU, 0, 10) }, .again = 2499 });
	uint32_t early =
		scene_add(s, (struct act){ .at_ns = 32, .cpu = 1, .cost_ns = 10, .locks = { AT(VMAP, 0, 1) } });
	uint32_t late =
		scene_add(s, (struct act){ .at_ns = 70000, .cpu = 2, .cost_ns = 22, .locks = { AT(PCPU, 0, 30) } });

	scene_play(s);
	/* The second stay at the first lock is from 40 to 50. */
	expect_served(s, early, 32, 32, 19);
	/*
	 * Round 2333, from 69990, leaves the second lock at 70020;
	 * the next one is there at 70040, and waits until 70052.
	 */
	expect_served(s, late, 70000, 70000, 52);
	expect_served(s, a, 0, 0, 75000 + 12);
	s->run.recorder = recorder_none();
	cr_assert_eq(locks_record(&s->run, NULL), 0);
	cr_expect_eq(s->run.locks.stats[LOCK_VMAP].acquisitions, 2500 + 1);
	cr_expect_eq(s->run.locks.stats[LOCK_VMAP].hold_ns, 25000 + 1);
	cr_expect_eq(s->run.locks.stats[LOCK_VMAP].wait_ns, 8);
	cr_expect_eq(s->run.locks.stats[LOCK_PCPU].acquisitions, 2500 + 1);
	cr_expect_eq(s->run.locks.stats[LOCK_PCPU].hold_ns, 25000 + 30);
	cr_expect_eq(s->run.locks.stats[LOCK_PCPU].contended, 1);
	cr_expect_eq(s->run.locks.stats[LOCK_PCPU].wait_ns, 12);
	scene_free(s);
}

/* Without memory for them the run does not pass for whole. */
Test(locks, locks_that_could_not_be_kept_are_an_error_at_the_end)
{
	struct scene *s = scene_new(2, PACE_RECORDED);
	struct err err = { 0 };

	s->run.locks.more.no_memory = true;
	scene_add(s, (struct act){ .at_ns = 0, .locks = { AT(VMAP, 10, 10) }, .again = 99 });
	scene_play(s);
	cr_expect_eq(s->run.locks.stats[LOCK_VMAP].acquisitions, METER_SEGMENTS);
	s->run.recorder = recorder_none();
	cr_expect_eq(locks_record(&s->run, &err), -(int)ERR_NOMEM);
	scene_free(s);
}

/* Room that an earlier request found is there for those that fit in it. */
Test(locks, a_request_is_kept_whole_although_a_longer_one_was_not)
{
	const uint32_t step_ns[NR_STEPS] = { 0 };
	struct meter_more more = { 0 };
	struct meter meter = { .more = &more };
	uint32_t room;

	meter_start(&meter, step_ns);
	for (lock_id i = 0; i < METER_SEGMENTS + 1; i++)
		meter_charge_locked(&meter, STEP_ZONE_LOCK, 1, i);
	room = more.cap;
	cr_assert_gt(room, 0);
	cr_assert_eq(meter_kept(&meter), METER_SEGMENTS + 1);
	more.no_memory = true;
	meter_restart(&meter);
	for (uint32_t i = 0; i < METER_SEGMENTS + room + 1; i++)
		meter_charge_locked(&meter, STEP_ZONE_LOCK, 1, (lock_id)(1000 + i));
	cr_expect_eq(more.cap, room, "no more is asked for");
	cr_assert_eq(meter_kept(&meter), METER_SEGMENTS + room);
	for (uint32_t i = 0; i < meter_kept(&meter); i++)
		cr_expect_eq(meter_segment(&meter, i)->lock, 1000 + i);
	meter_more_fini(&more);
}

/*
 * A daemon's step waits for a request that arrives first, and
 * makes one wait that arrives after it; its CPU is nobody's.
 */
Test(locks, daemons_wait_and_are_waited_for)
{
	struct scene *s = scene_new(2, PACE_RECORDED);
	uint32_t a = scene_add(s, (struct act){ .at_ns = 5, .cpu = 0, .locks = { AT(VMAP, 0, 50) } });
	uint32_t b = scene_add(s, (struct act){ .at_ns = 60, .cpu = 1, .locks = { AT(VMAP, 0, 20) } });

	s->run.meter.ns = 10;
	meter_charge_locked(&s->run.meter, STEP_ZONE_LOCK, 100, LOCK_VMAP);
	cr_assert_eq(locks_daemon(&s->run, 0), 0);
	cr_assert_eq(locks_daemon_busy(&s->run, 0), 110);
	scene_play(s);
	/* a from 5 to 55, the daemon from 55 to 155, b from 155. */
	expect_served(s, a, 5, 5, 50);
	expect_served(s, b, 60, 60, 115);
	cr_assert_eq(locks_daemon_busy(&s->run, 0), 155 - min_u64(s->run.engine.now, 155));
	s->run.recorder = recorder_none();
	cr_assert_eq(locks_record(&s->run, NULL), 0);
	cr_assert_eq(s->run.locks.stats[LOCK_VMAP].acquisitions, 3);
	cr_assert_eq(s->run.locks.stats[LOCK_VMAP].contended, 2);
	cr_assert_eq(s->run.locks.stats[LOCK_VMAP].wait_ns, 45 + 95);
	scene_free(s);
}

Test(locks, a_daemon_is_told_how_long_it_waits_for_who_is_there)
{
	struct scene *s = scene_new(2, PACE_RECORDED);

	s->run.meter.ns = 0;
	meter_charge_locked(&s->run.meter, STEP_ZONE_LOCK, 70, LOCK_ZONE(0));
	locks_started(&s->run, 0, 0, 70);
	meter_restart(&s->run.meter);
	s->run.meter.ns = 20;
	meter_charge_locked(&s->run.meter, STEP_ZONE_LOCK, 30, LOCK_ZONE(0));
	cr_assert_eq(locks_daemon(&s->run, 0), 50);
	cr_assert_eq(locks_daemon_busy(&s->run, 0), 100);
	cr_assert_eq(locks_check(&s->run, NULL), 0);
	scene_free(s);
}

/*
 * Who has what it asked for and slept for what that took is at
 * no lock when it wakes, whatever others charged meanwhile.
 */
Test(locks, who_wakes_and_has_been_served_comes_to_no_lock)
{
	struct scene *s = scene_new(2, PACE_RECORDED);
	struct request req = { .op = scene_add(s, (struct act){ .at_ns = 0, .pid = 1 }), .slot = SLOT_NONE };
	struct err err = { 0 };

	s->run.meter.nap_ns = 1000;
	s->run.meter.nap_reason = SLEEP_MEMPOOL;
	run_nap(&s->run, &req);
	while (scene_goes_on(s)) {
		meter_charge_locked(&s->run.meter, STEP_ZONE_LOCK, 100, LOCK_ZONE(0));
		cr_assert_eq(engine_run_first(&s->run.engine, &err), 0, "%s", err.text);
		scene_check(s);
	}
	cr_expect_eq(s->nr_served, 0, "it is not served again");
	cr_expect_eq(s->ops[req.op].latency_ns, 1000 + WAKE_UP_NS);
	cr_expect_eq(s->run.locks.nr_active, 0);
	cr_expect_eq(s->run.locks.stats[LOCK_ZONE(0)].acquisitions, 0);
	scene_free(s);
}

/* Whatever comes, all invariants hold after each event, and the same seed gives the same times. */
static void play_random(uint64_t seed, ns_t *times)
{
	static const uint8_t contexts[] = { CTX_PROCESS, CTX_PROCESS, CTX_PROCESS, CTX_SOFTIRQ, CTX_HARDIRQ, CTX_NMI,
		CTX_PROCESS | CTX_IRQS_OFF };
	struct rng rng;
	struct scene *s;
	ns_t now = 0;

	rng_init(&rng, seed, "locks");
	s = scene_new(1 + (uint32_t)rng_below(&rng, 4), (enum replay_pace)rng_below(&rng, 3));
	for (uint32_t n = 0; n < SCENE_MAX; n++) {
		struct act act = { .at_ns = now, .cpu = (uint32_t)rng_below(&rng, s->machine.cpus),
			.pid = 1 + (int32_t)rng_below(&rng, 6), .ctx = contexts[rng_below(&rng, sizeof(contexts))],
			.slot = (uint32_t)rng_below(&rng, 5), .cost_ns = rng_below(&rng, 100) };

		for (uint64_t i = 0, nr = rng_below(&rng, SCENE_LOCKS); i < nr; i++) {
			act.locks[i].lock = LOCK_ZONE(rng_below(&rng, 3));
			act.locks[i].before_ns = rng_below(&rng, 50);
			act.locks[i].hold_ns = 1 + rng_below(&rng, 80);
		}
		act.again = rng_below(&rng, 8) ? 0 : (uint32_t)rng_below(&rng, 60);
		/* With half of them asleep, a task that runs on several CPUs sleeps on more than one. */
		if (act.ctx == CTX_PROCESS && !rng_below(&rng, seed % 2 ? 8 : 2)) {
			act.sleeps_on = 1 + rng_below(&rng, 2);
			act.timeout_ns = rng_below(&rng, 2) * 700;
		}
		act.wakes = rng_below(&rng, 4) ? 0 : 1 + rng_below(&rng, 2);
		scene_add(s, act);
		now += rng_below(&rng, 80);
	}
	scene_play(s);
	sleepers_give_up(&s->run);
	for (uint32_t n = 0; n < SCENE_MAX; n++) {
		cr_assert_eq(s->ops[n].done + s->ops[n].failed, 1, "seed %lu: request %u", (unsigned long)seed, n);
		times[2 * n] = s->last_ns[n];
		times[2 * n + 1] = s->ops[n].latency_ns;
	}
	scene_free(s);
}

Test(locks, random_requests_keep_all_invariants_and_are_all_done_or_told)
{
	static ns_t times[2 * SCENE_MAX], again[2 * SCENE_MAX];

	for (uint64_t seed = 1; seed <= 500; seed++) {
		play_random(seed, times);
		if (seed % 50)
			continue;
		play_random(seed, again);
		cr_assert_arr_eq(times, again, sizeof(times), "seed %lu", (unsigned long)seed);
	}
}
