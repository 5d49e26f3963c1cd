/* serve_ioport: in and out instructions. */
#include <inttypes.h>

#include "mm/ioport.h"
#include "mm/resource.h"
#include "sim/serve_priv.h"

_Static_assert(KIND_OUTSL - KIND_INB + 1 == NR_IOPORT_OPS, "kinds in the order of enum ioport_op");

static struct ioports *ports_of(const struct run *run)
{
	return resource_ioports(mm_state(&run->mm, SLOT_RESOURCE));
}

static enum ioport_op op_of(const struct run_op *op)
{
	return (enum ioport_op)(op->kind - KIND_INB);
}

/* How many accesses one event makes: kept in op->size, which these kinds do not have. */
static void ioport_prepare(struct run *run, struct run_op *op)
{
	bool string = op_of(op) >= IOPORT_INSB;

	(void)run;
	op->size = !string ? 1 : op->trace->arg[1] < UINT32_MAX ? op->trace->arg[1] : UINT32_MAX;
}

static RARE void note_unclaimed(struct run *run, const struct run_op *op, enum ioport_access access)
{
	static const char *const what[] = {
		[IOPORT_UNCLAIMED] = "nobody has claimed it: the hardware is accessed all the same",
		[IOPORT_SPLIT] = "its last byte is beyond the claimed region",
		[IOPORT_NO_PORT] = "the machine has no such port",
	};

	if (access != IOPORT_NO_PORT && !rules_claims_known(run, RESOURCE_IOPORT, op))
		return;
	run_violation(run, RULE_PORT_UNCLAIMED, op, "%s of port 0x%04" PRIx64 ": %s", kind_info[op->kind].name,
		op->trace->arg[0], what[access]);
}

static void ioport_serve(struct run *run, const struct request *req, struct run_op *op)
{
	enum ioport_access access = ioport_access(ports_of(run), op_of(op), op->trace->arg[0], op->size, &run->meter);

	(void)req;
	op->done++;
	if (__builtin_expect(access != IOPORT_CLAIMED, 0) && !run->booting)
		note_unclaimed(run, op, access);
}

static int record_region(struct run *run, const struct io_use_region *region, struct err *err)
{
	int ret = 0;

	for (int op = 0; ret == 0 && op < NR_IOPORT_OPS; op++) {
		const struct io_use *use = &region->use[op];

		if (use->calls)
			ret = RECORD_ROW(run->recorder, IOPORT_STATS, err, RECORD_U(region->start),
				RECORD_U(region->end), RECORD_T(region->name),
				RECORD_T(kind_info[KIND_INB + op].name), RECORD_U(use->calls),
				RECORD_U(use->accesses), RECORD_U(use->bytes), RECORD_U(use->cost_ns),
				RECORD_U(use->unclaimed));
	}
	return ret;
}

static int ioport_finish(struct run *run, struct err *err)
{
	const struct io_use_list *use = ioport_use(ports_of(run));
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < use->nr; i++)
		ret = record_region(run, &use->regions[i], err);
	return ret;
}

static const enum trace_kind kinds[] = { KIND_INB, KIND_INW, KIND_INL, KIND_OUTB, KIND_OUTW, KIND_OUTL, KIND_INSB,
	KIND_INSW, KIND_INSL, KIND_OUTSB, KIND_OUTSW, KIND_OUTSL };

const struct run_part part_ioport = {
	.kinds = kinds,
	.nr_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.prepare = ioport_prepare,
	.serve = ioport_serve,
	.finish = ioport_finish,
};
