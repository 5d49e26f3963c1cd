#include "reports/sqlite_recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/build.h"
#include "reports/database_priv.h"
#include "reports/row_writer.h"

/*
 * The tables that get rows while a run goes on. A row's values stand in the order of the columns, which is the order of the
 * members of the struct that the engine filled wherever possible. Those of RECORD_TABLES are first, under its numbers.
 */
enum table {
	TABLE_OPS = NR_RECORD_TABLES,
	TABLE_BUCKETS,
	TABLE_SAMPLES,
	TABLE_ZONES,
	TABLE_FREE_BLOCKS,
	TABLE_PAGEBLOCKS,
	TABLE_FRAG,
	TABLE_CACHES,
	TABLE_EXTFRAG,
	TABLE_CALL_SITES,
	TABLE_VIOLATIONS,
	TABLE_COUNTERS,
	TABLE_VERIFY_CHECKS,
	TABLE_VERIFY_ZONES,
	TABLE_VERIFY_CACHES,
	NR_TABLES,
};

enum owner { OWNER_RUN, OWNER_SAMPLE };

#define KEY_RUN    "run_id, "
#define KEY_SAMPLE "sample_id, "

static const struct row_table tables[NR_TABLES] = {
#define X(id, table, belongs, columns) [RECORD_##id] = { table, KEY_##belongs columns },
	RECORD_TABLES(X)
#undef X
	[TABLE_OPS] = { "op_stats", "run_id, op, count, failed, bytes_req, bytes_alloc, sleeps, lat_mean_ns, lat_p50_ns,"
		" lat_p90_ns, lat_p99_ns, lat_p999_ns, lat_max_ns" },
	[TABLE_BUCKETS] = { "latency_hist", "run_id, op, low_ns, high_ns, count" },
	[TABLE_SAMPLES] = { "samples", "sample_id, run_id, time_ns, event_no, reason, marker, free_bytes, pcp_bytes, slab_bytes,"
		" kmalloc_large_bytes, page_bytes, vmalloc_bytes, percpu_bytes, slab_waste_bytes, kmalloc_waste_bytes,"
		" live_objects" },
	[TABLE_ZONES] = { "zone_samples", "sample_id, node, zone, start_pfn, spanned_pages, present_pages, managed_pages,"
		" free_pages, pcp_pages, min_pages, low_pages, high_pages, boost_pages, highatomic_pages, max_order" },
	[TABLE_FREE_BLOCKS] = { "free_blocks", "sample_id, node, zone, migratetype, \"order\", blocks" },
	[TABLE_PAGEBLOCKS] = { "pageblocks", "sample_id, node, zone, migratetype, pageblocks" },
	[TABLE_FRAG] = { "frag_samples", "sample_id, node, zone, \"order\", unusable_index, frag_index" },
	[TABLE_CACHES] = { "cache_stats", "sample_id, cache, object_size, size, align, objs_per_slab, \"order\", min_partial,"
		" cpu_partial, active_objs, total_objs, live_objs, slabs, slab_pages, partial, cpu_slabs, aliases, waste_bytes,"
		" allocs, frees, grown, discarded, array_limit, batchcount, shared_factor, active_slabs, shared_avail" },
	[TABLE_EXTFRAG] = { "extfrag_events", "run_id, from_migratetype, to_migratetype, alloc_order, fallback_order, count,"
		" pageblock_changes" },
	[TABLE_CALL_SITES] = { "call_sites", "run_id, call_site, op, count, failed, bytes_req, bytes_alloc, live, live_bytes,"
		" lifetime_mean_ns, lat_mean_ns, lat_max_ns" },
	[TABLE_VIOLATIONS] = { "violations", "run_id, time_ns, cpu, rule, severity, event_no, call_site, text" },
	[TABLE_COUNTERS] = { "counters", "run_id, mechanism, name, unit, value" },
	[TABLE_VERIFY_CHECKS] = { "verify_checks", "run_id, \"check\", checked, equal, first_event_no, first_time_ns, kernel, model" },
	[TABLE_VERIFY_ZONES] = { "verify_zones", "run_id, snapshot, node, zone, \"order\", free_pages, free_pages_real,"
		" managed_pages, blocks, blocks_real" },
	[TABLE_VERIFY_CACHES] = { "verify_caches", "run_id, snapshot, cache, slabs, slabs_real, objects, objects_real" },
};

