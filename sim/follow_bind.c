/*
 * follow_bind: which objects of a saved initial state are those that the trace names,
 * by their recorded places; and whether the state is of the recorded machine at all.
 */
#include "sim/follow_priv.h"
#include "sim/serve_vmalloc.h"

/* Keys of follow.bound: objects as they are, blocks of pages with this bit. */
#define BOUND_BLOCK (1ull << 63)

/* Return: whether nobody had that place before. */
static bool claim(struct run *run, uint64_t key, uint32_t slot)
{
	if (idmap_get(&run->follow.bound, key) != IDMAP_NONE)
		return false;
	if (idmap_put(&run->follow.bound, key, slot) < 0)
		err_set(&run->deferred, ERR_NOMEM, "no memory for the objects of the initial state");
	return true;
}

static bool bind_object(struct run *run, const struct request *req, struct run_op *op, uint64_t address)
{
	struct slab_object found;
	uint64_t physical;

	if (!direct_map_physical(&run->options->direct_map, address, &physical) ||
		!slab_object_at(run->mm.slab, physical, &found) || !slab_object_live(run->mm.slab, found) ||
		!claim(run, (uint64_t)found.slab << 32 | found.index, req->slot))
		return false;
	object_begin(run, req, op, found.slab, found.index);
	return true;
}

/* Pages that are another slot's, or a slab's, are no block of this one's: the recording saw them at another time. */
static bool claim_pages(struct run *run, pfn_t pfn, unsigned int order, uint32_t slot)
{
	for (pfn_t page = pfn; page < pfn + (1ull << order); page++)
		if (page_alloc_owner(run->mm.pages, page) || !claim(run, BOUND_BLOCK | page, slot))
			return false;
	return true;
}

static bool bind_block(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn)
{
	if (op->order > run->machine->page_allocator.max_order || pfn > UINT32_MAX ||
		!page_alloc_allocated(run->mm.pages, pfn, op->order) || !claim_pages(run, pfn, op->order, req->slot))
		return false;
	pages_begin(run, req, op, pfn);
	return true;
}

/* A saved state tells of slabs, and of large kmallocs only as of pages that are somebody's. */
static bool bind_large(struct run *run, const struct request *req, struct run_op *op, uint64_t address)
{
	unsigned int order = ilog2_u64(op->bytes_alloc >> run->machine->page_shift);
	struct slab_object object;
	uint64_t physical;
	pfn_t pfn;

	if (!direct_map_physical(&run->options->direct_map, address, &physical))
		return false;
	pfn = physical >> run->machine->page_shift;
	if (order > run->machine->page_allocator.max_order || pfn > UINT32_MAX ||
		!page_alloc_allocated(run->mm.pages, pfn, order) || !claim_pages(run, pfn, order, req->slot))
		return false;
	object = kmalloc_large_adopt(run->mm.slab, pfn, order);
	object_begin(run, req, op, object.slab, object.index);
	return true;
}

static bool bind_area(struct run *run, const struct request *req, struct run_op *op, uint64_t address)
{
	uint32_t area;

	if (run->part_of_kind[op->kind] != &part_vmalloc || !address)
		return false;
	area = idmap_remove(&run->follow.bound, vmalloc_bound_key(run->machine, address));
	if (area == IDMAP_NONE)
		return false;
	object_begin(run, req, op, OBJECT_PART, area);
	return true;
}

void follow_bind(struct run *run, uint32_t slot, uint32_t op_no, uint64_t where)
{
	struct run_op *op = &run->ops[op_no];
	struct request req = { .op = op_no, .slot = slot };
	bool found = false;

	switch ((enum run_action)op->action) {
	case ACT_KMALLOC:
	case ACT_KMALLOC_LARGE:
	case ACT_CACHE_ALLOC:
		if (op->action == ACT_CACHE_ALLOC && op->generation != run->cache_generation)
			run_op_resolve_cache(run, op);
		found = bind_object(run, &req, op, where) ||
			(op->action == ACT_KMALLOC_LARGE && bind_large(run, &req, op, where));
		break;
	case ACT_PAGES:
	case ACT_PAGES_EXACT:
	case ACT_PAGES_BULK:
		found = where && bind_block(run, &req, op, where);
		break;
	case ACT_PART:
		found = bind_area(run, &req, op, where);
		break;
	default:
		return;
	}
	run->result.bound += found;
	run->result.unbound += !found;
	if (!found)
		run->objects[slot] = (struct object){ .slab = OBJECT_FAILED, .op = op_no };
}

/* Objects in use in the saved state. */
static uint64_t objects_of_state(const struct state *state)
{
	uint64_t objects = 0;

	for (size_t i = 0; i < state->nr_slabs; i++)
		objects += state->slabs[i].inuse - state->slabs[i].nr_cpu_freelist;
	return objects;
}

/* Whether what @older made is at its place in the state: 1 yes, 0 no, -1: not told. */
static int at_its_place(const struct run *run, const struct older *older)
{
	const struct run_op *op = &run->ops[older->op];
	struct slab_object object;
	uint64_t physical;

	/* The page layer has no slabs. */
	if (!slabs_followed(run))
		return op->action == ACT_PAGES && older->where ?
			page_alloc_allocated(run->mm.pages, older->where, op->order) :
			-1;
	if (op->action != ACT_KMALLOC || !direct_map_physical(&run->options->direct_map, older->where, &physical))
		return -1;
	return slab_object_at(run->mm.slab, physical, &object) && slab_object_live(run->mm.slab, object) &&
	       slab_object_cache(run->mm.slab, object) == op->cache;
}

bool follow_is_own_state(const struct run *run)
{
	uint64_t known = 0, there = 0;

	for (uint32_t i = 0; i < run->nr_objects; i++) {
		const struct older *older = &run->follow.older[i];
		int place = older->op == OLDER_NONE ? -1 : at_its_place(run, older);

		known += place >= 0;
		there += place > 0;
	}
	return known && there * 10 >= known * 9;
}

bool follow_names_most(const struct run *run)
{
	uint64_t named = 0;

	for (uint32_t i = 0; i < run->nr_objects; i++) {
		unsigned int kind =
			run->follow.older[i].op == OLDER_NONE ? KIND_MARKER : run->ops[run->follow.older[i].op].kind;

		named += kind < KIND_KFREE || kind == KIND_KMEM_CACHE_ALLOC || kind == KIND_KMEM_CACHE_ALLOC_BULK;
	}
	return 2 * named >= objects_of_state(run->options->initial);
}
