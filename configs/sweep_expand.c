/* sweep_expand: from axes to points: every combination of their choices, once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fingerprint.h"
#include "base/idmap.h"
#include "configs/sweep_priv.h"

/* A counter with one digit per axis; the last changes fastest. */
struct odometer {
	uint32_t *digits; /* owned */
	const struct sweep *sweep;
};

static bool odometer_next(struct odometer *o)
{
	for (uint32_t a = o->sweep->nr_axes; a-- > 0;) {
		if (++o->digits[a] < o->sweep->axes[a].nr_choices)
			return true;
		o->digits[a] = 0;
	}
	return false;
}

static uint64_t count_combinations(const struct sweep *sweep)
{
	uint64_t nr = 1;

	for (uint32_t a = 0; a < sweep->nr_axes && nr <= SWEEP_MAX_POINTS; a++)
		nr *= sweep->axes[a].nr_choices;
	return nr;
}

/* The last setting of a key takes the place of one further up: a variant may change what the grid set before it. */
static void add_set(struct sweep_combination *c, const char *set)
{
	size_t key = strcspn(set, "=") + 1;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->nr_sets; i++)
		if (strncmp(c->sets[i], set, key))
			c->sets[kept++] = c->sets[i];
	c->sets[kept++] = set;
	c->nr_sets = kept;
}

/* What the digits say. */
static int combine(const struct odometer *o, struct sweep_combination *c, struct err *err)
{
	const struct sweep *sweep = o->sweep;
	uint32_t nr = 0;

	for (uint32_t a = 0; a < sweep->nr_axes; a++)
		nr += sweep->axes[a].choices[o->digits[a]].nr_sets;
	if (nr > SWEEP_MAX_SETS)
		return err_set(err, ERR_CONFIG, "%s: more than %u settings in one point", sweep->file, SWEEP_MAX_SETS);
	*c = (struct sweep_combination){ .sets = malloc((nr + 1) * sizeof(*c->sets)) };
	if (!c->sets)
		return err_set(err, ERR_NOMEM, "%s: no memory for the points", sweep->file);
	for (uint32_t a = 0; a < sweep->nr_axes; a++) {
		const struct sweep_choice *choice = &sweep->axes[a].choices[o->digits[a]];

		for (uint32_t i = 0; i < choice->nr_sets; i++)
			add_set(c, choice->sets[i]);
		if (sweep->axes[a].named)
			c->variant = choice->name;
	}
	return 0;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = fingerprint_add(hash, (unsigned char)*text);
	return fingerprint_add(hash, 256);
}

static bool equal(const struct sweep_combination *a, const struct sweep_combination *b)
{
	if (a->nr_sets != b->nr_sets || a->variant != b->variant)
		return false;
	for (uint32_t i = 0; i < a->nr_sets; i++)
		if (strcmp(a->sets[i], b->sets[i]))
			return false;
	return true;
}

/* Return: 1 when the last combination is new, 0 when an equal one is there, negative when out of memory. */
static int remember(struct sweep *sweep, struct idmap *seen, struct err *err)
{
	uint32_t last = sweep->nr_combinations, other;
	const struct sweep_combination *c = &sweep->combinations[last];
	uint64_t hash = hash_text(FINGERPRINT_START, c->variant ? c->variant : "");

	for (uint32_t i = 0; i < c->nr_sets; i++)
		hash = hash_text(hash, c->sets[i]);
	other = idmap_get(seen, hash);
	if (other != IDMAP_NONE && equal(&sweep->combinations[other], c))
		return 0;
	if (other == IDMAP_NONE && idmap_put(seen, hash, last) < 0)
		return err_set(err, ERR_NOMEM, "%s: no memory for the points", sweep->file);
	return 1;
}

