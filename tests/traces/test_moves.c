/* Blocks that moved inside the allocator: written and read, in ranges, damaged, and found in recordings. */
#include "tests/traces/importing.h"
#include "tests/traces/random_trace.h"

enum { NR_EVENTS = 600, NR_MOVES = 2000, BLOCK = 100 };

struct moves_file {
	char *path;
	struct trace_move moves[NR_MOVES];
	uint32_t nr;
};

/* Runs as a recording has them, and blocks that have nothing to do with each other. */
static struct trace_move random_move(struct rng *rng, const struct trace_move *last, uint64_t before)
{
	struct trace_move move = *last;

	move.before = before;
	if (rng_below(rng, 3)) {
		move.pfn += 1ull << move.order;
		move.entry++;
		return move;
	}
	move.pfn = rng_next(rng) >> rng_below(rng, 64);
	move.entry = (uint32_t)(rng_next(rng) >> (32 + rng_below(rng, 32)));
	move.cpu = (uint16_t)(rng_below(rng, 2) ? 0 : rng_next(rng) >> 48);
	move.order = (uint8_t)rng_below(rng, 11);
	move.kind = rng_below(rng, NR_MOVE_KINDS) & 0xf;
	move.mt = rng_below(rng, 16) & 0xf;
	return move;
}

static void write_moves(struct moves_file *f, uint64_t seed)
{
	struct trace_writer_options options = { .block_events = BLOCK, .recorded = true };
	struct trace_meta meta = { .page_size = 4096, .cpus = 1 };
	struct trace_move last = { .pfn = 77 };
	struct trace_writer *w;
	struct rng rng;
	struct err err;

	rng_init(&rng, seed, "moves");
	f->path = scratch_path();
	f->nr = 0;
	cr_assert_eq(trace_writer_open(&w, f->path, &options, &err), 0, "%s", err.text);
	for (uint32_t i = 0; i < NR_EVENTS; i++) {
		struct trace_op op = { .kind = KIND_MARKER, .node = -1 };
		struct trace_event e = { .time_ns = i, .slot = SLOT_NONE };

		while (f->nr < NR_MOVES && rng_below(&rng, 4)) {
			last = f->moves[f->nr++] = random_move(&rng, &last, i);
			cr_assert_eq(trace_writer_move(w, &last, &err), 0);
		}
		e.op = trace_writer_op(w, &op);
		e.who = trace_writer_who(w, &(struct trace_who){ 0 });
		cr_assert_eq(trace_writer_event(w, &e, &err), 0);
	}
	cr_assert_eq(trace_writer_close(w, &meta, &err), 0, "%s", err.text);
	trace_meta_fini(&meta);
}

static bool same_move(const struct trace_move *a, const struct trace_move *b)
{
	return a->before == b->before && a->pfn == b->pfn && a->entry == b->entry && a->cpu == b->cpu &&
		a->order == b->order && a->kind == b->kind && a->mt == b->mt;
}

/*
 * Holds what the reader gives against the written moves of
 * events @first .. @end - 1. Return: how many, -1 on an error.
 */
static int64_t compare(const struct moves_file *f, const struct trace_reader_options *options, uint64_t first,
	uint64_t end)
{
	struct trace_reader *r;
	struct trace_batch b;
	struct err err;
	uint32_t next = 0, nr = 0;
	int ret;

	if (trace_open(&r, f->path, options, &err) < 0)
		return -1;
	while (next < f->nr && f->moves[next].before < first)
		next++;
	while ((ret = trace_next(r, &b, &err)) > 0) {
		for (uint32_t i = 0; i < b.nr_moves; i++, nr++, next++) {
			cr_assert(next < f->nr && f->moves[next].before < end);
			cr_assert(same_move(&b.moves[i], &f->moves[next]), "move %u differs", next);
			cr_assert(b.moves[i].before >= b.first_event && b.moves[i].before <= b.first_event + b.nr);
		}
	}
	trace_close(r);
	return ret < 0 ? -1 : (int64_t)nr;
}

static uint32_t count_between(const struct moves_file *f, uint64_t first, uint64_t end)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < f->nr; i++)
		nr += f->moves[i].before >= first && f->moves[i].before < end;
	return nr;
}

Test(moves, come_back_as_they_were_written)
{
	static struct moves_file f;

	for (uint64_t seed = 1; seed < 20; seed++) {
		write_moves(&f, seed);
		cr_expect_eq(compare(&f, &(struct trace_reader_options){ .recorded = true, .moves = true }, 0,
				     NR_EVENTS),
			f.nr);
		cr_expect_eq(compare(&f,
				     &(struct trace_reader_options){ .recorded = true, .moves = true, .thread = true },
				     0, NR_EVENTS),
			f.nr);
		cr_expect_eq(compare(&f, &(struct trace_reader_options){ .recorded = true }, 0, 0), 0, "not asked for");
		cr_expect_eq(compare(&f, &(struct trace_reader_options){ .moves = true }, 0, 0), 0, "not asked for");
		unlink(f.path);
		free(f.path);
	}
}

