#include "mm/resource_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "mm/mm.h"

/* /proc shows deeper nodes as if they were this deep (MAX_IORES_LEVEL). */
#define DEPTH_MAX 5

uint32_t resource_new(struct resources *resources, uint64_t start, uint64_t end, const char *name)
{
	uint32_t node = resources->unused;

	if (node != RESOURCE_NONE) {
		resources->unused = resources->nodes[node].sibling;
	} else {
		if (!array_room(&resources->nodes, &resources->cap, resources->nr))
			return RESOURCE_NONE;
		node = resources->nr++;
	}
	resources->nodes[node] = (struct resource){ .start = start, .end = end, .name = name, .parent = RESOURCE_NONE,
		.child = RESOURCE_NONE, .sibling = RESOURCE_NONE, .used = true };
	return node;
}

void resource_drop(struct resources *resources, uint32_t node)
{
	resources->nodes[node] = (struct resource){ .parent = RESOURCE_NONE, .child = RESOURCE_NONE,
		.sibling = resources->unused };
	resources->unused = node;
}

/*
 * Where the number of @parent's first child that ends at or
 * behind @start stands: in @parent, or in the sibling before.
 */
static uint32_t *child_slot(struct resources *resources, uint32_t parent, uint64_t start)
{
	uint32_t *slot = &resources->nodes[parent].child;

	while (*slot != RESOURCE_NONE && resources->nodes[*slot].end < start)
		slot = &resources->nodes[*slot].sibling;
	return slot;
}

/*
 * Make @node a child of @parent. Models __request_resource().
 * Return: RESOURCE_NONE, or the node that is in the way: @parent when @node is not within it.
 */
static uint32_t resource_link(struct resources *resources, uint32_t parent, uint32_t node)
{
	struct resource *added = &resources->nodes[node];
	const struct resource *root = &resources->nodes[parent];
	uint32_t *slot;

	if (added->end < added->start || added->start < root->start || added->end > root->end)
		return parent;
	slot = child_slot(resources, parent, added->start);
	if (*slot != RESOURCE_NONE && resources->nodes[*slot].start <= added->end)
		return *slot;
	added->sibling = *slot;
	added->parent = parent;
	*slot = node;
	return RESOURCE_NONE;
}

/* Take @node and what it contains off its parent's list. */
static void resource_unlink(struct resources *resources, uint32_t node)
{
	struct resource *gone = &resources->nodes[node];
	uint32_t *slot = &resources->nodes[gone->parent].child;

	while (*slot != node)
		slot = &resources->nodes[*slot].sibling;
	*slot = gone->sibling;
	gone->parent = gone->sibling = RESOURCE_NONE;
}

/*
 * Move the children of @node's new parent that lie within it
 * into it: those from *@slot to the last that begins in it.
 */
static bool adopt_covered(struct resources *resources, uint32_t parent, uint32_t node)
{
	struct resource *nodes = resources->nodes, *added = &nodes[node];
	uint32_t *slot = child_slot(resources, parent, added->start);
	uint32_t first = *slot, last = RESOURCE_NONE;

	for (uint32_t at = first; at != RESOURCE_NONE && nodes[at].start <= added->end; at = nodes[at].sibling) {
		if (nodes[at].start < added->start || nodes[at].end > added->end)
			return false;
		nodes[at].parent = node;
		last = at;
	}
	if (last == RESOURCE_NONE)
		return false;
	added->child = first;
	added->sibling = nodes[last].sibling;
	nodes[last].sibling = RESOURCE_NONE;
	added->parent = parent;
	*slot = node;
	return true;
}

bool resource_insert(struct resources *resources, uint32_t root, uint32_t node)
{
	const struct resource *added = &resources->nodes[node];
	uint32_t parent = root, other;

	while ((other = resource_link(resources, parent, node)) != RESOURCE_NONE) {
		if (other == parent)
			return false;
		if (resources->nodes[other].start > added->start || resources->nodes[other].end < added->end)
			return adopt_covered(resources, parent, node);
		parent = other;
	}
	return true;
}

static void count_live(struct resources *resources, enum resource_tree tree, const struct resource *node, bool begins)
{
	struct resource_stats *stats = &resources->stats[tree];
	uint64_t size = node->end - node->start + 1;

	stats->live += begins ? 1 : (uint64_t)-1;
	stats->live_bytes += begins ? size : 0 - size;
}

static void tree_changed(struct resources *resources, enum resource_tree tree, uint64_t start, uint64_t end)
{
	resources->generation[tree]++;
	if (tree == RESOURCE_IOPORT)
		ioports_refresh(resources, start, end);
}

/* A node and all that it contains leave the tree for good. */
static void remove_node(struct resources *resources, enum resource_tree tree, uint32_t node)
{
	uint64_t start = resources->nodes[node].start, end = resources->nodes[node].end;

	while (resources->nodes[node].child != RESOURCE_NONE)
		remove_node(resources, tree, resources->nodes[node].child);
	if (resources->nodes[node].requested)
		count_live(resources, tree, &resources->nodes[node], false);
	resource_unlink(resources, node);
	resource_drop(resources, node);
	tree_changed(resources, tree, start, end);
}

