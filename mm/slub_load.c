/*
 * Starting from slabs that were saved: each with its freelist and in its place, or, where only counts were saved, slabs
 * that make up those counts.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "mm/slub_priv.h"

/** A load on its way. */
struct slub_load {
	struct slub *slub;
	const struct state *saved;
	const uint32_t *cache_of;
	uint8_t *seen;          /* owned: marks of the objects of one slab */
	uint64_t *taken;        /* owned: a bit for each page that a slab has already */
	struct slab_load_report *report;
	struct err *err;
};

static int refuse(const struct slub_load *load, const struct state_slab *s, const char *what)
{
	return err_set(load->err, ERR_CONFIG, "slab at page %" PRIu64 " of cache %s: %s", s->pfn,
		load->saved->caches[s->cache].name, what);
}

/* The saved permutation takes the place of the one that was drawn. */
static int load_sequence(const struct slub_load *load, const struct state_cache *saved, struct slub_cache *cache)
{
	uint32_t nr = cache->geometry.objs_per_slab;

	free(cache->random_seq);
	cache->random_seq = NULL;
	if (!saved->random_seq)
		return 0;
	memset(load->seen, 0, nr);
	for (uint32_t i = 0; i < saved->nr_random_seq && i < nr; i++)
		if (saved->random_seq[i] < nr)
			load->seen[saved->random_seq[i]] = 1;
	if (saved->nr_random_seq != nr || memchr(load->seen, 0, nr))
		return err_set(load->err, ERR_CONFIG, "cache %s: its random sequence of %u numbers is no order of %u "
			"objects", saved->name, saved->nr_random_seq, nr);
	cache->random_seq = malloc(nr * sizeof(*cache->random_seq));
	if (!cache->random_seq)
		return err_set(load->err, ERR_NOMEM, "cache %s: no memory for its random sequence", saved->name);
	memcpy(cache->random_seq, saved->random_seq, nr * sizeof(*cache->random_seq));
	return 0;
}

/* Chains the objects of one saved freelist. Return: its head; *ok is cleared when an object is there twice. */
static uint16_t chain(const struct slub_load *load, const struct slub_slab *slab, const uint16_t *list, uint32_t nr,
	bool *ok)
{
	uint16_t *links = slub_links(load->slub, slab), head = OBJECT_NONE;

	for (uint32_t i = nr; i-- > 0;) {
		if (list[i] >= slab->objects || load->seen[list[i]]) {
			*ok = false;
			return OBJECT_NONE;
		}
		load->seen[list[i]] = 1;
		links[list[i]] = head;
		head = list[i];
	}
	return head;
}

static bool fits_cache(const struct slab_geometry *g, const struct state_slab *s)
{
	return (s->order == g->order && s->objects == g->objs_per_slab) ||
		(s->order == g->min_order && s->objects == g->min_objs);
}

static bool is_taken(const struct slub_load *load, const struct state_slab *s)
{
	uint32_t end = (uint32_t)(s->pfn + (1ull << s->order));

	return bitmap_next_set(load->taken, (uint32_t)s->pfn, end) < end;
}

static int check_saved(const struct slub_load *load, const struct state_slab *s)
{
	const struct slub *slub = load->slub;
	bool on_cpu = s->place == STATE_SLAB_CPU || s->place == STATE_SLAB_CPU_PARTIAL;

	if (!fits_cache(&slub->caches[load->cache_of[s->cache]].geometry, s))
		return refuse(load, s, "its order and objects are not those of its cache");
	if (on_cpu && s->cpu >= slub->nr_cpus)
		return refuse(load, s, "it is of a CPU that the machine does not have");
	if (s->pfn >= SLAB_NUMBERS_MAX || !page_alloc_allocated(slub->pages, s->pfn, s->order))
		return refuse(load, s, "the machine has no such pages, or they are free");
	if (is_taken(load, s))
		return refuse(load, s, "another slab has pages of it");
	if (s->inuse + s->nr_freelist != s->objects)
		return refuse(load, s, "objects in use and on its freelist are not all that it has");
	if (s->place == STATE_SLAB_NODE_PARTIAL && !s->nr_freelist)
		return refuse(load, s, "it is on a node's list but has no free object");
	return 0;
}

