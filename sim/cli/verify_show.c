#include "sim/cli/verify_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "sim/cli/cli.h"

#define MAX_CACHE_ROWS 10 /* of caches that differ; --json has all */

static void json_zone(const struct verify_zone *zone, uint32_t nr_orders)
{
	printf("{\"node\": %u, \"zone\": \"%s\", \"free_pages\": %" PRIu64 ", \"free_pages_real\": %" PRIu64
	       ", \"managed_pages\": %" PRIu64 ", \"pcp_pages\": %" PRIu64 ", \"pcp_pages_real\": %" PRIu64
	       ", \"unusable_max_error\": %u.%03u, \"blocks\": [",
		zone->node, machine_zone_name[zone->type], zone->free_pages, zone->free_pages_real, zone->managed_pages,
		zone->pcp_pages, zone->pcp_pages_real, zone->unusable_max_error_milli / 1000,
		zone->unusable_max_error_milli % 1000);
	for (uint32_t order = 0; order < nr_orders; order++)
		printf("%s{\"order\": %u, \"model\": %" PRIu64 ", \"real\": %" PRIu64 "}", order ? ", " : "", order,
			zone->blocks[order], zone->blocks_real[order]);
	printf("]}");
}

static void json_cache(const struct verify_cache *cache)
{
	printf("{\"name\": ");
	json_text_put(stdout, cache->name);
	printf(", \"slabs\": %" PRIu64 ", \"slabs_real\": %" PRIu64 ", \"objects\": %" PRIu64
	       ", \"objects_real\": %" PRIu64 "}",
		cache->slabs, cache->slabs_real, cache->objects, cache->objects_real);
}

static void json_snapshot(const struct verify_snapshot *snapshot)
{
	printf("  {\"name\": ");
	json_text_put(stdout, snapshot->name);
	printf(", \"zones\": [");
	for (uint32_t z = 0; z < snapshot->nr_zones; z++) {
		printf("%s\n    ", z ? "," : "");
		json_zone(&snapshot->zones[z], snapshot->nr_orders);
	}
	printf("],\n   \"caches\": [");
	for (uint32_t i = 0; i < snapshot->nr_caches; i++) {
		printf("%s\n    ", i ? "," : "");
		json_cache(&snapshot->caches[i]);
	}
	printf("],\n   \"vmstat\": [");
	for (uint32_t i = 0; i < snapshot->nr_vmstat; i++)
		printf("%s{\"name\": \"%s\", \"growth\": %" PRIu64 ", \"growth_real\": %" PRIu64 "}", i ? ", " : "",
			snapshot->vmstat[i].name, snapshot->vmstat[i].growth, snapshot->vmstat[i].growth_real);
	printf("],\n   \"slab_pages\": %" PRIu64 ", \"slab_pages_real\": %" PRIu64 "}", snapshot->slab_pages,
		snapshot->slab_pages_real);
}

static void json_difference(const char *check, const struct verify_difference *first, bool more)
{
	printf("%s\n  {\"check\": \"%s\", \"event\": %" PRIu64 ", \"time_ns\": %" PRIu64 ", \"kernel\": ",
		more ? "," : "", check, first->event_no, first->time_ns);
	json_text_put(stdout, first->kernel);
	printf(", \"model\": ");
	json_text_put(stdout, first->model);
	putchar('}');
}

static void json_check(const struct verify *verify, int check)
{
	const struct verify_count *count = &verify->checks[check];

	printf("\"%s\": {\"checked\": %" PRIu64 ", \"equal\": %" PRIu64, verify_check_name[check], count->checked,
		count->equal);
	if (check == VERIFY_OBJECTS)
		printf(", \"told\": %" PRIu64 ", \"assisted\": %" PRIu64, count->told, count->assisted);
	printf("},\n ");
}

void verify_print_json(const struct verify *verify)
{
	bool more = false;

	putchar('{');
	for (int check = 0; check < NR_VERIFY_CHECKS; check++)
		json_check(verify, check);
	printf("\"snapshots\": [");
	for (uint32_t i = 0; i < verify->nr_snapshots; i++) {
		printf("%s\n", i ? "," : "");
		json_snapshot(&verify->snapshots[i]);
	}
	printf("],\n \"first_differences\": [");
	for (int check = 0; check < NR_VERIFY_CHECKS; check++) {
		if (!verify->checks[check].first.there)
			continue;
		json_difference(verify_check_name[check], &verify->checks[check].first, more);
		more = true;
	}
	printf("]}\n");
}