/* Whether @other is a claim from before the trace that the trace now shows being made. */
static bool gives_way(const struct resources *resources, uint32_t other, const struct resource *added)
{
	const struct resource *node = &resources->nodes[other];

	return node->claim == CLAIM_DRIVER && !node->requested && node->start >= added->start &&
		node->end <= added->end;
}

/*
 * Drivers may rename what they have claimed, which the trace does not show (rename_region()): a claim of the same span
 * has the name that stayed.
 */
static void take_over(struct resources *resources, enum resource_tree tree, uint32_t older, uint32_t node)
{
	const struct resource *claim = &resources->nodes[older];
	struct resource *added = &resources->nodes[node];

	if (claim->start == added->start && claim->end == added->end)
		added->name = claim->name;
	remove_node(resources, tree, older);
}

static struct resource_answer place(struct resources *resources, enum resource_tree tree, uint32_t node,
	bool recorded_failure)
{
	struct resource_answer answer = { .conflict = RESOURCE_FREE, .other = RESOURCE_NONE };
	uint32_t parent = (uint32_t)tree, other;

	while ((other = resource_link(resources, parent, node)) != RESOURCE_NONE) {
		if (other == parent) {
			answer.conflict = parent == (uint32_t)tree ? RESOURCE_OUTSIDE : RESOURCE_OVERLAPS;
			break;
		}
		if (!recorded_failure && gives_way(resources, other, &resources->nodes[node])) {
			take_over(resources, tree, other, node);
			answer.taken_over = true;
			continue;
		}
		if (resources->nodes[other].claim != CLAIM_NONE) {
			answer.conflict = RESOURCE_BUSY;
			break;
		}
		parent = other;
	}
	answer.other = other;
	return answer;
}

struct resource_answer resource_request(struct resources *resources, enum resource_tree tree, uint64_t start,
	uint64_t size, const char *name, bool recorded_failure, struct meter *meter)
{
	struct resource_stats *stats = &resources->stats[tree];
	struct resource_answer answer = { .conflict = RESOURCE_OUTSIDE, .other = (uint32_t)tree };
	uint32_t node = resource_new(resources, start, start + size - 1, name);

	stats->requests++;
	meter_charge_locked(meter, STEP_REGION_REQUEST, 1, LOCK_RESOURCE);
	if (node == RESOURCE_NONE) {
		stats->conflicts++;
		return answer;
	}
	answer = place(resources, tree, node, recorded_failure);
	if (answer.conflict != RESOURCE_FREE) {
		stats->conflicts++;
		resource_drop(resources, node);
		return answer;
	}
	resources->nodes[node].claim = CLAIM_DRIVER;
	resources->nodes[node].requested = true;
	resources->nodes[node].device = resources->nodes[resources->nodes[node].parent].device;
	stats->taken_over += answer.taken_over;
	count_live(resources, tree, &resources->nodes[node], true);
	tree_changed(resources, tree, start, start + size - 1);
	return answer;
}

bool resource_release(struct resources *resources, enum resource_tree tree, uint64_t start, uint64_t size,
	struct meter *meter)
{
	uint64_t end = start + size - 1;
	uint32_t parent = (uint32_t)tree;

	meter_charge_locked(meter, STEP_REGION_RELEASE, 1, LOCK_RESOURCE);
	resources->stats[tree].releases++;
	for (;;) {
		uint32_t at = *child_slot(resources, parent, start);
		const struct resource *node = at == RESOURCE_NONE ? NULL : &resources->nodes[at];

		if (!node || node->start > start || node->end < end || end < start)
			break;
		if (node->claim == CLAIM_NONE) {
			parent = at;
			continue;
		}
		if (node->start != start || node->end != end)
			break;
		remove_node(resources, tree, at);
		return true;
	}
	resources->stats[tree].mismatches++;
	return false;
}

uint32_t resource_deepest(const struct resources *resources, enum resource_tree tree, uint64_t start, uint64_t end)
{
	const struct resource *nodes = resources->nodes;
	uint32_t around = (uint32_t)tree, at = nodes[around].child;

	while (at != RESOURCE_NONE && nodes[at].start <= start) {
		if (nodes[at].end >= end) {
			around = at;
			at = nodes[at].child;
		} else {
			at = nodes[at].sibling;
		}
	}
	return around;
}

bool resource_claimed(const struct resources *resources, enum resource_tree tree, uint64_t start, uint64_t end)
{
	for (;;) {
		uint32_t at = resource_deepest(resources, tree, start, start);

		while (at != RESOURCE_NONE && resources->nodes[at].claim == CLAIM_NONE)
			at = resources->nodes[at].parent;
		if (at == RESOURCE_NONE)
			return false;
		if (resources->nodes[at].end >= end)
			return true;
		start = resources->nodes[at].end + 1;
	}
}

/* The next node in pre-order that is not inside @node. */
static uint32_t next_outside(const struct resources *resources, uint32_t node)
{
	while (node != RESOURCE_NONE && resources->nodes[node].sibling == RESOURCE_NONE)
		node = resources->nodes[node].parent;
	return node == RESOURCE_NONE ? node : resources->nodes[node].sibling;
}

