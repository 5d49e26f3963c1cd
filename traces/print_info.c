/* print_info: what a trace's header and tables tell, as JSON and for people; no block is read. See traces/print.h. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/sha256.h"
#include "traces/print.h"

/* Events by kind, allocations of pages by origin, and how many caches and call sites the tables name. */
struct totals {
	uint64_t by_kind[NR_KINDS];
	uint64_t by_origin[NR_ORIGINS];
	uint64_t caches, call_sites;
};

static bool is_page_alloc(unsigned int kind)
{
	return kind >= KIND_ALLOC_PAGES && kind < KIND_FREE_PAGES;
}

static int count_totals(const struct trace_tables *tables, struct totals *totals)
{
	/* Bit 0: the string is a cache's name, bit 1: a call site. */
	uint8_t *role = calloc(tables->nr_strings, 1);

	if (!role)
		return -1;
	*totals = (struct totals){ .caches = 0 };
	for (uint32_t i = 0; i < tables->nr_ops; i++) {
		const struct trace_op *op = &tables->ops[i];

		totals->by_kind[op->kind] += tables->op_counts[i];
		if (is_page_alloc(op->kind))
			totals->by_origin[op->origin] += tables->op_counts[i];
		if (kind_info[op->kind].keys & KEY_CACHE)
			role[op->name] |= 1;
		role[op->call_site] |= 2;
	}
	for (uint32_t i = 1; i < tables->nr_strings; i++) {
		totals->caches += role[i] & 1;
		totals->call_sites += role[i] >> 1;
	}
	free(role);
	return 0;
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *counts(const struct trace_counts *c)
{
	json_t *object = json_object();

	for (size_t i = 0; i < c->nr; i++)
		json_object_set_new(object, c->rows[i].reason, number(c->rows[i].count));
	return object;
}

static json_t *pace(const struct trace_pace *pace)
{
	json_t *object = json_object();

#define X(step) if (pace->step) json_object_set_new(object, #step, number(pace->step));
	TRACE_PACE(X)
#undef X
	return object;
}

static double per_event(uint64_t bytes, uint64_t events)
{
	return events ? (double)bytes / (double)events : 0;
}

static uint64_t wasted_bytes(const struct trace_meta *meta)
{
	return meta->bytes_allocated - min_u64(meta->bytes_requested, meta->bytes_allocated);
}

static void set_counts(json_t *root, const struct trace_meta *meta, const struct totals *totals)
{
	json_t *by_event = json_object(), *by_origin = json_object();

	for (int kind = 0; kind < NR_KINDS; kind++)
		if (totals->by_kind[kind])
			json_object_set_new(by_event, kind_info[kind].name, number(totals->by_kind[kind]));
	for (int origin = 0; origin < NR_ORIGINS; origin++)
		if (totals->by_origin[origin])
			json_object_set_new(by_origin, origin_name[origin], number(totals->by_origin[origin]));
	json_object_set_new(root, "events", number(meta->events));
	json_object_set_new(root, "by_event", by_event);
	json_object_set_new(root, "by_origin", by_origin);
	json_object_set_new(root, "adopted", number(meta->adopted));
	json_object_set_new(root, "implied_frees", number(meta->implied_frees));
	json_object_set_new(root, "ignored", counts(&meta->ignored));
	json_object_set_new(root, "unusable", counts(&meta->unusable));
	json_object_set_new(root, "repaired", counts(&meta->repaired));
	json_object_set_new(root, "classified", counts(&meta->classified));
	json_object_set_new(root, "lost", number(meta->lost));
	json_object_set_new(root, "lines", number(meta->lines));
	json_object_set_new(root, "bytes_requested", number(meta->bytes_requested));
	json_object_set_new(root, "bytes_allocated", number(meta->bytes_allocated));
	json_object_set_new(root, "bytes_wasted", number(wasted_bytes(meta)));
	json_object_set_new(root, "cache_pages", number(meta->cache_pages));
	json_object_set_new(root, "cache_pages_reused", number(meta->cache_pages_reused));
	json_object_set_new(root, "anon_pages", number(meta->anon_pages));
	json_object_set_new(root, "anon_pages_reused", number(meta->anon_pages_reused));
	json_object_set_new(root, "mapped_pages", number(meta->mapped_pages));
	json_object_set_new(root, "kcompactd_sleep_ns", number(meta->kcompactd_sleep_ns));
	json_object_set_new(root, "reclaim_pace", pace(&meta->pace));
	json_object_set_new(root, "prologue_events", number(meta->prologue_events));
	json_object_set_new(root, "slots", number(meta->slots));
	json_object_set_new(root, "caches", number(totals->caches));
	json_object_set_new(root, "call_sites", number(totals->call_sites));
}

static void set_origin(json_t *root, const struct trace_meta *meta)
{
	json_object_set_new(root, "kernel", text(meta->kernel));
	json_object_set_new(root, "arch", text(meta->arch));
	json_object_set_new(root, "tool", text(meta->tool));
	json_object_set_new(root, "clock", text(meta->clock));
	json_object_set_new(root, "source", text(meta->source));
	json_object_set_new(root, "page_size", number(meta->page_size));
	json_object_set_new(root, "cpus", number(meta->cpus));
	json_object_set_new(root, "hashed_pointers", json_boolean(meta->hashed_pointers));
	json_object_set_new(root, "recorded_addresses", json_boolean(meta->recorded_addresses));
	json_object_set_new(root, "first_ns", number(meta->first_ns));
	json_object_set_new(root, "last_ns", number(meta->last_ns));
	json_object_set_new(root, "duration_ns", number(meta->last_ns - min_u64(meta->first_ns, meta->last_ns)));
}

static void set_sizes(json_t *root, const struct trace_reader *r, const char *sha256)
{
	const struct trace_sizes *sizes = trace_sizes(r);
	const struct trace_damage *damage = trace_damage(r);
	uint64_t events = trace_meta(r)->events;

	json_object_set_new(root, "blocks", number(sizes->blocks));
	json_object_set_new(root, "bytes_raw", number(sizes->bytes_raw));
	json_object_set_new(root, "bytes_compressed", number(sizes->bytes_compressed));
	json_object_set_new(root, "bytes_recorded", number(sizes->bytes_recorded));
	json_object_set_new(root, "bytes_file", number(sizes->bytes_file));
	json_object_set_new(root, "bytes_per_event_raw", json_real(per_event(sizes->bytes_raw, events)));
	json_object_set_new(root, "bytes_per_event_compressed", json_real(per_event(sizes->bytes_compressed, events)));
	json_object_set_new(root, "format", json_sprintf("%d.%d", TRACE_FORMAT_MAJOR, TRACE_FORMAT_MINOR));
	json_object_set_new(root, "sha256", text(sha256));
	json_object_set_new(root, "damage", damage->text[0] ? text(damage->text) : json_null());
	json_object_set_new(root, "missing_events", number(damage->missing_events));
}

int trace_info_json(const struct trace_reader *r, FILE *out, struct err *err)
{
	struct totals totals;
	char sha256[SHA256_HEX_SIZE];
	json_t *root;
	int ret = trace_sha256(r, sha256, err);

	if (ret < 0)
		return ret;
	root = json_object();
	if (!root || count_totals(trace_tables(r), &totals) < 0) {
		json_decref(root);
		return err_set(err, ERR_NOMEM, "no memory for the summary");
	}
	set_counts(root, trace_meta(r), &totals);
	set_origin(root, trace_meta(r));
	set_sizes(root, r, sha256);
	ret = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(4));
	json_decref(root);
	if (ret < 0 || fputc('\n', out) == EOF)
		return err_errno(err, "cannot write");
	return 0;
}

