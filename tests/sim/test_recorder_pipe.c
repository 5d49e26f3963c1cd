/* sim/recorder_pipe: recorder calls through a pipe and out again. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/recorder_pipe.h"
#include "sim/recorder_stream.h"

/* A recorder that writes every call down as text: two that saw the same wrote the same. */
struct notes {
	struct recorder rec;
	char *text;
	size_t len;
	FILE *out;
};

static const char *shown(const char *text)
{
	return text ? text : "NULL";
}

#define NOTE(name, type, ...)                                                                     \
	static int note_##name(struct recorder *rec, const struct type *r, struct err *err)      \
	{                                                                                        \
		(void)err;                                                                       \
		fprintf(((struct notes *)rec)->out, #name " " __VA_ARGS__);                      \
		return 0;                                                                        \
	}
#define U "%llu "
#define N(member) (unsigned long long)r->member
#define T(member) shown(r->member)

NOTE(sample, record_sample, U U "%s %s " U U U U U U U U U U "\n", N(time_ns), N(event_no), T(reason), T(marker),
	N(free_bytes), N(pcp_bytes), N(slab_bytes), N(kmalloc_large_bytes), N(page_bytes), N(vmalloc_bytes),
	N(percpu_bytes), N(slab_waste_bytes), N(kmalloc_waste_bytes), N(live_objects))
NOTE(zone, record_zone, U "%s " U U U U U U U U U U U U "%s " U U U U "\n", N(node), T(zone), N(start_pfn),
	N(spanned_pages), N(present_pages), N(managed_pages), N(free_pages), N(pcp_pages), N(min_pages), N(low_pages),
	N(high_pages), N(boost_pages), N(highatomic_pages), N(max_order), T(protection), N(pcp_high_pages),
	N(pcp_batch_pages), N(stat_threshold), N(node_unreclaimable))
NOTE(free_blocks, record_free_blocks, U "%s %s " U U "\n", N(node), T(zone), T(migratetype), N(order), N(blocks))
NOTE(pageblocks, record_pageblocks, U "%s %s " U "\n", N(node), T(zone), T(migratetype), N(pageblocks))
NOTE(frag, record_frag, U "%s " U "%d %d\n", N(node), T(zone), N(order), r->unusable_milli, r->frag_milli)
NOTE(cache, record_cache, "%s " U U U U U U U U U U U U U U U U U U U U U U U U U "\n", T(cache), N(object_size),
	N(size), N(align), N(objs_per_slab), N(order), N(min_partial), N(cpu_partial), N(active_objs), N(total_objs),
	N(live_objs), N(slabs), N(slab_pages), N(partial), N(cpu_slabs), N(aliases), N(waste_bytes), N(allocs),
	N(frees), N(grown), N(discarded), N(array_limit), N(batchcount), N(shared_factor), N(active_slabs),
	N(shared_avail))
NOTE(row, record_row, U U "%s " U "%s\n", N(table), N(nr_values), r->values[0].text,
	(unsigned long long)r->values[1].number, r->values[2].text ? r->values[2].text : "NULL")
NOTE(extfrag, record_extfrag, "%s %s " U U U U "\n", T(from_migratetype), T(to_migratetype), N(alloc_order),
	N(fallback_order), N(count), N(pageblock_changes))
NOTE(call_site, record_call_site, "%s %s " U U U U U U U U U "\n", T(call_site), T(op), N(count), N(failed),
	N(bytes_req), N(bytes_alloc), N(live), N(live_bytes), N(lifetime_mean_ns), N(lat_mean_ns), N(lat_max_ns))
NOTE(violation, record_violation, U U "%s %s " U "%s %s\n", N(time_ns), N(cpu), T(rule), T(severity), N(event_no),
	T(call_site), T(text))
NOTE(counter, record_counter, "%s %s %s %lld\n", T(mechanism), T(name), T(unit), (long long)r->value)
NOTE(verify_check, record_verify_check, "%s " U U U U U "%s %s\n", T(check), N(checked), N(equal), N(differs),
	N(first_event_no), N(first_time_ns), T(kernel), T(model))
NOTE(verify_zone, record_verify_zone, "%s " U "%s " U U U U U U "\n", T(snapshot), N(node), T(zone), N(order),
	N(free_pages), N(free_pages_real), N(managed_pages), N(blocks), N(blocks_real))
NOTE(verify_cache, record_verify_cache, "%s %s " U U U U "\n", T(snapshot), T(cache), N(slabs), N(slabs_real),
	N(objects), N(objects_real))
NOTE(end, record_end, U "%s " U U U U "\n", N(status), T(error), N(events), N(sim_ns), N(wall_ns), N(fingerprint))

static int note_op(struct recorder *rec, const struct record_op *r, struct err *err)
{
	FILE *out = ((struct notes *)rec)->out;

	(void)err;
	fprintf(out, "op %s%s " U U U U U U U U, r->coarse ? "coarse " : "", T(op), N(count), N(failed), N(bytes_req),
		N(bytes_alloc), N(sleeps), N(latency->count), N(latency->sum), N(latency->max));
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		if (r->latency->buckets[i])
			fprintf(out, "%u:" U, i, N(latency->buckets[i]));
	fputc('\n', out);
	return 0;
}

static int note_begin(struct recorder *rec, const struct record_run *r, struct err *err)
{
	FILE *out = ((struct notes *)rec)->out;

	(void)err;
	fprintf(out, "begin %s %s %s %s %s %s %s %s %s %s %s %s " U U U U U U U "%s ", T(trace), T(trace_sha256),
		T(machine), T(config_yaml), T(config_hash), T(kernel), T(pace), T(cpu_map), T(layer), T(initial),
		T(part), T(sampling), N(seed), N(lost), N(page_size), N(max_order), N(pageblock_order), N(cma), N(cpus),
		T(zones));
	for (size_t i = 0; i < r->nr_params; i++)
		fprintf(out, " %s=%s", r->param_keys[i], r->param_values[i]);
	fputc('\n', out);
	return 0;
}

static void note_close(struct recorder *rec)
{
	struct notes *notes = (struct notes *)rec;

	fclose(notes->out);
	free(notes->text);
}

static const struct recorder_ops note_ops = {
	.begin = note_begin,
	.sample = note_sample,
	.zone = note_zone,
	.free_blocks = note_free_blocks,
	.pageblocks = note_pageblocks,
	.frag = note_frag,
	.cache = note_cache,
	.op = note_op,
	.row = note_row,
	.extfrag = note_extfrag,
	.call_site = note_call_site,
	.violation = note_violation,
	.counter = note_counter,
	.verify_check = note_verify_check,
	.verify_zone = note_verify_zone,
	.verify_cache = note_verify_cache,
	.end = note_end,
	.close = note_close,
};

static void notes_open(struct notes *notes)
{
	*notes = (struct notes){ .rec.ops = &note_ops };
	notes->out = open_memstream(&notes->text, &notes->len);
	cr_assert_not_null(notes->out);
}

/* Distinct numbers in every member, so that no two can be mixed up. */
static void record_everything(struct recorder *rec)
{
	static const char *const keys[] = { "memory", "cpus" }, *const values[] = { "64 MiB", "" };
	struct hist hist = { .count = 3, .sum = 99, .max = UINT64_MAX };
	const struct recorder_ops *ops = rec->ops;

	hist.buckets[0] = 1;
	hist.buckets[HIST_BUCKETS - 1] = 2;
	cr_assert_eq(ops->begin(rec,
			     &(struct record_run){ "t", "s", "m", "c: 1\n", "h", NULL, "p", "c", "l", "i", "part",
				     "often", UINT64_MAX, 2, 3, 4, 5, true, 6, "zones", keys, values, 2, NULL, NULL },
			     NULL),
		0);
	cr_assert_eq(ops->sample(rec, &(struct record_sample){ 1, 2, "start", NULL, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
			     NULL),
		0);
	cr_assert_eq(ops->zone(rec,
			     &(struct record_zone){ 1, "z", 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, "0, 1", 14, 15, 16,
				     17 },
			     NULL),
		0);
	cr_assert_eq(ops->free_blocks(rec, &(struct record_free_blocks){ 1, "z", "Movable", 2, 1ull << 40 }, NULL), 0);
	cr_assert_eq(ops->pageblocks(rec, &(struct record_pageblocks){ 1, "z", "CMA", 77 }, NULL), 0);
	cr_assert_eq(RECORD_ROW(rec, PERCPU_CHUNKS, NULL, RECORD_T("chunk"), RECORD_U(7), RECORD_T(NULL)), 0);
	cr_assert_eq(ops->frag(rec, &(struct record_frag){ 1, "z", 9, 1000, -1000 }, NULL), 0);
	cr_assert_eq(ops->cache(rec,
			     &(struct record_cache){ "", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
				     19, 20, 21, 22, 23, 24, 25 },
			     NULL),
		0);
	cr_assert_eq(ops->op(rec, &(struct record_op){ "kmalloc", 1, 2, 3, 4, 5, &hist, false }, NULL), 0);
	cr_assert_eq(RECORD_ROW(rec, LOCK_STATS, NULL, RECORD_T("zone"), RECORD_U(UINT64_MAX), RECORD_T(NULL)), 0);
	cr_assert_eq(ops->extfrag(rec, &(struct record_extfrag){ "a", "b", 1, 2, 3, 4 }, NULL), 0);
	cr_assert_eq(ops->call_site(rec, &(struct record_call_site){ "f+0x1", "kfree", 1, 2, 3, 4, 5, 6, 7, 8, 9 },
			     NULL),
		0);
	cr_assert_eq(ops->violation(rec, &(struct record_violation){ 1, 2, "r", "error", 3, NULL, "text" }, NULL), 0);
	cr_assert_eq(ops->counter(rec, &(struct record_counter){ "m", "n", "u", INT64_MIN }, NULL), 0);
	cr_assert_eq(ops->verify_check(rec, &(struct record_verify_check){ "c", 1, 2, true, 3, 4, "k", NULL }, NULL),
		0);
	cr_assert_eq(ops->verify_zone(rec, &(struct record_verify_zone){ "s", 1, "z", 2, 3, 4, 5, 6, 7 }, NULL), 0);
	cr_assert_eq(ops->verify_cache(rec, &(struct record_verify_cache){ "s", "c", 1, 2, 3, 4 }, NULL), 0);
	cr_assert_eq(ops->end(rec, &(struct record_end){ RUN_DONE, NULL, 1, 2, 3, 4 }, NULL), 0);
}

/* What a recorder_pipe sends for record_everything(). It fits into the pipe. */
static size_t record_stream(char *stream, size_t size, bool thin)
{
	struct recorder *rec;
	int ends[2];
	ssize_t got;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(recorder_pipe_open(&rec, ends[1], NULL), 0);
	if (thin)
		recorder_pipe_thin(rec);
	record_everything(rec);
	rec->ops->close(rec);
	close(ends[1]);
	got = read(ends[0], stream, size);
	close(ends[0]);
	cr_assert(got > 0 && (size_t)got < size);
	return (size_t)got;
}

Test(recorder_pipe, every_member_of_every_struct_comes_out_as_it_went_in)
{
	struct notes direct, played;
	char stream[8192];
	size_t len = record_stream(stream, sizeof(stream), false);

	notes_open(&direct);
	notes_open(&played);
	record_everything(&direct.rec);
	cr_assert_eq(recorder_stream_play(stream, len, &played.rec, NULL), 0);
	fflush(direct.out);
	fflush(played.out);
	cr_assert_str_eq(played.text, direct.text);
	note_close(&direct.rec);
	note_close(&played.rec);
}

Test(recorder_pipe, thin_leaves_out_call_sites_and_caches_before_the_end)
{
	struct notes played;
	char stream[8192];
	size_t len = record_stream(stream, sizeof(stream), true);

	notes_open(&played);
	cr_assert_eq(recorder_stream_play(stream, len, &played.rec, NULL), 0);
	fflush(played.out);
	cr_assert_null(strstr(played.text, "\ncall_site "));
	cr_assert_null(strstr(played.text, "\ncache "));
	cr_assert_null(strstr(played.text, "chunk"));
	cr_assert(strstr(played.text, "op coarse kmalloc"));
	cr_assert(strstr(played.text, "counter m n u") && strstr(played.text, "zone 1 z"));
	note_close(&played.rec);
}

Test(recorder_pipe, thin_has_lists_at_the_end)
{
	struct notes played;
	char stream[8192];
	struct recorder *rec;
	int ends[2];
	ssize_t len;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(recorder_pipe_open(&rec, ends[1], NULL), 0);
	recorder_pipe_thin(rec);
	cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "end" }, NULL), 0);
	cr_assert_eq(RECORD_ROW(rec, VMAP_AREAS, NULL, RECORD_T("area"), RECORD_U(41), RECORD_T(NULL)), 0);
	cr_assert_eq(rec->ops->end(rec, &(struct record_end){ .status = RUN_DONE }, NULL), 0);
	rec->ops->close(rec);
	close(ends[1]);
	len = read(ends[0], stream, sizeof(stream));
	close(ends[0]);
	cr_assert_gt(len, 0);
	notes_open(&played);
	cr_assert_eq(recorder_stream_play(stream, (size_t)len, &played.rec, NULL), 0);
	fflush(played.out);
	cr_assert(strstr(played.text, "area"), "%s", played.text);
	note_close(&played.rec);
}

