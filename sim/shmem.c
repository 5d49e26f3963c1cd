/*
 * shmem: which pages are of files that live in memory (tmpfs, the unpacked initial ramdisk). They are on the lists
 * of anonymous pages, but write() has filled them, not a fault: no accessed bit keeps them, and they go to swap
 * when reclaim looks at them first. Models shmem_get_folio_gfp() and shmem_add_to_page_cache() of mm/shmem.c (6.1).
 *
 * Memory of a process is cleared, but for copies on write, which
 * have the mask that these pages have. Two things tell them apart:
 *
 * Pages of a file hang in a tree, others do not. A task that takes a node of one right
 * after such a page writes to a file, and goes on to, until it has another address space.
 * A thread of the kernel has no memory of its own: what it takes and does not clear is of the initial ramdisk. Of
 * such pages many are programs, libraries and modules, which are read and mapped. A saved state has put those on
 * its active list, so the others are not in use; where the run itself unpacks them nothing tells which they are,
 * and all count as used.
 *
 * Simplified: files of one page have no node, and what comes before a task's first node, a page or two, has been
 * passed: these count as copies on write. What such a task copies then counts as the file's, and so does what is
 * mapped.
 */
#include <stdlib.h>

#include "sim/reclaim_priv.h"

/* What is known of who. */
enum {
	SHMEM_KERNEL = 1, /* a thread of the kernel */
	/* By leader: */
	SHMEM_LAST = 2,   /* its last page has the mask */
	SHMEM_WRITES = 4, /* to files in memory */
};

int shmem_start(struct run *run, struct err *err)
{
	uint32_t nr = run->tables->nr_whos;
	uint8_t *shmem = calloc((size_t)nr + 1, sizeof(*shmem));

	run->reclaim.shmem = shmem;
	if (!shmem)
		return err_set(err, ERR_NOMEM, "no memory for what %u tasks write to memory", nr);
	for (uint32_t who = 0; who < nr; who++)
		if (oom_is_kernel_thread(run_string(run, run->tables->whos[who].comm)))
			shmem[who] = SHMEM_KERNEL;
	return 0;
}

void shmem_fini(struct run *run)
{
	free(run->reclaim.shmem);
}

/* Whether a page taken by @op may be of a file in memory. */
static bool may_be_shmem(const struct run_op *op)
{
	return op->lru == LRU_KIND_ANON && !(op->gfp & GFP_BIT_ZERO);
}

bool shmem_page_begins(struct run *run, uint32_t who, const struct run_op *op)
{
	uint8_t *leader = &run->reclaim.shmem[run->reclaim.leader[who]];
	bool may_be = may_be_shmem(op);

	*leader = (uint8_t)((*leader & ~SHMEM_LAST) | (may_be ? SHMEM_LAST : 0));
	return may_be && *leader & SHMEM_WRITES;
}

bool shmem_page_older(const struct run *run, uint32_t who, const struct run_op *op)
{
	return may_be_shmem(op) && run->reclaim.shmem[who] & SHMEM_KERNEL;
}

void shmem_node_begins(struct run *run, uint32_t who)
{
	uint8_t *shmem = run->reclaim.shmem;

	/* What is unpacked in the run is not known to be unused. */
	if (shmem && shmem[run->reclaim.leader[who]] & SHMEM_LAST && !(shmem[who] & SHMEM_KERNEL))
		shmem[run->reclaim.leader[who]] |= SHMEM_WRITES;
}

void shmem_fork(struct run *run, uint32_t who)
{
	if (run->reclaim.shmem)
		run->reclaim.shmem[run->reclaim.leader[who]] &= SHMEM_KERNEL;
}
