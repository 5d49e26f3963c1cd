/*
 * serve_vmalloc: events of the vmalloc space: vmalloc, vmap, vm_map_ram and their frees, and kvmalloc() where kmalloc()
 * had no memory. An object's index is the number of its area.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "mm/vmalloc.h"
#include "sim/serve_priv.h"
#include "sim/arrive.h"
#include "sim/serve_vmalloc.h"

#define MODULES_END 0xffffffffff000000ull /* x86-64: what lies above the vmalloc space and below this is modules' */
#define KVMALLOC_MAX INT32_MAX
#define BOUND_AREA (1ull << 62) /* beside the keys of sim/follow.c */

static struct vmalloc *vmalloc_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_VMALLOC);
}

static bool in_interrupt(const struct run_op *op)
{
	return (op->trace->ctx & CTX_MASK) != CTX_PROCESS;
}

static bool is_atomic(const struct run_op *op)
{
	return op->trace->ctx & (CTX_PREEMPT_OFF | CTX_IRQS_OFF);
}

static void vmalloc_prepare(struct run *run, struct run_op *op)
{
	uint32_t page_size = run->machine->page_size;

	/* An area inside another: the array of the other's pages, which the model makes with it. */
	if (op->trace->origin == ORIGIN_VMALLOC) {
		op->action = ACT_SKIP;
		return;
	}
	if (op->kind == KIND_VMALLOC || op->kind == KIND_VZALLOC)
		op->bytes_alloc = op->size <= UINT64_MAX / 2 ? align_up(op->size, page_size) : 0;
}

/*
 * A mask that does not allow sleeping tells of a context that does not; where the recorded context
 * does, nothing goes wrong: alloc_large_system_hash() asks so for its tables while the system boots.
 */
static void note_useless_gfp(struct run *run, const struct request *req, const struct run_op *op)
{
	bool may_sleep = rules_is_recording(run) && run->tables->whos[req->who].ctx == CTX_PROCESS;
	enum severity severity = may_sleep ? SEVERITY_WARNING : SEVERITY_ERROR;

	run_violation_severe(run, RULE_SLEEP_IN_ATOMIC, severity_name[severity], op,
		"%s may sleep whatever its gfp: page tables are GFP_KERNEL%s", kind_info[op->kind].name,
		may_sleep ? "; here it may" : "");
}

/* What the context forbids. Return: false when the kernel stops there (BUG). */
static bool context_allows(struct run *run, const struct request *req, const struct run_op *op)
{
	const char *name = kind_info[op->kind].name;

	if (in_interrupt(op) && op->kind != KIND_VM_MAP_RAM) {
		run_violation(run, RULE_VMALLOC_IN_INTERRUPT, op, "%s in an interrupt: BUG in __get_vm_area_node()",
			name);
		return false;
	}
	if (in_interrupt(op) || is_atomic(op))
		run_violation(run, RULE_SLEEP_IN_ATOMIC, op,
			"%s may sleep, and the context may not: might_sleep() complains, or it"
			" deadlocks",
			name);
	else if (op->gfp && !(op->gfp & GFP_BIT_DIRECT_RECLAIM))
		note_useless_gfp(run, req, op);
	return true;
}

/* Module text and the like has a window of its own behind the vmalloc space. */
static void set_window(const struct machine_vmalloc *space, uint64_t start, struct vmap_request *req)
{
	uint64_t end = space->start + space->size - 1;
	bool behind = start >= end;

	req->start = start;
	req->end = behind ? MODULES_END : end;
	req->reset_perms = behind; /* module_alloc() and its like: VM_FLUSH_RESET_PERMS */
}

struct vmap_request vmap_request_of(const struct machine *machine, const struct trace_op *op, uint32_t cpu)
{
	struct vmap_request req = {
		.size = op->size,
		.gfp = op->gfp,
		.node = op->node >= (int)machine->nr_nodes ? (int16_t)-1 : op->node,
		.cpu = (uint16_t)cpu,
		.caller = op->call_site,
		.use = op->kind == KIND_VMAP ? VMAP_VMAP : op->kind == KIND_IOREMAP ? VMAP_IOREMAP : VMAP_VMALLOC,
		.phys = op->kind == KIND_IOREMAP ? op->arg[0] : 0,
	};

