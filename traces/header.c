#include "traces/header.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

/* JSON integers are signed here; a count that large is not one. */
static json_t *count_json(uint64_t n)
{
	return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

/* Text of a recording may be any bytes; JSON holds only UTF-8. */
static json_t *text_json(const char *text)
{
	json_t *json = text ? json_string(text) : json_null();
	char *copy;

	if (json)
		return json;
	copy = strdup(text);
	for (char *p = copy; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	json = copy ? json_string(copy) : NULL;
	free(copy);
	return json;
}

static json_t *counts_json(const struct trace_counts *counts)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < counts->nr; i++)
		json_object_set_new(object, counts->rows[i].reason, count_json(counts->rows[i].count));
	return object;
}

/* The members of the same name in struct trace_meta and in the header. */
#define META_TEXTS(X) X(kernel) X(arch) X(tool) X(clock) X(source)
#define META_NUMBERS(X)                                                                                        \
	X(page_size) X(cpus) X(events) X(prologue_events) X(adopted) X(implied_frees) X(lost) X(lines)         \
	X(bytes_requested) X(bytes_allocated) X(cache_pages) X(cache_pages_reused) X(anon_pages)               \
	X(anon_pages_reused) X(mapped_pages) X(kcompactd_sleep_ns) X(first_ns) X(last_ns) X(slots)
#define META_BOOLS(X) X(recorded_addresses) X(hashed_pointers)
#define META_COUNTS(X) X(ignored) X(unusable) X(repaired) X(classified)

char *header_format(const struct trace_meta *meta, const struct header_sizes *sizes)
{
	json_t *root = json_object();
	char *text;

	json_object_set_new(root, "kmemsim_trace", json_integer(TRACE_FORMAT_MAJOR));
	json_object_set_new(root, "minor", json_integer(TRACE_FORMAT_MINOR));
#define X(member) json_object_set_new(root, #member, text_json(meta->member));
	META_TEXTS(X)
#undef X
#define X(member) json_object_set_new(root, #member, count_json(meta->member));
	META_NUMBERS(X)
#undef X
#define X(step) if (meta->pace.step) json_object_set_new(root, #step "_ns", count_json(meta->pace.step));
	TRACE_PACE(X)
#undef X
#define X(member) json_object_set_new(root, #member, json_boolean(meta->member));
	META_BOOLS(X)
#undef X
#define X(member) json_object_set_new(root, #member, counts_json(&meta->member));
	META_COUNTS(X)
#undef X
	if (sizes)
		json_object_set_new(root, "sizes",
			json_pack("{s:o, s:o, s:o, s:o}", "blocks", count_json(sizes->blocks), "bytes_raw",
				count_json(sizes->bytes_raw), "bytes_compressed", count_json(sizes->bytes_compressed),
				"bytes_recorded", count_json(sizes->bytes_recorded)));
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static uint64_t get_count(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n < 0 ? 0 : (uint64_t)n;
}

static int get_text(char **out, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	*out = text ? strdup(text) : NULL;
	return text && !*out ? -1 : 0;
}

static int get_counts(struct trace_counts *counts, const json_t *object, const char *key)
{
	const char *reason;
	json_t *rows = json_object_get(object, key), *n;
	int ret = 0;

	json_object_foreach(rows, reason, n) {
		if (json_is_integer(n) && json_integer_value(n) >= 0)
			ret |= trace_counts_add(counts, reason, (uint64_t)json_integer_value(n));
	}
	return ret;
}

static int fill_meta(struct trace_meta *meta, const json_t *root)
{
	int ret = 0;

#define X(member) ret |= get_text(&meta->member, root, #member);
	META_TEXTS(X)
#undef X
/* A number too large for its member is cut: what depends on it is checked where it is used. */
#define X(member) meta->member = (__typeof__(meta->member))get_count(root, #member);
	META_NUMBERS(X)
#undef X
#define X(step) meta->pace.step = (uint32_t)min_u64(get_count(root, #step "_ns"), TRACE_PACE_MAX);
	TRACE_PACE(X)
#undef X
#define X(member) meta->member = json_is_true(json_object_get(root, #member));
	META_BOOLS(X)
#undef X
#define X(member) ret |= get_counts(&meta->member, root, #member);
	META_COUNTS(X)
#undef X
	return ret;
}

/*
 * Of what a header says of LRU lists shares are taken: a part
 * is no more than the whole, nor that than page frames can be.
 */
static bool pages_fit(const json_t *root, const char *all, const char *part)
{
	uint64_t pages = get_count(root, all);

	return pages <= UINT32_MAX && get_count(root, part) <= pages;
}

bool header_recognise(const char *json, size_t len)
{
	json_t *root = json_loadb(json, len, 0, NULL);
	bool is = json_is_object(root) && json_object_get(root, "kmemsim_trace");

	json_decref(root);
	return is;
}

int header_parse(const char *json, size_t len, struct trace_meta *meta, struct header_sizes *sizes, struct err *err)
{
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *version = json_object_get(root, "kmemsim_trace");
	const json_t *totals = json_object_get(root, "sizes");
	json_int_t major = json_integer_value(version);
	int ret = 0;

	*meta = (struct trace_meta){ 0 };
	if (!json_is_integer(version) || major < 1)
		ret = err_set(err, ERR_TRACE, "the header is not one of a kmemsim trace");
	else if (major > TRACE_FORMAT_MAJOR)
		ret = err_set(err, ERR_TRACE, "made by a newer version of kmemsim: its format is %" JSON_INTEGER_FORMAT
			".%" JSON_INTEGER_FORMAT ", this program reads up to %d.x", major,
			json_integer_value(json_object_get(root, "minor")), TRACE_FORMAT_MAJOR);
	else if (get_count(root, "slots") > UINT32_MAX / 2)
		ret = err_set(err, ERR_TRACE, "the header claims more slots than a trace can have");
	else if (!pages_fit(root, "cache_pages", "cache_pages_reused") ||
		!pages_fit(root, "anon_pages", "anon_pages_reused"))
		ret = err_set(err, ERR_TRACE,
			"the header claims more pages on LRU lists (cache_pages, anon_pages) than there can be");
	else if (fill_meta(meta, root) < 0)
		ret = err_set(err, ERR_NOMEM, "no memory for the header");
	*sizes = (struct header_sizes){ get_count(totals, "blocks"), get_count(totals, "bytes_raw"),
		get_count(totals, "bytes_compressed"), get_count(totals, "bytes_recorded") };
	json_decref(root);
	if (ret < 0)
		trace_meta_fini(meta);
	return ret;
}
