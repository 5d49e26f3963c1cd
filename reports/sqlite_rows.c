/* sqlite_rows: which table and columns what is recorded goes to. */
#include "reports/sqlite_recorder_priv.h"

/*
 * The tables that get rows while a run goes on. A row's values stand in the order of the columns, which is the
 * order of the members of the struct that the engine filled wherever possible. Those of RECORD_TABLES are first,
 * under its numbers.
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

const struct row_table sqlite_tables[NR_TABLES] = {
#define X(id, table, belongs, columns) [RECORD_##id] = { table, KEY_##belongs columns },
	RECORD_TABLES(X)
#undef X
	[TABLE_OPS] = { "op_stats",
		"run_id, op, count, failed, bytes_req, bytes_alloc, sleeps, lat_mean_ns, lat_p50_ns,"
		" lat_p90_ns, lat_p99_ns, lat_p999_ns, lat_max_ns" },
	[TABLE_BUCKETS] = { "latency_hist", "run_id, op, low_ns, high_ns, count" },
	[TABLE_SAMPLES] = { "samples",
		"sample_id, run_id, time_ns, event_no, reason, marker, free_bytes, pcp_bytes, slab_bytes,"
		" kmalloc_large_bytes, page_bytes, vmalloc_bytes, percpu_bytes, slab_waste_bytes, kmalloc_waste_bytes,"
		" live_objects" },
	[TABLE_ZONES] = { "zone_samples",
		"sample_id, node, zone, start_pfn, spanned_pages, present_pages, managed_pages,"
		" free_pages, pcp_pages, min_pages, low_pages, high_pages, boost_pages, highatomic_pages, max_order,"
		" protection, pcp_high_pages, pcp_batch_pages, stat_threshold, node_unreclaimable" },
	[TABLE_FREE_BLOCKS] = { "free_blocks", "sample_id, node, zone, migratetype, \"order\", blocks" },
	[TABLE_PAGEBLOCKS] = { "pageblocks", "sample_id, node, zone, migratetype, pageblocks" },
	[TABLE_FRAG] = { "frag_samples", "sample_id, node, zone, \"order\", unusable_index, frag_index" },
	[TABLE_CACHES] = { "cache_stats",
		"sample_id, cache, object_size, size, align, objs_per_slab, \"order\", min_partial,"
		" cpu_partial, active_objs, total_objs, live_objs, slabs, slab_pages, partial, cpu_slabs, aliases, waste_bytes,"
		" allocs, frees, grown, discarded, array_limit, batchcount, shared_factor, active_slabs, shared_avail" },
	[TABLE_EXTFRAG] = { "extfrag_events",
		"run_id, from_migratetype, to_migratetype, alloc_order, fallback_order, count,"
		" pageblock_changes" },
	[TABLE_CALL_SITES] = { "call_sites",
		"run_id, call_site, op, count, failed, bytes_req, bytes_alloc, live, live_bytes,"
		" lifetime_mean_ns, lat_mean_ns, lat_max_ns" },
	[TABLE_VIOLATIONS] = { "violations", "run_id, time_ns, cpu, rule, severity, event_no, call_site, text" },
	[TABLE_COUNTERS] = { "counters", "run_id, mechanism, name, unit, value" },
	[TABLE_VERIFY_CHECKS] = { "verify_checks",
		"run_id, \"check\", checked, equal, first_event_no, first_time_ns, kernel, model" },
	[TABLE_VERIFY_ZONES] = { "verify_zones", "run_id, snapshot, node, zone, \"order\", free_pages, free_pages_real,"
		" managed_pages, blocks, blocks_real" },
	[TABLE_VERIFY_CACHES] = { "verify_caches",
		"run_id, snapshot, cache, slabs, slabs_real, objects, objects_real" },
};

const uint32_t nr_sqlite_tables = NR_TABLES;

static const enum owner record_owner[NR_RECORD_TABLES] = {
#define X(id, table, belongs, columns) [RECORD_##id] = OWNER_##belongs,
	RECORD_TABLES(X)
#undef X
};

/* Rows may be put before the numbers of their run and sample are known: those are counted from the run's begin. */
#define RUN_ID ((struct value){ .type = VALUE_RUN })

static struct value value_sample(const struct sqlite_recorder *r)
{
	return (struct value){ .type = VALUE_SAMPLE, .integer = r->nr_samples };
}

/* PUT(r, table, err, values...) - a row with these values, written soon. */
#define PUT(r, table, err, ...) row_writer_put((r)->writer, table, (const struct value[]){ __VA_ARGS__ }, err)

int sqlite_put_sample(struct recorder *rec, const struct record_sample *s, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	r->nr_samples++;
	return PUT(r, TABLE_SAMPLES, err, value_sample(r), RUN_ID, VALUE(s->time_ns), VALUE(s->event_no),
		VALUE(s->reason), VALUE(s->marker), VALUE(s->free_bytes), VALUE(s->pcp_bytes),
		VALUE(s->slab_bytes), VALUE(s->kmalloc_large_bytes), VALUE(s->page_bytes),
		VALUE(s->vmalloc_bytes), VALUE(s->percpu_bytes), VALUE(s->slab_waste_bytes),
		VALUE(s->kmalloc_waste_bytes), VALUE(s->live_objects));
}

