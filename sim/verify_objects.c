/*
 * verify_objects: the slab layer by itself. Each allocation's object is compared, and the model is put right after each. The
 * page allocator's answers are replaced by the recorded ones: a slab that the model grows where the kernel grew one stands
 * for the slab at the recorded frame, so that what is compared is which slab, and which object of it.
 *
 * A new slab's freelist begins at a place that the kernel draws at random: its first object is counted as differing, whatever
 * the model drew, and tells where the rest goes on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verify_priv.h"

#define NO_OBJECT      UINT32_MAX
#define MAX_SLAB_ORDER 10u
#define PASS_OVER_MAX  64u

struct objects {
	struct verify_pass pass;
	struct verify_count *bytes, *count; /* borrowed */
	uint32_t page_shift;
	bool begun;                  /* the initial state has been reached */
	struct slab_object *held;    /* owned, by slot; slab = NO_OBJECT: nothing */
	uint64_t *where;             /* owned, by slot, until then: address of what is in it */
	uint32_t nr_slots;
	struct idmap holder;         /* slot that holds an object */
	struct idmap model_of;       /* first frame of the model's slab for a recorded one's */
	struct idmap recorded_of;    /* and back */
	struct idmap fresh;          /* order + 1 of a recorded slab of which no object has come yet, by first frame */
	uint32_t *cache_of_op;       /* owned: model's cache, by operation, while its generation is the pass's */
	uint32_t *generation_of_op;  /* owned */
	uint32_t generation;         /* raised whenever a cache comes or goes */
	bool *known;                 /* owned, by cache: its state was saved */
	uint32_t nr_known;
	const struct state *next_state; /* borrowed: the saved state that comes next */
	uint32_t next_number;        /* its number */
	uint32_t *by_pfn;            /* owned: its slabs, ascending */
	size_t nr_by_pfn;
	struct slab_object *bulk;    /* owned: objects of the bulk free under way */
	uint32_t nr_bulk, cap_bulk;
};

static struct slab *slab_of(const struct objects *o)
{
	return o->pass.mm.slab;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to verify objects");
}

static uint64_t key_of(struct slab_object object)
{
	return (uint64_t)object.slab << 32 | object.index;
}

static bool same(struct slab_object a, struct slab_object b)
{
	return a.slab == b.slab && a.index == b.index;
}

static bool is_object(struct slab_object object)
{
	return object.slab != NO_OBJECT;
}

/* First frame of the recorded slab that stands for another one of the model and holds frame @pfn; PFN_NONE. */
static pfn_t paired_slab(const struct objects *o, const struct idmap *map, pfn_t pfn)
{
	for (unsigned int order = 0; order <= MAX_SLAB_ORDER; order++) {
		pfn_t head = pfn >> order << order;

		if (idmap_get(map, head) != IDMAP_NONE)
			return head;
	}
	(void)o;
	return PFN_NONE;
}

/* The model's object at a recorded address. Return: false when the model has no slab for it. */
static bool model_object(const struct objects *o, uint64_t address, struct slab_object *object)
{
	uint64_t physical;
	pfn_t head, model;

	if (!direct_map_physical(&o->pass.options->direct_map, address, &physical))
		return false;
	head = paired_slab(o, &o->model_of, physical >> o->page_shift);
	if (head != PFN_NONE) {
		model = idmap_get(&o->model_of, head);
		if (slab_object_at(slab_of(o), physical + ((model - head) << o->page_shift), object) &&
			object->slab != SLAB_LARGE && slab_object_pfn(slab_of(o), *object) == model)
			return true;
	}
	return slab_object_at(slab_of(o), physical, object) && object->slab != SLAB_LARGE &&
	       idmap_get(&o->recorded_of, slab_object_pfn(slab_of(o), *object)) == IDMAP_NONE;
}

/* The recorded address that a model's object stands for. */
static uint64_t recorded_address(const struct objects *o, struct slab_object object)
{
	uint64_t physical = slab_object_address(slab_of(o), object);
	pfn_t model = slab_object_pfn(slab_of(o), object);
	uint32_t recorded = idmap_get(&o->recorded_of, model);

	if (recorded != IDMAP_NONE)
		physical += ((pfn_t)recorded - model) << o->page_shift;
	return physical + o->pass.options->direct_map.base;
}

