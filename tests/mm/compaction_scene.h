/*
 * compaction_scene: small zones with users who are told what moves, and runs over them.
 */
#ifndef KMEMSIM_TESTS_MM_COMPACTION_SCENE_H
#define KMEMSIM_TESTS_MM_COMPACTION_SCENE_H

#include "base/bits.h"
#include "base/rng.h"
#include "mm/compaction_priv.h"
#include "mm/lru_priv.h"
#include "tests/mm/page_fixture.h"

#define PFNS 16384u

/* Who is where: what a run would keep. Id 0: nobody. */
struct users {
	uint32_t id[PFNS];
	uint8_t order[PFNS];
	uint32_t moves, episodes, gone;
	pfn_t from[1024], to[1024]; /* the first moves */
	struct compact_episode last;
};

static inline void moved(void *arg, pfn_t from, pfn_t to)
{
	struct users *u = arg;

	cr_assert(u->id[from] && !u->id[to] && !u->order[from], "%llu to %llu", (unsigned long long)from,
		(unsigned long long)to);
	u->id[to] = u->id[from];
	u->id[from] = 0;
	if (u->moves < 1024) {
		u->from[u->moves] = from;
		u->to[u->moves] = to;
	}
	u->moves++;
}

static inline bool movable(void *arg, pfn_t pfn)
{
	const struct users *u = arg;

	return u->id[pfn] && !u->order[pfn];
}

static inline void compacted(void *arg, const struct compact_episode *episode)
{
	struct users *u = arg;

	u->last = *episode;
	u->episodes++;
}

static inline void gone(void *arg, pfn_t pfn, bool swapped)
{
	struct users *u = arg;

	(void)swapped;
	u->id[pfn] = 0;
	u->gone++;
}

/* That machine compacts, and tells @u of it. */
static inline struct users *attach(struct fixture *fx)
{
	struct users *u = calloc(1, sizeof(*u));
	struct reclaim_hooks hooks = {
		.page_gone = gone,
		.page_moved = moved,
		.page_movable = movable,
		.compacted = compacted,
		.arg = u,
	};

	cr_assert_not_null(u);
	fx->machine.page_allocator.compaction = true;
	fx->machine.page_allocator.compaction_proactiveness = 20;
	page_alloc_set_hooks(fx->pa, &hooks);
	return u;
}

/* All of [start, end) handed out as movable pages of nobody, which nothing can move. */
static inline void fill(struct fixture *fx, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end; pfn++)
		cr_assert_neq(take_buddy(fx, 0, M, 0), PFN_NONE);
}

/* A page of the filled zone gets a user, and an age. */
static inline void use(struct fixture *fx, struct users *u, pfn_t pfn, enum lru_kind kind)
{
	u->id[pfn] = (uint32_t)pfn;
	lru_add(fx->pa, pfn, kind);
}

static inline void context(struct fixture *fx, struct alloc_context *ac, gfp_t gfp, unsigned int order)
{
	struct page_request req = { .gfp = gfp, .node = -1, .order = (uint8_t)order };

	page_context(fx->pa, &req, ac);
}

static inline enum compact_result compact_whole(struct fixture *fx, struct compact_control *cc)
{
	enum compact_result result;

	*cc = (struct compact_control){ .zone = fx->zone, .order = COMPACT_ALL, .mode = COMPACT_SYNC_LIGHT,
		.whole_zone = true, .ignore_skip = true, .may_fs = true };
	result = compact_begin(cc);
	while (result == COMPACT_CONTINUE)
		result = compact_step(cc, &fx->meter);
	compact_end(cc, &fx->meter);
	fixture_check(fx);
	return result;
}

/* Each pageblock of [1024, 5120) half full of movable pages, every second one. */
static inline struct users *fragmented(struct fixture *fx)
{
	struct users *u = attach(fx);

	fill(fx, 1024, 5120);
	for (pfn_t pfn = 1024; pfn < 5120; pfn++) {
		if (pfn % 2)
			use(fx, u, pfn, LRU_KIND_ANON);
		else
			give_buddy(fx, pfn, 0);
	}
	return u;
}

static inline void give_user(struct fixture *fx, struct users *u, pfn_t pfn)
{
	page_alloc_give(fx->pa, pfn, 0, 0, &fx->meter);
	u->id[pfn] = 0;
}

static inline enum mm_answer take_page(struct fixture *fx, gfp_t gfp, unsigned int order, pfn_t *pfn)
{
	struct page_request req = { .gfp = gfp, .node = -1, .order = (uint8_t)order };

	return page_alloc_take(fx->pa, &req, pfn, &fx->meter);
}

#endif
