/*
 * boot_stage: a saved state may be of the middle of the kernel's boot, before it set up its per-CPU page lists
 * (setup_per_cpu_pageset()) and its watermarks (init_per_zone_wmark_min()). No event tells when it does; the pages that
 * the recording shows being moved between the free lists and the per-CPU lists do.
 */
#ifndef KMEMSIM_SIM_BOOT_STAGE_H
#define KMEMSIM_SIM_BOOT_STAGE_H

#include "mm/page_alloc.h"
#include "traces/trace.h"

/** What the kernel does next. */
enum boot_stage { BOOT_PAGESETS_NEXT, BOOT_MARKS_NEXT, BOOT_OVER };

/** boot_stage_of() - the stage that the allocator's state is of. */
enum boot_stage boot_stage_of(const struct page_alloc *pa);

/**
 * boot_stage_before() - before the event @op is served: do what the kernel must have done by then.
 * @pfn:   recorded frame of a page event.
 * @cpu:   of the model.
 * @moved: blocks that the event moved in the recording.
 * Return: the stage from then on.
 */
enum boot_stage boot_stage_before(enum boot_stage stage, struct page_alloc *pa, const struct trace_op *op, pfn_t pfn,
	unsigned int cpu, uint32_t moved);

#endif
