/*
 * serve_priv: what the files that serve requests share: serve.c (objects of slabs, and what is common to all),
 * serve_bulk.c, serve_wrong_free.c, serve_pages.c, serve_caches.c and the parts (sim/part.h).
 */
#ifndef KMEMSIM_SIM_SERVE_PRIV_H
#define KMEMSIM_SIM_SERVE_PRIV_H

#include "base/fingerprint.h"
#include "sim/run.h"

/* Out of line, so that what nearly all requests go through stays small. */
#define RARE __attribute__((noinline, cold))

static inline bool object_is_slab(const struct object *object)
{
	return object->slab < OBJECT_TAGS || object->slab == SLAB_LARGE;
}

static inline bool object_lives(const struct object *object)
{
	return object_is_slab(object) || object->slab == OBJECT_PAGES || object->slab == OBJECT_PART;
}

static inline struct slab_object slab_part(const struct object *object)
{
	return (struct slab_object){ object->slab, object->index };
}

/* What was done, for the fingerprint: which object or page. */
static inline void note_place(struct run *run, uint32_t slab, uint32_t index)
{
	run->result.fingerprint =
		fingerprint_add(run->result.fingerprint, (uint64_t)slab << 32 | index);
}

/** object_end() - the object's life is over; what it took has been given back. */
static inline void object_end(struct run *run, struct object *object)
{
	struct run_op *maker = &run->ops[object->op];

	maker->freed++;
	maker->lifetime_ns += run->engine.now - object->born_ns;
	run->live_objects--;
	object->slab = OBJECT_NONE;
}
/** end_last() - the slot's last object is over, with or without a sign of it. */
void end_last(struct run *run, struct object *object, const struct run_op *op);
/**
 * serve_try_again() - no memory for @op. Return: whether it may not fail (__GFP_NOFAIL), or waits for another
 * request to kill (meter->loops), and sleeps: it is served again later, as the last thing of this call.
 */
bool serve_try_again(struct run *run, const struct request *req, const struct run_op *op);
/** op_is_mapping() - of a page: begins an object, and takes no memory. */
static inline bool op_is_mapping(const struct run_op *op)
{
	return kind_info[op->kind].keys == KEY_PAGE;
}

/** note_failure() - an allocation failed in the model, or a mapping of what was not allocated. */
void note_failure(struct run *run, const struct request *req, struct run_op *op);
/**
 * note_recovered() - an allocation that failed where it was recorded got memory in the model,
 * which has it back at once.
 */
static inline void note_recovered(struct run *run, struct run_op *op)
{
	op->done++;
	op->freed++;
	run->result.recovered++;
}
/** serve_take_object() - an object as the operation wants it: from its cache, or large. */
enum mm_answer serve_take_object(struct run *run, const struct run_op *op, struct slab_object *object);
/** reclaim_object_ends() - the trace frees what reclaim might have freed. */
void reclaim_object_ends(struct run *run, const struct object *object);

/* serve_wrong_free.c */
/** op_knows_cache() - whether @maker is of an interface that names its object's cache. */
static inline bool op_knows_cache(const struct run_op *maker)
{
	return maker->kind == KIND_KMEM_CACHE_ALLOC || maker->kind == KIND_KMEM_CACHE_ALLOC_BULK;
}
/** free_pages_as_object() - kfree() and its like of a block of pages: a rule is broken; frees what they do of it. */
void free_pages_as_object(struct run *run, struct object *object, const struct run_op *op);
/** check_free() - kfree() and kmem_cache_free() take what the matching calls made; anything else breaks a rule. */
void check_free(struct run *run, const struct object *object, struct run_op *op);
/** serve_bad_free() - the free of what is free already, or never was allocated: the model frees nothing. */
void serve_bad_free(struct run *run, struct run_op *op);

/* serve_pages.c */
void serve_pages(struct run *run, const struct request *req, struct run_op *op);
void serve_pages_free(struct run *run, const struct request *req, struct run_op *op);
/** block_begin() - the block of pages that @req asked for begins to live. */
void block_begin(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn);
/** release_block() - a block of pages is over, whole. */
void release_block(struct run *run, const struct object *object);
/** release_first_page() - only the first page of a whole block is given back, nobody has the others any more. */
void release_first_page(struct run *run, struct object *object);
struct page_request page_request_of(const struct run *run, const struct run_op *op);

/* serve_caches.c */
/** trace_names_cache() - whether the trace tells of objects of @cache by its name. */
bool trace_names_cache(const struct run *run, const char *cache);
/**
 * cache_disowned() - whether that name's cache was destroyed,
 * and lives on for others or for the objects that it has.
 */
bool cache_disowned(const struct run *run, uint32_t name);
void serve_cache_create(struct run *run, struct run_op *op);
void serve_cache_boot(struct run *run, struct run_op *op);
void serve_cache_destroy(struct run *run, struct run_op *op);
void serve_cache_shrink(struct run *run, struct run_op *op);

/* The part whose object it is. */
static inline const struct run_part *part_of(const struct run *run, const struct object *object)
{
	return run->part_of_kind[run->ops[object->op].kind];
}

/* Free whatever lives in a slot, whole. */
static inline void release(struct run *run, struct object *object)
{
	note_place(run, object->slab, object->index);
	if (__builtin_expect(run->ops[object->op].lru != 0, 0))
		reclaim_object_ends(run, object);
	if (__builtin_expect(object_is_slab(object), 1))
		slab_free(run->mm.slab, slab_part(object), run->cpu, &run->meter);
	else if (object->slab == OBJECT_PAGES)
		release_block(run, object);
	else
		part_of(run, object)->release(run, object);
	object_end(run, object);
}

/*
 * Before an allocation fills a slot: its last object's free was not traced (OP_IMPLIED_FREE), or the trace is
 * damaged; either way it is over now.
 */
static inline struct object *slot_for(struct run *run, const struct request *req, const struct run_op *op)
{
	struct object *object = &run->objects[req->slot];

	if (__builtin_expect(object_lives(object), 0))
		end_last(run, object, op);
	return object;
}

/* Return: the object to free, NULL when there is none: the free does not happen, then. */
static inline struct object *object_to_free(struct run *run, const struct request *req)
{
	struct object *object;

	if (req->slot == SLOT_NONE) {
		run->frees_without_object++;
		run->untimed = true;
		return NULL;
	}
	object = &run->objects[req->slot];
	if (object_lives(object))
		return object;
	if (object->slab == OBJECT_ZERO) {
		run->ops[req->op].done++;
		object->slab = OBJECT_NONE;
		return NULL;
	}
	run->untimed = true;
	if (object->slab == OBJECT_RECLAIMED) {
		reclaim_gone_freed(run, object);
		return NULL;
	}
	/* Its allocation failed, was skipped, or was cut off with the front of the trace. */
	if (object->slab != OBJECT_FAILED)
		run->frees_without_object++;
	object->slab = OBJECT_NONE;
	return NULL;
}

#endif
