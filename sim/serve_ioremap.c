/* serve_ioremap: device memory is mapped, read, written, unmapped and given to tasks. */
#include <inttypes.h>
#include <stdio.h>

#include "mm/ioremap.h"
#include "mm/resource.h"
#include "mm/vmalloc.h"
#include "sim/serve_priv.h"
#include "sim/serve_vmalloc.h"

_Static_assert(KIND_WRITEQ - KIND_READB + 1 == NR_MMIO_OPS, "kinds in the order of enum mmio_op");
_Static_assert((int)CACHE_MODE_WT + 1 == (int)NR_IOREMAP_MODES && (int)CACHE_MODE_WC == (int)IOREMAP_WC,
	"modes in the order of enum ioremap_mode");

static const char *const mode_name[NR_IOREMAP_MODES] = { "uc", "wc", "wb", "np", "wt" };

static struct ioremap *ioremap_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_IOREMAP);
}

static bool in_interrupt(const struct run_op *op)
{
	return (op->trace->ctx & CTX_MASK) != CTX_PROCESS;
}

static void note_refusal(struct run *run, const struct run_op *op, enum ioremap_refusal refusal)
{
	const char *mode = mode_name[op->trace->arg[1] % NR_IOREMAP_MODES];

	if (refusal == IOREMAP_RAM)
		run_violation(run, RULE_IOREMAP_RAM, op, "ioremap of 0x%" PRIx64 ", %" PRIu64
			" bytes, which is RAM: the kernel warns and answers NULL", op->trace->arg[0], op->size);
	else if (refusal == IOREMAP_TYPE)
		run_violation(run, RULE_REGION_CONFLICT, op, "ioremap of 0x%" PRIx64 ", %" PRIu64
			" bytes, as %s: conflicting memory types, it is mapped with another", op->trace->arg[0], op->size,
			mode);
}

static void note_unclaimed(struct run *run, const struct run_op *op, const struct ioremap_answer *answer)
{
	if (answer->spans)
		run_violation_severe(run, RULE_IOMEM_UNCLAIMED, "warning", op, "ioremap of 0x%" PRIx64 ", %" PRIu64
			" bytes, spans more than one resource: the kernel's sanity check warns", op->trace->arg[0], op->size);
	else if (!answer->claimed && rules_claims_known(run, RESOURCE_IOMEM, op))
		run_violation(run, RULE_IOMEM_UNCLAIMED, op, "ioremap of 0x%" PRIx64 ", %" PRIu64
			" bytes, without request_mem_region: works, also for another driver at the same time", op->trace->arg[0], op->size);
}

/* __get_vm_area_node() has BUG_ON(in_interrupt()). */
static bool refused_in_interrupt(struct run *run, struct run_op *op)
{
	if (!in_interrupt(op))
		return false;
	run_violation(run, RULE_VMALLOC_IN_INTERRUPT, op, "%s in an interrupt: the kernel stops with a BUG",
		kind_info[op->kind].name);
	return true;
}

static void serve_ioremap(struct run *run, const struct request *req, struct run_op *op)
{
	struct ioremap_request want = {
		.phys = op->trace->arg[0],
		.size = op->size,
		.mode = (enum ioremap_mode)(op->trace->arg[1] % NR_IOREMAP_MODES),
		.caller = op->trace->call_site,
		.cpu = run->cpu,
		.older = op->flags & OP_BOOT && !op->trace->arg[0],
	};
	struct ioremap_answer answer;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (refused_in_interrupt(run, op)) {
		note_failure(run, req, op);
		return;
	}
	answer = ioremap_map(ioremap_of(run), &want, &run->meter);
	if (answer.refusal != IOREMAP_GRANTED) {
		/* Where the recorded kernel granted it, it is the machine that differs. */
		if (!rules_is_recording(run) || op->flags & OP_FAILED)
			note_refusal(run, op, answer.refusal);
		note_failure(run, req, op);
		return;
	}
	if (!run->booting)
		note_unclaimed(run, op, &answer);
	note_place(run, OBJECT_PART, answer.mapping);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, answer.mapping);
		return;
	}
	/* It failed where it was recorded, so nobody will unmap it. */
	ioremap_unmap(ioremap_of(run), answer.mapping, run->cpu, &run->meter);
	run->result.recovered++;
}