	if (op->kind == KIND_VZALLOC)
		req.gfp |= GFP_BIT_ZERO;
	if (op->align)
		req.align = 1ull << ilog2_u64(op->align);
	if (op->kind == KIND_VMALLOC && op->arg[0])
		set_window(&machine->vmalloc, op->arg[0], &req);
	return req;
}

bool vmap_purge_seen(const struct trace_tables *tables, const struct trace_op *op)
{
	static const char purge[] = "__purge_vmap_area_lazy+";

	return op->call_site && !strncmp(tables->strings[op->call_site], purge, sizeof(purge) - 1);
}

static enum mm_answer take(struct run *run, const struct run_op *op, uint32_t *area)
{
	struct vmap_request req = vmap_request_of(run->machine, op->trace, run->cpu);

	if (op->kind == KIND_VM_MAP_RAM)
		return vm_map_ram(vmalloc_of(run), div_round_up(op->size, run->machine->page_size), run->cpu, area,
			&run->meter);
	if (op->kind == KIND_VMAP)
		return vmap_take(vmalloc_of(run), &req, area, &run->meter);
	return vmalloc_take(vmalloc_of(run), &req, area, &run->meter);
}

static void give(struct run *run, uint32_t area)
{
	struct vmalloc *vm = vmalloc_of(run);

	if (vmap_use_of(vm, area) == VMAP_MAP_RAM)
		vm_unmap_ram(vm, area, run->cpu, &run->meter);
	else
		vmalloc_give(vm, area, run->cpu, &run->meter);
}

RARE void serve_purge(struct run *run)
{
	vmap_purge(vmalloc_of(run), &run->meter);
}

static void note_area(struct run *run, uint32_t area)
{
	uint64_t address = vmap_address(vmalloc_of(run), area);

	note_place(run, (uint32_t)(address >> 32), (uint32_t)address);
}

static void serve_begin(struct run *run, const struct request *req, struct run_op *op)
{
	uint32_t area;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (!op->size && (op->kind == KIND_VMALLOC || op->kind == KIND_VZALLOC))
		run_violation_severe(run, RULE_SIZE_TOO_LARGE, severity_name[SEVERITY_WARNING], op,
			"%s of 0 bytes: the kernel warns and answers NULL", kind_info[op->kind].name);
	if (!context_allows(run, req, op) || take(run, op, &area) != MM_DONE) {
		if (!run->meter.loops || !serve_try_again(run, req, op))
			note_failure(run, req, op);
		return;
	}
	note_area(run, area);
	if (op->trace->origin == ORIGIN_SWAP_MAP)
		swap_on(run, op);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, area);
		return;
	}
	/* It failed where it was recorded, so nobody will free it. */
	run->result.recovered++;
	give(run, area);
}

/* vfree() and vunmap() of what has no struct vm_struct warn and free nothing: the object is lost. */
static void free_of_no_area(struct run *run, struct object *object, struct run_op *op)
{
	run_violation(run, RULE_WRONG_FREE, op,
		"%s of an object from %s: the kernel warns of a nonexistent area and frees nothing",
		kind_info[op->kind].name, kind_info[run->ops[object->op].kind].name);
	op->failed++;
	object_end(run, object);
}

bool serve_is_area(const struct run *run, const struct object *object)
{
	unsigned int maker = run->ops[object->op].kind;

	return object->slab == OBJECT_PART && maker != KIND_VM_MAP_RAM && part_of(run, object) == &part_vmalloc;
}

