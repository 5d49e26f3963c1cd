/*
 * verify_vmalloc: addresses of vmalloc, vmap, vm_map_ram and ioremap against the recorded ones. A pass of its own
 * over the addresses alone: after each the model has the recorded area, so that one difference is counted once.
 *
 * It begins with the areas that were there before the first recorded call: those that the first saved vmallocinfo
 * lists and that no recorded call made. Purges come as the model has them and, where the recording shows the
 * kernel's (a freed vmap_area object), when the kernel's came: set_memory() and its like ask for one, and are not
 * recorded.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "mm/vmalloc.h"
#include "sim/serve_vmalloc.h"
#include "sim/verify_priv.h"

#define MAX_NESTED 8

struct areas_pass {
	struct verify_pass pass;
	struct vmalloc *vm;          /* borrowed from pass */
	struct idmap at;             /* owned: the model's area of each page-aligned address */
	struct verify_count *count;
	const struct state *listed;  /* borrowed: the first saved state with a vmallocinfo */
	struct idmap before;         /* owned: recorded calls' areas that live when it was saved */
	/* borrowed: NULL, or who freed the text of a module and did nothing since */
	const struct trace_who *text_freer;
	struct verify_event nested[MAX_NESTED]; /* arrays of pages, whose outer call has not returned yet */
	uint32_t nr_nested;
};

static bool is_begin(const struct trace_op *op)
{
	return op->kind == KIND_VMALLOC || op->kind == KIND_VZALLOC || op->kind == KIND_VMAP ||
		op->kind == KIND_VM_MAP_RAM || op->kind == KIND_IOREMAP;
}

static bool is_end(const struct trace_op *op)
{
	return op->kind == KIND_VFREE || op->kind == KIND_VUNMAP || op->kind == KIND_VM_UNMAP_RAM ||
		op->kind == KIND_IOUNMAP;
}

static uint64_t page_mask(const struct areas_pass *p)
{
	return ~((uint64_t)p->pass.options->machine->page_size - 1);
}

/* First pass: which recorded areas live when the list was saved. */
static int note_live(void *arg, const struct verify_event *event, struct err *err)
{
	struct areas_pass *p = arg;
	uint64_t address = event->where & page_mask(p);

	if (!event->where || event->cpu >= p->listed->nr_entries || event->entry > p->listed->entries[event->cpu])
		return 0;
	if (is_begin(event->op) && event->entry && idmap_put(&p->before, address, 1) < 0)
		return err_set(err, ERR_NOMEM, "no memory for the recorded areas");
	if (is_end(event->op))
		idmap_remove(&p->before, address);
	return 0;
}

/* The model has the area from now on; what stands in its way was not there in the kernel. */
static int adopt(struct areas_pass *p, uint64_t start, uint64_t end, enum vmap_use use, struct err *err)
{
	uint32_t area = vmap_claim(p->vm, start, end, use);

	if (area == VMAP_AREA_NONE) {
		vmap_purge(p->vm, &p->pass.meter);
		area = vmap_claim(p->vm, start, end, use);
	}
	if (area == VMAP_AREA_NONE)
		return 0;
	return idmap_put(&p->at, start, area) < 0 ? err_set(err, ERR_NOMEM, "no memory for the model's areas") : 0;
}

static int adopt_listed(struct areas_pass *p, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->listed->nr_areas; i++) {
		const struct state_area *area = &p->listed->areas[i];

		if (!area->lazy && idmap_get(&p->before, area->start) == IDMAP_NONE)
			ret = adopt(p, area->start, area->end, VMAP_PERCPU, err);
	}
	return ret;
}

static enum mm_answer take(struct areas_pass *p, const struct verify_event *event, uint32_t *area)
{
	struct vmap_request req = vmap_request_of(p->pass.options->machine, event->op, event->cpu);

	/* Its size is that of the pages that it touches. */
	if (event->op->kind == KIND_IOREMAP)
		req.size = ((req.phys + req.size + ~page_mask(p)) & page_mask(p)) - (req.phys & page_mask(p));
	if (event->op->kind == KIND_VM_MAP_RAM)
		return vm_map_ram(p->vm, div_round_up(req.size, p->pass.options->machine->page_size), event->cpu, area,
			&p->pass.meter);
	return vmap_take(p->vm, &req, area, &p->pass.meter);
}

static int begins(struct areas_pass *p, const struct verify_event *event, struct err *err)
{
	uint64_t recorded = event->where & page_mask(p), address = 0, size;
	uint32_t area;

	if (take(p, event, &area) != MM_DONE)
		area = VMAP_AREA_NONE;
	else
		address = vmap_address(p->vm, area);
	p->count->checked++;
	p->count->equal += address == recorded;
	if (address == recorded)
		return idmap_put(&p->at, recorded, area) < 0 ?
			err_set(err, ERR_NOMEM, "no memory for the model's areas") :
			0;
	if (verify_differ(p->count, event, "%s of %" PRIu64 " bytes, aligned to %" PRIu64 ", at %#" PRIx64,
		    kind_info[event->op->kind].name, event->op->size, event->op->align, recorded))
		snprintf(p->count->first.model, sizeof(p->count->first.model), "at %#" PRIx64, address);
	if (area == VMAP_AREA_NONE)
		return 0;
	size = vmap_size(p->vm, area);
	if (event->op->kind == KIND_VM_MAP_RAM) {
		vm_unmap_ram(p->vm, area, event->cpu, &p->pass.meter);
		return 0;
	}
	vmap_ungive(p->vm, area);
	return adopt(p, recorded, recorded + size, VMAP_PERCPU, err);
}