static const enum owner record_owner[NR_RECORD_TABLES] = {
#define X(id, table, belongs, columns) [RECORD_##id] = OWNER_##belongs,
	RECORD_TABLES(X)
#undef X
};

/* What is done once or twice for a run. */
static const char insert_run_sql[] =
	"INSERT INTO runs (trace, trace_sha256, machine, config_yaml, config_hash, kernel, pace, cpu_map, layer, initial,"
	" part, sampling, seed, lost, page_size, max_order, pageblock_order, cma, version, git_commit, compiler, flags,"
	" results_version, host, started_at, status)"
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
	" strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), 'running')";

/* --set takes the last of two values for a key. */
static const char insert_param_sql[] = "INSERT OR REPLACE INTO run_params (run_id, key, value) VALUES (?, ?, ?)";

static const char update_run_sql[] =
	"UPDATE runs SET status = ?, error = ?, events = ?, sim_ns = ?, wall_ns = ?, fingerprint = ?,"
	" ended_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE run_id = ?";

struct sqlite_recorder {
	struct recorder rec;                     /* first: what the engine holds */
	sqlite3 *db;                             /* owned */
	char *path;                              /* owned */
	int64_t run_id;                          /* 0 before the first run */
	int64_t sample_id;                       /* of the last sample */
	struct row_writer *writer;               /* owned */
	bool opening;                            /* opener makes db and writer, and leaves in opened how that went */
	pthread_t opener;
	pthread_mutex_t lock;                    /* over the next */
	pthread_cond_t decided;
	enum { UNDECIDED, PUBLISH, DROP } verdict; /* of what was prepared */
	struct err opened;
	bool fresh;                              /* the file was made for this recorder, and is not on the disk yet */
	bool running;                            /* between begin and end */
	bool many;                               /* sqlite_recorder_many() */
};

static const char *const status_names[] = {
	[RUN_RUNNING] = "running",
	[RUN_DONE] = "done",
	[RUN_FAILED] = "failed",
	[RUN_INTERRUPTED] = "interrupted",
};

/* The columns are signed: what does not fit is stored as the largest that does (see schema.sql). */
static inline struct value value_unsigned(uint64_t number)
{
	return (struct value){ .type = VALUE_INTEGER,
		.integer = number > INT64_MAX ? INT64_MAX : (int64_t)number };
}

static inline struct value value_signed(int64_t number)
{
	return (struct value){ .type = VALUE_INTEGER, .integer = number };
}

static inline struct value value_real(double number)
{
	return (struct value){ .type = VALUE_REAL, .real = number };
}

static inline struct value value_text(const char *text)
{
	return (struct value){ .type = VALUE_TEXT, .text = text };
}

#define VALUE(x)                                                                                             \
	_Generic((x),                      \
		uint64_t: value_unsigned,  \
		uint32_t: value_unsigned,  \
		int64_t: value_signed,     \
		double: value_real,        \
		char *: value_text,        \
		const char *: value_text)(x)

/* PUT(r, table, err, values...) - a row with these values, written soon. */
#define PUT(r, table, err, ...) row_writer_put((r)->writer, table, (const struct value[]){ __VA_ARGS__ }, err)

/* RUN(r, sql, err, values...) - run a statement once with these values, now. */
#define RUN(r, sql, err, ...)                                                                                \
	run_statement(r, sql, (const struct value[]){ __VA_ARGS__ },                                          \
		(int)(sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value)), err)

static int bind(sqlite3_stmt *stmt, int column, const struct value *value)
{
	switch (value->type) {
	case VALUE_INTEGER:
		return sqlite3_bind_int64(stmt, column, value->integer);
	case VALUE_REAL:
		return sqlite3_bind_double(stmt, column, value->real);
	case VALUE_TEXT:
		break;
	}
	return sqlite3_bind_text(stmt, column, value->text, -1, SQLITE_STATIC);
}

