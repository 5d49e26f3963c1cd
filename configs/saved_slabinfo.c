/* saved_slabinfo: slab caches as the kernel prints them. Which one is merged with which only slab_sysfs.tsv tells. */
#include "configs/saved_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OBJECTS (1ull << 48)
#define MAX_BYTES   (1u << 27)

/* SLAB_* of kernel 6.1, as far as sysfs shows them. */
#define FLAG_HWCACHE_ALIGN   0x2000u
#define FLAG_CACHE_DMA       0x4000u
#define FLAG_RECLAIM_ACCOUNT 0x20000u
#define FLAG_TYPESAFE_BY_RCU 0x80000u
#define FLAG_ACCOUNT         0x4000000u

/* A line of slab_sysfs.tsv: a cache, or another name (link) of one. */
struct sysfs_row {
	struct state_cache cache;
	char link[STATE_NAME_MAX]; /* "-" = none */
};

struct sysfs {
	struct sysfs_row *rows; /* owned */
	size_t nr;
	struct idmap at;        /* by name */
};

enum {
	F_NAME,
	F_LINK,
	F_OBJECT_SIZE,
	F_SIZE,
	F_OBJS,
	F_ORDER,
	F_CPU_PARTIAL,
	F_MIN_PARTIAL,
	F_ALIGN,
	F_ACTIVE,
	F_SLABS,
	F_TOTAL,
	F_HWCACHE,
	F_RECLAIM,
	F_USERSIZE,
	F_DMA,
	F_CTOR,
	F_RCU,
	F_CPU_SLABS,
	F_PARTIAL,
	F_OBJECTS_PARTIAL
};
static const char *const sysfs_columns[] = { "cache", "link", "object_size", "slab_size", "objs_per_slab", "order",
	"cpu_partial?", "min_partial?", "align?", "objects?", "slabs?", "total_objects?", "hwcache_align?",
	"reclaim_account?", "usersize?", "cache_dma?", "ctor?", "destroy_by_rcu?", "cpu_slabs?", "partial?",
	"objects_partial?", NULL };

/* The columns for which mm/slub.c calls show_slab_objects(). */
static const uint32_t counted_columns[] = { F_PARTIAL, F_CPU_SLABS, F_ACTIVE, F_OBJECTS_PARTIAL, F_SLABS, F_TOTAL };

/* Columns that say what a row is; each other one is a file of its directory. */
#define NOT_FILES 2u

static bool is_link(const struct sysfs_row *row)
{
	return strcmp(row->link, "-") != 0;
}

/* "14336 N0=14336": the number before what each node has. */
static uint64_t first_number(struct csv *csv, uint32_t column, uint64_t max, struct err *err)
{
	const char *at = NULL;
	uint64_t value = 0;

	return csv_item(csv, column, &at, max, &value, err) ? value : 0;
}

static uint32_t sysfs_u32(struct csv *csv, uint32_t column, uint32_t max, struct err *err)
{
	return (uint32_t)first_number(csv, column, max, err);
}

/* Merged caches are named after what makes them alike, ":A-0000032": d DMA, a reclaimable, A accounted. */
static uint32_t sysfs_flags(struct csv *csv, const char *name, struct err *err)
{
	uint32_t flags = 0;

	flags |= first_number(csv, F_HWCACHE, 1, err) ? FLAG_HWCACHE_ALIGN : 0;
	flags |= first_number(csv, F_DMA, 1, err) ? FLAG_CACHE_DMA : 0;
	flags |= first_number(csv, F_RECLAIM, 1, err) ? FLAG_RECLAIM_ACCOUNT : 0;
	flags |= first_number(csv, F_RCU, 1, err) ? FLAG_TYPESAFE_BY_RCU : 0;
	if (name[0] == ':' && strchr(name, '-') && memchr(name, 'A', strcspn(name, "-")))
		flags |= FLAG_ACCOUNT;
	return flags;
}

