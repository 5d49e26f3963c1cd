#include "configs/probe_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "configs/cpu_range_priv.h"
#include "configs/machine_yaml.h"

static bool has_type(const struct probe *probe, enum machine_zone type)
{
	for (uint32_t i = 0; i < probe->info.nr_types; i++) {
		if (probe->info.types[i] == type)
			return true;
	}
	return false;
}

/* KiB of System RAM in iomem, 0 when it is missing or shows no addresses. */
static uint64_t iomem_ram_kib(const struct probe *probe)
{
	char *text = probe_read(probe, "iomem"), *rest = text, *line;
	uint64_t bytes = 0, start, end;

	while (rest && (line = text_next_line(&rest))) {
		if (line[0] != ' ' && strstr(line, " : System RAM") &&
			sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && end > start)
			bytes += end - start + 1;
	}
	free(text);
	return bytes >> 10;
}

/* The size of a page, bytes, that makes @pages about @kib; 0 when none does. */
static uint32_t page_size_from(uint64_t pages, uint64_t kib)
{
	static const uint32_t sizes_kib[] = { 4, 8, 16, 64 };

	for (size_t i = 0; i < sizeof(sizes_kib) / sizeof(sizes_kib[0]); i++) {
		uint64_t exact = pages * sizes_kib[i];

		if (pages && pages < ZONEINFO_MAX_PFN && kib > exact - exact / 4 && kib < exact + exact / 4)
			return sizes_kib[i] << 10;
	}
	return 0;
}

/* The present pages of all zones are iomem's System RAM, the managed ones are MemTotal. */
static uint32_t find_page_size(struct probe *probe)
{
	char *text = probe_read(probe, "meminfo"), *rest = text, *line;
	uint64_t present = 0, managed = 0, total_kib = 0;
	uint32_t page_size;

	for (uint32_t i = 0; i < probe->info.nr_zones; i++) {
		present += probe->info.zones[i].present;
		managed += probe->info.zones[i].managed;
	}
	while (rest && !total_kib && (line = text_next_line(&rest)))
		text_number(line, "MemTotal", &total_kib);
	free(text);
	page_size = page_size_from(present, iomem_ram_kib(probe));
	if (!page_size)
		page_size = page_size_from(managed, total_kib);
	if (!page_size)
		probe_note(probe, "neither iomem nor meminfo tells the page size: assumed 4 KiB");
	return page_size ? page_size : 4096;
}

/* First byte beyond all zones of a type; 0 when the kernel has no page there. */
static uint64_t type_end(const struct probe *probe, enum machine_zone type)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < probe->info.nr_zones; i++) {
		const struct zoneinfo_zone *z = &probe->info.zones[i];

		if (z->type == type && (z->start_pfn + z->spanned) * probe->machine->page_size > end)
			end = (z->start_pfn + z->spanned) * probe->machine->page_size;
	}
	return end;
}

/* First byte of the lowest zone above @type, UINT64_MAX when there is none. */
static uint64_t start_above(const struct probe *probe, enum machine_zone type)
{
	uint64_t start = UINT64_MAX;

	for (uint32_t i = 0; i < probe->info.nr_zones; i++) {
		const struct zoneinfo_zone *z = &probe->info.zones[i];

		if (z->type > type && z->type != ZONE_MOVABLE && z->start_pfn * probe->machine->page_size < start)
			start = z->start_pfn * probe->machine->page_size;
	}
	return start;
}

/* The kernel's own limit where the zones seen do not contradict it, else where the next zone begins. */
static uint64_t zone_limit(const struct probe *probe, enum machine_zone type, uint64_t usual)
{
	uint64_t end = type_end(probe, type), above = start_above(probe, type);

	if (!has_type(probe, type))
		return 0;
	if (end <= usual && above >= usual)
		return usual;
	return above != UINT64_MAX ? above : end;
}

static void set_zone_limits(struct probe *probe)
{
	struct machine *m = probe->machine;

	m->zones.dma_end = zone_limit(probe, ZONE_DMA, 16ull << 20);
	m->zones.dma32_end = m->bits32 ? 0 : zone_limit(probe, ZONE_DMA32, 4ull << 30);
	m->zones.highmem_above = UINT64_MAX;
	if (m->bits32 && type_end(probe, ZONE_HIGHMEM))
		m->zones.highmem_above = start_above(probe, ZONE_NORMAL);
	for (uint32_t i = 0; i < probe->info.nr_zones; i++) {
		if (probe->info.zones[i].type == ZONE_MOVABLE)
			m->zones.movable += probe->info.zones[i].present * m->page_size;
	}
}