uint32_t resource_next(const struct resources *resources, uint32_t node)
{
	if (resources->nodes[node].child != RESOURCE_NONE)
		return resources->nodes[node].child;
	return next_outside(resources, node);
}

bool resource_spans(const struct resources *resources, uint64_t start, uint64_t end, uint32_t page_size)
{
	uint64_t page_mask = ~((uint64_t)page_size - 1);

	for (uint32_t at = resources->nodes[RESOURCE_IOMEM].child; at != RESOURCE_NONE;) {
		const struct resource *node = &resources->nodes[at];
		bool contained = (node->start & page_mask) <= (start & page_mask) &&
			(node->end | ~page_mask) >= (end | ~page_mask);

		if (node->start > end)
			break;
		if (node->end >= start && !contained && node->claim == CLAIM_NONE)
			return true;
		at = node->end < start || !contained ? next_outside(resources, at) : resource_next(resources, at);
	}
	return false;
}

const struct resource *resource_get(const struct resources *resources, uint32_t node)
{
	return &resources->nodes[node];
}

uint32_t resource_depth(const struct resources *resources, uint32_t node)
{
	uint32_t depth = 0;

	for (uint32_t at = resources->nodes[node].parent; depth < DEPTH_MAX && at >= NR_RESOURCE_TREES; depth++)
		at = resources->nodes[at].parent;
	return depth;
}

const struct resource_stats *resource_stats(const struct resources *resources, enum resource_tree tree)
{
	return &resources->stats[tree];
}

uint64_t resource_generation(const struct resources *resources, enum resource_tree tree)
{
	return resources->generation[tree];
}

struct ioports *resource_ioports(struct resources *resources)
{
	return &resources->ports;
}

static int resources_init(void *state, struct mm *mm, struct err *err)
{
	struct resources *resources = state;

	resources->machine = mm->machine;
	resources->unused = RESOURCE_NONE;
	return resource_boot(resources, err);
}

static void resources_fini(void *state)
{
	struct resources *resources = state;

	ioports_fini(&resources->ports);
	free(resources->nodes);
}

static int check_node(const struct resources *resources, uint32_t at, struct err *err)
{
	const struct resource *node = &resources->nodes[at], *parent;
	const struct resource *next = node->sibling == RESOURCE_NONE ? NULL : &resources->nodes[node->sibling];

	if (!node->used || node->end < node->start)
		return err_set(err, ERR_INVARIANT, "resource 1: node %u ends before it starts or is not used", at);
	if (node->parent == RESOURCE_NONE)
		return 0;
	parent = &resources->nodes[node->parent];
	if (node->start < parent->start || node->end > parent->end)
		return err_set(err, ERR_INVARIANT, "resource 1: \"%s\" at 0x%" PRIx64 " is not within \"%s\"",
			node->name, node->start, parent->name);
	if (next && (next->start <= node->end || next->parent != node->parent))
		return err_set(err, ERR_INVARIANT, "resource 2: \"%s\" at 0x%" PRIx64 " and \"%s\" at 0x%" PRIx64
			" meet", node->name, node->start, next->name, next->start);
	return 0;
}

static int check_tree(const struct resources *resources, enum resource_tree tree, uint32_t *seen, struct err *err)
{
	uint64_t live = 0, live_bytes = 0;

	for (uint32_t at = (uint32_t)tree; at != RESOURCE_NONE; at = resource_next(resources, at)) {
		const struct resource *node = &resources->nodes[at];

		if (++*seen > resources->nr)
			return err_set(err, ERR_INVARIANT, "resource 3: a list of children has no end");
		if (check_node(resources, at, err) < 0)
			return -ERR_INVARIANT;
		live += node->requested;
		live_bytes += node->requested ? node->end - node->start + 1 : 0;
	}
	if (live != resources->stats[tree].live || live_bytes != resources->stats[tree].live_bytes)
		return err_set(err, ERR_INVARIANT, "resource 4: %" PRIu64 " claims live, counted %" PRIu64, live,
			resources->stats[tree].live);
	return 0;
}

static int resources_check(const void *state, struct err *err)
{
	const struct resources *resources = state;
	uint32_t seen = 0;

	for (int tree = 0; tree < NR_RESOURCE_TREES; tree++)
		if (check_tree(resources, (enum resource_tree)tree, &seen, err) < 0)
			return -ERR_INVARIANT;
	for (uint32_t at = resources->unused; at != RESOURCE_NONE; at = resources->nodes[at].sibling)
		if (resources->nodes[at].used || ++seen > resources->nr)
			return err_set(err, ERR_INVARIANT, "resource 3: an unused node is used");
	if (seen != resources->nr)
		return err_set(err, ERR_INVARIANT, "resource 3: %u nodes in trees or unused, of %u", seen,
			resources->nr);
	return ioports_check(resources, err);
}

const struct mechanism mech_resource = {
	.name = "resource", .slot = SLOT_RESOURCE, .state_size = sizeof(struct resources),
	.init = resources_init, .fini = resources_fini, .check = resources_check,
};
