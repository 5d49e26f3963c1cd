/*
 * adopt_gone: pages of processes that ended between the instant of another machine's saved state and the beginning
 * of the replay, such as those of the one that saved the state. The state does not say whose its pages are, and its
 * instant is none of the trace, but it counts its anonymous pages (vmstat). When the trace had as many of them
 * before and has fewer now, the others have gone since.
 *
 * Of anonymous memory the trace is sure where the kernel clears pages; copies on write look like pages of files. So
 * both are held against the state: anonymous pages, and those of processes and files together. The smaller surplus
 * counts: neither pages copied on write nor a larger page cache on the other machine is taken for something that
 * has gone.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/adopt_priv.h"
#include "sim/reclaim.h"

static uint64_t count_of(const struct state *state, const char *name)
{
	for (size_t i = 0; i < state->nr_vmstat; i++)
		if (!strcmp(state->vmstat[i].name, name))
			return state->vmstat[i].value;
	return 0;
}

static uint64_t managed_pages(const struct state *state)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < state->nr_zones; i++)
		pages += state->zones[i].managed;
	return pages;
}

int gone_init(struct gone *gone, const struct state *state, struct err *err)
{
	*gone = (struct gone){ 0 };
	if (!state)
		return 0;
	gone->room = (uint32_t)min_u64(count_of(state, "nr_anon_pages"), min_u64(managed_pages(state), UINT32_MAX));
	if (!gone->room)
		return 0;
	gone->frames = malloc(gone->room * sizeof(*gone->frames));
	return gone->frames ? 0 : err_set(err, ERR_NOMEM, "no memory for the pages of ended processes");
}

void gone_fini(struct gone *gone)
{
	free(gone->frames);
}

static bool is_anonymous(const struct trace_op *op)
{
	return (op->gfp & GFP_BIT_ZERO) && !(op->gfp & GFP_BIT_WRITE);
}

void gone_note_begin(struct gone *gone, const struct trace_op *op)
{
	if (!gone->room || reclaim_lru_kind(op) == LRU_NONE)
		return;
	gone->user++;
	gone->anon += is_anonymous(op);
	gone->most_anon = max_u64(gone->most_anon, gone->anon);
}

void gone_note_end(struct gone *gone, const struct trace_op *op, uint64_t where)
{
	if (!gone->room || reclaim_lru_kind(op) == LRU_NONE)
		return;
	gone->user--;
	if (!is_anonymous(op))
		return;
	gone->anon--;
	gone->frames[gone->ended++ % gone->room] = where;
}

/* How many pages more there are in @saved than in the trace, @now. */
static uint64_t surplus(uint64_t saved, uint64_t now)
{
	return saved > now ? saved - now : 0;
}

static uint64_t how_many(const struct gone *gone, const struct state *state)
{
	uint64_t anon = count_of(state, "nr_anon_pages"), file = count_of(state, "nr_file_pages");
	uint64_t more = min_u64(surplus(min_u64(anon, gone->most_anon), gone->anon), surplus(anon + file, gone->user));

	return min_u64(more, min_u64(gone->ended, gone->room));
}

static void give_back(struct run *run, struct free_choice *choice, uint64_t nr)
{
	const struct gone *gone = &run->follow.gone;

	for (uint64_t i = 0; i < nr; i++) {
		uint64_t where = gone->frames[(gone->ended - 1 - i) % gone->room];
		pfn_t pfn = choice_page(choice, choice_near(choice, where));

		if (pfn == PFN_NONE)
			return;
		choice_take_out(choice, pfn, 1);
		page_alloc_give(run->mm.pages, pfn, 0, 0, &run->meter);
		run->result.gone++;
	}
}

/*
 * At the frames of those that ended last, or near them: of pages
 * that nobody has and that are anonymous, as far as the state tells.
 */
int adopt_gone(struct run *run, struct err *err)
{
	const struct gone *gone = &run->follow.gone;
	uint64_t nr = gone->room ? how_many(gone, run->options->initial) : 0;
	struct free_choice choice;
	int ret;

	if (!nr)
		return 0;
	ret = choice_init(run, &choice, err);
	if (ret == 0) {
		choice_only(run, &choice, STATE_PAGE_ANON);
		choice_anon(run, &choice);
		choice.recorded_end = run->follow.recorded_end;
		give_back(run, &choice, nr);
	}
	choice_fini(&choice);
	return ret;
}
