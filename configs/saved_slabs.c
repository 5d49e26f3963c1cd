/* saved_slabs: slab caches, slabs and the freelists of CPUs of a memory dump. */
#include "configs/saved_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OBJECTS    32767u      /* in a slab: MAX_OBJS_PER_PAGE of mm/slub.c */
#define MAX_BYTES      (1u << 27)  /* of an object with all around it */
#define MAX_SLABS      (1ull << 40)
#define REFCOUNT_FIXED UINT32_MAX  /* -1: the kernel never merges this cache */

enum {
	C_NAME,
	C_OBJECT_SIZE,
	C_SIZE,
	C_INUSE,
	C_ALIGN,
	C_OFFSET,
	C_FLAGS,
	C_ORDER,
	C_OBJECTS,
	C_MIN_ORDER,
	C_MIN_OBJECTS,
	C_MIN_PARTIAL,
	C_CPU_PARTIAL,
	C_CPU_PARTIAL_SLABS,
	C_REFCOUNT,
	C_CTOR,
	C_USERSIZE,
	C_SLABS,
	C_TOTAL,
	C_RANDOM_SEQ
};
static const char *const cache_columns[] = { "name", "object_size", "size", "inuse", "align", "offset", "flags",
	"oo_order", "oo_objects", "min_order", "min_objects", "min_partial", "cpu_partial", "cpu_partial_slabs?",
	"refcount?", "ctor?", "usersize?", "nodes_nr_slabs", "nodes_total_objects", "random_seq?", NULL };

uint64_t saved_hash(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
	return hash;
}

static uint32_t find_cache(const struct saved_reader *r, const char *name)
{
	uint32_t cache = idmap_get(&r->cache_at, saved_hash(name));

	return cache != IDMAP_NONE && !strcmp(r->state->caches[cache].name, name) ? cache : IDMAP_NONE;
}

/* The sum of a number for each node. */
static uint64_t sum_of_nodes(struct csv *csv, uint32_t column, struct err *err)
{
	uint64_t sum = 0, value;
	const char *at = NULL;

	while (csv_item(csv, column, &at, MAX_SLABS, &value, err))
		sum += value;
	return sum;
}

static uint32_t cache_u32(struct csv *csv, uint32_t column, uint32_t max, struct err *err)
{
	return (uint32_t)csv_number(csv, column, max, err);
}

/* A merged cache is known by its first name; user-copy windows and constructors forbid merging. */
static void cache_merging(struct csv *csv, struct state_cache *cache, struct err *err)
{
	cache->ctor = csv_number(csv, C_CTOR, UINT64_MAX, err) != 0;
	cache->no_merge = cache->ctor || csv_number(csv, C_USERSIZE, MAX_BYTES, err) > 0 ||
		csv_number(csv, C_REFCOUNT, UINT32_MAX, err) == REFCOUNT_FIXED;
}

static int cache_row(struct saved_reader *r, struct csv *csv, struct state_cache *cache, struct err *err)
{
	*cache = (struct state_cache){
		.object_size = cache_u32(csv, C_OBJECT_SIZE, MAX_BYTES, err),
		.size = cache_u32(csv, C_SIZE, MAX_BYTES, err),
		.align = cache_u32(csv, C_ALIGN, MAX_BYTES, err),
		.inuse = cache_u32(csv, C_INUSE, MAX_BYTES, err),
		.offset = cache_u32(csv, C_OFFSET, MAX_BYTES, err),
		.flags = cache_u32(csv, C_FLAGS, UINT32_MAX, err),
		.order = cache_u32(csv, C_ORDER, SAVED_MAX_ORDER, err),
		.objs_per_slab = cache_u32(csv, C_OBJECTS, MAX_OBJECTS, err),
		.min_order = cache_u32(csv, C_MIN_ORDER, SAVED_MAX_ORDER, err),
		.min_objs = cache_u32(csv, C_MIN_OBJECTS, MAX_OBJECTS, err),
		.min_partial = cache_u32(csv, C_MIN_PARTIAL, UINT32_MAX, err),
		.cpu_partial = cache_u32(csv, C_CPU_PARTIAL, UINT32_MAX, err),
		.cpu_partial_slabs = cache_u32(csv, C_CPU_PARTIAL_SLABS, UINT32_MAX, err),
		.slabs = sum_of_nodes(csv, C_SLABS, err),
		.objects = sum_of_nodes(csv, C_TOTAL, err),
	};
	snprintf(cache->name, sizeof(cache->name), "%s", csv_text(csv, C_NAME));
	cache_merging(csv, cache, err);
	if (!*cache->name || strcmp(cache->name, csv_text(csv, C_NAME)) != 0)
		csv_wrong(csv, C_NAME, err, "a name of 1 to %d bytes", STATE_NAME_MAX - 1);
	if (cache->size < cache->object_size || !cache->size)
		csv_wrong(csv, C_SIZE, err, "at least object_size, %" PRIu32, cache->object_size);
	if (!cache->objs_per_slab)
		csv_wrong(csv, C_OBJECTS, err, "at least 1 object in a slab");
	if (csv->failed)
		return 0;
	return saved_list(r, csv, C_RANDOM_SEQ, cache->size, cache->objs_per_slab, &cache->random_seq,
		&cache->nr_random_seq, err);
}

