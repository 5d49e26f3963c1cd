/*
 * raw_spool: the raw events of an import on their way from the first pass, which looks ahead, to the second, which
 * writes. They wait in an unnamed temporary file, so that memory stays bounded and standard input is read once.
 */
#ifndef KMEMSIM_TRACES_RAW_SPOOL_H
#define KMEMSIM_TRACES_RAW_SPOOL_H

#include "base/err.h"
#include "traces/raw_event.h"

struct raw_spool {
	int fd;                   /* owned; -1 = not open */
	struct raw_event *buffer; /* owned: events first .. first + nr_buffer - 1 */
	uint64_t first;
	size_t nr_buffer, next;
	uint64_t nr;              /* events in all */
};

/**
 * raw_spool_open() - @beside: the file goes into this file's
 * directory if possible, else into that for temporary files.
 */
int raw_spool_open(struct raw_spool *spool, const char *beside, struct err *err);
/** raw_spool_append() - add a copy of @event; its number is spool->nr before the call. */
int raw_spool_append(struct raw_spool *spool, const struct raw_event *event, struct err *err);

/** What the first pass finds out about an event that has been appended. */
struct raw_spool_finding {
	uint32_t link;
	uint8_t origin;
	uint8_t method;
};

/** raw_spool_find() - set link, origin and method of event @number. */
int raw_spool_find(struct raw_spool *spool, uint64_t number, const struct raw_spool_finding *finding, struct err *err);
/** raw_spool_moved() - set moved of event @number. */
int raw_spool_moved(struct raw_spool *spool, uint64_t number, uint16_t moved, struct err *err);
/** raw_spool_rewind() - from now on the events are read from the first on. */
int raw_spool_rewind(struct raw_spool *spool, struct err *err);
/** raw_spool_next() - Return: 1 with *event set (valid until the next call), 0 at the end, negative on ERR_IO. */
int raw_spool_next(struct raw_spool *spool, const struct raw_event **event, struct err *err);
/** raw_spool_ahead() - the event that is @nr behind the next one, if it is in memory; else NULL. */
static inline const struct raw_event *raw_spool_ahead(const struct raw_spool *spool, size_t nr)
{
	return spool->next + nr < spool->nr_buffer ? &spool->buffer[spool->next + nr] : NULL;
}

void raw_spool_close(struct raw_spool *spool);

#endif
