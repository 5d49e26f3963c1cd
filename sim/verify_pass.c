/* verify_pass: the events of a trace, one by one, with what the recording saw beside them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verify_priv.h"

#define VMSTAT_INTERVAL_NS 1000000000u /* vm.stat_interval, one second */

int verify_pass_start(struct verify_pass *pass, const struct verify_options *options, const struct state *state,
	bool slabs, struct err *err)
{
	struct trace_reader_options reader = { .thread = true, .recorded = true, .moves = true };
	int ret;

	*pass = (struct verify_pass){ .options = options };
	ret = trace_open(&pass->reader, options->trace, &reader, err);
	if (ret < 0)
		return ret;
	pass->tables = trace_tables(pass->reader);
	boot_policy_prepare(&pass->policy, options->machine, pass->tables);
	ret = mm_init(&pass->mm, options->machine, options->seed, err);
	if (ret == 0)
		ret = page_alloc_load(pass->mm.pages, state, options->seed, NULL, err);
	if (ret == 0 && slabs)
		ret = slab_load(pass->mm.slab, state, err);
	if (ret < 0)
		return err_context(err, "%s", state->source);
	pass->stage = boot_stage_of(pass->mm.pages);
	meter_start(&pass->meter, options->machine->latency.step_ns);
	return 0;
}

int verify_pass_again(struct verify_pass *pass, struct err *err)
{
	struct trace_reader_options reader = { .thread = true, .recorded = true };

	trace_close(pass->reader);
	pass->reader = NULL;
	pass->next_vmstat_ns = 0;
	if (trace_open(&pass->reader, pass->options->trace, &reader, err) < 0)
		return -(int)err->code;
	pass->tables = trace_tables(pass->reader);
	boot_policy_prepare(&pass->policy, pass->options->machine, pass->tables);
	return 0;
}

void verify_pass_fini(struct verify_pass *pass)
{
	if (pass->mm.pages)
		mm_fini(&pass->mm);
	trace_close(pass->reader);
	free(pass->later);
}

/* What happens without an event: boot goes on, and once a second each CPU folds its counters. */
static void pass_time(struct verify_pass *pass, const struct verify_event *event)
{
	if (pass->stage != BOOT_OVER && !pass->on_move &&
		(event->op->kind == KIND_ALLOC_PAGES || event->op->kind == KIND_FREE_PAGES))
		pass->stage = boot_stage_before(pass->stage, pass->mm.pages, event->op, event->where,
			event->cpu, event->moved);
	if (!pass->next_vmstat_ns)
		pass->next_vmstat_ns = event->time_ns + VMSTAT_INTERVAL_NS;
	for (; pass->next_vmstat_ns <= event->time_ns; pass->next_vmstat_ns += VMSTAT_INTERVAL_NS)
		for (uint32_t cpu = 0; cpu < pass->options->machine->cpus; cpu++)
			if (pass->drains_told)
				page_alloc_vmstat_fold(pass->mm.pages, cpu);
			else
				page_alloc_vmstat_work(pass->mm.pages, cpu, &pass->meter);
}

static bool is_older(const struct verify_pass *pass, uint32_t cpu, uint32_t entry)
{
	const struct state *state = pass->options->states[0].state;

	if (!entry)
		return !pass->next_vmstat_ns;
	return cpu < state->nr_entries && entry <= state->entries[cpu];
}

/*
 * Which frees are told again by a MOVE_BATCHED behind them. Those
 * in the next block are not found: they count as given at once.
 */
static int find_later(struct verify_pass *pass, const struct trace_batch *batch, struct err *err)
{
	struct idmap batched = { 0 };
	uint32_t m = batch->nr_moves;
	int failed = 0;

	if (batch->nr > pass->cap_later) {
		bool *later = realloc(pass->later, batch->nr * sizeof(*later));

		if (!later)
			return err_set(err, ERR_NOMEM, "no memory to verify a block of %u events", batch->nr);
		pass->later = later;
		pass->cap_later = batch->nr;
	}
	for (uint32_t i = batch->nr; i-- > 0;) {
		const struct trace_op *op = &pass->tables->ops[batch->op[i]];

		for (; m && batch->moves[m - 1].before > batch->first_event + i; m--)
			if (batch->moves[m - 1].kind == MOVE_BATCHED)
				failed |= idmap_put(&batched, batch->moves[m - 1].pfn, 0);
		pass->later[i] = op->kind == KIND_FREE_PAGES && !op->order && batch->where &&
			idmap_remove(&batched, batch->where[i]) != IDMAP_NONE;
	}
	idmap_fini(&batched);
	return failed ? err_set(err, ERR_NOMEM, "no memory to verify page frames") : 0;
}

