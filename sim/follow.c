/*
 * follow: at which event a replay begins, what of the events before it is carried out; and what the
 * recorded columns are for: when the kernel's boot went on, and at which events the run is looked at.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/follow_priv.h"

/* Whether the replay begins with what is there already: in a saved state, or behind the trace's beginning. */
static bool begins_later(const struct run *run)
{
	return run->options->from.kind != FROM_INITIAL || run->options->initial;
}

/*
 * Whether the saved state may be of the recording itself, which then tells its instant: all blocks and objects are
 * known, and how many events of each of its CPUs came before. (While the kernel boots, there are not all CPUs yet.)
 * A trace made up by gen or by hand is no recording: it begins where the state ends.
 */
static bool tells_instant(const struct run *run)
{
	const struct state *state = run->options->initial;

	return state && state->exact_blocks && state->exact_slabs && state->nr_entries && rules_is_recording(run);
}

/*
 * No event tells from which node pages are asked for (alloc_pages_node(), a memory policy). In the
 * saved state of the machine that was recorded, it is taken to be the node that they came from.
 */
static int expect_nodes(struct run *run, struct err *err)
{
	const struct replay_options *options = run->options;

	if (!options->initial || !options->initial->exact_blocks || options->from.kind != FROM_INITIAL ||
		run->machine->nr_nodes < 2)
		return 0;
	run->follow.asked = malloc((size_t)run->meta->slots + 1);
	if (!run->follow.asked)
		return err_set(err, ERR_NOMEM, "no memory for the nodes of %u objects", run->meta->slots);
	memset(run->follow.asked, -1, (size_t)run->meta->slots + 1);
	return 0;
}

static void note_node(struct run *run, const struct trace_batch *batch, uint32_t i)
{
	const struct trace_op *op = run->ops[batch->op[i]].trace;
	uint32_t slot = batch->slot[i];
	uint64_t pfn = batch->where ? batch->where[i] : 0;
	int node =
		pfn && page_alloc_zone_of(run->mm.pages, pfn) >= 0 ? (int)page_alloc_node_of(run->mm.pages, pfn) : -1;

	if (slot != SLOT_NONE)
		run->follow.asked[slot] = (int8_t)node;
	/*
	 * The object that the slab is made for comes next. Whose turn it
	 * was hangs on the kernel's cycle counter (get_any_partial()).
	 */
	if (run->policy.active && op->origin == ORIGIN_SLAB) {
		struct mempolicy *policy = boot_policy_of(&run->policy, &run->tables->whos[batch->who[i]], op->ctx);

		if (policy)
			policy->told = node;
	}
}

int follow_start(struct run *run, struct err *err)
{
	run->follow = (struct follow){
		.stage = BOOT_OVER,
		.active = run->options->nr_cuts > 0,
		.instant_ahead = run->options->from.kind != FROM_INITIAL && tells_instant(run) &&
			run->options->initial->nr_entries == run->meta->cpus,
	};
	if (expect_nodes(run, err) < 0)
		return -(int)err->code;
	if (begins_later(run)) {
		run->follow.active = run->follow.skipping = true;
		run->follow.older = malloc(((size_t)run->meta->slots + 1) * sizeof(*run->follow.older));
		if (!run->follow.older)
			return err_set(err, ERR_NOMEM, "no memory for the places of %u objects", run->meta->slots);
		for (uint32_t slot = 0; slot < run->meta->slots; slot++)
			run->follow.older[slot].op = OLDER_NONE;
		if (gone_init(&run->follow.gone, run->options->initial, err) < 0)
			return -(int)err->code;
		if (saver_init(run, run->options->initial, err) < 0)
			return -(int)err->code;
	}
	return run->options->initial ? follow_load(run, run->options->initial, err) : 0;
}

void follow_fini(struct run *run)
{
	free(run->follow.older);
	free(run->follow.asked);
	free(run->follow.areas);
	free(run->follow.pools);
	free(run->follow.parts);
	gone_fini(&run->follow.gone);
	saver_fini(&run->follow.saver);
	idmap_fini(&run->follow.bound);
}

