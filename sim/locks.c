#include "sim/locks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/run.h"

static const char *const single_name[] = {
#define X(id, name) [LOCK_##id - LOCK_FIRST_SINGLE] = name,
	METER_LOCKS(X)
#undef X
};

int locks_init(struct locks *locks, uint32_t nr_cpus, uint32_t nr_daemons, struct err *err)
{
	uint32_t nr = nr_cpus * NR_LEVELS + nr_daemons;

	*locks = (struct locks){ .nr_cpus = nr_cpus };
	locks->users = calloc(nr, sizeof(*locks->users));
	locks->active = malloc(nr * sizeof(*locks->active));
	for (; locks->users && locks->nr_users < nr; locks->nr_users++) {
		struct lock_user *user = &locks->users[locks->nr_users];

		user->stays = malloc(METER_SEGMENTS * sizeof(*user->stays));
		if (!user->stays)
			break;
		user->cap = METER_SEGMENTS;
	}
	return locks->active && locks->nr_users == nr ? 0 :
		err_set(err, ERR_NOMEM, "no memory for the locks of %u CPUs", nr_cpus);
}

void locks_fini(struct locks *locks)
{
	for (uint32_t i = 0; i < locks->nr_users; i++)
		free(locks->users[i].stays);
	meter_more_fini(&locks->more);
	free(locks->users);
	free(locks->active);
	*locks = (struct locks){ 0 };
}

static uint32_t number_of(uint32_t cpu, uint32_t depth)
{
	return cpu * NR_LEVELS + depth;
}

static ns_t release_of(const struct lock_stay *stay)
{
	return stay->grant_ns + stay->hold_ns;
}

/* How many segments from @i on are one stay: of one lock, without a pause, until the step that took it comes again. */
static uint32_t segments_of_stay(const struct meter *meter, uint32_t i, uint32_t nr, ns_t *hold_ns)
{
	const struct meter_segment *first = meter_segment(meter, i), *next = first;
	uint32_t n = 0;

	*hold_ns = 0;
	do {
		*hold_ns += (ns_t)meter->step_ns[next->step] * next->count;
		n++;
	} while (i + n < nr && (next = meter_segment(meter, i + n))->lock == first->lock && next->step != first->step &&
		 next->at_ns == first->at_ns + *hold_ns);
	return n;
}

/* The meter's segments as stays of @user, which may be NULL: only counted then. */
static void take_stays(struct locks *locks, const struct meter *meter, struct lock_user *user)
{
	uint32_t nr = meter_kept(meter);
	uint32_t nr_stays = 0;

	/* A request seldom has more than any before. */
	if (user && nr && !array_room(&user->stays, &user->cap, nr - 1))
		locks->no_memory = true;
	for (uint32_t i = 0; i < nr;) {
		const struct meter_segment *first = meter_segment(meter, i);
		struct lock_stay stay = { .at_ns = first->at_ns, .lock = first->lock };

		i += segments_of_stay(meter, i, nr, &stay.hold_ns);
		locks->stats[stay.lock].acquisitions++;
		locks->stats[stay.lock].hold_ns += stay.hold_ns;
		if (user && nr_stays < user->cap)
			user->stays[nr_stays++] = stay;
	}
	if (user) {
		user->nr = nr_stays;
		user->arrived = user->over = 0;
	}
}

/* Users whose last stay is over are forgotten, and what they waited is certain. */
static void forget_past(struct locks *locks, ns_t now)
{
	uint32_t kept = 0;

	for (uint32_t a = 0; a < locks->nr_active; a++) {
		const struct lock_user *user = &locks->users[locks->active[a]];

		if (user->end_ns > now) {
			locks->active[kept++] = locks->active[a];
			continue;
		}
		for (uint32_t i = 0; i < user->nr; i++) {
			ns_t waited = user->stays[i].grant_ns - user->stays[i].arrival_ns;

			locks->stats[user->stays[i].lock].contended += waited != 0;
			locks->stats[user->stays[i].lock].wait_ns += waited;
		}
	}
	locks->nr_active = kept;
}

/* When @user arrives at its stay @i, by what is known of the one before. */
static ns_t arrival_at(const struct lock_user *user, uint32_t i)
{
	const struct lock_stay *stay = &user->stays[i];

	if (!i)
		return user->start_ns + stay->at_ns + stay->delay_ns;
	return stay[-1].grant_ns + (stay->at_ns - stay[-1].at_ns) + stay->delay_ns;
}

