/*
 * What the devices of a machine have of memory and ports, from /proc/iomem and
 * /proc/ioports. The files do not show what is busy: that is decided by name and place.
 */
#include "configs/probe_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "configs/regions_priv.h"

#define PORTS_END (1ull << 16)

static bool parse_line(const char *line, uint64_t address_end, struct machine_region *region, unsigned int *depth)
{
	size_t blanks = strspn(line, " "), len = 0;
	uint64_t end;
	int name = 0;

	if (sscanf(line + blanks, "%" SCNx64 "-%" SCNx64 " : %n", &region->start, &end, &name) != 2 || !name)
		return false;
	if (end < region->start || end >= address_end)
		return false;
	region->size = end - region->start + 1;
	for (const char *c = line + blanks + name; *c && len < sizeof(region->name) - 1; c++)
		region->name[len++] = isprint((unsigned char)*c) ? *c : '?';
	region->name[len] = '\0';
	*depth = (unsigned int)blanks / 2;
	return len > 0;
}

/*
 * Bus windows and PCI functions are never busy, and what contains others is not a driver's; every
 * other leaf was requested: by the kernel at boot, or by a driver, which the trace may show doing so.
 */
static uint32_t claim_of(const struct machine_region *region, bool leaf)
{
	if (region_is_kernels(region->name, region->start))
		return CLAIM_KERNEL;
	if (!leaf || region_is_hardware(region->name) || !strcmp(region->name, "Reserved"))
		return CLAIM_NONE;
	return CLAIM_DRIVER;
}

static void read_regions(struct probe *probe, const char *file, uint64_t address_end, struct machine_io *io)
{
	char *text = probe_read(probe, file), *rest = text, *line;
	unsigned int depth, depth_before = 0;
	uint32_t left_out = 0;

	io->nr_regions = 0;
	while (rest && (line = text_next_line(&rest))) {
		struct machine_region region = { 0 };

		/* Without the right to see addresses all are 0. */
		if (!parse_line(line, address_end, &region, &depth) || (region.start == 0 && region.size == 1))
			continue;
		if (io->nr_regions && depth > depth_before)
			io->regions[io->nr_regions - 1].claim =
				claim_of(&io->regions[io->nr_regions - 1], false);
		depth_before = depth;
		region.claim = claim_of(&region, true);
		if (io->nr_regions < MACHINE_MAX_REGIONS)
			io->regions[io->nr_regions++] = region;
		else
			left_out++;
	}
	free(text);
	if (left_out)
		probe_note(probe, "%s: %u of its regions are left out: a machine has at most %d", file, left_out,
			MACHINE_MAX_REGIONS);
	regions_sort(io);
}

void probe_regions(struct probe *probe)
{
	read_regions(probe, "iomem", MACHINE_PHYS_END, &probe->machine->io_memory);
	read_regions(probe, "ioports", PORTS_END, &probe->machine->io_ports);
}
