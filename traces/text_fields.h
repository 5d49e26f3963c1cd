/* text_fields: the KEY=VALUE fields of an event's line, as the kernel, trace-cmd and perf print them. */
#ifndef KMEMSIM_TRACES_TEXT_FIELDS_H
#define KMEMSIM_TRACES_TEXT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/gfp.h"
#include "traces/raw_event.h"
#include "traces/texts.h"
#include "traces/trace.h"

/* A gfp mask met in the source. */
struct text_mask {
	gfp_t gfp;               /* UINT32_MAX: it is none */
	uint64_t used;           /* by so many events */
};

struct text_fields {
	struct texts *texts;     /* borrowed: call sites and names go there */
	enum gfp_layout layout;
	struct texts masks;      /* gfp masks as text */
	struct text_mask *mask_values; /* owned, by number in masks */
	uint32_t mask_cap;
	bool wide_pointers;      /* the last pointer had 16 digits without 0x */
};

/**
 * text_fields_parse() - read the fields at @p of a @known event into *@event. @why: room for @size bytes
 * of why it cannot be used. Without memory for a text event->call_site or event->name is TEXT_NO_MEMORY.
 * Return: whether it can be.
 */
bool text_fields_parse(struct text_fields *t, const struct source_event *known, const char *p, struct raw_event *event,
	char *why, size_t size);

/**
 * text_fields_count() - the flags that were left out of masks
 * go to @repaired, by name. Return: 0, or -1: no memory.
 */
int text_fields_count(const struct text_fields *t, struct trace_counts *repaired);

void text_fields_fini(struct text_fields *t);

#endif