/* As if nobody were there. Return: whether nobody is, where and when @user is at its locks. */
static bool forecast_alone(struct locks *locks, struct lock_user *user)
{
	bool alone = true;

	for (uint32_t i = 0; i < user->nr; i++) {
		struct lock_stay *stay = &user->stays[i];

		stay->arrival_ns = stay->grant_ns = arrival_at(user, i);
		for (uint32_t a = 0; alone && a < locks->nr_active; a++) {
			const struct lock_user *other = &locks->users[locks->active[a]];

			for (uint32_t j = other->over; alone && j < other->nr; j++)
				alone = other->stays[j].lock != stay->lock ||
					release_of(&other->stays[j]) <= stay->grant_ns ||
					release_of(stay) <= other->stays[j].grant_ns;
		}
	}
	user->end_ns = release_of(&user->stays[user->nr - 1]);
	return alone;
}

/*
 * The first stay of @user that is not certain: everybody who can
 * come before it has arrived already. What is certain stays so.
 */
static uint32_t first_uncertain(struct lock_user *user, ns_t now)
{
	while (user->arrived < user->nr && user->stays[user->arrived].arrival_ns <= now)
		user->arrived++;
	while (user->over < user->arrived && release_of(&user->stays[user->over]) <= now)
		user->over++;
	return user->arrived;
}

/* Where all stand: what is certain stays as it is. @fresh, if not NULL, has just started. */
static void begin_forecast(struct locks *locks, ns_t now, const struct lock_user *fresh)
{
	for (uint32_t a = 0; a < locks->nr_active; a++) {
		struct lock_user *user = &locks->users[locks->active[a]];

		user->next = user == fresh ? 0 : first_uncertain(user, now);
		for (uint32_t i = user->over; i < user->nr; i++)
			locks->free_at_ns[user->stays[i].lock] = 0;
	}
	for (uint32_t a = 0; a < locks->nr_active; a++) {
		const struct lock_user *user = &locks->users[locks->active[a]];

		for (uint32_t i = user->over; i < user->next; i++) {
			ns_t *free_at_ns = &locks->free_at_ns[user->stays[i].lock];

			*free_at_ns = max_u64(*free_at_ns, release_of(&user->stays[i]));
		}
	}
}

/* Whether somebody who interrupted @user has stays to come: its own come after those. */
static bool is_held_up(const struct locks *locks, const struct lock_user *user, ns_t now)
{
	if (user->cpu >= locks->nr_cpus)
		return false; /* a daemon */
	for (uint32_t depth = user->depth + 1; depth < NR_LEVELS; depth++) {
		const struct lock_user *other = &locks->users[number_of(user->cpu, depth)];

		if (other->end_ns > now && other->next < other->nr)
			return true;
	}
	return false;
}

/* Who arrives first at a lock; of those who arrive at one instant, who started first. */
static struct lock_user *first_to_arrive(struct locks *locks, ns_t now, ns_t *arrival_ns)
{
	struct lock_user *first = NULL;

	*arrival_ns = NS_NEVER;
	for (uint32_t a = 0; a < locks->nr_active; a++) {
		struct lock_user *user = &locks->users[locks->active[a]];
		ns_t arrival;

		if (user->next == user->nr || is_held_up(locks, user, now))
			continue;
		arrival = arrival_at(user, user->next);
		if (arrival < *arrival_ns) {
			*arrival_ns = arrival;
			first = user;
		}
	}
	return first;
}

/* @user's last stay is forecast: it is over earlier or later than was said, and so is what it interrupted. */
static void end_forecast(struct run *run, struct lock_user *user)
{
	struct locks *locks = &run->locks;
	ns_t end_ns = release_of(&user->stays[user->nr - 1]);
	int64_t later_ns = (int64_t)(end_ns - user->end_ns);

	if (!later_ns)
		return;
	user->end_ns = end_ns;
	if (user->cpu >= locks->nr_cpus)
		return; /* a daemon looks before its next step */
	for (uint32_t depth = 0; depth < user->depth; depth++) {
		struct lock_user *below = &locks->users[number_of(user->cpu, depth)];

		if (below->end_ns <= run->engine.now || below->next == below->nr)
			continue;
		below->stays[below->next].delay_ns += (ns_t)later_ns;
		below->end_ns += (ns_t)later_ns;
	}
	engine_lengthen(&run->engine, user->cpu, user->depth, later_ns, &run->deferred);
}