static int run_statement(struct sqlite_recorder *r, const char *sql, const struct value *values, int nr_values, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = 0;

	if (sqlite3_prepare_v2(r->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return database_error(r->db, r->path, err);
	for (int i = 0; i < nr_values && ret == 0; i++)
		if (bind(stmt, i + 1, &values[i]) != SQLITE_OK)
			ret = database_error(r->db, r->path, err);
	if (ret == 0 && sqlite3_step(stmt) != SQLITE_DONE)
		ret = database_error(r->db, r->path, err);
	sqlite3_finalize(stmt);
	return ret;
}

static int exec(struct sqlite_recorder *r, const char *sql, struct err *err)
{
	return database_exec(r->db, r->path, sql, err);
}

static int insert_run(struct sqlite_recorder *r, const struct record_run *run, struct err *err)
{
	char host[256] = "";

	int ret;

	gethostname(host, sizeof(host) - 1);
	ret = RUN(r, insert_run_sql, err, VALUE(run->trace), VALUE(run->trace_sha256), VALUE(run->machine),
		VALUE(run->config_yaml), VALUE(run->config_hash), VALUE(run->kernel), VALUE(run->pace),
		VALUE(run->cpu_map), VALUE(run->layer), VALUE(run->initial), VALUE(run->part),
		VALUE(run->sampling), VALUE((int64_t)run->seed), VALUE(run->lost),
		VALUE(run->page_size), VALUE(run->max_order), VALUE(run->pageblock_order),
		VALUE((int64_t)run->cma), VALUE(build_version()), VALUE(build_commit()),
		VALUE(build_compiler()), VALUE(build_flags()), VALUE((int64_t)RESULTS_VERSION),
		VALUE(host));
	if (ret < 0)
		return ret;
	r->run_id = sqlite3_last_insert_rowid(r->db);
	for (size_t i = 0; i < run->nr_params && ret == 0; i++)
		ret = RUN(r, insert_param_sql, err, VALUE(r->run_id), VALUE(run->param_keys[i]),
			VALUE(run->param_values[i]));
	return ret;
}

/* What SQLite has written to the file goes to the disk, whatever `synchronous` says. */
static int sync_file(struct sqlite_recorder *r, struct err *err)
{
	sqlite3_file *file = NULL;

	if (sqlite3_file_control(r->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file || !file->pMethods)
		return database_error(r->db, r->path, err);
	if (file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return err_errno(err, "%s: cannot be brought to its disk", r->path);
	return 0;
}

/*
 * Back to one plain file. A program that reads it right now keeps the WAL file until it closes: no reason to
 * fail a run. Once all is in the file and on the disk, the change of mode itself needs no sync (see rec_begin()).
 */
static int leave_wal(struct sqlite_recorder *r, struct err *err)
{
	int in_wal = 0, in_file = 0;
	int ret = 0;

	sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &in_file);
	if (r->fresh)
		ret = sync_file(r, err);
	r->fresh = false;
	if (ret == 0)
		ret = exec(r, in_wal == in_file ? "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE" :
			"PRAGMA journal_mode = DELETE", err);
	return ret < 0 && (sqlite3_errcode(r->db) & 0xff) == SQLITE_BUSY ? 0 : ret;
}

/* Samples are numbered here, so that their rows need not wait for SQLite's answer; nobody else writes meanwhile. */
static int last_sample(struct sqlite_recorder *r, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(r->db, "SELECT coalesce(max(sample_id), 0) FROM samples", -1, &stmt, NULL) != SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_ROW) {
		sqlite3_finalize(stmt);
		return database_error(r->db, r->path, err);
	}
	r->sample_id = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return 0;
}

/* For one writer of many runs, each of which is whole when it comes: no row before all are there, no thread. */
static int begin_whole(struct sqlite_recorder *r, const struct record_run *run, struct err *err)
{
	int ret = exec(r, "BEGIN IMMEDIATE", err);

	if (ret < 0)
		return ret;
	r->running = true;
	ret = insert_run(r, run, err);
	return ret < 0 ? ret : last_sample(r, err);
}

static void decide(struct sqlite_recorder *r, int verdict)
{
	pthread_mutex_lock(&r->lock);
	if (r->verdict == UNDECIDED)
		r->verdict = verdict;
	pthread_cond_signal(&r->decided);
	pthread_mutex_unlock(&r->lock);
}

/* Of sqlite_recorder_open_beside(): the thread is done. Return: 0, or what it failed with. */
static int wait_opened(struct sqlite_recorder *r, int verdict, struct err *err)
{
	if (r->opening) {
		decide(r, verdict);
		pthread_join(r->opener, NULL);
	}
	r->opening = false;
	if (r->opened.code && err)
		*err = r->opened;
	return -(int)r->opened.code;
}

/*
 * The run's own row is committed at once, so that a killed run shows as unfinished. All else is one
 * transaction in WAL mode: other programs can read the database meanwhile.
 *
 * Waiting for the disk is most of what recording costs, so it is done only where something can be lost. Entering WAL
 * mode changes a few bytes in the first sector of the file, which is valid before and after: no sync. A file that this
 * recorder made holds nothing that a crash of the machine could take: it goes to the disk once, when its first run is whole.
 * Rows refer to rows that this file wrote before them: to look each of those up again costs a fifth of the time.
 */
static int rec_begin(struct recorder *rec, const struct record_run *run, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	int ret = wait_opened(r, PUBLISH, err);

	if (ret < 0)
		return ret;
	if (r->many)
		return begin_whole(r, run, err);
	ret = exec(r, "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL", err);
	if (ret == 0)
		ret = exec(r, r->fresh ? "BEGIN IMMEDIATE" : "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", err);
	if (ret == 0)
		ret = insert_run(r, run, err);
	r->fresh &= r->run_id == 1; /* else another program was here first */
	if (ret == 0)
		ret = exec(r, r->fresh ? "COMMIT; BEGIN IMMEDIATE" : "COMMIT; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", err);
	if (ret == 0)
		ret = last_sample(r, err);
	if (ret == 0)
		ret = row_writer_start(r->writer, err);
	if (ret < 0) {
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
		leave_wal(r, NULL);
		return ret;
	}
	r->running = true;
	return 0;
}

static int rec_sample(struct recorder *rec, const struct record_sample *s, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	r->sample_id++;
	return PUT(r, TABLE_SAMPLES, err, VALUE(r->sample_id), VALUE(r->run_id), VALUE(s->time_ns), VALUE(s->event_no),
		VALUE(s->reason), VALUE(s->marker), VALUE(s->free_bytes), VALUE(s->pcp_bytes),
		VALUE(s->slab_bytes), VALUE(s->kmalloc_large_bytes), VALUE(s->page_bytes),
		VALUE(s->vmalloc_bytes), VALUE(s->percpu_bytes), VALUE(s->slab_waste_bytes),
		VALUE(s->kmalloc_waste_bytes), VALUE(s->live_objects));
}

static int rec_zone(struct recorder *rec, const struct record_zone *z, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_ZONES, err, VALUE(r->sample_id), VALUE(z->node), VALUE(z->zone),
		VALUE(z->start_pfn), VALUE(z->spanned_pages), VALUE(z->present_pages),
		VALUE(z->managed_pages), VALUE(z->free_pages), VALUE(z->pcp_pages), VALUE(z->min_pages),
		VALUE(z->low_pages), VALUE(z->high_pages), VALUE(z->boost_pages), VALUE(z->highatomic_pages),
		VALUE(z->max_order));
}

static int rec_free_blocks(struct recorder *rec, const struct record_free_blocks *b, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_FREE_BLOCKS, err, VALUE(r->sample_id), VALUE(b->node), VALUE(b->zone),
		VALUE(b->migratetype), VALUE(b->order), VALUE(b->blocks));
}

