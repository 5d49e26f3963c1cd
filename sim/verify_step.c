/*
 * verify_step: the page allocator by itself, one step at a time. The model, right up to the event before, chooses the frame of
 * each page allocation by its own mechanisms; the two are compared; then the model is put right by all that the recording shows
 * up to and with that event: which blocks a refill or a flush moved, which page was handed out.
 *
 * What moved comes before the allocation that needed it and behind the free that caused it, so both wait until their CPU tells
 * of something else: see settle().
 *
 * A refill shows that the list was empty before it: what the model still has there was taken without an event (bulk
 * allocations for vmalloc, before the recording sees them). That is no choice of the allocator's, so it is known before the
 * model chooses; which blocks refill the list is its choice, so it is not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/verify_priv.h"

/* What a CPU's recording has told that is not over yet. */
struct cpu_step {
	struct trace_move *moves; /* owned: refilled blocks, or flushed ones */
	uint32_t nr, cap;
	pfn_t freed;              /* the free that they follow, PFN_NONE: none */
	uint8_t freed_order;
	struct unseen_cpu lists;
	uint32_t unseen[MACHINE_MAX_NODES]; /* pages taken without an event since a bulk call began, by node */
	bool in_bulk;
	uint32_t bulk;            /* pages of the bulk call that ends */
};

struct step {
	struct verify_pass pass;
	struct verify_count *pages, *refills, *drains; /* borrowed */
	struct unseen_log *log;   /* borrowed */
	struct cpu_step *cpus;    /* owned */
	uint64_t event_no;        /* of the event next to come */
	ns_t time_ns;
};

static struct page_alloc *pages_of(const struct step *s)
{
	return s->pass.mm.pages;
}

static enum migratetype type_of(gfp_t gfp)
{
	return gfp & GFP_BIT_MOVABLE ? MIGRATE_MOVABLE : gfp & GFP_BIT_RECLAIMABLE ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
}

static bool has_list(const struct step *s, unsigned int order)
{
	const struct machine_page_allocator *config = &s->pass.options->machine->page_allocator;

	return order < PCP_ORDERS || (config->transparent_hugepage && order == config->pageblock_order);
}

/* Of @nr blocks the model chose, or would have chosen, @equal; @chosen is its first. */
static void count_blocks(const struct step *s, struct verify_count *count, const struct trace_move *move, uint32_t nr,
	uint32_t equal, const char *what, pfn_t chosen)
{
	struct verify_event event = { .event_no = s->event_no, .time_ns = s->time_ns };

	count->checked += nr;
	count->equal += equal;
	if (equal == nr || !verify_differ(count, &event, "%s of order %u, type %u on CPU %u: block %" PRIu64, what, move->order,
			move->mt, move->cpu, move->pfn))
		return;
	if (chosen == PFN_NONE)
		snprintf(count->first.model, sizeof(count->first.model), "no block");
	else
		snprintf(count->first.model, sizeof(count->first.model), "block %" PRIu64, chosen);
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to verify page frames");
}

/* A block had left its list without an event: see struct unseen_take. Those of a bulk call are counted by its event. */
static int log_unseen(struct step *s, uint32_t number, pfn_t pfn, uint8_t order, enum migratetype mt, struct err *err)
{
	struct cpu_step *cpu = &s->cpus[number];
	struct unseen_take take = {
		.before = s->event_no,
		.pfn = pfn,
		.cpu = (uint16_t)number,
		.zone = (uint8_t)page_alloc_zone_of(pages_of(s), pfn),
		.order = order,
		.mt = (uint8_t)mt,
	};

	cpu->unseen[page_alloc_node_of(pages_of(s), pfn)] += 1u << order;
	return cpu->in_bulk ? 0 : unseen_add(s->log, &cpu->lists, &take, err);
}

/* What stands on a list in front of @until left it unseen; PFN_NONE: all of it. */
static int take_unseen(struct step *s, unsigned int zone, unsigned int list, uint32_t number, pfn_t until, enum migratetype mt,
	struct err *err)
{
	int ret = 0;
	uint8_t order;
	pfn_t pfn;

	while (ret == 0 && (pfn = page_alloc_take_first(pages_of(s), zone, list, number, &order, &s->pass.meter)) != PFN_NONE &&
		pfn != until)
		ret = log_unseen(s, number, pfn, order, mt, err);
	return ret;
}

