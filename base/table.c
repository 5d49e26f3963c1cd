#include "base/table.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE_BYTES (2u << 20)

void *table_alloc(size_t bytes)
{
	void *table;

	if (bytes < HUGE_PAGE_BYTES || bytes > SIZE_MAX - HUGE_PAGE_BYTES)
		return malloc(bytes);
	table = aligned_alloc(HUGE_PAGE_BYTES, (bytes + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES);
	if (table) /* the last part is left to small pages, so that no more is taken than is used */
		madvise(table, bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	return table;
}

/* What is mapped for @bytes: whole pages, and where the last huge page would be half full or more, that one whole. */
static size_t mapped_bytes(size_t bytes)
{
	size_t rest = bytes % HUGE_PAGE_BYTES, page = (size_t)sysconf(_SC_PAGESIZE);

	return rest >= HUGE_PAGE_BYTES / 2 ? bytes - rest + HUGE_PAGE_BYTES : (bytes + page - 1) / page * page;
}

void *table_map(size_t bytes)
{
	size_t size = mapped_bytes(bytes), gap;
	char *all, *table;

	if (bytes > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	all = mmap(NULL, size + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (all == MAP_FAILED)
		return NULL;
	gap = (HUGE_PAGE_BYTES - (uintptr_t)all % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
	table = all + gap;
	if (gap)
		munmap(all, gap);
	if (gap < HUGE_PAGE_BYTES)
		munmap(table + size, HUGE_PAGE_BYTES - gap);
	madvise(table, size / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	return table;
}

void table_unmap(void *table, size_t bytes)
{
	if (table)
		munmap(table, mapped_bytes(bytes));
}
