/* mmio: readb() to writeq(): one move instruction each, to a device. */
#include <stdlib.h>

#include "base/bits.h"
#include "mm/ioremap_priv.h"
#include "mm/resource.h"

/* Bytes of a write-combining buffer: a cache line. */
#define WC_BUFFER 64

static bool covers(const struct ioremap_mapping *mapping, uint64_t phys, uint32_t width)
{
	return mapping->live && phys >= mapping->phys && phys - mapping->phys <= mapping->bytes - width;
}

/* Of several mappings any will do: they have the same mode. */
static uint32_t find_mapping(struct ioremap *io, uint64_t phys, uint32_t width)
{
	if (io->last != IOREMAP_NONE && covers(&io->mappings[io->last], phys, width))
		return io->last;
	for (uint32_t i = ioremap_first_meeting(io, phys); i < io->nr_live; i++) {
		if (io->mappings[io->by_phys[i]].phys > phys)
			break;
		if (covers(&io->mappings[io->by_phys[i]], phys, width))
			return io->last = io->by_phys[i];
	}
	return IOREMAP_NONE;
}

/* What is to be known of the region around @phys, into @where: the innermost node's, as far as it has no children. */
static void find_region(struct ioremap *io, struct ioremap_mapping *where, uint64_t phys)
{
	uint32_t at = resource_deepest(io->resources, RESOURCE_IOMEM, phys, phys);
	const struct resource *node = resource_get(io->resources, at);
	bool leaf = node->child == RESOURCE_NONE;

	where->first = leaf ? node->start : phys;
	where->last = leaf ? node->end : phys;
	where->generation = resource_generation(io->resources, RESOURCE_IOMEM);
	where->device = node->device;
	where->claimed = resource_claimed(io->resources, RESOURCE_IOMEM, phys, phys);
	where->region = at < NR_RESOURCE_TREES ? 0 : io_use_find(&io->use, node->start, node->end, node->name);
}

static struct mmio_device *device_of(struct ioremap *io, uint32_t region)
{
	if (region >= io->cap_devices) {
		uint32_t cap = io->use.cap;
		struct mmio_device *devices = realloc(io->devices, cap * sizeof(*devices));

		if (!devices)
			return &io->devices[0];
		for (uint32_t i = io->cap_devices; i < cap; i++)
			devices[i] = (struct mmio_device){ 0 };
		io->devices = devices;
		io->cap_devices = cap;
	}
	return &io->devices[region];
}

/* A price of the region, or that of a step. */
static uint64_t price(const struct ioremap *io, uint16_t device, bool read, const struct meter *meter)
{
	uint32_t ns = 0;

	if (device && read)
		ns = io->machine->io_memory.regions[device - 1].read_ns;
	else if (device)
		ns = io->machine->io_memory.regions[device - 1].write_ns;
	return ns ? ns : meter->step_ns[read ? STEP_MMIO_READ : STEP_MMIO_WRITE];
}

static uint64_t read_cost(struct ioremap *io, struct mmio_device *device, uint64_t read_ns, ns_t now)
{
	uint64_t wait = device->arrived_ns > now ? device->arrived_ns - now : 0;

	io->stats.read_waits += wait > 0;
	io->stats.read_wait_ns += wait;
	device->wc_bytes = 0;
	return wait + read_ns;
}

static uint64_t write_cost(struct mmio_device *device, uint64_t write_ns, uint64_t read_ns, ns_t now)
{
	device->arrived_ns = max_u64(device->arrived_ns, now + write_ns + read_ns / 2);
	return write_ns;
}

static uint64_t combined_cost(struct mmio_device *device, uint32_t width, uint64_t read_ns, ns_t now,
	const struct meter *meter)
{
	uint64_t ns = 0;

	device->wc_bytes += width;
	if (device->wc_bytes >= WC_BUFFER) {
		device->wc_bytes -= WC_BUFFER;
		ns = meter->step_ns[STEP_MMIO_WRITE_WC];
	}
	device->arrived_ns = max_u64(device->arrived_ns, now + ns + read_ns / 2);
	return ns;
}

static void carry_out(struct ioremap *io, const struct mmio_access *access, const struct ioremap_mapping *where,
	struct meter *meter)
{
	uint32_t width = 1u << (access->op % 4);
	uint64_t read_ns = price(io, where->device, true, meter), ns;
	struct mmio_device *device = device_of(io, where->region);

	/* What the meter has already is before this access. */
	if (access->op < MMIO_WRITEB)
		ns = read_cost(io, device, read_ns, access->now + meter->ns);
	else if (where->mode == IOREMAP_WC)
		ns = combined_cost(device, width, read_ns, access->now + meter->ns, meter);
	else
		ns = write_cost(device, price(io, where->device, false, meter), read_ns, access->now + meter->ns);
	meter_charge_ns(meter, ns);
	io_use_count(&io->use.regions[where->region].use[access->op], 1, width, ns, where->claimed);
}

/* The mapping that the access goes to, IOREMAP_NONE if none is there; and its physical address. */
static uint32_t locate(struct ioremap *io, const struct mmio_access *access, uint32_t width, uint64_t *phys)
{
	const struct ioremap_mapping *mapping;

	*phys = access->phys;
	if (access->mapping == IOREMAP_NONE)
		return find_mapping(io, access->phys, width);
	mapping = &io->mappings[access->mapping];
	*phys = mapping->phys + mapping->offset + access->offset;
	return *phys >= access->offset && covers(mapping, *phys, width) ? access->mapping : IOREMAP_NONE;
}

enum mmio_answer mmio_access(struct ioremap *io, const struct mmio_access *access, struct meter *meter)
{
	struct ioremap_mapping unknown = { .mode = IOREMAP_UC, .first = 1 }, *where = &unknown;
	uint64_t phys;
	uint32_t mapping = locate(io, access, 1u << (access->op % 4), &phys);

	if (mapping == IOREMAP_NONE && (access->mapping != IOREMAP_NONE || !access->any_mapping)) {
		io->stats.faults++;
		return MMIO_FAULT;
	}
	if (mapping != IOREMAP_NONE)
		where = &io->mappings[mapping];
	if (phys < where->first || phys > where->last ||
		where->generation != resource_generation(io->resources, RESOURCE_IOMEM))
		find_region(io, where, phys);
	carry_out(io, access, where, meter);
	return where->claimed ? MMIO_DONE : MMIO_UNCLAIMED;
}