/* It passes over addresses of the direct map, and unmaps whatever area it finds. */
static void iounmap_of_another(struct run *run, struct object *object, struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];
	bool area = serve_is_area(run, object);

	run_violation(run, RULE_WRONG_FREE, op, "iounmap of what %s made: %s", kind_info[maker->kind].name,
		maker->kind == KIND_VM_MAP_RAM ? "the kernel says \"bad address\"" :
		!area ? "the kernel does nothing" :
		maker->kind == KIND_VMAP ? "it is unmapped, with a message of an invalid memory type" :
					   "it is unmapped, and its pages leak");
	op->failed++;
	if (area)
		serve_unmap_area(run, object);
	else
		object_end(run, object);
}

static void serve_iounmap(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (!object)
		return;
	if (object->slab != OBJECT_PART || run->ops[object->op].kind != KIND_IOREMAP) {
		iounmap_of_another(run, object, op);
		return;
	}
	refused_in_interrupt(run, op);
	op->done++;
	release(run, object);
}

static RARE void note_fault(struct run *run, struct run_op *op, const char *what)
{
	op->failed++;
	run_violation_severe(run, RULE_IOMEM_UNCLAIMED, "fatal", op, "%s %s: the kernel has a page fault",
		kind_info[op->kind].name, what);
}

/* The mapping that the event names by its id. Return: false when there is none, which is noted. */
static bool mapping_of(struct run *run, const struct request *req, struct run_op *op, uint32_t *mapping)
{
	const struct object *object = req->slot == SLOT_NONE ? NULL : &run->objects[req->slot];

	if (object && object->slab == OBJECT_PART && run->ops[object->op].kind == KIND_IOREMAP) {
		*mapping = object->index;
		return true;
	}
	if (op->flags & OP_DOUBLE)
		note_fault(run, op, "after iounmap");
	else if (object && object->slab == OBJECT_FAILED)
		op->failed++; /* its ioremap failed in the model: the driver would not have come here */
	else
		note_fault(run, op, "of what is not mapped");
	return false;
}

static void serve_mmio(struct run *run, const struct request *req, struct run_op *op)
{
	struct mmio_access access = { .op = (enum mmio_op)(op->kind - KIND_READB), .mapping = IOREMAP_NONE,
		.offset = op->trace->arg[1], .phys = op->trace->arg[0],
		/* Where the trace shows no mapping being made, those that it uses are older. */
		.any_mapping = !run->kinds[KIND_IOREMAP].latency, .now = run->engine.now };
	bool by_id = req->slot != SLOT_NONE || op->flags & (OP_UNKNOWN | OP_DOUBLE);
	enum mmio_answer answer;

	if (by_id && !mapping_of(run, req, op, &access.mapping))
		return;
	answer = mmio_access(ioremap_of(run), &access, &run->meter);
	if (answer == MMIO_FAULT) {
		note_fault(run, op, by_id ? "beyond the mapping" : "of an address that is not mapped");
		return;
	}
	op->done++;
	/* Of a mapping that was seen being made ioremap() has told. */
	if (answer == MMIO_UNCLAIMED && !by_id && access.any_mapping && rules_claims_known(run, RESOURCE_IOMEM, op))
		run_violation(run, RULE_IOMEM_UNCLAIMED, op,
			"%s of 0x%" PRIx64 ", which nobody has claimed: the kernel does not look",
			kind_info[op->kind].name, op->trace->arg[0]);
}

