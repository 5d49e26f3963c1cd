/*
 * verify_step: the page allocator by itself, one step at a time. The model, right up to the event before, chooses
 * the frame of each page allocation by its own mechanisms; the two are compared; then the model is put right by all
 * that the recording shows up to and with that event: which blocks a refill or a flush moved, which page was handed
 * out.
 *
 * What moved comes before the allocation that needed it and behind the free that
 * caused it, so both wait until their CPU tells of something else: see step_settle().
 *
 * A refill shows that the list was empty before it: what the model still has there was taken without an event (bulk
 * allocations for vmalloc, before the recording sees them). That is no choice of the allocator's, so it is known
 * before the model chooses; which blocks refill the list is its choice, so it is not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verify_step_priv.h"

static enum migratetype type_of(gfp_t gfp)
{
	return gfp & GFP_BIT_MOVABLE      ? MIGRATE_MOVABLE :
		gfp & GFP_BIT_RECLAIMABLE ? MIGRATE_RECLAIMABLE :
					    MIGRATE_UNMOVABLE;
}

static void note_difference(struct step *s, const struct verify_event *event, pfn_t pfn)
{
	struct verify_difference *first = &s->pages->first;
	char where[256], zone[1024], *text = first->model;

	if (!verify_differ(s->pages, event, "order %u, gfp 0x%x on CPU %u: page %" PRIu64, event->op->order,
			(unsigned int)event->op->gfp, event->cpu, event->where))
		return;
	page_alloc_where(step_pages(s), event->where, where, sizeof(where));
	page_alloc_describe(step_pages(s), (unsigned int)page_alloc_zone_of(step_pages(s), event->where), zone,
		sizeof(zone));
	if (pfn == PFN_NONE)
		snprintf(text, sizeof(first->model), "no page; the kernel's page is %s; %s", where, zone);
	else
		snprintf(text, sizeof(first->model), "page %" PRIu64 "; the kernel's page is %s; %s", pfn, where, zone);
}

/* The model handed out @wrong for @want, or nothing; the kernel handed out @right. */
static int put_right(struct step *s, const struct page_request *want, pfn_t wrong, pfn_t right, struct err *err)
{
	struct page_alloc *pa = step_pages(s);
	enum migratetype mt = type_of(want->gfp);
	bool refilled = page_alloc_last_moved(pa) > 0 && step_has_list(s, want->order);
	int zone = wrong == PFN_NONE ? -1 : page_alloc_zone_of(pa, wrong), ret = 0;
	unsigned int list = step_has_list(s, want->order) ? page_alloc_list(want->order, mt) : 0;

	if (page_alloc_pcp_position(pa, right, want->order, mt, want->cpu) >= 0) {
		/* What stood before it had left the kernel's list unseen, @wrong too if that is where it was. */
		bool gone = zone >= 0 && !refilled && zone == page_alloc_zone_of(pa, right);

		if (gone)
			ret = step_log_unseen(s, want->cpu, wrong, want->order, mt, err);
		if (ret == 0)
			ret = step_take_unseen(s, (unsigned int)page_alloc_zone_of(pa, right), list, want->cpu, right,
				mt, err);
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
	struct step_cpu *cpu = &s->cpus[event->cpu];
	struct page_request want = verify_page_request(&s->pass, event);
	struct unseen_list *last;
	pfn_t pfn, chosen;
	int ret = 0;

	if (page_alloc_take(step_pages(s), &want, &pfn, &s->pass.meter) != MM_DONE)
		pfn = PFN_NONE;
	/* The recorded refill has taken the place of the model's. */
	last = step_has_list(s, want.order) ? &cpu->lists.lists[page_alloc_list(want.order, type_of(want.gfp))] : NULL;
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
	int zone = page_alloc_preferred_zone(step_pages(s), want);
	struct zone_stats stats;
	uint8_t order;

	if (zone < 0)
		return;
	page_alloc_zone_stats(step_pages(s), (unsigned int)zone, &stats);
	for (; pages > s->cpus[want->cpu].unseen[stats.node] && page_alloc_take_first(step_pages(s), (unsigned int)zone,
			page_alloc_list(0, type_of(want->gfp)), want->cpu, &order, &s->pass.meter) != PFN_NONE; pages--)
		;
}

/* The call's pages have no events: they leave their lists now. */
static void bulk_event(struct step *s, const struct verify_event *event)
{
	struct step_cpu *cpu = &s->cpus[event->cpu];
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
		ret = step_settle(s, event->cpu, err);
		if (ret == 0 && event->where)
			ret = alloc_event(s, event, err);
		return ret;
	case KIND_ALLOC_PAGES_BULK:
		ret = step_settle(s, event->cpu, err);
		if (ret == 0 && event->slot != SLOT_NONE)
			bulk_event(s, event);
		return ret;
	case KIND_FREE_PAGES:
		return event->where && !event->later ?
			step_free_page(s, event->cpu, event->where, event->op->order, err) :
			0;
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
		ret = step_no_memory(err);
	for (uint32_t i = 0; s.cpus && i < options->machine->cpus; i++) {
		s.cpus[i].freed = PFN_NONE;
		unseen_cpu_init(&s.cpus[i].lists);
	}
	if (ret == 0) {
		s.pass.on_move = step_move;
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
