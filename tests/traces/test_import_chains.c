/* Chains of callers behind events and within them: whose they are, and which caller has asked. */
#include "tests/traces/importing.h"
#include "tests/traces/perf_maker.h"
#include "traces/dat.h"

static struct imported import_sample(const char *name)
{
	const struct import_options options = { .recorded = true };
	char path[4096];
	const char *source = path, *root = getenv("KMEMSIM_SOURCE");
	struct imported in;
	struct err err = { 0 };

	if (!root)
		cr_skip_test("KMEMSIM_SOURCE is not set");
	snprintf(path, sizeof(path), "%s/traces/samples/%s", root, name);
	cr_assert_eq(importing_files(&in, &source, 1, &options, &err), 0, "%s", err.text);
	return in;
}

static void expect_function(const struct imported_event *event, size_t n, const char *function)
{
	size_t len = strcspn(event->call_site, "+");

	cr_expect(len == strlen(function) && !memcmp(event->call_site, function, len), "event %zu: %s, not %s", n,
		event->call_site, function);
}

static bool is_page_event(const struct imported_event *event)
{
	return event->entry && (event->op.kind == KIND_ALLOC_PAGES || event->op.kind == KIND_FREE_PAGES);
}

/*
 * Two CPUs whose records mix, interrupts between an event and its chain, chains whose event
 * is in the page before: the record and what the kernel prints agree on every caller.
 */
Test(import_chains, a_trace_dat_and_the_kernels_text_of_it_name_the_same_callers)
{
	struct imported dat, text;
	size_t pages = 0;

	if (!dat_supported())
		cr_skip_test("libtracecmd is not there");
	dat = import_sample("chains-6.1.dat");
	text = import_sample("chains-6.1.txt.gz");
	cr_assert_eq(dat.nr - dat.nr_prologue, 550);
	cr_assert_eq(text.nr - text.nr_prologue, 550);
	cr_expect_eq(trace_counts_total(&dat.meta.unusable) + trace_counts_total(&text.meta.unusable), 0);
	cr_expect_eq(importing_count(&dat.meta.ignored, "unknown event"), 0);
	cr_expect_eq(importing_count(&dat.meta.ignored, "kernel_stack"), 607);
	cr_expect_eq(importing_count(&text.meta.ignored, "kernel_stack"), 607);
	for (size_t i = 0; i < 550; i++) {
		const struct imported_event *a = importing_event(&dat, i), *b = importing_event(&text, i);

		cr_assert_eq(a->op.kind, b->op.kind);
		cr_expect_eq(strcspn(a->call_site, "+"), strcspn(b->call_site, "+"), "event %zu: %s, in text %s", i,
			a->call_site, b->call_site);
		cr_expect(!memcmp(a->call_site, b->call_site, strcspn(a->call_site, "+")));
		pages += is_page_event(a);
		cr_expect(!is_page_event(a) || (*a->call_site != 0) == (i < 549),
			"event %zu: of the last one the chain is cut off", i);
	}
	cr_expect_eq(pages, 144);
	importing_end(&dat);
	importing_end(&text);
}

#define LINE(cpu, flags, seconds, event) " task-7 [00" cpu "] " flags " " seconds ": " event "\n"
#define ALLOC(pfn) "mm_page_alloc: page=x pfn=" pfn " order=0 migratetype=1 gfp_flags=GFP_KERNEL"
#define CHAIN(function) " => __alloc_pages\n => " function "\n"

