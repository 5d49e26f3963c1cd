/*
 * vmap_tree: see vmap_tree.h.
 *
 * Invariants
 *  1. areas of a tree ascend, do not overlap and are all in the tree's state
 *  2. the root is black, no red node has a red child, and all paths to a leaf have as many black nodes
 *  3. longest is that of the node's own length and of its children
 */
#include "mm/vmap_tree.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/bits.h"

#define NODES_AT_FIRST 64u

int vmap_nodes_init(struct vmap_nodes *nodes, struct err *err)
{
	*nodes = (struct vmap_nodes){ .all = calloc(NODES_AT_FIRST, sizeof(*nodes->all)),
		.nr = 1,
		.cap = NODES_AT_FIRST };
	return nodes->all ? 0 : err_set(err, ERR_NOMEM, "no memory for areas of the vmalloc space");
}

void vmap_nodes_fini(struct vmap_nodes *nodes)
{
	for (uint32_t i = 1; nodes->all && i < nodes->nr; i++)
		free(nodes->all[i].pfns);
	free(nodes->all);
	*nodes = (struct vmap_nodes){ 0 };
}

uint32_t vmap_node_take(struct vmap_nodes *nodes, uint64_t start, uint64_t end, enum vmap_state state)
{
	uint32_t number = nodes->unused;

	if (number != VMAP_NIL) {
		nodes->unused = nodes->all[number].left;
	} else {
		if (!array_room(&nodes->all, &nodes->cap, nodes->nr))
			return VMAP_NIL;
		number = nodes->nr++;
	}
	nodes->all[number] = (struct vmap_node){ .start = start, .end = end, .longest = end - start,
		.state = (uint8_t)state };
	return number;
}

void vmap_node_give(struct vmap_nodes *nodes, uint32_t number)
{
	free(nodes->all[number].pfns);
	nodes->all[number] = (struct vmap_node){ .left = nodes->unused };
	nodes->unused = number;
}

static uint64_t longest_of(const struct vmap_node *all, uint32_t number)
{
	const struct vmap_node *n = &all[number];

	return max_u64(n->end - n->start, max_u64(all[n->left].longest, all[n->right].longest));
}

void vmap_tree_resized(struct vmap_nodes *nodes, uint32_t number)
{
	for (; number != VMAP_NIL; number = nodes->all[number].parent)
		nodes->all[number].longest = longest_of(nodes->all, number);
}

/* @to takes the place of @from under its parent. */
static void replace_child(struct vmap_tree *tree, struct vmap_node *all, uint32_t from, uint32_t to)
{
	uint32_t parent = all[from].parent;

	if (parent == VMAP_NIL)
		tree->root = to;
	else if (all[parent].left == from)
		all[parent].left = to;
	else
		all[parent].right = to;
	all[to].parent = parent;
}

static void rotate_left(struct vmap_tree *tree, struct vmap_node *all, uint32_t x)
{
	uint32_t y = all[x].right;

	all[x].right = all[y].left;
	if (all[y].left != VMAP_NIL)
		all[all[y].left].parent = x;
	replace_child(tree, all, x, y);
	all[y].left = x;
	all[x].parent = y;
	all[x].longest = longest_of(all, x);
	all[y].longest = longest_of(all, y);
}

static void rotate_right(struct vmap_tree *tree, struct vmap_node *all, uint32_t x)
{
	uint32_t y = all[x].left;

	all[x].left = all[y].right;
	if (all[y].right != VMAP_NIL)
		all[all[y].right].parent = x;
	replace_child(tree, all, x, y);
	all[y].right = x;
	all[x].parent = y;
	all[x].longest = longest_of(all, x);
	all[y].longest = longest_of(all, y);
}

/* Cormen et al., RB-INSERT-FIXUP. */
static void fix_insertion(struct vmap_tree *tree, struct vmap_node *all, uint32_t z)
{
	while (all[all[z].parent].red) {
		uint32_t parent = all[z].parent, grand = all[parent].parent;
		bool is_left = all[grand].left == parent;
		uint32_t uncle = is_left ? all[grand].right : all[grand].left;

		if (all[uncle].red) {
			all[parent].red = all[uncle].red = false;
			all[grand].red = true;
			z = grand;
			continue;
		}
		if (z == (is_left ? all[parent].right : all[parent].left)) {
			if (is_left)
				rotate_left(tree, all, parent);
			else
				rotate_right(tree, all, parent);
			z = parent;
		}
		all[all[z].parent].red = false;
		all[grand].red = true;
		if (is_left)
			rotate_right(tree, all, grand);
		else
			rotate_left(tree, all, grand);
	}
	all[tree->root].red = false;
}

