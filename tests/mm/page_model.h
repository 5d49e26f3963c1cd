/*
 * page_model: the zone of the page allocator once more, slow and obvious: lists are arrays, nothing is cached, runs
 * do not exist. Written from sections 4.5 to 4.8 and 5.3 to 5.5 of the specification, not from mm/.
 * One zone, one CPU.
 */
#ifndef KMEMSIM_TESTS_MM_PAGE_MODEL_H
#define KMEMSIM_TESTS_MM_PAGE_MODEL_H

#include <stdbool.h>
#include <string.h>

#define MODEL_PAGES  8192 /* pages 0 .. 8191 exist in arrays, the zone is [start, end) */
#define MODEL_ORDERS 11
#define MODEL_PBO    9
#define MODEL_PB     (1 << MODEL_PBO)
#define MODEL_NONE   (-1)

struct model_block {
	int pfn, order, type;
};

struct model_list {
	int nr;
	struct model_block block[MODEL_PAGES];
};

struct model {
	int start, end;                        /* of the zone */
	struct model_list free[MODEL_ORDERS][4]; /* [order][type], first = HEAD */
	int bmt[MODEL_PAGES / MODEL_PB];
	bool lru[MODEL_PAGES];
	struct model_list pcp[14];
	int count, free_factor, batch, high;
	long managed, high_mark, boost;
	int reserved;                          /* nr_reserved_highatomic */
};

enum { FLAG_NOFRAGMENT = 1, FLAG_HIGHATOMIC = 2 };

static void model_insert(struct model_list *l, struct model_block b, bool tail)
{
	if (!tail)
		memmove(&l->block[1], &l->block[0], sizeof(b) * (size_t)l->nr);
	l->block[tail ? l->nr : 0] = b;
	l->nr++;
}

static struct model_block model_remove(struct model_list *l, int at)
{
	struct model_block b = l->block[at];

	l->nr--;
	memmove(&l->block[at], &l->block[at + 1], sizeof(b) * (size_t)(l->nr - at));
	return b;
}

/* Where the free block that begins at @pfn is: type of its list, or MODEL_NONE. */
static int model_find(struct model *m, int pfn, int order, int *at)
{
	for (int type = 0; type < 4; type++)
		for (*at = 0; *at < m->free[order][type].nr; ++*at)
			if (m->free[order][type].block[*at].pfn == pfn)
				return type;
	return MODEL_NONE;
}

static int model_nr_free(const struct model *m, int order)
{
	return m->free[order][0].nr + m->free[order][1].nr + m->free[order][2].nr + m->free[order][3].nr;
}

/* 5.4 */
static void model_free_one(struct model *m, int pfn, int order, int type, bool to_tail)
{
	int at;

	while (order < MODEL_ORDERS - 1) {
		int buddy = pfn ^ (1 << order);
		int on = model_find(m, buddy, order, &at);

		if (on == MODEL_NONE)
			break;
		if (order >= MODEL_PBO && m->bmt[buddy >> MODEL_PBO] != type &&
			(m->bmt[buddy >> MODEL_PBO] >= 3 || type >= 3))
			break;
		model_remove(&m->free[order][on], at);
		pfn &= buddy;
		order++;
	}
	if (!to_tail && order < MODEL_ORDERS - 2) {
		int parent = pfn & (pfn ^ (1 << order));

		to_tail = model_find(m, parent ^ (1 << (order + 1)), order + 1, &at) != MODEL_NONE;
	}
	model_insert(&m->free[order][type], (struct model_block){ pfn, order, type }, to_tail);
}

/* 4.6 */
static int model_smallest(struct model *m, int order, int type)
{
	for (int o = order; o < MODEL_ORDERS; o++) {
		struct model_block b;

		if (!m->free[o][type].nr)
			continue;
		b = model_remove(&m->free[o][type], 0);
		while (o > order) {
			o--;
			model_insert(&m->free[o][type], (struct model_block){ b.pfn + (1 << o), o, type }, false);
		}
		return b.pfn;
	}
	return MODEL_NONE;
}

/* Move all free blocks of a pageblock, upwards, to the tails of @type's lists. */
static int model_move_pageblock(struct model *m, int pfn, int type, int *movable)
{
	int first = pfn / MODEL_PB * MODEL_PB, last = first + MODEL_PB - 1, moved = 0;

	*movable = 0;
	if (first < m->start)
		first = pfn;
	if (last >= m->end)
		return 0;
	for (int p = first; p <= last;) {
		int order, on = MODEL_NONE, at;

		for (order = 0; order < MODEL_ORDERS; order++) {
			on = model_find(m, p, order, &at);
			if (on != MODEL_NONE)
				break;
		}
		if (on == MODEL_NONE) {
			*movable += m->lru[p];
			p++;
			continue;
		}
		model_remove(&m->free[order][on], at);
		model_insert(&m->free[order][type], (struct model_block){ p, order, type }, true);
		moved += 1 << order;
		p += 1 << order;
	}
	return moved;
}

static bool model_can_steal(int order, int type)
{
	return order >= MODEL_PBO || order >= MODEL_PBO / 2 || type == 0 || type == 2;
}

static int model_fallback_type(const struct model *m, int order, int type)
{
	static const int order_of[3][2] = { { 2, 1 }, { 2, 0 }, { 0, 1 } };

	for (int i = 0; i < 2; i++)
		if (m->free[order][order_of[type][i]].nr)
			return order_of[type][i];
	return MODEL_NONE;
}

