/*
 * reclaim_fixture: a run as the files of reclaim see it: tasks, a few objects, memory and a clock, but no
 * trace.
 */
#ifndef KMEMSIM_TESTS_SIM_RECLAIM_FIXTURE_H
#define KMEMSIM_TESTS_SIM_RECLAIM_FIXTURE_H

#include "sim/locks.h"
#include "sim/reclaim_priv.h"
#include "sim/timers.h"
#include "tests/mm/page_fixture.h"

#define NS 1000000000u

enum { WORLD_FIRST = 1024, WORLD_END = 9216, WORLD_TASKS = 5, WORLD_OBJECTS = 256 };

/* Operations that made the objects. */
enum { OP_READ, OP_WRITTEN, OP_BUFFER, OP_ANON, OP_HUGE, NR_WORLD_OPS };

struct world {
	struct run run;
	struct fixture *fx;
	struct replay_options options;
	struct trace_meta meta;
	struct trace_tables tables;
	struct trace_who whos[WORLD_TASKS];
	const char *strings[2];
	struct run_op ops[NR_WORLD_OPS];
	struct object objects[WORLD_OBJECTS];
	struct seat seats[WORLD_TASKS];
	struct page_user users[WORLD_END];
	uint32_t leader[WORLD_TASKS];
	bool killed[WORLD_TASKS], unkillable[WORLD_TASKS], is_kswapd[WORLD_TASKS], is_kcompactd[WORLD_TASKS];
	uint8_t shmem[WORLD_TASKS];
	uint64_t refaults_at_half; /* pages that had been read again at half of the recording */
};

static const gfp_t world_gfp[NR_WORLD_OPS] = {
	[OP_READ] = GFP_HIGHUSER_MOVABLE,
	[OP_WRITTEN] = GFP_HIGHUSER_MOVABLE | GFP_BIT_WRITE,
	[OP_BUFFER] = (GFP_KERNEL | GFP_BIT_MOVABLE | GFP_BIT_NOFAIL) & ~(gfp_t)GFP_BIT_FS,
	[OP_ANON] = GFP_HIGHUSER_MOVABLE,
	[OP_HUGE] = GFP_TRANSHUGE_LIGHT,
};

/* A recording of one second, and a machine that tells nothing of its use of memory. */
static inline struct world *world_new(uint64_t seed)
{
	struct world *w = aligned_alloc(_Alignof(struct world), sizeof(*w));
	struct engine_client client = { .timer = timers_fire, .arg = w };

	cr_assert_not_null(w);
	memset(w, 0, sizeof(*w));
	w->fx = fixture_zone(WORLD_FIRST, WORLD_END, 7, 28);
	w->strings[0] = "task";
	w->options.seed = seed;
	w->options.pace = PACE_RECORDED;
	w->meta.last_ns = NS;
	w->tables = (struct trace_tables){ .whos = w->whos, .nr_whos = WORLD_TASKS, .strings = w->strings };
	w->fx->machine.reclaim.activated_percent = RECLAIM_AUTO;
	w->run = (struct run){
		.options = &w->options,
		.machine = &w->fx->machine,
		.tables = &w->tables,
		.meta = &w->meta,
		.recorder = recorder_none(),
		.ops = w->ops,
		.objects = w->objects,
		.nr_objects = WORLD_OBJECTS,
		.seats = w->seats,
	};
	w->run.mm.pages = w->fx->pa;
	w->run.reclaim.active = true;
	w->run.reclaim.use_unknown = true;
	w->run.reclaim.users = w->users;
	w->run.reclaim.leader = w->leader;
	w->run.reclaim.killed = w->killed;
	w->run.reclaim.unkillable = w->unkillable;
	w->run.reclaim.is_kswapd = w->is_kswapd;
	w->run.reclaim.is_kcompactd = w->is_kcompactd;
	w->run.reclaim.shmem = w->shmem;
	rng_init(&w->run.reclaim.use, seed, "use");
	for (uint32_t i = 0; i < WORLD_TASKS; i++) {
		w->whos[i].pid = (int32_t)i; /* 1 is init */
		w->leader[i] = i;
	}
	for (uint32_t i = 0; i < NR_WORLD_OPS; i++)
		w->ops[i] = (struct run_op){
			.action = ACT_PAGES,
			.kind = KIND_ALLOC_PAGES,
			.gfp = world_gfp[i],
			.node = -1,
			.order = i == OP_HUGE ? 9 : 0,
			.bytes_alloc = 4096u << (i == OP_HUGE ? 9 : 0),
			.lru = i == OP_HUGE  ? LRU_NONE :
				i == OP_ANON ? LRU_KIND_ANON :
					       LRU_KIND_FILE,
		};
	for (uint32_t i = 0; i < WORLD_OBJECTS; i++)
		w->objects[i].slab = OBJECT_NONE;
	meter_start(&w->run.meter, w->fx->machine.latency.step_ns);
	cr_assert_eq(engine_init(&w->run.engine, 1, &client, NULL), 0);
	cr_assert_eq(locks_init(&w->run.locks, 1, 0, NULL), 0);
	w->run.meter.more = &w->run.locks.more;
	return w;
}

static inline void world_free(struct world *w)
{
	cr_assert_eq(w->run.deferred.code, ERR_NONE, "%s", w->run.deferred.text);
	fixture_check(w->fx);
	engine_fini(&w->run.engine);
	locks_fini(&w->run.locks);
	fixture_free(w->fx);
	free(w);
}

/* @who has got a block by @op, which lives in @slot. Return: its first page. */
static inline pfn_t world_take(struct world *w, uint32_t slot, uint32_t who, uint32_t op)
{
	struct request req = { .op = op, .slot = slot, .who = who };
	struct page_request want = { .gfp = w->ops[op].gfp, .node = -1, .order = w->ops[op].order };
	pfn_t pfn;

	cr_assert_eq(page_alloc_take(w->fx->pa, &want, &pfn, &w->run.meter), MM_DONE);
	block_begin(&w->run, &req, &w->ops[op], pfn);
	meter_restart(&w->run.meter);
	return pfn;
}

#endif