Test(import_chains, an_interrupt_and_another_cpu_may_come_between_an_event_and_its_chain)
{
	static const char *const want[] = { "of_task", "of_other_cpu", "of_softirq", "of_hardirq" };
	struct imported in = importing_text(
		LINE("0", ".....", "1.000001", ALLOC("0x10"))
		LINE("1", ".....", "1.000002", ALLOC("0x11"))
		LINE("0", "..s1.", "1.000003", ALLOC("0x12"))
		LINE("0", "d.h2.", "1.000004", ALLOC("0x13"))
		LINE("0", "d.h2.", "1.000005", "<stack trace>") CHAIN("of_hardirq")
		LINE("1", ".....", "1.000005", "<stack trace>") CHAIN("of_other_cpu")
		LINE("0", "..s1.", "1.000006", "<stack trace>") CHAIN("of_softirq")
		LINE("0", ".....", "1.000007", "<stack trace>") CHAIN("of_task"));

	cr_assert_eq(in.nr - in.nr_prologue, 4);
	for (size_t i = 0; i < 4; i++)
		expect_function(importing_event(&in, i), i, want[i]);
	importing_end(&in);
}

/* Of an event that is not kept, of one that is lost, of an interrupt that is over, of a program. */
Test(import_chains, chains_of_others_are_not_taken)
{
	struct imported in = importing_text(LINE("0", ".....", "1.000001", ALLOC("0x10")) LINE("0", "d..2.", "1.000002",
		"sched_switch: prev_comm=task") LINE("0", "d..2.", "1.000002",
		"<stack trace>") CHAIN("__schedule") LINE("0", ".....", "1.000003",
		ALLOC("0x11")) "CPU:0 [LOST 3 EVENTS]\n" LINE("0", ".....", "1.000005",
		"<stack trace>") CHAIN("of_a_lost_event") LINE("0", "d.h2.", "1.000006", ALLOC("0x12")) LINE("0",
		".....", "1.000007", "mm_page_free: page=x pfn=0x13 order=0") LINE("0", "d.h2.", "1.000008",
		"<stack trace>") CHAIN("of_the_next_interrupt") LINE("0", ".....", "1.000009", ALLOC("0x14")) LINE("0",
		".....", "1.000009",
		"<user stack trace>") " => /bin/sh[+0x600d3]\n => <00007f1234567890>\n =>  ??\n"
				      "task 7 [000] 1.000010: kmem:" ALLOC(
					      "0x15") "\n"
						      "\tffffffff812b95b7 __alloc_pages+0xa7 ([kernel.kallsyms])\n"
						      "\tffffffff812b95c0 [unknown] ([kernel.kallsyms])\n"
						      "\t           ee137 in_libc+0x7 (/lib/libc.so.6)\n\t    7fff12345678 in_program+0x1\n\n");

	cr_assert_eq(in.nr - in.nr_prologue, 6);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	cr_expect_eq(importing_count(&in.meta.ignored, "user_stack"), 1);
	cr_expect_eq(in.meta.lost, 3);
	for (size_t i = 0; i < 6; i++)
		cr_expect_str_eq(importing_event(&in, i)->call_site, "", "event %zu", i);
	importing_end(&in);
}

Test(import_chains, perf_script_need_not_print_where_a_function_is_from)
{
	struct imported in = importing_text(
		"task 7 [000] 1.000010: kmem:" ALLOC("0x15") "\n"
		"\tffffffff812b95b7 __alloc_pages+0xa7\n\tffffffff812b95c0 pipe_write+0x1d0\n\tffffffff812b95d0 vfs_write+0x20\n\n");

	cr_expect_str_eq(importing_event(&in, 0)->call_site, "pipe_write+0x1d0");
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	importing_end(&in);
}

/* From 6.7 on GFP_NOWAIT includes __GFP_NOWARN: chains tell that a text is of such a kernel. */
Test(import_chains, functions_in_chains_tell_how_to_read_masks)
{
	static const char event[] = LINE("0", ".....", "1.000001",
		"mm_page_alloc: page=x pfn=0x10 order=0 migratetype=1 gfp_flags=GFP_NOWAIT");
	char text[512];
	struct imported in = importing_text(event);

	cr_expect_eq(importing_event(&in, 0)->op.gfp, GFP_NOWAIT);
	importing_end(&in);
	snprintf(text, sizeof(text), "%s%s", event,
		LINE("0", ".....", "1.000002", "<stack trace>") " => __alloc_pages_noprof\n => f\n");
	in = importing_text(text);
	cr_expect_eq(importing_event(&in, 0)->op.gfp, GFP_NOWAIT | GFP_BIT_NOWARN);
	importing_end(&in);
}

