#include <fcntl.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "tests/traces/random_trace.h"
#include "traces/section.h"

#define MAX_FILE (4u << 20)

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
		struct random_trace t = random_trace_write(path, seed, (uint32_t)(seed * 97), block_sizes[seed % 5], seed & 1);
		struct trace_reader_options options = { .thread = seed & 2, .recorded = seed & 4 };
		bool damaged;

		cr_assert_eq(read_and_compare(path, &options, &t, 0, &damaged), t.nr_events, "seed %u", (unsigned int)seed);
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
	for (size_t cut = 0; cut < len; cut += 1 + cut % 37) {
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

	for (size_t bit = 0; bit < 8 * len; bit += 1 + bit % 61) {
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
	/* Only the spare fields of gzip headers, the index and, in half of the tries, the recorded columns are harmless. */
	cr_assert_gt(noticed, tried / 2);
	random_trace_fini(&t);
	unlink(path);
	free(path);
}