Test(recorder_pipe, a_stream_is_complete_with_its_end_and_not_before)
{
	struct recorder_stream look;
	char stream[8192];
	size_t len = record_stream(stream, sizeof(stream), false);

	recorder_stream_look(stream, len, &look);
	cr_assert(look.complete && look.end.fingerprint == 4 && look.end.status == RUN_DONE);
	for (size_t cut = 0; cut < len; cut++) {
		recorder_stream_look(stream, cut, &look);
		cr_assert_not(look.complete, "complete after %zu of %zu bytes", cut, len);
	}
}

Test(recorder_pipe, the_reason_of_a_failure_comes_through)
{
	struct err why = { .code = ERR_NOMEM, .text = "no memory for 7 objects" };
	struct recorder_stream look;
	struct recorder *rec;
	char stream[256];
	int ends[2];
	ssize_t got;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(recorder_pipe_open(&rec, ends[1], NULL), 0);
	cr_assert_eq(recorder_pipe_fail(rec, &why, NULL), 0);
	got = read(ends[0], stream, sizeof(stream));
	recorder_stream_look(stream, (size_t)got, &look);
	cr_assert(!look.complete && look.failure);
	cr_assert_str_eq(look.failure, "no memory for 7 objects");
	rec->ops->close(rec);
}

Test(recorder_pipe, a_reader_that_is_gone_is_an_error_not_an_end)
{
	struct err err = { 0 };
	struct recorder *rec;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(recorder_pipe_open(&rec, ends[1], NULL), 0);
	cr_assert_eq(rec->ops->end(rec, &(struct record_end){ 0 }, &err), -(int)ERR_IO);
	rec->ops->close(rec);
}

Test(recorder_pipe, flipped_and_cut_streams_are_refused_or_played_never_read_beyond)
{
	char stream[8192];
	size_t len = record_stream(stream, sizeof(stream), false);

	for (size_t i = 0; i < len; i++) {
		/* A heap block of the exact size, so that a sanitizer sees one byte too many. */
		char *copy = malloc(len);
		struct recorder_stream look;

		cr_assert_not_null(copy);
		memcpy(copy, stream, len);
		copy[i] = (char)(copy[i] ^ (1 << i % 8));
		recorder_stream_look(copy, len, &look);
		recorder_stream_play(copy, len, recorder_none(), NULL);
		recorder_stream_play(copy, i, recorder_none(), NULL);
		free(copy);
	}
}
