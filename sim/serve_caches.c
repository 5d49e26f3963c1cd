/* serve_caches: slab caches are created, shrunk and destroyed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "sim/adopt.h"
#include "sim/serve_priv.h"

static uint32_t clamp_u32(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Whether the recorded slots of a new cache are what its size, alignment and flags give. */
static bool slots_are_explained(const struct slab_create *create, uint64_t slot_size)
{
	if (!slot_size || !create->object_size)
		return false;
	return align_up(create->object_size,
		slab_calculate_alignment(create->flags, create->align, create->object_size)) == slot_size;
}

/*
 * What an event of a cache's creation asks for. Recordings do not show constructors: the size of the cache's objects
 * does, where the trace has it, else the machine's list.
 */
static struct slab_create create_of(const struct run *run, const struct trace_op *op)
{
	struct slab_create create = {
		.name = run_string(run, op->name),
		.object_size = clamp_u32(op->size),
		.align = clamp_u32(op->align),
		.flags = op->slab_flags,
	};
	uint32_t align = 0, flags = 0;

	if (!(op->flags & OP_BOOT) && slots_are_explained(&create, op->size_alloc))
		return create;
	if (op->size_alloc && slab_infer_create(create.object_size, clamp_u32(op->size_alloc), &align, &flags)) {
		/* Of a cache created before the recording nothing else is known. */
		create.flags |= op->flags & OP_BOOT ? flags : flags & SLAB_CTOR;
		create.align = op->flags & OP_BOOT ? align : create.align;
	} else if (machine_has_constructor(run->machine, create.name)) {
		create.flags |= SLAB_CTOR;
	}
	return create;
}

/*
 * Names whose cache lives on after its destruction: others share its slabs, or the kernel refused, for its objects. A
 * recording names a cache as its first owner did, whoever else shares it.
 */
bool cache_disowned(const struct run *run, uint32_t name)
{
	for (uint32_t i = 0; i < run->nr_disowned; i++)
		if (run->disowned[i] == name)
			return true;
	return false;
}

static void disown(struct run *run, uint32_t name)
{
	if (rules_is_recording(run))
		return;
	if (array_room(&run->disowned, &run->cap_disowned, run->nr_disowned))
		run->disowned[run->nr_disowned++] = name;
	else
		err_set(&run->deferred, ERR_NOMEM, "no memory for %u destroyed caches", run->nr_disowned + 1);
}

/* Somebody has created a cache of that name since. */
static void own(struct run *run, uint32_t name)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < run->nr_disowned; i++)
		if (run->disowned[i] != name)
			run->disowned[kept++] = run->disowned[i];
	run->nr_disowned = kept;
}

static const char *duplicate_reaction(const struct machine *machine)
{
	switch (machine->behaviour) {
	case BEHAVIOUR_2_6_CLASSIC:
		return "a BUG in 2.6, so none is created";
	case BEHAVIOUR_6_1:
		return "legal in 6.1, the new one is found by the name";
	case BEHAVIOUR_6_18:
		return "6.18 warns if built with CONFIG_DEBUG_VM, the new one is found by the name";
	}
	return "";
}

void serve_cache_create(struct run *run, struct run_op *op)
{
	struct slab_create create = create_of(run, op->trace);
	uint32_t cache;

	cache = slab_cache_find(run->mm.slab, create.name);
	if (cache != CACHE_NONE && (!cache_disowned(run, op->trace->name) || slab_cache_given_up(run->mm.slab, cache)))
		run_violation(run, RULE_CACHE_NAME_DUPLICATE, op, "cache \"%s\" exists already: %s", create.name,
			duplicate_reaction(run->machine));
	if (slab_cache_create(run->mm.slab, &create, &cache, &run->meter) == SLAB_CREATE_FAILED) {
		op->failed++;
		run->result.failed++;
		if (slab_cache_find(run->mm.slab, create.name) == CACHE_NONE &&
			slab_cache_refuse(run->mm.slab, create.name) < 0)
			err_set(&run->deferred, ERR_NOMEM, "no memory for the name of a cache");
	} else {
		op->done++;
		own(run, op->trace->name);
	}
	run->cache_generation++;
}

/* The importer calls a cache by its sizes whose name no event told. */
static bool is_nameless(const struct run *run, const struct trace_op *op)
{
	char name[64];

	snprintf(name, sizeof(name), "size-%" PRIu64 "-%" PRIu64, op->size, op->size_alloc);
	return !strcmp(name, run_string(run, op->name));
}

bool trace_names_cache(const struct run *run, const char *cache)
{
	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		const struct trace_op *op = run->ops[i].trace;

		if (op->kind >= KIND_KMEM_CACHE_ALLOC && op->kind <= KIND_KMEM_CACHE_FREE_BULK && op->name &&
			!strcmp(run_string(run, op->name), cache))
			return true;
	}
	return false;
}

/*
 * A nameless cache of the trace must be one of those of the initial state: one with its sizes that the trace does
 * not name, and not for kmalloc(), whose events differ. Among several, the one with most objects: its users are
 * known to be there. When the trace names all of them, the only one.
 */