/* Of an area: vfree() of a vmap() is legal, which has no pages to free, or was given them (VM_MAP_PUT_PAGES). */
static void check_area(struct run *run, const struct object *object, const struct run_op *op)
{
	const char *name = kind_info[op->kind].name, *maker = kind_info[run->ops[object->op].kind].name;
	bool is_vmap = run->ops[object->op].kind == KIND_VMAP;

	/* Elsewhere than on x86 iounmap() calls vunmap(). */
	if (!serve_is_area(run, object) && !rules_is_recording(run))
		run_violation(run, RULE_WRONG_FREE, op,
			"%s of an object from %s: it is unmapped, but its memory type stays reserved, which"
			" iounmap frees",
			name, maker);
	if (!serve_is_area(run, object) || op->kind != KIND_VUNMAP || is_vmap)
		return;
	run_violation(run, RULE_WRONG_FREE, op, "%s of an object from %s: it is unmapped, and its pages leak", name,
		maker);
	vmalloc_leak(vmalloc_of(run), object->index);
}

/* Whether the free is one for what is there. Return: whether that goes. */
static bool check_end(struct run *run, struct object *object, struct run_op *op)
{
	unsigned int maker = run->ops[object->op].kind;

	if (op->kind == KIND_VM_UNMAP_RAM) {
		if (object->slab != OBJECT_PART || maker != KIND_VM_MAP_RAM)
			run_violation_severe(run, RULE_WRONG_FREE, severity_name[SEVERITY_FATAL], op,
				"vm_unmap_ram of an object from %s: no block of mappings is there, the kernel oopses", kind_info[maker].name);
		return true;
	}
	if (!serve_is_area(run, object) && (object->slab != OBJECT_PART || maker != KIND_IOREMAP)) {
		free_of_no_area(run, object, op);
		return false;
	}
	check_area(run, object, op);
	return true;
}

/* What the context forbids who gives an area back. */
static void check_end_context(struct run *run, const struct run_op *op)
{
	const char *name = kind_info[op->kind].name;
	bool nmi = (op->trace->ctx & CTX_MASK) == CTX_NMI;

	if ((nmi && op->kind == KIND_VFREE) || (in_interrupt(op) && op->kind == KIND_VUNMAP))
		run_violation(run, RULE_VMALLOC_IN_INTERRUPT, op, "%s in an %s: BUG", name, nmi ? "NMI" : "interrupt");
	else if (in_interrupt(op) ? op->kind == KIND_VM_UNMAP_RAM : is_atomic(op))
		run_violation(run, RULE_SLEEP_IN_ATOMIC, op,
			"%s may sleep, and the context may not: might_sleep() complains, or it"
			" deadlocks",
			name);
}

/* vfree() and vunmap() look at the context first; others at the address, which has nothing to give back. */
RARE void serve_end_of_null(struct run *run, const struct run_op *op)
{
	if (op->kind == KIND_VFREE || op->kind == KIND_VUNMAP)
		check_end_context(run, op);
}

static void serve_end(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (!object || !check_end(run, object, op))
		return;
	check_end_context(run, op);
	op->done++;
	if (run->ops[object->op].trace->origin == ORIGIN_SWAP_MAP)
		swap_off(run, &run->ops[object->op]);
	/* A recording's context is of who asks. */
	if ((request_context(run, req) & CTX_MASK) != CTX_PROCESS && op->kind == KIND_VFREE &&
		serve_is_area(run, object)) {
		note_area(run, object->index);
		vmalloc_defer(vmalloc_of(run), object->index, run->cpu);
		object_end(run, object);
		run_schedule_work(run, WORK_VFREE);
		return;
	}
	release(run, object);
}

static void vmalloc_serve(struct run *run, const struct request *req, struct run_op *op)
{
	if (kind_info[op->kind].slot == SLOT_BEGINS)
		serve_begin(run, req, op);
	else
		serve_end(run, req, op);
}

static void vmalloc_release(struct run *run, struct object *object)
{
	struct run_op *maker = &run->ops[object->op];

	maker->mapped -= maker->mapped > 0;
	give(run, object->index);
}

void serve_unmap_area(struct run *run, struct object *object)
{
	vmalloc_leak(vmalloc_of(run), object->index);
	release(run, object);
}