/* One refill of a list, with @nr blocks. */
static int settle_refill(struct step *s, struct cpu_step *cpu, const struct trace_move *moves, uint32_t nr, struct err *err)
{
	pfn_t *pfns = malloc(nr * sizeof(*pfns));
	enum migratetype mt = (enum migratetype)moves->mt;
	struct page_refill refill;
	uint64_t event_no = s->event_no;
	int ret;

	if (!pfns)
		return no_memory(err);
	for (uint32_t i = 0; i < nr; i++)
		pfns[i] = moves[i].pfn;
	s->event_no = moves->before; /* it may be settled later */
	ret = take_unseen(s, (unsigned int)page_alloc_zone_of(pages_of(s), pfns[0]), page_alloc_list(moves->order, mt), moves->cpu,
		PFN_NONE, mt, err);
	page_alloc_refill_recorded(pages_of(s), pfns, nr, moves->order, mt, moves->cpu, &refill, &s->pass.meter);
	count_blocks(s, s->refills, moves, nr, refill.equal, "refill", refill.first);
	cpu->lists.lists[page_alloc_list(moves->order, mt)] = (struct unseen_list){
		moves->before ? moves->before - 1 : 0, pfns[0], refill.first, moves->before };
	s->event_no = event_no;
	free(pfns);
	return ret;
}

static void set_marks(struct step *s)
{
	page_alloc_setup_marks(pages_of(s));
	s->log->marks_at = s->event_no;
	s->pass.stage = BOOT_OVER;
}

/* Boot goes on before what shows it: lists that are refilled with several blocks; with more than they were before. */
static void settle_boot(struct step *s, const struct trace_move *moves, uint32_t nr)
{
	struct page_alloc *pa = pages_of(s);
	unsigned int zone = (unsigned int)page_alloc_zone_of(pa, moves->pfn);

	if (s->pass.stage == BOOT_PAGESETS_NEXT && nr >= 2) {
		page_alloc_setup_pagesets(pa);
		s->log->pagesets_at = s->event_no;
		s->pass.stage = BOOT_MARKS_NEXT;
	}
	if (s->pass.stage == BOOT_MARKS_NEXT && nr % page_alloc_refill_blocks(pa, zone, moves->order) &&
		nr % page_alloc_marks_blocks(pa, zone, moves->order) == 0)
		set_marks(s);
}

static int settle_refills(struct step *s, struct cpu_step *cpu, struct err *err)
{
	unsigned int zone = (unsigned int)page_alloc_zone_of(pages_of(s), cpu->moves->pfn);
	uint32_t most;
	int ret = 0;

	if (s->pass.stage != BOOT_OVER)
		settle_boot(s, cpu->moves, cpu->nr);
	most = page_alloc_refill_blocks(pages_of(s), zone, cpu->moves->order);
	for (uint32_t i = 0, nr; ret == 0 && i < cpu->nr; i += nr) {
		nr = cpu->nr - i < most ? cpu->nr - i : most;
		ret = settle_refill(s, cpu, cpu->moves + i, nr, err);
	}
	return ret;
}

/* What is freed was not handed out in the model: somebody had taken it unseen. */
static bool see_taken(struct step *s, pfn_t pfn, unsigned int order, uint32_t cpu)
{
	struct page_alloc *pa = pages_of(s);

	if (page_alloc_zone_of(pa, pfn) < 0 || order >= PAGE_MAX_ORDERS)
		return false;
	if (page_alloc_allocated(pa, pfn, order) ||
		page_alloc_take_at(pa, pfn, order, MIGRATE_UNMOVABLE, cpu, &s->pass.meter))
		return true;
	for (pfn_t p = pfn; order && p < pfn + (1ull << order); p++)
		if (!page_alloc_allocated(pa, p, 0))
			page_alloc_take_at(pa, p, 0, MIGRATE_UNMOVABLE, cpu, &s->pass.meter);
	return page_alloc_allocated(pa, pfn, order);
}

/* A flush empties one list after the other: when it moves a block of @list, those from @from on up to it are empty. */
static int see_empty(struct step *s, unsigned int zone, uint32_t number, unsigned int from, unsigned int list, struct err *err)
{
	int ret = 0;

	for (; ret == 0 && from != list; from = (from + 1) % PCP_LISTS)
		ret = take_unseen(s, zone, from, number, PFN_NONE, (enum migratetype)(from % MIGRATE_PCPTYPES), err);
	return ret;
}

