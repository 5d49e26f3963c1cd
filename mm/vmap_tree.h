/*
 * vmap_tree: areas of kernel address space in red-black trees, ascending by start, each node knowing the longest area
 * in its subtree. Models vmap_area with its augmented tree in mm/vmalloc.c of kernel 6.1: insertion and removal are the
 * textbook's, as lib/rbtree.c's are, because where an aligned request goes depends on the shape of the tree. Private to
 * mm/. Knows nothing of who uses an area.
 */
#ifndef KMEMSIM_MM_VMAP_TREE_H
#define KMEMSIM_MM_VMAP_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"

#define VMAP_NIL 0u /* number of no node; node 0 is the leaf of all trees */

/** One area: [start, end), bytes. */
struct vmap_node {
	uint64_t start, end;
	uint64_t longest;             /* free and lazy areas: bytes of the longest in this subtree */
	uint32_t parent, left, right; /* node numbers; left: next unused, parent: next deferred */
	bool red;
	uint8_t state;                /* enum vmap_state */
	uint8_t use;                  /* enum vmap_use, of a busy area */
	bool reset_perms;             /* freeing it purges: VM_FLUSH_RESET_PERMS */
	uint32_t caller;
	uint32_t nr_pages;            /* pages that it owns */
	uint32_t link;                /* nested area with the array of pages; the vmap block, plus 1, of a part */
	uint64_t phys;                /* of ioremap */
	pfn_t *pfns;                  /* owned: nr_pages page frames */
};

enum vmap_state { VMAP_UNUSED, VMAP_FREE, VMAP_BUSY, VMAP_LAZY };

/** All nodes of one address space; numbers are stable, addresses are not. */
struct vmap_nodes {
	struct vmap_node *all; /* owned */
	uint32_t nr;           /* in use and once used, node 0 included */
	uint32_t cap;
	uint32_t unused;       /* first of the list */
};

struct vmap_tree {
	uint32_t root;
	uint32_t nr;
};

int vmap_nodes_init(struct vmap_nodes *nodes, struct err *err);
void vmap_nodes_fini(struct vmap_nodes *nodes);
/** vmap_node_take() - a node of [@start, @end), in no tree. Return: its number, VMAP_NIL when out of memory. */
uint32_t vmap_node_take(struct vmap_nodes *nodes, uint64_t start, uint64_t end, enum vmap_state state);
/** vmap_node_give() - with the page frames that it owns. */
void vmap_node_give(struct vmap_nodes *nodes, uint32_t number);

void vmap_tree_insert(struct vmap_tree *tree, struct vmap_nodes *nodes, uint32_t number);
void vmap_tree_remove(struct vmap_tree *tree, struct vmap_nodes *nodes, uint32_t number);
/** vmap_tree_resized() - the node's start or end has moved, within its neighbours. */
void vmap_tree_resized(struct vmap_nodes *nodes, uint32_t number);

/** vmap_tree_first(), _next(), _prev() - in order of address; VMAP_NIL behind the ends. */
uint32_t vmap_tree_first(const struct vmap_tree *tree, const struct vmap_nodes *nodes);
uint32_t vmap_tree_next(const struct vmap_nodes *nodes, uint32_t number);
uint32_t vmap_tree_prev(const struct vmap_nodes *nodes, uint32_t number);
/** vmap_tree_find() - the last area that starts at or before @address, or VMAP_NIL. */
uint32_t vmap_tree_find(const struct vmap_tree *tree, const struct vmap_nodes *nodes, uint64_t address);

/**
 * vmap_tree_merge() - models merge_or_add_vmap_area(): insert the node, or grow a neighbour that touches it.
 * @number may be gone afterwards. Return: the node that now has the range.
 */
uint32_t vmap_tree_merge(struct vmap_tree *tree, struct vmap_nodes *nodes, uint32_t number);

/**
 * vmap_tree_lowest() - models find_vmap_lowest_match(): the area that a request of @size bytes, aligned to @align (a
 * power of two), at or above @vstart, is cut from. @length: bytes that are searched for, at least @size.
 */
uint32_t vmap_tree_lowest(const struct vmap_tree *tree, const struct vmap_nodes *nodes, uint64_t size, uint64_t align,
	uint64_t vstart, uint64_t length);

/** vmap_tree_check() - order, colours, black heights, longest. Invariants 1 to 3 of mm/vmap_tree.c. */
int vmap_tree_check(const struct vmap_tree *tree, const struct vmap_nodes *nodes, enum vmap_state state,
	struct err *err);

#endif
