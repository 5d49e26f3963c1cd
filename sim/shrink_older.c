/*
 * shrink_older: dentries, inodes, extents and buffer heads of an initial state that the trace does not know,
 * and that nobody uses: under pressure they go before those that it knows, which are younger.
 *
 * Which dentry has which inode no saved file tells, nor which file a buffer head is of: the first dentry by address
 * gets the first inode, and pages take as many buffer heads with them as there are for each. How many dentries
 * nobody uses fs/dentry-state tells. Where it was not saved, those of files in memory and of sockets stay, and as
 * many as inode_cache has inodes: nearly all of these are of tracefs and debugfs, whose names the kernel holds.
 * Simplified: an inode goes with its dentry; dentries of one slab are of
 * one age and go together, slabs in an order that is drawn by the seed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/rng.h"
#include "sim/adopt_priv.h"
#include "sim/reclaim_priv.h"

#define NR_CLASSES (SHRINK_HEAD + 1)
#define NO_OBJECT  ((struct slab_object){ OBJECT_NONE, 0 })

struct older_entry {
	struct slab_object dentry, inode; /* or an extent; NO_OBJECT: it has none */
};

struct object_stack {
	struct slab_object *objects; /* owned */
	uint32_t nr, cap;
};

struct shrink_older {
	struct older_entry *entries[NR_SB]; /* owned; the last one goes next */
	uint32_t nr[NR_SB];
	struct object_stack blobs, heads;   /* the same */
	uint64_t file_pages, all_heads;     /* in the beginning */
};

/* What is there of a class, while it is loaded: by address. */
struct found {
	struct object_stack of[NR_CLASSES];
	uint32_t taken[NR_CLASSES];
};

void shrink_older_fini(struct run *run)
{
	struct shrink_older *o = run->reclaim.older;

	if (!o)
		return;
	for (int sb = 0; sb < NR_SB; sb++)
		free(o->entries[sb]);
	free(o->blobs.objects);
	free(o->heads.objects);
	free(o);
}

/* ---- What there is ---- */

static uint64_t key_of(struct slab_object object)
{
	return (uint64_t)object.slab << 32 | object.index;
}

/* The objects that the trace knows. */
static int find_known(const struct run *run, struct idmap *known)
{
	for (uint32_t slot = 0; slot < run->nr_objects; slot++) {
		const struct object *object = &run->objects[slot];

		if (object->slab < OBJECT_TAGS && run->ops[object->op].lru &&
			idmap_put(known, key_of(slab_part(object)), slot) < 0)
			return -1;
	}
	return 0;
}

static enum shrink_class class_of_cache(const struct run *run, uint32_t cache)
{
	struct slab_stats stats;
	enum shrink_class class;

	slab_cache_stats(run->mm.slab, cache, &stats);
	class = shrink_class_of(stats.name);
	return class < NR_CLASSES ? class : SHRINK_NOTHING;
}

static bool push(struct object_stack *stack, struct slab_object object)
{
	if (!array_room(&stack->objects, &stack->cap, stack->nr))
		return false;
	stack->objects[stack->nr++] = object;
	return true;
}

/* @list stands by cache. */
static bool sort_out(const struct run *run, struct found *found, const struct adopt_object *list, uint32_t nr,
	const struct idmap *known)
{
	enum shrink_class class = SHRINK_NOTHING;

	for (uint32_t i = 0; i < nr && list[i].kind < ADOPT_LARGE; i++) {
		if (!i || list[i].kind != list[i - 1].kind)
			class = class_of_cache(run, list[i].kind);
		if (class != SHRINK_NOTHING && idmap_get(known, key_of(list[i].object)) == IDMAP_NONE &&
			!push(&found->of[class], list[i].object))
			return false;
	}
	return true;
}

