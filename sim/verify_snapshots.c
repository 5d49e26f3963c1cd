/*
 * verify_snapshots: the modelled memory beside the saved
 * memory of the real machine, at one instant; and cache sizes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verify_priv.h"

/* Free blocks of a zone by order, all types together. */
static void real_blocks(const struct state *state, size_t zone, uint64_t blocks[VERIFY_MAX_ORDERS])
{
	memset(blocks, 0, VERIFY_MAX_ORDERS * sizeof(*blocks));
	if (state->exact_blocks) {
		for (size_t i = 0; i < state->nr_blocks; i++)
			if (state->blocks[i].zone == zone && state->blocks[i].order < VERIFY_MAX_ORDERS)
				blocks[state->blocks[i].order]++;
		return;
	}
	for (int mt = 0; state->block_counts && mt < NR_MIGRATETYPES; mt++)
		for (int order = 0; order < VERIFY_MAX_ORDERS; order++)
			blocks[order] += state->block_counts[zone][mt][order];
}

static uint64_t real_pcp_pages(const struct state *state, size_t zone)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < state->nr_pcp; i++)
		if (state->pcp[i].zone == zone)
			pages += 1ull << state->pcp[i].order;
	return pages;
}

static uint32_t unusable_error(const struct verify_zone *zone, uint32_t nr_orders)
{
	uint32_t worst = 0;

	for (uint32_t order = 0; order < nr_orders; order++) {
		int error = page_unusable_index(zone->blocks, nr_orders - 1, order) -
			    page_unusable_index(zone->blocks_real, nr_orders - 1, order);

		if ((uint32_t)abs(error) > worst)
			worst = (uint32_t)abs(error);
	}
	return worst;
}

static void compare_zone(const struct zone_stats *stats, const struct state *state, size_t real, uint32_t nr_orders,
	struct verify_zone *zone)
{
	*zone = (struct verify_zone){
		.node = stats->node,
		.type = stats->type,
		.free_pages = stats->free_pages,
		.free_pages_real = state->zones[real].free_pages,
		.managed_pages = state->zones[real].managed,
		.pcp_pages = stats->pcp_pages,
		.pcp_pages_real = real_pcp_pages(state, real),
	};
	for (int mt = 0; mt < NR_MIGRATETYPES; mt++)
		for (uint32_t order = 0; order < nr_orders; order++)
			zone->blocks[order] += stats->blocks[mt][order];
	real_blocks(state, real, zone->blocks_real);
	zone->unusable_max_error_milli = unusable_error(zone, nr_orders);
}

static void compare_zones(struct verify_snapshot *snapshot, const struct state *state, const struct page_alloc *pa)
{
	for (unsigned int z = 0; z < page_alloc_nr_zones(pa); z++) {
		struct zone_stats stats;

		page_alloc_zone_stats(pa, z, &stats);
		for (size_t i = 0; i < state->nr_zones && snapshot->nr_zones < VERIFY_MAX_ZONES; i++)
			if (state->zones[i].node == stats.node && state->zones[i].type == stats.type)
				compare_zone(&stats, state, i, snapshot->nr_orders,
					&snapshot->zones[snapshot->nr_zones++]);
	}
}

/* The later of two of one name counts in both: kernels before 6.12 allow that. */
static int compare_caches(struct verify_snapshot *snapshot, const struct state *state, const struct slab *slab,
	struct err *err)
{
	snapshot->caches = calloc(state->nr_caches + 1, sizeof(*snapshot->caches));
	if (!snapshot->caches)
		return err_set(err, ERR_NOMEM, "no memory for %zu caches", state->nr_caches);
	for (size_t i = 0; i < state->nr_caches; i++) {
		const struct state_cache *real = &state->caches[i];
		struct verify_cache *row = &snapshot->caches[snapshot->nr_caches++];
		uint32_t cache = slab_cache_find(slab, real->name);
		struct slab_stats stats = { 0 };

		if (cache != CACHE_NONE)
			slab_cache_stats(slab, cache, &stats);
		memcpy(row->name, real->name, sizeof(row->name));
		row->slabs = stats.slabs;
		row->slabs_real = real->slabs;
		row->objects = stats.total_objs;
		row->objects_real = real->objects;
	}
	return 0;
}

