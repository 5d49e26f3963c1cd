/* First pass: slab caches by name and by kmem_cache, and which of them each object came from. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/gather.h"

#define NO_NAME UINT32_MAX

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the import's caches and objects");
}

void caches_fini(struct gather *g)
{
	idmap_fini(&g->object_index);
	free(g->objects);
	slots_fini(&g->object_slots);
	free(g->caches);
	free(g->created);
	idmap_fini(&g->cache_of_name);
	idmap_fini(&g->cache_of_s);
	idmap_fini(&g->site_caches.index);
	free(g->site_caches.rows);
	idmap_fini(&g->site_sizes.index);
	free(g->site_sizes.rows);
}

uint32_t gather_cache(const struct gather *g, uint32_t cache)
{
	while (cache != CACHE_NONE && g->caches[cache].same != cache)
		cache = g->caches[cache].same;
	return cache;
}

static uint32_t add_cache(struct gather *g, uint32_t name)
{
	if (!array_room(&g->caches, &g->caches_cap, g->nr_caches))
		return CACHE_NONE;
	if (name && idmap_put(&g->cache_of_name, name, g->nr_caches) < 0)
		return CACHE_NONE;
	g->caches[g->nr_caches] = (struct gather_cache){ .name = name, .same = g->nr_caches, .created = NO_NAME };
	return g->nr_caches++;
}

uint32_t gather_cache_named(struct gather *g, uint32_t name)
{
	uint32_t cache = idmap_get(&g->cache_of_name, name);

	return cache != IDMAP_NONE ? gather_cache(g, cache) : add_cache(g, name);
}

/* @cache turned out to be @same, which has a name. */
static void unite(struct gather *g, uint32_t cache, uint32_t same)
{
	struct gather_cache *from = &g->caches[cache], *to = &g->caches[same];
	uint32_t *end = &to->created;

	if (cache == same)
		return;
	while (*end != NO_NAME)
		end = &g->created[*end].next;
	*end = from->created;
	from->created = NO_NAME;
	from->same = same;
	to->older |= from->older;
	to->reclaimable |= from->reclaimable;
	to->accounted |= from->accounted;
	if (!to->slot_size) {
		to->object_size = from->object_size;
		to->slot_size = from->slot_size;
	}
}

/* What the kernel calls the cache; false: no memory. */
static bool learn_name(struct gather *g, uint64_t s, uint32_t cache, uint32_t name)
{
	struct gather_cache *c = &g->caches[cache];
	uint32_t named;

	if (c->name == name) {
		c->guessed_name = false;
		return true;
	}
	named = gather_cache_named(g, name);
	if (named == CACHE_NONE)
		return false;
	c = &g->caches[cache];
	if (!c->name || c->guessed_name)
		unite(g, cache, named);
	else if (s) /* another cache lives at that address now */
		return idmap_put(&g->cache_of_s, s, named) == 0;
	return true;
}

uint32_t caches_at(struct gather *g, uint64_t s, uint32_t name)
{
	uint32_t cache = idmap_get(&g->cache_of_s, s);

	if (cache == IDMAP_NONE) {
		cache = name ? gather_cache_named(g, name) : add_cache(g, 0);
		if (cache == CACHE_NONE || idmap_put(&g->cache_of_s, s, cache) < 0)
			return CACHE_NONE;
		g->caches[cache].older = true;
		return cache;
	}
	if (name && !learn_name(g, s, gather_cache(g, cache), name))
		return CACHE_NONE;
	return gather_cache(g, idmap_get(&g->cache_of_s, s));
}

int caches_create(struct gather *g, struct raw_event *event, struct err *err)
{
	uint32_t cache;

	if (!event->where)
		return 0;
	cache = gather_cache(g, idmap_get(&g->cache_of_s, event->where));
	if (cache == CACHE_NONE) {
		bool known = idmap_get(&g->cache_of_name, event->name) != IDMAP_NONE;

		cache = gather_cache_named(g, event->name);
		if (cache == CACHE_NONE || idmap_put(&g->cache_of_s, event->where, cache) < 0)
			return no_memory(err);
		g->caches[cache].guessed_name = !known;
	}
	if (!array_room(&g->created, &g->created_cap, g->nr_created))
		return no_memory(err);
	g->created[g->nr_created] = (struct created_name){ event->name, g->caches[cache].created };
	g->caches[cache].created = g->nr_created++;
	return 0;
}

/* Of the names of merged caches the one created last goes first: the kernel only counts its users down. */
int caches_destroy(struct gather *g, struct raw_event *event, struct err *err)
{
	uint32_t number = caches_at(g, event->where, 0);
	struct gather_cache *cache;

	if (number == CACHE_NONE)
		return no_memory(err);
	cache = &g->caches[number];
	event->link = number;
	if (cache->created != NO_NAME) {
		event->name = g->created[cache->created].name;
		cache->created = g->created[cache->created].next;
	}
	if (cache->created == NO_NAME && !cache->older)
		idmap_remove(&g->cache_of_s, event->where);
	return 0;
}

