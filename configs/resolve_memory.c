#include "configs/loader_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/units.h"

/*
 * RAM of a PC without a map of its own: page 0 is the firmware's, 640 KiB .. 1 MiB are ROM and video memory, what lies
 * above 3 GiB is moved above 4 GiB. Linux on x86 never uses the first MiB (arch/x86/realmode/init.c).
 */
#define PC_LOW_START  (4 * KIB)
#define PC_LOW_END    (640 * KIB)
#define PC_HIGH_START MIB
#define PC_HOLE_START (3 * GIB)
#define PC_HOLE_END   (4 * GIB)

#define DEFAULT_MEMORY (512 * MIB)
#define MAX_MEMORY_32  (64 * GIB) /* PAE */
#define LOCAL_DISTANCE 10
#define OTHER_DISTANCE 20

/* Memory that is dealt out to the nodes in order of address. */
struct dealer {
	struct loader *l;
	uint32_t node;
	uint64_t left;      /* bytes that the node still gets */
};

static uint64_t end_of(const struct machine_range *range)
{
	return range->start + range->size;
}

static void add_ram(struct loader *l, uint32_t node, uint64_t start, uint64_t size)
{
	struct machine *m = &l->draft->machine;

	if (m->nr_ram == MACHINE_MAX_RANGES) {
		findings_add(l->findings, place_of_path(l, "nodes"), "nodes: more than %u ranges of RAM in all",
			MACHINE_MAX_RANGES);
		return;
	}
	m->ram[m->nr_ram++] = (struct machine_range){ .start = start, .size = size, .node = node };
}

static void deal(struct dealer *d, uint64_t start, uint64_t end)
{
	const struct draft *draft = d->l->draft;

	while (start < end) {
		uint64_t size = min_u64(d->left, end - start);

		if (size)
			add_ram(d->l, d->node, start, size);
		start += size;
		d->left -= size;
		if (d->left || d->node + 1 == draft->nr_nodes)
			continue;
		d->left = draft->nodes[++d->node].memory;
	}
}

/* The nodes' amounts, one behind the other, in the map of a PC or, with larger pages than PCs have, in one piece. */
static void lay_out_memory(struct loader *l)
{
	struct draft *draft = l->draft;
	struct dealer dealer = { .l = l, .left = draft->nodes[0].memory };
	uint64_t total = 0, beyond;

	for (uint32_t i = 0; i < draft->nr_nodes; i++)
		total += draft->nodes[i].memory;
	if (draft->machine.page_size != 4 * KIB) {
		deal(&dealer, 0, total);
		return;
	}
	beyond = total > PC_HOLE_START ? total - PC_HOLE_START : 0;
	dealer.left = dealer.left > PC_LOW_START ? dealer.left - PC_LOW_START : 0;
	deal(&dealer, PC_LOW_START, PC_LOW_END);
	dealer.left -= min_u64(dealer.left, PC_HIGH_START - PC_LOW_END);
	deal(&dealer, PC_HIGH_START, total - beyond);
	deal(&dealer, PC_HOLE_END, PC_HOLE_END + beyond);
}

/* Even shares, whole MiB but for the last. */
static void share_memory(struct loader *l, uint64_t total)
{
	struct draft *draft = l->draft;
	uint64_t share = total / draft->nr_nodes & ~(MIB - 1);

	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		draft->nodes[i].memory = i + 1 < draft->nr_nodes ? share : total;
		total -= draft->nodes[i].memory;
	}
}

