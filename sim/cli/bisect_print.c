#include "sim/cli/bisect_print.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"

/* Figures of a zone, or of a cache, in the order in which they are shown. */
struct figure {
	const char *name; /* in JSON */
	uint64_t value;
};

#define MAX_FIGURES 16

static size_t zone_figures(const struct bisect_zone *zone, struct figure figures[MAX_FIGURES])
{
	const struct zone_stats *s = &zone->stats;
	const struct figure all[] = {
		{ "free_pages", s->free_pages }, { "pcp_pages", s->pcp_pages }, { "pcp_pages_this_cpu",
			zone->cpu_pages },
		{ "min_pages", s->min }, { "low_pages", s->low }, { "high_pages", s->high }, { "boost_pages",
			s->boost },
		{ "highatomic_pages", s->highatomic }, { "managed_pages", s->managed },
	};

	memcpy(figures, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

static size_t cache_figures(const struct slab_stats *s, struct figure figures[MAX_FIGURES])
{
	const struct figure all[] = {
		{ "object_size", s->geometry.object_size }, { "size", s->geometry.size },
		{ "objs_per_slab", s->geometry.objs_per_slab }, { "order", s->geometry.order },
		{ "min_partial", s->geometry.min_partial }, { "cpu_partial", s->geometry.cpu_partial },
		{ "live_objs", s->live_objs }, { "total_objs", s->total_objs }, { "slabs", s->slabs },
		{ "cpu_current", s->slabs_cpu_current }, { "cpu_partial_slabs", s->slabs_cpu_partial },
		{ "node_partial", s->partial }, { "allocs", s->allocs }, { "frees", s->frees },
	};

	memcpy(figures, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

static unsigned int nr_orders(const struct zone_stats *zone, int mt)
{
	unsigned int nr = PAGE_MAX_ORDERS;

	while (nr && !zone->blocks[mt][nr - 1])
		nr--;
	return nr;
}

static char side_name(int side)
{
	return (char)('A' + side);
}

static void print_place(FILE *out, const struct place *place)
{
	if (place->kind == PLACE_OBJECT)
		fprintf(out, "object %u of the slab at page %" PRIu64 " (address 0x%" PRIx64 ")", place->index,
			place->pfn, place->address);
	else
		fprintf(out, "%s at page %" PRIu64 " (address 0x%" PRIx64 ")",
			place->kind == PLACE_LARGE ? "a large kmalloc" : "pages", place->pfn, place->address);
}

static const char *result_name(enum outcome_result result)
{
	return result == OUTCOME_DONE ? "done" : result == OUTCOME_FAILED ? "failed" : "nothing";
}

/* What one run did, in a line. */
static void print_did(FILE *out, const struct bisect_side *side)
{
	const struct outcome *o = &side->outcome;
	bool moved = o->was.kind != o->is.kind || o->was.address != o->is.address;

	fputs(o->result == OUTCOME_FAILED ? "fails" : o->result == OUTCOME_DONE ? "done" : "nothing to do", out);
	if (o->was.kind != PLACE_NONE && moved) {
		fputs(", gives back ", out);
		print_place(out, &o->was);
	}
	if (o->is.kind != PLACE_NONE) {
		fputs(moved ? ", takes " : ", keeps ", out);
		print_place(out, &o->is);
	}
	if (!o->prologue)
		fprintf(out, "; starts at %" PRIu64 " ns, costs %" PRIu64 " ns", o->start_ns, o->cost_ns);
	fputc('\n', out);
}

static void print_event(FILE *out, const struct bisect_side *side)
{
	const struct outcome *o = &side->outcome;

	if (o->prologue)
		fputs("event      in the prologue: what was there before the recording\n", out);
	else
		fprintf(out, "event      %" PRIu64 " at %" PRIu64 ".%09" PRIu64 " s, CPU %u, %s (pid %d)\n",
			o->event_no, o->arrival_ns / 1000000000u, o->arrival_ns % 1000000000u, o->cpu,
			side->comm[0] ? side->comm : "?", side->pid);
	fprintf(out, "operation  %s\n", side->operation);
	if (side->call_site[0])
		fprintf(out, "call site  %s\n", side->call_site);
}

/* The same figures of all sides: a row each, `*` behind those that differ. */
static void print_figures(FILE *out, const struct bisect_shown *shown, struct figure figures[2][MAX_FIGURES], size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		fprintf(out, "  %-20s", figures[0][i].name);
		for (int s = 0; s < shown->nr_sides; s++)
			fprintf(out, " %12" PRIu64, figures[s][i].value);
		fputs(shown->nr_sides == 2 && figures[0][i].value != figures[1][i].value ? "  *\n" : "\n", out);
	}
}

static void print_lines(FILE *out, char side, const char *lines)
{
	for (size_t len; *lines; lines += len + (lines[len] == '\n')) {
		len = strcspn(lines, "\n");
		fprintf(out, "  %c %.*s\n", side, (int)len, lines);
	}
}

static void print_cache(FILE *out, const struct bisect_shown *shown)
{
	struct figure figures[2][MAX_FIGURES] = { 0 };
	size_t nr = 0;

	if (!shown->sides[0].has_cache || (shown->nr_sides == 2 && !shown->sides[1].has_cache))
		return;
	for (int s = 0; s < shown->nr_sides; s++)
		nr = cache_figures(&shown->sides[s].cache, figures[s]);
	fprintf(out, "\ncache %s\n", shown->sides[0].cache.name);
	print_figures(out, shown, figures, nr);
	for (int s = 0; s < shown->nr_sides; s++)
		print_lines(out, side_name(s), shown->sides[s].slabs);
}

static void print_blocks(FILE *out, const struct bisect_shown *shown, unsigned int z)
{
	for (int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		const struct zone_stats *a = &shown->sides[0].zones[z].stats;
		const struct zone_stats *b = &shown->sides[shown->nr_sides - 1].zones[z].stats;
		bool equal = !memcmp(a->blocks[mt], b->blocks[mt], sizeof(a->blocks[mt]));
		unsigned int nr = nr_orders(a, mt) > nr_orders(b, mt) ? nr_orders(a, mt) : nr_orders(b, mt);

		for (int s = 0; nr && s < (equal ? 1 : 2); s++) {
			fprintf(out, "  %-11s %c", s ? "" : migratetype_name[mt], equal ? ' ' : side_name(s));
			for (unsigned int order = 0; order < nr; order++)
				fprintf(out, " %6" PRIu64, (s ? b : a)->blocks[mt][order]);
			fputs(s ? "  *\n" : "\n", out);
		}
	}
}

static void print_zone(FILE *out, const struct bisect_shown *shown, unsigned int z)
{
	const struct zone_stats *zone = &shown->sides[0].zones[z].stats;
	struct figure figures[2][MAX_FIGURES] = { 0 };
	size_t nr = 0;

	for (int s = 0; s < shown->nr_sides; s++)
		nr = zone_figures(&shown->sides[s].zones[z], figures[s]);
	fprintf(out, "\nzone %s of node %u\n", machine_zone_name[zone->type], zone->node);
	print_figures(out, shown, figures, nr);
	fputs("  free blocks by order, from 0\n", out);
	print_blocks(out, shown, z);
	for (int s = 0; s < shown->nr_sides && shown->lists; s++)
		print_lines(out, side_name(s), shown->sides[s].zones[z].lists);
}

/* Zones that both machines have are shown side by side; the others one after another. */
static bool same_zones(const struct bisect_shown *shown)
{
	if (shown->nr_sides == 1)
		return true;
	if (shown->sides[0].nr_zones != shown->sides[1].nr_zones)
		return false;
	for (unsigned int z = 0; z < shown->sides[0].nr_zones; z++) {
		const struct zone_stats *a = &shown->sides[0].zones[z].stats, *b = &shown->sides[1].zones[z].stats;

		if (a->node != b->node || a->type != b->type)
			return false;
	}
	return true;
}

static void print_state(FILE *out, const struct bisect_shown *shown)
{
	if (!same_zones(shown)) {
		for (int s = 0; s < shown->nr_sides; s++) {
			struct bisect_shown one = *shown;

			one.sides += s;
			one.nr_sides = 1;
			fprintf(out, "\nState before it in %c\n", side_name(s));
			print_state(out, &one);
		}
		return;
	}
	if (shown->nr_sides == 2)
		fputs("\nState before it: A, B, and * where they differ\n", out);
	print_cache(out, shown);
	for (unsigned int z = 0; z < shown->sides[0].nr_zones; z++)
		print_zone(out, shown, z);
}

void bisect_print_text(const struct bisect_shown *shown, FILE *out)
{
	const struct bisect_answer *answer = shown->answer;
	const struct bisect_side *sides = shown->sides;

	if (shown->nr_sides == 2 && answer->prologue)
		fprintf(out, "The runs part before the recording begins, at event %" PRIu64 " of the prologue.\n\n",
			answer->position);
	else if (shown->nr_sides == 2)
		fprintf(out, "The runs part after %" PRIu64 " equal events.\n\n", answer->compared);
	if (!shown->nr_sides)
		return;
	print_event(out, &sides[0]);
	if (shown->nr_sides == 2 && sides[0].outcome.event_no != sides[1].outcome.event_no) {
		fputs("while the second run, its CPUs busy at other times (see --time), serves:\n", out);
		print_event(out, &sides[1]);
	}
	fputc('\n', out);
	for (int s = 0; s < shown->nr_sides; s++) {
		fprintf(out, "%c  %s, seed %" PRIu64 "\n   ", side_name(s), shown->names[s], shown->runs[s].seed);
		print_did(out, &sides[s]);
	}
	print_state(out, shown);
}

static void json_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\"%s\": ", key);
	json_text_put(out, text);
}

static void json_figures(FILE *out, const struct figure *figures, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		fprintf(out, ", \"%s\": %" PRIu64, figures[i].name, figures[i].value);
}

static void json_place(FILE *out, const char *key, const struct place *place)
{
	static const char *const kinds[] = { "none", "object", "large_kmalloc", "pages" };

	if (place->kind == PLACE_NONE)
		fprintf(out, ", \"%s\": null", key);
	else
		fprintf(out,
			", \"%s\": {\"kind\": \"%s\", \"pfn\": %" PRIu64 ", \"index\": %u, \"address\": %" PRIu64 "}",
			key, kinds[place->kind], place->pfn, place->index, place->address);
}

static void json_zone(FILE *out, const struct bisect_zone *zone)
{
	struct figure figures[MAX_FIGURES];
	bool first = true;

	fprintf(out, "{\"node\": %u, \"zone\": \"%s\"", zone->stats.node, machine_zone_name[zone->stats.type]);
	json_figures(out, figures, zone_figures(zone, figures));
	fputs(", \"blocks\": {", out);
	for (int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		unsigned int nr = nr_orders(&zone->stats, mt);

		if (!nr)
			continue;
		fprintf(out, "%s\"%s\": [", first ? "" : ", ", migratetype_name[mt]);
		for (unsigned int order = 0; order < nr; order++)
			fprintf(out, "%s%" PRIu64, order ? ", " : "", zone->stats.blocks[mt][order]);
		fputc(']', out);
		first = false;
	}
	fputs("}}", out);
}

static void json_side(FILE *out, const struct bisect_side *side, const struct bisect_run *run, const char *name)
{
	const struct outcome *o = &side->outcome;
	struct figure figures[MAX_FIGURES];

	fputc('{', out);
	json_text(out, "run", name);
	fputs(", ", out);
	json_text(out, "machine", run->machine->name);
	fprintf(out,
		", \"seed\": %" PRIu64 ", \"event\": %" PRIu64 ", \"time_ns\": %" PRIu64 ", \"cpu\": %u, \"pid\": %d, ",
		run->seed, o->event_no, o->arrival_ns, o->cpu, side->pid);
	json_text(out, "comm", side->comm);
	fputs(", ", out);
	json_text(out, "operation", side->operation);
	fputs(", ", out);
	json_text(out, "call_site", side->call_site);
	fprintf(out, ", \"result\": \"%s\"", result_name(o->result));
	json_place(out, "was", &o->was);
	json_place(out, "is", &o->is);
	fprintf(out, ", \"start_ns\": %" PRIu64 ", \"cost_ns\": %" PRIu64 ", \"cache\": ", o->start_ns, o->cost_ns);
	if (side->has_cache) {
		fputc('{', out);
		json_text(out, "name", side->cache.name);
		json_figures(out, figures, cache_figures(&side->cache, figures));
		fputc('}', out);
	} else {
		fputs("null", out);
	}
	fputs(", \"zones\": [", out);
	for (unsigned int z = 0; z < side->nr_zones; z++) {
		fputs(z ? ", " : "", out);
		json_zone(out, &side->zones[z]);
	}
	fputs("]}", out);
}

void bisect_print_json(const struct bisect_shown *shown, FILE *out)
{
	const struct bisect_answer *answer = shown->answer;

	fputc('{', out);
	if (shown->nr_sides != 1)
		fprintf(out, "\"equal\": %s, \"compared\": %" PRIu64 ", ", answer->part ? "false" : "true",
			answer->compared);
	if (answer->part && shown->nr_sides != 1)
		fprintf(out, "\"prologue\": %s, \"first\": %" PRIu64 ", \"last\": %" PRIu64 ", ",
			answer->prologue ? "true" : "false", answer->position, answer->last);
	fputs("\"runs\": [", out);
	for (int s = 0; s < shown->nr_sides; s++) {
		fputs(s ? ", " : "", out);
		json_side(out, &shown->sides[s], &shown->runs[s], shown->names[s]);
	}
	fputs("]}\n", out);
}