static void sysfs_row(struct csv *csv, struct sysfs_row *row, struct err *err)
{
	const char *name = csv_text(csv, F_NAME);
	struct state_cache *cache = &row->cache;

	*row = (struct sysfs_row){ 0 };
	snprintf(cache->name, sizeof(cache->name), "%s", name);
	snprintf(row->link, sizeof(row->link), "%s", csv_text(csv, F_LINK));
	if (is_link(row))
		return;
	cache->object_size = sysfs_u32(csv, F_OBJECT_SIZE, MAX_BYTES, err);
	cache->size = sysfs_u32(csv, F_SIZE, MAX_BYTES, err);
	cache->align = sysfs_u32(csv, F_ALIGN, MAX_BYTES, err);
	cache->order = sysfs_u32(csv, F_ORDER, SAVED_MAX_ORDER, err);
	cache->objs_per_slab = sysfs_u32(csv, F_OBJS, UINT16_MAX, err);
	cache->min_partial = sysfs_u32(csv, F_MIN_PARTIAL, UINT32_MAX, err);
	cache->cpu_partial = sysfs_u32(csv, F_CPU_PARTIAL, UINT32_MAX, err);
	cache->active_objs = first_number(csv, F_ACTIVE, MAX_OBJECTS, err);
	cache->slabs = first_number(csv, F_SLABS, MAX_OBJECTS, err);
	cache->objects = first_number(csv, F_TOTAL, MAX_OBJECTS, err);
	cache->cpu_slabs = first_number(csv, F_CPU_SLABS, MAX_OBJECTS, err);
	cache->ctor = *csv_text(csv, F_CTOR) != '\0';
	cache->no_merge = name[0] != ':';
	cache->flags = sysfs_flags(csv, name, err);
	if (!cache->size || !cache->objs_per_slab)
		csv_wrong(csv, F_SIZE, err, "objects of at least 1 byte, at least 1 in a slab");
}

static int read_sysfs(struct saved_reader *r, struct sysfs *sysfs, struct err *err)
{
	struct state_slab_table *table = &r->state->slab_table;
	struct csv csv;
	int got = csv_open(&csv, r->dir, "slab_sysfs.tsv", sysfs_columns, err);

	if (got <= 0)
		return got;
	table->files = csv.nr_fields - NOT_FILES;
	for (size_t i = 0; i < sizeof(counted_columns) / sizeof(counted_columns[0]); i++)
		table->counted += csv_has(&csv, counted_columns[i]);
	while ((got = csv_next(&csv, err)) > 0) {
		got = saved_grow(&sysfs->rows, sysfs->nr, sizeof(*sysfs->rows), err);
		if (got < 0)
			break;
		sysfs_row(&csv, &sysfs->rows[sysfs->nr], err);
		if (idmap_put(&sysfs->at, saved_hash(sysfs->rows[sysfs->nr].cache.name), (uint32_t)sysfs->nr) < 0) {
			got = err_set(err, ERR_NOMEM, "no memory for a saved state");
			break;
		}
		*(is_link(&sysfs->rows[sysfs->nr]) ? &table->links : &table->dirs) += 1;
		sysfs->nr++;
	}
	csv_close(&csv);
	return got;
}

/* The cache that @name means, itself or by its link, or NULL. */
static const struct state_cache *sysfs_find(const struct sysfs *sysfs, const char *name)
{
	uint32_t at = idmap_get(&sysfs->at, saved_hash(name));

	if (at != IDMAP_NONE && is_link(&sysfs->rows[at]))
		at = idmap_get(&sysfs->at, saved_hash(sysfs->rows[at].link));
	return at != IDMAP_NONE && !is_link(&sysfs->rows[at]) ? &sysfs->rows[at].cache : NULL;
}

/* "name active objects size objs_per_slab pages_per_slab : tunables ... : slabdata active_slabs slabs shared". */
static bool slabinfo_line(const char *line, struct state_cache *cache)
{
	uint32_t pages;

	if (sscanf(line, "%63s %" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNu32 " %" SCNu32
			" : tunables %*u %*u %*u : slabdata %*u %" SCNu64, cache->name, &cache->active_objs, &cache->objects,
			&cache->size, &cache->objs_per_slab, &pages, &cache->slabs) != 7)
		return false;
	if (!cache->size || !cache->objs_per_slab || !pages || pages > 1u << SAVED_MAX_ORDER)
		return false;
	if (cache->slabs > cache->objects)
		return false; /* a slab has an object at least */
	cache->object_size = cache->size;
	cache->order = (uint32_t)__builtin_ctz(pages);
	return true;
}

static void take_cache(struct state_cache *to, const struct state_cache *line, const struct state_cache *sysfs)
{
	*to = sysfs ? *sysfs : *line;
	memcpy(to->name, line->name, sizeof(to->name));
	to->active_objs = line->active_objs;
	to->objects = line->objects;
	to->slabs = line->slabs;
}

