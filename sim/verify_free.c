/*
 * verify_free: the page allocator by itself, running freely. All recorded page events go through it, whoever caused
 * them, and the frame of each allocation is compared; the model is never put right. A free gives back what the
 * model had handed out for that allocation.
 *
 * What the recording does not show cannot be modelled, so it is given, as the pass one step at a time has found it
 * out: how many blocks left a list for allocations without an event (struct unseen_take), how many pages were
 * drained by the clock (struct unseen_drain), and before which events boot went on. Which blocks these are is the
 * model's choice here, as all else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "sim/verify_priv.h"

/* What is in a slot. */
struct held {
	pfn_t pfn; /* PFN_NONE: nothing */
	uint8_t order;
};

/* A free that no event showed; the recording's next allocation implies it. */
struct implied_free {
	pfn_t pfn;
	uint8_t order;
};

struct frames {
	struct verify_pass pass;
	struct verify_count *count; /* borrowed */
	struct unseen_log *log;     /* borrowed: rows in the order of .before */
	uint32_t next_unseen, next_drain;
	struct idmap unseen;        /* the model's block for one of the log, by the kernel's */
	struct idmap later;         /* the model's page that is given back at its MOVE_BATCHED, by the kernel's */
	bool begun;                 /* the initial state has been reached */
	struct held *held;          /* owned, by slot */
	uint32_t nr_held;
	uint32_t *bulk;             /* owned: slots of the bulk call under way */
	pfn_t *bulk_pfns;           /* owned */
	uint32_t nr_bulk, cap_bulk;
	struct implied_free *implied; /* owned */
	uint32_t nr_implied, cap_implied;
};

static struct page_alloc *pages_of(const struct frames *f)
{
	return f->pass.mm.pages;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to verify page frames");
}

static void give(struct frames *f, pfn_t pfn, unsigned int order, uint32_t cpu)
{
	if (pfn != PFN_NONE && page_alloc_allocated(pages_of(f), pfn, order))
		page_alloc_give(pages_of(f), pfn, order, cpu, &f->pass.meter);
}

static int imply_free(struct frames *f, pfn_t pfn, uint8_t order, struct err *err)
{
	if (pfn == PFN_NONE)
		return 0;
	if (!array_room(&f->implied, &f->cap_implied, f->nr_implied))
		return no_memory(err);
	f->implied[f->nr_implied++] = (struct implied_free){ pfn, order };
	return 0;
}

static void give_implied(struct frames *f, uint32_t cpu)
{
	for (uint32_t i = 0; i < f->nr_implied; i++)
		give(f, f->implied[i].pfn, f->implied[i].order, cpu);
	f->nr_implied = 0;
}

static void note_difference(struct frames *f, const struct verify_event *event, pfn_t pfn)
{
	struct verify_difference *first = &f->count->first;
	char where[256], zone[1024];

	if (!verify_differ(f->count, event, "order %u, gfp 0x%x on CPU %u: page %" PRIu64, event->op->order,
			(unsigned int)event->op->gfp, event->cpu, event->where))
		return;
	page_alloc_where(pages_of(f), event->where, where, sizeof(where));
	page_alloc_describe(pages_of(f), (unsigned int)page_alloc_zone_of(pages_of(f), event->where), zone,
		sizeof(zone));
	if (pfn == PFN_NONE)
		snprintf(first->model, sizeof(first->model), "no page; the kernel's page is %s; %s", where, zone);
	else
		snprintf(first->model, sizeof(first->model), "page %" PRIu64 "; the kernel's page is %s; %s", pfn,
			where, zone);
}

static int alloc_event(struct frames *f, const struct verify_event *event, struct err *err)
{
	struct page_request want = verify_page_request(&f->pass, event);
	struct held *held = &f->held[event->slot];
	pfn_t pfn = PFN_NONE;
	int ret = 0;

	if (page_alloc_take(pages_of(f), &want, &pfn, &f->pass.meter) != MM_DONE)
		pfn = PFN_NONE;
	/* What this allocation shows to have been free again was no choice of the model's. */
	if (event->op->flags & OP_IMPLIED_FREE)
		ret = imply_free(f, held->pfn, held->order, err);
	f->count->checked++;
	f->count->equal += pfn == event->where;
	if (pfn != event->where)
		note_difference(f, event, pfn);
	give_implied(f, event->cpu);
	*held = (struct held){ .pfn = pfn, .order = want.order };
	return ret;
}

