/*
 * mappers: which tasks use a file through a mapping. What they touch makes no request while the page cache has it, but their page tables do:
 * one for every 512 pages (of 4 KiB) of the range, in a row, with no anonymous page between (which would be memory of their own) and not while
 * the task forks (which copies tables). A table that is free again maps nothing: its range has been unmapped, or the fault that took it
 * has waited for the disk, and takes another.
 * Models __do_fault(), do_fault() and free_pgtables() of mm/memory.c (6.1).
 */
#include <stdlib.h>

#include "sim/reclaim_priv.h"

#define FEWEST 16u /* page tables in a row, with pages of 4 KiB 32 MiB: a program and its libraries have fewer */

/** A task, by its leader: what its latest requests were. */
struct table_row {
	uint32_t tables;       /* in a row, that it still has */
	uint32_t most;         /* of them so far */
	uint32_t mapper_plus1; /* that the row has become */
	ns_t since_ns;         /* when it began */
	bool forking;          /* or about to run another program: its tables are copies, or new */
};

struct mappers {
	bool *is_table;         /* owned; by operation: it takes a page table of a process */
	struct table_row *rows; /* owned; by leader */
	uint32_t *table_of;     /* owned; by slot: 1 + leader whose page table it is */
	uint32_t nr;            /* mappings that have been found */
};

static bool is_user_table(const struct trace_op *op)
{
	/* GFP_PGTABLE_USER; pagetable_alloc() of 6.6 and later adds __GFP_COMP. */
	return op->kind == KIND_ALLOC_PAGES && !op->order && op->origin != ORIGIN_PAGE_TABLE &&
		(op->gfp & ~GFP_BIT_COMP) == (GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO);
}

int mappers_start(struct run *run, struct err *err)
{
	const struct trace_tables *tables = run->tables;
	struct mappers *m;

	/* In a recording of a machine that reclaimed mapped.c asks, in another one readers.c. */
	if (run->reclaim.recorded ? !run->reclaim.mapped_percent : !run->reclaim.use_unknown)
		return 0;
	m = calloc(1, sizeof(*m));
	run->reclaim.mappers = m;
	if (m) {
		m->is_table = calloc((size_t)tables->nr_ops + 1, sizeof(*m->is_table));
		m->rows = calloc((size_t)tables->nr_whos + 1, sizeof(*m->rows));
		m->table_of = calloc((size_t)run->meta->slots + 1, sizeof(*m->table_of));
	}
	if (!m || !m->is_table || !m->rows || !m->table_of)
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
	free(m->table_of);
	free(m);
}

void mappers_fork(struct run *run, uint32_t who)
{
	if (run->reclaim.mappers)
		run->reclaim.mappers->rows[run->reclaim.leader[who]].forking = true;
}

/* What it takes from now on is of another mapping, or its own memory. */
static void end_row(struct run *run, struct table_row *row)
{
	readers_over(run, row->mapper_plus1);
	*row = (struct table_row){ .since_ns = run->engine.now };
}

static void note_table(struct run *run, struct table_row *row, const struct request *req)
{
	struct mappers *m = run->reclaim.mappers;

	/* Those that are older than the beginning come all at once, of all tasks. */
	if (row->forking || run->booting)
		return;
	m->table_of[req->slot] = run->reclaim.leader[req->who] + 1;
	if (++row->tables <= row->most)
		return;
	row->most = row->tables;
	if (row->most == FEWEST)
		row->mapper_plus1 = ++m->nr;
	if (row->most >= FEWEST)
		readers_map(run, row->mapper_plus1 - 1, req->who, row->most, row->most == FEWEST ? FEWEST : 1);
}

void mappers_page_begins(struct run *run, const struct request *req, const struct run_op *op)
{
	struct mappers *m = run->reclaim.mappers;
	struct table_row *row = &m->rows[run->reclaim.leader[req->who]];

	if (run->reclaim.reading_again)
		return;
	m->table_of[req->slot] = 0;
	if (m->is_table[req->op])
		note_table(run, row, req);
	else if (op->lru == LRU_KIND_FILE)
		readers_read(run, row->mapper_plus1, req, op);
	else if (op->gfp & GFP_BIT_MOVABLE)
		end_row(run, row);
}

void mappers_page_ends(struct run *run, uint32_t slot)
{
	struct mappers *m = run->reclaim.mappers;
	uint32_t leader_plus1 = m->table_of[slot];
	struct table_row *row;

	if (!leader_plus1)
		return;
	m->table_of[slot] = 0;
	row = &m->rows[leader_plus1 - 1];
	if (row->tables && run->objects[slot].born_ns >= row->since_ns)
		row->tables--;
	/* All of it has been unmapped; what the task forks for goes on. */
	if (!row->tables && row->mapper_plus1) {
		bool forking = row->forking;

		end_row(run, row);
		row->forking = forking;
	}
}

uint32_t mappers_tables(const struct run *run, uint32_t who)
{
	const struct mappers *m = run->reclaim.mappers;

	return m ? m->rows[run->reclaim.leader[who]].tables : 0;
}

bool mappers_maps(const struct run *run, uint32_t who)
{
	return mappers_tables(run, who) >= FEWEST;
}