static int place_on_cpu(const struct slub_load *load, const struct state_slab *s, uint32_t number)
{
	struct slub *slub = load->slub;
	struct slub_op op = slub_op_of(slub, load->cache_of[s->cache], s->cpu, NULL);
	const struct slub_slab *slab = &slub->store.slabs[number];
	bool ok = true;

	if (op.c->slab != SLAB_NONE)
		return refuse(load, s, "its CPU has another slab of this cache already");
	slub_load(&op, number);
	if (!load->saved->exact_slabs) {
		op.c->freelist = slub_guess_freelist(slub, slab, load->seen, slub_guess_free(slab));
		op.cache->loaded_objects -= slub_guess_free(slab);
		load->report->objects_assumed += slab->inuse;
		return 0;
	}
	op.c->freelist = chain(load, slab, s->cpu_freelist, s->nr_cpu_freelist, &ok);
	return ok ? 0 : refuse(load, s, "its CPU freelist names an object twice, or one that it does not have");
}

/*
 * Slabs are met last one first, so each goes to the head of its list or the top of its stack. One that is said to be
 * full but has free objects was being moved when the state was saved.
 */
static int place_slab(const struct slub_load *load, const struct state_slab *s, uint32_t number)
{
	struct slub *slub = load->slub;
	struct slub_op op;

	switch (s->place) {
	case STATE_SLAB_CPU:
		return place_on_cpu(load, s, number);
	case STATE_SLAB_CPU_PARTIAL:
		op = slub_op_of(slub, load->cache_of[s->cache], s->cpu, NULL);
		slub_cpu_partial_put(&op, number, false);
		return 0;
	case STATE_SLAB_NODE_PARTIAL:
		slub_partial_add(slub, number, false);
		return 0;
	case STATE_SLAB_FULL:
		if (!s->nr_freelist)
			return 0;
		load->report->slabs_in_transit++;
		slub_partial_add(slub, number, true);
	}
	return 0;
}

static int load_slab(const struct slub_load *load, const struct state_slab *s)
{
	struct slub *slub = load->slub;
	struct slub_cache *cache = &slub->caches[load->cache_of[s->cache]];
	bool ok = true;
	struct slub_slab *slab;
	uint32_t number;
	int ret = check_saved(load, s);

	if (ret < 0)
		return ret;
	number = slub_store_take(&slub->store, s->objects);
	if (number == SLAB_NONE)
		return refuse(load, s, "no room to follow it");
	slab = &slub->store.slabs[number];
	bitmap_set(load->taken, (uint32_t)s->pfn, (uint32_t)s->pfn + (1u << s->order));
	slab->pfn = (uint32_t)s->pfn;
	slab->cache = load->cache_of[s->cache];
	slab->order = (unsigned int)s->order & 31;
	slab->place = SLUB_FULL;
	slab->node = (uint8_t)page_alloc_node_of(slub->pages, s->pfn);
	slab->inuse = s->inuse;
	memset(load->seen, 0, s->objects);
	slab->freelist = chain(load, slab, s->freelist, s->nr_freelist, &ok);
	if (!ok)
		return refuse(load, s, "its freelist names an object twice, or one that it does not have");
	slub_adopt(slub, number);
	cache->loaded_objects += s->inuse - (s->place == STATE_SLAB_CPU ? s->nr_cpu_freelist : 0);
	load->report->slabs++;
	return place_slab(load, s, number);
}

static int load_slabs(const struct slub_load *load)
{
	const struct state *saved = load->saved;
	int ret = 0;

	for (size_t i = 0; !ret && i < saved->nr_caches; i++)
		ret = load_sequence(load, &saved->caches[i], &load->slub->caches[load->cache_of[i]]);
	for (size_t i = saved->nr_slabs; !ret && i-- > 0;) {
		if (saved->slabs[i].cache >= saved->nr_caches)
			return err_set(load->err, ERR_CONFIG, "slab at page %" PRIu64 " is of no cache",
				saved->slabs[i].pfn);
		ret = load_slab(load, &saved->slabs[i]);
	}
	return ret;
}

int slub_load_state(void *state, const struct state *saved, const uint32_t *cache_of, struct slab_load_report *report,
	struct err *err)
{
	struct slub_load load = { .slub = state, .saved = saved, .cache_of = cache_of, .report = report, .err = err,
		.seen = malloc(SLAB_OBJECTS_MAX + 1) };
	int ret = 0;

	load.taken = calloc(bitmap_words((uint32_t)page_alloc_end(load.slub->pages) + 1), sizeof(*load.taken));
	if (!load.seen || !load.taken)
		ret = err_set(err, ERR_NOMEM, "no memory to read slabs and their freelists");
	else if (saved->exact_slabs || saved->nr_slabs)
		ret = load_slabs(&load);
	else
		ret = slub_build_slabs(load.slub, saved, cache_of, report, err);
	free(load.taken);
	free(load.seen);
	return ret;
}
