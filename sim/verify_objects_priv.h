/*
 * verify_objects_priv: what the files of the object pass share:
 *   verify_objects.c          the events, one by one; what counts as equal
 *   verify_objects_follow.c   putting the model right: slabs, objects, objects that no event names
 *   verify_objects_bulk.c     bulk calls
 *   verify_objects_caches.c   whose object an allocation is
 */
#ifndef KMEMSIM_SIM_VERIFY_OBJECTS_PRIV_H
#define KMEMSIM_SIM_VERIFY_OBJECTS_PRIV_H

#include "sim/verify_priv.h"

#define NO_OBJECT UINT32_MAX

/*
 * Slabs of the model lie at the recorded frames, so an object is found by its recorded address. Two kinds are not
 * in the kernel what they are in the model: those of a bulk call, which is recorded without addresses, and those
 * that the kernel must have handed out unseen. They are *held*: live in the model, but it is not known that they
 * are in the kernel.
 */
struct objects {
	struct verify_pass pass;
	struct verify_count *bytes, *count; /* borrowed */
	uint32_t page_shift;
	uint32_t nr_slots;
	struct slab_object *held;    /* owned, by slot: of a bulk call; slab = NO_OBJECT: nothing */
	/* slot of a held object; from nr_slots on nobody's, the latest with the highest number */
	struct idmap holder;
	uint32_t nobodys;            /* objects that were held as nobody's so far */
	struct idmap given;          /* order + 1 of a block that the kernel handed out, by its first frame */
	uint32_t *cache_of_op;       /* owned: model's cache, by operation, while its generation is the pass's */
	uint32_t *generation_of_op;  /* owned */
	uint32_t generation;         /* raised whenever a cache comes or goes */
	bool *known;                 /* owned, by cache: its state was saved */
	struct slab_object *last_wrong; /* owned, by cache: what the model had in the kernel's object's place */
	uint32_t nr_known;           /* caches in the two arrays */
	const struct state *next_state; /* borrowed: the saved state that comes next */
	uint32_t next_number;        /* its number */
	uint32_t *by_pfn;            /* owned: its slabs, ascending */
	size_t nr_by_pfn;
	struct slab_object *bulk;    /* owned: objects of the bulk free under way */
	uint32_t nr_bulk, cap_bulk;
};

/** An allocation of the recording, and what the model has at its address. */
struct object_alloc {
	const struct verify_event *event;
	uint64_t physical;        /* of the object */
	uint32_t cache;
	int node;                 /* wanted, or -1 */
	bool there;               /* the model has a slab of the cache there */
	struct slab_object right; /* the object, when there */
	pfn_t pfn;                /* else: the block that the kernel handed out there */
	unsigned int order;
};

static inline struct slab *objects_slab(const struct objects *o)
{
	return o->pass.mm.slab;
}

static inline bool object_same(struct slab_object a, struct slab_object b)
{
	return a.slab == b.slab && a.index == b.index;
}

int objects_no_memory(struct err *err);

/* verify_objects_caches.c */
/** objects_named_cache() - the cache that the event names, created when it is new; CACHE_NONE. */
uint32_t objects_named_cache(struct objects *o, const struct verify_event *event);
/** objects_saved_cache() - the cache that has a slab at @pfn in the next saved state; CACHE_NONE. */
uint32_t objects_saved_cache(const struct objects *o, pfn_t pfn);
/** objects_next_state() - the next saved state is that behind the event. */
int objects_next_state(struct objects *o, const struct verify_event *event, struct err *err);
/** objects_cache_event() - a cache is created, destroyed or shrunk. */
void objects_cache_event(struct objects *o, const struct verify_event *event);

/* verify_objects_bulk.c */
int objects_bulk_alloc(struct objects *o, const struct verify_event *event, struct err *err);
int objects_bulk_free(struct objects *o, const struct verify_event *event, struct err *err);

/* verify_objects_follow.c */
/** objects_at() - the model's object at a recorded address. Return: false when it has no slab there. */
bool objects_at(const struct objects *o, uint64_t address, uint64_t *physical, struct slab_object *object);
/** objects_hold() - @object is live for @slot (nr_slots and up: nobody). */
int objects_hold(struct objects *o, uint32_t slot, struct slab_object object, struct err *err);
void objects_let_go(struct objects *o, struct slab_object object);
/** objects_drop_slab() - the kernel has no slab at @pfn any more. */
void objects_drop_slab(struct objects *o, pfn_t pfn, unsigned int cpu);
/**
 * objects_find_block() - fills the block that the kernel has for the slab of an object where the model has none.
 * Return: false when it is no memory, or pages from before the recording that are no slab: the kernel's memory
 * checks (kfence) have objects there.
 */
bool objects_find_block(const struct objects *o, struct object_alloc *alloc);
/** objects_take() - the model's answer to the request, when told of a new slab which pages it lies in. */
enum mm_answer objects_take(struct objects *o, const struct object_alloc *alloc, struct slab_object *object,
	bool *grew);
/** objects_is_right() - whether @object is that at the recorded address, now. */
bool objects_is_right(const struct objects *o, const struct object_alloc *alloc, struct slab_object object);
/**
 * objects_put_right() - the model has handed out @wrong. Return:
 * 1 when the model could not have known, 0, or an error.
 */
int objects_put_right(struct objects *o, const struct object_alloc *alloc, struct slab_object wrong, bool grew,
	struct err *err);
/**
 * objects_freed() - the object of a free, which the model then has as
 * live whatever it thought. Return: false when it is none of a slab.
 */
bool objects_freed(struct objects *o, const struct verify_event *event, struct slab_object *object);

#endif
