/* bisect_side: copies what is known of one event of a run, and of the memory that it meets. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/room_text.h"
#include "sim/bisect.h"

static void say_operation(struct bisect_side *side, const struct trace_tables *tables, const struct trace_op *op)
{
	struct room_text text = { side->operation, sizeof(side->operation), 0 };
	uint32_t keys = kind_info[op->kind].keys;
	char gfp[160];

	room_text_add(&text, "%s", kind_info[op->kind].name);
	if (op->flags & OP_NULL)
		room_text_add(&text, " of NULL");
	if (op->name)
		room_text_add(&text, " %s", tables->strings[op->name]);
	if ((keys & KEY_SIZE) && op->size)
		room_text_add(&text, ", %" PRIu64 " bytes", op->size);
	if (keys & KEY_ORDER)
		room_text_add(&text, ", order %u", op->order);
	if (keys & KEY_GFP) {
		gfp_format(op->gfp, gfp, sizeof(gfp));
		room_text_add(&text, ", %s", gfp);
	}
	if ((keys & KEY_NODE) && op->node >= 0)
		room_text_add(&text, ", node %d", op->node);
}

static int copy_zones(struct bisect_side *side, uint32_t cpu, const struct mm *mm)
{
	side->nr_zones = page_alloc_nr_zones(mm->pages);
	side->zones = calloc(side->nr_zones, sizeof(*side->zones));
	if (!side->zones)
		return -1;
	for (unsigned int z = 0; z < side->nr_zones; z++) {
		struct bisect_zone *zone = &side->zones[z];

		page_alloc_zone_stats(mm->pages, z, &zone->stats);
		zone->cpu_pages = page_alloc_pcp_count(mm->pages, z, cpu);
		page_alloc_describe(mm->pages, z, zone->lists, sizeof(zone->lists));
	}
	return 0;
}

int bisect_side_copy(struct bisect_side *side, const struct outcome *outcome, const struct trace_tables *tables,
	const struct mm *mm)
{
	const struct trace_op *op = &tables->ops[outcome->op];
	const struct trace_who *who = &tables->whos[outcome->who];

	side->pid = who->pid;
	snprintf(side->comm, sizeof(side->comm), "%s", tables->strings[who->comm]);
	snprintf(side->call_site, sizeof(side->call_site), "%s", tables->strings[op->call_site]);
	say_operation(side, tables, op);
	side->has_cache = outcome->cache != CACHE_NONE;
	if (side->has_cache) {
		slab_cache_stats(mm->slab, outcome->cache, &side->cache);
		slab_describe(mm->slab, outcome->cache, outcome->cpu, side->slabs, sizeof(side->slabs));
	}
	return copy_zones(side, outcome->cpu, mm);
}

void bisect_side_fini(struct bisect_side *side)
{
	free(side->zones);
	*side = (struct bisect_side){ 0 };
}