/* All uncertain stays anew, in the order of arrival. */
static void forecast(struct run *run, const struct lock_user *fresh)
{
	struct locks *locks = &run->locks;
	struct lock_user *user;
	ns_t arrival_ns;

	begin_forecast(locks, run->engine.now, fresh);
	while ((user = first_to_arrive(locks, run->engine.now, &arrival_ns))) {
		struct lock_stay *stay = &user->stays[user->next];

		stay->arrival_ns = arrival_ns;
		stay->grant_ns = max_u64(arrival_ns, locks->free_at_ns[stay->lock]);
		locks->free_at_ns[stay->lock] = release_of(stay);
		if (++user->next == user->nr)
			end_forecast(run, user);
	}
}

/* What @cpu did below @depth is interrupted for @ns. Return: whether that moves a stay. */
static bool interrupt(struct locks *locks, ns_t now, uint32_t cpu, uint32_t depth, ns_t ns)
{
	bool moved = false;

	for (uint32_t below = 0; below < depth; below++) {
		struct lock_user *user = &locks->users[number_of(cpu, below)];
		uint32_t next = user->end_ns > now ? first_uncertain(user, now) : user->nr;

		if (next == user->nr)
			continue;
		user->stays[next].delay_ns += ns;
		user->end_ns += ns;
		moved = true;
	}
	return moved;
}

void locks_count(struct run *run)
{
	take_stays(&run->locks, &run->meter, NULL);
	run->meter.nr_segments = 0;
}

/* User @number begins, with the meter's segments. Return: whether it meets somebody. */
static bool enter(struct run *run, uint32_t number, uint32_t cpu, uint32_t depth)
{
	struct locks *locks = &run->locks;
	struct lock_user *user = &locks->users[number];
	bool alone;

	user->start_ns = run->engine.now;
	user->cpu = cpu;
	user->depth = depth;
	take_stays(locks, &run->meter, user);
	alone = forecast_alone(locks, user);
	locks->active[locks->nr_active++] = number;
	run->meter.nr_segments = 0;
	return !alone;
}

void locks_started(struct run *run, uint32_t cpu, uint32_t depth, ns_t cost_ns)
{
	struct locks *locks = &run->locks;
	uint32_t number = number_of(cpu, depth);
	bool meets;

	forget_past(locks, run->engine.now);
	meets = interrupt(locks, run->engine.now, cpu, depth, cost_ns);
	if (run->meter.nr_segments)
		meets |= enter(run, number, cpu, depth);
	else
		locks->users[number].nr = 0;
	if (meets)
		forecast(run, &locks->users[number]);
}

ns_t locks_daemon(struct run *run, uint32_t daemon)
{
	struct locks *locks = &run->locks;
	uint32_t number = number_of(locks->nr_cpus, 0) + daemon;
	ns_t alone_ns;

	/* The only CPU does one thing at a time. */
	if (locks->nr_cpus == 1 || !run->meter.nr_segments) {
		locks_count(run);
		return 0;
	}
	forget_past(locks, run->engine.now);
	if (!enter(run, number, locks->nr_cpus + daemon, 0))
		return 0;
	alone_ns = locks->users[number].end_ns;
	forecast(run, &locks->users[number]);
	return locks->users[number].end_ns - alone_ns;
}

ns_t locks_daemon_busy(const struct run *run, uint32_t daemon)
{
	const struct locks *locks = &run->locks;
	ns_t end_ns = locks->users[number_of(locks->nr_cpus, 0) + daemon].end_ns;

	return end_ns > run->engine.now ? end_ns - run->engine.now : 0;
}

ns_t locks_open(const struct run *run, uint32_t cpu, uint32_t depth)
{
	const struct lock_user *user = &run->locks.users[number_of(cpu, depth)];
	ns_t now = run->engine.now;

	for (uint32_t i = user->over; i < user->nr && user->end_ns > now; i++)
		if (user->stays[i].arrival_ns <= now && release_of(&user->stays[i]) > now)
			return release_of(&user->stays[i]);
	return now;
}