void vmap_tree_insert(struct vmap_tree *tree, struct vmap_nodes *nodes, uint32_t number)
{
	struct vmap_node *all = nodes->all;
	uint32_t parent = VMAP_NIL, at = tree->root;

	while (at != VMAP_NIL) {
		parent = at;
		at = all[number].start < all[at].start ? all[at].left : all[at].right;
	}
	all[number].parent = parent;
	all[number].left = all[number].right = VMAP_NIL;
	all[number].red = true;
	if (parent == VMAP_NIL)
		tree->root = number;
	else if (all[number].start < all[parent].start)
		all[parent].left = number;
	else
		all[parent].right = number;
	tree->nr++;
	vmap_tree_resized(nodes, number);
	fix_insertion(tree, all, number);
}

/* One level of RB-DELETE-FIXUP. Return: where to go on, or the root when it is done. */
static uint32_t fix_removal_step(struct vmap_tree *tree, struct vmap_node *all, uint32_t x, bool is_left)
{
	void (*toward)(struct vmap_tree *, struct vmap_node *, uint32_t) = is_left ? rotate_left : rotate_right;
	void (*away)(struct vmap_tree *, struct vmap_node *, uint32_t) = is_left ? rotate_right : rotate_left;
	uint32_t parent = all[x].parent;
	uint32_t w = is_left ? all[parent].right : all[parent].left;
	uint32_t inner, outer;

	if (all[w].red) {
		all[w].red = false;
		all[parent].red = true;
		toward(tree, all, parent);
		w = is_left ? all[parent].right : all[parent].left;
	}
	inner = is_left ? all[w].left : all[w].right;
	outer = is_left ? all[w].right : all[w].left;
	if (!all[inner].red && !all[outer].red) {
		all[w].red = true;
		return parent;
	}
	if (!all[outer].red) {
		all[inner].red = false;
		all[w].red = true;
		away(tree, all, w);
		w = is_left ? all[parent].right : all[parent].left;
		outer = is_left ? all[w].right : all[w].left;
	}
	all[w].red = all[parent].red;
	all[parent].red = false;
	all[outer].red = false;
	toward(tree, all, parent);
	return tree->root;
}

static void fix_removal(struct vmap_tree *tree, struct vmap_node *all, uint32_t x)
{
	while (x != tree->root && !all[x].red) {
		uint32_t parent = all[x].parent;

		/* Both children can be the leaf only when x is: then the sibling is the other, which is not a leaf. */
		x = fix_removal_step(tree, all, x, all[parent].left == x);
	}
	all[x].red = false;
}

void vmap_tree_remove(struct vmap_tree *tree, struct vmap_nodes *nodes, uint32_t number)
{
	struct vmap_node *all = nodes->all;
	uint32_t y = number, x, lowest;
	bool removed_red;

	if (all[number].left != VMAP_NIL && all[number].right != VMAP_NIL)
		for (y = all[number].right; all[y].left != VMAP_NIL;)
			y = all[y].left;
	x = all[y].left != VMAP_NIL ? all[y].left : all[y].right;
	removed_red = all[y].red;
	lowest = all[y].parent;
	replace_child(tree, all, y, x); /* also when x is the leaf: the repair needs its parent */
	if (y != number) {
		/* The successor takes the node's place and colour. */
		if (lowest == number)
			lowest = y;
		all[y].left = all[number].left;
		all[y].right = all[number].right;
		all[y].red = all[number].red;
		replace_child(tree, all, number, y);
		if (all[y].left != VMAP_NIL)
			all[all[y].left].parent = y;
		all[all[y].right].parent = y;
	}
	tree->nr--;
	vmap_tree_resized(nodes, lowest);
	if (!removed_red) {
		if (x == VMAP_NIL)
			all[VMAP_NIL].parent = lowest;
		fix_removal(tree, all, x);
	}
	all[VMAP_NIL] = (struct vmap_node){ 0 };
}

uint32_t vmap_tree_first(const struct vmap_tree *tree, const struct vmap_nodes *nodes)
{
	uint32_t at = tree->root;

	while (nodes->all[at].left != VMAP_NIL)
		at = nodes->all[at].left;
	return at;
}

uint32_t vmap_tree_next(const struct vmap_nodes *nodes, uint32_t number)
{
	const struct vmap_node *all = nodes->all;
	uint32_t parent;

	if (all[number].right != VMAP_NIL) {
		for (number = all[number].right; all[number].left != VMAP_NIL;)
			number = all[number].left;
		return number;
	}
	while ((parent = all[number].parent) != VMAP_NIL && all[parent].right == number)
		number = parent;
	return parent;
}

uint32_t vmap_tree_prev(const struct vmap_nodes *nodes, uint32_t number)
{
	const struct vmap_node *all = nodes->all;
	uint32_t parent;

	if (all[number].left != VMAP_NIL) {
		for (number = all[number].left; all[number].right != VMAP_NIL;)
			number = all[number].right;
		return number;
	}
	while ((parent = all[number].parent) != VMAP_NIL && all[parent].left == number)
		number = parent;
	return parent;
}

