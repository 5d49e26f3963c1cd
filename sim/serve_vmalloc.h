/* serve_vmalloc: what serve.c and others of sim/ need of the vmalloc space's events. */
#ifndef KMEMSIM_SIM_SERVE_VMALLOC_H
#define KMEMSIM_SIM_SERVE_VMALLOC_H

#include "mm/vmalloc.h"
#include "sim/run.h"

/* vmap_request.caller from here on: number of an area of the initial state; below: number of a string of the trace. */
#define CALLER_OF_STATE 0x80000000u

/** kvmalloc_gfp() - how kvmalloc_node() asks kmalloc for @size bytes. */
gfp_t kvmalloc_gfp(const struct run *run, uint64_t size, gfp_t gfp);

/** vmap_request_of() - what an event of the vmalloc space asks for; @cpu: who asks. */
struct vmap_request vmap_request_of(const struct machine *machine, const struct trace_op *op, uint32_t cpu);

/**
 * vmap_purge_seen() - whether a kmem_cache_free is the purge's, which frees the descriptors of areas that grow
 * together: how a recording shows purges whose cause it does not (set_memory()).
 */
bool vmap_purge_seen(const struct trace_tables *tables, const struct trace_op *op);

/** serve_is_area() - whether vfree(), vunmap() and iounmap() of that object find an area of vmalloc() or vmap(). */
bool serve_is_area(const struct run *run, const struct object *object);
/** serve_unmap_area() - such an area goes, its pages stay. */
void serve_unmap_area(struct run *run, struct object *object);

/** serve_end_of_null() - what an event that ends a mapping breaks by its context, when it was given NULL. */
void serve_end_of_null(struct run *run, const struct run_op *op);

/** serve_purge() - the recorded kernel purges now. */
void serve_purge(struct run *run);

/**
 * vmalloc_load() - the areas of a saved state, busy and lazy. @bound: gets the number of each busy one under
 * vmalloc_bound_key() of its address, for the objects of the trace that are older than the state; @areas: of all that
 * the state lists, VMAP_AREA_NONE for lazy ones. Their pages: adopt_areas().
 */
int vmalloc_load(struct vmalloc *vm, const struct machine *machine, const struct state *state, struct idmap *bound,
	uint32_t *areas, struct err *err);
uint64_t vmalloc_bound_key(const struct machine *machine, uint64_t address);

/** vmalloc_bytes() - bytes of addresses that @op's area has, guard included; 0: it has none of its own. */
uint64_t vmalloc_bytes(const struct run *run, const struct run_op *op);

/** serve_kvmalloc() - kmalloc() has failed: try vmalloc. Return: whether the request is served. */
bool serve_kvmalloc(struct run *run, const struct request *req, struct run_op *op);

#endif