/* trace-cmd without its plugins has the first caller on the event's line, and no flags. */
Test(import_chains, a_chain_may_begin_on_the_line_of_its_event)
{
	struct imported in = importing_text(
		" task-7 [000] 1.000001: " ALLOC("0x15") "\n"
		" task-7 [000] 1.000002: kernel_stack:         \t=> pipe_write\n\t=> vfs_write\n\t=> 0x0\n");

	expect_function(importing_event(&in, 0), 0, "pipe_write");
	importing_end(&in);
}

/* An event waits for its chain; so many of other CPUs may come between, and no more. */
Test(import_chains, order_is_kept_while_events_wait)
{
	char *text = malloc(1u << 20);
	size_t len = 0;
	struct imported in;

	len += (size_t)sprintf(text + len, LINE("0", ".....", "1.000000", ALLOC("0x10")));
	for (unsigned int i = 0; i < 1000; i++)
		len += (size_t)sprintf(text + len, LINE("1", ".....", "1.%06u", ALLOC("0x%x")), 100 + i, 0x1000 + i);
	sprintf(text + len, LINE("0", ".....", "1.900000", "<stack trace>") CHAIN("too_late")
		LINE("1", ".....", "1.900001", "<stack trace>") CHAIN("in_time"));
	in = importing_text(text);
	cr_assert_eq(in.nr - in.nr_prologue, 1001);
	cr_expect_str_eq(importing_event(&in, 0)->call_site, "");
	expect_function(importing_event(&in, 1000), 1000, "in_time");
	for (size_t i = 1; i <= 1000; i++)
		cr_expect_eq(importing_event(&in, i)->where, 0x1000 + i - 1);
	importing_end(&in);
	free(text);
}

/* The same event as trace-cmd prints it, and as it does with -R. */
Test(import_chains, a_probes_caller_is_read_by_its_field_too)
{
	struct imported in = importing_text(LINE("0", ".....", "1.000003", "vmap: (ffffffff81315fb0) count=3") LINE("0",
		".....", "1.000004",
		"vmap_ret: (ffffffff81315fb0 <- ffffffff81317ef9) addr=0xffffc90000200000") LINE("0", ".....",
		"1.000005", "vmap: __probe_ip=ffffffff81315fb0 count=3") LINE("0", ".....", "1.000006",
		"vmap_ret: __probe_func=ffffffff81315fb0 __probe_ret_ip=ffffffff81317ef9 addr=0xffffc90000300000"));

	cr_assert_eq(in.nr - in.nr_prologue, 2);
	for (size_t i = 0; i < 2; i++)
		cr_expect_str_eq(importing_event(&in, i)->call_site, "0xffffffff81317ef9");
	importing_end(&in);
}

/* Where a tracer has put itself in the place of the return address, an event cannot tell its caller; the chain can. */
Test(import_chains, a_tracers_trampoline_is_no_call_site)
{
	struct imported in = importing_text(LINE("0", ".....", "1.000001",
		"kfree: call_site=return_to_handler+0x0/0x40 ptr=0000000000000000") LINE("0", ".....", "1.000002",
		"kfree: call_site=__kretprobe_trampoline+0x0/0x40 ptr=0000000000000000") LINE("0", ".....", "1.000002",
		"<stack trace>") " => kfree\n => vfs_write\n" LINE("0", ".....", "1.000003",
		"vmap: (vmap+0x0/0x10) count=3") LINE("0", ".....", "1.000004",
		"vmap_ret: (arch_rethook_trampoline+0x0/0x57 <- vmap) addr=0xffffc90000200000") LINE("0", ".....",
		"1.000005", "kfree: call_site=return_to_handlers+0x4/0x40 ptr=0000000000000000"));
	static const char *const want[] = { "", "vfs_write", "", "return_to_handlers" };

	cr_assert_eq(in.nr - in.nr_prologue, 4);
	for (size_t i = 0; i < 4; i++)
		expect_function(importing_event(&in, i), i, want[i]);
	importing_end(&in);
}