RARE bool serve_kvmalloc(struct run *run, const struct request *req, struct run_op *op)
{
	gfp_t gfp = op->trace->gfp | (op->kind == KIND_KVZALLOC ? GFP_BIT_ZERO : 0);
	struct vmap_request want = { .size = op->size, .gfp = gfp, .node = op->node, .cpu = (uint16_t)run->cpu,
		.caller = op->trace->call_site, .huge = true };
	uint32_t area;

	if (op->size <= run->machine->page_size || op->size > KVMALLOC_MAX || !(gfp & GFP_BIT_DIRECT_RECLAIM))
		return false;
	if (in_interrupt(op)) {
		run_violation(run, RULE_VMALLOC_IN_INTERRUPT, op, "%s falls back to vmalloc in an interrupt: BUG",
			kind_info[op->kind].name);
		return false;
	}
	if (vmalloc_take(vmalloc_of(run), &want, &area, &run->meter) != MM_DONE)
		return false;
	note_area(run, area);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, area);
		op->mapped++;
	} else {
		run->result.recovered++;
		give(run, area);
	}
	return true;
}

gfp_t kvmalloc_gfp(const struct run *run, uint64_t size, gfp_t gfp)
{
	if (size <= run->machine->page_size)
		return gfp;
	gfp |= GFP_BIT_NOWARN;
	if (!(gfp & GFP_BIT_RETRY_MAYFAIL))
		gfp |= GFP_BIT_NORETRY;
	return gfp & ~GFP_BIT_NOFAIL;
}

uint64_t vmalloc_bound_key(const struct machine *machine, uint64_t address)
{
	return BOUND_AREA | address >> machine->page_shift;
}

static enum vmap_use use_of_state(const struct state_area *area)
{
	if (area->ioremap)
		return VMAP_IOREMAP;
	if (area->map_ram)
		return VMAP_BLOCK;
	return area->vmap ? VMAP_VMAP : area->pages ? VMAP_VMALLOC : VMAP_PERCPU;
}

uint64_t vmalloc_bytes(const struct run *run, const struct run_op *op)
{
	uint64_t page_size = run->machine->page_size;

	if (op->kind != KIND_VMALLOC && op->kind != KIND_VZALLOC && op->kind != KIND_VMAP)
		return 0;
	return align_up(op->size, page_size) + run->machine->vmalloc.guard_pages * page_size;
}

int vmalloc_load(struct vmalloc *vm, const struct machine *machine, const struct state *state, struct idmap *bound,
	uint32_t *areas, struct err *err)
{
	for (size_t i = 0; i < state->nr_areas; i++) {
		const struct state_area *saved = &state->areas[i];
		uint32_t area;

		areas[i] = VMAP_AREA_NONE;
		if (saved->lazy) {
			vmap_claim_lazy(vm, saved->start, saved->end);
			continue;
		}
		area = vmap_claim(vm, saved->start, saved->end, use_of_state(saved));
		if (area == VMAP_AREA_NONE)
			return err_set(err, ERR_CONFIG,
				"%s/vmallocinfo: area 0x%" PRIx64 "-0x%" PRIx64 " overlaps another", state->source,
				saved->start, saved->end);
		areas[i] = area;
		vmap_describe(vm, area, CALLER_OF_STATE + (uint32_t)i, saved->phys);
		if (idmap_put(bound, vmalloc_bound_key(machine, saved->start), area) < 0)
			return err_set(err, ERR_NOMEM, "no memory for the areas of the initial state");
	}
	return 0;
}

static void vmalloc_totals(const struct run *run, struct record_sample *sample)
{
	struct vmalloc_stats stats;

	vmalloc_get_stats(vmalloc_of(run), &stats);
	sample->vmalloc_bytes += stats.mapped_pages * run->machine->page_size;
}

static const char *const use_name[NR_VMAP_USES] = {
	[VMAP_VMALLOC] = "vmalloc", [VMAP_VMAP] = "vmap", [VMAP_IOREMAP] = "ioremap", [VMAP_MAP_RAM] = "vm_map_ram",
	[VMAP_BLOCK] = "vm_map_ram", [VMAP_PERCPU] = "percpu",
};