static uint64_t tally_hash(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;

	return h ^ (h >> 29);
}

/* Count a vote; the answer kept is the one that has the majority, if one has. */
static int tally_add(struct tallies *t, uint64_t a, uint64_t b, uint32_t answer)
{
	uint64_t hash = tally_hash(a, b);
	uint32_t at = idmap_get(&t->index, hash);
	struct tally *row;

	if (at == IDMAP_NONE) {
		if (!array_room(&t->rows, &t->cap, t->nr))
			return -1;
		if (idmap_put(&t->index, hash, t->nr) < 0)
			return -1;
		t->rows[t->nr++] = (struct tally){ .key = { a, b }, .answer = answer, .lead = 1 };
		return 0;
	}
	row = &t->rows[at];
	if (row->key[0] != a || row->key[1] != b)
		return 0;
	if (row->answer == answer) {
		row->lead++;
	} else if (row->lead-- == 1) {
		row->answer = answer;
		row->lead = 1;
	}
	return 0;
}

static uint32_t tally_get(const struct tallies *t, uint64_t a, uint64_t b, uint32_t none)
{
	uint32_t at = idmap_get(&t->index, tally_hash(a, b));

	if (at == IDMAP_NONE || t->rows[at].key[0] != a || t->rows[at].key[1] != b)
		return none;
	return t->rows[at].answer;
}

static uint64_t site_key(uint32_t call_site, uint64_t bytes_alloc)
{
	return call_site | bytes_alloc << 32;
}

uint32_t gather_site_cache(const struct gather *g, uint32_t call_site, uint64_t bytes_req, uint64_t bytes_alloc)
{
	return gather_cache(g, tally_get(&g->site_caches, site_key(call_site, bytes_alloc), bytes_req, CACHE_NONE));
}

uint32_t gather_site_size(const struct gather *g, uint32_t call_site)
{
	return tally_get(&g->site_sizes, call_site, 0, 0);
}

/* An object of @cache was seen with these sizes at that call site. */
static int note_object(struct gather *g, uint32_t cache, uint32_t call_site, uint32_t bytes_req, uint32_t bytes_alloc)
{
	struct gather_cache *c = &g->caches[cache];

	if (!c->slot_size) {
		c->object_size = bytes_req;
		c->slot_size = bytes_alloc;
	}
	return tally_add(&g->site_caches, site_key(call_site, bytes_alloc), bytes_req, cache);
}

/* The cache of an address by its slab; CACHE_NONE when unknown, or when the sizes say that it cannot be. */
static uint32_t cache_of_page(struct gather *g, uint64_t address, uint64_t bytes_alloc)
{
	const struct gather_block *block = pages_block_of(g, address);
	uint32_t cache = block ? gather_cache(g, block->cache) : CACHE_NONE;

	if (cache == CACHE_NONE || (g->caches[cache].slot_size && g->caches[cache].slot_size != bytes_alloc))
		return CACHE_NONE;
	return cache;
}

static int find_cache(struct gather *g, const struct gather_object *object, uint32_t cache, enum found_by method,
	uint8_t origin, struct err *err)
{
	const struct raw_spool_finding finding = { .link = cache, .origin = origin, .method = (uint8_t)method };

	if (note_object(g, cache, object->call_site, object->bytes_req, object->bytes_alloc) < 0)
		return no_memory(err);
	return raw_spool_find(&g->spool, object->record, &finding, err);
}

/* The object is no longer there, or the recording ends: the last chance to look at its slab. */
static int settle_object(struct gather *g, const struct gather_object *object, uint64_t address, struct err *err)
{
	uint32_t cache;

	if (object->kmalloc || object->cache != CACHE_NONE)
		return 0;
	cache = cache_of_page(g, address, object->bytes_alloc);
	return cache == CACHE_NONE ? 0 : find_cache(g, object, cache, FOUND_SLAB_PAGE, object->origin, err);
}

static int put_object(struct gather *g, uint64_t address, const struct gather_object *object, struct err *err)
{
	uint32_t at = idmap_get(&g->object_index, address);

	if (at != IDMAP_NONE) {
		int code = settle_object(g, &g->objects[at], address, err);

		g->objects[at] = *object;
		return code;
	}
	at = slots_take(&g->object_slots);
	if (at == SLOT_NONE)
		return no_memory(err);
	if (!array_room(&g->objects, &g->objects_cap, at))
		return no_memory(err);
	g->objects[at] = *object;
	return idmap_put(&g->object_index, address, at) < 0 ? no_memory(err) : 0;
}