int sqlite_put_zone(struct recorder *rec, const struct record_zone *z, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_ZONES, err, value_sample(r), VALUE(z->node), VALUE(z->zone),
		VALUE(z->start_pfn), VALUE(z->spanned_pages), VALUE(z->present_pages),
		VALUE(z->managed_pages), VALUE(z->free_pages), VALUE(z->pcp_pages), VALUE(z->min_pages),
		VALUE(z->low_pages), VALUE(z->high_pages), VALUE(z->boost_pages), VALUE(z->highatomic_pages),
		VALUE(z->max_order), VALUE(z->protection), VALUE(z->pcp_high_pages), VALUE(z->pcp_batch_pages),
		VALUE(z->stat_threshold), VALUE(z->node_unreclaimable));
}

int sqlite_put_free_blocks(struct recorder *rec, const struct record_free_blocks *b, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_FREE_BLOCKS, err, value_sample(r), VALUE(b->node), VALUE(b->zone),
		VALUE(b->migratetype), VALUE(b->order), VALUE(b->blocks));
}

int sqlite_put_pageblocks(struct recorder *rec, const struct record_pageblocks *b, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_PAGEBLOCKS, err, value_sample(r), VALUE(b->node), VALUE(b->zone),
		VALUE(b->migratetype), VALUE(b->pageblocks));
}

int sqlite_put_frag(struct recorder *rec, const struct record_frag *f, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_FRAG, err, value_sample(r), VALUE(f->node), VALUE(f->zone),
		VALUE(f->order), VALUE(f->unusable_milli / 1000.0), VALUE(f->frag_milli / 1000.0));
}

int sqlite_put_cache(struct recorder *rec, const struct record_cache *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_CACHES, err, value_sample(r), VALUE(c->cache), VALUE(c->object_size),
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
			ret = PUT(r, TABLE_BUCKETS, err, RUN_ID, VALUE(o->op), VALUE(hist_bucket_low(i)),
				VALUE(hist_bucket_high(i + width - 1)), VALUE(count));
	}
	return ret;
}

int sqlite_put_op(struct recorder *rec, const struct record_op *o, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	const struct hist *h = o->latency;
	int ret = PUT(r, TABLE_OPS, err, RUN_ID, VALUE(o->op), VALUE(o->count), VALUE(o->failed),
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

int sqlite_put_row(struct recorder *rec, const struct record_row *row, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	struct value values[ROW_MAX_VALUES];

	values[0] = record_owner[row->table] == OWNER_RUN ? RUN_ID : value_sample(r);
	for (uint32_t i = 0; i < row->nr_values; i++)
		values[i + 1] = value_of(&row->values[i]);
	return row_writer_put(r->writer, row->table, values, err);
}

int sqlite_put_extfrag(struct recorder *rec, const struct record_extfrag *e, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_EXTFRAG, err, RUN_ID, VALUE(e->from_migratetype),
		VALUE(e->to_migratetype), VALUE(e->alloc_order), VALUE(e->fallback_order), VALUE(e->count),
		VALUE(e->pageblock_changes));
}

int sqlite_put_call_site(struct recorder *rec, const struct record_call_site *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_CALL_SITES, err, RUN_ID, VALUE(c->call_site), VALUE(c->op),
		VALUE(c->count), VALUE(c->failed), VALUE(c->bytes_req), VALUE(c->bytes_alloc), VALUE(c->live),
		VALUE(c->live_bytes), VALUE(c->lifetime_mean_ns), VALUE(c->lat_mean_ns),
		VALUE(c->lat_max_ns));
}

int sqlite_put_violation(struct recorder *rec, const struct record_violation *v, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_VIOLATIONS, err, RUN_ID, VALUE(v->time_ns), VALUE(v->cpu),
		VALUE(v->rule), VALUE(v->severity), VALUE(v->event_no), VALUE(v->call_site), VALUE(v->text));
}

int sqlite_put_counter(struct recorder *rec, const struct record_counter *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_COUNTERS, err, RUN_ID, VALUE(c->mechanism), VALUE(c->name),
		VALUE(c->unit), VALUE(c->value));
}

int sqlite_put_verify_check(struct recorder *rec, const struct record_verify_check *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	if (!c->differs)
		return PUT(r, TABLE_VERIFY_CHECKS, err, RUN_ID, VALUE(c->check), VALUE(c->checked), VALUE(c->equal),
			VALUE((const char *)NULL), VALUE((const char *)NULL), VALUE((const char *)NULL),
			VALUE((const char *)NULL));
	return PUT(r, TABLE_VERIFY_CHECKS, err, RUN_ID, VALUE(c->check), VALUE(c->checked), VALUE(c->equal),
		VALUE(c->first_event_no), VALUE(c->first_time_ns), VALUE(c->kernel), VALUE(c->model));
}

int sqlite_put_verify_zone(struct recorder *rec, const struct record_verify_zone *z, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_VERIFY_ZONES, err, RUN_ID, VALUE(z->snapshot), VALUE(z->node), VALUE(z->zone),
		VALUE(z->order), VALUE(z->free_pages), VALUE(z->free_pages_real), VALUE(z->managed_pages),
		VALUE(z->blocks), VALUE(z->blocks_real));
}

int sqlite_put_verify_cache(struct recorder *rec, const struct record_verify_cache *c, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return PUT(r, TABLE_VERIFY_CACHES, err, RUN_ID, VALUE(c->snapshot), VALUE(c->cache), VALUE(c->slabs),
		VALUE(c->slabs_real), VALUE(c->objects), VALUE(c->objects_real));
}