static void compare_slab_pages(struct verify_snapshot *snapshot, const struct state *state, const struct slab *slab)
{
	for (uint32_t cache = 0; cache < slab_nr_caches(slab); cache++) {
		struct slab_stats stats;

		if (!slab_cache_live(slab, cache))
			continue;
		slab_cache_stats(slab, cache, &stats);
		snapshot->slab_pages += stats.slab_pages;
	}
	if (state->exact_slabs)
		for (size_t i = 0; i < state->nr_slabs; i++)
			snapshot->slab_pages_real += 1ull << state->slabs[i].order;
	else
		for (size_t i = 0; i < state->nr_caches; i++)
			snapshot->slab_pages_real += state->caches[i].slabs << state->caches[i].order;
}

static bool real_counter(const struct state *state, const char *name, uint64_t *value)
{
	for (size_t i = 0; i < state->nr_vmstat; i++) {
		if (!strcmp(state->vmstat[i].name, name)) {
			*value = state->vmstat[i].value;
			return true;
		}
	}
	return false;
}

static void compare_counters(struct verify_snapshot *snapshot, const struct verify_state *saved,
	const struct verify_state *before, const struct page_alloc *pa, uint64_t last[NR_PAGE_COUNTERS])
{
	for (int c = 0; c < NR_PAGE_COUNTERS; c++) {
		uint64_t now = page_alloc_counter(pa, (enum page_counter)c), real, real_before;

		if (real_counter(saved->state, page_counter_name[c], &real) &&
			real_counter(before->state, page_counter_name[c], &real_before))
			snapshot->vmstat[snapshot->nr_vmstat++] = (struct verify_vmstat){ page_counter_name[c],
				now - last[c], real - real_before };
		last[c] = now;
	}
}

int verify_snapshot_take(struct verify_snapshot *snapshot, const struct verify_state *saved,
	const struct verify_state *before, const struct mm *mm, uint64_t last[NR_PAGE_COUNTERS], struct err *err)
{
	*snapshot = (struct verify_snapshot){
		.name = saved->name,
		.nr_orders = mm->machine->page_allocator.max_order + 1u,
	};
	compare_zones(snapshot, saved->state, mm->pages);
	compare_slab_pages(snapshot, saved->state, mm->slab);
	compare_counters(snapshot, saved, before, mm->pages, last);
	return compare_caches(snapshot, saved->state, mm->slab, err);
}

static bool geometry_equal(const struct slab_geometry *model, const struct state_cache *real)
{
	return model->object_size == real->object_size && model->size == real->size && model->order == real->order &&
	       model->objs_per_slab == real->objs_per_slab && model->min_partial == real->min_partial &&
	       model->cpu_partial == real->cpu_partial;
}

static void describe_geometry(char *buf, size_t size, uint32_t object_bytes, uint32_t order, uint32_t objs,
	uint32_t min_partial, uint32_t cpu_partial)
{
	snprintf(buf, size, "size %u, order %u, %u objects, min_partial %u, cpu_partial %u", object_bytes, order, objs,
		min_partial, cpu_partial);
}

/* What the formulas make of the saved sizes, on an empty model of the machine. */
static int compare_geometry(struct slab *slab, const struct verify_state *saved, const struct state_cache *real,
	struct verify_count *count)
{
	struct slab_create create = { .name = real->name, .object_size = real->object_size, .align = real->align,
		.flags = real->flags | (real->ctor ? SLAB_CTOR : 0) };
	const struct slab_geometry *model;
	uint32_t cache = CACHE_NONE;
	char text[256];

	slab_cache_boot(slab, &create, &cache);
	count->checked++;
	model = cache == CACHE_NONE ? NULL : slab_cache_geometry(slab, cache);
	if (model && geometry_equal(model, real)) {
		count->equal++;
		return 0;
	}
	if (count->first.there)
		return 0;
	count->first.there = true;
	describe_geometry(text, sizeof(text), real->size, real->order, real->objs_per_slab, real->min_partial,
		real->cpu_partial);
	snprintf(count->first.kernel, sizeof(count->first.kernel), "%s: %s: %.160s", saved->name, real->name, text);
	if (model)
		describe_geometry(count->first.model, sizeof(count->first.model), model->size, model->order,
			model->objs_per_slab, model->min_partial, model->cpu_partial);
	else
		snprintf(count->first.model, sizeof(count->first.model), "no such cache can be");
	return 0;
}

int verify_geometry(const struct verify_options *options, struct verify_count *count, struct err *err)
{
	struct mm mm;
	int ret = mm_init(&mm, options->machine, options->seed, err);

	if (ret < 0)
		return ret;
	for (uint32_t s = 0; ret == 0 && s < options->nr_states; s++)
		for (size_t i = 0; ret == 0 && i < options->states[s].state->nr_caches; i++)
			ret = compare_geometry(mm.slab, &options->states[s], &options->states[s].state->caches[i],
				count);
	mm_fini(&mm);
	return ret;
}
