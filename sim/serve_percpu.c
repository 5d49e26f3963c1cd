/*
 * serve_percpu: per-CPU areas: alloc_percpu and free_percpu, DEFINE_PER_CPU, accesses to another CPU's copy, and
 * the sections between get_cpu() and put_cpu(). An object's index is the number of its area. Chunks are balanced by
 * a work item (sim/works.h).
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "mm/percpu.h"
#include "sim/boot_prefix.h"
#include "sim/sections.h"
#include "sim/serve_priv.h"

static struct percpu *percpu_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_PERCPU);
}

static struct percpu_request request_of(const struct run *run, const struct run_op *op)
{
	return (struct percpu_request){ .size = op->size, .align = op->trace->align, .gfp = op->gfp,
		.reserved = op->flags & OP_RESERVED, .cpu = (uint16_t)run->cpu };
}

static void percpu_prepare(struct run *run, struct run_op *op)
{
	uint64_t bytes = align_up(op->size, PERCPU_MIN_ALLOC);
	struct percpu_request req = request_of(run, op);

	if (op->kind != KIND_ALLOC_PERCPU)
		return;
	if (percpu_refused(percpu_of(run), &req))
		return;
	/* What the kernel's trace event says: all copies and, with memory cgroups, a pointer for each 4 bytes. */
	op->bytes_alloc = bytes * run->machine->cpus;
	if (run->machine->slab.memcg_kmem)
		op->bytes_alloc += bytes / PERCPU_MIN_ALLOC * sizeof(uint64_t);
	if ((op->gfp & GFP_BIT_DIRECT_RECLAIM) && op->trace->ctx != CTX_PROCESS)
		op->rules |= 1u << RULE_SLEEP_IN_ATOMIC;
}

static void serve_alloc(struct run *run, const struct request *req, struct run_op *op)
{
	struct percpu_request want = request_of(run, op);
	struct percpu_place place;
	uint32_t area;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (percpu_refused(percpu_of(run), &want) && !(op->gfp & GFP_BIT_NOWARN))
		run_violation(run, RULE_SIZE_TOO_LARGE, op, "illegal size (%" PRIu64 ") or align (%" PRIu64
			") for percpu allocation: the kernel warns and refuses", want.size, want.align);
	if (percpu_alloc(percpu_of(run), &want, &area, &run->meter) != MM_DONE) {
		note_failure(run, req, op);
		return;
	}
	place = percpu_place(percpu_of(run), area);
	note_place(run, place.chunk, place.off);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, area);
		return;
	}
	/* It failed where it was recorded, so nobody will free it. */
	run->result.recovered++;
	percpu_free(percpu_of(run), area, &run->meter);
}

static void serve_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (!object)
		return;
	if (object->slab != OBJECT_PART || part_of(run, object) != &part_percpu) {
		run_violation_severe(run, RULE_WRONG_FREE, severity_name[SEVERITY_FATAL], op,
			"free_percpu of an object from %s: the kernel looks for its chunk and oopses",
			kind_info[run->ops[object->op].kind].name);
		op->failed++;
		object_end(run, object);
		return;
	}
	op->done++;
	release(run, object);
}

/*
 * The kernel's own areas have their place when it is linked; a
 * module's are taken from the reserved chunk when it is loaded.
 */
static void serve_define(struct run *run, const struct request *req, struct run_op *op)
{
	struct percpu_request want = { .size = op->size, .align = op->trace->align, .gfp = GFP_KERNEL, .reserved = true,
		.cpu = (uint16_t)run->cpu };
	struct percpu_place place = { PERCPU_RESERVED_CHUNK, 0, 0 };
	enum mm_answer answer;
	uint64_t off = 0;
	uint32_t area;

	if (boot_prefix_has(run, req)) {
		answer = percpu_define(percpu_of(run), op->size, op->trace->align, &off);
	} else {
		answer = percpu_alloc(percpu_of(run), &want, &area, &run->meter);
		if (answer == MM_DONE)
			place = percpu_place(percpu_of(run), area);
		off = place.off;
	}
	if (answer != MM_DONE) {
		note_failure(run, req, op);
		return;
	}
	note_place(run, place.chunk, (uint32_t)off);
	op->done++;
}

static void serve_access(struct run *run, const struct run_op *op)
{
	bool remote = op->trace->arg[1] % run->machine->cpus != run->cpu;

	meter_charge(&run->meter, remote ? STEP_PERCPU_REMOTE : STEP_PERCPU_LOCAL, 1);
}

static void percpu_serve(struct run *run, const struct request *req, struct run_op *op)
{
	switch (op->kind) {
	case KIND_ALLOC_PERCPU:
		serve_alloc(run, req, op);
		break;
	case KIND_FREE_PERCPU:
		serve_free(run, req, op);
		break;
	case KIND_DEFINE_PER_CPU:
		serve_define(run, req, op);
		break;
	case KIND_GET_CPU:
	case KIND_GET_CPU_VAR:
		meter_charge(&run->meter, STEP_PERCPU_LOCAL, 1);
		sections_enter(run, req);
		op->done++;
		break;
	case KIND_PUT_CPU:
	case KIND_PUT_CPU_VAR:
		meter_charge(&run->meter, STEP_PERCPU_LOCAL, 1);
		sections_leave(run, req, op);
		op->done++;
		break;
	default:
		serve_access(run, op);
		op->done++;
		break;
	}
}

