/*
 * calibrate: fits the costs of steps to how long calls took on a real machine. Each call is taken for the sum of
 * the steps of its usual way (sim/calibrate_ops.c), or of those that its table names; calls of the same steps
 * give one equation, and robust non-negative least squares solve them all. What they leave open stays in
 * proportion to the machine's table.
 */
#ifndef KMEMSIM_SIM_CALIBRATE_H
#define KMEMSIM_SIM_CALIBRATE_H

#include "base/err.h"
#include "configs/machine.h"
#include "traces/durations.h"

#define CALIBRATE_TERMS 12

struct calibrate_term {
	uint32_t step; /* enum machine_step */
	double count;
};

/** What a call is made of. */
struct calibrate_steps {
	struct calibrate_term terms[CALIBRATE_TERMS];
	uint32_t nr;
	bool mixed;    /* other, longer ways hide among such calls: what is usual is at the low end */
};

/** calibrate_steps_of() - Return: NULL with @steps filled, or why the call cannot be used. */
const char *calibrate_steps_of(const struct machine *machine, const struct duration *call,
	struct calibrate_steps *steps);

/** Calls of the same steps. */
struct calibrate_group {
	struct calibrate_steps steps;
	double *ns;        /* owned */
	uint32_t nr, cap;
	double usual_ns;   /* what such a call usually takes; found by calibrate_fit() */
};

enum calibrate_how {
	CALIBRATE_NOT_SEEN, /* no call has it: the machine's cost, scaled unless it is a device's or not to be fitted */
	CALIBRATE_SHARED,   /* only seen together with larger ones: stays near the machine's cost, scaled */
	CALIBRATE_MEASURED,
};

struct calibrate_step {
	enum calibrate_how how;
	uint32_t before_ns, after_ns;
	uint64_t calls;     /* of which it is a twentieth or more */
	double residual;    /* mean of |measured - fitted| / measured of their usual durations */
};

struct calibration {
	const struct machine *machine; /* borrowed */
	double overhead_ns;            /* what measuring adds to each call */
	bool narrowed;                 /* calibrate_only() was called */
	bool only[NR_STEPS];           /* then: the steps to fit */
	struct calibrate_group *groups; /* owned */
	uint32_t nr_groups, groups_cap;
	struct idmap index;            /* by hash of the steps */
	bool no_memory;

	struct calibrate_step steps[NR_STEPS]; /* the result */
	double ratio;                  /* median of measured to modelled durations */
	uint64_t calls;
};

void calibrate_init(struct calibration *c, const struct machine *machine, double overhead_ns);
void calibrate_fini(struct calibration *c);

/**
 * calibrate_only() - fit the steps that @pattern names, as the shell would by * and ?, and those of earlier calls,
 * and leave all others as the machine has them. Return: how many steps it names.
 */
uint32_t calibrate_only(struct calibration *c, const char *pattern);

/** calibrate_add() - a duration_fn; @calibration: struct calibration. */
const char *calibrate_add(void *calibration, const struct duration *call);

/** calibrate_fit() - fills c->steps and c->ratio. Errors: ERR_TRACE when there was no call to go by. */
int calibrate_fit(struct calibration *c, struct err *err);

#endif
