#include <fcntl.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "tests/traces/random_trace.h"
#include "traces/header.h"
#include "traces/section.h"

#define MAX_FILE (4u << 20)

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN true
#elif defined(__has_feature)
#define UNDER_ASAN __has_feature(address_sanitizer)
#else
#define UNDER_ASAN false
#endif

static size_t read_file(const char *path, uint8_t *data)
{
	FILE *f = fopen(path, "rb");
	size_t len = f ? fread(data, 1, MAX_FILE, f) : 0;

	cr_assert(f && len < MAX_FILE);
	fclose(f);
	return len;
}

static void write_file(const char *path, const uint8_t *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	cr_assert(f && fwrite(data, 1, len, f) == len);
	fclose(f);
}

Test(trace_file, gives_back_every_event_of_random_traces)
{
	static const uint32_t block_sizes[] = { 1, 7, 100, 4096, 0 };
	char *path = scratch_path();

	for (uint64_t seed = 0; seed < 40; seed++) {
		struct random_trace t =
			random_trace_write(path, seed, (uint32_t)(seed * 97), block_sizes[seed % 5], seed & 1);
		struct trace_reader_options options = { .thread = seed & 2, .recorded = seed & 4 };
		bool damaged;

		cr_assert_eq(read_and_compare(path, &options, &t, 0, &damaged), t.nr_events, "seed %u",
			(unsigned int)seed);
		cr_assert(!damaged, "seed %u", (unsigned int)seed);
		random_trace_fini(&t);
	}
	unlink(path);
	free(path);
}