static bool in_interrupt(const struct verify_event *event)
{
	return (event->who->ctx & CTX_MASK) != CTX_PROCESS;
}

static int ends(struct areas_pass *p, const struct verify_event *event)
{
	uint32_t area = idmap_remove(&p->at, event->where & page_mask(p));

	if (area == IDMAP_NONE)
		return 0;
	if (event->op->kind == KIND_VFREE && in_interrupt(event)) {
		vmalloc_defer(p->vm, area, event->cpu);
		return 0;
	}
	if (vmap_use_of(p->vm, area) == VMAP_MAP_RAM)
		vm_unmap_ram(p->vm, area, event->cpu, &p->pass.meter);
	else
		vmap_give(p->vm, area, event->cpu, &p->pass.meter);
	/* Without time, a work item runs at once. */
	vmap_drain(p->vm, &p->pass.meter);
	return 0;
}

/*
 * A call's event comes when it returns: the array of pages
 * before the area that it is for, whose address is chosen first.
 */
static int begins_in_order(struct areas_pass *p, const struct verify_event *event, struct err *err)
{
	int ret;

	if (event->op->origin == ORIGIN_VMALLOC && p->nr_nested < MAX_NESTED) {
		p->nested[p->nr_nested++] = *event;
		return 0;
	}
	ret = begins(p, event, err);
	for (uint32_t i = 0; ret == 0 && i < p->nr_nested; i++)
		ret = begins(p, &p->nested[i], err);
	p->nr_nested = 0;
	return ret;
}

static bool frees_text(const struct areas_pass *p, const struct verify_event *event)
{
	uint32_t area = idmap_get(&p->at, event->where & page_mask(p));

	return area != IDMAP_NONE && vmap_use_of(p->vm, area) != VMAP_MAP_RAM && vmap_resets_perms(p->vm, area);
}

/*
 * The work items that free what interrupts freed. They run before whatever comes next in process context, but not
 * before do_free_init() goes on: the same RCU callbacks that free stacks wake it first, to free the text that a
 * module needed to begin, and it purges.
 */
static void run_deferred(struct areas_pass *p, const struct verify_event *event)
{
	if (!in_interrupt(event))
		vmalloc_run_deferred(p->vm, &p->pass.meter);
	vmap_drain(p->vm, &p->pass.meter);
}

static int on_event(void *arg, const struct verify_event *event, struct err *err)
{
	struct areas_pass *p = arg;
	const struct trace_op *op = event->op;
	uint64_t page_size = p->pass.options->machine->page_size;
	bool text;
	int ret;

	if (op->kind == KIND_KMEM_CACHE_FREE && vmap_purge_seen(p->pass.tables, op)) {
		if (!p->text_freer || p->text_freer->pid != event->who->pid)
			run_deferred(p, event);
		vmap_purge(p->vm, &p->pass.meter);
	}
	if (!event->where || (!is_begin(op) && !is_end(op)))
		return 0;
	if (!event->entry && is_begin(op) && idmap_get(&p->at, event->where & page_mask(p)) == IDMAP_NONE)
		return adopt(p, event->where & page_mask(p), (event->where & page_mask(p)) + 2 * page_size, VMAP_PERCPU,
			err);
	if (!event->entry)
		return 0;
	text = is_end(op) && frees_text(p, event);
	if (!text)
		run_deferred(p, event);
	ret = is_begin(op) ? begins_in_order(p, event, err) : ends(p, event);
	if (!in_interrupt(event))
		p->text_freer = text ? event->who : NULL;
	return ret;
}

static int find_listed(struct areas_pass *p, struct err *err)
{
	const struct verify_options *options = p->pass.options;
	int ret = 0;

	for (uint32_t i = 0; i < options->nr_states && !p->listed; i++)
		if (options->states[i].state->nr_areas && options->states[i].state->nr_entries)
			p->listed = options->states[i].state;
	if (!p->listed)
		return 0;
	ret = verify_pass_run(&p->pass, note_live, p, err);
	if (ret == 0)
		ret = adopt_listed(p, err);
	return ret;
}

int verify_areas(const struct verify_options *options, struct verify_count *count, struct err *err)
{
	struct areas_pass p = { .count = count };
	int ret = verify_pass_start(&p.pass, options, options->states[0].state, false, err);

	if (ret == 0) {
		p.vm = mm_state(&p.pass.mm, SLOT_VMALLOC);
		ret = find_listed(&p, err);
	}
	if (ret == 0)
		ret = verify_pass_again(&p.pass, err);
	if (ret == 0)
		ret = verify_pass_run(&p.pass, on_event, &p, err);
	idmap_fini(&p.at);
	idmap_fini(&p.before);
	verify_pass_fini(&p.pass);
	return ret;
}