static void percpu_release(struct run *run, struct object *object)
{
	percpu_free(percpu_of(run), object->index, &run->meter);
}

/* Whether anybody has used it: else a run has no rows of it. */
static bool is_used(const struct percpu_stats *stats)
{
	return stats->allocs || stats->failures || stats->refused || stats->static_bytes;
}

static void percpu_totals(const struct run *run, struct record_sample *sample)
{
	struct percpu_layout layout;

	percpu_get_layout(percpu_of(run), &layout);
	sample->percpu_bytes += percpu_populated_pages(percpu_of(run)) * layout.nr_units * run->machine->page_size;
}

static int record_chunks(struct run *run, struct err *err)
{
	struct percpu_chunk_stats c;
	char base[20];
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < percpu_nr_chunks(percpu_of(run)); i++) {
		if (!percpu_chunk_get(percpu_of(run), i, &c))
			continue;
		snprintf(base, sizeof(base), "0x%016" PRIx64, c.base);
		ret = RECORD_ROW(run->recorder, PERCPU_CHUNKS, err, RECORD_U(i), RECORD_T(base), RECORD_U(c.areas),
			RECORD_U(c.free_bytes), RECORD_U(c.contig_bytes), RECORD_U(c.largest_free_bytes),
			RECORD_U(c.hole_bytes), RECORD_U(c.largest_hole_bytes), RECORD_U(c.populated_pages),
			RECORD_U(c.empty_pages), RECORD_U(c.isolated));
	}
	return ret;
}

static int percpu_sample(struct run *run, bool full, struct err *err)
{
	struct percpu_layout layout;
	struct percpu_stats s;
	int ret;

	percpu_get_stats(percpu_of(run), &s);
	if (!is_used(&s))
		return 0;
	percpu_get_layout(percpu_of(run), &layout);
	ret = RECORD_ROW(run->recorder, PERCPU_STATS, err, RECORD_U(s.chunks), RECORD_U(layout.unit_size),
		RECORD_U(layout.nr_units), RECORD_U(s.live_areas), RECORD_U(s.allocated_bytes),
		RECORD_U(s.allocated_bytes * run->machine->cpus), RECORD_U(s.free_bytes),
		RECORD_U(s.largest_free_bytes), RECORD_U(s.hole_bytes), RECORD_U(s.largest_hole_bytes),
		RECORD_U(s.populated_pages), RECORD_U(s.empty_pages));
	return ret == 0 && full ? record_chunks(run, err) : ret;
}

static int percpu_finish(struct run *run, struct err *err)
{
	struct percpu_layout layout;
	struct percpu_stats s;
	int ret = sections_finish(run, err);

	percpu_get_stats(percpu_of(run), &s);
	percpu_get_layout(percpu_of(run), &layout);
	const struct record_counter rows[] = {
		{ "percpu", "static_size", "bytes", (int64_t)layout.static_size },
		{ "percpu", "static_used", "bytes", (int64_t)s.static_bytes },
		{ "percpu", "reserved_size", "bytes", (int64_t)layout.reserved_size },
		{ "percpu", "dynamic_size", "bytes", (int64_t)layout.dynamic_size },
		{ "percpu", "allocs", "areas", (int64_t)s.allocs },
		{ "percpu", "frees", "areas", (int64_t)s.frees },
		{ "percpu", "failures", "areas", (int64_t)s.failures },
		{ "percpu", "atomic_failures", "areas", (int64_t)s.atomic_failures },
		{ "percpu", "refused", "areas", (int64_t)s.refused },
		{ "percpu", "chunks_created", "chunks", (int64_t)s.chunks_created },
		{ "percpu", "chunks_destroyed", "chunks", (int64_t)s.chunks_destroyed },
		{ "percpu", "max_chunks", "chunks", (int64_t)s.max_chunks },
		{ "percpu", "balance_runs", "runs", (int64_t)s.balance_runs },
		{ "percpu", "pages_populated", "pages", (int64_t)s.pages_populated },
		{ "percpu", "pages_depopulated", "pages", (int64_t)s.pages_depopulated },
	};

	if (!is_used(&s))
		return ret;
	for (size_t i = 0; ret == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		ret = run->recorder->ops->counter(run->recorder, &rows[i], err);
	return ret;
}

static const enum trace_kind kinds[] = { KIND_ALLOC_PERCPU, KIND_FREE_PERCPU, KIND_DEFINE_PER_CPU, KIND_GET_CPU,
	KIND_PUT_CPU, KIND_GET_CPU_VAR, KIND_PUT_CPU_VAR, KIND_PER_CPU_PTR };

const struct run_part part_percpu = {
	.kinds = kinds,
	.nr_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.origins = 1u << ORIGIN_PERCPU,
	.prepare = percpu_prepare,
	.serve = percpu_serve,
	.release = percpu_release,
	.totals = percpu_totals,
	.sample = percpu_sample,
	.finish = percpu_finish,
};
