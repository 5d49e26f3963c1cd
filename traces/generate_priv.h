/*
 * generate_priv: what the files of the generator share: generate.c (streams and time), generate_objects.c (what lives),
 * generate_plan.c (pairs of events, phases).
 */
#ifndef KMEMSIM_TRACES_GENERATE_PRIV_H
#define KMEMSIM_TRACES_GENERATE_PRIV_H

#include "traces/due_priv.h"
#include "traces/generate.h"
#include "traces/slots.h"

#define NO_OBJECT UINT32_MAX

/*
 * Something that has an end to come: an object, a claimed region, a section. Or, while `pending`, an event that comes some
 * time after the one it comes on.
 */
struct gen_object {
	uint64_t born;          /* number of its birth, from 1; 0 = this record is free */
	uint64_t parent_born;   /* pending: of the object `parent` */
	uint32_t stream;
	uint32_t operation;     /* of the stream */
	uint32_t slot;          /* SLOT_NONE: the event has no object */
	uint32_t page;          /* slot of the page that it is a mapping of */
	uint32_t who;           /* who began it: number of the writer */
	uint32_t parent;        /* ends before this object, or NO_OBJECT */
	uint32_t first_child, next, prev; /* children of one parent, youngest first */
	uint32_t at;            /* place in its stream's list of living objects */
	bool pending;
	bool owns_slot;
};

/* What a stream is doing. */
struct gen_state {
	struct rng rng;
	uint32_t *numbers;      /* owned: for operation n the writer's numbers of begin, end, and both within a bulk call */
	uint32_t *living;       /* owned: objects, for who wants one of them or replaces them */
	uint32_t nr_living, cap_living;
	uint32_t oldest;        /* of UNTIL_REPLACED: index in living */
	uint32_t vacant;        /* the same: where the next goes; UINT32_MAX: behind the last */
	uint32_t first_child, next_sibling; /* streams that come on this one's events */
	uint32_t next_at;       /* AT_TIMES */
	uint64_t left;          /* events of the burst under way */
	ns_t next_burst_ns;
};

struct generator {
	const struct gen_plan *plan;     /* borrowed, as the three below */
	struct trace_writer *writer;
	gen_progress progress;
	void *progress_arg;
	struct gen_state *states;        /* owned, as all below */
	uint32_t **who_numbers;          /* of each group */
	struct due_queue starts, ends;
	struct gen_object *objects;
	uint32_t cap_objects;
	struct slots object_numbers;     /* which records of `objects` are free */
	struct slots slots;
	uint64_t births, order, events;
	ns_t now_ns;
};

/** gen_after() - when @work ns of a stream's own time are over: phases let it run faster, slower or not at all. */
ns_t gen_after(const struct gen_plan *plan, const struct gen_stream *stream, ns_t time_ns, uint64_t work);

/** object_new() - a zeroed record with its birth, not linked. Return: its number, or NO_OBJECT when out of memory. */
uint32_t object_new(struct generator *g);
/** object_link() - @child ends before @parent does. */
void object_link(struct generator *g, uint32_t parent, uint32_t child);
void object_unlink(struct generator *g, uint32_t child);
/** object_release() - the record is free again. */
void object_release(struct generator *g, uint32_t object);

/** living_add(), living_remove() - the list of living objects of the object's stream. Add: 0, or -1. */
int living_add(struct generator *g, uint32_t object);
void living_remove(struct generator *g, uint32_t object);
/** living_any() - one of the living objects of @stream, drawn by @rng, or NO_OBJECT. */
uint32_t living_any(const struct generator *g, uint32_t stream, struct rng *rng);

static inline bool object_lives(const struct generator *g, uint32_t object, uint64_t born)
{
	return object != NO_OBJECT && g->objects[object].born == born;
}

#endif