static int read_caches(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	struct csv csv;
	int got = csv_open(&csv, r->memory, "caches.csv", cache_columns, err);

	if (got <= 0)
		return got;
	while ((got = csv_next(&csv, err)) > 0) {
		struct state_cache *cache;

		got = saved_grow(&state->caches, state->nr_caches, sizeof(*state->caches), err);
		if (got < 0)
			break;
		cache = &state->caches[state->nr_caches];
		got = cache_row(r, &csv, cache, err);
		if (got < 0)
			break;
		if (find_cache(r, cache->name) != IDMAP_NONE)
			saved_note(r,
				"%s:%" PRIu32 ": a second cache %s: all slabs of that name are given to the first",
				csv.path, csv.line, cache->name);
		else if (idmap_put(&r->cache_at, saved_hash(cache->name), (uint32_t)state->nr_caches) < 0) {
			got = err_set(err, ERR_NOMEM, "no memory for a saved state");
			break;
		}
		state->nr_caches++;
	}
	csv_close(&csv);
	return got;
}

enum { S_PFN, S_ORDER, S_CACHE, S_OBJECTS, S_INUSE, S_PLACE, S_FREELIST };
static const char *const slab_columns[] = { "pfn", "order", "cache", "objects", "inuse", "place", "freelist_indices",
	NULL };

/* A slab, and where it stands in its list. */
struct placed_slab {
	struct state_slab slab;
	uint64_t pos;
};

struct slab_rows {
	struct placed_slab *rows; /* owned */
	size_t nr;
	uint32_t strange;         /* pages that look like slabs, of no cache */
};

/* The node of a frame: the last zone that begins at or below it, and spans it. */
static int node_of(const struct state *state, uint64_t pfn)
{
	for (size_t i = state->nr_zones; i > 0; i--) {
		const struct state_zone *z = &state->zones[i - 1];

		if (pfn >= z->start_pfn && pfn - z->start_pfn < z->spanned)
			return (int)z->node;
	}
	return state->nr_zones ? -1 : 0;
}

/* "cpu0", "cpu0_partial", "node0_partial:5" (5 slabs before it in the list), "full". */
static void slab_place(struct csv *csv, struct placed_slab *row, struct err *err)
{
	const char *text = csv_text(csv, S_PLACE);
	struct state_slab *slab = &row->slab;
	unsigned int number;
	int end = 0;

	slab->cpu = STATE_NO_CPU;
	if (!strcmp(text, "full")) {
		slab->place = STATE_SLAB_FULL;
		return;
	}
	if (sscanf(text, "node%3u_partial:%9" SCNu64 "%n", &number, &row->pos, &end) == 2 && !text[end]) {
		slab->place = STATE_SLAB_NODE_PARTIAL;
		if (number != slab->node)
			csv_wrong(csv, S_PLACE, err, "the list of node %u, where the slab is", slab->node);
		return;
	}
	if (sscanf(text, "cpu%4u%n", &number, &end) == 1 && number < MACHINE_MAX_CPUS &&
		(!text[end] || !strcmp(text + end, "_partial"))) {
		slab->place = text[end] ? STATE_SLAB_CPU_PARTIAL : STATE_SLAB_CPU;
		slab->cpu = number;
		return;
	}
	csv_wrong(csv, S_PLACE, err, "cpuN, cpuN_partial, nodeN_partial:POSITION or full");
}