/* A free, and the blocks that it flushed; or blocks that were drained for another reason. */
static int settle_flush(struct step *s, struct cpu_step *cpu, uint32_t number, struct err *err)
{
	struct page_alloc *pa = pages_of(s);
	uint32_t flushed = 0, list = 0, expected = 0;
	bool caused = cpu->freed != PFN_NONE;
	int ret = 0;

	for (uint32_t i = 0; i < cpu->nr; i++)
		flushed += 1u << cpu->moves[i].order;
	if (caused && see_taken(s, cpu->freed, cpu->freed_order, number)) {
		expected = page_alloc_give_recorded(pa, cpu->freed, cpu->freed_order, number, flushed, &s->pass.meter);
		list = page_alloc_list_of(pa, cpu->freed);
		ret = unseen_free(s->log, &cpu->lists, cpu->freed, s->event_no ? s->event_no - 1 : 0, expected && !flushed, err);
	}
	for (uint32_t i = 0; ret == 0 && i < cpu->nr; i++) {
		const struct trace_move *move = &cpu->moves[i];
		int zone = page_alloc_zone_of(pa, move->pfn);
		pfn_t next;

		if (zone < 0)
			continue;
		if (!caused)
			ret = unseen_drained(s->log, &(struct unseen_drain){ .before = move->before, .pages = 1u << move->order,
				.cpu = (uint16_t)number, .zone = (uint8_t)zone }, err);
		next = page_alloc_flush_next(pa, (unsigned int)zone, list, number);
		if (caused)
			count_blocks(s, s->drains, move, 1, expected && next == move->pfn, "flush", expected ? next : PFN_NONE);
		expected -= expected < 1u << move->order ? expected : 1u << move->order;
		if (caused)
			ret = see_empty(s, (unsigned int)zone, number, list,
				page_alloc_list(move->order, (enum migratetype)move->mt), err);
		list = page_alloc_list(move->order, (enum migratetype)move->mt);
		page_alloc_flush_recorded(pa, move->pfn, move->order, (enum migratetype)move->mt, number, &s->pass.meter);
	}
	cpu->freed = PFN_NONE;
	return ret;
}

/* The CPU tells of something else: what it told before is whole. */
static int settle(struct step *s, uint32_t number, struct err *err)
{
	struct cpu_step *cpu = &s->cpus[number];
	int ret = 0;

	if (cpu->nr && cpu->moves->kind == MOVE_REFILL)
		ret = settle_refills(s, cpu, err);
	else if (cpu->nr || cpu->freed != PFN_NONE)
		ret = settle_flush(s, cpu, number, err);
	cpu->nr = 0;
	return ret;
}

static int add_move(struct cpu_step *cpu, const struct trace_move *move, struct err *err)
{
	if (!array_room(&cpu->moves, &cpu->cap, cpu->nr))
		return no_memory(err);
	cpu->moves[cpu->nr++] = *move;
	return 0;
}

/* Whether the move belongs to what its CPU told last. */
static bool goes_on(const struct step *s, const struct cpu_step *cpu, const struct trace_move *move)
{
	const struct trace_move *first = cpu->moves;

	if (!cpu->nr)
		return move->kind == MOVE_DRAIN;
	if (move->kind != first->kind)
		return false;
	return move->kind == MOVE_DRAIN || (move->order == first->order && move->mt == first->mt &&
		page_alloc_zone_of(pages_of(s), move->pfn) == page_alloc_zone_of(pages_of(s), first->pfn));
}

/* The zone's lock was taken: what other CPUs moved under it is over. */
static int settle_others(struct step *s, const struct trace_move *move, struct err *err)
{
	int zone = page_alloc_zone_of(pages_of(s), move->pfn), ret = 0;

	for (uint32_t i = 0; ret == 0 && i < s->pass.options->machine->cpus; i++)
		if (i != move->cpu && s->cpus[i].nr && page_alloc_zone_of(pages_of(s), s->cpus[i].moves->pfn) == zone)
			ret = settle(s, i, err);
	return ret;
}

/* The page goes to the CPU's list, or at once to the free lists. */
static int free_page(struct step *s, uint32_t number, pfn_t pfn, uint8_t order, struct err *err)
{
	int ret = settle(s, number, err);

	if (ret < 0)
		return ret;
	if (has_list(s, order)) {
		s->cpus[number].freed = pfn;
		s->cpus[number].freed_order = order;
	} else if (see_taken(s, pfn, order, number)) {
		page_alloc_give(pages_of(s), pfn, order, number, &s->pass.meter);
	}
	return 0;
}

