/*
 * cpu_track: how far a CPU's recording has been read, and the blocks of pages it tells of that no event has claimed
 * yet. The events that move blocks come before the allocation that needed them and after the free that caused them.
 */
#ifndef KMEMSIM_TRACES_CPU_TRACK_H
#define KMEMSIM_TRACES_CPU_TRACK_H

#include "traces/raw_event.h"
#include "traces/trace.h"

#define CPU_TRACKS (UINT16_MAX + 1u) /* CPUs that a raw event can name */

struct cpu_track {
	uint32_t entry;               /* events read, all types */
	/* blocks taken off free lists, by context: an interrupt does not mix with what it broke into */
	uint16_t taken[CTX_MASK + 1];
	uint16_t drained;             /* blocks drained to free lists since the last page event */
	/* by context: the reader's number of the event that was its last record; 0: it is not kept */
	uint64_t last[CTX_MASK + 1];
};

/** cpu_track_next() - the next record is of context @level; the reader keeps it under @number, or not: 0. */
static inline void cpu_track_next(struct cpu_track *track, unsigned int level, uint64_t number)
{
	/* What had interrupted this context is over. Spelled out, as most records are of a task. */
	track->last[CTX_NMI] = 0;
	if (level < CTX_HARDIRQ)
		track->last[CTX_HARDIRQ] = 0;
	if (level < CTX_SOFTIRQ)
		track->last[CTX_SOFTIRQ] = 0;
	track->last[level] = number;
}

/** cpu_track_lost() - records before the next one are lost, or nobody knows what they were. */
static inline void cpu_track_lost(struct cpu_track *track)
{
	memset(track->last, 0, sizeof(track->last));
}

/**
 * cpu_track_chain() - the next record is the chain of callers of the last one of its context,
 * between which and the chain an interrupt may have had its own. Return: that one's number, or 0.
 */
static inline uint64_t cpu_track_chain(struct cpu_track *track, unsigned int level)
{
	uint64_t number = track->last[level];

	track->last[level] = 0;
	return number;
}

/**
 * cpu_track_move() - an event that is not kept tells of the free lists: count the block, if it moved one.
 * @event: with its context and the fields that struct source_event names; its entry is filled in.
 * Return: what it tells.
 */
static inline struct trace_move cpu_track_move(struct cpu_track *track, const struct source_event *known,
	const struct raw_event *event)
{
	struct trace_move move = { .pfn = event->where, .entry = track->entry, .cpu = event->cpu, .order = event->order,
		.kind = (unsigned int)known->move & 0xf, .mt = event->size & 0xf };
	uint16_t *count = known->move == MOVE_DRAIN ? &track->drained : &track->taken[event->ctx & CTX_MASK];

	if (known->move == MOVE_TAKE && event->size_alloc)
		move.kind = MOVE_REFILL;
	if (known->move == MOVE_DRAIN || known->move == MOVE_TAKE)
		*count = (uint16_t)(*count + (*count < UINT16_MAX));
	return move;
}

/** cpu_track_tells() - whether the move is one to keep: a page frame is known where it needs one. */
static inline bool cpu_track_tells(const struct trace_move *move)
{
	return move->pfn || move->kind == MOVE_BULK;
}

/** cpu_track_ends_drain() - whether drained blocks must be told (RAW_PAGES_DRAINED) before an event of that type. */
static inline bool cpu_track_ends_drain(const struct cpu_track *track, enum raw_type type)
{
	return track->drained && (type == RAW_PAGE_ALLOC || type == RAW_PAGE_FREE);
}

/** cpu_track_drained() - the event that tells of the drained blocks; they are told with it. */
static inline struct raw_event cpu_track_drained(struct cpu_track *track, uint16_t cpu)
{
	struct raw_event event = { .type = RAW_PAGES_DRAINED, .cpu = cpu, .node = -1, .moved = track->drained };

	track->drained = 0;
	return event;
}

/** cpu_track_stamp() - fill in where the event stands and what it took. */
static inline void cpu_track_stamp(struct cpu_track *track, enum source_pair pair, struct raw_event *event)
{
	uint16_t *taken = &track->taken[event->ctx & CTX_MASK];

	event->entry = track->entry;
	if (event->type != RAW_PAGE_ALLOC && (event->type != RAW_PAGES_BULK || pair != PAIR_RETURN))
		return;
	event->moved = *taken;
	*taken = 0;
}

#endif