static int bulk_add(struct frames *f, uint32_t slot, struct err *err)
{
	if (f->nr_bulk == f->cap_bulk) {
		uint32_t cap = array_bigger(f->cap_bulk, f->nr_bulk);

		if (!array_resize(&f->bulk, sizeof(*f->bulk), cap) ||
			!array_resize(&f->bulk_pfns, sizeof(*f->bulk_pfns), cap))
			return no_memory(err);
		f->cap_bulk = cap;
	}
	f->bulk[f->nr_bulk++] = slot;
	return 0;
}

/* Pages of a bulk call: no frames to compare, but they leave the lists. */
static int bulk_event(struct frames *f, const struct verify_event *event, struct err *err)
{
	struct page_request want = verify_page_request(&f->pass, event);
	uint32_t got;
	int ret = bulk_add(f, event->slot, err);

	if (ret < 0 || event->op->flags & OP_BULK_MORE)
		return ret;
	want.order = 0;
	page_alloc_set_policy(pages_of(f), verify_policy(&f->pass, event));
	got = page_alloc_take_bulk(pages_of(f), &want, f->nr_bulk, f->bulk_pfns, &f->pass.meter);
	for (uint32_t i = 0; i < f->nr_bulk; i++)
		if (i < got || page_alloc_take(pages_of(f), &want, &f->bulk_pfns[i], &f->pass.meter) == MM_DONE)
			f->held[f->bulk[i]] = (struct held){ .pfn = f->bulk_pfns[i] };
	page_alloc_set_policy(pages_of(f), NULL);
	f->nr_bulk = 0;
	return 0;
}

static int free_event(struct frames *f, const struct verify_event *event, struct err *err)
{
	struct held *held = &f->held[event->slot];
	pfn_t pfn = held->pfn == PFN_NONE ? PFN_NONE : held->pfn + (event->op->flags & OP_PART ? event->op->arg[1] : 0);
	uint32_t unseen = event->where ? idmap_remove(&f->unseen, event->where) : IDMAP_NONE;

	if (!(event->op->flags & OP_PART) || event->op->flags & OP_LAST)
		held->pfn = PFN_NONE;
	if (unseen != IDMAP_NONE && pfn == PFN_NONE)
		pfn = unseen;
	if (event->op->flags & OP_SYNTHETIC)
		return imply_free(f, pfn, event->op->order, err);
	if (event->later && pfn != PFN_NONE && pfn < IDMAP_NONE)
		return idmap_put(&f->later, event->where, (uint32_t)pfn) < 0 ? no_memory(err) : 0;
	give(f, pfn, event->op->order, event->cpu);
	return 0;
}

static int on_move(void *arg, const struct trace_move *move, struct err *err)
{
	struct frames *f = arg;
	uint32_t pfn = move->kind == MOVE_BATCHED ? idmap_remove(&f->later, move->pfn) : IDMAP_NONE;

	(void)err;
	if (pfn != IDMAP_NONE)
		give(f, pfn, 0, move->cpu);
	return 0;
}

/* Blocks that have left their lists before event @number without an event of their own. */
static int take_unseen(struct frames *f, uint64_t number, struct err *err)
{
	static const gfp_t gfp_of[MIGRATE_PCPTYPES] = { [MIGRATE_UNMOVABLE] = GFP_KERNEL,
		[MIGRATE_MOVABLE] = GFP_KERNEL | GFP_BIT_MOVABLE,
		[MIGRATE_RECLAIMABLE] = GFP_KERNEL | GFP_BIT_RECLAIMABLE };

	for (; f->next_unseen < f->log->nr && f->log->rows[f->next_unseen].before <= number; f->next_unseen++) {
		const struct unseen_take *take = &f->log->rows[f->next_unseen];
		struct zone_stats zone;
		struct page_request want = {
			.gfp = gfp_of[take->mt % MIGRATE_PCPTYPES],
			.cpu = take->cpu,
			.order = take->order,
		};
		pfn_t pfn;

		page_alloc_zone_stats(pages_of(f), take->zone, &zone);
		want.node = (int16_t)zone.node;
		if (page_alloc_take(pages_of(f), &want, &pfn, &f->pass.meter) == MM_DONE &&
			idmap_put(&f->unseen, take->pfn, (uint32_t)pfn) < 0)
			return no_memory(err);
	}
	return 0;
}