static int slab_row(struct saved_reader *r, struct csv *csv, struct placed_slab *row, uint32_t cache, struct err *err)
{
	uint64_t pfn = csv_number(csv, S_PFN, SAVED_MAX_PFN, err);
	int node = node_of(r->state, pfn), ret;
	struct state_slab *slab = &row->slab;

	*slab = (struct state_slab){
		.pfn = pfn,
		.cache = cache,
		.objects = (uint16_t)csv_number(csv, S_OBJECTS, MAX_OBJECTS, err),
		.inuse = (uint16_t)csv_number(csv, S_INUSE, MAX_OBJECTS, err),
		.order = (uint8_t)csv_number(csv, S_ORDER, SAVED_MAX_ORDER, err),
		.node = (uint8_t)node,
	};
	row->pos = 0;
	if (node < 0)
		csv_wrong(csv, S_PFN, err, "a frame in one of the zones");
	slab_place(csv, row, err);
	if (slab->inuse > slab->objects || !slab->objects)
		csv_wrong(csv, S_INUSE, err, "at most objects, %u", slab->objects);
	ret = saved_list(r, csv, S_FREELIST, 1, slab->objects, &slab->freelist, &slab->nr_freelist, err);
	if (slab->nr_freelist + slab->inuse != slab->objects)
		csv_wrong(csv, S_FREELIST, err, "%u free objects, so that all add up to %u",
			slab->objects - slab->inuse, slab->objects);
	return ret;
}

static int add_slab(struct saved_reader *r, struct csv *csv, struct slab_rows *slabs, struct err *err)
{
	uint32_t cache = find_cache(r, csv_text(csv, S_CACHE));
	int ret;

	/* Reserved pages with leftover bits in their flags; the dump shows what stands where a cache's name would. */
	if (cache == IDMAP_NONE && csv_text(csv, S_CACHE)[0] == '?') {
		slabs->strange++;
		return 0;
	}
	if (cache == IDMAP_NONE) {
		csv_wrong(csv, S_CACHE, err, "a cache of caches.csv");
		return 0;
	}
	ret = saved_grow(&slabs->rows, slabs->nr, sizeof(*slabs->rows), err);
	return ret < 0 ? ret : slab_row(r, csv, &slabs->rows[slabs->nr++], cache, err);
}

static int read_slabs(struct saved_reader *r, struct slab_rows *slabs, struct err *err)
{
	struct csv csv;
	int got = csv_open(&csv, r->memory, "slabs.csv", slab_columns, err);

	if (got == 0 && r->state->nr_caches)
		saved_note(r, "slabs.csv is missing: caches are known only by their counts");
	if (got <= 0)
		return got;
	while ((got = csv_next(&csv, err)) > 0) {
		got = add_slab(r, &csv, slabs, err);
		if (got < 0)
			break;
	}
	csv_close(&csv);
	if (slabs->strange)
		saved_note(r, "%s: %" PRIu32 " pages are marked as slabs but belong to no cache: left out", csv.path,
			slabs->strange);
	return got < 0 ? got : 1;
}

enum { U_CACHE, U_CPU, U_SLAB, U_FREELIST, U_PARTIAL };
static const char *const cpu_columns[] = { "cache", "cpu", "slab_pfn", "lockless_freelist_indices",
	"percpu_partial_pfns", NULL };

/* The slab at @pfn, which must stand at this @place of this CPU, or NULL after csv_wrong(). */
static struct placed_slab *cpu_slab_at(struct saved_reader *r, struct csv *csv, const struct slab_rows *slabs,
	const struct state_slab *wanted, uint32_t column, struct err *err)
{
	uint32_t at = idmap_get(&r->slab_at, wanted->pfn);
	struct placed_slab *row = at == IDMAP_NONE ? NULL : &slabs->rows[at];

	if (row && row->slab.place == wanted->place && row->slab.cpu == wanted->cpu && row->slab.cache == wanted->cache)
		return row;
	csv_wrong(csv, column, err, "pfn %" PRIu64 " in slabs.csv as cpu%" PRIu32 "%s of this cache", wanted->pfn,
		wanted->cpu, wanted->place == STATE_SLAB_CPU_PARTIAL ? "_partial" : "");
	return NULL;
}

