/*
 * verify_pages: the page allocator by itself. All recorded page events go through it, whoever caused them, and the frame
 * of each allocation is compared. One step at a time the model is put right after each; running freely it never is, and
 * a free gives back what the model had handed out for that allocation.
 *
 * Pages that no event announced (bulk allocations have no frames) are known only when they are freed. One step at a time
 * the frame freed then takes the place of the one the model had chosen; running freely the model's own goes back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/verify_priv.h"

#define PCP_ORDERS 4u /* orders 0 .. PAGE_ALLOC_COSTLY_ORDER have per-CPU lists */

/* What is in a slot. */
struct held {
	pfn_t pfn;       /* PFN_NONE: nothing */
	uint8_t order;
	bool unseen;     /* the model's choice: the recording has no frame */
};

/* Pages that the recording does not show being taken, in the order in which the model hands them out for that. */
struct unseen_log {
	pfn_t *rows;     /* owned */
	uint32_t nr, cap;
};

/* A free that no event showed; the recording's next allocation implies it. */
struct implied_free {
	pfn_t pfn;
	uint8_t order;
};

struct frames {
	struct verify_pass pass;
	struct verify_count *count; /* borrowed */
	bool step;
	bool begun;                 /* the initial state has been reached */
	struct held *held;          /* owned, by slot */
	uint32_t nr_held;
	struct idmap unseen;        /* slot that holds an unseen page, by the model's frame */
	struct unseen_log log;      /* of the event under way, see pass_over() */
	struct idmap pushed;        /* pages freed since the last allocation of any kind */
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

/* What the model should not have taken goes back to the head of its list. */
static void put_back(struct frames *f, pfn_t pfn, unsigned int order, uint32_t cpu)
{
	if (page_alloc_allocated(pages_of(f), pfn, order))
		page_alloc_give(pages_of(f), pfn, order, cpu, &f->pass.meter);
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to verify page frames");
}

static int hold_unseen(struct frames *f, uint32_t slot, pfn_t pfn, struct err *err)
{
	f->held[slot] = (struct held){ .pfn = pfn, .unseen = true };
	return idmap_put(&f->unseen, pfn, slot) < 0 ? no_memory(err) : 0;
}

/*
 * The model had handed out @wrong where the kernel handed out @right. A frame that the model gave to an unseen
 * allocation is exchanged with that. Return: whether the block at @right is handed out for the caller now.
 */
static bool put_right(struct frames *f, pfn_t wrong, pfn_t right, unsigned int order, uint32_t cpu, struct err *err)
{
	struct page_alloc *pa = pages_of(f);
	uint32_t slot = order ? IDMAP_NONE : idmap_remove(&f->unseen, right);

	if (slot != IDMAP_NONE && wrong != PFN_NONE)
		return hold_unseen(f, slot, wrong, err) == 0;
	if (slot != IDMAP_NONE) {
		f->held[slot].pfn = PFN_NONE;
		return true;
	}
	/* The model had it taken by nobody in particular: see pass_over(). */
	if (page_alloc_allocated(pa, right, order)) {
		if (wrong != PFN_NONE)
			put_back(f, wrong, order, cpu);
		return true;
	}
	if (wrong != PFN_NONE && page_alloc_allocated(pa, wrong, order))
		return page_alloc_correct(pa, wrong, right, order, cpu, &f->pass.meter);
	return page_alloc_take_at(pa, right, order, MIGRATE_UNMOVABLE, cpu, &f->pass.meter);
}

static int log_unseen(struct frames *f, pfn_t pfn, struct err *err)
{
	struct unseen_log *log = &f->log;

	if (log->nr == log->cap) {
		uint32_t cap = log->cap ? 2 * log->cap : 256;
		pfn_t *rows = realloc(log->rows, cap * sizeof(*rows));

		if (!rows)
			return no_memory(err);
		log->rows = rows;
		log->cap = cap;
	}
	log->rows[log->nr++] = pfn;
	return 0;
}

/* The page that the next request like @want gets without a refill; PFN_NONE: its per-CPU list is empty. */
static pfn_t list_head(const struct frames *f, const struct page_request *want, pfn_t right)
{
	int zone = page_alloc_zone_of(pages_of(f), right);
	unsigned int mt = want->gfp & GFP_BIT_MOVABLE ? MIGRATE_MOVABLE :
			  want->gfp & GFP_BIT_RECLAIMABLE ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;

	if (zone < 0)
		return PFN_NONE;
	return page_alloc_pcp_first(pages_of(f), (unsigned int)zone, want->order, (enum migratetype)mt, want->cpu);
}

static void give_back(struct frames *f, const struct page_request *want, uint32_t nr_logged)
{
	while (f->log.nr > nr_logged)
		put_back(f, f->log.rows[--f->log.nr], want->order, want->cpu);
}

/*
 * A per-CPU list is taken from its head, so what the model has before the kernel's page had left the kernel's list before:
 * allocations without an event, such as bulk ones before the recording sees them. When the kernel refilled its list, that was
 * empty. These pages, @wrong first, are taken by nobody in particular. Return: the page that the caller has then.
 */
static pfn_t pass_over(struct frames *f, const struct verify_event *event, const struct page_request *want, pfn_t wrong,
	struct err *err)
{
	uint32_t nr_logged = f->log.nr;
	pfn_t pfn = wrong;

