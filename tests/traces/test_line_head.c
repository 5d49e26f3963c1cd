/* The part of a recorded line before the fields, in all the forms that tools print. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/traces/importing.h"
#include "traces/text_lines.h"
#include "traces/trace.h"

static void expect(const char *line, const char *comm, int pid, unsigned int cpu, ns_t time_ns, uint8_t ctx,
	const char *event, const char *fields)
{
	struct line_head head;

	cr_assert(line_head_parse(line, strlen(line), &head), "not read: %s", line);
	cr_expect_eq(head.comm_len, strlen(comm), "%s: comm \"%.*s\"", line, (int)head.comm_len, head.comm);
	cr_expect_eq(memcmp(head.comm, comm, strlen(comm)), 0, "%s: comm \"%.*s\"", line, (int)head.comm_len,
		head.comm);
	cr_expect_eq(head.pid, pid, "%s: pid %d", line, head.pid);
	cr_expect_eq(head.cpu, cpu, "%s: cpu %u", line, head.cpu);
	cr_expect_eq(head.time_ns, time_ns, "%s: time %llu", line, (unsigned long long)head.time_ns);
	cr_expect_eq(head.ctx, ctx, "%s: ctx %u", line, head.ctx);
	cr_expect_eq(head.event_len, strlen(event), "%s: event \"%.*s\"", line, (int)head.event_len, head.event);
	cr_expect_eq(memcmp(head.event, event, strlen(event)), 0, "%s", line);
	cr_expect_str_eq(head.fields, fields, "%s", line);
}

Test(line_head, of_trace_cmd_report_with_nanoseconds)
{
	expect("          <idle>-0     [000]     0.780396722: kfree:                (f+0x1) ptr=0x1", "<idle>", 0, 0,
		780396722, CTX_PROCESS, "kfree", "(f+0x1) ptr=0x1");
	expect("   kworker/u2:0-37    [013]     6.126559938: mm_page_free: pfn=0x85c6 order=0", "kworker/u2:0", 37, 13,
		6126559938, CTX_PROCESS, "mm_page_free", "pfn=0x85c6 order=0");
}

Test(line_head, of_trace_cmd_report_with_an_instance)
{
	expect("foo:          kswapd0-39    [001]     6.1: kfree: ptr=0x1", "kswapd0", 39, 1, 6100000000, CTX_PROCESS,
		"kfree", "ptr=0x1");
	expect("   foo:  kworker/u2:0-ev-39    [001]     6.1: kfree: ptr=0x1", "kworker/u2:0-ev", 39, 1, 6100000000,
		CTX_PROCESS, "kfree", "ptr=0x1");
	expect("          a: b-39    [001]     6.1: kfree: ptr=0x1", "a: b", 39, 1, 6100000000, CTX_PROCESS, "kfree",
		"ptr=0x1");
}

Test(line_head, of_trace_cmd_report_with_differences_of_time)
{
	expect("          <idle>-0     [000]     3.001626: (+1022473) kmalloc:     (f+0x1) ptr=0x1", "<idle>", 0, 0,
		3001626000, CTX_PROCESS, "kmalloc", "(f+0x1) ptr=0x1");
}

Test(line_head, of_trace_cmd_report_with_latency_columns)
{
	expect("  <idle>-0       0d..1.     0.780396: kfree: (f+0x1) ptr=0x1", "<idle>", 0, 0, 780396000,
		CTX_IRQS_OFF | CTX_PREEMPT_OFF, "kfree", "(f+0x1) ptr=0x1");
	expect("kworker/-37     13..s..     6.126559938: mm_page_free: pfn=0x85c6", "kworker/", 37, 13, 6126559938,
		CTX_SOFTIRQ, "mm_page_free", "pfn=0x85c6");
	expect("foo:          kswapd0-39      1.....     6.1: kfree: ptr=0x1", "kswapd0", 39, 1, 6100000000,
		CTX_PROCESS, "kfree", "ptr=0x1");
	expect("a 1d.. 2-12345678 100dNh2    6.1: (+7) kfree: ptr=0x1", "a 1d.. 2", 12345678, 100, 6100000000,
		CTX_HARDIRQ | CTX_IRQS_OFF | CTX_PREEMPT_OFF, "kfree", "ptr=0x1");
}

Test(line_head, of_ftrace_with_flags_and_microseconds)
{
	expect("          <idle>-0       [000] dNH2.    16.552262: mempool_free: (f) ptr=1", "<idle>", 0, 0,
		16552262000, CTX_HARDIRQ | CTX_IRQS_OFF | CTX_PREEMPT_OFF, "mempool_free", "(f) ptr=1");
	expect("            init-1       [001] .Ns..     8.757382: slab_release: s=1", "init", 1, 1, 8757382000,
		CTX_SOFTIRQ, "slab_release", "s=1");
	expect("            init-1       [001] d.z..     8.757382: x: s=1", "init", 1, 1, 8757382000,
		CTX_NMI | CTX_IRQS_OFF, "x", "s=1");
	/* local_bh_disable() is not in the depth. */
	expect("            init-1       [001] b....     8.757382: x: s=1", "init", 1, 1, 8757382000, CTX_PREEMPT_OFF, "x",
		"s=1");
	expect("            init-1       [001] D....     8.757382: x: s=1", "init", 1, 1, 8757382000,
		CTX_IRQS_OFF | CTX_PREEMPT_OFF, "x", "s=1");
}