static uint32_t find_nameless(const struct run *run, const struct trace_op *op)
{
	uint32_t best = CACHE_NONE, named = CACHE_NONE, nr_named = 0;
	uint64_t most = 0;

	for (uint32_t cache = 0; cache < slab_nr_caches(run->mm.slab); cache++) {
		struct slab_stats stats;

		slab_cache_stats(run->mm.slab, cache, &stats);
		if (!slab_cache_live(run->mm.slab, cache) || stats.geometry.object_size != op->size ||
			stats.geometry.size != op->size_alloc || strstr(stats.name, "kmalloc-"))
			continue;
		if (trace_names_cache(run, stats.name)) {
			named = cache;
			nr_named++;
		} else if (best == CACHE_NONE || stats.live_objs > most) {
			best = cache;
			most = stats.live_objs;
		}
	}
	return best == CACHE_NONE && nr_named == 1 ? named : best;
}

/* A cache that was there before the recording began. */
void serve_cache_boot(struct run *run, struct run_op *op)
{
	struct slab_create create = create_of(run, op->trace);
	uint32_t cache;

	if (slab_cache_find(run->mm.slab, create.name) != CACHE_NONE)
		return;
	if (run->options->initial && is_nameless(run, op->trace)) {
		cache = find_nameless(run, op->trace);
		if (cache != CACHE_NONE && slab_cache_name(run->mm.slab, cache, create.name)) {
			run->cache_generation++;
			return;
		}
	}
	slab_cache_boot(run->mm.slab, &create, &cache);
	run->cache_generation++;
}

static void report_no_cache(struct run *run, struct run_op *op)
{
	bool gone = slab_cache_gone(run->mm.slab, run_string(run, op->trace->name));

	op->failed++;
	if (slab_cache_refused(run->mm.slab, run_string(run, op->trace->name)))
		return; /* the call of NULL, which kmem_cache_destroy() takes */
	/* A recording may have begun after the creation, and never named the cache. */
	if (!gone && rules_is_recording(run))
		return;
	run_violation(run, gone ? RULE_CACHE_DESTROYED : RULE_FREE_UNKNOWN, op, "%s of cache \"%s\", which %s",
		op->kind == KIND_KMEM_CACHE_DESTROY ? "destroy" : "shrink", run_string(run, op->trace->name),
		gone ? "has been destroyed: the kernel uses memory that is freed" : "never was: the kernel oopses");
}

/* Objects that were taken from a cache by that name, and not freed. */
static uint64_t live_by_name(const struct run *run, uint32_t name)
{
	uint64_t live = 0;

	for (uint32_t i = 0; i < run->nr_objects; i++)
		if (object_is_slab(&run->objects[i])) {
			const struct trace_op *maker = run->ops[run->objects[i].op].trace;

			live += maker->name == name &&
				(maker->kind == KIND_KMEM_CACHE_ALLOC || maker->kind == KIND_KMEM_CACHE_ALLOC_BULK);
		}
	return live;
}

/* A cache that others share stays with all its objects: the kernel does not tell whose they are. */
static void end_share(struct run *run, struct run_op *op)
{
	uint64_t live = rules_is_recording(run) ? 0 : live_by_name(run, op->trace->name);

	op->done++;
	disown(run, op->trace->name);
	if (live)
		run_violation(run, RULE_CACHE_DESTROY_LIVE, op,
			"cache \"%s\" still has %" PRIu64 " objects: the kernel does not see them,"
			" as others share its slabs",
			run_string(run, op->trace->name), live);
}

void serve_cache_destroy(struct run *run, struct run_op *op)
{
	uint32_t cache = slab_cache_find(run->mm.slab, run_string(run, op->trace->name));

	if (cache == CACHE_NONE) {
		report_no_cache(run, op);
		return;
	}
	adopt_forget_cache(run, cache);
	if (cache_disowned(run, op->trace->name) && !slab_cache_given_up(run->mm.slab, cache)) {
		op->failed++;
		run_violation(run, RULE_CACHE_DESTROYED, op,
			"second destroy of cache \"%s\": the kernel takes it from others who share it",
			run_string(run, op->trace->name));
	} else if (slab_cache_given_up(run->mm.slab, cache)) {
		op->failed++;
		run_violation(run, RULE_CACHE_DESTROYED, op,
			"second destroy of cache \"%s\": its count of users underflows, the kernel does nothing",
			run_string(run, op->trace->name));
	} else if (slab_cache_destroy(run->mm.slab, cache, &run->meter)) {
		if (slab_cache_live(run->mm.slab, cache))
			end_share(run, op);
		else
			op->done++;
	} else {
		op->failed++;
		if (slab_cache_given_up(run->mm.slab, cache))
			disown(run, op->trace->name);
		run_violation(run, RULE_CACHE_DESTROY_LIVE, op,
			"cache \"%s\" still has objects: the kernel reports them, warns and keeps the cache",
			run_string(run, op->trace->name));
	}
	run->cache_generation++;
}

void serve_cache_shrink(struct run *run, struct run_op *op)
{
	uint32_t cache = slab_cache_find(run->mm.slab, run_string(run, op->trace->name));

	if (cache == CACHE_NONE) {
		report_no_cache(run, op);
		return;
	}
	if (cache_disowned(run, op->trace->name))
		run_violation(run, RULE_CACHE_DESTROYED, op,
			"shrink of cache \"%s\", which has been destroyed: works as long as the"
			" kernel keeps it, for others who share it or for its objects",
			run_string(run, op->trace->name));
	slab_cache_shrink(run->mm.slab, cache, &run->meter);
	op->done++;
}
