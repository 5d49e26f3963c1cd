#include "sim/bisect.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/fingerprint.h"

/* Longer than any trace: bisecting wants no samples. */
#define NO_SAMPLES_NS ((ns_t)1 << 62)

/* Where an event stands in a run. Window 0 is the prologue, window i the i-th `every` events. */
struct spot {
	uint64_t window;
	uint64_t index;
};

/* A run that is being watched; what each pass keeps is in its own part. */
struct watch {
	const struct bisect_options *options;
	uint64_t every, from, events;
	uint64_t nr_prologue, nr_events; /* served */
	uint64_t hash;                   /* rolling */
	bool over;                       /* all that was wanted has been seen */
	bool no_memory;

	struct bisect_marks *marks;        /* pass 1: filled, */
	const struct bisect_marks *expect; /* or compared with */
	uint64_t open;                     /* the window that is being hashed */
	bool differs;                      /* it, with the mark expected */

	struct spot spot;                /* pass 2: of the window; pass 3: of the event */
	uint64_t *hashes;                /* borrowed: of each event of the window, filled or compared with */
	uint64_t nr_hashes;
	uint32_t cap_hashes;
	bool compare;

	struct bisect_side *side;        /* pass 3 */
};

static uint64_t add_place(uint64_t hash, const struct place *place)
{
	return fingerprint_add(hash, place->address << 2 | place->kind);
}

static uint64_t hash_outcome(const struct outcome *outcome, bool time)
{
	uint64_t hash = fingerprint_add(FINGERPRINT_START, outcome->event_no << 2 | outcome->result);

	hash = add_place(hash, &outcome->was);
	hash = add_place(hash, &outcome->is);
	hash = fingerprint_add(hash, outcome->others);
	if (time) {
		hash = fingerprint_add(hash, outcome->start_ns);
		hash = fingerprint_add(hash, outcome->cost_ns);
	}
	return hash;
}

/* Where the event that comes next stands. Return: false when it is none of those that are compared. */
static bool next_spot(struct watch *watch, const struct outcome *outcome, struct spot *spot)
{
	uint64_t at = watch->nr_events - watch->from;

	if (watch->over)
		return false;
	if (outcome->prologue) {
		*spot = (struct spot){ 0, watch->nr_prologue };
		return !watch->from;
	}
	if (watch->nr_events < watch->from)
		return false;
	if (watch->events && at >= watch->events) {
		watch->over = true;
		return false;
	}
	*spot = (struct spot){ 1 + at / watch->every, at % watch->every };
	return true;
}

static void count(struct watch *watch, const struct outcome *outcome)
{
	if (outcome->prologue)
		watch->nr_prologue++;
	else
		watch->nr_events++;
}

/* The open window is whole. */
static void close_window(struct watch *watch)
{
	if (watch->marks) {
		watch->no_memory = !bisect_marks_add(watch->marks, watch->hash);
		watch->over = watch->no_memory;
	} else if (watch->open >= watch->expect->nr || watch->expect->hash[watch->open] != watch->hash) {
		watch->differs = watch->over = true;
	}
	if (!watch->over)
		watch->open++;
}

/* Pass 1: the rolling hash, and a mark at the end of each window. */
static void mark(void *arg, const struct outcome *outcome, const struct mm *mm)
{
	struct watch *watch = arg;
	struct spot spot;

	(void)mm;
	if (next_spot(watch, outcome, &spot)) {
		while (!watch->over && watch->open < spot.window)
			close_window(watch);
		if (!watch->over)
			watch->hash = fingerprint_add(watch->hash, hash_outcome(outcome, watch->options->time));
	}
	count(watch, outcome);
}

static void keep_hash(struct watch *watch, uint64_t hash)
{
	if (array_room(&watch->hashes, &watch->cap_hashes, watch->nr_hashes))
		watch->hashes[watch->nr_hashes++] = hash;
	else
		watch->no_memory = true;
}