Test(line_head, of_ftrace_with_the_thread_group)
{
	expect("  cat-1234  (   1230) [002] .....   1.000001: kfree: ptr=1", "cat", 1234, 2, 1000001000, CTX_PROCESS,
		"kfree", "ptr=1");
	expect("  <...>-77  (-------) [002] .....   1.000001: kfree: ptr=1", "<...>", 77, 2, 1000001000, CTX_PROCESS,
		"kfree", "ptr=1");
}

Test(line_head, of_perf_script)
{
	expect("ls 1348 [000] 1567.377987539: kmem:kmalloc: call_site=f+0x1 ptr=0x1", "ls", 1348, 0, 1567377987539,
		CTX_PROCESS, "kmalloc", "call_site=f+0x1 ptr=0x1");
	expect("   :-1    -1 [001]   1.5: kmem:kfree: ptr=0x1", ":-1", -1, 1, 1500000000, CTX_PROCESS, "kfree",
		"ptr=0x1");
	expect("   :-1    -1/-1    [001]   1.5: kmem:kfree: ptr=0x1", ":-1", -1, 1, 1500000000, CTX_PROCESS, "kfree",
		"ptr=0x1");
	expect("   foo--1 [001]   1.5: kfree: ptr=0x1", "foo-", 1, 1, 1500000000, CTX_PROCESS, "kfree", "ptr=0x1");
	expect("  Web Content  100/102 [003] 2.5: kmem:kfree: ptr=0x1", "Web Content", 102, 3, 2500000000, CTX_PROCESS,
		"kfree", "ptr=0x1");
}

Test(line_head, with_names_that_look_like_other_parts)
{
	expect("a [1] b-c-12 [000] 0.000001: kfree: ptr=1", "a [1] b-c", 12, 0, 1000, CTX_PROCESS, "kfree", "ptr=1");
	expect("-9 [000] 0.000001: kfree: ptr=1", "", 9, 0, 1000, CTX_PROCESS, "kfree", "ptr=1");
	expect("x:1-9 [000] 0.000001: kfree: ptr=1", "x:1", 9, 0, 1000, CTX_PROCESS, "kfree", "ptr=1");
}

Test(line_head, is_not_found_in_other_lines)
{
	static const char *const lines[] = { "", "# tracer: nop", "cpus=1", "CPU:2 [LOST 17 EVENTS]", "[000]",
		"a-1 [000]", "a-1 [000] x: y: z", "a-1 [000] 1.5 kfree: x", "a-99999999999 [000] 1.5: kfree: x",
		"a-1 [99999] 1.5: k: x", "a-1 [000] 1.5: ", "a-1 0.. 1.5: k: x", "a-1 0d..1. 1.5 k: x",
		"a 0d..1. 1.5: k: x", "a-1 99999d..1. 1.5: k: x",
		"[UNKNOWN EVENT][UNKNOWN EVENT] (NULL):               [UNKNOWN EVENT]" };
	struct line_head head;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_expect_not(line_head_parse(lines[i], strlen(lines[i]), &head), "\"%s\"", lines[i]);
}

/* Every example line of the captures' description is read, and none of a known event is unusable. */
Test(line_head, and_fields_of_every_example_line_are_read)
{
	const char *path = importing_shared("README.md");
	char *lines = NULL, line[1024];
	size_t len = 0, nr = 0;
	FILE *file, *out;
	struct imported in;

	if (!path)
		cr_skip_test("the captures are not there");
	file = fopen(path, "r");
	out = open_memstream(&lines, &len);
	while (fgets(line, sizeof(line), file)) {
		struct line_head head;

		if (line_head_parse(line, strlen(line), &head)) {
			fputs(line, out);
			nr++;
		}
	}
	fclose(file);
	fclose(out);
	cr_assert_geq(nr, 120);
	in = importing_text(lines);
	cr_expect_eq(in.meta.lines, nr);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0, "%s",
		in.meta.unusable.nr ? in.meta.unusable.rows[0].reason : "");
	cr_expect_eq(importing_count(&in.meta.ignored, "unknown event"), 0);
	importing_end(&in);
	free(lines);
}
