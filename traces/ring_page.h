/*
 * ring_page: the records in a page of the kernel's ring buffer, as trace.dat holds it: the time of its first
 * record, how many bytes were written to it, and records of which each says how long after the one before it was
 * made. Layout: the kernel's events/header_page and events/header_event, trace-cmd.dat.v7(5). Knows nothing of what
 * is in a record.
 */
#ifndef KMEMSIM_TRACES_RING_PAGE_H
#define KMEMSIM_TRACES_RING_PAGE_H

#include <stddef.h>
#include <stdint.h>

#define RING_RECORD_MIN 4u /* bytes from one record to the next, at least: of a damaged page, where they may overlap */

/* A record of the page. */
struct ring_record {
	uint64_t time_ns;
	uint32_t at;       /* bytes: where its data begin in the page */
	int32_t size;      /* bytes of them; in a damaged page it may be negative */
};

/**
 * ring_page_records() - list the records of a page in little-endian byte order.
 * @bytes:     of the page.
 * @long_size: bytes of a long in the recorded kernel, 4 or 8.
 * @records:   room for @bytes / RING_RECORD_MIN.
 * @missed:    events lost before the first record; -1: some, not counted.
 *
 * A damaged page gives what can be told: a record that would leave the page ends with it, and is the last.
 * Return: how many records there are; -1 when more is said to be written than a page can hold.
 */
int ring_page_records(const void *page, size_t bytes, unsigned int long_size, struct ring_record *records,
	int64_t *missed);

#endif
