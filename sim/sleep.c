#include "sim/sleep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/arrive.h"
#include "sim/serve_priv.h"
#include "sim/timers.h"

static const char *const sleep_reason_name[NR_SLEEP_REASONS] = {
#define X(id, name) [SLEEP_##id] = name,
	SLEEP_REASONS(X)
#undef X
};

#define FIRST_CHAINS_LOG2 10u
#define STAGE_SERVED UINT32_MAX /* struct mm_place: it has been served, and naps; no mechanism has so many stages */

void sleepers_init(struct sleepers *sleepers)
{
	*sleepers = (struct sleepers){ .free = SLEEPER_NONE };
}

void sleepers_fini(struct sleepers *sleepers)
{
	free(sleepers->slots);
	free(sleepers->chains);
	*sleepers = (struct sleepers){ 0 };
}

/* Fibonacci hashing: the top bits of key times 2^64 / golden ratio. */
static struct sleep_chain *chain_of(const struct sleepers *s, uint8_t reason, uint64_t key)
{
	return &s->chains[((key * NR_SLEEP_REASONS + reason) * 0x9e3779b97f4a7c15u) >> (64 - s->chains_log2)];
}

static void put_last(struct sleepers *s, uint32_t number)
{
	struct sleeper *sleeper = &s->slots[number];
	struct sleep_chain *chain = chain_of(s, sleeper->reason, sleeper->key);

	sleeper->prev = chain->last;
	sleeper->next = SLEEPER_NONE;
	if (chain->last == SLEEPER_NONE)
		chain->first = number;
	else
		s->slots[chain->last].next = number;
	chain->last = number;
}

static uint32_t nr_chains(const struct sleepers *s)
{
	return s->chains ? 1u << s->chains_log2 : 0;
}

/*
 * Twice as many chains: on a machine that is far too small hundreds of thousands wait at a time.
 * By the top bits of its hash a chain falls into two, so those who are on them keep their order.
 */
static bool more_chains(struct sleepers *s)
{
	uint32_t nr_old = nr_chains(s);
	unsigned int log2 = nr_old ? s->chains_log2 + 1 : FIRST_CHAINS_LOG2;
	struct sleep_chain *old = s->chains, *chains = malloc(((size_t)1 << log2) * sizeof(*chains));

	if (!chains)
		return false;
	for (size_t i = 0; i < (size_t)1 << log2; i++)
		chains[i] = (struct sleep_chain){ SLEEPER_NONE, SLEEPER_NONE };
	s->chains = chains;
	s->chains_log2 = log2;
	for (uint32_t i = 0; i < nr_old; i++)
		for (uint32_t number = old[i].first, next; number != SLEEPER_NONE; number = next) {
			next = s->slots[number].next;
			put_last(s, number);
		}
	free(old);
	return true;
}

static uint32_t take_slot(struct sleepers *s, struct err *err)
{
	uint32_t number = s->free;
	bool room = s->nr_asleep < nr_chains(s) || more_chains(s);

	if (room && number != SLEEPER_NONE) {
		s->free = s->slots[number].next;
		return number;
	}
	if (!room || !array_room(&s->slots, &s->cap, s->nr)) {
		err_set(err, ERR_NOMEM, "no memory for %u sleeping requests", s->nr + 1);
		return SLEEPER_NONE;
	}
	s->slots[s->nr] = (struct sleeper){ 0 };
	return s->nr++;
}

static void give_slot(struct sleepers *s, uint32_t number)
{
	s->slots[number].state = SLEEPER_FREE;
	s->slots[number].generation++;
	s->slots[number].next = s->free;
	s->free = number;
}

uint32_t sleepers_add(struct run *run, const struct request *req, enum sleep_reason reason, uint64_t key, bool counted)
{
	struct sleepers *s = &run->sleepers;
	uint32_t number = take_slot(s, &run->deferred);
	uint32_t generation;

	if (number == SLEEPER_NONE)
		return number;
	generation = s->slots[number].generation;
	s->slots[number] = (struct sleeper){ .req = *req, .key = key, .since_ns = run->engine.now,
		.generation = generation, .reason = (uint8_t)reason, .state = SLEEPER_ASLEEP, .counted = counted };
	put_last(s, number);
	s->nr_asleep++;
	s->stats[reason].count += counted;
	return number;
}