static void serve_mmap_device(struct run *run, const struct request *req, struct run_op *op)
{
	if (ioremap_to_user(ioremap_of(run), op->trace->arg[0], op->size, &run->meter)) {
		op->done++;
		return;
	}
	note_failure(run, req, op);
	if (op->size)
		run_violation(run, RULE_MMAP_UNALIGNED, op, "mmap_device of 0x%" PRIx64
			", which is not the beginning of a page: remap_pfn_range() answers EINVAL", op->trace->arg[0]);
}

static void ioremap_prepare(struct run *run, struct run_op *op)
{
	if (op->kind == KIND_IOREMAP || op->kind == KIND_MMAP_DEVICE)
		op->bytes_alloc = ioremap_bytes(ioremap_of(run), op->trace->arg[0], op->size);
	/* All may sleep; the first two do worse in interrupts. */
	if (((op->kind == KIND_IOREMAP || op->kind == KIND_IOUNMAP) && op->trace->ctx != CTX_PROCESS &&
		    !in_interrupt(op)) ||
		(op->kind == KIND_MMAP_DEVICE && op->trace->ctx != CTX_PROCESS))
		op->rules |= 1u << RULE_SLEEP_IN_ATOMIC;
}

static void ioremap_serve(struct run *run, const struct request *req, struct run_op *op)
{
	switch (op->kind) {
	case KIND_IOREMAP:
		serve_ioremap(run, req, op);
		break;
	case KIND_IOUNMAP:
		serve_iounmap(run, req, op);
		break;
	case KIND_MMAP_DEVICE:
		serve_mmap_device(run, req, op);
		break;
	default:
		serve_mmio(run, req, op);
	}
}

static void ioremap_release(struct run *run, struct object *object)
{
	ioremap_unmap(ioremap_of(run), object->index, run->cpu, &run->meter);
}

static int ioremap_sample(struct run *run, bool full, struct err *err)
{
	const struct ioremap_stats *stats = ioremap_stats(ioremap_of(run));
	int ret = 0;

	(void)full;
	for (int mode = 0; ret == 0 && mode < NR_IOREMAP_MODES; mode++)
		if (stats->by_mode[mode])
			ret = RECORD_ROW(run->recorder, IOREMAP_STATS, err, RECORD_T(mode_name[mode]),
				RECORD_U(stats->by_mode[mode]), RECORD_U(stats->size_by_mode[mode]),
				RECORD_U(stats->bytes_by_mode[mode]));
	return ret;
}

static int record_mapping(struct run *run, uint64_t position, uint32_t number, struct err *err)
{
	const struct ioremap_mapping *mapping = ioremap_get(ioremap_of(run), number);
	const struct resources *resources = mm_state(&run->mm, SLOT_RESOURCE);
	const struct resource *node = resource_get(resources,
		resource_deepest(resources, RESOURCE_IOMEM, mapping->phys + mapping->offset,
			mapping->phys + mapping->offset));
	char address[32];

	snprintf(address, sizeof(address), "0x%" PRIx64, ioremap_address(ioremap_of(run), number));
	return RECORD_ROW(run->recorder, IOREMAP_LIVE, err, RECORD_U(position),
		RECORD_U(mapping->phys + mapping->offset), RECORD_U(mapping->size), RECORD_T(mode_name[mapping->mode]),
		RECORD_T(address), RECORD_U(mapping->bytes), RECORD_T(node->name),
		RECORD_T(mapping->caller ? run_string(run, mapping->caller) : NULL));
}

static int record_use(struct run *run, const struct io_use_region *region, struct err *err)
{
	int ret = 0;

	for (int op = 0; ret == 0 && op < NR_MMIO_OPS; op++) {
		const struct io_use *use = &region->use[op];

		if (use->calls)
			ret = RECORD_ROW(run->recorder, IOMEM_STATS, err, RECORD_U(region->start),
				RECORD_U(region->end), RECORD_T(region->name),
				RECORD_T(kind_info[KIND_READB + op].name), RECORD_U(use->calls), RECORD_U(use->bytes),
				RECORD_U(use->cost_ns), RECORD_U(use->unclaimed));
	}
	return ret;
}