static void print_counts(FILE *out, const char *title, const struct trace_counts *c)
{
	if (!c->nr)
		return;
	fprintf(out, "\n%s: %" PRIu64 "\n", title, trace_counts_total(c));
	for (size_t i = 0; i < c->nr; i++)
		fprintf(out, "  %14" PRIu64 "  %s\n", c->rows[i].count, c->rows[i].reason);
}

static void print_totals(FILE *out, const struct trace_meta *meta, const struct totals *totals)
{
	fprintf(out, "\nevents: %" PRIu64 "\n", meta->events);
	for (int kind = 0; kind < NR_KINDS; kind++)
		if (totals->by_kind[kind])
			fprintf(out, "  %14" PRIu64 "  %s\n", totals->by_kind[kind], kind_info[kind].name);
	for (int origin = 0, first = 1; origin < NR_ORIGINS; origin++) {
		if (!totals->by_origin[origin])
			continue;
		if (first)
			fputs("\nallocations of pages by cause\n", out);
		first = 0;
		fprintf(out, "  %14" PRIu64 "  %s\n", totals->by_origin[origin], origin_name[origin]);
	}
}

static void print_text(FILE *out, const char *title, const char *value)
{
	if (value)
		fprintf(out, "%-16s%s\n", title, value);
}

static void print_sizes(FILE *out, const struct trace_reader *r)
{
	const struct trace_sizes *sizes = trace_sizes(r);
	uint64_t events = trace_meta(r)->events;
	char file[32], recorded[32];

	fprintf(out,
		"%-16s%s in %" PRIu64 " blocks; %.2f bytes an event, %.2f before compression; recorded columns %s\n",
		"size", units_format_size_short(sizes->bytes_file, file, sizeof(file)), sizes->blocks,
		per_event(sizes->bytes_compressed, events), per_event(sizes->bytes_raw, events),
		units_format_size_short(sizes->bytes_recorded, recorded, sizeof(recorded)));
}

