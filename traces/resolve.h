/*
 * resolve: the second pass of an import. Turns raw events with the findings of the first pass into the events of a
 * trace: objects become slots, and what the recording left out is put in by rule and counted.
 *
 * The rules, in the order in which they are tried:
 *  - An allocation returns an address that still lives: its free was not recorded and happens just before.
 *  - A free of an unknown object of a cache: one of the objects that a bulk allocation took from that cache, whose
 *    addresses no recording has, the oldest first; else the object is older than the trace and adopted.
 *  - A free that names another cache than the live object's: that object's free and the address's next allocation were
 *    not recorded. The first is put in, the second is as for an unknown object.
 *  - A bulk free, whose addresses a text recording lacks: the objects of bulk allocations of that cache, the newest
 *    first; what goes beyond them is left to show as implied frees.
 *  - A free of an unknown page: a page that a bulk allocation took, first those behind areas that were just freed;
 *    else it is adopted.
 *  - An adopted kmalloc object has the size of the others in its slab, else that of most objects freed at its call
 *    site, else 64 bytes.
 */
#ifndef KMEMSIM_TRACES_RESOLVE_H
#define KMEMSIM_TRACES_RESOLVE_H

#include "traces/gather.h"
#include "traces/writer.h"

/** resolve_write() - write all that @g gathered to @w. Counts go to @meta. */
int resolve_write(struct gather *g, struct trace_writer *w, struct trace_meta *meta,
	const struct import_options *options, struct err *err);

#endif
