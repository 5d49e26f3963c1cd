/* index: where the EVENTS sections of a file stand, from its INDEX or by walking from section to section. */
#ifndef KMEMSIM_TRACES_INDEX_H
#define KMEMSIM_TRACES_INDEX_H

#include "traces/section.h"

struct index_row {
	uint64_t offset;
	uint64_t first_event;
	ns_t first_ns;
	uint32_t nr_events;
};

struct index {
	struct index_row *rows;  /* owned */
	size_t nr;
	uint32_t cap;
	uint64_t events;         /* in all rows */
	bool cut;                /* walked, and no whole section stands at cut_offset although the file goes on */
	uint64_t cut_offset;
};

/**
 * index_load() - find the sections; @at is the end of the TABLES, @events what the header promises.
 * An INDEX that is absent, damaged or does not fit is not used.
 * Errors: ERR_IO, ERR_NOMEM. End @index with index_fini() in any case.
 */
int index_load(struct index *index, int fd, uint64_t file_bytes, uint64_t at, uint64_t events, struct unpacker *u,
	struct err *err);
void index_fini(struct index *index);

#endif
