/*
 * The fit. Unknown are the costs of steps as multiples u of what the machine's table, scaled by one ratio, gives:
 * the usual duration of each group of calls is one equation, weighted by its calls, in relative terms, so that
 * nanoseconds count as much as milliseconds. A weak pull towards u = 1 decides what the equations leave open. It is
 * done in floating point: the result is a machine file, rounded to nanoseconds, not a result of a run.
 */
#include "sim/calibrate.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "configs/latency.h"

#define PULL 1e-9          /* towards the table, in calls */
#define CALLS_COUNT 200.0  /* more calls of the same steps do not weigh more */
#define SPREAD 2.5         /* 90th to 10th percentile: beyond it such calls took several ways */
#define ENOUGH 16.0        /* measured: known four times as closely as by the pull alone */
#define MAX_ROUNDS 20000

void calibrate_init(struct calibration *c, const struct machine *machine, double overhead_ns)
{
	*c = (struct calibration){ .machine = machine, .overhead_ns = overhead_ns, .ratio = 1 };
}

void calibrate_fini(struct calibration *c)
{
	for (uint32_t i = 0; i < c->nr_groups; i++)
		free(c->groups[i].ns);
	free(c->groups);
	idmap_fini(&c->index);
}

uint32_t calibrate_only(struct calibration *c, const char *pattern)
{
	uint32_t nr = 0;

	c->narrowed = true;
	for (uint32_t step = 0; step < NR_STEPS; step++) {
		bool named = !fnmatch(pattern, machine_step_name[step], 0);

		c->only[step] |= named;
		nr += named;
	}
	return nr;
}

static bool is_wanted(const struct calibration *c, const struct calibrate_steps *steps)
{
	for (uint32_t i = 0; c->narrowed && i < steps->nr; i++)
		if (!c->only[steps->terms[i].step])
			return false;
	return true;
}

static uint64_t hash_steps(const struct calibrate_steps *steps)
{
	uint64_t hash = (uint64_t)steps->mixed << 32; /* where no step's number cancels it */

	for (uint32_t i = 0; i < steps->nr; i++) {
		uint64_t count;

		memcpy(&count, &steps->terms[i].count, sizeof(count));
		hash = (hash ^ steps->terms[i].step) * 0x9e3779b97f4a7c15ull;
		hash = (hash ^ hash >> 29 ^ count) * 0xbf58476d1ce4e5b9ull;
	}
	return hash ^ hash >> 32;
}

static struct calibrate_group *group_of(struct calibration *c, const struct calibrate_steps *steps)
{
	uint64_t key = hash_steps(steps);
	uint32_t at = idmap_get(&c->index, key);

	if (at != IDMAP_NONE)
		return &c->groups[at];
	if (!array_room(&c->groups, &c->groups_cap, c->nr_groups))
		return NULL;
	if (idmap_put(&c->index, key, c->nr_groups) < 0)
		return NULL;
	c->groups[c->nr_groups] = (struct calibrate_group){ .steps = *steps };
	return &c->groups[c->nr_groups++];
}

