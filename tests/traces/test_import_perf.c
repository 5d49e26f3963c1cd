/* perf.data, of known events and of the machine's own perf where there is one. */
#include "tests/traces/importing.h"
#include "tests/traces/perf_maker.h"
#include "traces/dat.h"
#include "traces/perf_order.h"

#define BASE 0xffff888000000000u

/* Two CPUs, whose buffers are written one after the other. */
static struct maker two_cpus(bool pipe, bool swap, size_t *data_end)
{
	struct maker m = maker_begin(pipe, swap);

	maker_comm(&m, 10, 0, "writer");
	maker_kmalloc(&m, 1000, 0, 10, BASE + 0x1000, 100, 128);
	maker_kmalloc(&m, 3000, 0, 10, BASE + 0x2000, 3000, 4096);
	maker_comm(&m, 10, 3500, "renamed");
	maker_kfree(&m, 5000, 0, 10, BASE + 0x2000);
	maker_fork(&m, 10, 11, 1500);
	maker_kmalloc(&m, 2000, 1, 11, BASE + 0x3000, 7, 8);
	maker_kfree(&m, 4000, 1, 12, BASE + 0x1000);
	maker_kfree(&m, 6000, 1, 11, BASE + 0x3000);
	maker_lost(&m, 3, 6100);
	*data_end = m.len;
	maker_finish(&m, true);
	return m;
}

static int import_maker(struct imported *in, const struct maker *m, size_t len, struct err *err)
{
	const struct import_options options = { .recorded = true };
	char path[64];
	const char *source = path;
	int code;

	importing_file(path, m->data, len);
	code = importing_files(in, &source, 1, &options, err);
	unlink(path);
	return code;
}

static void expect_two_cpus(const struct maker *m)
{
	static const struct {
		ns_t time_ns;
		enum trace_kind kind;
		uint32_t cpu;
		int32_t pid;
		const char *comm;
		uint64_t where;
	} want[] = {
		{ 1000, KIND_KMALLOC, 0, 10, "writer", 0x1000 }, { 2000, KIND_KMALLOC, 1, 11, "writer", 0x3000 },
		{ 3000, KIND_KMALLOC, 0, 10, "writer", 0x2000 }, { 4000, KIND_KFREE, 1, 12, ":12", 0x1000 },
		{ 5000, KIND_KFREE, 0, 10, "renamed", 0x2000 }, { 6000, KIND_KFREE, 1, 11, "writer", 0x3000 },
	};
	struct imported in;
	struct err err = { 0 };

	cr_assert_eq(import_maker(&in, m, m->len, &err), 0, "%s", err.text);
	cr_assert_eq(in.nr - in.nr_prologue, 6);
	for (size_t i = 0; i < 6; i++) {
		const struct imported_event *event = importing_event(&in, i);

		cr_expect_eq(event->time_ns, want[i].time_ns, "event %zu at %llu", i,
			(unsigned long long)event->time_ns);
		cr_expect_eq(event->op.kind, want[i].kind);
		cr_expect_eq(event->who.cpu, want[i].cpu);
		cr_expect_eq(event->who.pid, want[i].pid);
		cr_expect_str_eq(event->comm, want[i].comm);
		cr_expect_eq(event->where, BASE + want[i].where);
		cr_expect_eq(event->ctx, CTX_PROCESS,
			"that the tracepoint disabled preemption is not its caller's doing");
	}
	cr_expect_eq(importing_event(&in, 0)->op.size, 100);
	cr_expect_eq(importing_event(&in, 0)->op.size_alloc, 128);
	cr_expect_eq(importing_event(&in, 0)->op.gfp, GFP_KERNEL);
	cr_expect_eq(importing_event(&in, 0)->op.node, -1);
	cr_expect_str_eq(importing_event(&in, 0)->call_site, "0xffffffff81234560");
	cr_expect_eq(in.meta.bytes_requested, 100 + 7 + 3000);
	cr_expect_eq(in.meta.bytes_allocated, 128 + 8 + 4096);
	cr_expect_eq(in.meta.lost, 3);
	cr_expect_eq(in.meta.lines, 6);
	cr_expect_str_eq(in.meta.tool, "perf");
	importing_end(&in);
}

Test(import_perf, buffers_of_several_cpus_are_put_in_order_of_time)
{
	size_t data_end;
	struct maker m = two_cpus(false, false, &data_end);

	if (!perf_supported())
		cr_skip_test("libtraceevent is not there");
	expect_two_cpus(&m);
	free(m.data);
}

Test(import_perf, pipe_form_and_the_other_byte_order_give_the_same)
{
	if (!perf_supported())
		cr_skip_test("libtraceevent is not there");
	for (int i = 1; i < 4; i++) {
		size_t data_end;
		struct maker m = two_cpus(i & 1, i & 2, &data_end);

		expect_two_cpus(&m);
		free(m.data);
	}
}

Test(import_perf, cut_anywhere_it_is_one_error_that_says_how_many_events_there_were, .timeout = 120)
{
	size_t data_end;
	struct maker m = two_cpus(false, false, &data_end);
	struct imported in;
	struct err err;

	if (!perf_supported())
		cr_skip_test("libtraceevent is not there");
	for (size_t len = 9; len < m.len; len += 1 + len / 8) {
		err = (struct err){ 0 };
		cr_expect_eq(import_maker(&in, &m, len, &err), -(int)ERR_TRACE, "cut at %zu", len);
		cr_expect(strstr(err.text, "cut off or damaged") && strstr(err.text, " events;"), "cut at %zu: %s", len,
			err.text);
		cr_expect_neq(access(in.path, F_OK), 0);
	}
	/* Within the last record: all six samples were there, with nothing to tell what they mean. */
	err = (struct err){ 0 };
	cr_expect_eq(import_maker(&in, &m, data_end - 4, &err), -(int)ERR_TRACE);
	cr_expect(strstr(err.text, "ends within a record, after 6 events"), "%s", err.text);
	free(m.data);
}