/* The object that lived at the address, valid until the next is put; NULL: none is known. */
static const struct gather_object *take_object(struct gather *g, uint64_t address)
{
	uint32_t at = idmap_remove(&g->object_index, address);

	if (at == IDMAP_NONE)
		return NULL;
	slots_give(&g->object_slots, at);
	return &g->objects[at];
}

static struct gather_object object_of(const struct gather *g, const struct raw_event *event)
{
	return (struct gather_object){ .record = g->spool.nr, .call_site = event->call_site, .origin = event->origin,
		.bytes_req = (uint32_t)event->size, .bytes_alloc = (uint32_t)event->size_alloc,
		.cache = CACHE_NONE, .kmalloc = event->type == RAW_KMALLOC, .named = event->name != 0 };
}

int caches_alloc(struct gather *g, struct raw_event *event, struct err *err)
{
	struct gather_object object = object_of(g, event);

	event->link = CACHE_NONE;
	if (event->name) {
		event->link = gather_cache_named(g, event->name);
		if (event->link == CACHE_NONE)
			return no_memory(err);
		event->method = FOUND_IN_EVENT;
	} else if (event->where) {
		event->link = cache_of_page(g, event->where, event->size_alloc);
		event->method = event->link != CACHE_NONE ? FOUND_SLAB_PAGE : FOUND_NOT;
	}
	object.cache = event->link;
	if (event->link != CACHE_NONE && event->accounted && !(event->gfp & GFP_BIT_ACCOUNT))
		g->caches[event->link].accounted = true;
	if (event->link != CACHE_NONE &&
	    note_object(g, event->link, event->call_site, object.bytes_req, object.bytes_alloc) < 0)
		return no_memory(err);
	return event->where ? put_object(g, event->where, &object, err) : 0;
}

/* The free named the cache: so its whole slab is of that cache, and its objects that could not be told. */
static int learn_page(struct gather *g, uint64_t address, uint32_t cache, struct err *err)
{
	struct gather_block *block = pages_block_for(g, address);
	uint32_t was;

	if (!block)
		return 0;
	was = gather_cache(g, block->cache);
	if (was == cache)
		return 0;
	if (was != CACHE_NONE && !g->caches[was].name && !learn_name(g, 0, was, g->caches[cache].name))
		return no_memory(err);
	block->cache = cache;
	return 0;
}

int caches_free(struct gather *g, struct raw_event *event, struct err *err)
{
	const struct gather_object *object = take_object(g, event->where);
	int code;

	event->link = CACHE_NONE;
	if (!event->where)
		return 0;
	if (!event->name) {
		const struct gather_block *block = pages_block_of(g, event->where);

		event->link = object && object->cache != CACHE_NONE ? object->cache : block ? block->cache : CACHE_NONE;
		return 0;
	}
	event->link = gather_cache_named(g, event->name);
	if (event->link == CACHE_NONE)
		return no_memory(err);
	code = learn_page(g, event->where, event->link, err);
	event->link = gather_cache(g, event->link);
	if (code < 0 || !object || object->kmalloc || object->named || gather_cache(g, object->cache) == event->link)
		return code;
	return find_cache(g, object, event->link, FOUND_FREE, object->origin, err);
}

int caches_kmalloc(struct gather *g, const struct raw_event *event, struct err *err)
{
	struct gather_object object = object_of(g, event);
	struct gather_block *block;

	if (!event->where)
		return 0;
	block = pages_block_for(g, event->where);
	if (block)
		block->kmalloc_size = object.bytes_alloc;
	return put_object(g, event->where, &object, err);
}

int caches_kfree(struct gather *g, struct raw_event *event, struct err *err)
{
	const struct gather_object *object;
	const struct gather_block *block;

	event->link = 0;
	if (event->where <= ZERO_SIZE_PTR)
		return 0;
	object = take_object(g, event->where);
	if (object) {
		if (object->kmalloc && tally_add(&g->site_sizes, event->call_site, 0, object->bytes_alloc) < 0)
			return no_memory(err);
		return 0;
	}
	/* Older than the recording: objects of one slab have one size. */
	block = pages_block_of(g, event->where);
	if (block && block->kmalloc_size) {
		event->link = block->kmalloc_size;
		event->method = FOUND_SLAB_PAGE;
	}
	return 0;
}

int caches_settle(struct gather *g, struct err *err)
{
	for (size_t i = 0; i < g->object_index.nr_entries; i++) {
		const struct idmap_entry *entry = &g->object_index.entries[i];

		if (entry->value != IDMAP_NONE) {
			int code = settle_object(g, &g->objects[entry->value], entry->key, err);

			if (code < 0)
				return code;
		}
	}
	return 0;
}
