#include "sim/pace.h"

#include <stdlib.h>

#include "base/bits.h"
#include "configs/latency.h"
#include "sim/run.h"

#define CALLS_MAX 1000000u /* what more of them tell is the same, and each takes 8 bytes */
#define KINDS_MAX 4096u    /* of batches, by their pages, of which a kernel has some hundred */
#define CALLS_MIN 100u     /* fewer do not tell what is usual */

static const char *add_call(void *arg, const struct duration *call)
{
	struct pace_finder *finder = arg;

	if (finder->fit.calls == CALLS_MAX || finder->fit.nr_groups == KINDS_MAX)
		return "enough of them";
	return calibrate_add(&finder->fit, call);
}

/* The cost of @step in ns, at least 1; 0: it is not measured. */
static uint32_t measured(const struct calibration *fit, enum machine_step step)
{
	const struct calibrate_step *s = &fit->steps[step];

	return s->how == CALIBRATE_MEASURED && s->calls >= CALLS_MIN ? max_u32(s->after_ns, 1) : 0;
}

static int tell(void *arg, struct trace_pace *pace, struct err *err)
{
	struct pace_finder *finder = arg;

	if (calibrate_fit(&finder->fit, err) < 0)
		return -(int)err->code;
	*pace = (struct trace_pace){
		.reclaim_page = measured(&finder->fit, STEP_RECLAIM_PAGE),
		.lru_batch = measured(&finder->fit, STEP_LRU_BATCH),
		.lru_scan = measured(&finder->fit, STEP_LRU_SCAN),
		.wake_up = measured(&finder->fit, STEP_WAKE_UP),
		.wake_idle = measured(&finder->fit, STEP_WAKE_IDLE),
	};
	/* One of them alone is the rest of what the others were taken to be. */
	if (!pace->reclaim_page || !pace->lru_batch || !pace->lru_scan)
		pace->reclaim_page = pace->lru_batch = pace->lru_scan = 0;
	return 0;
}

int pace_finder_init(struct pace_finder *finder, struct import_pace *import, struct err *err)
{
	/* Of the machine the fit needs the costs to begin with, and nothing else for calls that name their steps. */
	finder->machine = calloc(1, sizeof(*finder->machine));
	if (!finder->machine)
		return err_set(err, ERR_NOMEM, "no memory for the pace of reclaim");
	for (int step = 0; step < NR_STEPS; step++)
		finder->machine->latency.step_ns[step] = latency_default_ns(PROFILE_EMULATED, (enum machine_step)step);
	calibrate_init(&finder->fit, finder->machine, 0);
	*import = (struct import_pace){ .call = add_call, .tell = tell, .arg = finder };
	return 0;
}

void pace_finder_fini(struct pace_finder *finder)
{
	calibrate_fini(&finder->fit);
	free(finder->machine);
}

bool pace_is_told(const struct machine *machine, const struct trace_pace *pace)
{
	return machine->latency.reclaim_pace == RECLAIM_PACE_AUTO &&
		(pace->reclaim_page || pace->wake_up || pace->wake_idle);
}

static void take_over(uint32_t *step_ns, uint32_t told_ns)
{
	*step_ns = told_ns ? told_ns : *step_ns;
}

int pace_start(struct run *run, struct err *err)
{
	const struct trace_pace *pace = &run->meta->pace;
	uint32_t *step_ns;

	if (!pace_is_told(run->machine, pace))
		return 0;
	run->paced = malloc(sizeof(*run->paced));
	if (!run->paced)
		return err_set(err, ERR_NOMEM, "no memory for the machine at the recording's pace");
	*run->paced = *run->machine;
	run->machine = run->paced;
	step_ns = run->paced->latency.step_ns;
	take_over(&step_ns[STEP_RECLAIM_PAGE], pace->reclaim_page);
	take_over(&step_ns[STEP_LRU_BATCH], pace->lru_batch);
	take_over(&step_ns[STEP_LRU_SCAN], pace->lru_scan);
	take_over(&step_ns[STEP_WAKE_UP], pace->wake_up);
	take_over(&step_ns[STEP_WAKE_IDLE], pace->wake_idle);
	return 0;
}

void pace_fini(struct run *run)
{
	free(run->paced);
}