Test(moves, of_a_range_are_those_in_front_of_its_events)
{
	static struct moves_file f;

	write_moves(&f, 3);
	for (uint64_t skip = 0; skip < NR_EVENTS; skip += 37) {
		struct trace_reader_options options = { .recorded = true, .moves = true, .skip = skip, .limit = 130 };
		uint64_t end = skip + 130 < NR_EVENTS ? skip + 130 : NR_EVENTS;

		cr_expect_eq(compare(&f, &options, skip, end), count_between(&f, skip, end));
	}
	unlink(f.path);
	free(f.path);
}

/* Whatever is wrong, what comes is what was written, or nothing. */
Test(moves, of_a_cut_or_damaged_file_are_told_or_refused)
{
	static struct moves_file f;
	struct trace_reader_options options = { .recorded = true, .moves = true };
	FILE *file;
	char *bytes;
	long len;

	write_moves(&f, 5);
	file = fopen(f.path, "rb");
	fseek(file, 0, SEEK_END);
	len = ftell(file);
	rewind(file);
	bytes = malloc((size_t)len);
	cr_assert_eq(fread(bytes, 1, (size_t)len, file), (size_t)len);
	fclose(file);
	for (long cut = 0; cut < len; cut += 1 + len / 150) {
		file = fopen(f.path, "wb");
		fwrite(bytes, 1, (size_t)cut, file);
		fclose(file);
		compare(&f, &options, 0, NR_EVENTS);
		bytes[cut] ^= 0x10;
		file = fopen(f.path, "wb");
		fwrite(bytes, 1, (size_t)len, file);
		fclose(file);
		compare(&f, &options, 0, NR_EVENTS);
		bytes[cut] ^= 0x10;
	}
	unlink(f.path);
	free(f.path);
	free(bytes);
}

#define LINE(rest) "init-1 [000] ..... 1.000000000: " rest "\n"
#define MOVED(event, pfn, more) LINE(event ": page=0x1 pfn=" pfn " order=1 migratetype=2" more)

Test(moves, of_a_recording_stand_in_front_of_the_event_that_follows)
{
	static const struct trace_move want[] = {
		{ .before = 0, .pfn = 0x20, .entry = 1, .order = 1, .mt = 2, .kind = MOVE_REFILL },
		{ .before = 0, .pfn = 0x22, .entry = 2, .order = 1, .mt = 2, .kind = MOVE_TAKE },
		{ .before = 1, .pfn = 0x24, .entry = 5, .order = 1, .mt = 2, .kind = MOVE_DRAIN },
		{ .before = 1, .entry = 6, .kind = MOVE_SLEEP },
		{ .before = 1, .pfn = 0x26, .entry = 7, .kind = MOVE_BATCHED },
	};
	struct imported in = importing_text(MOVED("mm_page_alloc_zone_locked", "0x20", " percpu_refill=1")
			MOVED("mm_page_alloc_zone_locked", "0x22", " percpu_refill=0") MOVED("mm_page_pcpu_drain",
				"0x0", "") LINE("mm_page_alloc: page=0x1 pfn=0x20 order=1 gfp_flags=GFP_KERNEL")
				MOVED("mm_page_pcpu_drain", "0x24", "") LINE("mm_compaction_kcompactd_sleep: nid=0")
					LINE("mm_page_free_batched: page=0x1 pfn=0x26 order=0")
						LINE("mm_page_free: page=0x1 pfn=0x20 order=1"));
	struct trace_reader_options options = { .recorded = true, .moves = true };
	struct trace_reader *r;
	struct trace_batch b;
	struct err err;
	uint32_t nr = 0;

	cr_assert_eq(trace_open(&r, in.path, &options, &err), 0, "%s", err.text);
	while (trace_next(r, &b, &err) > 0)
		for (uint32_t i = 0; i < b.nr_moves; i++, nr++)
			cr_expect(nr < 5 && same_move(&b.moves[i], &want[nr]), "move %u", nr);
	cr_expect_eq(nr, 5);
	trace_close(r);
	importing_end(&in);
}

#define SLEEPS(time) "kcompactd0-28 [000] ..... " time ": mm_compaction_kcompactd_sleep: nid=0\n"

Test(moves, of_kcompactd_the_header_has_when_it_first_went_to_sleep)
{
	static const char *const texts[] = { LINE("mm_page_free: page=0x1 pfn=0x20 order=1"),
		SLEEPS("1.597051") SLEEPS("2.114139") LINE("mm_page_free: page=0x1 pfn=0x20 order=1") };
	static const ns_t want[] = { 0, 1597051000 };

	for (int i = 0; i < 2; i++) {
		struct imported in = importing_text(texts[i]);
		struct trace_reader *r;
		struct err err;

		cr_assert_eq(trace_open(&r, in.path, NULL, &err), 0, "%s", err.text);
		cr_expect_eq(trace_meta(r)->kcompactd_sleep_ns, want[i]);
		trace_close(r);
		importing_end(&in);
	}
}
