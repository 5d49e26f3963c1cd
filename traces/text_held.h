/*
 * text_held: what was read of a recording as text and waits before it is gathered: events whose chains of callers
 * may still follow, as the lines of several CPUs mix, and the moves of blocks among them. Their order is kept.
 */
#ifndef KMEMSIM_TRACES_TEXT_HELD_H
#define KMEMSIM_TRACES_TEXT_HELD_H

#include "traces/gather.h"

#define TEXT_HELD_MAX 128u /* events and moves: those of other CPUs that may come between an event and its chain */

struct text_held_item {
	struct raw_event event;
	struct trace_move move;
	enum source_pair pair;
	bool is_move;
};

struct text_held {
	struct gather *g;        /* borrowed */
	uint64_t nr, gone;       /* items taken so far, and of those how many have been gathered */
	struct text_held_item items[TEXT_HELD_MAX]; /* item n, from 1, is in place n modulo their number */
};

/** text_held_event() - as gather_event(), later. Its number is then held->nr. */
int text_held_event(struct text_held *held, const struct raw_event *event, enum source_pair pair, struct err *err);
/** text_held_move() - as gather_move(), later. */
int text_held_move(struct text_held *held, const struct trace_move *move, struct err *err);
/** text_held_find() - the event of that number, NULL when it has been gathered; 0 is none's. */
struct raw_event *text_held_find(struct text_held *held, uint64_t number);
/** text_held_end() - gather all that waits. */
int text_held_end(struct text_held *held, struct err *err);

#endif