static int find_unknown(struct run *run, struct found *found, struct err *err)
{
	struct idmap known = { 0 };
	struct adopt_object *list = NULL;
	uint32_t nr = 0;
	int ret = adopt_list_objects(run, &list, &nr, err);

	if (ret == 0 && (find_known(run, &known) < 0 || !sort_out(run, found, list, nr, &known)))
		ret = err_set(err, ERR_NOMEM, "no memory for the objects of the initial state");
	idmap_fini(&known);
	free(list);
	return ret;
}

/* ---- Which of them nobody uses ---- */

static uint32_t left_of(const struct found *found, enum shrink_class class)
{
	return found->of[class].nr - found->taken[class];
}

static struct slab_object take(struct found *found, enum shrink_class class)
{
	return left_of(found, class) ? found->of[class].objects[found->taken[class]++] : NO_OBJECT;
}

/* @nr entries, as many dentries as @dentries lets. */
static bool make_entries(struct shrink_older *o, enum sb sb, struct found *found, enum shrink_class inode, uint32_t nr,
	uint64_t *dentries)
{
	struct older_entry *entries = realloc(o->entries[sb], ((size_t)o->nr[sb] + nr + 1) * sizeof(*entries));

	if (!entries)
		return false;
	o->entries[sb] = entries;
	for (uint32_t i = 0; i < nr; i++) {
		struct older_entry entry = { .dentry = NO_OBJECT, .inode = NO_OBJECT };

		if (*dentries && left_of(found, SHRINK_DENTRY)) {
			entry.dentry = take(found, SHRINK_DENTRY);
			(*dentries)--;
		}
		if (inode != SHRINK_NOTHING)
			entry.inode = take(found, inode);
		entries[o->nr[sb]++] = entry;
	}
	return true;
}

/* Unused dentries that the trace does not know. */
static uint64_t unused_dentries(const struct run *run, const struct found *found)
{
	const struct state *state = run->options->initial;
	uint64_t all = found->of[SHRINK_DENTRY].nr, kept = found->of[SHRINK_INODE_KEPT].nr, known = 0;

	if (!state->dentries_told) {
		kept += found->of[SHRINK_INODE_KERNFS].nr;
		return all > kept ? all - kept : 0;
	}
	for (unsigned int sb = 0; sb <= SB_DISK; sb++)
		known += shrinkers_unused(run, sb);
	return min_u64(all, state->dentries_unused > known ? state->dentries_unused - known : 0);
}

static uint32_t fewer(uint64_t a, uint64_t b)
{
	return (uint32_t)min_u64(a, b);
}

/* Files of disks, processes and, when so many are unused, of kernfs; then names of what is not there. */
static bool make_all(struct run *run, struct shrink_older *o, struct found *found)
{
	uint64_t dentries = unused_dentries(run, found), none = 0;
	uint64_t inodes = found->of[SHRINK_INODE_KEPT].nr + found->of[SHRINK_INODE_DISK].nr +
		found->of[SHRINK_INODE_PROC].nr + found->of[SHRINK_INODE_KERNFS].nr;
	uint32_t nameless = found->of[SHRINK_DENTRY].nr > inodes ? (uint32_t)(found->of[SHRINK_DENTRY].nr - inodes) : 0;

	return make_entries(o, SB_EXTENTS, found, SHRINK_EXTENT, left_of(found, SHRINK_EXTENT), &none) &&
		make_entries(o, SB_DISK, found, SHRINK_INODE_DISK, left_of(found, SHRINK_INODE_DISK), &dentries) &&
		make_entries(o, SB_PROC, found, SHRINK_INODE_PROC, fewer(left_of(found, SHRINK_INODE_PROC), dentries),
			&dentries) &&
		make_entries(o, SB_DISK, found, SHRINK_NOTHING, fewer(nameless, dentries), &dentries) &&
		(!run->options->initial->dentries_told ||
			make_entries(o, SB_KERNFS, found, SHRINK_INODE_KERNFS,
				fewer(left_of(found, SHRINK_INODE_KERNFS), dentries), &dentries));
}

