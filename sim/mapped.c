/*
 * mapped: file pages that tasks use through their page tables. No event tells which; `reclaim.mapped` says how many pages
 * reclaim finds used for each hundred that it takes, and `kmemsim probe` takes that from a machine that has reclaimed.
 *
 * Which they are follows from how a mapping is read: a fault reads a window of readahead, and maps the one page that it is
 * about; a later fault in the window maps all of an aligned range around it that is there (fault-around). So a used page
 * is one of its window, or one of a whole range. A page that is mapped already is used again only if itself is touched, which is as
 * much less likely than a fault in its range as the range has pages.
 * Models filemap_fault() and filemap_map_pages() of mm/filemap.c, do_fault_around() of mm/memory.c (6.1).
 */
#include <stdlib.h>

#include "sim/reclaim_priv.h"

#define AROUND_PAGES 16u                   /* fault_around_bytes */
#define SHARE_ALL    (100u * WINDOW_PAGES) /* of shares: they are per cent of each page of a window */

/** What a task reads. */
struct mapped_task {
	uint32_t page;          /* of the window, the next one */
	uint32_t around, first; /* the least share at which the range is mapped, and the page that the window was read for */
};

struct mapped {
	struct rng rng;
	uint32_t share;            /* SHARE_ALL: all pages */
	struct mapped_task *tasks; /* owned; by who, and one for what is read again, or older than the trace */
};

/*
 * @reader reads the next page of its window. Of the window one is used anyhow, unless that were too much already; so many of its ranges
 * have to be that the share comes out. Return: the least share of all pages at which this one is used.
 */
static uint16_t least_share(struct mapped *m, uint32_t reader)
{
	struct mapped_task *task = &m->tasks[reader];
	uint32_t least;

	if (task->page == 0)
		task->first = 1 + (uint32_t)rng_below(&m->rng, 100);
	if (task->page % AROUND_PAGES == 0)
		task->around = 101 + (uint32_t)rng_below(&m->rng, SHARE_ALL - 100);
	least = task->page ? task->around : min_u32(task->first, task->around);
	task->page = (task->page + 1) % WINDOW_PAGES;
	return (uint16_t)least;
}

void mapped_page_begins(struct run *run, uint32_t who, const struct run_op *op, pfn_t pfn)
{
	struct mapped *m = run->reclaim.mapped;
	bool again = run->reclaim.reading_again;

	/* What is allocated by write() nobody has mapped, until it is read. */
	if (m && (again || !(op->gfp & GFP_BIT_WRITE)))
		run->reclaim.users[pfn].least_share = least_share(m, again ? run->tables->nr_whos : who);
}

void mapped_older(struct run *run, pfn_t pfn)
{
	if (run->reclaim.mapped)
		run->reclaim.users[pfn].least_share = least_share(run->reclaim.mapped, run->tables->nr_whos);
}

static bool page_used(void *arg, pfn_t pfn, enum page_past past)
{
	struct run *run = arg;
	struct mapped *m = run->reclaim.mapped;
	uint32_t least = run->reclaim.users[pfn].least_share;

	if (past == PAGE_WAS_USED)
		return rng_below(&m->rng, SHARE_ALL * AROUND_PAGES) < m->share;
	return past == PAGE_CAME && least && least <= m->share;
}

int mapped_start(struct run *run, struct reclaim_hooks *hooks, struct err *err)
{
	struct mapped *m;

	if (!run->reclaim.mapped_percent)
		return 0;
	m = calloc(1, sizeof(*m));
	run->reclaim.mapped = m;
	if (m)
		m->tasks = calloc((size_t)run->tables->nr_whos + 1, sizeof(*m->tasks));
	if (!m || !m->tasks)
		return err_set(err, ERR_NOMEM, "no memory for what %u tasks map", run->tables->nr_whos);
	rng_init(&m->rng, run->options->seed, "mapped");
	m->share = run->reclaim.mapped_percent * WINDOW_PAGES;
	hooks->page_used = page_used;
	return 0;
}

void mapped_fini(struct run *run)
{
	if (run->reclaim.mapped)
		free(run->reclaim.mapped->tasks);
	free(run->reclaim.mapped);
}
