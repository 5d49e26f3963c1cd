#include <criterion/criterion.h>

#include "sim/engine.h"

enum { MAX_LOG = 64 };

/* Each request costs its value in ns; when each started is written down, and what was late when it was over. */
struct log {
	struct engine engine;
	uint64_t event_no[MAX_LOG];
	ns_t at[MAX_LOG];
	int nr;
	ns_t latency[MAX_LOG]; /* by op: what late() corrects */
	uint8_t ctx[MAX_LOG];  /* by op */
};

static ns_t serve(void *arg, const struct request *req)
{
	struct log *log = arg;

	log->event_no[log->nr] = req->event_no;
	log->at[log->nr++] = log->engine.now;
	log->latency[req->op] = log->engine.now - req->arrival_ns + req->value;
	return req->value;
}

static uint8_t context(void *arg, uint32_t op)
{
	return ((struct log *)arg)->ctx[op];
}

static void late(void *arg, uint32_t cpu, const struct doing *doing)
{
	struct log *log = arg;

	(void)cpu;
	log->latency[doing->op] += (ns_t)doing->late_ns;
	cr_assert_eq(log->latency[doing->op], doing->end_ns - doing->arrival_ns);
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
	struct engine_client client = { .serve = serve, .context = context, .late = late, .timer = timer,
		.arg = log };

	*log = (struct log){ 0 };
	cr_assert_eq(engine_init(&log->engine, cpus, &client, NULL), 0);
}

static void check(const struct log *log)
{
	struct err err = { 0 };

	cr_assert_eq(engine_check(&log->engine, &err), 0, "%s", err.text);
}

/* Request @number arrives: its op has the same number. */
static void arrive_as(struct log *log, ns_t time, uint32_t cpu, uint64_t number, uint8_t ctx, ns_t cost)
{
	struct request req = { .arrival_ns = time, .seat = { .cpu = (uint16_t)cpu }, .event_no = number, .value = cost,
		.op = (uint32_t)number };
	struct sim_cpu *c = &log->engine.cpus[cpu];

	log->ctx[number] = ctx;
	cr_assert_eq(engine_run_before(&log->engine, time, NULL), 0);
	if (!engine_idle(c, time)) {
		cr_assert_eq(engine_queue(&log->engine, &req, NULL), 0);
		check(log);
		return;
	}
	engine_begin(c, &req);
	c->doing[0].end_ns = time + serve(log, &req);
	check(log);
}

static void arrive(struct log *log, ns_t time, uint32_t cpu, uint64_t number)
{
	arrive_as(log, time, cpu, number, CTX_PROCESS, 100);
}

static void drain(struct log *log)
{
	while (log->engine.nr_closed) {
		cr_assert_eq(engine_run_first(&log->engine, NULL), 0);
		check(log);
	}
	engine_finish(&log->engine);
}

static void expect(const struct log *log, int i, uint64_t number, ns_t at)
{
	cr_assert_eq(log->event_no[i], number, "entry %d is %lu", i, (unsigned long)log->event_no[i]);
	cr_assert_eq(log->at[i], at, "entry %d at %lu", i, (unsigned long)log->at[i]);
}

static void expect_latency(const struct log *log, int number, ns_t latency)
{
	cr_assert_eq(log->latency[number], latency, "request %d took %lu", number, (unsigned long)log->latency[number]);
}

Test(engine, requests_of_a_busy_cpu_start_one_after_another_in_order_of_arrival)
{
	struct log log;

	start(&log, 1);
	for (uint64_t i = 0; i < 4; i++)
		arrive(&log, 10 * i, 0, i);
	drain(&log);
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
	drain(&log);
	expect(&log, 0, 0, 0);
	expect(&log, 1, 2, 20);
	expect(&log, 2, 1, 100);
	expect(&log, 3, 3, 150);
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
	drain(&log);
	for (int i = 0; i < 60; i++)
		expect(&log, i, (uint64_t)i, (ns_t)i * 100);
	engine_fini(&log.engine);
}

Test(engine, an_interrupt_starts_at_once_and_lengthens_the_task_that_it_interrupts)
{
	struct log log;

	start(&log, 1);
	arrive(&log, 0, 0, 1);
	arrive_as(&log, 40, 0, 2, CTX_SOFTIRQ, 30);
	arrive(&log, 50, 0, 3);
	drain(&log);
	expect(&log, 0, 1, 0);
	expect(&log, 1, 2, 40);
	expect(&log, 2, 3, 130);
	expect_latency(&log, 1, 130);
	expect_latency(&log, 2, 30);
	expect_latency(&log, 3, 180);
	cr_assert_eq(log.engine.now, 230);
	engine_fini(&log.engine);
}

Test(engine, a_hardirq_interrupts_a_softirq_and_both_lengthen_the_task)
{
	struct log log;

	start(&log, 1);
	arrive(&log, 0, 0, 1);
	arrive_as(&log, 10, 0, 2, CTX_SOFTIRQ, 50);
	arrive_as(&log, 20, 0, 3, CTX_HARDIRQ, 7);
	drain(&log);
	expect(&log, 2, 3, 20);
	expect_latency(&log, 1, 157);
	expect_latency(&log, 2, 57);
	expect_latency(&log, 3, 7);
	cr_assert_eq(log.engine.now, 157);
	engine_fini(&log.engine);
}

