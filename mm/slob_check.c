/* The invariants of SLOB, numbered as in slob_priv.h. */
#include <stdlib.h>

#include "mm/slob_priv.h"

#define broken(err, ...) err_set(err, ERR_INVARIANT, __VA_ARGS__)

/* What a walk has found, to be held against the pages and caches themselves. */
struct slob_walk {
	const struct slob *slob;
	uint8_t *found;       /* owned: by page number, whether it was met on a list */
	uint64_t *objects;    /* owned: by cache, objects met */
	uint64_t held;
};

static int check_list(struct slob_walk *walk, enum slob_list list, struct err *err)
{
	const struct slob *slob = walk->slob;
	uint32_t prev = SLOB_NONE;

	for (uint32_t number = slob->head[list]; number != SLOB_NONE; number = slob->pages[number].next) {
		const struct slob_page *page = &slob->pages[number];

		if (number >= slob->nr_pages || walk->found[number] || page->list != list || page->prev != prev)
			return broken(err,
				"slob 2: page %u on list %d does not exist, says otherwise, was met before or is not "
				"behind page %u",
				number, (int)list, prev);
		walk->found[number] = 1;
		prev = number;
	}
	if (slob->tail[list] != prev)
		return broken(err, "slob 2: list %d ends with page %u, not %u", (int)list, prev, slob->tail[list]);
	return 0;
}

/* Where the first free block or object at or after @at begins is @at itself: the two fill the page. */
static int check_blocks(struct slob_walk *walk, uint32_t number, struct err *err)
{
	const struct slob *slob = walk->slob;
	const struct slob_page *page = &slob->pages[number];
	const uint16_t *words = slob_words(slob, number);
	uint32_t next = page->list == SLOB_FULL ? slob->page_units : page->freelist, units = 0, at = 0, blocks = 0;
	bool after_free = false;

	while (at < slob->page_units) {
		struct slab_object object = { number, at };
		uint32_t cache;

		if (at == next) {
			if (after_free || slob_starts(slob, object))
				return broken(err,
					"slob %d: page %u: free block at %u touches another, or is an object",
					after_free ? 1 : 3, number, at);
			units += slob_block_units(words, at);
			blocks++;
			next = slob_block_next(words, at);
			at += slob_block_units(words, at);
			if (next < at || at == object.index || at - object.index > page->largest)
				return broken(err, "slob 1: page %u: the free block behind unit %u is at %u", number,
					at, next);
			after_free = true;
			continue;
		}
		cache = words[at];
		if (!slob_starts(slob, object) || next < at)
			return broken(err, "slob 3: page %u: neither an object nor a free block is at %u", number, at);
		if (cache != SLOB_KMALLOC && (cache >= slob->nr_caches || !slob->caches[cache].live))
			return broken(err, "slob 4: page %u: the object at %u is of cache %u, which is gone", number,
				at, cache);
		if (cache != SLOB_KMALLOC)
			walk->objects[cache]++;
		at += slob_object_units(slob, object);
		after_free = false;
	}
	if (at != slob->page_units || units != (page->list == SLOB_FULL ? 0 : page->units) ||
			blocks != (page->list == SLOB_FULL ? 0 : page->blocks))
		return broken(err, "slob 1: page %u: %u free units, counted %u; blocks end at %u", number, units,
			page->units, at);
	return 0;
}

static int check_page(struct slob_walk *walk, uint32_t number, struct err *err)
{
	const struct slob *slob = walk->slob;
	const struct slob_page *page = &slob->pages[number];

	if (page_alloc_owner(slob->page_alloc, page->pfn) != number + 1)
		return broken(err, "slob 5: the owner word of page %u is %u", number,
			page_alloc_owner(slob->page_alloc, page->pfn));
	if (page->list == SLOB_WHOLE) {
		if (page->cache >= slob->nr_caches || !slob->caches[page->cache].live)
			return broken(err, "slob 4: page %u is of cache %u, which is gone", number, page->cache);
		walk->objects[page->cache]++;
		return 0;
	}
	walk->held++;
	if (walk->found[number] != (page->list < NR_SLOB_LISTS) || (page->list == SLOB_FULL) != !page->units ||
			page->units == slob->page_units)
		return broken(err, "slob 2: page %u with %u free units is on list %u, met there: %u", number,
			page->units, page->list, walk->found[number]);
	return check_blocks(walk, number, err);
}

static int check_numbers(const struct slob_walk *walk, struct err *err)
{
	const struct slob *slob = walk->slob;
	uint32_t unused = 0, chained = 0;

	for (uint32_t number = 0; number < slob->nr_pages; number++)
		unused += slob->pages[number].list == SLOB_UNUSED;
	for (uint32_t number = slob->unused; number != SLOB_NONE && chained <= unused; chained++) {
		if (number >= slob->nr_pages || slob->pages[number].list != SLOB_UNUSED)
			return broken(err, "slob 6: page number %u is on the unused chain", number);
		number = slob->pages[number].next;
	}
	if (chained != unused || walk->held != slob->held)
		return broken(err, "slob 6: %u numbers are unused, %u on the chain; %llu pages held, counted %llu",
			unused, chained, (unsigned long long)walk->held, (unsigned long long)slob->held);
	return 0;
}

static int check_all(struct slob_walk *walk, struct err *err)
{
	const struct slob *slob = walk->slob;
	int ret = 0;

	for (int list = 0; !ret && list < NR_SLOB_LISTS; list++)
		ret = check_list(walk, (enum slob_list)list, err);
	for (uint32_t number = 0; !ret && number < slob->nr_pages; number++)
		if (slob->pages[number].list != SLOB_UNUSED)
			ret = check_page(walk, number, err);
	for (uint32_t cache = 0; !ret && cache < slob->nr_caches; cache++)
		if (slob->caches[cache].live && walk->objects[cache] != slob->caches[cache].live_objs)
			ret = broken(err, "slob 4: cache %u has %llu objects, counted %llu", cache,
				(unsigned long long)walk->objects[cache],
				(unsigned long long)slob->caches[cache].live_objs);
	return ret ? ret : check_numbers(walk, err);
}

int slob_check(const void *state, struct err *err)
{
	const struct slob *slob = state;
	struct slob_walk walk = {
		.slob = slob,
		.found = calloc((size_t)slob->nr_pages + 1, 1),
		.objects = calloc((size_t)slob->nr_caches + 1, sizeof(*walk.objects)),
	};
	int ret;

	if (walk.found && walk.objects)
		ret = check_all(&walk, err);
	else
		ret = err_set(err, ERR_NOMEM, "no memory to check %u pages", slob->nr_pages);
	free(walk.found);
	free(walk.objects);
	return ret;
}
