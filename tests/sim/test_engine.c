#include <criterion/criterion.h>

#include "sim/engine.h"

enum { MAX_LOG = 64 };

/* Each request costs 100 ns; when each started is written down. */
struct log {
	struct engine engine;
	uint64_t not_before; /* request 3 has to wait for this one */
	uint64_t event_no[MAX_LOG];
	ns_t at[MAX_LOG];
	int nr;
};

static ns_t serve(void *arg, const struct request *req)
{
	struct log *log = arg;

	log->event_no[log->nr] = req->event_no;
	log->at[log->nr++] = log->engine.now;
	return 100;
}

static bool ready(void *arg, const struct request *req)
{
	const struct log *log = arg;

	if (!log->not_before || req->event_no != 3)
		return true;
	for (int i = 0; i < log->nr; i++)
		if (log->event_no[i] == log->not_before)
			return true;
	return false;
}

static int timer(void *arg, uint32_t kind, uint32_t value, struct err *err)
{
	struct log *log = arg;

	(void)kind, (void)err;
	log->event_no[log->nr] = 1000 + value;
	log->at[log->nr++] = log->engine.now;
	return 0;
}

static void start(struct log *log, uint32_t cpus)
{
	struct engine_client client = { serve, ready, timer, log };

	*log = (struct log){ 0 };
	cr_assert_eq(engine_init(&log->engine, cpus, &client, NULL), 0);
}

static void arrive(struct log *log, ns_t time, uint32_t cpu, uint64_t number)
{
	struct request req = { .arrival_ns = time, .cpu = cpu, .event_no = number };

	cr_assert_eq(engine_run_before(&log->engine, time, NULL), 0);
	if (!engine_cpu_idle(&log->engine, cpu, time) || !ready(log, &req)) {
		cr_assert_eq(engine_wait_for_cpu(&log->engine, &req, NULL), 0);
		return;
	}
	engine_move_clock(&log->engine, time);
	log->engine.cpus[cpu].free_at_ns = time + serve(log, &req);
}

static void expect(const struct log *log, int i, uint64_t number, ns_t at)
{
	cr_assert_eq(log->event_no[i], number, "entry %d is %lu", i, (unsigned long)log->event_no[i]);
	cr_assert_eq(log->at[i], at, "entry %d at %lu", i, (unsigned long)log->at[i]);
}

Test(engine, requests_of_a_busy_cpu_start_one_after_another_in_order_of_arrival)
{
	struct log log;

	start(&log, 1);
	for (uint64_t i = 0; i < 4; i++)
		arrive(&log, 10 * i, 0, i);
	cr_assert_eq(engine_drain(&log.engine, NULL), 0);
	for (int i = 0; i < 4; i++)
		expect(&log, i, (uint64_t)i, (ns_t)i * 100);
	cr_assert_eq(log.engine.now, 400, "the last request is over at the end");
	engine_fini(&log.engine);
}

Test(engine, a_waiting_request_of_one_cpu_does_not_hold_up_another_cpu)
{
	struct log log;

	start(&log, 2);
	arrive(&log, 0, 0, 0);
	arrive(&log, 10, 0, 1);
	arrive(&log, 20, 1, 2);
	arrive(&log, 150, 1, 3);
	cr_assert_eq(engine_drain(&log.engine, NULL), 0);
	expect(&log, 0, 0, 0);
	expect(&log, 1, 2, 20);
	expect(&log, 2, 1, 100);
	expect(&log, 3, 3, 150);
	engine_fini(&log.engine);
}

Test(engine, a_request_that_depends_on_one_of_another_cpu_waits_for_it_and_keeps_its_cpu)
{
	struct log log;

	start(&log, 2);
	log.not_before = 2;
	arrive(&log, 0, 0, 1);
	arrive(&log, 10, 0, 2);
	arrive(&log, 20, 1, 3);
	arrive(&log, 30, 1, 4);
	cr_assert_eq(engine_drain(&log.engine, NULL), 0);
	expect(&log, 0, 1, 0);
	expect(&log, 1, 2, 100);
	expect(&log, 2, 3, 100);
	expect(&log, 3, 4, 200);
	cr_assert_eq(log.engine.nr_stalled, 0);
	engine_fini(&log.engine);
}

Test(engine, timers_fire_between_requests_and_samples_after_the_requests_of_their_instant)
{
	struct log log;

	start(&log, 1);
	cr_assert_eq(engine_timer(&log.engine, 200, CLASS_WAKE, 0, 1, NULL), 0);
	cr_assert_eq(engine_timer(&log.engine, 200, CLASS_SAMPLE, 0, 2, NULL), 0);
	arrive(&log, 0, 0, 0);
	arrive(&log, 200, 0, 1);
	arrive(&log, 300, 0, 2);
	expect(&log, 0, 0, 0);
	expect(&log, 1, 1001, 200);
	expect(&log, 2, 1, 200);
	expect(&log, 3, 1002, 200);
	expect(&log, 4, 2, 300);
	engine_fini(&log.engine);
}

Test(engine, the_ring_of_waiting_requests_grows_and_keeps_their_order)
{
	struct log log;

	start(&log, 1);
	for (uint64_t i = 0; i < 60; i++)
		arrive(&log, 0, 0, i);
	cr_assert_eq(engine_drain(&log.engine, NULL), 0);
	for (int i = 0; i < 60; i++)
		expect(&log, i, (uint64_t)i, (ns_t)i * 100);
	engine_fini(&log.engine);
}