static int cpu_row(struct saved_reader *r, struct csv *csv, const struct slab_rows *slabs, struct err *err)
{
	struct state_slab wanted = { .place = STATE_SLAB_CPU, .cache = find_cache(r, csv_text(csv, U_CACHE)),
		.cpu = (uint32_t)csv_number(csv, U_CPU, MACHINE_MAX_CPUS - 1, err) };
	struct placed_slab *row;
	const char *at = NULL;
	int ret = 0;

	if (wanted.cache == IDMAP_NONE) {
		csv_wrong(csv, U_CACHE, err, "a cache of caches.csv");
		return 0;
	}
	if (*csv_text(csv, U_SLAB)) {
		wanted.pfn = csv_number(csv, U_SLAB, SAVED_MAX_PFN, err);
		row = cpu_slab_at(r, csv, slabs, &wanted, U_SLAB, err);
		if (row)
			ret = saved_list(r, csv, U_FREELIST, 1, row->slab.objects, &row->slab.cpu_freelist,
				&row->slab.nr_cpu_freelist, err);
	}
	wanted.place = STATE_SLAB_CPU_PARTIAL;
	for (uint64_t pos = 0; csv_item(csv, U_PARTIAL, &at, SAVED_MAX_PFN, &wanted.pfn, err); pos++) {
		row = cpu_slab_at(r, csv, slabs, &wanted, U_PARTIAL, err);
		if (row)
			row->pos = pos;
	}
	return ret;
}

/* Return: 1 when cpu_slabs.csv was there. */
static int read_cpu_slabs(struct saved_reader *r, struct slab_rows *slabs, struct err *err)
{
	struct csv csv;
	int got;

	for (size_t i = 0; i < slabs->nr; i++) {
		if (idmap_put(&r->slab_at, slabs->rows[i].slab.pfn, (uint32_t)i) < 0)
			return err_set(err, ERR_NOMEM, "no memory for a saved state");
	}
	got = csv_open(&csv, r->memory, "cpu_slabs.csv", cpu_columns, err);
	if (got == 0)
		saved_note(r,
			"cpu_slabs.csv is missing: freelists of CPUs are not known (their slabs count as full), nor the "
			"order of partial slabs of a CPU");
	if (got <= 0)
		return got;
	while ((got = csv_next(&csv, err)) > 0) {
		got = cpu_row(r, &csv, slabs, err);
		if (got < 0)
			break;
	}
	csv_close(&csv);
	return got < 0 ? got : 1;
}

static int by_cache_and_place(const void *a, const void *b)
{
	const struct state_slab *x = &((const struct placed_slab *)a)->slab,
				*y = &((const struct placed_slab *)b)->slab;
	uint64_t x_pos = ((const struct placed_slab *)a)->pos, y_pos = ((const struct placed_slab *)b)->pos;

	if (x->cache != y->cache)
		return x->cache < y->cache ? -1 : 1;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->place == STATE_SLAB_NODE_PARTIAL && x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x_pos != y_pos)
		return x_pos < y_pos ? -1 : 1;
	return (x->pfn > y->pfn) - (x->pfn < y->pfn);
}

static int keep_slabs(struct saved_reader *r, const struct slab_rows *slabs, struct err *err)
{
	struct state *state = r->state;

	state->slabs = calloc(slabs->nr + 1, sizeof(*state->slabs));
	if (!state->slabs)
		return err_set(err, ERR_NOMEM, "no memory for a saved state");
	if (slabs->nr)
		qsort(slabs->rows, slabs->nr, sizeof(*slabs->rows), by_cache_and_place);
	for (size_t i = 0; i < slabs->nr; i++)
		state->slabs[i] = slabs->rows[i].slab;
	state->nr_slabs = slabs->nr;
	return 0;
}

int saved_slabs(struct saved_reader *r, struct err *err)
{
	struct slab_rows slabs = { 0 };
	int got = read_caches(r, err);

	/* slabs.csv names caches of caches.csv, and lies beside free blocks of buddy_free.csv. */
	if (got || !r->state->nr_caches)
		return got;
	if (!r->state->exact_blocks) {
		saved_note(r, "slabs.csv is not read without buddy_free.csv: slabs are laid out at random, too");
		return 0;
	}
	got = read_slabs(r, &slabs, err);
	if (got == 1) {
		got = read_cpu_slabs(r, &slabs, err);
		r->state->exact_slabs = got == 1;
		if (got >= 0)
			got = keep_slabs(r, &slabs, err);
	}
	free(slabs.rows);
	return got;
}
