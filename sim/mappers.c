/*
 * mappers: which tasks use a file through a mapping. What they touch makes no request while the page cache has it, but their page tables do:
 * one for every 512 pages of the range, in a row, with no anonymous page between (which would be memory of their own) and not while
 * the task forks (which copies tables).
 * Models do_read_fault() and __do_fault() of mm/memory.c (6.1).
 */
#include <stdlib.h>

#include "sim/reclaim_priv.h"

#define FEWEST 16u /* page tables in a row, 32 MiB: a program and its libraries have fewer */

/** A task, by its leader: what its latest requests were. */
struct table_row {
	uint32_t tables;       /* in a row */
	uint32_t mapper_plus1; /* that the row has become */
	bool forking;          /* or about to run another program: its tables are copies, or new */
};

struct mappers {
	bool *is_table;         /* owned; by operation: it takes a page table of a process */
	struct table_row *rows; /* owned; by leader */
	uint32_t nr;            /* mappings that have been found */
};

static bool is_user_table(const struct trace_op *op)
{
	return op->kind == KIND_ALLOC_PAGES && !op->order && op->origin != ORIGIN_PAGE_TABLE && op->gfp == (GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO);
}

int mappers_start(struct run *run, struct err *err)
{
	const struct trace_tables *tables = run->tables;
	struct mappers *m;

	/* A recording of a machine that reclaimed has what they read again: pages that they ask for. */
	if (!run->reclaim.use_unknown || run->reclaim.recorded)
		return 0;
	m = calloc(1, sizeof(*m));
	run->reclaim.mappers = m;
	if (m) {
		m->is_table = calloc((size_t)tables->nr_ops + 1, sizeof(*m->is_table));
		m->rows = calloc((size_t)tables->nr_whos + 1, sizeof(*m->rows));
	}
	if (!m || !m->is_table || !m->rows)
		return err_set(err, ERR_NOMEM, "no memory for the page tables of %u tasks", tables->nr_whos);
	for (uint32_t op = 0; op < tables->nr_ops; op++)
		m->is_table[op] = is_user_table(&tables->ops[op]);
	return 0;
}

void mappers_fini(struct run *run)
{
	struct mappers *m = run->reclaim.mappers;

	if (!m)
		return;
	free(m->is_table);
	free(m->rows);
	free(m);
}

void mappers_fork(struct run *run, uint32_t who)
{
	if (run->reclaim.mappers)
		run->reclaim.mappers->rows[run->reclaim.leader[who]].forking = true;
}

static void note_table(struct run *run, struct table_row *row, uint32_t who)
{
	struct mappers *m = run->reclaim.mappers;

	if (row->forking || ++row->tables < FEWEST)
		return;
	if (row->tables == FEWEST)
		row->mapper_plus1 = ++m->nr;
	readers_map(run, row->mapper_plus1 - 1, who, row->tables, row->tables == FEWEST ? FEWEST : 1);
}

void mappers_page_begins(struct run *run, const struct request *req, const struct run_op *op)
{
	struct mappers *m = run->reclaim.mappers;
	struct table_row *row = &m->rows[run->reclaim.leader[req->who]];

	if (run->reclaim.reading_again)
		return;
	if (m->is_table[req->op])
		note_table(run, row, req->who);
	else if (op->lru == LRU_KIND_FILE)
		readers_read(run, row->mapper_plus1, req, op);
	else if (op->gfp & GFP_BIT_MOVABLE)
		*row = (struct table_row){ 0 };
}