/* Pass 2: each event of one window. */
static void note_each(void *arg, const struct outcome *outcome, const struct mm *mm)
{
	struct watch *watch = arg;
	struct spot spot;

	(void)mm;
	if (next_spot(watch, outcome, &spot) && spot.window >= watch->spot.window) {
		uint64_t hash = hash_outcome(outcome, watch->options->time);

		if (spot.window > watch->spot.window) {
			watch->over = true;
		} else if (!watch->compare) {
			keep_hash(watch, hash);
		} else if (spot.index >= watch->nr_hashes || watch->hashes[spot.index] != hash) {
			watch->spot = spot;
			watch->differs = watch->over = true;
		}
		watch->over |= watch->no_memory;
	}
	count(watch, outcome);
}

static bool is_the_event(struct watch *watch, const struct outcome *outcome)
{
	struct spot spot;

	return next_spot(watch, outcome, &spot) && spot.window == watch->spot.window && spot.index == watch->spot.index;
}

/* Pass 3: the state that one event meets, and what it does. */
static void look_before(void *arg, const struct outcome *outcome, const struct trace_tables *tables,
	const struct mm *mm)
{
	struct watch *watch = arg;

	if (is_the_event(watch, outcome) && bisect_side_copy(watch->side, outcome, tables, mm) < 0)
		watch->no_memory = watch->over = true;
}

static void look_after(void *arg, const struct outcome *outcome, const struct mm *mm)
{
	struct watch *watch = arg;

	(void)mm;
	if (is_the_event(watch, outcome)) {
		watch->side->reached = true;
		watch->side->outcome = *outcome;
		watch->over = true;
	}
	count(watch, outcome);
}

/* What the callbacks of one replay need. */
struct pass {
	const struct bisect_options *options;
	const char *name;
	struct watch *watch;
	struct trace_reader *reader;
};

static bool pass_stop(void *arg)
{
	const struct pass *pass = arg;

	return pass->watch->over || (pass->options->stop && pass->options->stop(pass->options->arg));
}

static void pass_progress(void *arg, uint64_t events, uint64_t live_objects)
{
	const struct pass *pass = arg;

	(void)live_objects;
	if (pass->options->progress)
		pass->options->progress(pass->options->arg, pass->name, pass->reader, events);
}

/* Replays @run with @watch told of every event, until it has seen what it wants. */
static int watch_run(const struct bisect_run *run, struct watch *watch, const char *name, struct observer observer,
	struct trace_damage *damage, struct err *err)
{
	struct pass pass = { .options = watch->options, .name = name, .watch = watch };
	struct trace_reader_options reader_options = { .thread = true };
	struct replay_options options = {
		.seed = run->seed,
		.layer = watch->options->layer,
		.sample_ns = NO_SAMPLES_NS,
		.machine = run->machine,
		.stop = pass_stop,
		.progress = pass_progress,
		.arg = &pass,
		.observer = observer,
	};
	struct replay_result result;
	int ret = trace_open(&pass.reader, watch->options->trace, &reader_options, err);

	if (ret < 0)
		return ret;
	watch->hash = FINGERPRINT_START;
	options.observer.arg = watch;
	ret = replay_run(&options, pass.reader, recorder_none(), &result, err);
	if (ret < 0 && err->code == ERR_INTERRUPTED && watch->over) {
		err->code = ERR_NONE;
		ret = 0;
	}
	if (ret == 0 && watch->no_memory)
		ret = err_set(err, ERR_NOMEM, "no memory to compare the runs");
	*damage = *trace_damage(pass.reader);
	trace_close(pass.reader);
	return ret;
}

bool bisect_marks_add(struct bisect_marks *marks, uint64_t hash)
{
	if (!array_room(&marks->hash, &marks->cap, marks->nr))
		return false;
	marks->hash[marks->nr++] = hash;
	return true;
}

void bisect_marks_fini(struct bisect_marks *marks)
{
	free(marks->hash);
	*marks = (struct bisect_marks){ 0 };
}

static struct watch watch_for(const struct bisect_options *options, const struct bisect_marks *marks)
{
	return (struct watch){
		.options = options,
		.every = marks->every,
		.from = marks->from,
		.events = marks->events,
	};
}

/* Events that went into the hash of a run that went on as long as it was asked to. */
static uint64_t nr_compared(const struct watch *watch)
{
	uint64_t nr = watch->nr_events - min_u64(watch->from, watch->nr_events);

	return watch->events ? min_u64(nr, watch->events) : nr;
}

