/*
 * verify_step_settle: what the recording shows to have moved between the free lists and the
 * CPUs' lists, and what that shows of events that were not recorded; see sim/verify_step_priv.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/verify_step_priv.h"

/* Of @nr blocks the model chose, or would have chosen, @equal; @chosen is its first. */
static void count_blocks(const struct step *s, struct verify_count *count, const struct trace_move *move, uint32_t nr,
	uint32_t equal, const char *what, pfn_t chosen)
{
	struct verify_event event = { .event_no = s->event_no, .time_ns = s->time_ns };

	count->checked += nr;
	count->equal += equal;
	if (equal == nr ||
		!verify_differ(count, &event, "%s of order %u, type %u on CPU %u: block %" PRIu64, what, move->order,
			move->mt, move->cpu, move->pfn))
		return;
	if (chosen == PFN_NONE)
		snprintf(count->first.model, sizeof(count->first.model), "no block");
	else
		snprintf(count->first.model, sizeof(count->first.model), "block %" PRIu64, chosen);
}

int step_no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to verify page frames");
}

int step_log_unseen(struct step *s, uint32_t number, pfn_t pfn, uint8_t order, enum migratetype mt, struct err *err)
{
	struct step_cpu *cpu = &s->cpus[number];
	struct unseen_take take = {
		.before = s->event_no,
		.pfn = pfn,
		.cpu = (uint16_t)number,
		.zone = (uint8_t)page_alloc_zone_of(step_pages(s), pfn),
		.order = order,
		.mt = (uint8_t)mt,
	};

	cpu->unseen[page_alloc_node_of(step_pages(s), pfn)] += 1u << order;
	return cpu->in_bulk ? 0 : unseen_add(s->log, &cpu->lists, &take, err);
}

int step_take_unseen(struct step *s, unsigned int zone, unsigned int list, uint32_t number, pfn_t until,
	enum migratetype mt, struct err *err)
{
	int ret = 0;
	uint8_t order;
	pfn_t pfn;

	while (ret == 0 &&
		(pfn = page_alloc_take_first(step_pages(s), zone, list, number, &order, &s->pass.meter)) != PFN_NONE &&
		pfn != until)
		ret = step_log_unseen(s, number, pfn, order, mt, err);
	return ret;
}

/* One refill of a list, with @nr blocks. */
static int settle_refill(struct step *s, struct step_cpu *cpu, const struct trace_move *moves, uint32_t nr,
	struct err *err)
{
	pfn_t *pfns = malloc(nr * sizeof(*pfns));
	enum migratetype mt = (enum migratetype)moves->mt;
	struct page_refill refill;
	uint64_t event_no = s->event_no;
	int ret;

	if (!pfns)
		return step_no_memory(err);
	for (uint32_t i = 0; i < nr; i++)
		pfns[i] = moves[i].pfn;
	s->event_no = moves->before; /* it may be settled later */
	ret = step_take_unseen(s, (unsigned int)page_alloc_zone_of(step_pages(s), pfns[0]),
		page_alloc_list(moves->order, mt), moves->cpu, PFN_NONE, mt, err);
	page_alloc_refill_recorded(step_pages(s), pfns, nr, moves->order, mt, moves->cpu, &refill, &s->pass.meter);
	count_blocks(s, s->refills, moves, nr, refill.equal, "refill", refill.first);
	cpu->lists.lists[page_alloc_list(moves->order, mt)] = (struct unseen_list){
		moves->before ? moves->before - 1 : 0, pfns[0], refill.first, moves->before };
	s->event_no = event_no;
	free(pfns);
	return ret;
}

static void set_marks(struct step *s)
{
	page_alloc_setup_marks(step_pages(s));
	s->log->marks_at = s->event_no;
	s->pass.stage = BOOT_OVER;
}