static uint32_t match_from(const struct sleepers *s, uint32_t number, uint8_t reason, uint64_t key)
{
	while (number != SLEEPER_NONE && (s->slots[number].reason != reason || s->slots[number].key != key))
		number = s->slots[number].next;
	return number;
}

uint32_t sleepers_find(const struct run *run, enum sleep_reason reason, uint64_t key)
{
	const struct sleepers *s = &run->sleepers;

	return s->nr_asleep ? match_from(s, chain_of(s, (uint8_t)reason, key)->first, (uint8_t)reason, key) :
			      SLEEPER_NONE;
}

/* The next after @number who waits for the same. */
static uint32_t next_of(const struct run *run, uint32_t number)
{
	const struct sleeper *sleeper = &run->sleepers.slots[number];

	return match_from(&run->sleepers, sleeper->next, sleeper->reason, sleeper->key);
}

ns_t sleepers_waited(const struct run *run, enum sleep_reason reason, uint64_t key, uint32_t nr)
{
	ns_t waited = 0;
	uint32_t number = sleepers_find(run, reason, key);

	for (; number != SLEEPER_NONE && nr; nr--, number = next_of(run, number))
		waited += run->engine.now - min_u64(run->sleepers.slots[number].since_ns, run->engine.now);
	return waited;
}

/* Off its chain: how long it has waited is known. */
static void end_wait(struct run *run, struct sleeper *sleeper)
{
	struct sleepers *s = &run->sleepers;
	struct sleep_chain *chain = chain_of(s, sleeper->reason, sleeper->key);
	struct sleep_stats *stats = &s->stats[sleeper->reason];
	ns_t waited = run->engine.now - min_u64(sleeper->since_ns, run->engine.now);

	if (sleeper->prev == SLEEPER_NONE)
		chain->first = sleeper->next;
	else
		s->slots[sleeper->prev].next = sleeper->next;
	if (sleeper->next == SLEEPER_NONE)
		chain->last = sleeper->prev;
	else
		s->slots[sleeper->next].prev = sleeper->prev;
	s->nr_asleep--;
	s->nr_napping -= sleeper->place.stage == STAGE_SERVED;
	if (!sleeper->counted)
		return;
	stats->total_ns += waited;
	stats->max_ns = max_u64(stats->max_ns, waited);
}

struct request sleepers_take(struct run *run, uint32_t number)
{
	struct request req = run->sleepers.slots[number].req;

	end_wait(run, &run->sleepers.slots[number]);
	give_slot(&run->sleepers, number);
	return req;
}

bool run_may_sleep(const struct run *run, const struct request *req, gfp_t gfp)
{
	return (gfp & GFP_BIT_DIRECT_RECLAIM) && !run->booting && request_context(run, req) == CTX_PROCESS;
}

void run_sleep(struct run *run, const struct request *req, enum sleep_reason reason, uint64_t key, ns_t timeout_ns)
{
	struct request sleeping = *req;
	struct sleeper *sleeper;
	uint32_t number;

	draw_ticket(run, &sleeping);
	task_sleeps(run, &sleeping);
	sleeping.seat.marks &= (uint8_t)~REQUEST_PART;
	number = sleepers_add(run, &sleeping, reason, key, true);
	if (number == SLEEPER_NONE)
		return;
	sleeper = &run->sleepers.slots[number];
	sleeper->req.sleeper = number + 1;
	sleeper->place = run->meter.wait.place;
	run->sleepers.nr_napping += sleeper->place.stage == STAGE_SERVED;
	sleeper->since_ns += run->meter.ns; /* until then its CPU is busy with it */
	run->ops[req->op].sleeps++;
	if (!(req->seat.marks & REQUEST_PART)) {
		run->untimed = true;
		run->nr_sleeps++;
	}
	run->engine.cpus[req->seat.cpu].doing[0].op = OP_NOBODY;
	if (timeout_ns && (!run->out_of_patience || sleeper->place.stage == STAGE_SERVED))
		engine_timer(&run->engine, sleeper->since_ns + timeout_ns, CLASS_WAKE,
			RUN_TIMER_TIMEOUT | sleeper->generation << RUN_TIMER_BITS, number, &run->deferred);
}