/* A damaged or foreign trace may tell anything. */
static bool is_possible(const struct step *s, const struct trace_move *move)
{
	if (page_alloc_zone_of(pages_of(s), move->pfn) < 0 || move->order >= PAGE_MAX_ORDERS || move->mt >= NR_MIGRATETYPES)
		return false;
	return move->kind != MOVE_REFILL || (has_list(s, move->order) && move->mt < MIGRATE_PCPTYPES);
}

static int on_move(void *arg, const struct trace_move *move, struct err *err)
{
	struct step *s = arg;
	struct cpu_step *cpu = &s->cpus[move->cpu];
	int ret = 0;

	if (move->kind == MOVE_SLEEP) {
		if (s->pass.stage == BOOT_MARKS_NEXT)
			set_marks(s);
		return 0;
	}
	if (move->kind == MOVE_BULK) {
		ret = settle(s, move->cpu, err);
		memset(cpu->unseen, 0, sizeof(cpu->unseen));
		cpu->in_bulk = true;
		return ret;
	}
	if (!is_possible(s, move))
		return 0;
	if (move->kind == MOVE_BATCHED)
		return free_page(s, move->cpu, move->pfn, 0, err);
	ret = settle_others(s, move, err);
	if (ret == 0 && !goes_on(s, cpu, move))
		ret = settle(s, move->cpu, err);
	return ret < 0 || move->kind == MOVE_TAKE ? ret : add_move(cpu, move, err);
}

static void note_difference(struct step *s, const struct verify_event *event, pfn_t pfn)
{
	struct verify_difference *first = &s->pages->first;
	char where[256], zone[1024], *text = first->model;

	if (!verify_differ(s->pages, event, "order %u, gfp 0x%x on CPU %u: page %" PRIu64, event->op->order,
			(unsigned int)event->op->gfp, event->cpu, event->where))
		return;
	page_alloc_where(pages_of(s), event->where, where, sizeof(where));
	page_alloc_describe(pages_of(s), (unsigned int)page_alloc_zone_of(pages_of(s), event->where), zone, sizeof(zone));
	if (pfn == PFN_NONE)
		snprintf(text, sizeof(first->model), "no page; the kernel's page is %s; %s", where, zone);
	else
		snprintf(text, sizeof(first->model), "page %" PRIu64 "; the kernel's page is %s; %s", pfn, where, zone);
}

/* The model handed out @wrong for @want, or nothing; the kernel handed out @right. */
static int put_right(struct step *s, const struct page_request *want, pfn_t wrong, pfn_t right, struct err *err)
{
	struct page_alloc *pa = pages_of(s);
	enum migratetype mt = type_of(want->gfp);
	bool refilled = page_alloc_last_moved(pa) > 0 && has_list(s, want->order);
	int zone = wrong == PFN_NONE ? -1 : page_alloc_zone_of(pa, wrong), ret = 0;
	unsigned int list = has_list(s, want->order) ? page_alloc_list(want->order, mt) : 0;

	if (page_alloc_pcp_position(pa, right, want->order, mt, want->cpu) >= 0) {
		/* What stood before it had left the kernel's list unseen, @wrong too if that is where it was. */
		bool gone = zone >= 0 && !refilled && zone == page_alloc_zone_of(pa, right);

		if (gone)
			ret = log_unseen(s, want->cpu, wrong, want->order, mt, err);
		if (ret == 0)
			ret = take_unseen(s, (unsigned int)page_alloc_zone_of(pa, right), list, want->cpu, right, mt, err);
		if (zone >= 0 && !gone)
			page_alloc_put_back(pa, wrong, want->order, want->cpu, &s->pass.meter);
	} else if (zone < 0) {
		page_alloc_take_at(pa, right, want->order, mt, want->cpu, &s->pass.meter);
	} else {
		page_alloc_correct(pa, wrong, right, want->order, want->cpu, &s->pass.meter);
	}
	/* The kernel did not refill. */
	if (refilled && zone >= 0)
		page_alloc_empty_list(pa, (unsigned int)zone, want->order, mt, want->cpu, &s->pass.meter);
	return ret;
}

