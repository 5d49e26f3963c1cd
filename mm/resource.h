/*
 * resource: who has which I/O ports and which physical addresses: two trees of spans, each within its parent, siblings
 * disjoint. Models kernel/resource.c (6.1). Knows neither mappings nor what an access costs.
 */
#ifndef KMEMSIM_MM_RESOURCE_H
#define KMEMSIM_MM_RESOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "configs/machine.h"
#include "mm/mechanism.h"
#include "mm/meter.h"

enum resource_tree { RESOURCE_IOMEM, RESOURCE_IOPORT, NR_RESOURCE_TREES };

#define RESOURCE_NONE UINT32_MAX

/** A span. Nodes 0 and 1 are the roots "PCI mem" and "PCI IO". */
struct resource {
	uint64_t start, end;  /* inclusive */
	const char *name;     /* borrowed: the machine's, or the trace's */
	uint32_t parent, child, sibling; /* node numbers; RESOURCE_NONE */
	uint16_t device;      /* region of the machine whose costs count here, from 1; 0 = none has costs */
	uint8_t claim;        /* enum machine_claim: not CLAIM_NONE = IORESOURCE_BUSY */
	bool requested;       /* by the trace */
	bool used;            /* in a tree; else on the list of unused nodes */
};

struct resources;

/** What resource_request() met. */
enum resource_conflict { RESOURCE_FREE, RESOURCE_BUSY, RESOURCE_OVERLAPS, RESOURCE_OUTSIDE };

struct resource_answer {
	enum resource_conflict conflict; /* RESOURCE_FREE: it was granted */
	uint32_t other;                  /* the node that was in the way */
	bool taken_over;                 /* a driver's claim from before the trace went to this request */
};

/**
 * resource_request() - claim [@start, @start + @size) of @tree: the deepest place that fits, busy.
 * @name: borrowed as long as the resources live.
 * @recorded_failure: the recording shows that it failed, so no claim of a driver gives way to it.
 *
 * Models __request_region(). Simplified: the 64 bytes of the node are not allocated: recordings show them as an event;
 * and IORESOURCE_MUXED is not known, which recordings do not show, so nobody waits for a release.
 */
struct resource_answer resource_request(struct resources *resources, enum resource_tree tree, uint64_t start,
	uint64_t size, const char *name, bool recorded_failure, struct meter *meter);

/**
 * resource_release() - give a claim back; its span must be exactly that of a busy node.
 * Models __release_region(), which loses what lies inside the node: nothing can, but what was there before the trace.
 * Return: false when there is no such claim: the kernel warns of a "nonexistent resource".
 */
bool resource_release(struct resources *resources, enum resource_tree tree, uint64_t start, uint64_t size,
	struct meter *meter);

/** resource_deepest() - the innermost node around all of [@start, @end]; the root if no other is. */
uint32_t resource_deepest(const struct resources *resources, enum resource_tree tree, uint64_t start, uint64_t end);

/** resource_claimed() - whether each of [@start, @end] is in a busy node, all in one or in several that adjoin. */
bool resource_claimed(const struct resources *resources, enum resource_tree tree, uint64_t start, uint64_t end);

/**
 * resource_spans() - whether a mapping of [@start, @end] goes beyond a node that is not busy and that it meets,
 * compared in whole pages. Models iomem_map_sanity_check().
 */
bool resource_spans(const struct resources *resources, uint64_t start, uint64_t end, uint32_t page_size);

/** resource_is_ram() - whether a whole page of [@start, @end] is RAM that the page allocator has or had. */
bool resource_is_ram(const struct resources *resources, uint64_t start, uint64_t end);

/** resource_get() - a node, valid until the next request or release; resource_next() - the next one in pre-order. */
const struct resource *resource_get(const struct resources *resources, uint32_t node);
uint32_t resource_next(const struct resources *resources, uint32_t node);

/** resource_depth() - 0 for what is directly below a root, as far in as /proc shows. */
uint32_t resource_depth(const struct resources *resources, uint32_t node);

struct resource_stats {
	uint64_t requests, conflicts, releases, mismatches;
	uint64_t taken_over; /* drivers' claims from before the trace that a request of the trace replaced */
	uint64_t live;       /* claims of the trace */
	uint64_t live_bytes; /* their bytes or ports */
	uint64_t left_out;   /* regions of the machine that do not nest */
};

const struct resource_stats *resource_stats(const struct resources *resources, enum resource_tree tree);

/** resource_generation() - another number whenever a node of the tree came or went. */
uint64_t resource_generation(const struct resources *resources, enum resource_tree tree);

struct ioports;

/** resource_ioports() - the ports, whose claims follow those of the tree. */
struct ioports *resource_ioports(struct resources *resources);

#endif