static int rec_pageblocks(struct recorder *rec, const struct record_pageblocks *b, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_PAGEBLOCKS, err, VALUE(r->sample_id), VALUE(b->node), VALUE(b->zone),
		VALUE(b->migratetype), VALUE(b->pageblocks));
}

static int rec_frag(struct recorder *rec, const struct record_frag *f, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_FRAG, err, VALUE(r->sample_id), VALUE(f->node), VALUE(f->zone),
		VALUE(f->order), VALUE(f->unusable_milli / 1000.0), VALUE(f->frag_milli / 1000.0));
}

static int rec_cache(struct recorder *rec, const struct record_cache *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_CACHES, err, VALUE(r->sample_id), VALUE(c->cache), VALUE(c->object_size),
		VALUE(c->size), VALUE(c->align), VALUE(c->objs_per_slab), VALUE(c->order),
		VALUE(c->min_partial), VALUE(c->cpu_partial), VALUE(c->active_objs), VALUE(c->total_objs),
		VALUE(c->live_objs), VALUE(c->slabs), VALUE(c->slab_pages), VALUE(c->partial),
		VALUE(c->cpu_slabs), VALUE(c->aliases), VALUE(c->waste_bytes), VALUE(c->allocs),
		VALUE(c->frees), VALUE(c->grown), VALUE(c->discarded), VALUE(c->array_limit),
		VALUE(c->batchcount), VALUE(c->shared_factor), VALUE(c->active_slabs), VALUE(c->shared_avail));
}