static int fill_combinations(struct sweep *sweep, struct odometer *o, struct idmap *seen, struct err *err)
{
	do {
		int ret = combine(o, &sweep->combinations[sweep->nr_combinations], err);

		if (ret < 0 || (ret = remember(sweep, seen, err)) < 0)
			return ret;
		if (ret) {
			sweep->nr_combinations++;
		} else {
			free(sweep->combinations[sweep->nr_combinations].sets);
			sweep->combinations[sweep->nr_combinations].sets = NULL;
			sweep->nr_equal++;
		}
	} while (odometer_next(o));
	return 0;
}

static bool all_hold(const struct sweep *sweep, struct where *const *where, uint32_t nr,
	const struct sweep_point *point)
{
	for (uint32_t i = 0; i < nr; i++)
		if (!sweep_where_holds(where[i], sweep, point))
			return false;
	return true;
}

static int fill_points(struct sweep *sweep, struct where *const *where, uint32_t nr_where, struct err *err)
{
	uint64_t most = (uint64_t)sweep->nr_traces * sweep->nr_combinations * sweep->repeat;

	if (most > SWEEP_MAX_POINTS)
		return err_set(err, ERR_CONFIG, "%s: %" PRIu64 " runs; at most %u", sweep->file, most,
			SWEEP_MAX_POINTS);
	sweep->points = calloc(most + 1, sizeof(*sweep->points));
	if (!sweep->points)
		return err_set(err, ERR_NOMEM, "%s: no memory for %" PRIu64 " points", sweep->file, most);
	for (uint64_t i = 0; i < most; i++) {
		const struct sweep_combination *c = &sweep->combinations[i / sweep->repeat % sweep->nr_combinations];
		uint32_t repeat = (uint32_t)(i % sweep->repeat);
		struct sweep_point point = {
			.number = sweep->nr_points + 1,
			.trace = (uint32_t)(i / sweep->repeat / sweep->nr_combinations),
			.repeat = repeat + 1,
			.seed = sweep->seed + repeat,
			.variant = c->variant,
			.sets = c->sets,
			.nr_sets = c->nr_sets,
		};

		if (all_hold(sweep, where, nr_where, &point))
			sweep->points[sweep->nr_points++] = point;
		else
			sweep->nr_dropped++;
	}
	if (!sweep->nr_points)
		return err_set(err, ERR_CONFIG, "%s: `where` leaves out all %" PRIu64 " points", sweep->file, most);
	return 0;
}

int sweep_expand(struct sweep *sweep, struct where *const *where, uint32_t nr_where, struct err *err)
{
	uint64_t nr = count_combinations(sweep);
	struct odometer o = { .sweep = sweep };
	struct idmap seen = { 0 };
	int ret;

	if (nr > SWEEP_MAX_POINTS)
		return err_set(err, ERR_CONFIG, "%s: more than %u combinations", sweep->file, SWEEP_MAX_POINTS);
	sweep->combinations = calloc(nr, sizeof(*sweep->combinations));
	o.digits = calloc(sweep->nr_axes + 1, sizeof(*o.digits));
	if (!sweep->combinations || !o.digits)
		ret = err_set(err, ERR_NOMEM, "%s: no memory for the points", sweep->file);
	else
		ret = fill_combinations(sweep, &o, &seen, err);
	if (ret == 0)
		ret = fill_points(sweep, where, nr_where, err);
	idmap_fini(&seen);
	free(o.digits);
	return ret;
}

void sweep_axes_free(struct sweep *sweep)
{
	for (uint32_t a = 0; a < sweep->nr_axes; a++) {
		for (uint32_t c = 0; c < sweep->axes[a].nr_choices; c++) {
			struct sweep_choice *choice = &sweep->axes[a].choices[c];

			for (uint32_t i = 0; i < choice->nr_sets; i++)
				free(choice->sets[i]);
			free(choice->sets);
			free(choice->name);
		}
		free(sweep->axes[a].choices);
	}
	for (uint32_t i = 0; sweep->combinations && i < sweep->nr_combinations; i++)
		free(sweep->combinations[i].sets);
	free(sweep->combinations);
	free(sweep->axes);
}