/* " N0=3 N1=1": on which nodes its pages are. */
static void nodes_of(const struct run *run, const struct vmap_line *line, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (uint32_t node = 0; line->nr_pages && node < run->machine->nr_nodes; node++) {
		uint32_t pages = vmalloc_pages_on(vmalloc_of(run), line->area, node);

		if (pages && len < size)
			len += (size_t)snprintf(buf + len, size - len, " N%u=%u", node, pages);
	}
}

static int record_area(struct run *run, const struct vmap_line *line, struct err *err)
{
	char start[20], end[20], phys[20], nodes[512];
	const struct state *initial = run->options->initial;
	const char *caller = NULL;

	snprintf(start, sizeof(start), "0x%016" PRIx64, line->start);
	snprintf(end, sizeof(end), "0x%016" PRIx64, line->end);
	snprintf(phys, sizeof(phys), "0x%016" PRIx64, line->phys);
	nodes_of(run, line, nodes, sizeof(nodes));
	if (line->caller >= CALLER_OF_STATE)
		caller = initial ? initial->areas[line->caller - CALLER_OF_STATE].caller : NULL;
	else if (line->caller)
		caller = run_string(run, line->caller);
	return RECORD_ROW(run->recorder, VMAP_AREAS, err, RECORD_T(start), RECORD_T(end),
		RECORD_U(line->end - line->start), RECORD_T(line->lazy ? "unpurged" : use_name[line->use]),
		RECORD_T(caller), RECORD_U(line->nr_pages), RECORD_T(line->phys ? phys : NULL), RECORD_U(line->vpages),
		RECORD_T(nodes));
}

static int record_areas(struct run *run, struct err *err)
{
	struct vmap_line *lines;
	int64_t nr = vmalloc_lines(vmalloc_of(run), &lines);
	int ret = 0;

	if (nr < 0)
		return err_set(err, ERR_NOMEM, "no memory for the list of vmalloc areas");
	for (int64_t i = 0; ret == 0 && i < nr; i++)
		ret = record_area(run, &lines[i], err);
	free(lines);
	return ret;
}

static int vmalloc_sample(struct run *run, bool full, struct err *err)
{
	struct vmalloc_stats s;
	int ret;

	vmalloc_get_stats(vmalloc_of(run), &s);
	if (!s.areas && !s.purges && !s.page_table_pages && !s.lazy_bytes && !s.failures)
		return 0; /* nobody has used it */
	ret = RECORD_ROW(run->recorder, VMALLOC_STATS, err, RECORD_U(s.size), RECORD_U(s.used_bytes),
		RECORD_U(s.free_bytes), RECORD_U(s.lazy_bytes), RECORD_U(s.guard_bytes), RECORD_U(s.areas),
		RECORD_U(s.lazy_areas), RECORD_U(s.mapped_pages), RECORD_U(s.page_table_pages), RECORD_U(s.blocks),
		RECORD_U(s.holes), RECORD_U(s.largest_hole), RECORD_U(s.purges), RECORD_U(s.purged_bytes),
		RECORD_U(s.retries), RECORD_U(s.failures), RECORD_U(s.deferred), RECORD_U(s.huge_areas));
	return ret == 0 && full ? record_areas(run, err) : ret;
}

static const enum trace_kind kinds[] = { KIND_VMALLOC, KIND_VZALLOC, KIND_VMAP, KIND_VM_MAP_RAM, KIND_VFREE,
	KIND_VUNMAP, KIND_VM_UNMAP_RAM, KIND_KVMALLOC, KIND_KVZALLOC };

const struct run_part part_vmalloc = {
	.kinds = kinds,
	.nr_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.origins = 1u << ORIGIN_VMALLOC | 1u << ORIGIN_STACK | 1u << ORIGIN_PAGE_TABLE,
	.prepare = vmalloc_prepare,
	.serve = vmalloc_serve,
	.release = vmalloc_release,
	.totals = vmalloc_totals,
	.sample = vmalloc_sample,
};