int bisect_marks_make(const struct bisect_options *options, const struct bisect_run *run, struct bisect_marks *marks,
	struct trace_damage *damage, struct err *err)
{
	struct watch watch = watch_for(options, marks);
	int ret;

	watch.marks = marks;
	ret = watch_run(run, &watch, "first run", (struct observer){ .after = mark }, damage, err);
	if (ret == 0 && !bisect_marks_add(marks, watch.hash))
		ret = err_set(err, ERR_NOMEM, "no memory for the hashes");
	marks->total = nr_compared(&watch);
	return ret;
}

/* The window that differs, as positions of events. */
static void tell_window(struct bisect_answer *answer, const struct watch *watch)
{
	answer->part = true;
	answer->prologue = watch->open == 0 && !watch->from;
	if (answer->prologue) {
		answer->last = watch->nr_prologue ? watch->nr_prologue - 1 : 0;
		return;
	}
	answer->position = watch->from + (watch->open - 1) * watch->every;
	answer->last = watch->from + min_u64(watch->open * watch->every, watch->expect->total) - 1;
	answer->compared = answer->position - watch->from;
}

int bisect_against(const struct bisect_options *options, const struct bisect_run *run, const struct bisect_marks *marks,
	struct bisect_answer *answer, struct err *err)
{
	struct watch watch = watch_for(options, marks);
	int ret;

	*answer = (struct bisect_answer){ 0 };
	watch.expect = marks;
	ret = watch_run(run, &watch, "second run", (struct observer){ .after = mark }, &answer->damage, err);
	if (ret < 0)
		return ret;
	watch.over = false;
	if (!watch.differs)
		close_window(&watch);
	if (watch.differs)
		tell_window(answer, &watch);
	else
		answer->compared = nr_compared(&watch);
	return 0;
}

/* Pass 2: from the window of @answer to the event. */
static int find_event(const struct bisect_options *options, const struct bisect_run runs[2],
	const struct bisect_marks *marks, struct bisect_answer *answer, struct err *err)
{
	struct spot window = { answer->prologue ? 0 : 1 + answer->position / marks->every, 0 };
	struct watch first = watch_for(options, marks), second = first;
	int ret;

	first.spot = second.spot = window;
	second.compare = true;
	ret = watch_run(&runs[0], &first, "window of the first run", (struct observer){ .after = note_each },
		&answer->damage, err);
	second.hashes = first.hashes;
	second.nr_hashes = first.nr_hashes;
	if (ret == 0)
		ret = watch_run(&runs[1], &second, "window of the second run", (struct observer){ .after = note_each },
			&answer->damage, err);
	free(first.hashes);
	if (ret < 0)
		return ret;
	if (!second.differs)
		return err_set(err, ERR_INVARIANT, "the runs differ, but at no event: a replay is not repeatable");
	answer->position += second.spot.index;
	answer->last = answer->position;
	answer->compared = answer->prologue ? 0 : answer->position;
	return 0;
}

int bisect_look(const struct bisect_options *options, const struct bisect_run *run, const struct bisect_answer *answer,
	struct bisect_side *side, struct err *err)
{
	struct trace_damage damage;
	struct watch watch = {
		.options = options,
		.every = UINT64_MAX,
		.spot = { answer->prologue ? 0 : 1, answer->position },
		.side = side,
	};

	return watch_run(run, &watch, "state", (struct observer){ .before = look_before, .after = look_after }, &damage,
		err);
}

int bisect_runs(const struct bisect_options *options, const struct bisect_run runs[2], uint64_t every,
	struct bisect_answer *answer, struct bisect_side sides[2], struct err *err)
{
	struct bisect_marks marks = { .every = every };
	int ret;

	sides[0] = sides[1] = (struct bisect_side){ 0 };
	*answer = (struct bisect_answer){ 0 };
	ret = bisect_marks_make(options, &runs[0], &marks, &answer->damage, err);
	if (ret == 0)
		ret = bisect_against(options, &runs[1], &marks, answer, err);
	if (ret == 0 && answer->part)
		ret = find_event(options, runs, &marks, answer, err);
	for (int i = 0; i < 2 && ret == 0 && answer->part; i++)
		ret = bisect_look(options, &runs[i], answer, &sides[i], err);
	bisect_marks_fini(&marks);
	return ret;
}
