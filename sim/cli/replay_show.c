#include "sim/cli/replay_show.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/units.h"
#include "configs/state.h"
#include "mm/resource.h"
#include "sim/pace.h"

static void print_json_initial(const struct replay_result *r)
{
	struct record_counter rows[REPLAY_INITIAL_ROWS];

	replay_initial(r, rows);
	printf("\"initial\": {");
	for (size_t i = 0; i < REPLAY_INITIAL_ROWS; i++)
		printf("%s\"%s\": %" PRId64, i ? ", " : "", rows[i].name, rows[i].value);
	printf("}, ");
}

void replay_show_json(const struct replay_result *r, const struct replay_options *options,
	const struct trace_meta *meta)
{
	double seconds = (double)r->wall_ns / 1e9;

	printf("{\"events\": %" PRIu64 ", \"sim_ns\": %" PRIu64 ", \"wall_ns\": %" PRIu64 ", \"events_per_s\": %.0f, "
	       "\"failed\": %" PRIu64 ", \"failed_as_recorded\": %" PRIu64 ", \"failed_only_in_recording\": %" PRIu64
	       ", "
	       "\"violations\": %" PRIu64 ", \"not_judged\": %" PRIu64 ", \"not_modelled\": %" PRIu64 ", "
	       "\"bytes_alloc_checked\": %" PRIu64 ", \"bytes_alloc_mismatch\": %" PRIu64 ", \"live_objects\": %" PRIu64
	       ", "
	       "\"cpus\": %u, \"lost\": %" PRIu64 ", \"still_waiting\": %" PRIu64 ", \"cut_off\": %" PRIu64 ", "
	       "\"oom_kills\": %" PRIu64 ", \"oom_without_victim\": %" PRIu64 ", \"allocstall\": %" PRIu64 ", ",
		r->events, r->sim_ns, r->wall_ns, seconds > 0 ? (double)r->events / seconds : 0, r->failed,
		r->failed_both, r->recovered, r->violations, r->not_judged, r->unmodelled, r->bytes_alloc_checked,
		r->bytes_alloc_mismatch, r->live_objects, options->machine->cpus, meta->lost, r->still_waiting,
		r->cut_off, r->oom_kills, r->oom_without_victim, r->stalls);
	if (options->initial)
		print_json_initial(r);
	if (r->use.unknown)
		printf("\"refault_percent\": %u, \"written_refault_percent\": %u, \"random_reads_percent\": %u,"
			" \"refault_assumed\": %s, \"mappings\": %" PRIu64 ", ",
			r->use.refault_percent, r->use.written_refault_percent, r->use.random_percent,
			r->use.assumed ? "true" : "false", r->use.mappings);
	printf("\"fingerprint\": \"%016" PRIx64 "\"}\n", r->fingerprint);
}

/* What the saved state did not tell, and the seed laid out. */
static void print_filled(const struct replay_filled *filled, uint64_t seed)
{
	const struct {
		uint64_t nr;
		const char *what;
	} rows[] = {
		{ filled->blocks, "free blocks" }, { filled->pcp_pages, "pages of CPUs' lists" }, { filled->slabs,
			"slabs" },
		{ filled->lru_pages, "pages on LRU lists" },
		{ filled->area_pages, "pages of vmalloc areas" }, { filled->percpu_pages, "pages of per-CPU chunks" },
		{ filled->slab_pages, "pages in use that became slabs" },
		{ filled->objects, "objects in slabs (assumed)" }, { filled->pageblocks,
			"types of pageblocks (assumed)" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].nr)
			continue;
		if (!any)
			printf("filled in  not saved, so laid out by seed %" PRIu64 ":", seed);
		printf("%s %" PRIu64 " %s", any ? "," : "", rows[i].nr, rows[i].what);
		any = true;
	}
	if (any)
		putchar('\n');
	if (filled->blocks_reshaped)
		printf("reshaped   %" PRIu64 " free blocks of that state, cut or merged: what is reserved lies"
			" elsewhere than it did there\n", filled->blocks_reshaped);
	if (filled->slabs_missing || filled->pages_missing)
		printf("no room    for %" PRIu64 " slabs and %" PRIu64 " pages of that state\n", filled->slabs_missing,
			filled->pages_missing);
}

/* Where the replay began, and in what. */
static void print_beginning(const struct replay_result *r, const struct replay_options *options)
{
	if (options->initial)
		printf("initial    %s: %" PRIu64 " older objects found in it, %" PRIu64 " not\n",
			options->initial->source, r->bound, r->unbound);
	if (r->settings_applied)
		printf("settings   of the machine are not those of that state: watermarks and limits of CPUs' lists"
			" are set anew\n");
	if (r->caches_kept)
		printf("caches     %" PRIu32 " have the sizes and partial lists of that state, not those of the"
			" machine's settings\n", r->caches_kept);
	if (options->initial)
		print_filled(&r->filled, options->seed);
	if (r->gone)
		printf("gone       %" PRIu64 " pages of processes that had ended since that state\n", r->gone);
	if (r->read_more || r->read_less)
		printf("saver      left %" PRIu64 " objects %s than where it was recorded: it read %s caches in"
			" /sys/kernel/slab\n",
			r->read_more + r->read_less, r->read_more ? "more" : "less", r->read_more ? "more" : "fewer");
	if (r->carried)
		printf("begins     after %" PRIu64 " events, the last %" PRIu64 " of which came after that state and"
			" were carried out\n", r->skipped, r->carried);
	else if (r->skipped)
		printf("begins     after %" PRIu64 " events%s\n", r->skipped, r->before_state ?
			", before that state was saved: what happens until then is in it already (without --from,"
			" it begins with it)" : "");
}

