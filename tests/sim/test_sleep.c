#include "tests/sim/run_fixture.h"

Test(sleep, who_sleeps_leaves_its_cpu_and_goes_on_when_woken)
{
	struct scene *s = scene_new(1, PACE_RECORDED);
	uint32_t sleeper = scene_add(s, (struct act){ .at_ns = 0, .cost_ns = 100, .sleeps_on = 7 });
	uint32_t other = scene_add(s, (struct act){ .at_ns = 200, .pid = 9, .cost_ns = 50 });
	uint32_t waker = scene_add(s, (struct act){ .at_ns = 1000, .pid = 9, .cost_ns = 50, .wakes = 7 });

	scene_play(s);
	expect_served(s, sleeper, 0, 1000 + WAKE_UP_NS, 1600);
	expect_served(s, other, 200, 200, 50);
	expect_served(s, waker, 1000, 1000, 50);
	cr_assert_eq(s->ops[sleeper].sleeps, 1);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_MEMPOOL].count, 1);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_MEMPOOL].total_ns, 900, "from when its CPU was done with it");
	cr_assert_eq(s->run.meter.wait.place.stage, 0, "the next request finds no place of another");
	scene_free(s);
}

Test(sleep, the_longest_sleep_of_a_kind_is_kept)
{
	struct scene *s = scene_new(1, PACE_RECORDED);

	for (uint32_t i = 0; i < 2; i++) {
		scene_add(s, (struct act){ .at_ns = 10000 * i, .cost_ns = 100, .sleeps_on = 7 });
		scene_add(s,
			(struct act){ .at_ns = 10000 * i + (i ? 400 : 1000), .pid = 9, .cost_ns = 50, .wakes = 7 });
	}
	scene_play(s);
	cr_expect_eq(s->run.sleepers.stats[SLEEP_MEMPOOL].total_ns, 900 + 300);
	cr_expect_eq(s->run.sleepers.stats[SLEEP_MEMPOOL].max_ns, 900);
	scene_free(s);
}

Test(sleep, sleepers_of_one_key_wake_first_in_first_out_and_those_of_another_do_not)
{
	struct scene *s = scene_new(4, PACE_RECORDED);

	for (uint32_t i = 0; i < 3; i++)
		scene_add(s, (struct act){ .at_ns = 10 * i, .cpu = i, .cost_ns = 1, .sleeps_on = i == 1 ? 8 : 7 });
	scene_add(s, (struct act){ .at_ns = 100, .cpu = 3, .cost_ns = 1, .wakes = 7 });
	scene_add(s, (struct act){ .at_ns = 200, .cpu = 3, .cost_ns = 1, .wakes = 7 });
	scene_play(s);
	cr_assert_eq(s->last_ns[0], 100 + WAKE_UP_NS);
	cr_assert_eq(s->last_ns[2], 200 + WAKE_UP_NS);
	cr_assert_eq(s->run.sleepers.nr_asleep, 1, "nobody wakes key 8");
	sleepers_give_up(&s->run);
	cr_assert_eq(s->run.result.still_waiting, 1);
	cr_assert_eq(s->ops[1].failed, 1);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_MEMPOOL].still_waiting, 1);
	scene_check(s);
	scene_free(s);
}

/* Far more than there are chains at first: these double meanwhile. */
Test(sleep, thousands_of_sleepers_are_found_by_their_keys_in_their_order)
{
	enum { NR = 5000, KEYS = 3000 };
	struct scene *s = scene_new(1, PACE_RECORDED);

	for (uint32_t i = 0; i < NR; i++)
		cr_assert_neq(sleepers_add(&s->run, &(struct request){ .event_no = i }, SLEEP_TASK, i % KEYS, true),
			SLEEPER_NONE);
	scene_check(s);
	for (uint32_t i = 0; i < NR; i++) {
		uint32_t number = sleepers_find(&s->run, SLEEP_TASK, i % KEYS);

		cr_assert_neq(number, SLEEPER_NONE);
		cr_assert_eq(sleepers_take(&s->run, number).event_no, i);
	}
	cr_assert_eq(s->run.sleepers.nr_asleep, 0);
	cr_assert_eq(sleepers_find(&s->run, SLEEP_TASK, 1), SLEEPER_NONE);
	scene_check(s);
	scene_free(s);
}