static int pair_slabs(struct objects *o, pfn_t recorded, pfn_t model, struct err *err)
{
	uint32_t old_model = idmap_get(&o->model_of, recorded);
	uint32_t old_recorded = idmap_get(&o->recorded_of, model);

	if (old_model != IDMAP_NONE)
		idmap_remove(&o->recorded_of, old_model);
	if (old_recorded != IDMAP_NONE)
		idmap_remove(&o->model_of, old_recorded);
	if (idmap_put(&o->model_of, recorded, (uint32_t)model) < 0 || idmap_put(&o->recorded_of, model, (uint32_t)recorded) < 0)
		return no_memory(err);
	return 0;
}

static int hold(struct objects *o, uint32_t slot, struct slab_object object, struct err *err)
{
	o->held[slot] = object;
	return idmap_put(&o->holder, key_of(object), slot) < 0 ? no_memory(err) : 0;
}

static void let_go(struct objects *o, uint32_t slot)
{
	if (is_object(o->held[slot]))
		idmap_remove(&o->holder, key_of(o->held[slot]));
	o->held[slot].slab = NO_OBJECT;
}

/*
 * The model has @wrong in @slot where the kernel has @right: from now on it is right. When the model gave right to another
 * slot, the two are exchanged.
 */
static int put_right(struct objects *o, uint32_t slot, struct slab_object right, uint32_t cpu, struct err *err)
{
	struct slab_object wrong = o->held[slot];
	uint32_t other = idmap_get(&o->holder, key_of(right));
	uint32_t cache = slab_object_cache(slab_of(o), right);

	if (other != IDMAP_NONE) {
		int ret = hold(o, other, wrong, err);

		return ret < 0 ? ret : hold(o, slot, right, err);
	}
	if (slab_object_cache(slab_of(o), wrong) != cache || !slab_correct(slab_of(o), cache, wrong, right, cpu))
		return 0;
	let_go(o, slot);
	return hold(o, slot, right, err);
}

static uint64_t pages_allocated(const struct objects *o)
{
	uint64_t pages = 0;

	for (int c = PC_PGALLOC_DMA; c <= PC_PGALLOC_MOVABLE; c++)
		pages += page_alloc_counter(o->pass.mm.pages, (enum page_counter)c);
	return pages;
}

/*
 * A freelist is taken from its head: objects that the model has before the kernel's had been taken without an event, and are
 * nobody's in particular. Return: whether @right is handed out now, in place of what the slot held.
 */
static bool pass_over(struct objects *o, const struct verify_event *event, struct slab_object right)
{
	struct slab_object taken[PASS_OVER_MAX];
	uint32_t cache = slab_object_cache(slab_of(o), right), nr = 0;
	uint64_t pages = pages_allocated(o);

	if (slab_object_cache(slab_of(o), o->held[event->slot]) != cache)
		return false;
	while (nr < PASS_OVER_MAX && pages_allocated(o) == pages &&
		slab_alloc(slab_of(o), cache, event->op->gfp, -1, event->cpu, &taken[nr], &o->pass.meter) == MM_DONE) {
		if (same(taken[nr++], right))
			return true;
		if (taken[nr - 1].slab != right.slab)
			break;
	}
	while (nr--)
		slab_free(slab_of(o), taken[nr], event->cpu, &o->pass.meter);
	return false;
}

