/*
 * saved_lru: what of a saved state reclaim can take: how many pages are on which LRU list, how much swap
 * there is, and how many dentries nobody uses. And what else meminfo tells: how much is per-CPU memory.
 */
#include <stdlib.h>
#include <string.h>

#include "configs/saved_priv.h"

static void keep_zones(struct state *state, const struct zoneinfo *info)
{
	if (!info->has_lru)
		return;
	for (size_t i = 0; i < state->nr_zones; i++)
		for (uint32_t k = 0; k < info->nr_zones; k++)
			if (info->zones[k].node == state->zones[i].node && info->zones[k].type == state->zones[i].type)
				memcpy(state->zones[i].lru, info->zones[k].lru, sizeof(state->zones[i].lru));
	state->lru_told = STATE_LRU_BY_ZONE;
}

static int lru_of_zones(struct saved_reader *r, struct err *err)
{
	struct zoneinfo *info;
	char *text;
	int got = saved_text(r, "zoneinfo", SAVED_TEXT_MAX, &text, NULL, err);

	if (got <= 0)
		return got;
	info = malloc(sizeof(*info));
	if (info) {
		/* What is wrong with it has been said when its zones were read, or zones.csv knows better. */
		zoneinfo_parse(info, text, NULL);
		keep_zones(r->state, info);
	}
	free(info);
	free(text);
	return info ? 0 : err_set(err, ERR_NOMEM, "no memory for a saved state");
}

/* Where zoneinfo is missing, or of a kernel before 4.8. */
static void lru_of_vmstat(struct state *state)
{
	static const char *const names[NR_STATE_LRU] = { "nr_inactive_anon", "nr_active_anon", "nr_inactive_file",
		"nr_active_file", "nr_unevictable" };

	for (size_t i = 0; i < state->nr_vmstat; i++)
		for (int list = 0; list < NR_STATE_LRU; list++)
			if (!strcmp(state->vmstat[i].name, names[list])) {
				state->lru[list] = state->vmstat[i].value;
				state->lru_told = STATE_LRU_IN_PAGES;
			}
}

/** What meminfo says, in KiB. */
struct meminfo {
	uint64_t lru[NR_STATE_LRU];
	bool has_lru, has_cached;
	uint64_t cached, buffers, swap_cached, anon, shmem, swap_total, swap_free, percpu;
};

static void read_line(struct meminfo *m, const char *line)
{
	static const char *const names[NR_STATE_LRU] = { "Inactive(anon)", "Active(anon)", "Inactive(file)",
		"Active(file)", "Unevictable" };
	const struct { const char *name; uint64_t *kib; } others[] = {
		{ "Buffers", &m->buffers }, { "SwapCached", &m->swap_cached }, { "AnonPages", &m->anon }, { "Shmem",
			&m->shmem },
		{ "SwapTotal", &m->swap_total }, { "SwapFree", &m->swap_free }, { "Percpu", &m->percpu },
	};

	for (int list = 0; list < NR_STATE_LRU; list++)
		m->has_lru |= text_number(line, names[list], &m->lru[list]);
	m->has_cached |= text_number(line, "Cached", &m->cached);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		text_number(line, others[i].name, others[i].kib);
}

/*
 * Without "Active(file)" and its like: the cache without what
 * is in memory only, which counts as anonymous to reclaim.
 */
static void lru_of_cached(struct meminfo *m)
{
	uint64_t file = m->cached + m->buffers;

	m->lru[STATE_LRU_INACTIVE_FILE] = file > m->shmem ? file - m->shmem : 0;
	m->lru[STATE_LRU_INACTIVE_ANON] = m->anon + m->shmem + m->swap_cached;
}

static void keep_meminfo(struct state *state, struct meminfo *m)
{
	if (m->swap_total < SAVED_MAX_PFN && m->swap_free <= m->swap_total) {
		state->swap_bytes = m->swap_total << 10;
		state->swap_used_bytes = (m->swap_total - m->swap_free) << 10;
	}
	if (m->percpu < SAVED_MAX_PFN)
		state->percpu_bytes = m->percpu << 10;
	if (state->lru_told != STATE_LRU_UNKNOWN || (!m->has_lru && !m->has_cached))
		return;
	if (!m->has_lru)
		lru_of_cached(m);
	memcpy(state->lru, m->lru, sizeof(state->lru));
	state->lru_told = STATE_LRU_IN_KIB;
}

static int read_meminfo(struct saved_reader *r, struct err *err)
{
	struct meminfo m = { .has_lru = false };
	char *text, *rest, *line;
	int got = saved_text(r, "meminfo", SAVED_TEXT_MAX, &text, NULL, err);

	if (got <= 0)
		return got;
	for (rest = text; (line = text_next_line(&rest));)
		read_line(&m, line);
	keep_meminfo(r->state, &m);
	free(text);
	return 0;
}

/* "nr_dentry nr_unused age_limit want_pages nr_negative dummy" of a copy of /proc, or of /proc itself. */
static int read_dentries(struct saved_reader *r, struct err *err)
{
	unsigned long long all, unused;
	char *text;
	int got = saved_text(r, "sys/fs/dentry-state", SAVED_TEXT_MAX, &text, NULL, err);

	if (got <= 0)
		return got;
	if (sscanf(text, "%llu %llu", &all, &unused) == 2 && unused <= all) {
		r->state->dentries_told = true;
		r->state->dentries_unused = unused;
	}
	free(text);
	return 0;
}

int saved_lru(struct saved_reader *r, struct err *err)
{
	int ret = lru_of_zones(r, err);

	if (ret == 0 && r->state->lru_told == STATE_LRU_UNKNOWN)
		lru_of_vmstat(r->state);
	if (ret == 0)
		ret = read_meminfo(r, err);
	if (ret == 0)
		ret = read_dentries(r, err);
	if (ret == 0 && !r->state->percpu_bytes)
		saved_note(r, "meminfo does not tell Percpu: per-CPU memory is taken as new, none of it in use");
	if (ret == 0 && r->state->lru_told == STATE_LRU_UNKNOWN && !r->state->nr_pages)
		saved_note(r,
			"zoneinfo, vmstat and meminfo do not tell what is on LRU lists: nothing of this state can be reclaimed");
	return ret;
}
