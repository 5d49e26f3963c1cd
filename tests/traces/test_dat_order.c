/* In which order the records of several CPUs come. */
#include <criterion/criterion.h>

#include "traces/dat_order.h"

enum { CPUS = 3, MOST = 8 };

/* Merges the times of each CPU, 0 ends them; @order gets the CPUs as digits. */
static void merge(const uint64_t times[CPUS][MOST], char *order)
{
	struct dat_next nexts[CPUS];
	int at[CPUS] = { 0 }, cpu;
	uint64_t bound;

	for (;;) {
		for (cpu = 0; cpu < CPUS; cpu++) {
			uint64_t now = times[cpu][at[cpu]], then = now ? times[cpu][at[cpu] + 1] : 0;

			nexts[cpu] = (struct dat_next){ .time_ns = now ? now : DAT_NOTHING, .alone = then > now };
		}
		cpu = dat_earliest(nexts, CPUS, &bound);
		if (cpu < 0)
			break;
		do
			*order++ = (char)('0' + cpu);
		while (times[cpu][++at[cpu]] && times[cpu][at[cpu]] <= bound);
	}
	*order = '\0';
}

static void expect(const uint64_t times[CPUS][MOST], const char *wanted)
{
	char order[CPUS * MOST + 1];

	merge(times, order);
	cr_expect_str_eq(order, wanted);
}

Test(dat_order, records_come_in_order_of_time)
{
	static const uint64_t times[CPUS][MOST] = { { 10, 40, 50 }, { 20, 30, 60 }, { 25 } };

	expect(times, "0121001");
}

/* CPU 2 shows 20 by its own clock; the others' are behind it and show 20 until they have caught up. */
Test(dat_order, of_equal_times_the_one_that_is_its_cpus_only_one_is_first)
{
	static const uint64_t times[CPUS][MOST] = { { 20, 20, 22 }, { 10, 20, 20, 20 }, { 20, 21 } };

	expect(times, "1200" "111" "20");
}

Test(dat_order, of_equal_times_that_nothing_tells_apart_the_first_cpus_is_first)
{
	static const uint64_t times[CPUS][MOST] = { { 20, 30 }, { 20, 30 }, { 20, 20, 30 } };

	expect(times, "0122012");
}