_Static_assert(HIST_BUCKETS % (HIST_SUB / 4) == 0, "coarse buckets begin where a power of two does");

static int insert_buckets(struct sqlite_recorder *r, const struct record_op *o, struct err *err)
{
	const struct hist *hist = o->latency;
	unsigned int width = o->coarse ? HIST_SUB / 4 : 1;
	int ret = 0;

	for (unsigned int i = 0; i < HIST_BUCKETS && ret == 0; i += width) {
		uint64_t count = 0;

		for (unsigned int k = 0; k < width; k++)
			count += hist->buckets[i + k];
		if (count)
			ret = PUT(r, TABLE_BUCKETS, err, VALUE(r->run_id), VALUE(o->op), VALUE(hist_bucket_low(i)),
				VALUE(hist_bucket_high(i + width - 1)), VALUE(count));
	}
	return ret;
}

static int rec_op(struct recorder *rec, const struct record_op *o, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	const struct hist *h = o->latency;
	int ret = PUT(r, TABLE_OPS, err, VALUE(r->run_id), VALUE(o->op), VALUE(o->count), VALUE(o->failed),
		VALUE(o->bytes_req), VALUE(o->bytes_alloc), VALUE(o->sleeps),
		VALUE(h->count ? h->sum / h->count : h->sum), VALUE(hist_percentile(h, 5000)),
		VALUE(hist_percentile(h, 9000)), VALUE(hist_percentile(h, 9900)),
		VALUE(hist_percentile(h, 9990)), VALUE(h->max));

	return ret < 0 ? ret : insert_buckets(r, o, err);
}

static struct value value_of(const struct record_value *value)
{
	return value->type == RECORD_TEXT ? value_text(value->text) : value_signed(value->number);
}

static int rec_row(struct recorder *rec, const struct record_row *row, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	struct value values[ROW_MAX_VALUES];

	values[0] = value_signed(record_owner[row->table] == OWNER_RUN ? r->run_id : r->sample_id);
	for (uint32_t i = 0; i < row->nr_values; i++)
		values[i + 1] = value_of(&row->values[i]);
	return row_writer_put(r->writer, row->table, values, err);
}

static int rec_extfrag(struct recorder *rec, const struct record_extfrag *e, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_EXTFRAG, err, VALUE(r->run_id), VALUE(e->from_migratetype),
		VALUE(e->to_migratetype), VALUE(e->alloc_order), VALUE(e->fallback_order), VALUE(e->count),
		VALUE(e->pageblock_changes));
}

