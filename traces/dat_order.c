#include "traces/dat_order.h"

int dat_earliest(const struct dat_next *cpus, int nr, uint64_t *bound)
{
	int found = -1;

	*bound = UINT64_MAX;
	for (int cpu = 0; cpu < nr; cpu++) {
		const struct dat_next *next = &cpus[cpu];

		if (next->time_ns == DAT_NOTHING)
			continue;
		if (found < 0) {
			found = cpu;
		} else if (next->time_ns < cpus[found].time_ns) {
			/* Of equal times the one that was found is first: it must not be passed over. */
			*bound = cpus[found].time_ns - 1;
			found = cpu;
		} else if (next->time_ns == cpus[found].time_ns && next->alone && !cpus[found].alone) {
			*bound = next->time_ns;
			found = cpu;
		} else if (next->time_ns < *bound) {
			*bound = next->time_ns;
		}
	}
	return found;
}
