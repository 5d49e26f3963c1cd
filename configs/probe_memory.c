#include "configs/probe_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/units.h"

/* sizeof(struct page), bytes: the largest thing that the kernel takes in proportion to RAM. */
#define PAGE_DESCRIPTOR_64 64
#define PAGE_DESCRIPTOR_32 32

/* Names of what no file names: how much of it there is follows from present and managed pages. */
static const char page_descriptors[] = "page descriptors";
static const char boot_reservations[] = "early boot reservations";

/* A line of iomem: "  01000000-01e01ef1 : Kernel code"; two blanks a level. */
struct iomem_line {
	unsigned int depth;
	uint64_t start, end; /* bytes, end exclusive */
	const char *name;
};

static bool parse_iomem(const char *line, struct iomem_line *io)
{
	int name = 0;
	size_t blanks = strspn(line, " ");

	io->depth = (unsigned int)blanks / 2;
	if (sscanf(line + blanks, "%" SCNx64 "-%" SCNx64 " : %n", &io->start, &io->end, &name) != 2 || !name)
		return false;
	io->name = line + blanks + name;
	if (io->end < io->start || io->end >= 1ull << 52)
		return false;
	io->end++;
	return true;
}

/* Names go into a YAML file. */
static void set_name(struct probe_piece *piece, const char *name)
{
	size_t len = 0;

	for (; name[len] && len < sizeof(piece->name) - 1; len++)
		piece->name[len] = isprint((unsigned char)name[len]) ? name[len] : '?';
	piece->name[len] = '\0';
}

/* Cut [@start, @end) along the zones; what is in no zone is left out. Answers the pages that were. */
static uint64_t add_pieces(struct probe *probe, struct probe_piece *list, uint32_t *nr, uint64_t start, uint64_t end,
	const char *name)
{
	uint64_t left = end - start;

	for (uint32_t i = 0; i < probe->info.nr_zones; i++) {
		const struct zoneinfo_zone *z = &probe->info.zones[i];
		struct probe_piece piece = { .zone = i, .start = max_u64(start, z->start_pfn),
			.end = min_u64(end, z->start_pfn + z->spanned) };

		if (piece.start >= piece.end)
			continue;
		if (*nr == MACHINE_MAX_RANGES) {
			probe_note(probe, "iomem: more than %u ranges: the rest is left out", MACHINE_MAX_RANGES);
			return left;
		}
		set_name(&piece, name);
		list[(*nr)++] = piece;
		left -= min_u64(left, piece.end - piece.start); /* zones of several nodes may overlap */
	}
	return left;
}

static int by_start(const void *a, const void *b)
{
	const struct probe_piece *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Sorted, each page in at most one piece. */
static void sort_pieces(struct probe_piece *list, uint32_t *nr)
{
	uint64_t taken = 0;
	uint32_t kept = 0;

	qsort(list, *nr, sizeof(list[0]), by_start);
	for (uint32_t i = 0; i < *nr; i++) {
		struct probe_piece piece = list[i];

		piece.start = max_u64(piece.start, taken);
		if (piece.start >= piece.end)
			continue;
		taken = piece.end;
		list[kept++] = piece;
	}
	*nr = kept;
}

/* The parts of [@start, @end) that are RAM become reserved. */
static void add_reserved(struct probe *probe, uint64_t start, uint64_t end, const char *name)
{
	for (uint32_t i = 0; i < probe->nr_ram; i++) {
		uint64_t from = max_u64(start, probe->ram[i].start), to = min_u64(end, probe->ram[i].end);

		if (from >= to || probe->nr_reserved == MACHINE_MAX_RANGES)
			continue;
		probe->reserved[probe->nr_reserved] = probe->ram[i];
		probe->reserved[probe->nr_reserved].start = from;
		probe->reserved[probe->nr_reserved].end = to;
		set_name(&probe->reserved[probe->nr_reserved++], name);
	}
}

/* RAM is what iomem calls so, whole pages only; what it lists inside was taken before the first page was free. */
static bool read_iomem(struct probe *probe, bool nested)
{
	uint64_t page = probe->machine->page_size, outside = 0;
	char *text = probe_read(probe, "iomem"), *rest = text, *line;
	bool in_ram = false, found = false;
	struct iomem_line io;

	while (rest && (line = text_next_line(&rest))) {
		if (!parse_iomem(line, &io))
			continue;
		if (!io.depth)
			in_ram = !strncmp(io.name, "System RAM", strlen("System RAM"));
		if (!in_ram || io.end - io.start < page || (io.depth > 0) != nested || io.depth > 1)
			continue;
		found = true;
		if (nested)
			add_reserved(probe, io.start / page, div_round_up(io.end, page), io.name);
		else if (div_round_up(io.start, page) < io.end / page)
			outside += add_pieces(probe, probe->ram, &probe->nr_ram, div_round_up(io.start, page),
				io.end / page, "");
	}
	free(text);
	if (outside)
		probe_note(probe, "iomem: %" PRIu64 " pages of RAM are in no zone of zoneinfo and are left out",
			outside);
	return found;
}

/*
 * Without iomem the holes of a zone are not known. Those of a PC's first MiB are put below it; others before the last
 * page of the zone, so that its span stays.
 */
static void guess_ram(struct probe *probe)
{
	uint64_t first_mib = MIB / probe->machine->page_size;

	probe_note(probe,
		"iomem is missing or shows no addresses (only root may see them): the holes in RAM are assumed");
	for (uint32_t i = 0; i < probe->info.nr_zones; i++) {
		const struct zoneinfo_zone *z = &probe->info.zones[i];
		uint64_t hole = z->spanned - z->present, end = z->start_pfn + z->spanned;
		uint64_t hole_end = z->start_pfn + hole < first_mib && first_mib < end ? first_mib : end - 1;

		if (!hole)
			hole_end = end;
		add_pieces(probe, probe->ram, &probe->nr_ram, z->start_pfn, hole_end - hole, "");
		if (hole_end < end)
			add_pieces(probe, probe->ram, &probe->nr_ram, hole_end, end, "");
	}
}

static uint64_t pages_in_zone(const struct probe_piece *list, uint32_t nr, uint32_t zone)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < nr; i++)
		pages += list[i].zone == zone ? list[i].end - list[i].start : 0;
	return pages;
}

