/* page_purpose: what a page is taken for, as far as the gfp mask of its request tells. No other field does. */
#ifndef KMEMSIM_TRACES_PAGE_PURPOSE_H
#define KMEMSIM_TRACES_PAGE_PURPOSE_H

#include <stdbool.h>

#include "traces/trace.h"

/** page_purpose_is_table() - whether @op takes a page table of a process. Models GFP_PGTABLE_USER. */
bool page_purpose_is_table(const struct trace_op *op);
/** page_purpose_is_file() - whether @op takes a page of a file. */
bool page_purpose_is_file(const struct trace_op *op);

#endif
