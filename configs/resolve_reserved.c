#include "configs/loader_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/units.h"

static uint64_t end_of(const struct machine_range *range)
{
	return range->start + range->size;
}

static bool overlap(const struct machine_range *a, uint64_t start, uint64_t end)
{
	return a->start < end && start < end_of(a);
}

static uint64_t ram_end(const struct machine *m)
{
	return m->nr_ram ? end_of(&m->ram[m->nr_ram - 1]) : 0;
}

/* A reserved range, other than @moving itself, that reaches into [start, end); NULL: none does. */
static const struct machine_range *blocking(const struct machine *m, const struct machine_range *moving, uint64_t start,
	uint64_t end)
{
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		if (&m->reserved[i] != moving && overlap(&m->reserved[i], start, end))
			return &m->reserved[i];
	return NULL;
}

/* The highest free place below @limit, as memblock looks for one: top down. UINT64_MAX when there is none. */
static uint64_t highest_place(const struct machine *m, const struct machine_range *moving, uint64_t limit)
{
	for (uint32_t i = m->nr_ram; i-- > 0;) {
		uint64_t end = min_u64(end_of(&m->ram[i]), limit & ~(uint64_t)(m->page_size - 1));

		while (end >= m->ram[i].start + moving->size) {
			uint64_t start = end - moving->size;
			const struct machine_range *other = blocking(m, moving, start, end);

			if (!other)
				return start;
			end = other->start < m->page_size ? 0 : other->start & ~(uint64_t)(m->page_size - 1);
		}
	}
	return UINT64_MAX;
}

static uint64_t ram_bytes(const struct machine *m)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < m->nr_ram; i++)
		bytes += m->ram[i].size;
	return bytes;
}

/* @value of the old amount of memory, in proportion to the new one. */
static uint64_t scaled(const struct loader *l, uint64_t value, uint64_t bytes)
{
	return (uint64_t)((unsigned __int128)value * bytes / l->memory_before);
}

/*
 * With other memory than the file's map has: what is there in proportion to RAM grows or shrinks with it, and what was
 * reserved beyond the new end, or has another size now, goes where memblock would have put it: to the end of RAM, with
 * several nodes about as far up as it was, so that it stays on its node.
 */
static void fit_to_ram(struct loader *l)
{
	struct machine *m = &l->draft->machine;
	uint64_t bytes = ram_bytes(m);

	for (uint32_t i = 0; i < m->nr_reserved; i++) {
		struct machine_range *range = &m->reserved[i];

		if (range->scales)
			range->size = scaled(l, range->size, bytes);
		range->size = max_u64(align_up(range->size, m->page_size), m->page_size);
	}
	for (uint32_t i = 0; i < m->nr_reserved; i++) {
		struct machine_range *range = &m->reserved[i];
		uint64_t place;

		if (end_of(range) <= ram_end(m) && !range->scales)
			continue;
		place = highest_place(m, range, m->nr_nodes > 1 ? scaled(l, end_of(range), bytes) : UINT64_MAX);
		if (place != UINT64_MAX)
			range->start = place;
	}
}

/* x86 reserves the first MiB whatever the firmware says; done here only where RAM has the map of a PC made here. */
static void reserve_first_mib(struct loader *l)
{
	struct draft *draft = l->draft;
	struct machine *m = &draft->machine;

	if (m->page_size != 4096 || draft->nodes[0].nr_ranges || m->nr_reserved == MACHINE_MAX_RANGES)
		return;
	for (uint32_t i = 0; i < m->nr_reserved; i++) {
		if (overlap(&m->reserved[i], 0, MIB))
			return;
	}
	m->reserved[m->nr_reserved++] = (struct machine_range){ .start = 0, .size = MIB, .name = "first MiB" };
}

/* Places for messages: where the range with this start was written. The list is sorted by now. */
static struct finding_place place_of_range(const struct loader *l, const struct machine_range *range)
{
	const struct yaml_node *list = l->root ? yaml_tree_find(l->root, "reserved") : NULL;
	struct finding_place place = place_of_path(l, "reserved");
	const struct key *key = key_find("reserved.#.start");

	if (place.setting || !list)
		return place;
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		const struct yaml_node *name = node->kind == YAML_MAP ? yaml_map_key(node, "start", 5) : NULL;
		struct machine_range written = { 0 };

		if (name && name->next->kind == YAML_SCALAR &&
			key_set(key, &written, 0, name->next->text, l->page_size) == KEY_OK &&
			written.start == range->start)
			place = (struct finding_place){ .line = node->line, .column = node->column };
	}
	return place;
}

/* What a setting of memory left no place for: fit_to_ram() has tried. */
static void does_not_fit(struct loader *l, const struct machine_range *range)
{
	char size[32], ram[32];

	findings_add(l->findings, place_of_range(l, range),
		"reserved: \"%s\", %s, finds no place beside the others in %s of RAM", range->name,
		units_format_size_short(range->size, size, sizeof(size)),
		units_format_size_short(ram_bytes(&l->draft->machine), ram, sizeof(ram)));
}

static void check_inside(struct loader *l, struct machine_range *range)
{
	const struct machine *m = &l->draft->machine;

	for (uint32_t i = 0; i < m->nr_ram; i++) {
		if (overlap(&m->ram[i], range->start, end_of(range)) && end_of(range) <= ram_end(m)) {
			range->node = m->ram[i].node;
			return;
		}
	}
	if (m->nr_ram && l->memory_before)
		does_not_fit(l, range);
	else if (m->nr_ram)
		findings_add(l->findings, place_of_range(l, range),
			"reserved: \"%s\" 0x%" PRIx64 "-0x%" PRIx64 " is not in RAM, whose last byte is 0x%" PRIx64,
			range->name, range->start, end_of(range) - 1, ram_end(m) - 1);
}

static int by_start(const void *a, const void *b)
{
	const struct machine_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Each page that is reserved in part is reserved whole, once: the first range that touches it has it. */
static void round_to_pages(struct machine *m)
{
	uint64_t taken = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->nr_reserved; i++) {
		struct machine_range range = m->reserved[i];
		uint64_t end = align_up(end_of(&range), m->page_size);

		range.start = max_u64(range.start & ~(uint64_t)(m->page_size - 1), taken);
		if (range.start >= end)
			continue;
		range.size = end - range.start;
		taken = end;
		m->reserved[kept++] = range;
	}
	memset(&m->reserved[kept], 0, (m->nr_reserved - kept) * sizeof(m->reserved[0]));
	m->nr_reserved = kept;
}

void draft_resolve_reserved(struct loader *l)
{
	struct machine *m = &l->draft->machine;

	if (l->memory_before)
		fit_to_ram(l);
	reserve_first_mib(l);
	qsort(m->reserved, m->nr_reserved, sizeof(m->reserved[0]), by_start);
	for (uint32_t i = 0; i < m->nr_reserved; i++) {
		struct machine_range *range = &m->reserved[i];

		check_inside(l, range);
		if (i && end_of(range - 1) > range->start)
			findings_add(l->findings, place_of_range(l, range),
				"reserved: \"%s\" 0x%" PRIx64 "-0x%" PRIx64 " overlaps \"%s\" 0x%" PRIx64 "-0x%" PRIx64,
				range->name, range->start, end_of(range) - 1, range[-1].name, range[-1].start,
				end_of(range - 1) - 1);
	}
	round_to_pages(m);
}
