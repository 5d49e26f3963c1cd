/*
 * percpu_layout: how large a unit is and which CPU has which: spec 7.2. Models pcpu_build_alloc_info() and
 * pcpu_embed_first_chunk() of 6.1 as x86 calls them.
 *
 * Simplified: the first chunk's own memory is boot memory, and stands among the machine's reserved ranges. Groups
 * of several nodes lie as far apart as the nodes' memory ends: the kernel takes them from the top of each node,
 * below what it took before.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "mm/percpu_priv.h"

#define ATOM_64            (2ull << 20) /* PMD_SIZE */
#define MODULE_RESERVE     8192u
#define DYNAMIC_RESERVE_64 28672u
#define DYNAMIC_RESERVE_32 20480u
#define DYNAMIC_EARLY      12288u

/* CPUs by node, in the order of their first CPU. */
struct groups {
	uint32_t nr;
	uint32_t of_cpu[MACHINE_MAX_CPUS];
	uint32_t cpus[MACHINE_MAX_NODES];
	uint32_t node[MACHINE_MAX_NODES];
};

static void find_groups(const struct machine *machine, struct groups *groups)
{
	groups->nr = 0;
	for (uint32_t cpu = 0; cpu < machine->cpus; cpu++) {
		uint32_t g = 0;

		while (g < groups->nr && groups->node[g] != machine->node_of_cpu[cpu])
			g++;
		if (g == groups->nr) {
			groups->node[groups->nr] = machine->node_of_cpu[cpu];
			groups->cpus[groups->nr++] = 0;
		}
		groups->of_cpu[cpu] = g;
		groups->cpus[g]++;
	}
}

/* Sizes of the first unit's parts. Return: its size, in whole pages. */
static uint64_t part_sizes(const struct machine *machine, struct percpu_layout *layout)
{
	uint64_t page = machine->page_size, dynamic = machine->percpu.dynamic_reserve, sum;

	layout->static_size = machine->percpu.static_size;
	layout->reserved_size = align_up(machine->percpu.reserved, PERCPU_MIN_ALLOC);
	if (dynamic == MACHINE_AUTO) {
		dynamic = MODULE_RESERVE + (machine->bits32 ? DYNAMIC_RESERVE_32 : DYNAMIC_RESERVE_64);
		dynamic -= min_u64(layout->reserved_size, MODULE_RESERVE);
	}
	sum = align_up(layout->static_size + layout->reserved_size + max_u64(dynamic, DYNAMIC_EARLY), page);
	layout->dynamic_size = sum - layout->static_size - layout->reserved_size;
	return sum;
}

/* Units per allocation: as many as waste little and need the fewest allocations. */
static uint32_t units_per_alloc(const struct machine *machine, const struct groups *groups, uint64_t alloc,
	uint64_t min_unit)
{
	uint32_t best = 1, last_allocs = UINT32_MAX, upa = (uint32_t)min_u64(alloc / min_unit, UINT32_MAX - 1);

	for (; upa; upa--) {
		uint32_t allocs = 0, wasted = 0;

		if (alloc % upa || alloc / upa % machine->page_size)
			continue;
		for (uint32_t g = 0; g < groups->nr; g++) {
			uint32_t need = (uint32_t)div_round_up(groups->cpus[g], upa);

			allocs += need;
			wasted += need * upa - groups->cpus[g];
		}
		if (wasted > machine->cpus / 3)
			continue;
		if (allocs > last_allocs)
			break;
		last_allocs = allocs;
		best = upa;
	}
	return best;
}

static void unit_size(const struct machine *machine, const struct groups *groups, uint64_t sum,
	struct percpu_layout *layout)
{
	uint64_t min_unit = max_u64(sum, align_up(PERCPU_MAX_ALLOC, machine->page_size));

	layout->atom_size = machine->bits32 ? machine->page_size : ATOM_64;
	if (machine->percpu.unit_size == MACHINE_AUTO) {
		layout->alloc_size = align_up(min_unit, layout->atom_size);
		layout->units_per_alloc = units_per_alloc(machine, groups, layout->alloc_size, min_unit);
		layout->unit_size = layout->alloc_size / layout->units_per_alloc;
		return;
	}
	layout->unit_size = max_u64(align_up(machine->percpu.unit_size, machine->page_size), min_unit);
	layout->units_per_alloc = (uint32_t)max_u64(layout->atom_size / layout->unit_size, 1);
	layout->alloc_size = layout->unit_size * layout->units_per_alloc;
}

/* Where the memory of @node ends, whole atoms. */
static uint64_t node_end(const struct machine *machine, uint32_t node, uint64_t atom)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < machine->nr_ram; i++)
		if (machine->ram[i].node == node)
			end = max_u64(end, machine->ram[i].start + machine->ram[i].size);
	return end & ~(atom - 1);
}

static void place_units(struct percpu *pc, const struct groups *groups)
{
	struct percpu_layout *layout = &pc->layout;
	uint64_t base = UINT64_MAX, next = 0;
	uint32_t used[MACHINE_MAX_NODES] = { 0 };

	for (uint32_t g = 0; g < groups->nr; g++) {
		uint32_t upa = layout->units_per_alloc, units = (uint32_t)div_round_up(groups->cpus[g], upa) * upa;

		pc->group_size[g] = units * layout->unit_size;
		pc->group_offset[g] = node_end(pc->machine, groups->node[g], layout->atom_size);
		/* Nodes without memory of their own, or interleaved: one behind the other. */
		if (g && pc->group_offset[g] < next)
			pc->group_offset[g] = next;
		next = pc->group_offset[g] + align_up(pc->group_size[g], layout->atom_size);
		base = min_u64(base, pc->group_offset[g]);
		layout->nr_units += units;
	}
	for (uint32_t g = 0; g < groups->nr; g++)
		pc->group_offset[g] -= base;
	for (uint32_t cpu = 0; cpu < pc->machine->cpus; cpu++) {
		uint32_t g = groups->of_cpu[cpu];

		pc->unit_offset[cpu] = pc->group_offset[g] + used[g]++ * layout->unit_size;
	}
}

int percpu_layout_init(struct percpu *pc, struct err *err)
{
	const struct machine *machine = pc->machine;
	struct groups groups;
	uint64_t sum;

	find_groups(machine, &groups);
	sum = part_sizes(machine, &pc->layout);
	unit_size(machine, &groups, sum, &pc->layout);
	if (pc->layout.unit_size > 1ull << 30)
		return err_set(err, ERR_CONFIG, "per-CPU units of %" PRIu64 " bytes; at most 1 GiB can be modelled",
			pc->layout.unit_size);
	pc->layout.nr_groups = groups.nr;
	pc->unit_offset = calloc(machine->cpus, sizeof(*pc->unit_offset));
	pc->group_offset = calloc(groups.nr, sizeof(*pc->group_offset));
	pc->group_size = calloc(groups.nr, sizeof(*pc->group_size));
	if (!pc->unit_offset || !pc->group_offset || !pc->group_size)
		return err_set(err, ERR_NOMEM, "no memory for the units of %u CPUs", machine->cpus);
	place_units(pc, &groups);
	return 0;
}
