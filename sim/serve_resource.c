/* serve_resource: regions of I/O memory and I/O ports are requested and released. */
#include <inttypes.h>
#include <string.h>

#include "mm/resource.h"
#include "sim/serve_priv.h"

static struct resources *resources_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_RESOURCE);
}

static enum resource_tree tree_of(const struct run_op *op)
{
	return op->kind == KIND_REQUEST_MEM_REGION || op->kind == KIND_RELEASE_MEM_REGION ? RESOURCE_IOMEM :
											    RESOURCE_IOPORT;
}

static void note_conflict(struct run *run, const struct run_op *op, const struct resource_answer *answer)
{
	const struct resource *other = resource_get(resources_of(run), answer->other);
	static const char *const why[] = { [RESOURCE_BUSY] = "is busy there", [RESOURCE_OVERLAPS] = "is there in part",
		[RESOURCE_OUTSIDE] = "ends before it" };

	run_violation(run, RULE_REGION_CONFLICT, op,
		"%s of 0x%" PRIx64 "-0x%" PRIx64 " for \"%s\": \"%s\" (0x%" PRIx64 "-0x%" PRIx64
		") %s: the kernel answers EBUSY",
		kind_info[op->kind].name, op->trace->arg[0], op->trace->arg[0] + op->size - 1,
		run_string(run, op->trace->name), other->name, other->start, other->end, why[answer->conflict]);
}

/*
 * Where a recording tells neither size nor name (on 32 bits, of arguments of 64), a byte
 * was taken for the region: a claim from before the trace that begins there is this one.
 */
static bool is_the_same(const struct run *run, const struct run_op *op, const struct resource_answer *answer)
{
	const struct resource *other = resource_get(resources_of(run), answer->other);

	return answer->conflict == RESOURCE_BUSY && op->size == 1 && !run_string(run, op->trace->name)[0] &&
	       other->claim == CLAIM_DRIVER && !other->requested && other->start == op->trace->arg[0];
}

static void serve_request_region(struct run *run, struct run_op *op)
{
	struct resources *resources = resources_of(run);
	enum resource_tree tree = tree_of(op);
	struct resource_answer answer = resource_request(resources, tree, op->trace->arg[0], op->size,
		run_string(run, op->trace->name), op->flags & OP_FAILED, &run->meter);

	note_place(run, (uint32_t)answer.conflict, (uint32_t)op->trace->arg[0]);
	if (is_the_same(run, op, &answer)) {
		op->done++;
		return;
	}
	if (answer.conflict != RESOURCE_FREE) {
		note_conflict(run, op, &answer);
		op->failed++; /* no allocation: it does not count among those that failed */
		return;
	}
	op->done++;
	if (!(op->flags & OP_FAILED))
		return;
	/* It failed where it was recorded, so nobody will release it. */
	resource_release(resources, tree, op->trace->arg[0], op->size, &run->meter);
	run->result.recovered++;
}

static void serve_release_region(struct run *run, struct run_op *op)
{
	bool released = resource_release(resources_of(run), tree_of(op), op->trace->arg[0], op->size, &run->meter);

	note_place(run, released, (uint32_t)op->trace->arg[0]);
	if (released) {
		op->done++;
		return;
	}
	op->failed++;
	run_violation(run, RULE_REGION_RELEASE_MISMATCH, op,
		"%s of 0x%" PRIx64 "-0x%" PRIx64 ": no claim has just this span: the kernel warns of a nonexistent resource",
		kind_info[op->kind].name, op->trace->arg[0], op->trace->arg[0] + op->size - 1);
}

static void resource_prepare(struct run *run, struct run_op *op)
{
	(void)run;
	/* A request allocates with GFP_KERNEL. */
	if (op->trace->ctx != CTX_PROCESS && (op->kind == KIND_REQUEST_REGION || op->kind == KIND_REQUEST_MEM_REGION))
		op->rules |= 1u << RULE_SLEEP_IN_ATOMIC;
}

static void resource_serve(struct run *run, const struct request *req, struct run_op *op)
{
	(void)req;
	if (op->kind == KIND_REQUEST_REGION || op->kind == KIND_REQUEST_MEM_REGION)
		serve_request_region(run, op);
	else
		serve_release_region(run, op);
}