	if (want->order >= PCP_ORDERS || wrong == PFN_NONE || page_alloc_last_moved(pages_of(f)))
		return wrong;
	while (pfn != event->where && list_head(f, want, event->where) != PFN_NONE) {
		if (log_unseen(f, pfn, err) < 0)
			return pfn;
		if (page_alloc_take(pages_of(f), want, &pfn, &f->pass.meter) != MM_DONE)
			return PFN_NONE;
	}
	if (pfn != event->where && event->moved) {
		log_unseen(f, pfn, err);
		if (page_alloc_take(pages_of(f), want, &pfn, &f->pass.meter) != MM_DONE)
			pfn = PFN_NONE;
	} else if (pfn != event->where && f->log.nr > nr_logged) {
		put_back(f, pfn, want->order, want->cpu);
		give_back(f, want, nr_logged + 1);
		f->log.nr = nr_logged;
		pfn = wrong;
	}
	return pfn;
}

/* Blocks that a refill of an order's per-CPU list moves (rmqueue_bulk() in rmqueue_pcplist()). */
static uint32_t refill_blocks(uint32_t batch, unsigned int order)
{
	uint32_t blocks = batch >> order;

	return batch < 2 || !order ? batch : blocks < 2 ? 2 : blocks;
}

/*
 * A page leaves a list for an allocation without an event. Return: 1; 0 when another zone or nothing would serve it now, and
 * nothing is taken; a negative code.
 */
static int take_unseen_page(struct frames *f, const struct page_request *want, pfn_t near, struct err *err)
{
	int zone = page_alloc_zone_of(pages_of(f), near);
	pfn_t pfn;

	if (page_alloc_take(pages_of(f), want, &pfn, &f->pass.meter) != MM_DONE)
		return 0;
	if (page_alloc_zone_of(pages_of(f), pfn) != zone) {
		put_back(f, pfn, want->order, want->cpu);
		return 0;
	}
	return log_unseen(f, pfn, err) < 0 ? -(int)err->code : 1;
}

/*
 * The recording shows more blocks moved before this event than serving it can have moved: single unmovable pages for
 * allocations without an event (bulk ones for vmalloc), which emptied their list again and again.
 */
static int take_refilled(struct frames *f, const struct verify_event *event, const struct page_request *want, struct err *err)
{
	struct page_request single = { .gfp = GFP_KERNEL, .cpu = want->cpu, .node = want->node };
	int z = page_alloc_zone_of(pages_of(f), event->where);
	struct zone_stats zone;
	uint32_t own, refills;
	int ret = 1;

	if (z < 0 || !event->moved)
		return 0;
	page_alloc_zone_stats(pages_of(f), (unsigned int)z, &zone);
	if (zone.pcp_batch < 2)
		return 0;
	own = want->order >= PCP_ORDERS ? 1 : refill_blocks(zone.pcp_batch, want->order);
	refills = event->moved / zone.pcp_batch;
	/* One of them, if it is of single pages, is the event's own when its list was empty or could have been. */
	if (want->order == 0 && refills && (list_head(f, want, event->where) == PFN_NONE ||
			!(want->gfp & (GFP_BIT_MOVABLE | GFP_BIT_RECLAIMABLE))))
		refills--;
	else if (want->order && event->moved < own)
		return 0;
	for (; ret > 0 && refills; refills--) {
		while (ret > 0 && list_head(f, &single, event->where) != PFN_NONE)
			ret = take_unseen_page(f, &single, event->where, err);
		if (ret > 0)
			ret = take_unseen_page(f, &single, event->where, err);
	}
	/* Its own refill shows that its list was empty; of single pages it may also have been another's, see pass_over(). */
	if (want->order && want->order < PCP_ORDERS && event->moved % zone.pcp_batch == own % zone.pcp_batch)
		while (ret > 0 && list_head(f, want, event->where) != PFN_NONE)
			ret = take_unseen_page(f, want, event->where, err);
	return ret < 0 ? ret : 0;
}

/* Of the pages passed over since @nr_logged, those that were freed just now are still on the kernel's list. */
static void give_pushed(struct frames *f, const struct page_request *single, uint32_t nr_logged)
{
	struct unseen_log *log = &f->log;
	uint32_t kept = nr_logged;

	for (uint32_t i = log->nr; i-- > nr_logged;)
		if (idmap_get(&f->pushed, log->rows[i]) != IDMAP_NONE)
			put_back(f, log->rows[i], 0, single->cpu);
	for (uint32_t i = nr_logged; i < log->nr; i++)
		if (idmap_get(&f->pushed, log->rows[i]) == IDMAP_NONE)
			log->rows[kept++] = log->rows[i];
	log->nr = kept;
}

/*
 * A page is freed that the model has on a per-CPU list: an allocation without an event had taken it, and before it whatever
 * stood before it on the list. Return: whether it is handed out now.
 */
static bool take_down_to(struct frames *f, const struct verify_event *event, struct err *err)
{
	struct page_request single = { .gfp = GFP_KERNEL, .cpu = (uint16_t)event->cpu, .node = -1 };
	uint32_t nr_logged = f->log.nr;

	while (list_head(f, &single, event->where) != PFN_NONE) {
		if (take_unseen_page(f, &single, event->where, err) <= 0)
			break;
		if (f->log.rows[f->log.nr - 1] == event->where) {
			give_pushed(f, &single, nr_logged);
			return true;
		}
	}
	give_back(f, &single, nr_logged);
	return false;
}

static int imply_free(struct frames *f, pfn_t pfn, uint8_t order, struct err *err)
{
	if (pfn == PFN_NONE)
		return 0;
	if (f->nr_implied == f->cap_implied) {
		uint32_t cap = f->cap_implied ? 2 * f->cap_implied : 64;
		struct implied_free *implied = realloc(f->implied, cap * sizeof(*implied));

		if (!implied)
			return no_memory(err);
		f->implied = implied;
		f->cap_implied = cap;
	}
	f->implied[f->nr_implied++] = (struct implied_free){ pfn, order };
	return 0;
}

static void give_implied(struct frames *f, uint32_t cpu)
{
	for (uint32_t i = 0; i < f->nr_implied; i++)
		if (page_alloc_allocated(pages_of(f), f->implied[i].pfn, f->implied[i].order))
			page_alloc_give(pages_of(f), f->implied[i].pfn, f->implied[i].order, cpu, &f->pass.meter);
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
	page_alloc_describe(pages_of(f), page_alloc_zone_of(pages_of(f), event->where), zone, sizeof(zone));
	if (pfn == PFN_NONE)
		snprintf(first->model, sizeof(first->model), "no page; the kernel's page is %s; %s", where, zone);
	else
		snprintf(first->model, sizeof(first->model), "page %" PRIu64 "; the kernel's page is %s; %s", pfn, where, zone);
}

static struct page_request request_of(const struct frames *f, const struct verify_event *event)
{
	int node = event->op->node;

