#include "mm/ioport_priv.h"

#include <stdlib.h>

#include "base/bits.h"
#include "mm/resource_priv.h"

/* Below are the ports of the devices behind a PC's LPC bridge, which took the ISA bus' place. */
#define ISA_PORTS_END 0x400

_Static_assert(MACHINE_MAX_REGIONS <= IOPORT_DEVICE_MASK, "a device's number fits into a port's entry");

int ioports_init(struct ioports *ports, const struct machine *machine, struct err *err)
{
	ports->machine = machine;
	ports->nr = (uint32_t)machine->io_ports_size;
	ports->table = calloc(ports->nr + 1, sizeof(*ports->table));
	if (!ports->table || io_use_find(&ports->use, 0, ports->nr ? ports->nr - 1 : 0, "") != 0)
		return err_set(err, ERR_NOMEM, "no memory for %u I/O ports", ports->nr);
	return 0;
}

void ioports_fini(struct ioports *ports)
{
	free(ports->table);
	io_use_fini(&ports->use);
}

static uint32_t entry_of(struct resources *resources, uint32_t at, bool claimed)
{
	const struct resource *node = &resources->nodes[at];
	uint32_t region = at < NR_RESOURCE_TREES ? 0 :
		io_use_find(&resources->ports.use, node->start, node->end, node->name);

	return region | (uint32_t)node->device << IOPORT_DEVICE_SHIFT | (claimed ? IOPORT_CLAIMED_BIT : 0);
}

/* The entries of [@start, @end], which lies within node @at. */
static void fill(struct resources *resources, uint32_t at, bool claimed, uint64_t start, uint64_t end)
{
	uint32_t entry;

	claimed |= resources->nodes[at].claim != CLAIM_NONE;
	entry = entry_of(resources, at, claimed);
	for (uint64_t port = start; port <= end; port++)
		resources->ports.table[port] = entry;
	for (uint32_t child = resources->nodes[at].child; child != RESOURCE_NONE;
		child = resources->nodes[child].sibling) {
		uint64_t from = max_u64(start, resources->nodes[child].start),
			 to = min_u64(end, resources->nodes[child].end);

		if (from <= to)
			fill(resources, child, claimed, from, to);
	}
}

void ioports_refresh(struct resources *resources, uint64_t start, uint64_t end)
{
	uint32_t around = resource_deepest(resources, RESOURCE_IOPORT, start, end);

	if (resources->ports.nr)
		fill(resources, around, resource_claimed(resources, RESOURCE_IOPORT, start, end), start, end);
}

static uint64_t access_ns(const struct ioports *ports, uint32_t entry, uint32_t width_log2, uint64_t port,
	const struct meter *meter)
{
	uint32_t device = entry >> IOPORT_DEVICE_SHIFT & IOPORT_DEVICE_MASK;

	if (device) {
		const uint32_t *ns = ports->machine->io_ports.regions[device - 1].access_ns;

		return ns[width_log2] ? ns[width_log2] : ns[0];
	}
	return meter->step_ns[port < ISA_PORTS_END ? STEP_PORT_ISA : STEP_PORT_PCI];
}

/* A string form costs 30 % less than as many single instructions; 2^32 times a second must not overflow. */
static uint64_t string_ns(uint64_t single_ns)
{
	return single_ns - (single_ns / 10 * 3 + single_ns % 10 * 3 / 10);
}

enum ioport_access ioport_access(struct ioports *ports, enum ioport_op op, uint64_t port, uint64_t count,
	struct meter *meter)
{
	uint32_t width_log2 = IOPORT_WIDTH_LOG2(op), entry;
	uint64_t last = port + (1u << width_log2) - 1, ns;
	enum ioport_access answer = IOPORT_CLAIMED;
	struct io_use *use;

	entry = port < ports->nr ? ports->table[port] : 0;
	if (port >= ports->nr)
		answer = IOPORT_NO_PORT;
	else if (!(entry & IOPORT_CLAIMED_BIT))
		answer = IOPORT_UNCLAIMED;
	else if (last >= ports->nr || ports->table[last] != entry)
		answer = IOPORT_SPLIT;
	ns = access_ns(ports, entry, width_log2, port, meter);
	if (op >= IOPORT_INSB)
		ns = string_ns(ns * count);
	meter_charge_ns(meter, ns);
	use = &ports->use.regions[entry & IOPORT_REGION_MASK].use[op];
	io_use_count(use, count, 1u << width_log2, ns, answer == IOPORT_CLAIMED);
	return answer;
}

const struct io_use_list *ioport_use(const struct ioports *ports)
{
	return &ports->use;
}

int ioports_check(const struct resources *resources, struct err *err)
{
	const struct ioports *ports = &resources->ports;

	for (uint32_t port = 0; port < ports->nr; port++) {
		const struct resource *node =
			&resources->nodes[resource_deepest(resources, RESOURCE_IOPORT, port, port)];
		const struct io_use_region *region = &ports->use.regions[ports->table[port] & IOPORT_REGION_MASK];
		bool claimed = resource_claimed(resources, RESOURCE_IOPORT, port, port);

		if (claimed != !!(ports->table[port] & IOPORT_CLAIMED_BIT))
			return err_set(err, ERR_INVARIANT, "resource 5: port 0x%x is%s claimed", port,
				claimed ? "" : " not");
		if (region->start != node->start || region->end != node->end)
			return err_set(err, ERR_INVARIANT, "resource 5: port 0x%x counts for \"%s\", not for \"%s\"",
				port, region->name, node->name);
	}
	return 0;
}