void run_nap(struct run *run, const struct request *req)
{
	struct meter *meter = &run->meter;
	ns_t nap_ns = meter->nap_ns;

	meter->nap_ns = 0;
	if (run->untimed || !run_may_sleep(run, req, GFP_KERNEL)) {
		meter->ns += nap_ns;
		return;
	}
	meter->wait = (struct mm_wait){ .place = { .stage = STAGE_SERVED } };
	run_sleep(run, req, (enum sleep_reason)meter->nap_reason, 0, nap_ns);
}

bool serve_wait(struct run *run, const struct request *req, gfp_t gfp)
{
	const struct mm_wait *wait = &run->meter.wait;

	if (!run_may_sleep(run, req, gfp)) {
		run->meter.wait = (struct mm_wait){ 0 };
		return false;
	}
	run_sleep(run, req, wait->reason, wait->key, wait->timeout_ns);
	return true;
}

/* It is awake: the scheduler has it on its CPU again after STEP_WAKE_UP. */
static void wake(struct run *run, uint32_t number, bool timed_out)
{
	struct sleeper *sleeper = &run->sleepers.slots[number];
	ns_t from = max_u64(run->engine.now, sleeper->since_ns);

	end_wait(run, sleeper);
	sleeper->state = SLEEPER_AWAKE;
	sleeper->timed_out = timed_out;
	run->sleepers.nr_awake++;
	engine_timer(&run->engine, from + run->machine->latency.step_ns[STEP_WAKE_UP], CLASS_WAKE, RUN_TIMER_RESUME,
		number, &run->deferred);
}

uint32_t run_wake(struct run *run, enum sleep_reason reason, uint64_t key, uint32_t nr)
{
	uint32_t woken = 0;

	for (uint32_t number = sleepers_find(run, reason, key); number != SLEEPER_NONE && woken < nr; woken++) {
		uint32_t next = next_of(run, number);

		wake(run, number, false);
		number = next;
	}
	return woken;
}

int sleepers_timer(struct run *run, uint32_t kind, uint32_t generation, uint32_t number, struct err *err)
{
	struct sleeper *sleeper = &run->sleepers.slots[number];

	if (kind == RUN_TIMER_RESUME)
		return engine_queue(&run->engine, &sleeper->req, err);
	if (sleeper->state == SLEEPER_ASLEEP &&
		generation == (sleeper->generation & (UINT32_MAX >> RUN_TIMER_BITS))) {
		run->sleepers.stats[sleeper->reason].timeouts += sleeper->place.stage != STAGE_SERVED;
		wake(run, number, true);
	}
	return 0;
}

bool sleepers_resume(struct run *run, const struct request *req)
{
	struct sleeper *sleeper = &run->sleepers.slots[req->sleeper - 1];
	bool served = sleeper->place.stage == STAGE_SERVED;

	run->meter.wait = (struct mm_wait){ .key = sleeper->key, .place = sleeper->place, .reason = sleeper->reason,
		.timed_out = sleeper->timed_out };
	run->sleepers.nr_awake--;
	give_slot(&run->sleepers, req->sleeper - 1);
	return served;
}

/* What replay derives itself, and notes in the trace, wait for their turn, too: nobody asks for anything by them. */
static bool asks(const struct run_op *op)
{
	return op->action != ACT_SKIP && op->action != ACT_MARKER && op->action != ACT_UNMODELLED;
}

/* Whether what it asks for counts among the allocations: an object, or a pool, which has no slot. */
static bool allocates(unsigned int kind)
{
	return kind_info[kind].slot == SLOT_BEGINS || kind == KIND_MEMPOOL_CREATE || kind == KIND_DMA_POOL_CREATE;
}