/* The kernel has given back more than the named ranges leave: part of what they name is free by now. */
static void shrink_reserved(struct probe *probe, uint32_t zone, uint64_t excess)
{
	for (uint32_t i = probe->nr_reserved; excess && i-- > 0;) {
		struct probe_piece *piece = &probe->reserved[i];
		uint64_t pages;

		if (piece->zone != zone)
			continue;
		pages = min_u64(excess, piece->end - piece->start);
		piece->end -= pages;
		excess -= pages;
	}
}

/* Top down in one piece of RAM, as memblock gives pages out. Return: pages still wanted. */
static uint64_t fill_piece(struct probe *probe, const struct probe_piece *ram, const char *name, uint64_t wanted)
{
	uint32_t nr_taken = probe->nr_reserved;
	uint64_t end = ram->end;

	for (uint32_t i = nr_taken + 1; wanted && i-- > 0;) {
		/* The gap above named range i - 1; the lowest gap is above the beginning of RAM. */
		const struct probe_piece *below = i ? &probe->reserved[i - 1] : NULL;
		uint64_t from = below ? max_u64(below->end, ram->start) : ram->start;

		if (from < end) {
			uint64_t pages = min_u64(wanted, end - from);

			if (probe->nr_reserved == MACHINE_MAX_RANGES)
				return wanted;
			probe->reserved[probe->nr_reserved] = *ram;
			probe->reserved[probe->nr_reserved].start = end - pages;
			probe->reserved[probe->nr_reserved].end = end;
			probe->reserved[probe->nr_reserved].scales = name == page_descriptors;
			set_name(&probe->reserved[probe->nr_reserved++], name);
			wanted -= pages;
		}
		if (below)
			end = min_u64(end, max_u64(below->start, ram->start));
	}
	return wanted;
}

/* Return: pages of the zone for which there was no room. */
static uint64_t fill_zone(struct probe *probe, uint32_t zone, const char *name, uint64_t wanted)
{
	for (uint32_t i = probe->nr_ram; wanted && i-- > 0;) {
		if (probe->ram[i].zone == zone)
			wanted = fill_piece(probe, &probe->ram[i], name, wanted);
	}
	sort_pieces(probe->reserved, &probe->nr_reserved);
	return wanted;
}

static void account_zone(struct probe *probe, uint32_t zone)
{
	const struct zoneinfo_zone *z = &probe->info.zones[zone];
	const struct machine *m = probe->machine;
	uint64_t present = pages_in_zone(probe->ram, probe->nr_ram, zone), wanted = 0;
	uint64_t named = pages_in_zone(probe->reserved, probe->nr_reserved, zone), descriptors;

	if (present != z->present)
		probe_note(probe, "node %u, zone %s: iomem shows %" PRIu64 " pages of RAM, zoneinfo %" PRIu64, z->node,
			machine_zone_name[z->type], present, z->present);
	if (present < z->managed)
		probe_note(probe, "node %u, zone %s: the kernel manages more pages than there are", z->node,
			machine_zone_name[z->type]);
	else
		wanted = present - z->managed;
	if (named > wanted)
		shrink_reserved(probe, zone, named - wanted);
	wanted -= min_u64(wanted, named);
	descriptors = present * (m->bits32 ? PAGE_DESCRIPTOR_32 : PAGE_DESCRIPTOR_64) / m->page_size;
	descriptors = min_u64(wanted, descriptors);
	wanted -= descriptors;
	wanted = fill_zone(probe, zone, page_descriptors, descriptors) +
		fill_zone(probe, zone, boot_reservations, wanted);
	if (wanted)
		probe_note(probe, "node %u, zone %s: no room for %" PRIu64 " reserved pages", z->node,
			machine_zone_name[z->type], wanted);
}