/* What was drained before event @number without a free that caused it. */
static void drain_unseen(struct frames *f, uint64_t number)
{
	for (; f->next_drain < f->log->nr_drains && f->log->drains[f->next_drain].before <= number; f->next_drain++) {
		const struct unseen_drain *drain = &f->log->drains[f->next_drain];

		page_alloc_drain_pages(pages_of(f), drain->zone, drain->cpu, drain->pages, &f->pass.meter);
	}
}

/* Before the initial state: who is in the slot then is all that counts. */
static void older_event(struct frames *f, const struct verify_event *event)
{
	struct held *held = &f->held[event->slot];

	if (kind_info[event->op->kind].slot == SLOT_BEGINS)
		*held = (struct held){ .pfn = event->where ? event->where : PFN_NONE, .order = event->op->order };
	else if (!(event->op->flags & OP_PART) || event->op->flags & OP_LAST)
		held->pfn = PFN_NONE;
}

/* What is not handed out in the initial state was allocated later, unseen. */
static void forget_unseen(struct frames *f)
{
	for (uint32_t slot = 0; slot < f->nr_held; slot++) {
		struct held *held = &f->held[slot];

		if (held->pfn != PFN_NONE && !page_alloc_allocated(pages_of(f), held->pfn, held->order))
			held->pfn = PFN_NONE;
	}
	f->begun = true;
}

static void go_on_booting(struct frames *f, uint64_t number)
{
	if (f->pass.stage == BOOT_PAGESETS_NEXT && number >= f->log->pagesets_at) {
		page_alloc_setup_pagesets(pages_of(f));
		f->pass.stage = BOOT_MARKS_NEXT;
	}
	if (f->pass.stage == BOOT_MARKS_NEXT && number >= f->log->marks_at) {
		page_alloc_setup_marks(pages_of(f));
		f->pass.stage = BOOT_OVER;
	}
}

static int page_event(struct frames *f, const struct verify_event *event, struct err *err)
{
	uint32_t kind = event->op->kind;
	bool allocates = kind == KIND_ALLOC_PAGES || kind == KIND_GET_FREE_PAGES || kind == KIND_GET_ZEROED_PAGE;

	if (event->slot == SLOT_NONE || (!allocates && kind != KIND_FREE_PAGES && kind != KIND_ALLOC_PAGES_BULK))
		return 0;
	if (event->older) {
		older_event(f, event);
		return 0;
	}
	if (!f->begun)
		forget_unseen(f);
	if (f->nr_implied && !allocates && !(event->op->flags & OP_SYNTHETIC))
		give_implied(f, event->cpu);
	if (kind == KIND_FREE_PAGES)
		return free_event(f, event, err);
	if (kind == KIND_ALLOC_PAGES_BULK)
		return bulk_event(f, event, err);
	return event->where ? alloc_event(f, event, err) : 0;
}

static int on_event(void *arg, const struct verify_event *event, struct err *err)
{
	struct frames *f = arg;
	int ret;

	if (!event->older && f->pass.stage != BOOT_OVER)
		go_on_booting(f, event->event_no);
	ret = event->older ? 0 : take_unseen(f, event->event_no, err);
	if (ret == 0 && !event->older)
		drain_unseen(f, event->event_no);
	return ret < 0 ? ret : page_event(f, event, err);
}

static int frames_run(struct frames *f, struct err *err)
{
	f->nr_held = trace_meta(f->pass.reader)->slots;
	f->held = malloc(((size_t)f->nr_held + 1) * sizeof(*f->held));
	if (!f->held)
		return no_memory(err);
	for (uint32_t slot = 0; slot < f->nr_held; slot++)
		f->held[slot] = (struct held){ .pfn = PFN_NONE };
	unseen_sort(f->log);
	f->pass.on_move = on_move;
	f->pass.drains_told = true;
	return verify_pass_run(&f->pass, on_event, f, err);
}

int verify_pages_free(const struct verify_options *options, struct unseen_log *log, struct verify_count *count,
	struct err *err)
{
	struct frames frames = { .count = count, .log = log };
	int ret = verify_pass_start(&frames.pass, options, options->states[0].state, false, err);

	if (ret == 0)
		ret = frames_run(&frames, err);
	free(frames.held);
	free(frames.bulk);
	free(frames.bulk_pfns);
	free(frames.implied);
	idmap_fini(&frames.unseen);
	idmap_fini(&frames.later);
	verify_pass_fini(&frames.pass);
	return ret;
}
