/* generate_plan: what can be said of a plan without carrying it out: pairs of events, phases. */
#include <stdlib.h>

#include "traces/generate_priv.h"

enum trace_kind gen_end_of(enum trace_kind kind)
{
	static const struct {
		uint8_t begin, end;
	} pairs[] = {
		{ KIND_KMALLOC, KIND_KFREE }, { KIND_KZALLOC, KIND_KFREE }, { KIND_KVMALLOC, KIND_KVFREE },
		{ KIND_KVZALLOC, KIND_KVFREE }, { KIND_KMEM_CACHE_CREATE, KIND_KMEM_CACHE_DESTROY },
		{ KIND_KMEM_CACHE_ALLOC, KIND_KMEM_CACHE_FREE }, { KIND_KMEM_CACHE_ALLOC_BULK,
			KIND_KMEM_CACHE_FREE_BULK },
		{ KIND_MEMPOOL_CREATE, KIND_MEMPOOL_DESTROY }, { KIND_MEMPOOL_ALLOC, KIND_MEMPOOL_FREE },
		{ KIND_ALLOC_PAGES, KIND_FREE_PAGES }, { KIND_GET_FREE_PAGES, KIND_FREE_PAGES },
		{ KIND_GET_ZEROED_PAGE, KIND_FREE_PAGES }, { KIND_ALLOC_PAGES_EXACT, KIND_FREE_PAGES },
		{ KIND_ALLOC_PAGES_BULK, KIND_FREE_PAGES }, { KIND_VMALLOC, KIND_VFREE }, { KIND_VZALLOC, KIND_VFREE },
		{ KIND_VMAP, KIND_VUNMAP }, { KIND_VM_MAP_RAM, KIND_VM_UNMAP_RAM },
		{ KIND_REQUEST_MEM_REGION, KIND_RELEASE_MEM_REGION }, { KIND_REQUEST_REGION, KIND_RELEASE_REGION },
		{ KIND_IOREMAP, KIND_IOUNMAP }, { KIND_ALLOC_PERCPU, KIND_FREE_PERCPU }, { KIND_GET_CPU, KIND_PUT_CPU },
		{ KIND_GET_CPU_VAR, KIND_PUT_CPU_VAR }, { KIND_ALLOC_BOOTMEM, KIND_FREE_BOOTMEM },
		{ KIND_ALLOC_BOOTMEM_LOW, KIND_FREE_BOOTMEM }, { KIND_ALLOC_BOOTMEM_PAGES, KIND_FREE_BOOTMEM },
		{ KIND_ALLOC_BOOTMEM_LOW_PAGES, KIND_FREE_BOOTMEM }, { KIND_MEMBLOCK_ALLOC, KIND_FREE_BOOTMEM },
		{ KIND_DMA_ALLOC_COHERENT, KIND_DMA_FREE_COHERENT }, { KIND_DMA_POOL_CREATE, KIND_DMA_POOL_DESTROY },
		{ KIND_DMA_POOL_ALLOC, KIND_DMA_POOL_FREE }, { KIND_KMAP, KIND_KUNMAP },
		{ KIND_KMAP_ATOMIC, KIND_KUNMAP_ATOMIC }, { KIND_TASK_CREATE, KIND_TASK_EXIT },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].begin == kind)
			return (enum trace_kind)pairs[i].end;
	return NR_KINDS;
}

/* The phase of an instant, and where it ends. */
static uint32_t phase_at(const struct gen_plan *plan, ns_t time_ns, ns_t *end_ns)
{
	ns_t into = plan->cycle_ns ? time_ns % plan->cycle_ns : time_ns;
	uint32_t i = 0;

	while (i + 1 < plan->nr_phases && plan->phases[i + 1].start_ns <= into)
		i++;
	if (i + 1 < plan->nr_phases)
		*end_ns = time_ns - into + plan->phases[i + 1].start_ns;
	else
		*end_ns = plan->cycle_ns ? time_ns - into + plan->cycle_ns : GEN_FOREVER;
	return i;
}

ns_t gen_after(const struct gen_plan *plan, const struct gen_stream *stream, ns_t time_ns, uint64_t work)
{
	uint32_t idle = 0;

	if (!plan->nr_phases)
		return time_ns > GEN_FOREVER - work ? GEN_FOREVER : time_ns + work;
	while (time_ns < plan->duration_ns && idle <= plan->nr_phases) {
		ns_t end_ns;
		uint64_t rate = stream->rates[phase_at(plan, time_ns, &end_ns)];
		unsigned __int128 done = (unsigned __int128)(end_ns - time_ns) * rate / GEN_RATE_ONE;

		if (rate && work <= done) {
			unsigned __int128 takes = (unsigned __int128)work * GEN_RATE_ONE / rate;

			return takes > GEN_FOREVER - time_ns ? GEN_FOREVER : time_ns + (ns_t)takes;
		}
		idle = rate ? 0 : idle + 1;
		work -= (uint64_t)done;
		time_ns = end_ns;
	}
	return GEN_FOREVER;
}

static void stream_fini(struct gen_stream *stream)
{
	free(stream->interval);
	free(stream->at);
	free(stream->count);
	free(stream->gap);
	free(stream->delay);
	free(stream->lifetime);
	for (uint32_t i = 0; i < stream->nr_variables; i++)
		free(stream->variables[i].choices);
	free(stream->operations);
	free(stream->rates);
}

void gen_plan_fini(struct gen_plan *plan)
{
	for (uint32_t i = 0; plan->streams && i < plan->nr_streams; i++)
		stream_fini(&plan->streams[i]);
	for (uint32_t i = 0; plan->groups && i < plan->nr_groups; i++)
		free(plan->groups[i].whos);
	free(plan->streams);
	free(plan->groups);
	free(plan->before);
	free(plan->phases);
}
