/*
 * The pace of reclaim, from its own events. The kernel tells the end of each batch of an inactive list
 * (mm_vmscan_lru_shrink_inactive): what lies between the ends of two batches of one task, when its CPU recorded
 * nothing of anybody else and of the task nothing but frees, is the second batch. kswapd's way from being woken to
 * running is told by two events.
 */
#include <stdio.h>

#include "base/array.h"
#include "traces/durations.h"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the pace of reclaim");
}

static int batch_done(struct durations *d, const struct raw_event *event, uint64_t since_ns, struct err *err)
{
	char path[80];

	snprintf(path, sizeof(path), "lru_batch+%u*lru_scan+%u*reclaim_page", (unsigned int)event->size,
		(unsigned int)event->aux);
	return durations_call(d,
		&(struct duration){
			.op = "lru_batch",
			.path = path,
			.ns = (double)(event->time_ns - since_ns),
			.order = DURATION_ORDER_NONE,
			.traced = true,
		},
		err);
}

/*
 * Another CPU than the waker's that recorded nothing in between
 * has been asleep, as a rule: that takes longer to end.
 */
static int kswapd_runs(struct durations *d, const struct raw_event *event, struct duration_wake *wake, struct err *err)
{
	uint64_t woken_ns = wake->woken_ns;
	bool elsewhere = event->cpu != wake->cpu;

	wake->woken_ns = 0;
	if (!woken_ns || event->time_ns <= woken_ns || (elsewhere && d->reclaims[event->cpu].last_ns >= woken_ns))
		return 0;
	return durations_call(d, &(struct duration){ .op = "wake_up", .path = elsewhere ? "wake_up+wake_idle" : "",
		.ns = (double)(event->time_ns - woken_ns), .order = DURATION_ORDER_NONE, .traced = true }, err);
}

static int kswapd_event(struct durations *d, const struct raw_event *event, struct err *err)
{
	struct duration_wake *wake;

	if (event->node < 0)
		return 0;
	if (!array_room_cleared(&d->wakes, &d->cap_wakes, (uint32_t)event->node))
		return no_memory(err);
	wake = &d->wakes[event->node];
	if (event->type == RAW_KSWAPD_RUNS)
		return kswapd_runs(d, event, wake, err);
	*wake = (struct duration_wake){ .woken_ns = event->time_ns, .cpu = event->cpu };
	return 0;
}

static bool is_free(uint8_t type)
{
	return type == RAW_PAGE_FREE || type == RAW_KFREE || type == RAW_CACHE_FREE;
}

static int note_event(struct durations *d, const struct raw_event *event, struct err *err)
{
	struct duration_reclaim *reclaim = &d->reclaims[event->cpu];
	uint64_t since_ns = reclaim->pid == event->pid ? reclaim->batch_ns : 0;

	if (event->type == RAW_KSWAPD_WOKEN || event->type == RAW_KSWAPD_RUNS) {
		reclaim->batch_ns = 0;
		return kswapd_event(d, event, err);
	}
	if (event->type != RAW_RECLAIM_BATCH) {
		reclaim->batch_ns = is_free(event->type) ? since_ns : 0;
		return 0;
	}
	reclaim->batch_ns = event->time_ns;
	reclaim->pid = event->pid;
	return since_ns && event->time_ns > since_ns ? batch_done(d, event, since_ns, err) : 0;
}

int durations_reclaim(struct durations *d, const struct raw_event *event, struct err *err)
{
	int code;

	if (!array_room_cleared(&d->reclaims, &d->cap_reclaims, event->cpu))
		return no_memory(err);
	code = note_event(d, event, err);
	d->reclaims[event->cpu].last_ns = event->time_ns;
	return code;
}