/* The third one of the object comes to its CPU, and waits, before the second one does. */
Test(sleep, who_waits_for_an_object_has_it_in_the_order_of_the_trace)
{
	struct scene *s = scene_new(3, PACE_RECORDED);
	uint32_t first = scene_add(s, (struct act){ .at_ns = 0, .cost_ns = 10, .slot = 1, .sleeps_on = 7 });
	uint32_t second, third;

	scene_add(s, (struct act){ .at_ns = 50, .cpu = 1, .cost_ns = 500 });
	second = scene_add(s, (struct act){ .at_ns = 100, .cpu = 1, .cost_ns = 10, .slot = 1 });
	third = scene_add(s, (struct act){ .at_ns = 200, .cpu = 2, .cost_ns = 10, .slot = 1 });
	scene_add(s, (struct act){ .at_ns = 1000, .cost_ns = 10, .wakes = 7 });
	scene_play(s);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_OBJECT].count, 2);
	cr_assert_eq(s->order[s->nr_served - 3], first);
	cr_assert_eq(s->order[s->nr_served - 2], second);
	cr_assert_eq(s->order[s->nr_served - 1], third);
	scene_free(s);
}

Test(sleep, a_timeout_wakes_and_says_so_and_does_not_wake_the_next_one_in_its_place)
{
	struct scene *s = scene_new(1, PACE_RECORDED);
	uint32_t late = scene_add(s, (struct act){ .at_ns = 0, .cost_ns = 10, .sleeps_on = 7, .timeout_ns = 1000 });
	uint32_t woken = scene_add(s, (struct act){ .at_ns = 5000, .cost_ns = 10, .sleeps_on = 7, .timeout_ns = 1000 });
	uint32_t waker = scene_add(s, (struct act){ .at_ns = 5100, .pid = 9, .cost_ns = 10, .wakes = 7 });
	uint32_t last = scene_add(s,
		(struct act){ .at_ns = 5700, .pid = 9, .cost_ns = 10, .sleeps_on = 7, .timeout_ns = 3000 });

	scene_play(s);
	expect_served(s, late, 0, 1010 + WAKE_UP_NS, 1520);
	cr_assert(s->timed_out[late]);
	expect_served(s, woken, 5000, 5100 + WAKE_UP_NS, 610);
	cr_assert_not(s->timed_out[woken]);
	cr_assert_eq(s->last_ns[waker], 5100);
	expect_served(s, last, 5700, 8710 + WAKE_UP_NS, 3520);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_MEMPOOL].timeouts, 2);
	scene_free(s);
}

Test(sleep, with_the_recorded_pace_later_requests_of_the_task_go_on_and_those_with_its_object_wait)
{
	struct scene *s = scene_new(1, PACE_RECORDED);
	uint32_t sleeper = scene_add(s, (struct act){ .at_ns = 0, .cost_ns = 10, .slot = 1, .sleeps_on = 7 });
	uint32_t other = scene_add(s, (struct act){ .at_ns = 100, .cost_ns = 10, .slot = 2 });
	uint32_t same = scene_add(s, (struct act){ .at_ns = 200, .cost_ns = 10, .slot = 1 });
	uint32_t waker = scene_add(s, (struct act){ .at_ns = 1000, .cost_ns = 10, .wakes = 7 });

	scene_play(s);
	cr_assert_eq(s->last_ns[other], 100);
	cr_assert_eq(s->last_ns[waker], 1000);
	expect_served(s, sleeper, 0, 1000 + WAKE_UP_NS, 1510);
	expect_served(s, same, 1510, 1510, 1320);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_OBJECT].count, 1);
	scene_free(s);
}