uint32_t vmap_tree_find(const struct vmap_tree *tree, const struct vmap_nodes *nodes, uint64_t address)
{
	uint32_t at = tree->root, found = VMAP_NIL;

	while (at != VMAP_NIL) {
		if (nodes->all[at].start <= address) {
			found = at;
			at = nodes->all[at].right;
		} else {
			at = nodes->all[at].left;
		}
	}
	return found;
}

uint32_t vmap_tree_merge(struct vmap_tree *tree, struct vmap_nodes *nodes, uint32_t number)
{
	struct vmap_node *all = nodes->all;
	uint64_t start = all[number].start, end = all[number].end;
	uint32_t prev = vmap_tree_find(tree, nodes, start);
	uint32_t next = prev != VMAP_NIL ? vmap_tree_next(nodes, prev) : vmap_tree_first(tree, nodes);
	bool joins_prev = prev != VMAP_NIL && all[prev].end == start;
	bool joins_next = next != VMAP_NIL && all[next].start == end;

	if (!joins_prev && !joins_next) {
		vmap_tree_insert(tree, nodes, number);
		return number;
	}
	vmap_node_give(nodes, number);
	if (!joins_prev) {
		all[next].start = start;
		vmap_tree_resized(nodes, next);
		return next;
	}
	if (joins_next) {
		end = all[next].end;
		vmap_tree_remove(tree, nodes, next);
		vmap_node_give(nodes, next);
	}
	all[prev].end = end;
	vmap_tree_resized(nodes, prev);
	return prev;
}

static bool holds(const struct vmap_node *n, uint64_t size, uint64_t align, uint64_t vstart)
{
	uint64_t from = max_u64(n->start, vstart);
	uint64_t at = align_up(from, align);

	return at >= from && at + size >= at && at + size <= n->end;
}

uint32_t vmap_tree_lowest(const struct vmap_tree *tree, const struct vmap_nodes *nodes, uint64_t size, uint64_t align,
	uint64_t vstart, uint64_t length)
{
	const struct vmap_node *all = nodes->all;
	uint32_t at = tree->root;

	while (at != VMAP_NIL) {
		if (all[all[at].left].longest >= length && vstart < all[at].start) {
			at = all[at].left;
			continue;
		}
		if (holds(&all[at], size, align, vstart))
			return at;
		if (all[all[at].right].longest >= length) {
			at = all[at].right;
			continue;
		}
		/* The nearest ancestor that holds it, or whose right subtree may and was not searched. */
		while ((at = all[at].parent) != VMAP_NIL) {
			if (holds(&all[at], size, align, vstart))
				return at;
			if (all[all[at].right].longest >= length && vstart <= all[at].start) {
				vstart = all[at].start + 1;
				at = all[at].right;
				break;
			}
		}
	}
	return VMAP_NIL;
}

/* Return: black nodes on each path below @number, the leaf included; -1 when paths differ or red meets red. */
static int black_height(const struct vmap_node *all, uint32_t number)
{
	int left, right;

	if (number == VMAP_NIL)
		return 1;
	left = black_height(all, all[number].left);
	right = black_height(all, all[number].right);
	if (left < 0 || left != right)
		return -1;
	if (all[number].red && (all[all[number].left].red || all[all[number].right].red))
		return -1;
	return left + !all[number].red;
}

int vmap_tree_check(const struct vmap_tree *tree, const struct vmap_nodes *nodes, enum vmap_state state,
	struct err *err)
{
	const struct vmap_node *all = nodes->all;
	uint64_t last_end = 0;
	uint32_t nr = 0;

	for (uint32_t at = vmap_tree_first(tree, nodes); at != VMAP_NIL; at = vmap_tree_next(nodes, at), nr++) {
		if (all[at].state != state || all[at].start >= all[at].end || all[at].start < last_end)
			return err_set(err, ERR_INVARIANT, "vmap_tree 1: area %#" PRIx64 "-%#" PRIx64
				" in state %u, behind one that ends at %#" PRIx64, all[at].start, all[at].end,
				all[at].state, last_end);
		if (all[at].longest != longest_of(all, at))
			return err_set(err, ERR_INVARIANT,
				"vmap_tree 3: longest of %#" PRIx64 " is %#" PRIx64 ", not %#" PRIx64, all[at].start,
				all[at].longest, longest_of(all, at));
		last_end = all[at].end;
	}
	if (nr != tree->nr || all[tree->root].red || black_height(all, tree->root) < 0)
		return err_set(err, ERR_INVARIANT, "vmap_tree 2: %u of %u nodes, or colours out of balance", nr,
			tree->nr);
	return 0;
}