/* Boot goes on before what shows it: lists that are refilled with several blocks; with more than they were before. */
static void settle_boot(struct step *s, const struct trace_move *moves, uint32_t nr)
{
	struct page_alloc *pa = step_pages(s);
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

static int settle_refills(struct step *s, struct step_cpu *cpu, struct err *err)
{
	unsigned int zone = (unsigned int)page_alloc_zone_of(step_pages(s), cpu->moves->pfn);
	uint32_t most;
	int ret = 0;

	if (s->pass.stage != BOOT_OVER)
		settle_boot(s, cpu->moves, cpu->nr);
	most = page_alloc_refill_blocks(step_pages(s), zone, cpu->moves->order);
	for (uint32_t i = 0, nr; ret == 0 && i < cpu->nr; i += nr) {
		nr = cpu->nr - i < most ? cpu->nr - i : most;
		ret = settle_refill(s, cpu, cpu->moves + i, nr, err);
	}
	return ret;
}

/* What is freed was not handed out in the model: somebody had taken it unseen. */
static bool see_taken(struct step *s, pfn_t pfn, unsigned int order, uint32_t cpu)
{
	struct page_alloc *pa = step_pages(s);

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
static int see_empty(struct step *s, unsigned int zone, uint32_t number, unsigned int from, unsigned int list,
	struct err *err)
{
	int ret = 0;

	for (; ret == 0 && from != list; from = (from + 1) % PCP_LISTS)
		ret = step_take_unseen(s, zone, from, number, PFN_NONE, (enum migratetype)(from % MIGRATE_PCPTYPES),
			err);
	return ret;
}

/* A free, and the blocks that it flushed; or blocks that were drained for another reason. */
static int settle_flush(struct step *s, struct step_cpu *cpu, uint32_t number, struct err *err)
{
	struct page_alloc *pa = step_pages(s);
	uint32_t flushed = 0, list = 0, expected = 0;
	bool caused = cpu->freed != PFN_NONE;
	int ret = 0;

	for (uint32_t i = 0; i < cpu->nr; i++)
		flushed += 1u << cpu->moves[i].order;
	if (caused && see_taken(s, cpu->freed, cpu->freed_order, number)) {
		expected = page_alloc_give_recorded(pa, cpu->freed, cpu->freed_order, number, flushed, &s->pass.meter);
		list = page_alloc_list_of(pa, cpu->freed);
		ret = unseen_free(s->log, &cpu->lists, cpu->freed, s->event_no ? s->event_no - 1 : 0,
			expected && !flushed, err);
	}
	for (uint32_t i = 0; ret == 0 && i < cpu->nr; i++) {
		const struct trace_move *move = &cpu->moves[i];
		int zone = page_alloc_zone_of(pa, move->pfn);
		pfn_t next;

		if (zone < 0)
			continue;
		if (!caused)
			ret = unseen_drained(s->log,
				&(struct unseen_drain){
					.before = move->before,
					.pages = 1u << move->order,
					.cpu = (uint16_t)number,
					.zone = (uint8_t)zone,
				},
				err);
		next = page_alloc_flush_next(pa, (unsigned int)zone, list, number);
		if (caused)
			count_blocks(s, s->drains, move, 1, expected && next == move->pfn, "flush",
				expected ? next : PFN_NONE);
		expected -= expected < 1u << move->order ? expected : 1u << move->order;
		if (caused)
			ret = see_empty(s, (unsigned int)zone, number, list,
				page_alloc_list(move->order, (enum migratetype)move->mt), err);
		list = page_alloc_list(move->order, (enum migratetype)move->mt);
		page_alloc_flush_recorded(pa, move->pfn, move->order, (enum migratetype)move->mt, number,
			&s->pass.meter);
	}
	cpu->freed = PFN_NONE;
	return ret;
}

int step_settle(struct step *s, uint32_t number, struct err *err)
{
	struct step_cpu *cpu = &s->cpus[number];
	int ret = 0;

	if (cpu->nr && cpu->moves->kind == MOVE_REFILL)
		ret = settle_refills(s, cpu, err);
	else if (cpu->nr || cpu->freed != PFN_NONE)
		ret = settle_flush(s, cpu, number, err);
	cpu->nr = 0;
	return ret;
}

static int add_move(struct step_cpu *cpu, const struct trace_move *move, struct err *err)
{
	if (!array_room(&cpu->moves, &cpu->cap, cpu->nr))
		return step_no_memory(err);
	cpu->moves[cpu->nr++] = *move;
	return 0;
}

/* Whether the move belongs to what its CPU told last. */
static bool goes_on(const struct step *s, const struct step_cpu *cpu, const struct trace_move *move)
{
	const struct trace_move *first = cpu->moves;

	if (!cpu->nr)
		return move->kind == MOVE_DRAIN;
	if (move->kind != first->kind)
		return false;
	return move->kind == MOVE_DRAIN || (move->order == first->order && move->mt == first->mt &&
		page_alloc_zone_of(step_pages(s), move->pfn) == page_alloc_zone_of(step_pages(s), first->pfn));
}

/* The zone's lock was taken: what other CPUs moved under it is over. */
static int settle_others(struct step *s, const struct trace_move *move, struct err *err)
{
	int zone = page_alloc_zone_of(step_pages(s), move->pfn), ret = 0;

	for (uint32_t i = 0; ret == 0 && i < s->pass.options->machine->cpus; i++)
		if (i != move->cpu && s->cpus[i].nr && page_alloc_zone_of(step_pages(s), s->cpus[i].moves->pfn) == zone)
			ret = step_settle(s, i, err);
	return ret;
}

int step_free_page(struct step *s, uint32_t number, pfn_t pfn, uint8_t order, struct err *err)
{
	int ret = step_settle(s, number, err);

	if (ret < 0)
		return ret;
	if (step_has_list(s, order)) {
		s->cpus[number].freed = pfn;
		s->cpus[number].freed_order = order;
	} else if (see_taken(s, pfn, order, number)) {
		page_alloc_give(step_pages(s), pfn, order, number, &s->pass.meter);
	}
	return 0;
}

/* A damaged or foreign trace may tell anything. */
static bool is_possible(const struct step *s, const struct trace_move *move)
{
	if (page_alloc_zone_of(step_pages(s), move->pfn) < 0 || move->order >= PAGE_MAX_ORDERS ||
		move->mt >= NR_MIGRATETYPES)
		return false;
	return move->kind != MOVE_REFILL || (step_has_list(s, move->order) && move->mt < MIGRATE_PCPTYPES);
}

int step_move(void *arg, const struct trace_move *move, struct err *err)
{
	struct step *s = arg;
	struct step_cpu *cpu = &s->cpus[move->cpu];
	int ret = 0;

	if (move->kind == MOVE_SLEEP) {
		if (s->pass.stage == BOOT_MARKS_NEXT)
			set_marks(s);
		return 0;
	}
	if (move->kind == MOVE_BULK) {
		ret = step_settle(s, move->cpu, err);
		memset(cpu->unseen, 0, sizeof(cpu->unseen));
		cpu->in_bulk = true;
		return ret;
	}
	if (!is_possible(s, move))
		return 0;
	if (move->kind == MOVE_BATCHED)
		return step_free_page(s, move->cpu, move->pfn, 0, err);
	ret = settle_others(s, move, err);
	if (ret == 0 && !goes_on(s, cpu, move))
		ret = step_settle(s, move->cpu, err);
	return ret < 0 || move->kind == MOVE_TAKE ? ret : add_move(cpu, move, err);
}
