/* What is in the trees before the trace begins: RAM and the kernel's image in it, and the regions of the machine. */
#include <string.h>

#include "base/bits.h"
#include "mm/resource_priv.h"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the resources");
}

/* The node, or RESOURCE_NONE where it does not nest, which is counted. */
static int insert(struct resources *resources, enum resource_tree tree, const struct machine_region *region,
	uint32_t *node, struct err *err)
{
	*node = resource_new(resources, region->start, region->start + region->size - 1, region->name);
	if (*node == RESOURCE_NONE)
		return no_memory(err);
	resources->nodes[*node].claim = (uint8_t)region->claim;
	if (resource_insert(resources, (uint32_t)tree, *node))
		return 0;
	resource_drop(resources, *node);
	resources->stats[tree].left_out++;
	*node = RESOURCE_NONE;
	return 0;
}

static bool is_ram_region(const struct machine_region *region)
{
	return !strcmp(region->name, "System RAM");
}

/*
 * The first and last byte of RAM as the machine it was probed from shows them, which need not be those of whole pages:
 * if the list of regions has exactly this RAM.
 */
static struct machine_region exact_ram(const struct machine *machine, uint64_t start, uint64_t end)
{
	struct machine_region ram = { .start = start, .size = end - start, .claim = CLAIM_KERNEL };

	for (uint32_t i = 0; i < machine->io_memory.nr_regions; i++) {
		const struct machine_region *region = &machine->io_memory.regions[i];
		uint64_t region_end = region->start + region->size;

		if (!is_ram_region(region) || align_up(region->start, machine->page_size) != start ||
			region_end - region_end % machine->page_size != end)
			continue;
		ram.start = region->start;
		ram.size = region->size;
	}
	return ram;
}

/* Ranges that touch are one resource, whatever nodes they belong to. */
static int insert_ram(struct resources *resources, struct err *err)
{
	const struct machine *machine = resources->machine;

	for (uint32_t i = 0; i < machine->nr_ram;) {
		uint64_t start = machine->ram[i].start, end = start;
		struct machine_region ram;
		uint32_t node;

		for (; i < machine->nr_ram && machine->ram[i].start == end; i++)
			end += machine->ram[i].size;
		ram = exact_ram(machine, start, end);
		if (insert(resources, RESOURCE_IOMEM, &ram, &node, err) < 0)
			return -(int)err->code;
		if (node != RESOURCE_NONE)
			resources->nodes[node].name = "System RAM";
	}
	return 0;
}

/* Of reserved ranges the kernel lists those of its image, unless the machine's regions have told their exact bytes. */
static int insert_image(struct resources *resources, struct err *err)
{
	const struct machine *machine = resources->machine;

	for (uint32_t i = 0; i < machine->nr_reserved; i++) {
		const struct machine_range *range = &machine->reserved[i];
		struct machine_region region = { .start = range->start, .size = range->size, .claim = CLAIM_KERNEL };
		uint64_t left_out = resources->stats[RESOURCE_IOMEM].left_out;
		uint32_t node, around;

		if (strncmp(range->name, "Kernel ", strlen("Kernel ")) && strcmp(range->name, "Crash kernel"))
			continue;
		around = resource_deepest(resources, RESOURCE_IOMEM, range->start, range->start);
		if (!strcmp(resources->nodes[around].name, range->name))
			continue;
		if (insert(resources, RESOURCE_IOMEM, &region, &node, err) < 0)
			return -(int)err->code;
		if (node != RESOURCE_NONE)
			resources->nodes[node].name = range->name;
		resources->stats[RESOURCE_IOMEM].left_out = left_out;
	}
	return 0;
}

static bool has_costs(const struct machine_region *region)
{
	return region->access_ns[0] || region->access_ns[1] || region->access_ns[2] || region->read_ns ||
		region->write_ns;
}

/* The list is sorted, so a device is there, with its costs, before its parts. */
static int insert_regions(struct resources *resources, enum resource_tree tree, const struct machine_io *io,
	struct err *err)
{
	for (uint32_t i = 0; i < io->nr_regions; i++) {
		struct resource *added;
		uint32_t node;

		if (tree == RESOURCE_IOMEM && is_ram_region(&io->regions[i]))
			continue;
		if (insert(resources, tree, &io->regions[i], &node, err) < 0)
			return -(int)err->code;
		if (node == RESOURCE_NONE)
			continue;
		added = &resources->nodes[node];
		added->device = has_costs(&io->regions[i]) ? (uint16_t)(i + 1) : resources->nodes[added->parent].device;
	}
	return 0;
}

int resource_boot(struct resources *resources, struct err *err)
{
	const struct machine *machine = resources->machine;
	uint64_t last_port = machine->io_ports_size ? machine->io_ports_size - 1 : 0;

	if (resource_new(resources, 0, UINT64_MAX, "PCI mem") != RESOURCE_IOMEM ||
		resource_new(resources, 0, last_port, "PCI IO") != RESOURCE_IOPORT)
		return no_memory(err);
	if (ioports_init(&resources->ports, machine, err) < 0 || insert_ram(resources, err) < 0 ||
		insert_regions(resources, RESOURCE_IOMEM, &machine->io_memory, err) < 0 ||
		insert_image(resources, err) < 0 ||
		insert_regions(resources, RESOURCE_IOPORT, &machine->io_ports, err) < 0)
		return -(int)err->code;
	ioports_refresh(resources, 0, last_port);
	return 0;
}

/* Where the reserved range around @page ends; @page itself when boot has left it to the page allocator. */
static uint64_t reserved_end(const struct machine *machine, uint64_t page)
{
	for (uint32_t i = 0; i < machine->nr_reserved; i++)
		if (page >= machine->reserved[i].start && page - machine->reserved[i].start < machine->reserved[i].size)
			return machine->reserved[i].start + machine->reserved[i].size;
	return page;
}

bool resource_is_ram(const struct resources *resources, uint64_t start, uint64_t end)
{
	const struct machine *machine = resources->machine;

	for (uint32_t i = 0; i < machine->nr_ram; i++) {
		const struct machine_range *ram = &machine->ram[i];
		uint64_t page = align_up(max_u64(start, ram->start), machine->page_size);
		uint64_t last = min_u64(end, ram->start + ram->size - 1);

		while (page <= last && last - page >= machine->page_size - 1) {
			uint64_t free_from = reserved_end(machine, page);

			if (free_from == page)
				return true;
			page = align_up(free_from, machine->page_size);
		}
	}
	return false;
}
