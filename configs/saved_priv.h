/* saved_state: what its files share while they read. */
#ifndef KMEMSIM_CONFIGS_SAVED_PRIV_H
#define KMEMSIM_CONFIGS_SAVED_PRIV_H

#include <stdio.h>

#include "base/idmap.h"
#include "configs/csv.h"
#include "configs/saved_state.h"
#include "configs/zoneinfo.h"

#define SAVED_MAX_PFN   ZONEINFO_MAX_PFN
#define SAVED_TEXT_MAX  (16u << 20)  /* bytes of a text file */
#define SAVED_MAX_ORDER 15           /* as state.block_counts has room for */
#define SAVED_NR_TYPES  6            /* migratetypes */
#define SAVED_NR_TEXTS  16           /* more than a state has text files */

struct saved_chunk {
	struct saved_chunk *next;
	size_t nr, cap;              /* object numbers */
	uint16_t numbers[];
};

/* What saved_state_read() hands out: the state, and behind it what its lists of objects live in. */
struct saved {
	struct state state;          /* first: saved_state_free() gets its address */
	struct saved_chunk *chunks;  /* owned, latest first */
};

struct saved_reader {
	struct saved *saved;
	struct state *state;         /* in saved */
	char dir[TEXT_PATH_MAX];     /* of the text files */
	char memory[TEXT_PATH_MAX];  /* of the .csv files */
	FILE *notes;                 /* borrowed; may be NULL */
	bool text_zones;             /* the zones are those of zoneinfo */
	const char *unusable[SAVED_NR_TEXTS]; /* names of files of which it has been told; NULL behind the last */
	struct idmap cache_at;       /* index of a cache, by a hash of its name */
	struct idmap slab_at;        /* index of a slab, by pfn */
};

/** saved_note() - tell the user one thing that is missing or assumed. */
void saved_note(const struct saved_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * saved_text() - text_read_in() of a text file of the state, up to @limit bytes. One that only the root user may read,
 * or that is empty, as a copy of such a file is, counts as missing; that is told once.
 */
int saved_text(struct saved_reader *r, const char *name, size_t limit, char **text, char used[TEXT_PATH_MAX],
	struct err *err);

/** saved_grow() - room for one more behind @nr elements in an array that only this function has sized. */
int saved_grow(void *array, size_t nr, size_t size, struct err *err);

/** saved_list() - read a field as object numbers below @limit, times @unit; they live as long as the state. */
int saved_list(struct saved_reader *r, struct csv *csv, uint32_t column, uint32_t unit, uint32_t limit,
	const uint16_t **list, uint32_t *nr, struct err *err);

/** saved_zone_of() - index of a zone by the columns node and zone; 0 after csv_wrong(). */
uint16_t saved_zone_of(const struct saved_reader *r, struct csv *csv, uint32_t node, uint32_t zone,
	struct err *err);

/** saved_type_of() - a migratetype by its name as pagetypeinfo prints it. Return: -1 when it is none. */
int saved_type_of(const char *name);

/** saved_hash() - of a name, for an idmap. */
uint64_t saved_hash(const char *name);

/** saved_zoneinfo() - zones from zoneinfo, when there is one. */
int saved_zoneinfo(struct saved_reader *r, struct err *err);
/**
 * saved_named_zones() - without zoneinfo: the zones that file
 * @name tells free blocks of, with nothing else known of them.
 */
int saved_named_zones(struct saved_reader *r, const char *name, struct err *err);

/** saved_proc() - counts from pagetypeinfo, buddyinfo and vmstat, beside what the dump has. */
int saved_proc(struct saved_reader *r, struct err *err);

/**
 * saved_lru() - how much is on LRU lists (zoneinfo, else vmstat, else meminfo); swap, per-CPU memory,
 * unused dentries. After saved_proc().
 */
int saved_lru(struct saved_reader *r, struct err *err);

/** saved_slabinfo() - caches from slabinfo and slab_sysfs.tsv; only active_objs when caches.csv was there. */
int saved_slabinfo(struct saved_reader *r, struct err *err);

/** saved_vmallocinfo() - areas of the vmalloc space, when vmallocinfo is there. */
int saved_vmallocinfo(struct saved_reader *r, struct err *err);

/** saved_memory() - zones (also of zoneinfo), free blocks, per-CPU pages, kinds of pages, trace entries. */
int saved_memory(struct saved_reader *r, struct err *err);

/** saved_slabs() - caches.csv, slabs.csv, cpu_slabs.csv, as far as they are there. */
int saved_slabs(struct saved_reader *r, struct err *err);

#endif