/* The cache that has a slab with that frame in the next saved state; CACHE_NONE. */
static uint32_t saved_cache(const struct objects *o, pfn_t pfn)
{
	const struct state *state = o->next_state;
	const struct state_slab *slab;
	size_t low = 0, high = o->nr_by_pfn;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (state->slabs[o->by_pfn[middle]].pfn <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	slab = low ? &state->slabs[o->by_pfn[low - 1]] : NULL;
	if (!slab)
		return CACHE_NONE;
	return pfn - slab->pfn < 1ull << slab->order ? slab_cache_find(slab_of(o), state->caches[slab->cache].name) :
						       CACHE_NONE;
}

/* The cache of an allocation; CACHE_NONE when it has none. */
static uint32_t cache_of(struct objects *o, const struct verify_event *event)
{
	const struct trace_op *op = event->op;
	const char *name = o->pass.tables->strings[op->name];
	uint32_t *cache = &o->cache_of_op[event->op_no];

	if (o->generation_of_op[event->op_no] == o->generation)
		return *cache;
	o->generation_of_op[event->op_no] = o->generation;
	if (op->kind == KIND_KMALLOC) {
		*cache = kmalloc_class(slab_of(o), op->size, op->gfp);
		return *cache;
	}
	*cache = slab_cache_find(slab_of(o), name);
	if (*cache == CACHE_NONE) {
		struct slab_create create = { .name = name, .object_size = op->size ? (uint32_t)op->size : 64 };

		if (op->size_alloc)
			slab_infer_create(create.object_size, (uint32_t)op->size_alloc, &create.align, &create.flags);
		slab_cache_boot(slab_of(o), &create, cache);
	}
	return *cache;
}

/*
 * The recording names few caches before it sees slabs grow: the address tells more. An object is of the cache whose slab the
 * model has there; else of the one whose slab is there in the next saved state, when the sizes agree.
 */
static uint32_t cache_by_address(struct objects *o, const struct verify_event *event, uint32_t named)
{
	struct slab_object there;
	uint32_t saved;
	uint64_t physical;

	if (!event->where || event->op->kind == KIND_KMALLOC || !event->op->size_alloc)
		return named;
	if (model_object(o, event->where, &there))
		saved = slab_object_cache(slab_of(o), there);
	else if (direct_map_physical(&o->pass.options->direct_map, event->where, &physical))
		saved = saved_cache(o, physical >> o->page_shift);
	else
		return named;
	if (saved == CACHE_NONE || slab_cache_geometry(slab_of(o), saved)->size != event->op->size_alloc)
		return named;
	return saved;
}

static bool cache_is_known(const struct objects *o, uint32_t cache)
{
	return cache < o->nr_known && o->known[cache];
}

/* The recorded slab of @address when this is its first object; PFN_NONE. */
static pfn_t take_fresh(struct objects *o, uint64_t address)
{
	uint64_t physical;
	pfn_t head;

	if (!address || !direct_map_physical(&o->pass.options->direct_map, address, &physical))
		return PFN_NONE;
	for (unsigned int order = 0; order <= MAX_SLAB_ORDER; order++) {
		uint32_t size;

		head = physical >> o->page_shift >> order << order;
		size = idmap_get(&o->fresh, head);
		if (size == IDMAP_NONE || size <= order)
			continue;
		idmap_remove(&o->fresh, head);
		return head;
	}
	return PFN_NONE;
}

static void note_difference(struct objects *o, const struct verify_event *event, uint32_t cache, bool grew, pfn_t fresh)
{
	struct verify_difference *first = &o->count->first;
	struct slab_stats stats;
	char text[1024];

	if (first->there)
		return;
	slab_cache_stats(slab_of(o), cache, &stats);
	if (!verify_differ(o->count, event, "%s on CPU %u: object at 0x%" PRIx64 "%s", stats.name, event->cpu, event->where,
			fresh != PFN_NONE ? ", the first of a new slab" : ""))
		return;
	slab_describe(slab_of(o), cache, event->cpu, text, sizeof(text));
	snprintf(first->model, sizeof(first->model), "object at 0x%" PRIx64 "%s; then: %s",
		recorded_address(o, o->held[event->slot]), grew ? ", of a new slab" : "", text);
}

/* Compares what is in the event's slot now; puts it right. */
static int compare(struct objects *o, const struct verify_event *event, uint32_t cache, bool grew, pfn_t fresh, bool drawn,
	struct err *err)
{
	struct slab_object right;
	bool there = event->where && model_object(o, event->where, &right);
	bool equal = there && same(right, o->held[event->slot]);

	if (event->where && cache_is_known(o, cache)) {
		o->count->checked++;
		o->count->equal += equal && !drawn;
		if (!equal)
			note_difference(o, event, cache, grew, fresh);
	}
	if (there && !equal && !drawn && idmap_get(&o->holder, key_of(right)) == IDMAP_NONE && pass_over(o, event, right)) {
		let_go(o, event->slot);
		return hold(o, event->slot, right, err);
	}
	return there && !equal ? put_right(o, event->slot, right, event->cpu, err) : 0;
}

static int alloc_event(struct objects *o, const struct verify_event *event, struct err *err)
{
	uint32_t cache = cache_by_address(o, event, cache_of(o, event));
	pfn_t fresh = take_fresh(o, event->where);
	const struct slab_geometry *geometry;
	struct slab_object object;
	uint64_t before;
	bool drawn = false, grew;
	int node = event->op->node >= (int)o->pass.options->machine->nr_nodes ? -1 : event->op->node;
	int ret;

	if (cache == CACHE_NONE)
		return 0;
	let_go(o, event->slot); /* an implied free is made by the allocation that shows it: see on_event() */
	geometry = slab_cache_geometry(slab_of(o), cache);
	if (fresh != PFN_NONE) {
		uint64_t offset = event->where - o->pass.options->direct_map.base - (fresh << o->page_shift);

		slab_next_start(slab_of(o), cache, (uint32_t)(offset / geometry->size));
		drawn = geometry->objs_per_slab > 1;
	}
	before = pages_allocated(o);
	if (slab_alloc(slab_of(o), cache, event->op->gfp, node, event->cpu, &object, &o->pass.meter) != MM_DONE)
		return 0;
	grew = pages_allocated(o) != before;
	ret = hold(o, event->slot, object, err);
	if (ret == 0 && grew && fresh != PFN_NONE)
		ret = pair_slabs(o, fresh, slab_object_pfn(slab_of(o), object), err);
	return ret < 0 ? ret : compare(o, event, cache, grew, fresh, drawn, err);
}

static int bulk_add(struct objects *o, struct slab_object object, struct err *err)
{
	if (o->nr_bulk == o->cap_bulk) {
		uint32_t cap = o->cap_bulk ? 2 * o->cap_bulk : 64;
		struct slab_object *bulk = realloc(o->bulk, cap * sizeof(*bulk));

		if (!bulk)
			return no_memory(err);
		o->bulk = bulk;
		o->cap_bulk = cap;
	}
	o->bulk[o->nr_bulk++] = object;
	return 0;
}

static int free_event(struct objects *o, const struct verify_event *event, struct err *err)
{
	struct slab_object right;
	bool bulk = event->op->kind == KIND_KMEM_CACHE_FREE_BULK;
	int ret = 0;

	if (event->where && model_object(o, event->where, &right) && !same(right, o->held[event->slot])) {
		if (is_object(o->held[event->slot]))
			ret = put_right(o, event->slot, right, event->cpu, err);
		else if (slab_object_live(slab_of(o), right) && idmap_get(&o->holder, key_of(right)) == IDMAP_NONE)
			ret = hold(o, event->slot, right, err);
	}
	if (ret == 0 && is_object(o->held[event->slot])) {
		struct slab_object object = o->held[event->slot];

		let_go(o, event->slot);
		if (bulk)
			ret = bulk_add(o, object, err);
		else
			slab_free(slab_of(o), object, event->cpu, &o->pass.meter);
	}
	if (ret == 0 && bulk && !(event->op->flags & OP_BULK_MORE)) {
		slab_free_bulk(slab_of(o), o->bulk, o->nr_bulk, event->cpu, &o->pass.meter);
		o->nr_bulk = 0;
	}
	return ret;
}

static void check_bytes(struct objects *o, const struct verify_event *event)
{
	const struct trace_op *op = event->op;
	uint64_t bytes;

	if (!op->size_alloc || op->flags & OP_BOOT)
		return;
	bytes = kmalloc_size(slab_of(o), op->size, op->gfp);
	o->bytes->checked++;
	o->bytes->equal += bytes == op->size_alloc;
	if (bytes != op->size_alloc && verify_differ(o->bytes, event, "kmalloc of %" PRIu64 " bytes, gfp 0x%x: %" PRIu64,
			op->size, (unsigned int)op->gfp, op->size_alloc))
		snprintf(o->bytes->first.model, sizeof(o->bytes->first.model), "%" PRIu64, bytes);
}

static void cache_event(struct objects *o, const struct verify_event *event)
{
	const struct trace_op *op = event->op;
	const char *name = o->pass.tables->strings[op->name];
	uint32_t cache = slab_cache_find(slab_of(o), name);
	struct slab_create create = { .name = name, .object_size = (uint32_t)op->size, .align = (uint32_t)op->align,
		.flags = op->slab_flags };

	if (op->kind == KIND_KMEM_CACHE_SHRINK && cache != CACHE_NONE)
		slab_cache_shrink(slab_of(o), cache, &o->pass.meter);
	else if (op->kind == KIND_KMEM_CACHE_DESTROY && cache != CACHE_NONE)
		slab_cache_destroy(slab_of(o), cache, &o->pass.meter);
	else if (op->kind == KIND_KMEM_CACHE_CREATE && cache == CACHE_NONE && op->flags & OP_BOOT)
		slab_cache_boot(slab_of(o), &create, &cache);
	else if (op->kind == KIND_KMEM_CACHE_CREATE && cache == CACHE_NONE)
		slab_cache_create(slab_of(o), &create, &cache, &o->pass.meter);
	o->generation++;
}

/* Slabs that the kernel grew and released: the frames of the recording. */
static int page_event(struct objects *o, const struct verify_event *event, struct err *err)
{
	uint32_t model;

	if (event->op->origin != ORIGIN_SLAB || !event->where)
		return 0;
	if (event->op->kind == KIND_ALLOC_PAGES)
		return idmap_put(&o->fresh, event->where, event->op->order + 1u) < 0 ? no_memory(err) : 0;
	idmap_remove(&o->fresh, event->where);
	model = idmap_remove(&o->model_of, event->where);
	if (model != IDMAP_NONE)
		idmap_remove(&o->recorded_of, model);
	return 0;
}

/* What is in the slots when the initial state is reached is what that has at these addresses. */
static int bind_all(struct objects *o, struct err *err)
{
	int ret = 0;

	for (uint32_t slot = 0; ret == 0 && slot < o->nr_slots; slot++) {
		struct slab_object object;

		if (o->where[slot] && model_object(o, o->where[slot], &object) && slab_object_live(slab_of(o), object) &&
			idmap_get(&o->holder, key_of(object)) == IDMAP_NONE)
			ret = hold(o, slot, object, err);
	}
	o->begun = true;
	return ret;
}

static bool is_free(const struct trace_op *op)
{
	return op->kind == KIND_KFREE || op->kind == KIND_KVFREE || op->kind == KIND_KMEM_CACHE_FREE ||
	       op->kind == KIND_KMEM_CACHE_FREE_BULK;
}

static bool is_alloc(const struct objects *o, const struct trace_op *op)
{
	if (op->kind == KIND_KMALLOC)
		return op->size <= o->pass.options->machine->kmalloc.max_cache_size;
	return op->kind == KIND_KMEM_CACHE_ALLOC || op->kind == KIND_KMEM_CACHE_ALLOC_BULK;
}

static int object_event(struct objects *o, const struct verify_event *event, struct err *err)
{
	int ret;

	if (event->slot == SLOT_NONE)
		return 0;
	if (is_free(event->op))
		return free_event(o, event, err);
	if (!is_object(o->held[event->slot]))
		return alloc_event(o, event, err);
	/* The free that this allocation implies happened unseen. */
	ret = free_event(o, event, err);
	return ret < 0 ? ret : alloc_event(o, event, err);
}

static int compare_pfn(const void *a, const void *b, void *arg)
{
	const struct state_slab *slabs = arg;
	uint64_t x = slabs[*(const uint32_t *)a].pfn, y = slabs[*(const uint32_t *)b].pfn;

	return x < y ? -1 : x > y;
}

/* The first state after the first, then the next whenever one is passed. */
static int follow_states(struct objects *o, const struct verify_event *event, struct err *err)
{
	const struct verify_options *options = o->pass.options;
	const struct state *state = o->next_state;
	uint32_t *by_pfn;

	if (state && (!event->entry || event->cpu >= state->nr_entries || event->entry <= state->entries[event->cpu]))
		return 0;
	if (o->next_number + 1 >= options->nr_states)
		return 0;
	state = options->states[++o->next_number].state;
	by_pfn = realloc(o->by_pfn, (state->nr_slabs + 1) * sizeof(*by_pfn));
	if (!by_pfn)
		return no_memory(err);
	for (uint32_t i = 0; i < state->nr_slabs; i++)
		by_pfn[i] = i;
	qsort_r(by_pfn, state->nr_slabs, sizeof(*by_pfn), compare_pfn, state->slabs);
	o->by_pfn = by_pfn;
	o->nr_by_pfn = state->nr_slabs;
	o->next_state = state;
	return 0;
}

static int on_event(void *arg, const struct verify_event *event, struct err *err)
{
	struct objects *o = arg;
	uint32_t kind = event->op->kind;
	bool object = is_alloc(o, event->op) || is_free(event->op);

	if (kind == KIND_KMALLOC)
		check_bytes(o, event);
	if (event->older) {
		if (kind == KIND_KMEM_CACHE_CREATE && event->op->flags & OP_BOOT)
			cache_event(o, event);
		else if (object && event->slot != SLOT_NONE)
			o->where[event->slot] = is_free(event->op) ? 0 : event->where;
		return 0;
	}
	if (!o->begun) {
		int ret = bind_all(o, err);

		if (ret < 0)
			return ret;
	}
	if (follow_states(o, event, err) < 0)
		return -(int)err->code;
	if (object)
		return object_event(o, event, err);
	if (kind == KIND_ALLOC_PAGES || kind == KIND_FREE_PAGES)
		return page_event(o, event, err);
	if (kind == KIND_KMEM_CACHE_CREATE || kind == KIND_KMEM_CACHE_DESTROY || kind == KIND_KMEM_CACHE_SHRINK)
		cache_event(o, event);
	return 0;
}

static bool has_cache(const struct state *state, const char *name)
{
	for (size_t i = 0; i < state->nr_caches; i++)
		if (!strcmp(state->caches[i].name, name))
			return true;
	return false;
}

/*
 * The caches of the first state and, without slabs, those that later states have beside them: what such a cache's random
 * order is can only be known from there.
 */
static int all_caches(const struct verify_options *options, struct state *all, struct err *err)
{
	size_t cap = 0;

	*all = *options->states[0].state;
	for (uint32_t s = 0; s < options->nr_states; s++)
		cap += options->states[s].state->nr_caches;
	all->caches = malloc((cap + 1) * sizeof(*all->caches));
	if (!all->caches)
		return no_memory(err);
	memcpy(all->caches, options->states[0].state->caches, all->nr_caches * sizeof(*all->caches));
	for (uint32_t s = 1; s < options->nr_states; s++) {
		const struct state *state = options->states[s].state;

		for (size_t i = 0; state->exact_slabs && i < state->nr_caches; i++) {
			struct state_cache *cache = &all->caches[all->nr_caches];

			if (has_cache(all, state->caches[i].name))
				continue;
			*cache = state->caches[i];
			cache->slabs = cache->objects = cache->active_objs = 0;
			all->nr_caches++;
		}
	}
	return 0;
}

static int objects_run(struct objects *o, struct err *err)
{
	uint32_t nr_ops = o->pass.tables->nr_ops;

	o->page_shift = o->pass.options->machine->page_shift;
	o->nr_slots = trace_meta(o->pass.reader)->slots;
	o->nr_known = slab_nr_caches(slab_of(o));
	o->generation = 1;
	o->held = malloc(((size_t)o->nr_slots + 1) * sizeof(*o->held));
	o->where = calloc((size_t)o->nr_slots + 1, sizeof(*o->where));
	o->cache_of_op = calloc(nr_ops + 1, sizeof(*o->cache_of_op));
	o->generation_of_op = calloc(nr_ops + 1, sizeof(*o->generation_of_op));
	o->known = calloc(o->nr_known + 1, sizeof(*o->known));
	if (!o->held || !o->where || !o->cache_of_op || !o->generation_of_op || !o->known)
		return no_memory(err);
	for (uint32_t slot = 0; slot < o->nr_slots; slot++)
		o->held[slot].slab = NO_OBJECT;
	for (uint32_t cache = 0; cache < o->nr_known; cache++)
		o->known[cache] = slab_cache_live(slab_of(o), cache);
	return verify_pass_run(&o->pass, on_event, o, err);
}

int verify_objects(const struct verify_options *options, struct verify_count *bytes, struct verify_count *objects,
	struct err *err)
{
	struct objects o = { .bytes = bytes, .count = objects };
	struct state state;
	int ret = all_caches(options, &state, err);

	if (ret < 0)
		return ret;
	ret = verify_pass_start(&o.pass, options, &state, true, err);
	if (ret == 0)
		ret = objects_run(&o, err);
	free(state.caches);
	free(o.held);
	free(o.where);
	free(o.cache_of_op);
	free(o.generation_of_op);
	free(o.known);
	free(o.by_pfn);
	free(o.bulk);
	idmap_fini(&o.holder);
	idmap_fini(&o.model_of);
	idmap_fini(&o.recorded_of);
	idmap_fini(&o.fresh);
	verify_pass_fini(&o.pass);
	return ret;
}