static void take_ranges(struct loader *l, uint32_t node)
{
	uint64_t page = l->draft->machine.page_size;

	for (uint32_t i = 0; i < l->draft->nodes[node].nr_ranges; i++) {
		const struct draft_range *range = &l->draft->nodes[node].ranges[i];
		uint64_t start = align_up(range->start, page), end = (range->start + range->size) & ~(page - 1);
		char path[KEY_PATH_MAX];

		if (start < end) {
			add_ram(l, node, start, end - start); /* part pages are no RAM for the kernel */
			continue;
		}
		snprintf(path, sizeof(path), "nodes.%u.ranges.%u", node, i);
		findings_add(l->findings, place_of_path(l, path), "%s: holds no whole page", path);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct machine_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

static void check_ram(struct loader *l)
{
	struct machine *m = &l->draft->machine;
	uint64_t total = 0;

	qsort(m->ram, m->nr_ram, sizeof(m->ram[0]), by_start);
	for (uint32_t i = 0; i < m->nr_ram; i++) {
		const struct machine_range *at = &m->ram[i];
		char path[KEY_PATH_MAX];

		total += at->size;
		if (!i || end_of(at - 1) <= at->start)
			continue;
		snprintf(path, sizeof(path), "nodes.%u.ranges", at->node);
		findings_add(l->findings, place_of_path(l, path),
			"%s: RAM 0x%" PRIx64 "-0x%" PRIx64 " overlaps 0x%" PRIx64 "-0x%" PRIx64 " of node %u", path,
			at->start, end_of(at) - 1, at[-1].start, end_of(at - 1) - 1, at[-1].node);
	}
	if (total < MIB || total > 64 * TIB)
		findings_add(l->findings, place_of_path(l, "nodes"), "nodes: RAM out of range: 1 MiB to 64 TiB in all");
	else if (m->bits32 && end_of(&m->ram[m->nr_ram - 1]) > MAX_MEMORY_32)
		findings_add(l->findings, place_of_path(l, "memory"), "RAM beyond 64 GiB, which bits: 32 cannot reach");
}

/* Return: whether the nodes' own words, or the total, say where RAM is. */
static bool check_one_way(struct loader *l, uint32_t with_memory, uint32_t with_ranges)
{
	struct draft *draft = l->draft;

	if (draft->memory != DRAFT_AUTO && (with_memory || with_ranges)) {
		findings_add(l->findings, place_of_path(l, "memory"),
			"memory: the nodes say how much there is; leave one of the two out");
		return false;
	}
	if (with_memory && with_ranges) {
		findings_add(l->findings, place_of_path(l, "nodes"),
			"nodes: give memory for all nodes, or ranges for all nodes");
		return false;
	}
	return true;
}

static void resolve_ram(struct loader *l)
{
	struct draft *draft = l->draft;
	uint32_t with_memory = 0, with_ranges = 0;

	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		with_memory += draft->nodes[i].memory != DRAFT_AUTO;
		with_ranges += draft->nodes[i].nr_ranges > 0;
	}
	if (!check_one_way(l, with_memory, with_ranges))
		return;
	if (with_ranges) {
		for (uint32_t i = 0; i < draft->nr_nodes; i++)
			take_ranges(l, i);
	} else if (with_memory) {
		for (uint32_t i = 0; i < draft->nr_nodes; i++)
			draft->nodes[i].memory = draft->nodes[i].memory == DRAFT_AUTO ? 0 : draft->nodes[i].memory;
		lay_out_memory(l);
	} else {
		share_memory(l, draft->memory == DRAFT_AUTO ? DEFAULT_MEMORY : draft->memory);
		lay_out_memory(l);
	}
	check_ram(l);
}

/* Nodes that list no CPUs get their number of the next ones; without any word about CPUs, all nodes get even shares. */
static void deal_cpus(struct loader *l)
{
	struct draft *draft = l->draft;
	struct machine *m = &draft->machine;
	uint32_t next = 0;

	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		for (uint32_t n = draft->nodes[i].nr_cpus; n && next < m->cpus; n--)
			m->node_of_cpu[next++] = i;
	}
}