static int rec_call_site(struct recorder *rec, const struct record_call_site *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_CALL_SITES, err, VALUE(r->run_id), VALUE(c->call_site), VALUE(c->op),
		VALUE(c->count), VALUE(c->failed), VALUE(c->bytes_req), VALUE(c->bytes_alloc), VALUE(c->live),
		VALUE(c->live_bytes), VALUE(c->lifetime_mean_ns), VALUE(c->lat_mean_ns),
		VALUE(c->lat_max_ns));
}

static int rec_violation(struct recorder *rec, const struct record_violation *v, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_VIOLATIONS, err, VALUE(r->run_id), VALUE(v->time_ns), VALUE(v->cpu),
		VALUE(v->rule), VALUE(v->severity), VALUE(v->event_no), VALUE(v->call_site), VALUE(v->text));
}

static int rec_counter(struct recorder *rec, const struct record_counter *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_COUNTERS, err, VALUE(r->run_id), VALUE(c->mechanism), VALUE(c->name),
		VALUE(c->unit), VALUE(c->value));
}

static int rec_verify_check(struct recorder *rec, const struct record_verify_check *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	if (!c->differs)
		return PUT(r, TABLE_VERIFY_CHECKS, err, VALUE(r->run_id), VALUE(c->check), VALUE(c->checked),
			VALUE(c->equal), VALUE((const char *)NULL), VALUE((const char *)NULL), VALUE((const char *)NULL),
			VALUE((const char *)NULL));
	return PUT(r, TABLE_VERIFY_CHECKS, err, VALUE(r->run_id), VALUE(c->check), VALUE(c->checked), VALUE(c->equal),
		VALUE(c->first_event_no), VALUE(c->first_time_ns), VALUE(c->kernel), VALUE(c->model));
}

static int rec_verify_zone(struct recorder *rec, const struct record_verify_zone *z, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_VERIFY_ZONES, err, VALUE(r->run_id), VALUE(z->snapshot), VALUE(z->node), VALUE(z->zone),
		VALUE(z->order), VALUE(z->free_pages), VALUE(z->free_pages_real), VALUE(z->managed_pages), VALUE(z->blocks),
		VALUE(z->blocks_real));
}

static int rec_verify_cache(struct recorder *rec, const struct record_verify_cache *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_VERIFY_CACHES, err, VALUE(r->run_id), VALUE(c->snapshot), VALUE(c->cache), VALUE(c->slabs),
		VALUE(c->slabs_real), VALUE(c->objects), VALUE(c->objects_real));
}

/* The run's own row gets its end, and all is committed. */
static int write_end(struct sqlite_recorder *r, const struct record_end *e, struct err *err)
{
	char fingerprint[17];
	int ret = 0;

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, e->fingerprint);
	/*
	 * An I/O error may have rolled the transaction back: then the run's end is all that can still be
	 * told.
	 */
	if (sqlite3_get_autocommit(r->db))
		ret = exec(r, "BEGIN IMMEDIATE", err);
	if (ret == 0)
		ret = RUN(r, update_run_sql, err, VALUE(status_names[e->status]), VALUE(e->error),
			VALUE(e->events), VALUE(e->sim_ns), VALUE(e->wall_ns), VALUE(fingerprint),
			VALUE(r->run_id));
	return ret < 0 ? ret : exec(r, "COMMIT", err);
}

static int rec_rows_done(struct recorder *rec, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return row_writer_flush(r->writer, err);
}

static int rec_end(struct recorder *rec, const struct record_end *e, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	struct record_end end = *e;
	struct err rows;
	int rows_ret = row_writer_finish(r->writer, &rows);
	int ret;

	/* What the simulation does not know yet: a row could not be written. */
	if (rows_ret < 0 && end.status == RUN_DONE) {
		end.status = RUN_FAILED;
		end.error = rows.text;
	}
	ret = write_end(r, &end, err);
	if (ret == 0) { /* else close() undoes what was not committed */
		r->running = false;
		ret = r->many ? 0 : leave_wal(r, err);
	}
	if (rows_ret < 0 && err)
		*err = rows;
	return rows_ret < 0 ? rows_ret : ret;
}