/* How much of what reclaim takes is read again, where the machine does not say. */
static void print_use(const struct replay_use *use)
{
	char late[32], order[64] = "in the order of files";

	if (use->random_percent)
		snprintf(order, sizeof(order), "%u %% of that at random", use->random_percent);
	if (use->late_ns)
		printf("waited     %s for files that were read again, the recording with all that comes later in it\n",
			units_format_time_short(use->late_ns, late, sizeof(late)));
	if (use->unknown)
		printf("page cache %u %% of what goes is read again, %u %% of what was written, %s: %s\n",
			use->refault_percent, use->written_refault_percent, order,
			use->assumed ? "assumed, as nothing tells (kmemsim import --states)" :
				       "by what the recorded machine used again");
	if (!use->unknown || !use->mappings)
		return;
	printf("mappings   %" PRIu64 " of files, told by page tables: all is touched once, and read again where it is"
		" gone\n", use->mappings);
}

/* Costs that are the recording's and not the machine's. */
static void print_pace(const struct machine *machine, const struct trace_pace *pace)
{
	char text[TRACE_PACE_TEXT];

	if (pace_is_told(machine, pace))
		printf("pace       of reclaim as recorded: %s (latency.reclaim_pace)\n",
			trace_pace_text(pace, text, sizeof(text)));
}

/* What a machine that is too small does to its tasks. */
static void print_pressure(const struct replay_result *r, const char *results)
{
	if (r->stalls)
		printf("stalls     %" PRIu64 " times a caller had to reclaim memory for itself (allocstall)\n",
			r->stalls);
	print_use(&r->use);
	if (r->oom_kills)
		printf("OOM        %" PRIu64 " task%s ended by the OOM killer (kmemsim report %s)\n", r->oom_kills,
			r->oom_kills == 1 ? " was" : "s were", results);
	if (r->oom_without_victim)
		printf("OOM        %" PRIu64 " times nobody was left to be ended: the kernel panics at the first\n",
			r->oom_without_victim);
}

void replay_show_summary(const struct replay_result *r, const struct replay_options *options,
	const struct trace_meta *meta, const char *results)
{
	double seconds = (double)r->wall_ns / 1e9;
	char sim[32];

	if (meta->lost)
		printf("LOST       %" PRIu64
		       " events were lost while recording: objects and pages may be off by as many\n",
			meta->lost);
	printf("replayed   %" PRIu64 " events, %s of simulated time, in %.2f s (%.2f M events/s)\n", r->events,
		units_format_time_short(r->sim_ns, sim, sizeof(sim)), seconds,
		seconds > 0 ? (double)r->events / 1e6 / seconds : 0.0);
	printf("machine    %s\n", options->machine->name);
	print_beginning(r, options);
	print_pace(options->machine, &meta->pace);
	printf("failed     %" PRIu64 " allocations", r->failed);
	if (r->failed_both + r->recovered)
		printf(", and %" PRIu64 " of the %" PRIu64 " that had failed when recorded", r->failed_both,
			r->failed_both + r->recovered);
	putchar('\n');
	if (r->failed_older)
		printf("older      %" PRIu64 " objects of before the beginning found no memory\n", r->failed_older);
	print_pressure(r, results);
	if (r->bytes_alloc_checked)
		printf("kmalloc    bytes_alloc equals the recording's in %" PRIu64 " of %" PRIu64 " events\n",
			r->bytes_alloc_checked - r->bytes_alloc_mismatch, r->bytes_alloc_checked);
	if (r->still_waiting)
		printf("still_waiting %" PRIu64 " requests at the end, which nobody could wake: failed (kmemsim query"
			" %s sleeps)\n", r->still_waiting, results);
	if (r->cut_off)
		printf("cut off    %" PRIu64 " requests that had arrived and were not done\n", r->cut_off);
	if (r->violations)
		printf("violations %" PRIu64 " (kmemsim query %s violations)\n", r->violations, results);
	if (r->not_judged)
		printf("not judged %" PRIu64 " possible violations: they depend on the events that --skip leaves out"
			" (--from takes them into account)\n", r->not_judged);
	if (r->claims_unknown[RESOURCE_IOPORT] || r->claims_unknown[RESOURCE_IOMEM])
		printf("not judged who had claimed which %s: neither the recording nor the machine tells (kmemsim lint)\n",
			!r->claims_unknown[RESOURCE_IOMEM]          ? "ports" :
				!r->claims_unknown[RESOURCE_IOPORT] ? "device memory" :
								      "ports and device memory");
	if (r->unmodelled)
		printf("skipped    %" PRIu64 " events of what is not modelled, or not told by the initial state"
			" (mempools, DMA)\n", r->unmodelled);
	printf("live       %" PRIu64 " objects at the end\n", r->live_objects);
	printf("fingerprint %016" PRIx64 "\n", r->fingerprint);
}