Test(trace_file, header_and_tables_come_back)
{
	char *path = scratch_path();
	struct random_trace t = random_trace_write(path, 5, 1000, 300, false);
	struct trace_reader *r;
	struct err err;
	uint64_t counted = 0;
	char hex[SHA256_HEX_SIZE];

	cr_assert_eq(trace_open(&r, path, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(trace_meta(r)->events, 1000);
	cr_assert_eq(trace_meta(r)->prologue_events, 100);
	cr_assert_str_eq(trace_meta(r)->kernel, "6.1.0-test");
	cr_assert_null(trace_meta(r)->arch);
	cr_assert_eq(trace_counts_total(&trace_meta(r)->ignored), 3);
	cr_assert_eq(trace_meta(r)->cache_pages, 48057);
	cr_assert_eq(trace_meta(r)->cache_pages_reused, 17619);
	cr_assert_eq(trace_meta(r)->first_ns, t.events[0].time_ns);
	cr_assert_eq(trace_meta(r)->last_ns, t.events[999].time_ns);
	cr_assert_eq(trace_sizes(r)->blocks, 4);
	for (uint32_t i = 0; i < trace_tables(r)->nr_ops; i++)
		counted += trace_tables(r)->op_counts[i];
	cr_assert_eq(counted, 1000);
	cr_assert_eq(trace_sha256(r, hex, &err), 0);
	cr_assert_eq(strlen(hex), 64);
	trace_close(r);
	random_trace_fini(&t);
	unlink(path);
	free(path);
}

/*
 * A file's header is not to be trusted: shares are made of
 * these numbers. What an older file does not say is not known.
 */
Test(trace_file, a_page_cache_that_cannot_be_is_refused_and_a_missing_one_is_not_known)
{
	static const struct {
		const char *members;
		bool fits;
		uint64_t pages, reused;
	} cases[] = {
		{ "", true, 0, 0 },
		{ ",\"cache_pages\":2048", true, 2048, 0 },
		{ ",\"cache_pages\":2048,\"cache_pages_reused\":2048", true, 2048, 2048 },
		{ ",\"cache_pages\":4294967295,\"cache_pages_reused\":1", true, UINT32_MAX, 1 },
		{ ",\"cache_pages\":-1,\"cache_pages_reused\":-1", true, 0, 0 },
		{ ",\"cache_pages\":2048,\"cache_pages_reused\":2049", false, 0, 0 },
		{ ",\"cache_pages_reused\":1", false, 0, 0 },
		{ ",\"cache_pages\":4294967296,\"cache_pages_reused\":1", false, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct header_sizes sizes;
		struct trace_meta meta;
		struct err err = { 0 };
		char json[256];

		snprintf(json, sizeof(json), "{\"kmemsim_trace\":1%s}", cases[i].members);
		cr_assert_eq(header_parse(json, strlen(json), &meta, &sizes, &err), cases[i].fits ? 0 : -(int)ERR_TRACE,
			"%s", json);
		cr_assert_eq(meta.cache_pages, cases[i].pages, "%s", json);
		cr_assert_eq(meta.cache_pages_reused, cases[i].reused, "%s", json);
		cr_assert(cases[i].fits || strstr(err.text, "cache_pages"), "%s", err.text);
		trace_meta_fini(&meta);
	}
}

/* gzip's own check, and the header as the first line of what comes out. */
Test(trace_file, gzip_accepts_it_and_shows_the_header)
{
	char *path = scratch_path(), command[256], line[64];
	struct random_trace t = random_trace_write(path, 3, 2000, 256, true);
	FILE *pipe;

	snprintf(command, sizeof(command), "gzip -t <%s", path);
	cr_assert_eq(system(command), 0);
	snprintf(command, sizeof(command), "gzip -dc <%s", path);
	pipe = popen(command, "r");
	cr_assert(pipe && fgets(line, sizeof(line), pipe));
	cr_assert_eq(strncmp(line, "{\"kmemsim_trace\":1,", 19), 0, "%s", line);
	while (fgets(line, sizeof(line), pipe))
		;
	pclose(pipe);
	random_trace_fini(&t);
	unlink(path);
	free(path);
}

/* Number of events in whole blocks in the first @len bytes, and whether anything is missing. */
static uint32_t whole_events(const char *path, size_t len)
{
	struct section s;
	struct err err;
	uint32_t events = 0;
	int fd = open(path, O_RDONLY);

	for (uint64_t at = 0; section_read_head(fd, len, at, &s, &err) > 0; at = section_end(&s))
		if (s.type == SECTION_EVENTS)
			events += s.nr_events;
	close(fd);
	return events;
}

Test(trace_file, cut_anywhere_gives_the_whole_blocks_and_says_that_it_is_cut)
{
	static uint8_t data[MAX_FILE];
	char *path = scratch_path();
	struct random_trace t = random_trace_write(path, 11, 900, 100, true);
	size_t len = read_file(path, data);
	uint64_t at = 0;
	struct section s;
	struct err err;
	size_t first_block = 0;

	for (int fd = open(path, O_RDONLY); section_read_head(fd, len, at, &s, &err) > 0; at = section_end(&s))
		if (s.type == SECTION_PROLOGUE || s.type == SECTION_EVENTS) {
			first_block = first_block ? first_block : at;
		}
	for (size_t cut = 0; cut < len; cut += 1 + cut % 61) {
		struct trace_reader_options options = { .thread = cut & 1 };
		bool damaged;
		int64_t got;

		write_file(path, data, cut);
		got = read_and_compare(path, &options, &t, 0, &damaged);
		if (got < 0)
			cr_assert_lt(cut, first_block, "cut at %zu", cut);
		else
			cr_assert_eq(got, whole_events(path, cut), "cut at %zu", cut);
		if (got >= 0 && got < 900)
			cr_assert(damaged, "cut at %zu", cut);
	}
	random_trace_fini(&t);
	unlink(path);
	free(path);
}

Test(trace_file, a_flipped_bit_is_noticed_or_harmless)
{
	static uint8_t data[MAX_FILE];
	char *path = scratch_path();
	struct random_trace t = random_trace_write(path, 12, 400, 100, true);
	size_t len = read_file(path, data);
	unsigned int noticed = 0, tried = 0;

	for (size_t bit = 0; bit < 8 * len; bit += 1 + bit % 211) {
		struct trace_reader_options options = { .recorded = bit & 1 };
		bool damaged;
		int64_t got;

		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_file(path, data, len);
		got = read_and_compare(path, &options, &t, 0, &damaged);
		cr_assert(got < 0 || damaged || got == 400, "bit %zu", bit);
		noticed += got < 0 || damaged;
		tried++;
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/*
	 * Only the spare fields of gzip headers, the index and, in
	 * half of the tries, the recorded columns are harmless.
	 */
	cr_assert_gt(noticed, tried / 2);
	random_trace_fini(&t);
	unlink(path);
	free(path);
}

/* The wanted range of the events, found by looking at each. */
static uint32_t wanted(const struct random_trace *t, const struct trace_reader_options *o, uint32_t *first)
{
	uint32_t start = 0, end = t->nr_events;

	while (start < end && t->events[start].time_ns < o->from_ns)
		start++;
	while (o->to_ns && end > start && t->events[end - 1].time_ns >= o->to_ns)
		end--;
	start = o->skip < end - start ? start + (uint32_t)o->skip : end;
	*first = start;
	return o->limit && o->limit < end - start ? (uint32_t)o->limit : end - start;
}

Test(trace_file, from_to_skip_and_limit_give_what_a_search_by_hand_gives)
{
	static uint8_t data[MAX_FILE];
	char *path = scratch_path();
	struct random_trace t = random_trace_write(path, 21, 2000, 64, false);
	size_t len = read_file(path, data);
	struct rng rng;

	rng_init(&rng, 1, "ranges");
	for (unsigned int i = 0; i < 600; i++) {
		struct trace_reader_options o = { .thread = i & 1 };
		uint32_t first, nr;
		bool damaged;

		/* The second half has no index: its trailer is cut off. */
		if (i == 300)
			write_file(path, data, len - TRAILER_BYTES);
		if (rng_below(&rng, 2))
			o.from_ns = t.events[rng_below(&rng, 2000)].time_ns + rng_below(&rng, 3) - 1;
		if (rng_below(&rng, 2))
			o.to_ns = t.events[rng_below(&rng, 2000)].time_ns + rng_below(&rng, 3) - 1;
		if (rng_below(&rng, 2))
			o.skip = rng_below(&rng, rng_below(&rng, 2) ? 2500 : 70);
		if (rng_below(&rng, 2))
			o.limit = rng_below(&rng, 500);
		nr = wanted(&t, &o, &first);
		cr_assert_eq(read_and_compare(path, &o, &t, first, &damaged), nr, "range %u", i);
		cr_assert(!damaged);
	}
	random_trace_fini(&t);
	unlink(path);
	free(path);
}

/* Append a section with that payload. */
static void put_section(FILE *f, unsigned int type, const char *payload)
{
	struct packer *p = packer_create(1);
	struct section s = { .type = type };
	const struct bytes *member;

	packer_add(p, payload, strlen(payload), false);
	cr_assert_eq(packer_finish(p, &s, &member), 0);
	cr_assert_eq(fwrite(member->data, 1, member->len, f), member->len);
	packer_destroy(p);
}

Test(trace_file, sections_of_a_later_version_are_skipped)
{
	static uint8_t data[MAX_FILE];
	char *path = scratch_path();
	struct random_trace t = random_trace_write(path, 31, 500, 50, true);
	struct trace_reader_options options = { .recorded = false };
	size_t len = read_file(path, data);
	int fd = open(path, O_RDONLY);
	char *other = scratch_path();
	FILE *f = fopen(other, "wb");
	struct section s;
	struct err err;
	bool damaged;

	for (uint64_t at = 0; section_read_head(fd, len, at, &s, &err) > 0 && s.type != SECTION_INDEX;
		at = section_end(&s)) {
		cr_assert_eq(fwrite(data + at, 1, section_end(&s) - at, f), section_end(&s) - at);
		put_section(f, 99, "something new");
	}
	fclose(f);
	close(fd);
	cr_assert_eq(read_and_compare(other, &options, &t, 0, &damaged), 500);
	cr_assert(!damaged);
	random_trace_fini(&t);
	unlink(path);
	unlink(other);
	free(path);
	free(other);
}

/* Copy the sections of @from before its index, without the RECORDED behind PROLOGUE: what version 1.0 wrote. */
static void copy_as_1_0(const char *from, const char *to)
{
	static uint8_t data[MAX_FILE];
	size_t len = read_file(from, data);
	FILE *f = fopen(to, "wb");
	unsigned int before = 0;
	struct section s;
	struct err err;
	int fd = open(from, O_RDONLY);

	for (uint64_t at = 0; section_read_head(fd, len, at, &s, &err) > 0 && s.type != SECTION_INDEX;
		at = section_end(&s)) {
		if (s.type != SECTION_RECORDED || before == SECTION_EVENTS)
			cr_assert_eq(fwrite(data + at, 1, section_end(&s) - at, f), section_end(&s) - at);
		before = s.type;
	}
	fclose(f);
	close(fd);
}

Test(trace_file, recorded_columns_that_version_1_0_did_not_have_are_null)
{
	struct trace_writer_options options = { .recorded = true };
	struct trace_reader_options reading = { .recorded = true };
	struct trace_event e = { .slot = SLOT_NONE, .recorded = { .where = 5 } };
	struct trace_op op = { .kind = KIND_GET_CPU, .node = -1 };
	struct trace_meta meta = { 0 };
	struct trace_who who = { 0 };
	char *path = scratch_path(), *old = scratch_path();
	struct trace_writer *w;
	struct trace_reader *r;
	struct trace_batch b;
	struct err err;

	cr_assert_eq(trace_writer_open(&w, path, &options, &err), 0);
	e.op = trace_writer_op(w, &op);
	e.who = trace_writer_who(w, &who);
	cr_assert_eq(trace_writer_prologue(w, &e, &err), 0);
	cr_assert_eq(trace_writer_event(w, &e, &err), 0);
	cr_assert_eq(trace_writer_close(w, &meta, &err), 0);
	copy_as_1_0(path, old);
	cr_assert_eq(trace_open(&r, old, &reading, &err), 0, "%s", err.text);
	cr_assert_eq(trace_next(r, &b, &err), 1);
	cr_assert(b.prologue && !b.where && !b.ctx && !b.entry && !b.moved);
	cr_assert_eq(trace_next(r, &b, &err), 1);
	cr_assert(!b.prologue && !b.entry && !b.moved);
	cr_assert_eq(b.where[0], 5);
	cr_assert_eq(trace_next(r, &b, &err), 0);
	trace_close(r);
	trace_meta_fini(&meta);
	unlink(path);
	unlink(old);
	free(path);
	free(old);
}

/*
 * Whether a thread has begun to decode them or not, the batch
 * after the one at hand has them still, and no later one.
 */
Test(trace_file, recorded_columns_nobody_wants_any_more_end_two_batches_later)
{
	char *path = scratch_path();
	struct random_trace t = random_trace_write(path, 1, 1000, 100, true);

	for (int thread = 0; thread < 2; thread++) {
		struct trace_reader_options options = { .thread = thread, .recorded = true };
		struct trace_reader *r;
		struct trace_batch b;
		uint64_t events = 0;
		uint32_t with = 0;
		struct err err;

		cr_assert_eq(trace_open(&r, path, &options, &err), 0, "%s", err.text);
		while (trace_next(r, &b, &err) > 0) {
			if (b.prologue)
				continue;
			cr_assert_eq(b.where != NULL, events < 400, "event %u", (unsigned int)events);
			with += b.where != NULL;
			events += b.nr;
			if (with == 3 && b.where)
				trace_spare_recorded(r);
		}
		cr_assert_eq(events, t.nr_events);
		trace_close(r);
	}
	random_trace_fini(&t);
	unlink(path);
	free(path);
}

static void expect_refused(const char *path, const char *why)
{
	struct trace_reader *r;
	struct err err = { 0 };

	cr_assert_eq(trace_open(&r, path, NULL, &err), -(int)ERR_TRACE);
	cr_assert_not_null(strstr(err.text, why), "\"%s\" does not say \"%s\"", err.text, why);
}

Test(trace_file, what_is_no_trace_is_refused_and_said_what_it_looks_like)
{
	char *path = scratch_path();
	FILE *f;

	expect_refused(path, "the file is empty");
	write_file(path, (const uint8_t *)"\x17\x08\x44tracing", 10);
	expect_refused(path, "a trace-cmd recording");
	write_file(path, (const uint8_t *)"hello world", 11);
	expect_refused(path, "not a kmemsim trace (starts with \"hello world\")");
	f = fopen(path, "wb");
	put_section(f, SECTION_HEADER, "{\"kmemsim_trace\":2,\"minor\":3}\n");
	fclose(f);
	expect_refused(path, "made by a newer version");
	f = fopen(path, "wb");
	put_section(f, SECTION_HEADER, "{\"kmemsim_trace\":1}\n");
	fclose(f);
	expect_refused(path, "the file is cut off");
	unlink(path);
	free(path);
}

Test(trace_file, nothing_is_left_when_the_writer_gives_up_or_fails)
{
	char *path = scratch_path();
	struct trace_writer *w;
	struct trace_event e = { .time_ns = 5 };
	struct trace_op op = { .kind = KIND_GET_CPU, .node = -1 };
	struct trace_who who = { 0 };
	struct err err;

	unlink(path);
	cr_assert_eq(trace_writer_open(&w, path, NULL, &err), 0);
	e.op = trace_writer_op(w, &op);
	e.who = trace_writer_who(w, &who);
	e.slot = SLOT_NONE;
	cr_assert_eq(trace_writer_event(w, &e, &err), 0);
	e.time_ns = 4;
	cr_assert_eq(trace_writer_event(w, &e, &err), -(int)ERR_TRACE);
	trace_writer_abort(w);
	cr_assert_eq(access(path, F_OK), -1);
	cr_assert_lt(trace_writer_open(&w, "/nowhere/at/all.kmt", NULL, &err), 0);
	cr_assert_eq(err.code, ERR_IO);
	free(path);
}

Test(trace_file, a_full_disk_is_an_error_with_the_name)
{
	struct trace_writer *w;
	struct trace_meta meta = { 0 };
	struct err err;

	if (access("/dev/full", W_OK) < 0)
		cr_skip_test("no /dev/full here");
	cr_assert_eq(trace_writer_open(&w, "/dev/full", NULL, &err), 0, "%s", err.text);
	cr_assert_eq(trace_writer_close(w, &meta, &err), -(int)ERR_IO);
	cr_assert_not_null(strstr(err.text, "/dev/full"), "%s", err.text);
	trace_meta_fini(&meta);
}

/* Resident memory of this process, KiB. */
static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	cr_assert(f && fscanf(f, "%*d %ld", &pages) == 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* 2 million events are some 80 MB in memory; writing and reading them takes a few blocks of 4096. */
Test(trace_file, memory_does_not_grow_with_the_trace)
{
	struct trace_writer_options options = { .block_events = 4096, .level = 1 };
	struct trace_reader_options reading = { .thread = true };
	struct trace_op op = { .kind = KIND_INB, .node = -1 };
	struct trace_meta meta = { 0 };
	struct trace_who who = { 0 };
	struct trace_event e = { .slot = SLOT_NONE };
	char *path = scratch_path();
	struct trace_writer *w;
	struct trace_reader *r;
	struct trace_batch b;
	struct err err;
	uint64_t nr = 0;
	long before = resident_kib();

	cr_assert_eq(trace_writer_open(&w, path, &options, &err), 0);
	e.op = trace_writer_op(w, &op);
	e.who = trace_writer_who(w, &who);
	for (uint32_t i = 0; i < 2000000; i++) {
		e.time_ns += i % 1000;
		e.value = i;
		cr_assert_eq(trace_writer_event(w, &e, &err), 0);
	}
	cr_assert_eq(trace_writer_close(w, &meta, &err), 0);
	cr_assert_eq(trace_open(&r, path, &reading, &err), 0);
	while (trace_next(r, &b, &err) > 0)
		nr += b.nr;
	cr_assert_eq(nr, 2000000);
	/* AddressSanitizer keeps freed memory back. */
	if (!UNDER_ASAN)
		cr_assert_lt(resident_kib() - before, 20000);
	trace_close(r);
	trace_meta_fini(&meta);
	unlink(path);
	free(path);
}
