/*
 * slab_names: which cache a name leads to. A cache that was merged into another gives it a further name;
 * names of destroyed caches are kept, so that a later use of one can be told from a name that never was.
 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "mm/slab_priv.h"

/* FNV-1a of as much of the name as is kept. */
static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u;

	for (uint32_t i = 0; i < SLAB_NAME_MAX - 1 && name[i]; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

static bool same_name(const char *a, const char *b)
{
	return !strncmp(a, b, SLAB_NAME_MAX - 1);
}

/* The name is no destroyed cache's any more. */
static void gone_remove(struct slab *slab, const char *name)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < slab->nr_gone; i++)
		if (!same_name(slab->gone[i].name, name))
			slab->gone[kept++] = slab->gone[i];
	slab->nr_gone = kept;
}

int slab_names_add(struct slab *slab, const char *name, uint32_t cache)
{
	struct slab_name *entry;

	/* The second has room for all of the first, too, so that a cache can always be destroyed. */
	if (!array_room(&slab->names, &slab->names_room, slab->nr_names) ||
		!array_room(&slab->gone, &slab->gone_room, slab->nr_gone + slab->nr_names))
		return -1;
	entry = &slab->names[slab->nr_names++];
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->hash = name_hash(name);
	entry->cache = cache;
	gone_remove(slab, name);
	return 0;
}

void slab_names_remove(struct slab *slab, uint32_t cache)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < slab->nr_names; i++) {
		if (slab->names[i].cache != cache)
			slab->names[kept++] = slab->names[i];
		else
			slab->gone[slab->nr_gone++] = slab->names[i];
	}
	slab->nr_names = kept;
}

static const struct slab_name *gone_find(const struct slab *slab, const char *name)
{
	for (uint32_t i = 0; i < slab->nr_gone; i++)
		if (same_name(slab->gone[i].name, name))
			return slab_cache_find(slab, name) == CACHE_NONE ? &slab->gone[i] : NULL;
	return NULL;
}

bool slab_cache_gone(const struct slab *slab, const char *name)
{
	const struct slab_name *gone = gone_find(slab, name);

	return gone && gone->cache != CACHE_NONE;
}

int slab_cache_refuse(struct slab *slab, const char *name)
{
	struct slab_name *entry;

	gone_remove(slab, name);
	if (!array_room(&slab->gone, &slab->gone_room, slab->nr_gone + slab->nr_names))
		return -1;
	entry = &slab->gone[slab->nr_gone++];
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->hash = name_hash(name);
	entry->cache = CACHE_NONE;
	return 0;
}

bool slab_cache_refused(const struct slab *slab, const char *name)
{
	const struct slab_name *gone = gone_find(slab, name);

	return gone && gone->cache == CACHE_NONE;
}

bool slab_cache_name(struct slab *slab, uint32_t cache, const char *name)
{
	return slab_names_add(slab, name, cache) == 0;
}

uint32_t slab_cache_find(const struct slab *slab, const char *name)
{
	uint32_t hash = name_hash(name);

	for (uint32_t i = slab->nr_names; i-- > 0;)
		if (slab->names[i].hash == hash && same_name(slab->names[i].name, name))
			return slab->names[i].cache;
	return CACHE_NONE;
}

static bool has_name(const struct slab *slab, uint32_t cache)
{
	for (uint32_t i = 0; i < slab->nr_names; i++)
		if (slab->names[i].cache == cache && !strcmp(slab->names[i].name, slab->caches[cache].name))
			return true;
	return false;
}

int slab_names_check(const struct slab *slab, struct err *err)
{
	for (uint32_t i = 0; i < slab->nr_names; i++)
		if (!slab_cache_live(slab, slab->names[i].cache))
			return err_set(err, ERR_INVARIANT, "slab 2: %s leads to cache %u, which is gone",
				slab->names[i].name, slab->names[i].cache);
	for (uint32_t cache = 0; cache < slab->nr_caches; cache++)
		if (slab->caches[cache].live && !has_name(slab, cache))
			return err_set(err, ERR_INVARIANT, "slab 2: cache %u is not found by its name %s", cache,
				slab->caches[cache].name);
	return 0;
}