static int record_counters(struct run *run, struct err *err)
{
	const struct ioremap_stats *stats = ioremap_stats(ioremap_of(run));
	const struct {
		const char *name, *unit;
		uint64_t value;
	} rows[] = {
		{ "maps", "calls", stats->maps },
		{ "unmaps", "calls", stats->unmaps },
		{ "refused_empty", "calls", stats->refused[IOREMAP_EMPTY] },
		{ "refused_too_high", "calls", stats->refused[IOREMAP_TOO_HIGH] },
		{ "refused_ram", "calls", stats->refused[IOREMAP_RAM] },
		{ "refused_memory_type", "calls", stats->refused[IOREMAP_TYPE] },
		{ "refused_no_area", "calls", stats->refused[IOREMAP_NO_AREA] },
		{ "granted_other_type", "calls", stats->other_type },
		{ "maps_unclaimed", "calls", stats->unclaimed },
		{ "maps_spanning_resources", "calls", stats->spans },
		{ "mappings_live_at_end", "mappings", stats->live },
		{ "mapped_at_end", "bytes", stats->live_bytes },
		{ "mappings_peak", "mappings", stats->peak_live },
		{ "mapped_peak", "bytes", stats->peak_bytes },
		{ "mmap_device", "calls", stats->user_maps },
		{ "mmap_device_size", "bytes", stats->user_bytes },
		{ "access_faults", "accesses", stats->faults },
		{ "reads_behind_posted_writes", "accesses", stats->read_waits },
		{ "waited_for_posted_writes", "ns", stats->read_wait_ns },
	};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record_counter row = { "ioremap", rows[i].name, rows[i].unit, record_clamp(rows[i].value) };

		if (rows[i].value)
			ret = run->recorder->ops->counter(run->recorder, &row, err);
	}
	return ret;
}

/* Mappings that nobody ended. */
static void report_leaks(struct run *run)
{
	for (uint32_t slot = 0; slot < run->nr_objects; slot++) {
		const struct object *object = &run->objects[slot];
		const struct run_op *maker = &run->ops[object->op];

		if (object->slab == OBJECT_PART && maker->kind == KIND_IOREMAP)
			run_violation(run, RULE_REGION_LEAK, maker,
				"ioremap of 0x%" PRIx64 ", %" PRIu64 " bytes, at %" PRIu64
				" ns: not unmapped at the end, its addresses are lost",
				maker->trace->arg[0], maker->size, object->born_ns);
	}
}

static int ioremap_finish(struct run *run, struct err *err)
{
	const struct ioremap *io = ioremap_of(run);
	const struct io_use_list *use = ioremap_use(io);
	uint64_t position = 0;
	int ret = record_counters(run, err);

	if (rules_ends_whole(run))
		report_leaks(run);
	for (uint32_t i = 0; ret == 0 && i < use->nr; i++)
		ret = record_use(run, &use->regions[i], err);
	for (uint32_t at = ioremap_next(io, 0); ret == 0 && at != IOREMAP_NONE; at = ioremap_next(io, at + 1))
		ret = record_mapping(run, position++, at, err);
	return ret;
}

static const enum trace_kind kinds[] = { KIND_IOREMAP, KIND_IOUNMAP, KIND_READB, KIND_READW, KIND_READL, KIND_READQ,
	KIND_WRITEB, KIND_WRITEW, KIND_WRITEL, KIND_WRITEQ, KIND_MMAP_DEVICE };

const struct run_part part_ioremap = {
	.kinds = kinds,
	.nr_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.prepare = ioremap_prepare,
	.serve = ioremap_serve,
	.release = ioremap_release,
	.sample = ioremap_sample,
	.finish = ioremap_finish,
};
