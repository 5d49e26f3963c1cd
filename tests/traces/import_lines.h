/* import_lines: lines of recordings in text, by what they tell of. */
#ifndef KMEMSIM_TESTS_TRACES_IMPORT_LINES_H
#define KMEMSIM_TESTS_TRACES_IMPORT_LINES_H

#include "tests/traces/importing.h"

#define LINE(event) "init-1 [000] 1.000000000: " event "\n"
#define ALLOC(ptr) LINE("kmalloc: call_site=f+0x1 ptr=" ptr " bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1")
#define CACHE_ALLOC(site, ptr, sizes) \
	LINE("kmem_cache_alloc: call_site=" site " ptr=" ptr " " sizes " gfp_flags=GFP_KERNEL node=-1 accounted=false")
#define SIZES_192 "bytes_req=184 bytes_alloc=192"
#define PAGE(pfn, order) \
	LINE("mm_page_alloc: page=0x1 pfn=" pfn " order=" order " migratetype=0 gfp_flags=GFP_KERNEL")
#define FREE_PAGE(pfn, order) LINE("mm_page_free: page=0x1 pfn=" pfn " order=" order)

#endif