static void take_cpu_lists(struct loader *l)
{
	struct draft *draft = l->draft;
	struct machine *m = &draft->machine;
	uint32_t node_of[MACHINE_MAX_CPUS];

	for (uint32_t cpu = 0; cpu < MACHINE_MAX_CPUS; cpu++) {
		char path[KEY_PATH_MAX];
		uint32_t owners = 0;

		for (uint32_t i = 0; i < draft->nr_nodes; i++) {
			if (!(draft->nodes[i].cpu_mask[cpu / 64] >> (cpu % 64) & 1))
				continue;
			snprintf(path, sizeof(path), "nodes.%u.cpus", i);
			if (owners++)
				findings_add(l->findings, place_of_path(l, path), "%s: CPU %u is on node %u already",
					path, cpu, node_of[cpu]);
			node_of[cpu] = i;
		}
		if (owners && cpu >= m->cpus)
			findings_add(l->findings, place_of_path(l, path),
				"%s: CPU %u: the machine has %u CPUs, numbered from 0", path, cpu, m->cpus);
		else if (!owners && cpu < m->cpus)
			findings_add(l->findings, place_of_path(l, "nodes"), "nodes: CPU %u is on no node", cpu);
		else if (owners)
			m->node_of_cpu[cpu] = node_of[cpu];
	}
}

/* The highest CPU that a list names, plus one. */
static uint32_t highest_listed(const struct draft *draft)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		for (uint32_t word = 0; word < MACHINE_MAX_CPUS / 64; word++) {
			if (draft->nodes[i].cpu_mask[word])
				highest = (uint32_t)max_u64(highest, word * 64 + fls64(draft->nodes[i].cpu_mask[word]));
		}
	}
	return highest;
}

static void resolve_cpus(struct loader *l)
{
	struct draft *draft = l->draft;
	struct machine *m = &draft->machine;
	uint32_t listed = 0, lists = 0, counted = 0;

	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		listed += draft->nodes[i].cpu_list ? 0 : draft->nodes[i].nr_cpus;
		lists += draft->nodes[i].cpu_list;
		counted += !draft->nodes[i].cpu_list && draft->nodes[i].nr_cpus;
	}
	listed += highest_listed(draft);
	m->cpus = draft->cpus != DRAFT_AUTO32 ? draft->cpus : listed ? listed : draft->nr_nodes;
	if (listed > MACHINE_MAX_CPUS)
		findings_add(l->findings, place_of_path(l, "nodes"), "nodes: more than %u CPUs", MACHINE_MAX_CPUS);
	else if (listed && listed != m->cpus)
		findings_add(l->findings, place_of_path(l, "cpus"), "cpus: %u, but the nodes have %u", m->cpus, listed);
	else if (lists && counted)
		findings_add(l->findings, place_of_path(l, "nodes"),
			"nodes: give cpus as numbers for all nodes, or as lists for all nodes");
	else if (lists)
		take_cpu_lists(l);
	else if (listed)
		deal_cpus(l);
	else
		for (uint32_t cpu = 0; cpu < m->cpus; cpu++)
			m->node_of_cpu[cpu] = (uint32_t)((uint64_t)cpu * draft->nr_nodes / m->cpus);
}

static void resolve_distances(struct loader *l)
{
	struct draft *draft = l->draft;
	struct machine *m = &draft->machine;

	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		const struct draft_node *node = &draft->nodes[i];
		char path[KEY_PATH_MAX];

		snprintf(path, sizeof(path), "nodes.%u.distances", i);
		if (node->nr_distances && node->nr_distances != draft->nr_nodes)
			findings_add(l->findings, place_of_path(l, path), "%s: expected one for each of the %u nodes",
				path, draft->nr_nodes);
		for (uint32_t j = 0; j < draft->nr_nodes; j++) {
			uint32_t distance = i == j ? LOCAL_DISTANCE : OTHER_DISTANCE;

			m->distance[i][j] = (uint8_t)(node->nr_distances ? node->distances[j] : distance);
		}
		if (node->nr_distances == draft->nr_nodes && node->distances[i] != LOCAL_DISTANCE)
			findings_add(l->findings, place_of_path(l, path), "%s: expected %u to the node itself", path,
				LOCAL_DISTANCE);
	}
}

void draft_resolve_memory(struct loader *l)
{
	struct draft *draft = l->draft;

	if (!draft->nr_nodes)
		draft_first_node(draft);
	draft->machine.nr_nodes = draft->nr_nodes;
	resolve_ram(l);
	resolve_cpus(l);
	resolve_distances(l);
	draft_resolve_reserved(l);
}
