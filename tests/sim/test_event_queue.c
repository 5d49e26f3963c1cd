#include <criterion/criterion.h>

#include "base/rng.h"
#include "sim/event_queue.h"

static void add(struct event_queue *queue, ns_t time, enum event_class class, uint32_t kind)
{
	cr_assert_eq(event_queue_add(queue, time, class, kind, 0, NULL), 0);
}

Test(event_queue, equal_times_are_ordered_by_class_then_first_in_first_out)
{
	struct event_queue queue = { 0 };

	add(&queue, 10, CLASS_END, 5);
	add(&queue, 10, CLASS_SAMPLE, 4);
	add(&queue, 10, CLASS_REQUEST, 2);
	add(&queue, 10, CLASS_REQUEST, 3);
	add(&queue, 10, CLASS_WAKE, 1);
	add(&queue, 9, CLASS_END, 0);
	for (uint32_t kind = 0; kind < 6; kind++)
		cr_assert_eq(event_queue_take(&queue).kind, kind);
	cr_assert_eq(queue.nr, 0);
	event_queue_fini(&queue);
}

Test(event_queue, due_means_before_a_request_that_arrives_then)
{
	struct event_queue queue = { 0 };

	cr_assert_not(event_queue_due(&queue, 10, CLASS_WAKE));
	add(&queue, 10, CLASS_SAMPLE, 0);
	cr_assert_not(event_queue_due(&queue, 10, CLASS_WAKE), "a sample at 10 waits for the requests of 10");
	cr_assert(event_queue_due(&queue, 11, CLASS_WAKE));
	add(&queue, 10, CLASS_WAKE, 1);
	cr_assert(event_queue_due(&queue, 10, CLASS_WAKE), "a wake-up at 10 comes before them");
	event_queue_fini(&queue);
}

/* Beside the obvious model: an array searched for the smallest. */
Test(event_queue, takes_out_what_a_sorted_list_would)
{
	enum { MAX = 500 };
	struct event_queue queue = { 0 };
	struct sim_event model[MAX];
	size_t nr = 0;
	struct rng rng;

	rng_init(&rng, 7, "event_queue");
	for (int step = 0; step < 20000; step++) {
		if (nr < MAX && (nr == 0 || rng_below(&rng, 2))) {
			ns_t time = rng_below(&rng, 50);
			enum event_class class = (enum event_class)rng_below(&rng, 4);

			model[nr++] =
				(struct sim_event){ time, (uint64_t) class << 56 | queue.next_seq, (uint32_t)step, 0 };
			add(&queue, time, class, (uint32_t)step);
			continue;
		}
		size_t first = 0;

		for (size_t i = 1; i < nr; i++)
			if (model[i].time_ns < model[first].time_ns ||
				(model[i].time_ns == model[first].time_ns && model[i].rank < model[first].rank))
				first = i;
		cr_assert_eq(event_queue_take(&queue).kind, model[first].kind, "step %d", step);
		model[first] = model[--nr];
	}
	event_queue_fini(&queue);
}
