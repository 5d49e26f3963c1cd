/*
 * generate_priv: what the files of the generator share: generate.c (streams and time), generate_event.c (one event and
 * what comes on it), generate_objects.c (what lives), generate_plan.c (pairs of events, phases).
 */
#ifndef KMEMSIM_TRACES_GENERATE_PRIV_H
#define KMEMSIM_TRACES_GENERATE_PRIV_H

#include "traces/due_priv.h"
#include "traces/generate.h"
#include "traces/slots.h"

#define NO_OBJECT UINT32_MAX

/*
 * Something that has an end to come: an object, a claimed region, a section.
 * Or, while `pending`, an event that comes some time after the one it comes on.
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
	/* owned: for operation n the writer's numbers of begin, end, and both within a bulk call */
	uint32_t *numbers;
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

/* An operation has four numbers in the writer's table, made when first needed. */
enum gen_number { NUMBER_BEGIN, NUMBER_END, NUMBER_BEGIN_MORE, NUMBER_END_MORE, NUMBERS };

/* What an event comes on. */
struct gen_occasion {
	uint32_t parent;       /* object, or NO_OBJECT */
	uint64_t parent_born;
	uint32_t who;          /* of the parent's event */
	bool more;             /* another event of the same bulk call follows */
	uint32_t first;        /* object: the first one of the bulk call, or NO_OBJECT */
};

/** gen_after() - when @work ns of a stream's own time are over: phases let it run faster, slower or not at all. */
ns_t gen_after(const struct gen_plan *plan, const struct gen_stream *stream, ns_t time_ns, uint64_t work);

/** gen_no_memory() - ERR_NOMEM. */
int gen_no_memory(struct err *err);
/** gen_draw_or() - drawn from @table, or @otherwise where there is none. */
uint64_t gen_draw_or(const struct dist_table *table, uint64_t otherwise, struct rng *rng);

/**
 * gen_start_event() - one event of stream @number now, and what
 * comes on it; none where the object that it wants is not there.
 * @kept: its object, or NO_OBJECT.
 *
 * Errors: ERR_NOMEM, ERR_INTERRUPTED, what the writer says.
 */
int gen_start_event(struct generator *g, uint32_t number, const struct gen_occasion *on, uint32_t *kept,
	struct err *err);
/** gen_start_burst() - @count events without time between them. Errors: as gen_start_event(). */
int gen_start_burst(struct generator *g, uint32_t number, struct gen_occasion on, uint64_t count, struct err *err);
/**
 * gen_end_object() - end an object, after what ends with it.
 * @parents: who ends what it ends with, or GEN_NONE.
 * @more:    it is part of a bulk call that goes on.
 *
 * Errors: as gen_start_event().
 */
int gen_end_object(struct generator *g, uint32_t number, uint32_t parents, bool more, struct err *err);

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
