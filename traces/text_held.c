#include "traces/text_held.h"

static struct text_held_item *item(struct text_held *held, uint64_t number)
{
	return &held->items[number % TEXT_HELD_MAX];
}

static int gather_first(struct text_held *held, struct err *err)
{
	struct text_held_item *first = item(held, ++held->gone);

	return first->is_move ? gather_move(held->g, &first->move, err) :
				gather_event(held->g, &first->event, first->pair, err);
}

static int take(struct text_held *held, const struct text_held_item *next, struct err *err)
{
	int code = held->nr - held->gone == TEXT_HELD_MAX ? gather_first(held, err) : 0;

	*item(held, ++held->nr) = *next;
	return code;
}

int text_held_event(struct text_held *held, const struct raw_event *event, enum source_pair pair, struct err *err)
{
	return take(held, &(struct text_held_item){ .event = *event, .pair = pair }, err);
}

int text_held_move(struct text_held *held, const struct trace_move *move, struct err *err)
{
	return take(held, &(struct text_held_item){ .move = *move, .is_move = true }, err);
}

struct raw_event *text_held_find(struct text_held *held, uint64_t number)
{
	return number > held->gone && number <= held->nr ? &item(held, number)->event : NULL;
}

int text_held_end(struct text_held *held, struct err *err)
{
	int code = 0;

	while (code == 0 && held->gone < held->nr)
		code = gather_first(held, err);
	return code;
}