static void rec_close(struct recorder *rec)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	wait_opened(r, DROP, NULL);
	if (r->writer)
		row_writer_finish(r->writer, NULL);
	if (r->running) {
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
		leave_wal(r, NULL);
	} else if (r->many) {
		leave_wal(r, NULL);
	}
	row_writer_destroy(r->writer);
	sqlite3_close(r->db);
	pthread_cond_destroy(&r->decided);
	pthread_mutex_destroy(&r->lock);
	free(r->path);
	free(r);
}

static const struct recorder_ops sqlite_ops = {
	.begin = rec_begin,
	.sample = rec_sample,
	.zone = rec_zone,
	.free_blocks = rec_free_blocks,
	.pageblocks = rec_pageblocks,
	.frag = rec_frag,
	.cache = rec_cache,
	.op = rec_op,
	.extfrag = rec_extfrag,
	.call_site = rec_call_site,
	.violation = rec_violation,
	.counter = rec_counter,
	.verify_check = rec_verify_check,
	.verify_zone = rec_verify_zone,
	.verify_cache = rec_verify_cache,
	.row = rec_row,
	.rows_done = rec_rows_done,
	.end = rec_end,
	.close = rec_close,
};

/* @draft: of database_prepare(). */
static int open_database(struct sqlite_recorder *r, char *draft, struct err *err)
{
	int ret = database_open_prepared(&r->db, r->path, draft, &r->fresh, err);

	if (ret == 0)
		ret = database_read_schema(r->db, r->path, err);
	return ret < 0 ? ret : row_writer_create(&r->writer, r->db, r->path, tables, NR_TABLES, err);
}

static struct sqlite_recorder *new_recorder(const char *path, struct err *err)
{
	struct sqlite_recorder *r = calloc(1, sizeof(*r));

	if (r)
		r->path = strdup(path);
	if (!r || !r->path) {
		free(r);
		err_set(err, ERR_NOMEM, "%s: no memory for a recorder", path);
		return NULL;
	}
	r->rec.ops = &sqlite_ops;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->decided, NULL);
	return r;
}

int sqlite_recorder_open(struct recorder **out, const char *path, struct err *err)
{
	struct sqlite_recorder *r = new_recorder(path, err);
	char *draft;
	int ret = r ? database_prepare(&draft, path, err) : -(int)ERR_NOMEM;

	if (ret == 0)
		ret = open_database(r, draft, err);

	if (ret < 0) {
		if (r)
			rec_close(&r->rec);
		return ret;
	}
	*out = &r->rec;
	return 0;
}

static void *open_beside(void *arg)
{
	struct sqlite_recorder *r = arg;
	char *draft;
	int verdict;

	if (database_prepare(&draft, r->path, &r->opened) < 0)
		return NULL;
	pthread_mutex_lock(&r->lock);
	while (r->verdict == UNDECIDED)
		pthread_cond_wait(&r->decided, &r->lock);
	verdict = r->verdict;
	pthread_mutex_unlock(&r->lock);
	if (verdict == PUBLISH)
		open_database(r, draft, &r->opened);
	else
		database_drop_draft(draft);
	return NULL;
}

int sqlite_recorder_open_beside(struct recorder **out, const char *path, struct err *err)
{
	struct sqlite_recorder *r = new_recorder(path, err);

	if (!r)
		return -(int)ERR_NOMEM;
	errno = pthread_create(&r->opener, NULL, open_beside, r);
	if (errno) {
		err_errno(err, "%s: cannot start a thread", path);
		rec_close(&r->rec);
		return -(int)ERR_IO;
	}
	r->opening = true;
	*out = &r->rec;
	return 0;
}

void sqlite_recorder_publish(struct recorder *rec)
{
	decide((struct sqlite_recorder *)rec, PUBLISH);
}

int64_t sqlite_recorder_run_id(const struct recorder *rec)
{
	return ((const struct sqlite_recorder *)rec)->run_id;
}

int sqlite_recorder_many(struct recorder *rec, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	int ret = exec(r, "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", err);

	r->many = ret == 0;
	r->fresh = false; /* each run is brought to the disk */
	return ret;
}