	return (struct page_request){
		.gfp = event->op->gfp,
		.cpu = (uint16_t)event->cpu,
		.node = (int16_t)(node >= (int)f->pass.options->machine->nr_nodes ? -1 : node),
		.order = event->op->order,
	};
}

static int alloc_event(struct frames *f, const struct verify_event *event, struct err *err)
{
	struct page_request want = request_of(f, event);
	struct held *held = &f->held[event->slot];
	pfn_t pfn = PFN_NONE;
	int ret = 0;

	if (f->step)
		ret = take_refilled(f, event, &want, err);
	if (page_alloc_take(pages_of(f), &want, &pfn, &f->pass.meter) != MM_DONE)
		pfn = PFN_NONE;
	/* What this allocation shows to have been free again was no choice of the model's. */
	if (ret == 0 && event->op->flags & OP_IMPLIED_FREE)
		ret = imply_free(f, held->pfn, held->order, err);
	f->count->checked++;
	f->count->equal += pfn == event->where;
	if (pfn != event->where)
		note_difference(f, event, pfn);
	give_implied(f, event->cpu);
	if (f->step && pfn != event->where)
		pfn = pass_over(f, event, &want, pfn, err);
	if (f->step && pfn != event->where)
		pfn = put_right(f, pfn, event->where, want.order, event->cpu, err) ? event->where : PFN_NONE;
	*held = (struct held){ .pfn = pfn, .order = want.order };
	return ret;
}

static int bulk_add(struct frames *f, uint32_t slot, struct err *err)
{
	if (f->nr_bulk == f->cap_bulk) {
		uint32_t cap = f->cap_bulk ? 2 * f->cap_bulk : 64;
		uint32_t *bulk = realloc(f->bulk, cap * sizeof(*bulk));
		pfn_t *pfns = realloc(f->bulk_pfns, cap * sizeof(*pfns));

		f->bulk = bulk ? bulk : f->bulk;
		f->bulk_pfns = pfns ? pfns : f->bulk_pfns;
		if (!bulk || !pfns)
			return no_memory(err);
		f->cap_bulk = cap;
	}
	f->bulk[f->nr_bulk++] = slot;
	return 0;
}

/* Pages of a bulk call: no frames to compare, but they leave the lists. */
static int bulk_event(struct frames *f, const struct verify_event *event, struct err *err)
{
	struct page_request want = request_of(f, event);
	uint32_t got;
	int ret = bulk_add(f, event->slot, err);

	if (ret < 0 || event->op->flags & OP_BULK_MORE)
		return ret;
	want.order = 0;
	got = page_alloc_take_bulk(pages_of(f), &want, f->nr_bulk, f->bulk_pfns, &f->pass.meter);
	for (uint32_t i = 0; ret == 0 && i < f->nr_bulk; i++)
		if (i < got || page_alloc_take(pages_of(f), &want, &f->bulk_pfns[i], &f->pass.meter) == MM_DONE)
			ret = hold_unseen(f, f->bulk[i], f->bulk_pfns[i], err);
	f->nr_bulk = 0;
	return ret;
}

/* The frame to give back; PFN_NONE: the model has none for it. */
static pfn_t frame_to_free(struct frames *f, const struct verify_event *event, struct held *held, struct err *err)
{
	unsigned int order = event->op->order;
	pfn_t model = held->pfn == PFN_NONE ? PFN_NONE : held->pfn + (event->op->flags & OP_PART ? event->op->arg[1] : 0);

	if (held->unseen && held->pfn != PFN_NONE)
		idmap_remove(&f->unseen, held->pfn);
	if (!f->step || !event->where || model == event->where)
		return model;
	if (!held->unseen)
		model = PFN_NONE;
	if (page_alloc_allocated(pages_of(f), event->where, order)) {
		uint32_t owner = idmap_remove(&f->unseen, event->where);

		if (owner != IDMAP_NONE && model != PFN_NONE)
			hold_unseen(f, owner, model, err);
		else if (owner != IDMAP_NONE)
			f->held[owner].pfn = PFN_NONE;
		return event->where;
	}
	if (model == PFN_NONE && !order && take_down_to(f, event, err))
		return event->where;
	return put_right(f, model, event->where, order, event->cpu, err) ? event->where : PFN_NONE;
}

static int free_event(struct frames *f, const struct verify_event *event, struct err *err)
{
	int ret = 0;
	struct held *held = &f->held[event->slot];
	bool whole = !(event->op->flags & OP_PART) || event->op->flags & OP_LAST;
	pfn_t pfn;

	if (event->op->flags & OP_SYNTHETIC) {
		pfn = held->pfn == PFN_NONE ? PFN_NONE : held->pfn + (event->op->flags & OP_PART ? event->op->arg[1] : 0);
		if (whole)
			held->pfn = PFN_NONE;
		return imply_free(f, pfn, event->op->order, err);
	}
	pfn = frame_to_free(f, event, held, err);
	if (pfn != PFN_NONE && page_alloc_allocated(pages_of(f), pfn, event->op->order))
		page_alloc_give(pages_of(f), pfn, event->op->order, event->cpu, &f->pass.meter);
	if (f->step && pfn != PFN_NONE && !event->op->order && idmap_put(&f->pushed, pfn, 0) < 0)
		ret = no_memory(err);
	if (whole)
		held->pfn = PFN_NONE;
	return ret;
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

static int on_event(void *arg, const struct verify_event *event, struct err *err)
{
	struct frames *f = arg;
	uint32_t kind = event->op->kind;
	bool allocates = kind == KIND_ALLOC_PAGES || kind == KIND_GET_FREE_PAGES || kind == KIND_GET_ZEROED_PAGE;

	if (f->pushed.nr && kind_info[kind].slot == SLOT_BEGINS)
		idmap_fini(&f->pushed);
	if (event->slot == SLOT_NONE || (!allocates && kind != KIND_FREE_PAGES && kind != KIND_ALLOC_PAGES_BULK))
		return 0;
	if (event->older) {
		older_event(f, event);
		return 0;
	}
	if (!f->begun)
		forget_unseen(f);
	f->log.nr = 0;
	if (f->nr_implied && !allocates && !(event->op->flags & OP_SYNTHETIC))
		give_implied(f, event->cpu);
	if (kind == KIND_FREE_PAGES)
		return free_event(f, event, err);
	if (kind == KIND_ALLOC_PAGES_BULK)
		return bulk_event(f, event, err);
	return event->where ? alloc_event(f, event, err) : 0;
}

static int frames_run(struct frames *f, struct err *err)
{
	f->nr_held = trace_meta(f->pass.reader)->slots;
	f->held = malloc(((size_t)f->nr_held + 1) * sizeof(*f->held));
	if (!f->held)
		return no_memory(err);
	for (uint32_t slot = 0; slot < f->nr_held; slot++)
		f->held[slot] = (struct held){ .pfn = PFN_NONE };
	return verify_pass_run(&f->pass, on_event, f, err);
}

int verify_page_frames(const struct verify_options *options, bool step, struct verify_count *count, struct err *err)
{
	struct frames frames = { .count = count, .step = step };
	int ret = verify_pass_start(&frames.pass, options, options->states[0].state, false, err);

	if (ret == 0)
		ret = frames_run(&frames, err);
	free(frames.held);
	free(frames.bulk);
	free(frames.bulk_pfns);
	free(frames.implied);
	free(frames.log.rows);
	idmap_fini(&frames.unseen);
	idmap_fini(&frames.pushed);
	verify_pass_fini(&frames.pass);
	return ret;
}