void follow_prologue(struct run *run, const struct trace_batch *batch)
{
	for (uint32_t i = 0; i < batch->nr; i++) {
		struct request req = { .op = batch->op[i], .slot = batch->slot[i], .who = batch->who[i] };

		if (kind_info[run->ops[req.op].kind].slot == SLOT_BEGINS)
			follow_note(run, batch, i);
		else
			follow_stand(run, &req);
	}
}

static bool precedes(const struct run *run, const struct trace_batch *batch, uint32_t i, const uint64_t *entries,
	uint32_t nr)
{
	uint32_t cpu = run->tables->whos[batch->who[i]].cpu;

	return cpu < nr && batch->entry[i] <= entries[cpu];
}

static int follow_cuts(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err)
{
	const struct replay_options *options = run->options;

	while (run->follow.next_cut < options->nr_cuts) {
		const struct replay_cut *cut = &options->cuts[run->follow.next_cut];
		int ret;

		if (!batch->entry[i] || precedes(run, batch, i, cut->entries, cut->nr))
			return 0;
		ret = engine_run_before(&run->engine, batch->time_ns[i], err);
		if (ret == 0)
			ret = options->watch.cut(options->watch.arg, run->follow.next_cut++, &run->mm, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Whether event @i precedes the saved state of its recording. */
static bool precedes_state(const struct run *run, const struct trace_batch *batch, uint32_t i)
{
	const struct state *state = run->options->initial;

	return state && state->nr_entries && batch->entry && precedes(run, batch, i, state->entries, state->nr_entries);
}

/* Whether the replay begins after event @i. */
static bool comes_before(const struct run *run, const struct trace_batch *batch, uint32_t i)
{
	const struct replay_from *from = &run->options->from;
	const struct run_op *op = &run->ops[batch->op[i]];

	switch (from->kind) {
	case FROM_TIME:
		return batch->time_ns[i] < from->time_ns;
	case FROM_EVENT:
		return batch->first_event + i < from->event;
	case FROM_MARKER:
		return op->action != ACT_MARKER || strcmp(run_string(run, op->trace->name), from->marker) != 0;
	default:
		return precedes_state(run, batch, i);
	}
}

/*
 * Whether an event without an object leaves something that is
 * there from then on: a cache, a pool, a claim, a task's section.
 */
static bool stands(const struct run *run, const struct run_op *op)
{
	switch (op->kind) {
	case KIND_KMEM_CACHE_CREATE:
	case KIND_KMEM_CACHE_DESTROY:
		return !run->options->initial; /* which has them */
	case KIND_MEMPOOL_CREATE:
	case KIND_MEMPOOL_RESIZE:
	case KIND_MEMPOOL_DESTROY:
	case KIND_DMA_POOL_CREATE:
	case KIND_DMA_POOL_DESTROY:
	case KIND_REQUEST_MEM_REGION:
	case KIND_RELEASE_MEM_REGION:
	case KIND_REQUEST_REGION:
	case KIND_RELEASE_REGION:
	case KIND_GET_CPU:
	case KIND_PUT_CPU:
	case KIND_GET_CPU_VAR:
	case KIND_PUT_CPU_VAR:
		return op->action == ACT_PART;
	default:
		return false;
	}
}

static void serve_standing(struct run *run, const struct trace_batch *batch, uint32_t i)
{
	struct request req = {
		.op = batch->op[i],
		.slot = SLOT_NONE,
		.who = batch->who[i],
		.seat = run->seats[batch->who[i]],
	};

	if (stands(run, &run->ops[req.op]))
		follow_stand(run, &req);
}

/*
 * On several CPUs a few events that precede the recording's
 * own state may still come when the first after it has come.
 */
static void skip_late(struct run *run, const struct trace_batch *batch, uint32_t i)
{
	enum kind_slot use = kind_info[run->ops[batch->op[i]].kind].slot;
	uint32_t slot = batch->slot[i];

	if (use == SLOT_BEGINS && slot != SLOT_NONE) {
		follow_bind(run, slot, batch->op[i], batch->where ? batch->where[i] : 0);
		if (object_lives(&run->objects[slot])) {
			run->ops[batch->op[i]].older++;
			reclaim_older(run, slot, batch->who[i]);
		}
	} else if (use == SLOT_ENDS && slot != SLOT_NONE) {
		run->objects[slot].slab = OBJECT_NONE;
	}
}

/*
 * The first event that a state which may be the recording's own has not before it. When it
 * is its own, what lives is found here, and what happens until the beginning is carried out.
 */
static int reach_instant(struct run *run, struct err *err)
{
	run->follow.instant_ahead = false;
	if (!follow_is_own_state(run) || !follow_names_most(run))
		return 0;
	run->follow.warming = true;
	return follow_place_all(run, true, true, err);
}

/* Between the instant of the state and the beginning: at its time, but free of charge and not counted. */
static int carry_out(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err)
{
	struct request req = {
		.arrival_ns = batch->time_ns[i],
		.event_no = batch->first_event + i,
		.value = batch->value ? batch->value[i] : 0,
		.op = batch->op[i],
		.slot = batch->slot[i],
		.who = batch->who[i],
		.seat = run->seats[batch->who[i]],
	};
	int ret = engine_run_before(&run->engine, req.arrival_ns, err);

	if (ret == 0)
		serve_request(run, &req);
	run->result.carried++;
	return ret;
}

static int begin(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err)
{
	bool at_instant = run->options->from.kind == FROM_INITIAL && tells_instant(run), own;

	if (run->follow.skipping) {
		own = at_instant || (run->options->initial && follow_is_own_state(run));
		run->result.before_state = own && !at_instant && run->result.skipped && tells_instant(run) &&
			precedes_state(run, batch, i);
		return follow_place_all(run, own, at_instant, err);
	}
	if (!run->follow.warming)
		return 0;
	run->follow.warming = false;
	follow_note_done(run);
	return engine_run_before(&run->engine, batch->time_ns[i], err);
}

/* An event before the beginning. */
static int pass_over(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err)
{
	struct follow *follow = &run->follow;
	bool before_state = precedes_state(run, batch, i);
	int ret = 0;

	if (follow->instant_ahead && batch->entry && batch->entry[i] && !before_state)
		ret = reach_instant(run, err);
	if (ret < 0)
		return ret;
	if (follow->skipping) {
		follow_note(run, batch, i);
		serve_standing(run, batch, i);
	} else if (before_state && batch->entry[i]) {
		skip_late(run, batch, i);
	} else if (follow->warming) {
		ret = carry_out(run, batch, i, err);
	} else {
		return 0;
	}
	run->result.skipped++;
	return ret < 0 ? ret : 1;
}

/* Return: 1 when event @i is not replayed, 0 when it is, a negative code on an error. */
static int skip(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err)
{
	const struct follow *follow = &run->follow;
	bool ahead = follow->skipping || follow->warming || (run->options->from.kind == FROM_INITIAL && follow->own);

	return ahead && comes_before(run, batch, i) ? pass_over(run, batch, i, err) : begin(run, batch, i, err);
}

/* Whether events must be told apart by their places in the recording. */
static bool needs_entries(const struct run *run)
{
	return run->options->nr_cuts || (run->options->initial && run->options->initial->nr_entries &&
						run->options->from.kind == FROM_INITIAL && rules_is_recording(run));
}

int follow_event(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err)
{
	struct follow *follow = &run->follow;
	const struct trace_op *op = run->ops[batch->op[i]].trace;
	int ret;

	if (!batch->entry && needs_entries(run))
		return err_set(err, ERR_TRACE, "the trace does not tell which event of the recording is which: "
			"import the recording again, without --no-recorded");
	ret = skip(run, batch, i, err);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	if (follow->stage != BOOT_OVER && (op->kind == KIND_ALLOC_PAGES || op->kind == KIND_FREE_PAGES))
		follow->stage = boot_stage_before(follow->stage, run->mm.pages, op, batch->where ? batch->where[i] : 0,
			run->seats[batch->who[i]].cpu, batch->moved ? batch->moved[i] : 0);
	if (follow->saver.awaited)
		saver_watch(run, batch, i);
	if (follow->asked && op->kind == KIND_ALLOC_PAGES)
		note_node(run, batch, i);
	ret = follow_cuts(run, batch, i, err);
	return ret < 0 ? ret : 1;
}

void follow_settle(struct run *run)
{
	const struct follow *follow = &run->follow;

	run->follow.active = follow->skipping || follow->warming || follow->asked || follow->saver.awaited ||
		follow->stage != BOOT_OVER || follow->next_cut < run->options->nr_cuts;
}

void replay_initial(const struct replay_result *r, struct record_counter rows[REPLAY_INITIAL_ROWS])
{
	const struct record_counter all[] = {
		{ "initial", "older_found", "objects", (int64_t)r->bound },
		{ "initial", "older_not_found", "objects", (int64_t)r->unbound },
		{ "initial", "pages_gone", "pages", (int64_t)r->gone },
		{ "initial", "saver_more", "objects", (int64_t)r->read_more },
		{ "initial", "saver_less", "objects", (int64_t)r->read_less },
		{ "initial", "events_carried_out", "events", (int64_t)r->carried },
		{ "initial", "begins_before_state", "times", r->before_state },
		{ "initial", "settings_applied", "times", r->settings_applied },
		{ "initial", "caches_kept", "caches", r->caches_kept },
		{ "initial", "drawn_free_blocks", "blocks", (int64_t)r->filled.blocks },
		{ "initial", "reshaped_free_blocks", "blocks", (int64_t)r->filled.blocks_reshaped },
		{ "initial", "drawn_cpu_list_pages", "pages", (int64_t)r->filled.pcp_pages },
		{ "initial", "drawn_slabs", "slabs", (int64_t)r->filled.slabs },
		{ "initial", "drawn_lru_pages", "pages", (int64_t)r->filled.lru_pages },
		{ "initial", "drawn_area_pages", "pages", (int64_t)r->filled.area_pages },
		{ "initial", "drawn_percpu_pages", "pages", (int64_t)r->filled.percpu_pages },
		{ "initial", "drawn_slab_pages", "pages", (int64_t)r->filled.slab_pages },
		{ "initial", "assumed_objects", "objects", (int64_t)r->filled.objects },
		{ "initial", "assumed_pageblock_types", "pageblocks", (int64_t)r->filled.pageblocks },
		{ "initial", "missing_slabs", "slabs", (int64_t)r->filled.slabs_missing },
		{ "initial", "missing_pages", "pages", (int64_t)r->filled.pages_missing },
	};

	_Static_assert(sizeof(all) == REPLAY_INITIAL_ROWS * sizeof(all[0]), "the caller has room for all");
	memcpy(rows, all, sizeof(all));
}

int follow_record(struct run *run, struct err *err)
{
	struct record_counter rows[REPLAY_INITIAL_ROWS];
	int ret = 0;

	if (!run->options->initial)
		return 0;
	replay_initial(&run->result, rows);
	for (size_t i = 0; ret == 0 && i < REPLAY_INITIAL_ROWS; i++)
		ret = run->recorder->ops->counter(run->recorder, &rows[i], err);
	return ret;
}

/* The beginning was not met. */
static int never_begun(const struct run *run, struct err *err)
{
	if (replay_from_check(&run->options->from, run->tables, run->meta, err) == 0)
		err_set(err, ERR_TRACE,
			"behind the last event of the part that is read: %" PRIu64 " of the trace's %" PRIu64 " events",
			run->result.skipped, run->meta->events);
	return err_context(err, "--from");
}

int follow_end(struct run *run, struct err *err)
{
	const struct replay_options *options = run->options;
	int ret = 0;

	if ((run->follow.skipping || run->follow.warming) && options->from.kind != FROM_INITIAL)
		return never_begun(run, err);
	if (run->follow.skipping && run->result.skipped)
		return err_set(err, ERR_TRACE,
			"%s: trace_entries.csv says that all %" PRIu64 " events of the trace came before this state; "
			"of a trace that begins with it say --from 0",
			options->initial->source, run->result.skipped);
	if (run->follow.saver.awaited)
		saver_over(run);
	while (ret == 0 && run->follow.next_cut < options->nr_cuts)
		ret = options->watch.cut(options->watch.arg, run->follow.next_cut++, &run->mm, err);
	return ret;
}