/* Pieces that touch and have the same node and name become one range. */
static void hand_over(const struct probe *probe, const struct probe_piece *list, uint32_t nr,
	struct machine_range *ranges, uint32_t *nr_ranges)
{
	uint64_t page = probe->machine->page_size;

	*nr_ranges = 0;
	for (uint32_t i = 0; i < nr; i++) {
		struct machine_range range = {
			.start = list[i].start * page,
			.node = probe->info.zones[list[i].zone].node,
			.size = (list[i].end - list[i].start) * page,
		};
		struct machine_range *last = *nr_ranges ? &ranges[*nr_ranges - 1] : NULL;

		if (!range.size)
			continue;
		memcpy(range.name, list[i].name, sizeof(range.name));
		range.scales = list[i].scales;
		if (last && last->node == range.node && last->start + last->size == range.start &&
			!strcmp(last->name, range.name))
			last->size += range.size;
		else
			ranges[(*nr_ranges)++] = range;
	}
}

/* No zones to go by: RAM from iomem, or so much as meminfo has. */
static void memory_without_zones(struct probe *probe)
{
	struct machine *m = probe->machine;
	struct zoneinfo_zone all = { .spanned = 1ull << 40, .type = ZONE_NORMAL };
	char *text, *rest, *line;
	uint64_t total_kib = 0;

	probe->info.zones[0] = all;
	probe->info.nr_zones = 1;
	if (read_iomem(probe, false)) {
		sort_pieces(probe->ram, &probe->nr_ram);
		read_iomem(probe, true);
		add_reserved(probe, 0, MIB / m->page_size, "first MiB");
		sort_pieces(probe->reserved, &probe->nr_reserved);
		hand_over(probe, probe->ram, probe->nr_ram, m->ram, &m->nr_ram);
		hand_over(probe, probe->reserved, probe->nr_reserved, m->reserved, &m->nr_reserved);
		return;
	}
	rest = text = probe_read(probe, "meminfo");
	while (rest && !total_kib && (line = text_next_line(&rest)))
		text_number(line, "MemTotal", &total_kib);
	free(text);
	if (total_kib < 4096 || total_kib > 64ull << 30)
		total_kib = 512ull << 10;
	m->ram[0] = (struct machine_range){ .size = align_up(total_kib * 1024, m->page_size) };
	m->nr_ram = 1;
	m->nr_reserved = 0;
	probe_note(probe, "RAM is assumed to be one range of %" PRIu64 " KiB (MemTotal)", total_kib);
}

/*
 * Memory that was made movable while the system ran (online_movable) may lie amid
 * another zone. Whose a page is nothing tells then: from here on both are one.
 */
static void join_overlaps(struct probe *probe)
{
	struct zoneinfo *info = &probe->info;

	for (uint32_t i = 0; i + 1 < info->nr_zones; i++) {
		struct zoneinfo_zone *a = &info->zones[i], *b = a + 1;

		if (a->node != b->node || b->start_pfn >= a->start_pfn + a->spanned)
			continue;
		probe_note(probe,
			"node %u: zones %s and %s overlap, as memory that was made movable while the system ran leaves them: the"
			" machine has as much of them, one behind the other; a saved state of it cannot be loaded (initial)",
			a->node, machine_zone_name[a->type], machine_zone_name[b->type]);
		a->spanned = max_u64(a->start_pfn + a->spanned, b->start_pfn + b->spanned) -
			min_u64(a->start_pfn, b->start_pfn);
		a->start_pfn = min_u64(a->start_pfn, b->start_pfn);
		a->present += b->present;
		a->managed += b->managed;
		memmove(b, b + 1, (info->nr_zones - i - 2) * sizeof(*b));
		info->nr_zones--;
		i--; /* a third one may lie amid the same */
	}
}

void probe_memory(struct probe *probe)
{
	struct machine *m = probe->machine;

	if (!probe->has_zoneinfo) {
		memory_without_zones(probe);
		return;
	}
	join_overlaps(probe);
	if (!read_iomem(probe, false))
		guess_ram(probe);
	sort_pieces(probe->ram, &probe->nr_ram);
	read_iomem(probe, true);
	if (m->page_size == 4096)
		add_reserved(probe, 0, MIB / m->page_size, "first MiB");
	sort_pieces(probe->reserved, &probe->nr_reserved);
	for (uint32_t i = 0; i < probe->info.nr_zones; i++)
		account_zone(probe, i);
	hand_over(probe, probe->ram, probe->nr_ram, m->ram, &m->nr_ram);
	hand_over(probe, probe->reserved, probe->nr_reserved, m->reserved, &m->nr_reserved);
}
