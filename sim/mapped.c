/*
 * mapped: file pages that tasks use through their page tables. No trace tells which; `reclaim.mapped` says how many pages
 * reclaim finds used for each hundred that it takes, and `kmemsim probe` takes that from a machine that has reclaimed.
 *
 * Which they are follows from how a mapping is read: a fault reads a window of readahead, and maps the one page that it is
 * about; a later fault in the window maps all of an aligned range around it that is there (fault-around). So a used page
 * is one of its window, or one of a whole range. A page that is mapped already is used again only if itself is touched, which is as
 * much less likely than a fault in its range as the range has pages.
 * Models filemap_fault() and filemap_map_pages() of mm/filemap.c and do_fault_around() of mm/memory.c (6.1).
 */
#include <stdlib.h>

#include "sim/reclaim_priv.h"

#define AROUND_PAGES 16u /* fault_around_bytes */

/** What a task reads. */
struct mapped_task {
	uint8_t page;        /* of the window, the next one */
	bool around;         /* the range is mapped */
	bool first;          /* the page that the window was read for is */
};

struct mapped {
	struct rng rng;
	uint32_t percent;
	struct mapped_task *tasks; /* owned; by who, and one for what is read again, or older than the trace */
};

/*
 * Of a window's pages one is used anyhow, unless that were too much already; so many of its ranges have to be that the share
 * comes out as the machine's. Return: per hundred times WINDOW_PAGES - 1.
 */
static uint32_t ranges_mapped(const struct mapped *m)
{
	return m->percent * WINDOW_PAGES > 100 ? m->percent * WINDOW_PAGES - 100 : 0;
}

/* @reader reads the next page of its window. */
static void note_read(struct run *run, uint32_t reader, pfn_t pfn)
{
	struct mapped *m = run->reclaim.mapped;
	struct mapped_task *task = &m->tasks[reader];

	if (task->page == 0)
		task->first = rng_below(&m->rng, 100) < m->percent * WINDOW_PAGES;
	if (task->page % AROUND_PAGES == 0)
		task->around = rng_below(&m->rng, 100 * (WINDOW_PAGES - 1)) < ranges_mapped(m);
	if (task->around || (task->first && task->page == 0))
		lru_use(run->mm.pages, pfn);
	task->page = (task->page + 1) % WINDOW_PAGES;
}

void mapped_page_begins(struct run *run, uint32_t who, const struct run_op *op, pfn_t pfn)
{
	bool again = run->reclaim.reading_again;

	/* What is allocated by write() nobody has mapped, until it is read. */
	if (run->reclaim.mapped && (again || !(op->gfp & GFP_BIT_WRITE)))
		note_read(run, again ? run->tables->nr_whos : who, pfn);
}

void mapped_older(struct run *run, pfn_t pfn)
{
	if (run->reclaim.mapped)
		note_read(run, run->tables->nr_whos, pfn);
}

static bool mapped_again(void *arg, pfn_t pfn)
{
	struct mapped *m = ((struct run *)arg)->reclaim.mapped;

	(void)pfn;
	return rng_below(&m->rng, 100 * AROUND_PAGES) < m->percent;
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
	m->percent = run->reclaim.mapped_percent;
	hooks->page_used_again = mapped_again;
	return 0;
}

void mapped_fini(struct run *run)
{
	if (run->reclaim.mapped)
		free(run->reclaim.mapped->tasks);
	free(run->reclaim.mapped);
}
