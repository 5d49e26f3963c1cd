/* serve_vmalloc: what serve.c and others of sim/ need of the vmalloc space's events. */
#ifndef KMEMSIM_SIM_SERVE_VMALLOC_H
#define KMEMSIM_SIM_SERVE_VMALLOC_H

#include "sim/run.h"

/* vmap_request.caller from here on: number of an area of the initial state; below: number of a string of the trace. */
#define CALLER_OF_STATE 0x80000000u

/** kvmalloc_gfp() - how kvmalloc_node() asks kmalloc for @size bytes. */
gfp_t kvmalloc_gfp(const struct run *run, uint64_t size, gfp_t gfp);

/** serve_kvmalloc() - kmalloc() has failed: try vmalloc. Return: whether the request is served. */
bool serve_kvmalloc(struct run *run, const struct request *req, struct run_op *op);

#endif
