#include "sim/describe.h"

#include <inttypes.h>
#include <stdio.h>

void describe_machine(struct record_run *run, const struct machine *machine)
{
	run->machine = machine->name;
	run->page_size = machine->page_size;
	run->max_order = machine->page_allocator.max_order;
	run->pageblock_order = machine->page_allocator.pageblock_order;
	run->cma = machine->page_allocator.cma;
	run->cpus = machine->cpus;
	run->zones = machine->bits32 ? "DMA Normal HighMem Movable" : "DMA DMA32 Normal Movable Device";
}

void describe_run(struct record_run *run, const struct replay_options *options, const struct trace_meta *meta)
{
	const struct machine *machine = options->machine;

	run->kernel = meta->kernel;
	run->lost = meta->lost;
	run->pace = replay_pace_name[options->pace];
	run->cpu_map = replay_cpu_map_name[replay_cpu_map_of(options->cpu_map, options->initial)];
	run->layer = options->layer == LAYER_PAGE ? "page" : "intent";
	run->seed = options->seed;
	describe_machine(run, machine);
}

void describe_sampling(ns_t sample_ns, uint64_t sample_events, bool thin, char *buf, size_t size)
{
	char time[32] = "100 in all", events[40] = "";

	if (sample_ns)
		snprintf(time, sizeof(time), "every %" PRIu64 " ns", sample_ns);
	if (sample_events)
		snprintf(events, sizeof(events), " and every %" PRIu64 " events", sample_events);
	snprintf(buf, size, "%s%s%s", time, events, thin ? ", summary" : "");
}