/* "0-3,8". Return: whether it was a list of CPUs that can be. */
static bool take_cpulist(struct machine *m, const char *list, uint32_t node)
{
	while (*list >= '0' && *list <= '9') {
		uint32_t first, last;

		list = cpu_range(list, m->cpus, &first, &last);
		if (!list)
			return false;
		for (; first <= last; first++)
			m->node_of_cpu[first] = node;
		list += *list == ',';
	}
	return true;
}

static void read_node(struct probe *probe, uint32_t node)
{
	struct machine *m = probe->machine;
	char name[64], *text, *at;

	snprintf(name, sizeof(name), "node%u_cpulist", node);
	text = probe_read(probe, name);
	if (!text && m->nr_nodes > 1)
		probe_note(probe, "%s is missing: the CPUs of node %u are assumed to be on node 0", name, node);
	else if (text && !take_cpulist(m, text, node))
		probe_note(probe, "%s: names CPUs that zoneinfo does not have", name);
	free(text);

	snprintf(name, sizeof(name), "node%u_distance", node);
	text = probe_read(probe, name);
	at = text;
	for (uint32_t i = 0; i < m->nr_nodes; i++) {
		unsigned long distance = at ? strtoul(at, &at, 10) : 0;

		if (!distance || distance > UINT8_MAX || (i == node && distance != 10))
			distance = i == node ? 10 : 20;
		m->distance[node][i] = (uint8_t)distance;
	}
	free(text);
}

/* Those with memory, and those behind them that have CPUs alone. */
static void count_nodes(struct probe *probe)
{
	struct machine *m = probe->machine;

	m->nr_nodes = 1;
	for (uint32_t i = 0; i < probe->info.nr_zones; i++)
		m->nr_nodes = probe->info.zones[i].node + 1 > m->nr_nodes ? probe->info.zones[i].node + 1 : m->nr_nodes;
	for (uint32_t node = m->nr_nodes; node < MACHINE_MAX_NODES; node++) {
		char name[64], *text;

		snprintf(name, sizeof(name), "node%u_cpulist", node);
		text = probe_read(probe, name);
		if (text && *text >= '0' && *text <= '9')
			m->nr_nodes = node + 1;
		free(text);
	}
}

static void find_cpus(struct probe *probe)
{
	struct machine *m = probe->machine;
	char *text = probe_read(probe, "interrupts"), *at = text;
	uint32_t columns = 0;

	m->cpus = 0;
	for (uint32_t i = 0; i < probe->info.nr_zones; i++)
		m->cpus = probe->info.zones[i].cpus > m->cpus ? probe->info.zones[i].cpus : m->cpus;
	while (!m->cpus && at && (at = strstr(at, "CPU")) && memchr(text, '\n', (size_t)(at - text)) == NULL) {
		columns++;
		at += strlen("CPU");
	}
	free(text);
	if (!m->cpus)
		m->cpus = columns;
	if (!m->cpus || m->cpus > MACHINE_MAX_CPUS) {
		probe_note(probe, "the number of CPUs is not known: assumed 1");
		m->cpus = 1;
	}
}

/* What depends on the width of the kernel and on the page size has its usual value for those. */
static int start_from_defaults(struct probe *probe, struct err *err)
{
	bool bits32 = has_type(probe, ZONE_HIGHMEM);
	uint32_t page_size = probe->has_zoneinfo ? find_page_size(probe) : 4096;
	char sets[2][32];
	const char *const settings[] = { sets[0], sets[1] };

	snprintf(sets[0], sizeof(sets[0]), "bits=%d", bits32 ? 32 : 64);
	snprintf(sets[1], sizeof(sets[1]), "page_size=%u", page_size);
	return machine_load_text(probe->machine, "defaults", NULL, 0, settings, 2, err);
}

int probe_zones(struct probe *probe, struct err *err)
{
	struct machine *m = probe->machine;
	char *text = probe_read(probe, "zoneinfo");

	if (text)
		zoneinfo_parse(&probe->info, text, probe->notes);
	free(text);
	probe->has_zoneinfo = probe->info.nr_zones > 0;
	if (start_from_defaults(probe, err) < 0)
		return -(int)err->code;
	if (probe->has_zoneinfo)
		set_zone_limits(probe);
	else
		probe_note(probe,
			"zoneinfo is missing: zones are the kernel's usual ones, no page is known to be reserved");
	count_nodes(probe);
	find_cpus(probe);
	for (uint32_t i = 0; i < m->nr_nodes; i++)
		read_node(probe, i);
	return 0;
}