static int alloc_event(struct step *s, const struct verify_event *event, struct err *err)
{
	struct cpu_step *cpu = &s->cpus[event->cpu];
	struct page_request want = verify_page_request(&s->pass, event);
	struct unseen_list *last;
	pfn_t pfn, chosen;
	int ret = 0;

	if (page_alloc_take(pages_of(s), &want, &pfn, &s->pass.meter) != MM_DONE)
		pfn = PFN_NONE;
	/* The recorded refill has taken the place of the model's. */
	last = has_list(s, want.order) ? &cpu->lists.lists[page_alloc_list(want.order, type_of(want.gfp))] : NULL;
	chosen = last && pfn != PFN_NONE && pfn == last->first ? last->chosen : pfn;
	s->pages->checked++;
	s->pages->equal += chosen == event->where;
	if (chosen != event->where)
		note_difference(s, event, chosen);
	if (pfn != event->where)
		ret = put_right(s, &want, pfn, event->where, err);
	if (last) {
		last->first = PFN_NONE;
		last->since = event->event_no;
	}
	return ret;
}

/* @pages of a bulk call from one node: those that no refill showed leave the list. */
static void take_bulk_share(struct step *s, const struct page_request *want, uint32_t pages)
{
	int zone = page_alloc_preferred_zone(pages_of(s), want);
	struct zone_stats stats;
	uint8_t order;

	if (zone < 0)
		return;
	page_alloc_zone_stats(pages_of(s), (unsigned int)zone, &stats);
	for (; pages > s->cpus[want->cpu].unseen[stats.node] && page_alloc_take_first(pages_of(s), (unsigned int)zone, page_alloc_list(0, type_of(want->gfp)),
			want->cpu, &order, &s->pass.meter) != PFN_NONE; pages--)
		;
}

/* The call's pages have no events: they leave their lists now. */
static void bulk_event(struct step *s, const struct verify_event *event)
{
	struct cpu_step *cpu = &s->cpus[event->cpu];
	struct page_request want = verify_page_request(&s->pass, event);
	struct mempolicy *policy = want.node < 0 ? verify_policy(&s->pass, event) : NULL;
	uint32_t nodes = policy ? policy->nr : 1;

	cpu->bulk++;
	if (event->op->flags & OP_BULK_MORE)
		return;
	want.order = 0;
	for (uint32_t i = 0; i < nodes; i++) {
		if (policy)
			want.node = (int16_t)mempolicy_next(policy);
		take_bulk_share(s, &want, cpu->bulk / nodes + (i < cpu->bulk % nodes));
	}
	cpu->bulk = 0;
	memset(cpu->unseen, 0, sizeof(cpu->unseen));
	cpu->in_bulk = false;
}

static int on_event(void *arg, const struct verify_event *event, struct err *err)
{
	struct step *s = arg;
	int ret;

	s->event_no = event->event_no;
	s->time_ns = event->time_ns;
	if (event->older || event->op->flags & OP_SYNTHETIC)
		return 0;
	switch (event->op->kind) {
	case KIND_ALLOC_PAGES:
	case KIND_GET_FREE_PAGES:
	case KIND_GET_ZEROED_PAGE:
		ret = settle(s, event->cpu, err);
		if (ret == 0 && event->where)
			ret = alloc_event(s, event, err);
		return ret;
	case KIND_ALLOC_PAGES_BULK:
		ret = settle(s, event->cpu, err);
		if (ret == 0 && event->slot != SLOT_NONE)
			bulk_event(s, event);
		return ret;
	case KIND_FREE_PAGES:
		return event->where && !event->later ? free_page(s, event->cpu, event->where, event->op->order, err) : 0;
	default:
		return 0;
	}
}

int verify_pages_step(const struct verify_options *options, struct verify_count *pages, struct verify_count *refills,
	struct verify_count *drains, struct unseen_log *log, struct err *err)
{
	struct step s = { .pages = pages, .refills = refills, .drains = drains, .log = log };
	int ret = verify_pass_start(&s.pass, options, options->states[0].state, false, err);

	if (ret == 0 && !(s.cpus = calloc(options->machine->cpus, sizeof(*s.cpus))))
		ret = no_memory(err);
	for (uint32_t i = 0; s.cpus && i < options->machine->cpus; i++) {
		s.cpus[i].freed = PFN_NONE;
		unseen_cpu_init(&s.cpus[i].lists);
	}
	if (ret == 0) {
		s.pass.on_move = on_move;
		s.pass.drains_told = true;
		ret = verify_pass_run(&s.pass, on_event, &s, err);
	}
	for (uint32_t i = 0; s.cpus && i < options->machine->cpus; i++) {
		free(s.cpus[i].moves);
		unseen_cpu_fini(&s.cpus[i].lists);
	}
	free(s.cpus);
	verify_pass_fini(&s.pass);
	return ret;
}
