/* Calls of each task between entry and return. */
#include "traces/durations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define NO_DURATION "duration is negative, or no number of up to eleven days"

/* What a pair of probes is on. */
static const char *const pair_names[NR_RAW_TYPES] = {
	[RAW_CACHE_CREATE] = "kmem_cache_create", [RAW_CACHE_ALLOC_BULK] = "kmem_cache_alloc_bulk",
	[RAW_SLAB_GROW] = "allocate_slab", [RAW_PAGES_BULK] = "__alloc_pages_bulk",
	[RAW_PAGES_EXACT] = "alloc_pages_exact",
	[RAW_VMALLOC] = "__vmalloc_node_range", [RAW_VMAP] = "vmap", [RAW_VM_MAP_RAM] = "vm_map_ram",
	[RAW_IOREMAP] = "__ioremap_caller", [RAW_REGION_REQUEST] = "__request_region",
	[RAW_POOL_ALLOC] = "mempool_alloc",
	[RAW_DMA_ALLOC] = "dma_alloc_attrs", [RAW_DMA_POOL_CREATE] = "dma_pool_create",
	[RAW_DMA_POOL_ALLOC] = "dma_pool_alloc",
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the open calls of tasks");
}

void durations_init(struct durations *d, duration_fn fn, void *arg, struct trace_meta *meta)
{
	*d = (struct durations){ .fn = fn, .arg = arg, .meta = meta };
}

void durations_fini(struct durations *d)
{
	for (uint32_t i = 0; i < d->nr_tasks; i++)
		free(d->tasks[i]);
	free(d->tasks);
	free(d->reclaims);
	free(d->wakes);
	idmap_fini(&d->task_index);
	trace_meta_fini(&d->unused);
}

int durations_call(struct durations *d, const struct duration *call, struct err *err)
{
	const char *why;

	if (!(call->ns >= 0 && call->ns <= DURATION_MAX_NS))
		return trace_counts_add(&d->meta->unusable, NO_DURATION, 1) < 0 ? no_memory(err) : 0;
	why = d->fn(d->arg, call);
	d->calls += !why;
	if (why && trace_counts_add(call->traced ? &d->unused.ignored : &d->meta->unusable, why, 1) < 0)
		return no_memory(err);
	return 0;
}

struct duration_task *durations_task(struct durations *d, int32_t pid, uint16_t cpu)
{
	uint64_t key = pid ? (uint64_t)(uint32_t)pid : (1ull << 32) + cpu;
	uint32_t at = idmap_get(&d->task_index, key);
	struct duration_task *task;

	if (at != IDMAP_NONE)
		return d->tasks[at];
	if (!array_room(&d->tasks, &d->cap_tasks, d->nr_tasks))
		return NULL;
	task = calloc(1, sizeof(*task));
	if (!task || idmap_put(&d->task_index, key, d->nr_tasks) < 0) {
		free(task);
		return NULL;
	}
	d->tasks[d->nr_tasks++] = task;
	return task;
}

struct duration_call *durations_open(struct duration_task *task, const char *op, size_t len, uint64_t start_ns)
{
	struct duration_call *call;

	if (task->nr == DURATION_DEPTH)
		return NULL;
	call = &task->calls[task->nr++];
	*call = (struct duration_call){ .start_ns = start_ns, .order = DURATION_ORDER_NONE };
	snprintf(call->op, sizeof(call->op), "%.*s", (int)len, op);
	return call;
}

int durations_close(struct durations *d, struct duration_task *task, const char *op, double ns, struct err *err)
{
	for (uint32_t i = task->nr; i-- > 0;) {
		const struct duration_call *call = &task->calls[i];

		if (op && strcmp(call->op, op))
			continue;
		task->nr = i;
		return durations_call(d, &(struct duration){ .op = call->op, .path = "", .ns = ns, .size = call->size,
			.order = call->order, .zero = call->zero, .traced = true }, err);
	}
	return 0; /* it began before the recording */
}

/* Others allocate objects for their own bookkeeping. */
static bool is_of_objects(const struct duration_call *call)
{
	return strstr(call->op, "kmalloc") || strstr(call->op, "kmem_cache_") || strstr(call->op, "mempool_");
}

void durations_note_object(struct duration_task *task, uint64_t size, bool zero)
{
	for (uint32_t i = 0; i < task->nr; i++) {
		struct duration_call *call = &task->calls[i];

		if (!is_of_objects(call) || call->size)
			continue;
		call->size = size;
		call->zero |= zero;
	}
}

void durations_note_pages(struct duration_task *task, uint32_t order, bool zero)
{
	for (uint32_t i = 0; i < task->nr; i++) {
		struct duration_call *call = &task->calls[i];

		if (call->order != DURATION_ORDER_NONE)
			continue;
		call->order = order;
		call->zero |= zero && strstr(call->op, "page");
	}
}

static int open_pair(struct duration_task *task, const struct raw_event *event, const char *name)
{
	/* "symbol+0xoff" */
	struct duration_call *call = durations_open(task, name, strcspn(name, "+"), event->time_ns);

	if (!call)
		return 0;
	call->size = event->size;
	call->zero = (event->gfp & GFP_BIT_ZERO) != 0;
	if (event->type == RAW_FUNCTION && event->order)
		call->order = event->order;
	return 0;
}

static int close_pair(struct durations *d, struct duration_task *task, const struct raw_event *event, const char *name,
	struct err *err)
{
	char op[DURATION_NAME_MAX];
	uint64_t ns = event->size - event->aux;

	snprintf(op, sizeof(op), "%.*s", (int)strcspn(name, "+"), name);
	if (strlen(op) > 4 && !strcmp(op + strlen(op) - 4, "_ret"))
		op[strlen(op) - 4] = 0;
	if (event->type == RAW_FUNCTION && event->aux && event->size >= event->aux)
		return durations_close(d, task, op, (double)ns, err);
	for (uint32_t i = task->nr; i-- > 0;)
		if (!strcmp(task->calls[i].op, op) && event->time_ns >= task->calls[i].start_ns)
			return durations_close(d, task, op, (double)(event->time_ns - task->calls[i].start_ns), err);
	return 0;
}

int durations_event(struct durations *d, const struct raw_event *event, enum source_pair pair, const char *name,
	struct err *err)
{
	struct duration_task *task = durations_task(d, event->pid, event->cpu);

	if (!task)
		return no_memory(err);
	if (durations_reclaim(d, event, err) < 0)
		return -(int)err->code;
	if (event->type != RAW_FUNCTION)
		name = pair_names[event->type];
	if (pair == PAIR_ENTRY && name)
		return open_pair(task, event, name);
	if (pair == PAIR_RETURN && name)
		return close_pair(d, task, event, name, err);
	if (event->type == RAW_PAGE_ALLOC || event->type == RAW_PAGE_FREE)
		durations_note_pages(task, event->order, event->gfp & GFP_BIT_ZERO);
	if (event->type == RAW_KMALLOC || event->type == RAW_CACHE_ALLOC)
		durations_note_object(task, event->size, event->gfp & GFP_BIT_ZERO);
	return 0;
}