/* 4.7, step 4; and 6.5 */
static void model_steal(struct model *m, int order, int type, int from)
{
	struct model_block b = m->free[order][from].block[0];
	int old = m->bmt[b.pfn >> MODEL_PBO], moved, movable, alike;

	if (old == 3)
		goto single;
	if (order >= MODEL_PBO) {
		for (int i = 0; i < 1 << (order - MODEL_PBO); i++)
			m->bmt[(b.pfn >> MODEL_PBO) + i] = type;
		goto single;
	}
	if (4 * MODEL_PB <= m->managed && m->high_mark * 15000 / 10000) {
		long cap = m->high_mark * 15000 / 10000;

		cap = cap > MODEL_PB ? cap : MODEL_PB;
		m->boost = m->boost + MODEL_PB < cap ? m->boost + MODEL_PB : cap;
	}
	if (!model_can_steal(order, type))
		goto single;
	moved = model_move_pageblock(m, b.pfn, type, &movable);
	if (!moved)
		goto single;
	alike = type == 1 ? movable : old == 1 ? MODEL_PB - moved - movable : 0;
	if (moved + alike >= MODEL_PB / 2)
		m->bmt[b.pfn >> MODEL_PBO] = type;
	return;
single:
	b = model_remove(&m->free[order][from], 0);
	b.type = type;
	model_insert(&m->free[order][type], b, true);
}

static bool model_fallback(struct model *m, int order, int type, int flags)
{
	int lowest = order < MODEL_PBO && flags & FLAG_NOFRAGMENT ? MODEL_PBO : order;

	for (int o = MODEL_ORDERS - 1; o >= lowest; o--) {
		int from = model_fallback_type(m, o, type);

		if (from == MODEL_NONE)
			continue;
		if (!model_can_steal(o, type) && type == 1 && o > order)
			for (o = order; (from = model_fallback_type(m, o, type)) == MODEL_NONE;)
				o++;
		model_steal(m, o, type, from);
		return true;
	}
	return false;
}

static int model_rmqueue(struct model *m, int order, int type, int flags)
{
	int pfn;

	do {
		pfn = model_smallest(m, order, type);
	} while (pfn == MODEL_NONE && model_fallback(m, order, type, flags));
	return pfn;
}

/* 4.8 */
static void model_reserve(struct model *m, int pfn)
{
	int movable;

	if (m->reserved >= m->managed / 100 + MODEL_PB || m->bmt[pfn >> MODEL_PBO] >= 3)
		return;
	m->reserved += MODEL_PB;
	m->bmt[pfn >> MODEL_PBO] = 3;
	model_move_pageblock(m, pfn, 3, &movable);
}

/* 4.4, 3: past the pcp */
static int model_alloc_buddy(struct model *m, int order, int type, int flags)
{
	int pfn = flags & FLAG_HIGHATOMIC ? model_smallest(m, order, 3) : MODEL_NONE;

	if (pfn == MODEL_NONE)
		pfn = model_rmqueue(m, order, type, flags);
	if (pfn != MODEL_NONE && flags & FLAG_HIGHATOMIC)
		model_reserve(m, pfn);
	return pfn;
}

static int model_index(int order, int type)
{
	return order <= 3 ? 3 * order + type : type == 1 ? 13 : 12;
}

/* 4.5 */
static int model_alloc_pcp(struct model *m, int order, int type, int flags)
{
	struct model_list *l = &m->pcp[model_index(order, type)];

	m->free_factor >>= 1;
	if (!l->nr) {
		int n = m->batch <= 1 ? m->batch : (m->batch >> order) > 2 ? m->batch >> order : 2;

		for (int i = 0; i < n; i++) {
			int pfn = model_rmqueue(m, order, type, flags);

			if (pfn == MODEL_NONE)
				break;
			model_insert(l, (struct model_block){ pfn, order, type }, true);
			m->count += 1 << order;
		}
	}
	if (!l->nr)
		return MODEL_NONE;
	m->count -= 1 << order;
	return model_remove(l, 0).pfn;
}

/* 5.5 */
static void model_bulk(struct model *m, int number, int start)
{
	int low = 0, top = 13, i = start - 1;

	number = number < m->count ? number : m->count;
	while (number > 0) {
		for (;;) {
			if (++i > top)
				i = low;
			if (m->pcp[i].nr)
				break;
			if (i == top)
				top--;
			if (i == low)
				low++;
		}
		do {
			struct model_block b = model_remove(&m->pcp[i], m->pcp[i].nr - 1);

			number -= 1 << b.order;
			m->count -= 1 << b.order;
			model_free_one(m, b.pfn, b.order, b.type, false);
		} while (number > 0 && m->pcp[i].nr);
	}
}

/* 5.3 */
static void model_free_pcp(struct model *m, int pfn, int order)
{
	int smt = m->bmt[pfn >> MODEL_PBO];
	int index = model_index(order, smt >= 3 ? 1 : smt);
	bool free_high = m->free_factor && order >= 1 && order <= 3;
	int limit = m->high == 0 || free_high ? 0 : m->high, number;

	model_insert(&m->pcp[index], (struct model_block){ pfn, order, smt }, false);
	m->count += 1 << order;
	if (m->count < limit)
		return;
	if (free_high) {
		number = m->count;
	} else if (limit < m->batch) {
		number = 1;
	} else {
		number = m->batch << m->free_factor;
		if (number < limit - m->batch && m->free_factor < 5)
			m->free_factor++;
		if (number < m->batch)
			number = m->batch;
		if (number > limit - m->batch)
			number = limit - m->batch;
	}
	model_bulk(m, number, index);
}

static bool model_pcp_order(int order)
{
	return order <= 3 || order == MODEL_PBO;
}

#endif