Test(engine, a_softirq_waits_for_a_softirq_and_goes_before_the_task_that_waits)
{
	struct log log;

	start(&log, 1);
	arrive(&log, 0, 0, 1);
	arrive(&log, 5, 0, 2);
	arrive_as(&log, 10, 0, 3, CTX_SOFTIRQ, 50);
	arrive_as(&log, 20, 0, 4, CTX_SOFTIRQ, 50);
	drain(&log);
	expect(&log, 1, 3, 10);
	expect(&log, 2, 4, 60);
	expect(&log, 3, 2, 200);
	expect_latency(&log, 1, 200);
	expect_latency(&log, 4, 90);
	engine_fini(&log.engine);
}

Test(engine, irqs_off_keeps_interrupts_out_but_not_an_nmi_and_preempt_off_keeps_none_out)
{
	struct log log;

	start(&log, 2);
	arrive_as(&log, 0, 0, 1, CTX_PROCESS | CTX_IRQS_OFF, 100);
	arrive_as(&log, 0, 1, 2, CTX_PROCESS | CTX_PREEMPT_OFF, 100);
	arrive_as(&log, 10, 0, 3, CTX_HARDIRQ, 5);
	arrive_as(&log, 10, 1, 4, CTX_HARDIRQ, 5);
	arrive_as(&log, 20, 0, 5, CTX_NMI, 5);
	drain(&log);
	expect(&log, 2, 4, 10);
	expect(&log, 3, 5, 20);
	expect(&log, 4, 3, 105);
	expect_latency(&log, 1, 105);
	expect_latency(&log, 2, 105);
	expect_latency(&log, 3, 100);
	engine_fini(&log.engine);
}

Test(engine, the_work_of_a_daemon_keeps_its_cpu_busy_and_is_in_no_latency)
{
	struct log log;

	start(&log, 1);
	arrive(&log, 0, 0, 1);
	engine_work(&log.engine, 0, 30);
	arrive(&log, 110, 0, 2);
	drain(&log);
	expect(&log, 1, 2, 130);
	expect_latency(&log, 1, 100);
	expect_latency(&log, 2, 120);
	engine_fini(&log.engine);
}

/*
 * The work comes at 40 and begins at 110, when the request
 * and what interrupts it are over; it is interrupted itself.
 */
Test(engine, the_work_after_what_is_interrupted_is_in_no_latency)
{
	struct log log;

	start(&log, 1);
	arrive_as(&log, 0, 0, 1, CTX_PROCESS | CTX_IRQS_OFF, 100);
	engine_work(&log.engine, 0, 30);
	arrive_as(&log, 50, 0, 2, CTX_NMI, 10);
	arrive_as(&log, 120, 0, 3, CTX_SOFTIRQ, 5);
	check(&log);
	arrive_as(&log, 130, 0, 4, CTX_PROCESS, 1);
	drain(&log);
	expect(&log, 1, 2, 50);
	expect(&log, 2, 3, 120);
	expect(&log, 3, 4, 145);
	expect_latency(&log, 1, 110);
	expect_latency(&log, 2, 10);
	expect_latency(&log, 3, 5);
	expect_latency(&log, 4, 16);
	engine_fini(&log.engine);
}

/* Its latency is in nobody's histogram, so nothing may correct it; what it keeps out by its context it still does. */
Test(engine, what_is_disowned_is_lengthened_and_told_to_nobody)
{
	struct request req = { .seat = { .cpu = 0 }, .op = 1 };
	struct log log;

	start(&log, 1);
	arrive_as(&log, 0, 0, 1, CTX_SOFTIRQ, 100);
	engine_disown(&log.engine, &req);
	arrive_as(&log, 40, 0, 2, CTX_HARDIRQ, 30);
	arrive_as(&log, 50, 0, 3, CTX_SOFTIRQ, 10);
	drain(&log);
	expect(&log, 1, 2, 40);
	expect(&log, 2, 3, 130);
	expect_latency(&log, 1, 100);
	expect_latency(&log, 2, 30);
	expect_latency(&log, 3, 90);
	engine_fini(&log.engine);
}

/* A lock that is let go earlier or later than was thought changes what its holder did, which may be over. */
Test(engine, what_is_over_and_is_made_longer_keeps_nobody_waiting_for_ever)
{
	struct log log;

	start(&log, 1);
	arrive(&log, 0, 0, 1);
	cr_assert_eq(engine_run_before(&log.engine, 500, NULL), 0);
	engine_lengthen(&log.engine, 0, 0, 50, NULL);
	check(&log);
	arrive(&log, 500, 0, 2);
	drain(&log);
	expect(&log, 1, 2, 500);
	expect_latency(&log, 1, 150);
	engine_fini(&log.engine);
}