static void name_lock(const struct run *run, unsigned int lock, char *buf, size_t size)
{
	if (lock < LOCK_LIST(0)) {
		struct zone_stats zone;

		page_alloc_zone_stats(run->mm.pages, lock, &zone);
		snprintf(buf, size, "zone %s/%u", machine_zone_name[zone.type], zone.node);
	} else if (lock < LOCK_FIRST_SINGLE) {
		snprintf(buf, size, "list_lock node %u", lock - LOCK_LIST(0));
	} else {
		snprintf(buf, size, "%s", single_name[lock - LOCK_FIRST_SINGLE]);
	}
}

int locks_record(struct run *run, struct err *err)
{
	int ret = 0;

	if (run->locks.no_memory || run->locks.more.no_memory)
		return err_set(err, ERR_NOMEM,
			"no memory for the locks that one request took: what was recorded of locks is not the whole of it");
	forget_past(&run->locks, NS_NEVER);
	for (unsigned int lock = 0; lock < NR_LOCKS && ret == 0; lock++) {
		const struct lock_stats *stats = &run->locks.stats[lock];
		char name[64];

		if (!stats->acquisitions)
			continue;
		name_lock(run, lock, name, sizeof(name));
		ret = RECORD_ROW(run->recorder, LOCK_STATS, err, RECORD_T(name), RECORD_U(stats->acquisitions),
			RECORD_U(stats->contended), RECORD_U(stats->wait_ns), RECORD_U(stats->hold_ns));
	}
	return ret;
}

/*
 * pcp->lock: one row for all CPUs and zones. Nobody ever waits for it, as who finds it taken goes to the zone's
 * lists in its place (pcp_spin_trylock() of 6.1). Held for a step of the lists; refills and flushes under it are in
 * the zone locks' time.
 */
int locks_record_pcp(struct run *run, struct err *err)
{
	uint64_t acquisitions = page_alloc_pcp_acquisitions(run->mm.pages);

	if (!acquisitions)
		return 0;
	return RECORD_ROW(run->recorder, LOCK_STATS, err, RECORD_T("pcp"), RECORD_U(acquisitions), RECORD_U(0),
		RECORD_U(0), RECORD_U(acquisitions * run->machine->latency.step_ns[STEP_PAGE_PCP]));
}

static int check_user(const struct lock_user *user, struct err *err)
{
	for (uint32_t i = 0; i < user->nr; i++) {
		const struct lock_stay *stay = &user->stays[i];

		if (stay->grant_ns < stay->arrival_ns ||
			stay->arrival_ns < (i ? release_of(&stay[-1]) : user->start_ns))
			return err_set(err, ERR_INVARIANT,
				"locks 1: stay %u of CPU %u arrives at %" PRIu64 ", is granted at %" PRIu64, i,
				user->cpu, stay->arrival_ns, stay->grant_ns);
	}
	return 0;
}

static int check_pair(const struct lock_stay *a, const struct lock_stay *b, struct err *err)
{
	bool overlap = release_of(a) > b->grant_ns && release_of(b) > a->grant_ns;
	bool passed = (a->arrival_ns < b->arrival_ns && a->grant_ns > b->grant_ns) ||
		      (b->arrival_ns < a->arrival_ns && b->grant_ns > a->grant_ns);

	if (a->lock != b->lock)
		return 0;
	if (overlap)
		return err_set(err, ERR_INVARIANT, "locks 2: two stays overlap at %" PRIu64,
			max_u64(a->grant_ns, b->grant_ns));
	if (passed)
		return err_set(err, ERR_INVARIANT, "locks 3: who arrived later was granted first, at %" PRIu64,
			min_u64(a->grant_ns, b->grant_ns));
	return 0;
}

static int check_two_users(const struct lock_user *a, const struct lock_user *b, struct err *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < a->nr; i++)
		for (uint32_t j = 0; ret == 0 && j < b->nr; j++)
			ret = check_pair(&a->stays[i], &b->stays[j], err);
	return ret;
}

int locks_check(const struct run *run, struct err *err)
{
	const struct locks *locks = &run->locks;
	int ret = 0;

	for (uint32_t a = 0; a < locks->nr_active && ret == 0; a++) {
		const struct lock_user *user = &locks->users[locks->active[a]];

		ret = check_user(user, err);
		for (uint32_t b = 0; b < a && ret == 0; b++)
			ret = check_two_users(user, &locks->users[locks->active[b]], err);
	}
	return ret;
}