static void fail_sleeper(struct run *run, struct sleeper *sleeper)
{
	struct run_op *op = &run->ops[sleeper->req.op];
	const struct run_part *part = run->part_of_kind[op->kind];

	if (sleeper->place.stage == STAGE_SERVED || !asks(op))
		return; /* it has what it asked for */
	if (part && part->gave_up)
		part->gave_up(run, (enum sleep_reason)sleeper->reason, sleeper->key,
			run->engine.now - min_u64(sleeper->since_ns, run->engine.now));
	run->sleepers.stats[sleeper->reason].still_waiting++;
	run->result.still_waiting++;
	if (allocates(op->kind))
		note_failure(run, &sleeper->req, op);
	else
		op->failed++;
}

void sleepers_give_up(struct run *run)
{
	for (uint32_t number = 0; number < run->sleepers.nr; number++) {
		struct sleeper *sleeper = &run->sleepers.slots[number];

		if (sleeper->state != SLEEPER_ASLEEP)
			continue;
		end_wait(run, sleeper);
		fail_sleeper(run, sleeper);
		give_slot(&run->sleepers, number);
	}
}

uint64_t sleepers_cut_off(struct run *run)
{
	uint64_t nr = 0;

	for (uint32_t number = 0; number < run->sleepers.nr; number++) {
		struct sleeper *sleeper = &run->sleepers.slots[number];

		if (sleeper->state != SLEEPER_ASLEEP || sleeper->place.stage == STAGE_SERVED)
			continue;
		end_wait(run, sleeper);
		run->sleepers.stats[sleeper->reason].still_waiting++;
		give_slot(&run->sleepers, number);
		nr++;
	}
	return nr + run->sleepers.nr_awake;
}

int sleepers_record(struct run *run, struct err *err)
{
	int ret = 0;

	for (int reason = 0; reason < NR_SLEEP_REASONS && ret == 0; reason++) {
		const struct sleep_stats *stats = &run->sleepers.stats[reason];

		if (stats->count || stats->still_waiting)
			ret = RECORD_ROW(run->recorder, SLEEPS, err, RECORD_T(sleep_reason_name[reason]),
				RECORD_U(stats->count), RECORD_U(stats->total_ns), RECORD_U(stats->max_ns),
				RECORD_U(stats->timeouts), RECORD_U(stats->still_waiting));
	}
	return ret;
}

int sleepers_check(const struct run *run, struct err *err)
{
	const struct sleepers *s = &run->sleepers;
	uint32_t on_chains = 0, asleep = 0, napping = 0, awake = 0;

	for (uint32_t chain = 0; chain < nr_chains(s); chain++) {
		uint32_t last = SLEEPER_NONE;

		for (uint32_t n = s->chains[chain].first; n != SLEEPER_NONE;
			last = n, n = s->slots[n].next, on_chains++)
			if (s->slots[n].state != SLEEPER_ASLEEP || s->slots[n].prev != last ||
				chain_of(s, s->slots[n].reason, s->slots[n].key) != &s->chains[chain])
				return err_set(err, ERR_INVARIANT, "sleep 1: sleeper %u is on a wrong chain", n);
		if (last != s->chains[chain].last)
			return err_set(err, ERR_INVARIANT, "sleep 1: chain %u ends wrongly", chain);
	}
	for (uint32_t n = 0; n < s->nr; n++) {
		asleep += s->slots[n].state == SLEEPER_ASLEEP;
		napping += s->slots[n].state == SLEEPER_ASLEEP && s->slots[n].place.stage == STAGE_SERVED;
		awake += s->slots[n].state == SLEEPER_AWAKE;
	}
	if (on_chains != asleep || asleep != s->nr_asleep || napping != s->nr_napping || awake != s->nr_awake)
		return err_set(err, ERR_INVARIANT,
			"sleep 2: %u asleep, %u on chains, %u counted; %u nap, %u counted; %u awake, %u counted",
			asleep, on_chains, s->nr_asleep, napping, s->nr_napping, awake, s->nr_awake);
	return 0;
}
