/*
 * mappers: which tasks use a file through a mapping, as their page tables show (traces/table_rows.h).
 * In a recording of a machine that reclaimed mapped.c asks, in another one readers.c.
 */
#include <stdlib.h>

#include "sim/reclaim_priv.h"
#include "traces/page_purpose.h"
#include "traces/table_rows.h"

struct mappers {
	bool *is_table;         /* owned; by operation: it takes a page table of a process */
	struct table_rows rows; /* a task is its leader */
};

int mappers_start(struct run *run, struct err *err)
{
	const struct trace_tables *tables = run->tables;
	struct mappers *m;

	if (run->reclaim.recorded ? !run->reclaim.mapped_percent : !run->reclaim.use_unknown)
		return 0;
	m = calloc(1, sizeof(*m));
	run->reclaim.mappers = m;
	if (m)
		m->is_table = calloc((size_t)tables->nr_ops + 1, sizeof(*m->is_table));
	if (!m || !m->is_table || !table_rows_init(&m->rows, tables->nr_whos, run->meta->slots))
		return err_set(err, ERR_NOMEM, "no memory for the page tables of %u tasks", tables->nr_whos);
	for (uint32_t op = 0; op < tables->nr_ops; op++)
		m->is_table[op] = page_purpose_is_table(&tables->ops[op]);
	return 0;
}

void mappers_fini(struct run *run)
{
	struct mappers *m = run->reclaim.mappers;

	if (!m)
		return;
	free(m->is_table);
	table_rows_fini(&m->rows);
	free(m);
}

void mappers_fork(struct run *run, uint32_t who)
{
	if (run->reclaim.mappers)
		table_rows_fork(&run->reclaim.mappers->rows, run->reclaim.leader[who]);
}

static void note_table(struct run *run, const struct request *req)
{
	struct table_rows *rows = &run->reclaim.mappers->rows;
	uint32_t leader = run->reclaim.leader[req->who], more;

	/* Those that are older than the beginning come all at once, of all tasks. */
	if (run->booting)
		return;
	more = table_rows_take(rows, leader, req->slot);
	if (more)
		readers_map(run, rows->rows[leader].mapping_plus1 - 1, req->who, rows->rows[leader].most, more);
}

static void mapping_over(struct run *run, uint32_t mapping)
{
	if (mapping != MAPPING_NONE)
		readers_over(run, mapping);
}

void mappers_page_begins(struct run *run, const struct request *req, const struct run_op *op)
{
	struct mappers *m = run->reclaim.mappers;
	uint32_t leader = run->reclaim.leader[req->who];

	if (run->reclaim.reading_again)
		return;
	table_rows_other(&m->rows, req->slot);
	if (m->is_table[req->op])
		note_table(run, req);
	else if (op->lru == LRU_KIND_FILE)
		readers_read(run, m->rows.rows[leader].mapping_plus1, req, op);
	else if (op->gfp & GFP_BIT_MOVABLE)
		mapping_over(run, table_rows_own(&m->rows, leader));
}

void mappers_page_ends(struct run *run, uint32_t slot)
{
	mapping_over(run, table_rows_free(&run->reclaim.mappers->rows, slot));
}

uint32_t mappers_tables(const struct run *run, uint32_t who)
{
	const struct mappers *m = run->reclaim.mappers;

	return m ? m->rows.rows[run->reclaim.leader[who]].tables : 0;
}

bool mappers_maps(const struct run *run, uint32_t who)
{
	return mappers_tables(run, who) >= FEWEST_TABLES;
}