static int run_moves(struct verify_pass *pass, const struct trace_batch *batch, uint32_t *next, uint64_t number,
	void *arg, struct err *err)
{
	for (; *next < batch->nr_moves && batch->moves[*next].before <= number; (*next)++) {
		struct trace_move move = batch->moves[*next];
		int ret;

		if (is_older(pass, move.cpu, move.entry))
			continue;
		move.cpu = (uint16_t)(move.cpu % pass->options->machine->cpus);
		ret = pass->on_move(arg, &move, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int run_batch(struct verify_pass *pass, const struct trace_batch *batch,
	int (*on_event)(void *arg, const struct verify_event *event, struct err *err), void *arg, struct err *err)
{
	bool moves = pass->on_move && !batch->prologue;
	uint32_t next_move = 0;
	int ret;

	if (!batch->prologue && !batch->entry)
		return err_set(err, ERR_TRACE,
			"%s does not tell which event of the recording is which: import the recording "
			"again, without --no-recorded",
			pass->options->trace);
	if (moves && (ret = find_later(pass, batch, err)) < 0)
		return ret;
	for (uint32_t i = 0; i < batch->nr; i++) {
		const struct trace_who *who = &pass->tables->whos[batch->who[i]];
		uint32_t cpu = who->cpu;
		struct verify_event event = {
			.op = &pass->tables->ops[batch->op[i]],
			.op_no = batch->op[i],
			.slot = batch->slot[i],
			.cpu = cpu % pass->options->machine->cpus,
			.who = who,
			.entry = batch->prologue ? 0 : batch->entry[i],
			.where = batch->where ? batch->where[i] : 0,
			.moved = batch->moved ? batch->moved[i] : 0,
			.event_no = batch->first_event + i,
			.time_ns = batch->time_ns[i],
			.later = moves && pass->later[i],
		};

		if (moves && (ret = run_moves(pass, batch, &next_move, event.event_no, arg, err)) < 0)
			return ret;
		event.older = batch->prologue || is_older(pass, cpu, event.entry);
		if (!event.older)
			pass_time(pass, &event);
		ret = on_event(arg, &event, err);
		if (ret < 0)
			return ret;
		if (pass->policy.active)
			boot_policy_event(&pass->policy, event.op, who, event.slot);
	}
	return moves ? run_moves(pass, batch, &next_move, UINT64_MAX, arg, err) : 0;
}

int verify_pass_run(struct verify_pass *pass,
	int (*event)(void *arg, const struct verify_event *event, struct err *err), void *arg, struct err *err)
{
	const struct verify_options *options = pass->options;
	struct trace_batch batch;
	int ret;

	while ((ret = trace_next(pass->reader, &batch, err)) > 0) {
		ret = run_batch(pass, &batch, event, arg, err);
		if (ret < 0)
			return ret;
		if (options->stop && options->stop(options->arg))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
	}
	return ret;
}

/*
 * No event tells on which node pages were asked for (alloc_pages_node(), a memory
 * policy). Where there are several, it is taken to be the node that the page came from.
 */
struct page_request verify_page_request(const struct verify_pass *pass, const struct verify_event *event)
{
	const struct machine *machine = pass->options->machine;
	int node = event->op->node >= (int)machine->nr_nodes ? -1 : event->op->node;

	if (node < 0 && machine->nr_nodes > 1 && event->where && page_alloc_zone_of(pass->mm.pages, event->where) >= 0)
		node = (int)page_alloc_node_of(pass->mm.pages, event->where);
	return (struct page_request){
		.gfp = event->op->gfp,
		.cpu = (uint16_t)event->cpu,
		.node = (int16_t)node,
		.order = event->op->order,
	};
}

struct mempolicy *verify_policy(struct verify_pass *pass, const struct verify_event *event)
{
	return pass->policy.active ? boot_policy_of(&pass->policy, event->who, event->who->ctx) : NULL;
}

bool verify_differ(struct verify_count *count, const struct verify_event *event, const char *fmt, ...)
{
	struct verify_difference *first = &count->first;
	va_list args;

	if (first->there)
		return false;
	first->there = true;
	first->event_no = event->event_no;
	first->time_ns = event->time_ns;
	va_start(args, fmt);
	vsnprintf(first->kernel, sizeof(first->kernel), fmt, args);
	va_end(args);
	return true;
}