static double percent(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 100.0;
}

static void table_zones(const struct verify_snapshot *snapshot)
{
	printf("  %-4s %-8s %10s %10s %10s %8s %8s %9s\n", "node", "zone", "free", "real", "managed", "pcp", "real",
		"unusable");
	for (uint32_t z = 0; z < snapshot->nr_zones; z++) {
		const struct verify_zone *zone = &snapshot->zones[z];

		printf("  %-4u %-8s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 "    +-0.%03u\n",
			zone->node, machine_zone_name[zone->type], zone->free_pages, zone->free_pages_real,
			zone->managed_pages, zone->pcp_pages, zone->pcp_pages_real, zone->unusable_max_error_milli);
		printf("       blocks  ");
		for (uint32_t order = 0; order < snapshot->nr_orders; order++)
			printf(" %" PRIu64 "/%" PRIu64, zone->blocks[order], zone->blocks_real[order]);
		putchar('\n');
	}
}

static void table_caches(const struct verify_snapshot *snapshot)
{
	uint32_t equal = 0, shown = 0;

	for (uint32_t i = 0; i < snapshot->nr_caches; i++)
		equal += snapshot->caches[i].slabs == snapshot->caches[i].slabs_real;
	printf("  %u of %u caches have the real number of slabs; %" PRIu64 " slab pages, really %" PRIu64 "\n", equal,
		snapshot->nr_caches, snapshot->slab_pages, snapshot->slab_pages_real);
	for (uint32_t i = 0; i < snapshot->nr_caches && shown < MAX_CACHE_ROWS; i++) {
		const struct verify_cache *cache = &snapshot->caches[i];

		if (cache->slabs == cache->slabs_real)
			continue;
		printf("  %-24s slabs %6" PRIu64 " real %6" PRIu64 "   objects %7" PRIu64 " real %7" PRIu64 "\n",
			cache->name, cache->slabs, cache->slabs_real, cache->objects, cache->objects_real);
		shown++;
	}
}

void verify_print_table(const struct verify *verify)
{
	char why[512];

	printf("%-20s %10s %10s %8s\n", "check", "checked", "equal", "%");
	for (int check = 0; check < NR_VERIFY_CHECKS; check++) {
		const struct verify_count *count = &verify->checks[check];

		printf("%-20s %10" PRIu64 " %10" PRIu64 " %8.3f\n", verify_check_name[check], count->checked,
			count->equal, percent(count->equal, count->checked));
	}
	printf("  objects: %" PRIu64 " equal ones begin a new slab, whose pages and random start are told; %" PRIu64
	       " others were free by a free that no event shows\n", verify->checks[VERIFY_OBJECTS].told,
		verify->checks[VERIFY_OBJECTS].assisted);
	for (uint32_t i = 0; i < verify->nr_snapshots; i++) {
		printf("\nsnapshot %s (model and real)\n", verify->snapshots[i].name);
		table_zones(&verify->snapshots[i]);
		table_caches(&verify->snapshots[i]);
		for (uint32_t c = 0; c < verify->snapshots[i].nr_vmstat; c++)
			printf("  %-24s + %10" PRIu64 " real + %10" PRIu64 "\n", verify->snapshots[i].vmstat[c].name,
				verify->snapshots[i].vmstat[c].growth, verify->snapshots[i].vmstat[c].growth_real);
	}
	for (int check = 0; check < NR_VERIFY_CHECKS; check++) {
		const struct verify_difference *first = &verify->checks[check].first;

		if (first->there)
			printf("\nfirst difference of %s: event %" PRIu64 " at %" PRIu64
			       " ns\n  kernel: %s\n  model:  %s\n",
				verify_check_name[check], first->event_no, first->time_ns, first->kernel, first->model);
	}
	if (verify_passed(verify, why, sizeof(why)))
		printf("\nequal within the limits%s\n", verify->limits.pressure ?
			" (the machine was short of memory: its free memory and slabs are not held against the model)" : "");
	else
		printf("\nfell short: %s\n", why);
}