const char *calibrate_add(void *calibration, const struct duration *call)
{
	struct calibration *c = calibration;
	struct calibrate_steps steps;
	struct calibrate_group *group;
	const char *why = calibrate_steps_of(c->machine, call, &steps);

	if (why)
		return why;
	if (!is_wanted(c, &steps))
		return "call with steps that are not to be fitted";
	if (call->ns <= c->overhead_ns)
		return "duration is not above what measuring adds";
	group = group_of(c, &steps);
	if (!group || !array_room(&group->ns, &group->cap, group->nr)) {
		c->no_memory = true;
		return "no memory for it";
	}
	group->ns[group->nr++] = call->ns - c->overhead_ns;
	c->calls++;
	return NULL;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double distance(double a, double b)
{
	return a > b ? a - b : b - a;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *sorted, uint32_t nr)
{
	return nr % 2 ? sorted[nr / 2] : (sorted[nr / 2 - 1] + sorted[nr / 2]) / 2;
}

/*
 * The median; of calls that took several ways the middle of the shortest stretch that holds a
 * third of them: where they are densest, whatever tail the longer ways and interrupts give them.
 */
static double calibrate_usual(double *ns, uint32_t nr, bool mixed)
{
	uint32_t third = nr / 3 ? nr / 3 : 1, best = 0;

	qsort(ns, nr, sizeof(*ns), compare_doubles);
	if (!mixed || nr < 10 || ns[nr - 1 - nr / 10] <= SPREAD * ns[nr / 10])
		return median(ns, nr);
	for (uint32_t i = 1; i + third <= nr; i++)
		if (ns[i + third - 1] - ns[i] < ns[best + third - 1] - ns[best])
			best = i;
	return median(ns + best, third);
}

static double weight_of(const struct calibrate_group *group)
{
	return group->nr < CALLS_COUNT ? group->nr : CALLS_COUNT;
}

/* What the group's call costs by the machine's table. */
static double modelled_ns(const struct calibration *c, const struct calibrate_group *group)
{
	double ns = 0;

	for (uint32_t i = 0; i < group->steps.nr; i++)
		ns += group->steps.terms[i].count * c->machine->latency.step_ns[group->steps.terms[i].step];
	return ns;
}

struct ratio {
	double value, weight;
};

/* Weighted median of measured to modelled. */
static int find_ratio(struct calibration *c, struct err *err)
{
	struct ratio *ratios = calloc(c->nr_groups, sizeof(*ratios));
	double total = 0, below = 0;
	uint32_t nr = 0;

	if (!ratios)
		return err_set(err, ERR_NOMEM, "no memory for the fit");
	for (uint32_t i = 0; i < c->nr_groups; i++) {
		double modelled = modelled_ns(c, &c->groups[i]);

		if (modelled <= 0)
			continue;
		ratios[nr] = (struct ratio){ c->groups[i].usual_ns / modelled, weight_of(&c->groups[i]) };
		total += ratios[nr++].weight;
	}
	qsort(ratios, nr, sizeof(*ratios), compare_doubles); /* by their first member */
	for (uint32_t i = 0; i < nr && below <= total / 2; i++) {
		c->ratio = ratios[i].value;
		below += ratios[i].weight;
	}
	free(ratios);
	return 0;
}

/* Normal equations of the scaled problem, the pull among them. */
struct normal {
	double matrix[NR_STEPS][NR_STEPS], right[NR_STEPS];
	double u[NR_STEPS];
	double precision[NR_STEPS]; /* of the solution, in pulls */
	double scale[NR_STEPS];  /* ns of u = 1 */
	bool seen[NR_STEPS];
	uint32_t steps[NR_STEPS]; /* those seen */
	uint32_t nr;
};

/* What a step without a cost in the table is counted in: a duration of calls that have it. */
static double longest_with(const struct calibration *c, uint32_t step)
{
	double longest = 1;

	for (uint32_t g = 0; g < c->nr_groups; g++)
		for (uint32_t i = 0; i < c->groups[g].steps.nr; i++)
			if (c->groups[g].steps.terms[i].step == step)
				longest = larger(longest, c->groups[g].usual_ns);
	return longest;
}

static void fill_normal(const struct calibration *c, struct normal *n)
{
	for (uint32_t step = 0; step < NR_STEPS; step++) {
		double table = c->machine->latency.step_ns[step] * c->ratio;

		n->scale[step] = table > 0 ? table : longest_with(c, step);
		n->u[step] = table > 0 ? 1 : 0;
		n->matrix[step][step] = PULL;
		n->right[step] = PULL * n->u[step];
	}
	for (uint32_t g = 0; g < c->nr_groups; g++) {
		const struct calibrate_group *group = &c->groups[g];
		double weight = weight_of(group);

		for (uint32_t i = 0; i < group->steps.nr; i++) {
			const struct calibrate_term *a = &group->steps.terms[i];
			double part = a->count * n->scale[a->step] / group->usual_ns;

			n->seen[a->step] = true;
			n->right[a->step] += weight * part;
			for (uint32_t j = 0; j < group->steps.nr; j++) {
				const struct calibrate_term *b = &group->steps.terms[j];

				n->matrix[a->step][b->step] +=
					weight * part * b->count * n->scale[b->step] / group->usual_ns;
			}
		}
	}
	for (uint32_t step = 0; step < NR_STEPS; step++)
		if (n->seen[step])
			n->steps[n->nr++] = step;
}

/*
 * One step by elimination of all others. Return: what is left of its diagonal element, which tells how
 * closely the equations fix it while all others may move. @u: its solution, were negative ones allowed.
 */
static double eliminate_others(const struct normal *n, uint32_t of, double *u)
{
	double m[NR_STEPS][NR_STEPS], right[NR_STEPS];
	uint32_t order[NR_STEPS], last = 0;

	for (uint32_t i = 0; i < n->nr; i++)
		if (n->steps[i] != of)
			order[last++] = n->steps[i];
	order[last] = of;
	for (uint32_t i = 0; i <= last; i++) {
		right[i] = n->right[order[i]];
		for (uint32_t j = 0; j <= last; j++)
			m[i][j] = n->matrix[order[i]][order[j]];
	}
	for (uint32_t k = 0; k < last; k++) {
		for (uint32_t i = k + 1; i <= last; i++) {
			double factor = m[i][k] / m[k][k];

			for (uint32_t j = k; j <= last; j++)
				m[i][j] -= factor * m[k][j];
			right[i] -= factor * right[k];
		}
	}
	*u = right[last] / m[last][last];
	return m[last][last];
}

/* Coordinate descent within u >= 0: converges, because the pull makes the matrix positive definite. */
static void descend(struct normal *n)
{
	for (uint32_t round = 0; round < MAX_ROUNDS; round++) {
		double moved = 0;

		for (uint32_t i = 0; i < n->nr; i++) {
			uint32_t step = n->steps[i];
			double sum = n->right[step], u;

			for (uint32_t j = 0; j < n->nr; j++)
				sum -= n->matrix[step][n->steps[j]] * n->u[n->steps[j]];
			u = larger(n->u[step] + sum / n->matrix[step][step], 0);
			moved = larger(moved, distance(u, n->u[step]));
			n->u[step] = u;
		}
		if (moved < 1e-10)
			return;
	}
}

static void solve(struct normal *n)
{
	bool negative = false;

	for (uint32_t i = 0; i < n->nr; i++) {
		double u;

		n->precision[n->steps[i]] = eliminate_others(n, n->steps[i], &u) / PULL;
		negative |= u < 0;
		n->u[n->steps[i]] = larger(u, 0);
	}
	if (negative)
		descend(n);
}

static uint32_t round_ns(double ns)
{
	return ns < 1e9 ? (uint32_t)(ns + 0.5) : 1000000000u;
}

static void tell_steps(struct calibration *c, const struct normal *n)
{
	for (uint32_t step = 0; step < NR_STEPS; step++) {
		struct calibrate_step *out = &c->steps[step];
		uint32_t before = c->machine->latency.step_ns[step];

		*out = (struct calibrate_step){ .before_ns = before, .after_ns = before };
		if (n->seen[step]) {
			out->how = n->precision[step] >= ENOUGH ? CALIBRATE_MEASURED : CALIBRATE_SHARED;
			out->after_ns = round_ns(n->u[step] * n->scale[step]);
		} else if (before && !c->narrowed && !latency_is_device((enum machine_step)step)) {
			out->after_ns = round_ns(larger(before * c->ratio, 1));
		}
	}
}

/* How far measured and fitted durations are apart, for each step that matters in them. */
static void tell_residuals(struct calibration *c, const struct normal *n)
{
	double sum[NR_STEPS] = { 0 }, weights[NR_STEPS] = { 0 };

	for (uint32_t g = 0; g < c->nr_groups; g++) {
		const struct calibrate_group *group = &c->groups[g];
		double fitted = 0, off;

		for (uint32_t i = 0; i < group->steps.nr; i++)
			fitted += group->steps.terms[i].count * n->u[group->steps.terms[i].step] *
				n->scale[group->steps.terms[i].step];
		off = distance(group->usual_ns, fitted) / group->usual_ns;
		for (uint32_t i = 0; i < group->steps.nr; i++) {
			uint32_t step = group->steps.terms[i].step;

			if (group->steps.terms[i].count * n->u[step] * n->scale[step] < fitted / 20)
				continue;
			c->steps[step].calls += group->nr;
			sum[step] += off * weight_of(group);
			weights[step] += weight_of(group);
		}
	}
	for (uint32_t step = 0; step < NR_STEPS; step++)
		c->steps[step].residual = weights[step] > 0 ? sum[step] / weights[step] : 0;
}

int calibrate_fit(struct calibration *c, struct err *err)
{
	struct normal *n;

	if (c->no_memory)
		return err_set(err, ERR_NOMEM, "no memory for the durations");
	if (!c->nr_groups)
		return err_set(err, ERR_TRACE, "no call in it tells what a step costs");
	n = calloc(1, sizeof(*n));
	if (!n)
		return err_set(err, ERR_NOMEM, "no memory for the fit");
	for (uint32_t i = 0; i < c->nr_groups; i++) {
		struct calibrate_group *group = &c->groups[i];

		group->usual_ns = larger(calibrate_usual(group->ns, group->nr, group->steps.mixed), 0.1);
	}
	if (find_ratio(c, err) < 0) {
		free(n);
		return -(int)err->code;
	}
	fill_normal(c, n);
	solve(n);
	tell_steps(c, n);
	tell_residuals(c, n);
	free(n);
	return 0;
}