Test(sleep, with_other_paces_a_task_that_sleeps_makes_no_request_meanwhile)
{
	for (int pace = PACE_THINK; pace <= PACE_ASAP; pace++) {
		struct scene *s = scene_new(1, (enum replay_pace)pace);
		uint32_t sleeper = scene_add(s, (struct act){ .at_ns = 0, .pid = 5, .cost_ns = 10, .sleeps_on = 7 });
		uint32_t next = scene_add(s, (struct act){ .at_ns = 100, .pid = 5, .cost_ns = 10 });
		uint32_t other = scene_add(s, (struct act){ .at_ns = 200, .pid = 6, .cost_ns = 10 });
		uint32_t waker = scene_add(s, (struct act){ .at_ns = 1000, .pid = 6, .cost_ns = 10, .wakes = 7 });

		scene_play(s);
		cr_assert_eq(s->order[0], sleeper);
		cr_assert_eq(s->order[1], other);
		cr_assert_eq(s->order[2], waker);
		cr_assert_eq(s->order[3], sleeper);
		cr_assert_eq(s->order[4], next, "pace %d", pace);
		cr_assert_eq(s->last_ns[next], s->last_ns[sleeper] + 10 + (pace == PACE_THINK ? 100 : 0));
		scene_free(s);
	}
}

Test(sleep, what_waits_behind_a_sleeper_that_nobody_wakes_has_failed_too)
{
	struct scene *s = scene_new(1, PACE_ASAP);

	scene_add(s, (struct act){ .at_ns = 0, .pid = 5, .cost_ns = 10, .slot = 1, .sleeps_on = 7 });
	scene_add(s, (struct act){ .at_ns = 100, .pid = 5, .cost_ns = 10 });
	scene_add(s, (struct act){ .at_ns = 200, .pid = 6, .cost_ns = 10, .slot = 1 });
	scene_play(s);
	sleepers_give_up(&s->run);
	cr_assert_eq(s->run.result.still_waiting, 3);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_MEMPOOL].still_waiting, 1);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_TASK].still_waiting, 1);
	cr_assert_eq(s->run.sleepers.stats[SLEEP_OBJECT].still_waiting, 1);
	scene_free(s);
}

Test(sleep, only_process_context_that_may_reclaim_may_sleep)
{
	struct scene *s = scene_new(1, PACE_RECORDED);
	static const uint8_t contexts[] = { CTX_SOFTIRQ, CTX_HARDIRQ, CTX_NMI, CTX_PREEMPT_OFF, CTX_IRQS_OFF };
	struct request req = { 0 };

	cr_assert(run_may_sleep(&s->run, &req, GFP_KERNEL));
	cr_assert_not(run_may_sleep(&s->run, &req, GFP_ATOMIC));
	for (size_t i = 0; i < sizeof(contexts); i++) {
		s->ops[0].ctx = contexts[i];
		cr_assert_not(run_may_sleep(&s->run, &req, GFP_KERNEL), "%u", contexts[i]);
	}
	scene_free(s);
}

Test(think, a_task_keeps_its_gaps_and_interrupts_their_times)
{
	struct scene *s = scene_new(2, PACE_THINK);
	uint32_t first = scene_add(s, (struct act){ .at_ns = 1000, .pid = 5, .cost_ns = 300 });
	uint32_t irq = scene_add(s, (struct act){ .at_ns = 1100, .pid = 5, .ctx = CTX_SOFTIRQ, .cost_ns = 40 });
	uint32_t second = scene_add(s, (struct act){ .at_ns = 1200, .pid = 5, .cost_ns = 300 });
	uint32_t other = scene_add(s, (struct act){ .at_ns = 1250, .cpu = 1, .pid = 6, .cost_ns = 10 });
	uint32_t third = scene_add(s, (struct act){ .at_ns = 1300, .pid = 5, .cost_ns = 300 });

	scene_play(s);
	expect_served(s, first, 1000, 1000, 340);
	expect_served(s, irq, 1100, 1100, 40);
	expect_served(s, second, 1540, 1540, 300);
	expect_served(s, other, 1250, 1250, 10);
	expect_served(s, third, 1940, 1940, 300);
	scene_free(s);
}