/* The caches of the dump are complete: only how many objects are in use is told here alone. */
static void take_active(struct saved_reader *r, const struct state_cache *line)
{
	uint32_t at = idmap_get(&r->cache_at, saved_hash(line->name));

	if (at != IDMAP_NONE && !strcmp(r->state->caches[at].name, line->name))
		r->state->caches[at].active_objs = line->active_objs;
}

/* The oldest cache comes last: kmem_cache, or in a file of `kmemsim proc` a kmalloc cache. */
static void note_cut(const struct saved_reader *r, const char *last)
{
	if (strcmp(last, "kmem_cache") && strncmp(last, "kmalloc-", strlen("kmalloc-")))
		saved_note(r, "slabinfo ends with %s, so it was cut: older caches, kmalloc's among them, are not known",
			last[0] ? last : "its header");
}

static int parse_slabinfo(struct saved_reader *r, char *text, const char *path, const struct sysfs *sysfs,
	struct err *err)
{
	struct state *state = r->state;
	bool dumped = state->nr_caches > 0;
	struct state_cache cache = { 0 };
	uint32_t number = 0;
	char *line;

	while ((line = text_next_line(&text))) {
		int ret;

		number++;
		if (line[0] == '#' || !strncmp(line, "slabinfo - version", strlen("slabinfo - version")))
			continue;
		cache = (struct state_cache){ 0 };
		if (!slabinfo_line(line, &cache))
			return err_set(err, ERR_CONFIG,
				"%s:%" PRIu32 ": expected a cache as slabinfo version 2.1 has it", path, number);
		if (dumped) {
			take_active(r, &cache);
			continue;
		}
		ret = saved_grow(&state->caches, state->nr_caches, sizeof(*state->caches), err);
		if (ret < 0)
			return ret;
		take_cache(&state->caches[state->nr_caches++], &cache, sysfs_find(sysfs, cache.name));
	}
	note_cut(r, cache.name);
	return 0;
}

/* Return: 1 when the file was there. */
static int read_slabinfo(struct saved_reader *r, const struct sysfs *sysfs, struct err *err)
{
	char used[TEXT_PATH_MAX], *text;
	int got = saved_text(r, "slabinfo", SAVED_TEXT_MAX, &text, used, err);

	if (got <= 0)
		return got;
	got = parse_slabinfo(r, text, used, sysfs, err);
	free(text);
	return got < 0 ? got : 1;
}

/* Only the root user may read slabinfo. */
static int caches_of_sysfs(struct saved_reader *r, const struct sysfs *sysfs, struct err *err)
{
	struct state *state = r->state;

	for (size_t i = 0; i < sysfs->nr; i++) {
		int ret;

		if (is_link(&sysfs->rows[i]))
			continue;
		ret = saved_grow(&state->caches, state->nr_caches, sizeof(*state->caches), err);
		if (ret < 0)
			return ret;
		state->caches[state->nr_caches++] = sysfs->rows[i].cache;
	}
	return 0;
}

static void note_caches(const struct saved_reader *r, size_t nr_sysfs, bool slabinfo)
{
	if (!nr_sysfs && !slabinfo)
		saved_note(r, "neither caches.csv nor slabinfo nor slab_sysfs.tsv is there: slab caches are not known");
	else if (!nr_sysfs)
		saved_note(r,
			"slab_sysfs.tsv is missing: sizes of objects, flags and partial lists of caches are not known");
	else if (!slabinfo)
		saved_note(r, "slabinfo is missing: merged caches go by the name of what they have in common");
	if (nr_sysfs || slabinfo)
		saved_note(r,
			"caches.csv is missing: where objects of a slab are free, and in which order, is not known");
}

int saved_slabinfo(struct saved_reader *r, struct err *err)
{
	struct sysfs sysfs = { 0 };
	bool dumped = r->state->nr_caches > 0;
	int got = read_sysfs(r, &sysfs, err), lines = 0;

	if (!got)
		lines = got = read_slabinfo(r, &sysfs, err);
	if (got == 0 && !dumped)
		got = caches_of_sysfs(r, &sysfs, err);
	if (got >= 0 && !dumped)
		note_caches(r, sysfs.nr, lines == 1);
	idmap_fini(&sysfs.at);
	free(sysfs.rows);
	return got < 0 ? got : 0;
}
