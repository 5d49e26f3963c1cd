#include "configs/regions_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "configs/loader_priv.h"

/* x86: standard_io_resources, e820 types that do_mark_busy() names, the image, ROMs, interrupt controllers. */
static const char *const kernel_names[] = { "System RAM", "Crash kernel", "System ROM", "Video ROM",
	"ACPI Tables", "ACPI Non-volatile Storage", "Unusable memory", "Local APIC", "dma1", "pic1", "timer",
	"timer0", "timer1", "keyboard", "dma page reg", "pic2", "dma2", "fpu", "PCI conf1", "PCI conf2" };

static const char *const kernel_prefixes[] = { "Kernel ", "IOAPIC ", "PCI MMCONFIG ", "Adapter ROM" };

static bool starts_with(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

bool region_is_kernels(const char *name, uint64_t start)
{
	for (size_t i = 0; i < sizeof(kernel_names) / sizeof(kernel_names[0]); i++)
		if (!strcmp(name, kernel_names[i]))
			return true;
	for (size_t i = 0; i < sizeof(kernel_prefixes) / sizeof(kernel_prefixes[0]); i++)
		if (starts_with(name, kernel_prefixes[i]))
			return true;
	/* Firmware's reservations are busy below 1 MiB only. */
	return !strcmp(name, "Reserved") && start < MIB;
}

/* "0000:00:1f.2", in 4 or more, 2, 2 and 1 hexadecimal digits. */
static bool is_pci_function(const char *name)
{
	static const char shape[] = "xxxx:xx:xx.x";
	const char *at = name;

	while (isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[4]) && at[4] != ':')
		at++;
	for (const char *c = shape; *c; c++, at++)
		if (*c == 'x' ? !isxdigit((unsigned char)*at) : *at != *c)
			return false;
	return *at == '\0';
}

bool region_is_hardware(const char *name)
{
	return is_pci_function(name) || starts_with(name, "PCI Bus ") || starts_with(name, "PCI CardBus ") ||
	       starts_with(name, "pnp ");
}

static bool before(const struct machine_region *a, const struct machine_region *b)
{
	return a->start != b->start ? a->start < b->start : a->size > b->size;
}

void regions_sort(struct machine_io *io)
{
	for (uint32_t i = 1; i < io->nr_regions; i++) {
		struct machine_region moved = io->regions[i];
		uint32_t at = i;

		for (; at && before(&moved, &io->regions[at - 1]); at--)
			io->regions[at] = io->regions[at - 1];
		io->regions[at] = moved;
	}
}

static uint64_t last_of(const struct machine_region *region)
{
	return region->start + (region->size - 1);
}

void draft_resolve_regions(struct loader *l, const char *path, struct machine_io *io)
{
	uint32_t around[MACHINE_MAX_REGIONS], depth = 0;

	regions_sort(io);
	for (uint32_t i = 0; i < io->nr_regions; i++) {
		struct machine_region *region = &io->regions[i];

		while (depth && last_of(&io->regions[around[depth - 1]]) < region->start)
			depth--;
		if (depth && last_of(&io->regions[around[depth - 1]]) < last_of(region)) {
			const struct machine_region *other = &io->regions[around[depth - 1]];

			findings_add(l->findings, place_of_path(l, path),
				"%s: \"%s\" at 0x%" PRIx64 " overlaps \"%s\" at 0x%" PRIx64
				"; of two regions that meet one contains the other", path, region->name, region->start,
				other->name, other->start);
			continue;
		}
		around[depth++] = i;
		if (region->claim == DRAFT_AUTO32)
			region->claim = region_is_kernels(region->name, region->start) ? CLAIM_KERNEL : CLAIM_NONE;
	}
}