/* Ends @m. @kallsyms: NULL, perf has no symbols. */
static struct imported import_perf(struct maker *m, const char *kallsyms)
{
	struct import_options options = { .recorded = true };
	char path[64], symbols[64] = "";
	const char *source = path;
	struct imported in;
	struct err err = { 0 };

	maker_finish(m, true);
	importing_file(path, m->data, m->len);
	if (kallsyms) {
		importing_file(symbols, kallsyms, strlen(kallsyms));
		options.kallsyms = symbols;
	}
	cr_assert_eq(importing_files(&in, &source, 1, &options, &err), 0, "%s", err.text);
	unlink(path);
	if (kallsyms)
		unlink(symbols);
	free(m->data);
	return in;
}

/* perf has the chain in the sample. */
static void expect_perf_chain(const char *kallsyms, const char *want, bool swap)
{
	struct maker m = maker_begin(false, swap);
	struct imported in;

	maker_comm(&m, 10, 0, "writer");
	maker_page_free(&m, 1000, 0, 10, 0x4000, 0);
	/* its call site is among the symbols, as a trampoline */
	maker_kmalloc(&m, 2000, 0, 10, 0xffff888000001000u, 100, 128);
	in = import_perf(&m, kallsyms);
	cr_assert_eq(in.nr - in.nr_prologue, 2);
	cr_expect_str_eq(importing_event(&in, 0)->call_site, want);
	cr_expect_str_eq(importing_event(&in, 1)->call_site, kallsyms ? want : "0xffffffff81234560");
	importing_end(&in);
}

Test(import_chains, the_chain_in_a_perf_data_tells_the_caller_once_there_are_symbols)
{
	static const char symbols[] =
		"ffffffff81000000 T free_unref_page\nffffffff81000010 T pipe_release\nffffffff81000080 T vfs_write\n"
		"ffffffff81234560 T return_to_handler\n";
	static const char inner[] =
		"ffffffff81000000 T free_unref_page\nffffffff81000010 T __free_pages\nffffffff81000080 T kfree\n"
		"ffffffff81234560 T return_to_handler\n";

	if (!perf_supported())
		cr_skip_test("libtraceevent is not there");
	expect_perf_chain(symbols, "pipe_release+0x4", false);
	expect_perf_chain(symbols, "pipe_release+0x4", true);
	expect_perf_chain(NULL, "", false);
	expect_perf_chain(inner, "", false);
}

/* Behind it in the file is a record with an address that would do for a caller. */
Test(import_chains, a_record_that_breaks_off_before_its_callers_has_none)
{
	static const char symbols[] =
		"ffffffff81000000 T free_unref_page\nffffffff81000010 T __free_pages\nffffffff81000080 T kfree\n"
		"ffffffff81234560 T vfs_write\n";
	struct maker m = maker_begin(false, false);
	struct imported in;

	if (!perf_supported())
		cr_skip_test("libtraceevent is not there");
	maker_comm(&m, 10, 0, "writer");
	maker_page_free(&m, 1000, 0, 10, 0x4000, 0);
	maker_cut_stack(&m, 1001, 0, 10, 1000);
	maker_kmalloc(&m, 2000, 0, 10, 0xffff888000001000u, 100, 128);
	in = import_perf(&m, symbols);
	cr_assert_eq(in.nr - in.nr_prologue, 2);
	cr_expect_eq(importing_count(&in.meta.ignored, "kernel_stack"), 1);
	cr_expect_str_eq(importing_event(&in, 0)->call_site, "");
	cr_expect_str_eq(importing_event(&in, 1)->call_site, "vfs_write+0x0");
	importing_end(&in);
}
