/* bisect_print: what `kmemsim bisect` found, for people and as JSON. */
#ifndef KMEMSIM_SIM_CLI_BISECT_PRINT_H
#define KMEMSIM_SIM_CLI_BISECT_PRINT_H

#include <stdio.h>

#include "sim/bisect.h"

/** What was found, and one or two sides of the event. */
struct bisect_shown {
	const struct bisect_answer *answer;
	const struct bisect_side *sides; /* sides[0 .. nr_sides-1]; nr_sides 0: equal, or only the window is known */
	const struct bisect_run *runs;
	const char *names[2];            /* of the runs, for people */
	int nr_sides;
	bool lists; /* also the free lists, block by block */
};

void bisect_print_text(const struct bisect_shown *shown, FILE *out);
void bisect_print_json(const struct bisect_shown *shown, FILE *out);

#endif
