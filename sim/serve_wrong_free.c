/*
 * serve_wrong_free: frees that the kernel warns of or dies of: by another function than the object's own,
 * with another cache, of what is free already or never was allocated. What is right, and what there is to
 * free, is found by who calls this.
 */
#include <string.h>

#include "mm/mempool.h"
#include "sim/serve_priv.h"

/* kfree() of pages: free_large_kmalloc() gives back a compound block; of another it warns, and frees the first page. */
RARE void free_pages_as_object(struct run *run, struct object *object, const struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];
	bool first_only = object->left > 1 && object->left == maker->bytes_alloc >> run->machine->page_shift;

	if (first_only && maker->action == ACT_PAGES && maker->gfp & GFP_BIT_COMP) {
		first_only = false;
		run_violation_severe(run, RULE_WRONG_FREE, severity_name[SEVERITY_NOTICE], op,
			"%s of pages from %s: works, as the block is compound", kind_info[op->kind].name,
			kind_info[maker->kind].name);
	} else {
		run_violation(run, RULE_WRONG_FREE, op, "%s of pages from %s: the kernel warns%s",
			kind_info[op->kind].name, kind_info[maker->kind].name,
			first_only ? " and frees the first page, the others leak" : "");
	}
	if (first_only)
		release_first_page(run, object);
	else
		release(run, object);
}

/* An address of the vmalloc space, or an offset of a per-CPU chunk and the like. */
static void check_free_of_part(struct run *run, const struct object *object, const struct run_op *op)
{
	const struct mempools *pools = mm_state(&run->mm, SLOT_MEMPOOL);
	struct mempool_stats pool;

	if (run->ops[object->op].kind == KIND_MEMPOOL_ALLOC) {
		mempool_get_stats(pools, mempool_of(pools, object->index), &pool);
		if (pool.create.kind == MEMPOOL_SLAB || pool.create.kind == MEMPOOL_KMALLOC) {
			run_violation(run, RULE_WRONG_FREE, op,
				"%s of an element from mempool_alloc: the pool's reserve never gets it"
				" back",
				kind_info[op->kind].name);
			return;
		}
	}
	if (part_of(run, object) == &part_dma)
		run_violation(run, RULE_WRONG_FREE, op,
			"%s of an object from %s: no slab is there, the kernel warns and frees"
			" its first page",
			kind_info[op->kind].name, kind_info[run->ops[object->op].kind].name);
	else if (op->kind != KIND_KVFREE || part_of(run, object) != &part_vmalloc)
		run_violation_severe(run, RULE_WRONG_FREE, severity_name[SEVERITY_FATAL], op,
			"%s of an object from %s: no slab is there, the kernel oopses", kind_info[op->kind].name,
			kind_info[run->ops[object->op].kind].name);
	else if ((op->ctx & CTX_MASK) == CTX_NMI)
		run_violation(run, RULE_VMALLOC_IN_INTERRUPT, op, "kvfree of vmalloc memory in an NMI: BUG in vfree()");
	else if (op->ctx & ~CTX_MASK && !(op->ctx & CTX_MASK))
		run_violation(run, RULE_SLEEP_IN_ATOMIC, op,
			"kvfree of vmalloc memory may sleep, and the context may not:"
			" might_sleep() complains");
}

/* Events of the free and of what made the object name one cache, though this machine has several where that one was. */
static bool was_merged(const struct run *run, const struct run_op *maker, const struct run_op *op)
{
	return !run->machine->slab.merge && maker->trace->name == op->trace->name;
}

/* kfree() finds the cache by the page, kmem_cache_free() believes its caller: both work where the cache is right. */
static void check_free_function(struct run *run, const struct run_op *maker, const struct run_op *op)
{
	bool slob = !strcmp(run->machine->slab.allocator, "slob");
	bool to_cache = op->kind == KIND_KMEM_CACHE_FREE || op->kind == KIND_KMEM_CACHE_FREE_BULK;

	if (op_knows_cache(maker) != to_cache && !(run->kfree_of_caches && !to_cache))
		run_violation_severe(run, RULE_WRONG_FREE, severity_name[slob ? SEVERITY_FATAL : SEVERITY_NOTICE], op,
			"%s of an object from %s: %s", kind_info[op->kind].name, kind_info[maker->kind].name,
			slob ? "SLOB keeps no size with a cache's objects" :
			run->kfree_of_caches ? "works, as the cache is right" : "works, unless the allocator is SLOB");
}

RARE void check_free(struct run *run, const struct object *object, struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];

	if (object->slab == OBJECT_PART) {
		check_free_of_part(run, object, op);
		return;
	}
	if (op->kind == KIND_KMEM_CACHE_FREE || op->kind == KIND_KMEM_CACHE_FREE_BULK) {
		if (op->generation != run->cache_generation)
			run_op_resolve_cache(run, op);
		/* One that names no cache, as kernels before 5.12 trace it, says nothing against the object's own. */
		if (object->slab == SLAB_LARGE ||
			(op->trace->name && maker->cache != op->cache && !was_merged(run, maker, op) &&
				slab_object_cache(run->mm.slab, slab_part(object)) != op->cache)) {
			run_violation(run, RULE_WRONG_FREE, op,
				"object of %s freed to cache %s: \"Wrong slab cache\", the kernel warns and uses the object's own",
				maker->trace->name ? run_string(run, maker->trace->name) : kind_info[maker->kind].name,
				run_string(run, op->trace->name));
			return;
		}
	}
	check_free_function(run, maker, op);
}

/* Where somebody else has it by then, that one's goes. */
static const char *reaction_to_double_free(enum trace_kind kind)
{
	switch (kind) {
	case KIND_VFREE:
	case KIND_VUNMAP:
	case KIND_VM_UNMAP_RAM:
		return "the kernel warns of a nonexistent area, or unmaps another's";
	case KIND_IOUNMAP:
		return "the kernel says \"bad address\", or unmaps another's";
	case KIND_FREE_PAGES:
	case KIND_DMA_FREE_COHERENT:
		return "the kernel reports a bad page, or frees another's";
	case KIND_KUNMAP:
	case KIND_KUNMAP_ATOMIC:
		return "the kernel stops with a BUG, or unmaps another's";
	case KIND_FREE_PERCPU:
	case KIND_FREE_BOOTMEM:
	case KIND_TASK_EXIT:
		return "the kernel frees what is not there, or another's";
	default:
		return "the list of free objects is corrupted";
	}
}

RARE void serve_bad_free(struct run *run, struct run_op *op)
{
	op->failed++;
	if (op->flags & OP_DOUBLE)
		run_violation(run, RULE_DOUBLE_FREE, op, "%s of what is free already: %s", kind_info[op->kind].name,
			reaction_to_double_free((enum trace_kind)op->kind));
	else
		run_violation(run, RULE_FREE_UNKNOWN, op,
			"%s of an object that was never allocated: the kernel warns or oopses",
			kind_info[op->kind].name);
}