/* All nodes below the root, as /proc/iomem and /proc/ioports list them. */
static int record_tree(struct run *run, enum resource_tree tree, struct err *err)
{
	static const char *const names[] = { [RESOURCE_IOMEM] = "iomem", [RESOURCE_IOPORT] = "ioports" };
	const struct resources *resources = resources_of(run);
	uint64_t position = 0;
	int ret = 0;

	for (uint32_t at = resource_get(resources, tree)->child; ret == 0 && at != RESOURCE_NONE;
		at = resource_next(resources, at)) {
		const struct resource *node = resource_get(resources, at);

		ret = RECORD_ROW(run->recorder, RESOURCES, err, RECORD_T(names[tree]), RECORD_U(position++),
			RECORD_U(resource_depth(resources, at)), RECORD_U(node->start), RECORD_U(node->end),
			RECORD_T(node->name), RECORD_U(node->claim != CLAIM_NONE), RECORD_U(node->requested));
	}
	return ret;
}

static int resource_sample(struct run *run, bool full, struct err *err)
{
	int ret = full ? record_tree(run, RESOURCE_IOMEM, err) : 0;

	return full && ret == 0 ? record_tree(run, RESOURCE_IOPORT, err) : ret;
}

static int record_stats(struct run *run, enum resource_tree tree, const char *mechanism, struct err *err)
{
	const struct resource_stats *stats = resource_stats(resources_of(run), tree);
	const struct record_counter rows[] = {
		{ mechanism, "region_requests", "calls", record_clamp(stats->requests) },
		{ mechanism, "region_conflicts", "calls", record_clamp(stats->conflicts) },
		{ mechanism, "region_releases", "calls", record_clamp(stats->releases) },
		{ mechanism, "region_release_mismatches", "calls", record_clamp(stats->mismatches) },
		{ mechanism, "regions_live_at_end", "regions", record_clamp(stats->live) },
		{ mechanism, "regions_live_size_at_end", tree == RESOURCE_IOMEM ? "bytes" : "ports",
			record_clamp(stats->live_bytes) },
		{ mechanism, "regions_taken_over", "regions", record_clamp(stats->taken_over) },
		{ mechanism, "machine_regions_left_out", "regions", record_clamp(stats->left_out) },
	};
	int ret = 0;

	if (!stats->requests && !stats->releases && !stats->left_out)
		return 0;
	for (size_t i = 0; ret == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		ret = run->recorder->ops->counter(run->recorder, &rows[i], err);
	return ret;
}

/* The operation that claimed the node, NULL if it is not the trace's. */
static const struct run_op *claimer_of(const struct run *run, enum resource_tree tree, const struct resource *node)
{
	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		const struct run_op *op = &run->ops[i];
		bool claims = op->kind == KIND_REQUEST_MEM_REGION || op->kind == KIND_REQUEST_REGION;

		if (claims && op->done && tree_of(op) == tree && op->trace->arg[0] == node->start &&
			op->size == node->end - node->start + 1)
			return op;
	}
	return NULL;
}

/* Claims that nobody released. */
static void report_leaks(struct run *run, enum resource_tree tree)
{
	const struct resources *resources = resources_of(run);

	for (uint32_t at = resource_get(resources, tree)->child; at != RESOURCE_NONE;
		at = resource_next(resources, at)) {
		const struct resource *node = resource_get(resources, at);
		const struct run_op *op = node->requested ? claimer_of(run, tree, node) : NULL;

		if (op)
			run_violation(run, RULE_REGION_LEAK, op, "%s of 0x%" PRIx64 "-0x%" PRIx64
				" for \"%s\": not released at the end, nobody else can have it", kind_info[op->kind].name,
				node->start, node->end, node->name);
	}
}

static int resource_finish(struct run *run, struct err *err)
{
	int ret = record_stats(run, RESOURCE_IOMEM, "iomem", err);

	if (rules_ends_whole(run)) {
		report_leaks(run, RESOURCE_IOMEM);
		report_leaks(run, RESOURCE_IOPORT);
	}
	return ret == 0 ? record_stats(run, RESOURCE_IOPORT, "ioports", err) : ret;
}

static const enum trace_kind kinds[] = { KIND_REQUEST_MEM_REGION, KIND_RELEASE_MEM_REGION, KIND_REQUEST_REGION,
	KIND_RELEASE_REGION };

const struct run_part part_resource = {
	.kinds = kinds,
	.nr_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.prepare = resource_prepare,
	.serve = resource_serve,
	.sample = resource_sample,
	.finish = resource_finish,
};