Test(import_perf, damaged_bytes_are_never_more_than_an_error, .timeout = 120)
{
	size_t data_end;
	struct maker m = two_cpus(false, false, &data_end);
	struct imported in;

	if (!perf_supported())
		cr_skip_test("libtraceevent is not there");
	for (size_t at = 8; at < m.len; at += 53) {
		struct err err = { 0 };
		unsigned char was = m.data[at];

		m.data[at] ^= 0xff;
		if (import_maker(&in, &m, m.len, &err) == 0)
			importing_end(&in);
		else
			cr_expect_eq(err.code, ERR_TRACE, "byte %zu: %s", at, err.text);
		m.data[at] = was;
	}
	free(m.data);
}

Test(import_perf, compressed_records_and_recordings_without_trace_events_are_refused_with_advice)
{
	struct maker m = maker_begin(false, false);
	struct imported in;
	struct err err = { 0 };
	size_t at;

	if (!perf_supported())
		cr_skip_test("libtraceevent is not there");
	maker_kmalloc(&m, 1000, 0, 10, BASE, 1, 8);
	maker_finish(&m, false);
	cr_expect_eq(import_maker(&in, &m, m.len, &err), -(int)ERR_TRACE);
	cr_expect(strstr(err.text, "holds no trace events"), "%s", err.text);
	free(m.data);
	m = maker_begin(false, false);
	at = maker_record(&m, 81);
	maker_u64(&m, 0);
	maker_end_record(&m, at);
	maker_finish(&m, true);
	cr_expect_eq(import_maker(&in, &m, m.len, &err), -(int)ERR_TRACE);
	cr_expect(strstr(err.text, "compressed"), "%s", err.text);
	free(m.data);
}

/* More keys than are kept at once: runs in a temporary file, merged. */
Test(import_perf, sorting_keeps_the_order_of_equal_times_and_needs_no_more_memory_for_more_events)
{
	struct perf_order o;
	struct perf_key key, last = { 0 };
	struct err err = { 0 };
	uint64_t random = 1, nr = 0, sum = 0;

	perf_order_init(&o, "-", 100);
	for (uint64_t at = 1; at <= 12345; at++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		cr_assert_eq(perf_order_add(&o, random >> 54, at, &err), 0, "%s", err.text);
		sum += at;
	}
	cr_assert_eq(perf_order_sort(&o, &err), 0, "%s", err.text);
	cr_expect_eq(o.nr_runs, 124);
	while (perf_order_next(&o, &key, &err) > 0) {
		cr_expect(key.time_ns > last.time_ns || (key.time_ns == last.time_ns && key.at > last.at));
		last = key;
		nr++;
		sum -= key.at;
	}
	cr_expect_eq(nr, 12345);
	cr_expect_eq(sum, 0);
	perf_order_fini(&o);
}

/* The number in the output of `perf kmem stat` behind @title. */
static uint64_t stat_of(const char *text, const char *title)
{
	const char *p = strstr(text, title);

	return p ? strtoull(p + strlen(title), NULL, 10) : UINT64_MAX;
}

static size_t output_of(const char *command, const char *path, char *out, size_t size)
{
	char line[512];
	FILE *pipe;
	size_t len;

	snprintf(line, sizeof(line), command, path);
	pipe = popen(line, "r");
	len = pipe ? fread(out, 1, size - 1, pipe) : 0;
	out[len] = 0;
	if (pipe)
		pclose(pipe);
	return len;
}

Test(import_perf, bytes_agree_with_perf_kmem_stat_and_events_with_perf_script, .timeout = 60)
{
	static char text[1 << 16];
	size_t data_end;
	struct maker m = two_cpus(false, false, &data_end);
	struct imported in, from_text;
	struct err err = { 0 };
	char path[64];

	if (!perf_supported() || system("perf --version >/dev/null 2>&1"))
		cr_skip_test("perf or libtraceevent is not there");
	importing_file(path, m.data, m.len);
	output_of("perf kmem -i %s --slab stat 2>&1", path, text, sizeof(text));
	cr_assert_eq(import_maker(&in, &m, m.len, &err), 0, "%s", err.text);
	cr_expect_eq(in.meta.bytes_requested, stat_of(text, "Total bytes requested: "), "%s", text);
	cr_expect_eq(in.meta.bytes_allocated, stat_of(text, "Total bytes allocated: "));
	cr_expect_eq(in.meta.bytes_allocated - in.meta.bytes_requested,
		stat_of(text, "Total bytes wasted on internal fragmentation: "));
	cr_assert_gt(output_of("perf script --ns -F comm,tid,cpu,time,event,trace -i %s 2>/dev/null", path, text,
			     sizeof(text)),
		0);
	from_text = importing_text(text);
	cr_assert_eq(in.nr, from_text.nr);
	for (size_t i = 0; i < in.nr; i++) {
		const struct imported_event *a = &in.events[i], *b = &from_text.events[i];

		cr_expect(a->time_ns == b->time_ns && a->op.kind == b->op.kind && a->where == b->where &&
			  a->who.cpu == b->who.cpu && a->who.pid == b->who.pid && !strcmp(a->comm, b->comm),
			"event %zu differs: %s and %s", i, a->comm, b->comm);
	}
	importing_end(&from_text);
	importing_end(&in);
	unlink(path);
	free(m.data);
}