int trace_info_text(const struct trace_reader *r, FILE *out, struct err *err)
{
	char pace_text[TRACE_PACE_TEXT];
	const struct trace_meta *meta = trace_meta(r);
	uint64_t far_late = trace_counts_of(&meta->repaired, TRACE_REASON_FAR_LATE);
	struct totals totals;
	char duration[32];

	if (count_totals(trace_tables(r), &totals) < 0)
		return err_set(err, ERR_NOMEM, "no memory for the summary");
	/* What casts doubt on all the rest comes first. */
	if (trace_damage(r)->text[0])
		fprintf(out, "%-16s%s\n", "DAMAGED", trace_damage(r)->text);
	if (meta->lost)
		fprintf(out,
			"%-16s%" PRIu64 " events were lost by the recorder: frees may be missing and objects leak\n",
			"LOST", meta->lost);
	if (far_late)
		fprintf(out,
			"%-16s%" PRIu64
			" events were recorded over a second before the ones before them: times and lives are not "
			"what they were\n",
			"ORDER", far_late);
	print_text(out, "kernel", meta->kernel);
	print_text(out, "arch", meta->arch);
	print_text(out, "recorded by", meta->tool);
	print_text(out, "clock", meta->clock);
	print_text(out, "imported from", meta->source);
	fprintf(out, "%-16s%u CPUs, pages of %u bytes\n", "machine", meta->cpus, meta->page_size);
	fprintf(out, "%-16s%s, from %" PRIu64 " to %" PRIu64 " ns\n", "duration",
		units_format_time_short(meta->last_ns - min_u64(meta->first_ns, meta->last_ns), duration,
			sizeof(duration)),
		meta->first_ns, meta->last_ns);
	print_sizes(out, r);
	fprintf(out, "%-16s%" PRIu64 " older than the trace (adopted), %" PRIu64 " frees implied, up to %u at once\n",
		"objects", meta->adopted, meta->implied_frees, meta->slots);
	if (meta->bytes_allocated)
		fprintf(out, "%-16s%" PRIu64 " requested, %" PRIu64 " allocated, %" PRIu64 " of them wasted\n", "bytes",
			meta->bytes_requested, meta->bytes_allocated, wasted_bytes(meta));
	if (meta->cache_pages)
		fprintf(out, "%-16s%" PRIu64 " pages of files came to it, %" PRIu64 " of them were used again\n",
			"page cache", meta->cache_pages, meta->cache_pages_reused);
	if (meta->anon_pages)
		fprintf(out, "%-16s%" PRIu64 " anonymous pages at the end, %" PRIu64 " of them used again\n", "",
			meta->anon_pages, meta->anon_pages_reused);
	if (meta->mapped_pages)
		fprintf(out, "%-16s%" PRIu64 " pages of files were mapped, as page tables show\n", "",
			meta->mapped_pages);
	if (trace_pace_text(&meta->pace, pace_text, sizeof(pace_text))[0])
		fprintf(out, "%-16s%s\n", "reclaim", pace_text);
	fprintf(out, "%-16s%" PRIu64 " caches, %" PRIu64 " call sites\n", "names", totals.caches, totals.call_sites);
	print_totals(out, meta, &totals);
	print_counts(out, "unusable", &meta->unusable);
	print_counts(out, "ignored", &meta->ignored);
	print_counts(out, "repaired", &meta->repaired);
	print_counts(out, "causes of page events (cause/method/certainty)", &meta->classified);
	return ferror(out) ? err_errno(err, "cannot write") : 0;
}