/* Slabs in an order that is drawn, the entries of one side by side. */
static bool mix(struct older_entry *entries, uint32_t nr, struct rng *rng)
{
	struct older_entry *mixed = malloc(((size_t)nr + 1) * sizeof(*mixed));
	uint32_t *starts = malloc(((size_t)nr + 1) * sizeof(*starts)), groups = 0, out = 0;

	for (uint32_t i = 0; mixed && starts && i < nr; i++)
		if (!i || entries[i].dentry.slab != entries[i - 1].dentry.slab)
			starts[groups++] = i;
	for (uint32_t i = groups; mixed && starts && i > 0; i--) {
		uint32_t pick = (uint32_t)rng_below(rng, i), at = starts[pick], first = at;

		do
			mixed[out++] = entries[at++];
		while (at < nr && entries[at].dentry.slab == entries[first].dentry.slab);
		starts[pick] = starts[i - 1];
	}
	if (out) /* else @entries may be no array */
		memcpy(entries, mixed, out * sizeof(*mixed));
	free(starts);
	free(mixed);
	return out == nr;
}

int shrink_older_load(struct run *run, struct err *err)
{
	struct found found = { 0 };
	struct shrink_older *o;
	struct rng rng;
	bool room;
	int ret;

	if (!run->reclaim.active)
		return 0;
	o = run->reclaim.older = calloc(1, sizeof(*o));
	ret = o ? find_unknown(run, &found, err) :
		  err_set(err, ERR_NOMEM, "no memory for the objects of the initial state");
	if (ret == 0) {
		rng_init(&rng, run->options->seed, "shrink_older");
		room = make_all(run, o, &found);
		for (int sb = 0; sb < NR_SB; sb++)
			room = room && mix(o->entries[sb], o->nr[sb], &rng);
		o->blobs = found.of[SHRINK_BLOB];
		o->heads = found.of[SHRINK_HEAD];
		o->all_heads = o->heads.nr;
		o->file_pages = run->reclaim.older_file_pages;
		found.of[SHRINK_BLOB] = found.of[SHRINK_HEAD] = (struct object_stack){ 0 };
		ret = room ? 0 : err_set(err, ERR_NOMEM, "no memory for the objects of the initial state");
	}
	for (int class = 0; class < NR_CLASSES; class++)
		free(found.of[class].objects);
	return ret;
}

/* ---- What pressure does ---- */

static void free_older(struct run *run, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	if (object.slab == OBJECT_NONE || !slab_object_live(run->mm.slab, object))
		return;
	slab_free(run->mm.slab, object, cpu, meter);
	run->reclaim.objects_gone++;
}

uint64_t older_count(const struct run *run, unsigned int sb)
{
	return run->reclaim.older ? run->reclaim.older->nr[sb] : 0;
}

uint64_t older_scan(struct run *run, unsigned int sb, uint64_t nr, unsigned int cpu, struct meter *meter)
{
	struct shrink_older *o = run->reclaim.older;
	uint64_t looked_at = 0;

	for (; o && looked_at < nr && o->nr[sb]; looked_at++) {
		struct older_entry entry = o->entries[sb][--o->nr[sb]];

		meter_charge(meter, STEP_SHRINKER_OBJECT, 1);
		free_older(run, entry.dentry, cpu, meter);
		free_older(run, entry.inode, cpu, meter);
		if (sb != SB_EXTENTS && entry.inode.slab != OBJECT_NONE && o->blobs.nr)
			free_older(run, o->blobs.objects[--o->blobs.nr], cpu, meter);
	}
	return looked_at;
}

/* What a recorded kswapd freed the trace frees. */
void older_page_gone(struct run *run)
{
	struct shrink_older *o = run->reclaim.older;

	if (!run->reclaim.older_file_pages)
		return;
	run->reclaim.older_file_pages--;
	while (o && !run->reclaim.recorded &&
		o->heads.nr * o->file_pages > o->all_heads * run->reclaim.older_file_pages)
		free_older(run, o->heads.objects[--o->heads.nr], run->cpu, &run->meter);
}
