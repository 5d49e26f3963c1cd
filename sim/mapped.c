/*
 * mapped: file pages that tasks use through their page tables. No event tells which; `reclaim.mapped` says how many
 * pages reclaim finds used for each hundred that it takes, and `kmemsim probe` takes that from a machine that has
 * reclaimed.
 *
 * Which they are follows from how a mapping is read: a fault reads a window of readahead, and maps the one page
 * that it is about; a later fault in the window maps all of an aligned range around it that is there
 * (fault-around). So a used page is one of its window, or one of a whole range. A page that is mapped already is
 * used again only if itself is touched, which is as much less likely than a fault in its range as the range has
 * pages.
 *
 * Whose they are the page tables tell in a recording that reclaimed (mappers.c): pages that a task has read while
 * it maps files, until it maps none any more; also when they have been active and grown old. So many of them are
 * used that the share of all is the machine's, as far as is known by then. Others have what is missing when all
 * that mappers have read are used, and the whole share while nobody is known to map files.
 * Models filemap_fault() and filemap_map_pages() of mm/filemap.c, do_fault_around() of mm/memory.c (6.1).
 */
#include <stdlib.h>

#include "sim/reclaim_priv.h"

#define SHARE_ALL    (100u * WINDOW_PAGES) /* of shares: they are per cent of each page of a window */

/** What a task reads. */
struct mapped_task {
	uint32_t page;          /* of the window, the next one */
	/* the least share at which the range is mapped, and the page that the window was read for */
	uint32_t around, first;
};

struct mapped {
	struct rng rng;
	uint32_t share;            /* SHARE_ALL: all pages */
	uint32_t around_pages;     /* that one fault maps */
	struct mapped_task *tasks; /* owned; by who, and one for what is read again, or older than the trace */
	uint64_t came, theirs;     /* file pages of a recording that reclaimed; those that mappers have read */
	uint64_t others_used;      /* pages that reclaim has found so while none was mapped by who has read it */
};

/*
 * @reader reads the next page of its window. Of the window one is used anyhow, unless that were too much already;
 * so many of its ranges have to be that the share comes out. Return: the least share of all pages at which this one
 * is used.
 */
static uint16_t least_share(struct mapped *m, uint32_t reader)
{
	struct mapped_task *task = &m->tasks[reader];
	uint32_t least;

	if (task->page == 0)
		task->first = 1 + (uint32_t)rng_below(&m->rng, 100);
	if (task->page % m->around_pages == 0)
		task->around = 101 + (uint32_t)rng_below(&m->rng, SHARE_ALL - 100);
	least = task->page ? task->around : min_u32(task->first, task->around);
	task->page = (task->page + 1) % WINDOW_PAGES;
	return (uint16_t)least;
}

void mapped_page_begins(struct run *run, uint32_t who, const struct run_op *op, pfn_t pfn)
{
	struct mapped *m = run->reclaim.mapped;
	struct page_user *user = &run->reclaim.users[pfn];
	bool again = run->reclaim.reading_again;

	if (!m)
		return;
	m->came += run->reclaim.recorded;
	/* What is allocated by write() nobody has mapped, until it is read. */
	if (op->gfp & GFP_BIT_WRITE && !again)
		return;
	user->least_share = least_share(m, again ? run->tables->nr_whos : who);
	if (run->reclaim.recorded) {
		user->perhaps_mapped = mappers_tables(run, who);
		m->theirs += mappers_maps(run, who);
	}
}

void mapped_older(struct run *run, pfn_t pfn)
{
	struct page_user *user = &run->reclaim.users[pfn];

	if (!run->reclaim.mapped)
		return;
	user->least_share = least_share(run->reclaim.mapped, run->tables->nr_whos);
	user->perhaps_mapped = false;
}

/*
 * The share of what mappers have read, which may have been before
 * they were known: they make up for what others have not had.
 */
static uint32_t share_of_mappers(const struct mapped *m)
{
	uint64_t due = m->came * m->share, had = m->others_used * SHARE_ALL;

	return due > had ? (uint32_t)min_u64((due - had) / max_u64(m->theirs, 1), SHARE_ALL) : 0;
}

static uint32_t share_of_others(const struct mapped *m)
{
	uint64_t due = m->came * m->share, had = m->theirs * SHARE_ALL;

	if (!m->theirs)
		return m->share;
	return due > had ? (uint32_t)((due - had) / (m->came - m->theirs)) : 0;
}

/* @share: of the pages of those who have read this one. */
static bool is_used(const struct page_user *user, uint32_t share)
{
	return user->least_share && user->least_share <= share;
}

static bool page_used(void *arg, pfn_t pfn, enum page_past past)
{
	struct run *run = arg;
	struct mapped *m = run->reclaim.mapped;
	const struct page_user *user = &run->reclaim.users[pfn];
	bool used;

	if (user->perhaps_mapped && mappers_maps(run, user->who))
		return past == PAGE_WAS_USED ? !rng_below(&m->rng, m->around_pages) :
					       is_used(user, share_of_mappers(m));
	if (past == PAGE_WAS_USED)
		used = rng_below(&m->rng, SHARE_ALL * m->around_pages) < share_of_others(m);
	else
		used = past == PAGE_CAME && is_used(user, share_of_others(m));
	m->others_used += used;
	return used;
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
	m->around_pages = max_u32(FAULT_AROUND_BYTES >> run->machine->page_shift, 1);
	hooks->page_used = page_used;
	return 0;
}

void mapped_fini(struct run *run)
{
	if (run->reclaim.mapped)
		free(run->reclaim.mapped->tasks);
	free(run->reclaim.mapped);
}
