/*
 * First pass: areas of the vmalloc space whose call is not recorded. vmalloc() allocates an array of pointers to
 * the area's pages, then takes the pages in bulk, which has no event (5.14 and later); vfree() frees the pages one
 * by one, then the array.
 */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/gather.h"
#include "traces/kind.h"

#define ARRAY_BYTES_MAX 4096u  /* a longer array is an area of its own, and has an array itself */
#define FREED_MAX 65536u       /* pages of an area whose frees are remembered until that of its array; 256 MiB */
#define PAGES_AT_ONCE 100u     /* of vm_area_alloc_pages(); for one last page the bulk call is an ordinary allocation */

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the import's areas");
}

bool areas_in_call(const struct gather *g, const struct gather_task *task)
{
	for (uint32_t at = task->top; at != NO_FRAME; at = g->frames[at].below)
		switch (g->frames[at].entry.type) {
		case RAW_VMALLOC:
		case RAW_VMAP:
		case RAW_VM_MAP_RAM:
		case RAW_IOREMAP:
			return true;
		default:
			break;
		}
	return false;
}

static bool is_within(const char *site, const char *function)
{
	return !strncmp(site, function, strlen(function));
}

/* The function that allocates the array; its name may have a suffix, as in "__vmalloc_area_node.constprop.0+0x12". */
static bool is_array_site(const char *site)
{
	return is_within(site, "__vmalloc_node_range") || is_within(site, "__vmalloc_area_node");
}

/*
 * An area begins with its two descriptors. One that begins right behind another's
 * is an array of the other's pages: nothing else is allocated between them.
 */
static void note_descriptor(const struct gather *g, struct gather_task *task, const struct raw_event *event)
{
	const char *site = texts_at(&g->texts, event->call_site);

	if (event->type == RAW_KMALLOC && is_within(site, "__get_vm_area_node"))
		task->areas_begun++;
	else if (task->areas_begun && !is_within(site, "alloc_vmap_area") && !is_array_site(site))
		task->areas_begun = 0;
}

/* Bytes of a pointer, by an object's address; hashes of addresses have 32 bits on all kernels. */
static uint32_t pointer_bytes(const struct gather *g, uint64_t where)
{
	return g->meta->hashed_pointers || where >> 32 ? 8 : 4;
}

int areas_object(struct gather *g, struct gather_task *task, const struct raw_event *object, struct err *err)
{
	const struct trace_move bulk = { .entry = object->entry, .cpu = object->cpu, .kind = MOVE_BULK };
	uint32_t pointer = pointer_bytes(g, object->where);
	bool inner = task->areas_begun > 1;

	note_descriptor(g, task, object);
	if (object->type != RAW_KMALLOC || !object->where)
		return 0;
	if (g->untold_areas.nr)
		idmap_remove(&g->untold_areas, object->where); /* the array's free is not in the recording */
	if (!is_array_site(texts_at(&g->texts, object->call_site)) || areas_in_call(g, task))
		return 0;
	task->areas_begun = 0;
	if (!object->size || object->size % pointer || object->size > ARRAY_BYTES_MAX)
		return 0;
	if (!task->array)
		task->array = malloc(sizeof(*task->array));
	if (!task->array)
		return no_memory(err);
	*task->array = *object;
	task->array_pages = (uint32_t)object->size / pointer;
	/* How full the last page of pointers is nothing tells: large areas are powers of two. */
	task->outer_pages = inner && task->array_pages > 1 ? task->array_pages * ((1u << g->page_shift) / pointer) : 0;
	return task->array_pages > 1 ? gather_move(g, &bulk, err) : 0;
}

static enum trace_origin origin_of(const struct gather *g, const struct gather_task *task)
{
	return !task->outer_pages && (uint64_t)task->array_pages << g->page_shift == VMAP_STACK_SIZE ? ORIGIN_STACK :
												       ORIGIN_VMALLOC;
}

/* The bulk call of @untold pages, and the area; with an outer one, that is the area, and the pages are of both. */
static int tell_area(struct gather *g, struct gather_task *task, uint32_t untold, struct err *err)
{
	struct raw_event bulk = *task->array, area;
	uint32_t id = ++g->last_frame_id;
	int code = 0;

	bulk.type = RAW_PAGES_BULK;
	bulk.time_ns = g->last_ns;
	bulk.gfp &= ~GFP_BIT_ZERO; /* the array is cleared, whatever the area is */
	bulk.where = bulk.align = 0;
	bulk.aux = AREA_UNTOLD;
	bulk.moved = bulk.accounted = 0;
	bulk.size = bulk.size_alloc = untold;
	bulk.link = id;
	bulk.origin = (uint8_t)origin_of(g, task);
	bulk.method = FOUND_SEQUENCE;
	area = bulk;
	area.type = RAW_VMALLOC;
	area.where = AREA_UNTOLD | (uint64_t)id << g->page_shift;
	area.size = (uint64_t)(task->outer_pages ? task->outer_pages : task->array_pages) << g->page_shift;
	area.align = bulk.origin == ORIGIN_STACK ? VMAP_STACK_SIZE : 1;
	area.origin = ORIGIN_DIRECT;
	task->array_pages = task->outer_pages = 0;
	if (idmap_put(&g->untold_areas, task->array->where, id) < 0)
		return no_memory(err);
	if (untold)
		code = raw_spool_append(&g->spool, &bulk, err);
	return code < 0 ? code : raw_spool_append(&g->spool, &area, err);
}

/* Whether the event is a page of an area that the ordinary allocator gives. */
static bool is_told_page(const struct raw_event *event)
{
	const gfp_t bits = GFP_BIT_HIGHMEM | GFP_BIT_NOWARN;

	return event->type == RAW_PAGE_ALLOC && (event->gfp & (bits | GFP_BIT_MOVABLE)) == bits;
}

/*
 * The pages of an inner area may have events (a memory policy asks each of
 * several nodes for one), those of the outer one, hundreds and more, have none.
 */
static int outer_before(struct gather *g, struct gather_task *task, const struct raw_event *event, struct err *err)
{
	if (!is_told_page(event) || !task->array_pages)
		return tell_area(g, task, task->array_pages + task->outer_pages, err);
	task->array_pages--;
	task->page_origin = ORIGIN_VMALLOC;
	return 0;
}

int areas_before(struct gather *g, struct gather_task *task, const struct raw_event *event, struct err *err)
{
	uint32_t pages = task->array_pages, last = pages % PAGES_AT_ONCE == 1;

	task->page_origin = ORIGIN_DIRECT;
	if (event->type != RAW_PAGE_FREE && event->type != RAW_KFREE)
		task->nr_freed = 0;
	if (task->areas_begun && event->type != RAW_KMALLOC && event->type != RAW_CACHE_ALLOC &&
		event->type != RAW_CACHE_FREE && event->type != RAW_PAGE_ALLOC)
		task->areas_begun = 0;
	if (task->outer_pages && event->type != RAW_PAGES_BULK)
		return outer_before(g, task, event, err);
	task->outer_pages = 0;
	if (!pages)
		return 0;
	if (is_told_page(event) ? last : event->type != RAW_PAGES_BULK) {
		task->page_origin = (uint8_t)(is_told_page(event) ? origin_of(g, task) : ORIGIN_DIRECT);
		return tell_area(g, task, pages - last, err);
	}
	/* A kernel without bulk calls, a charged area, or a recording that has the calls. */
	task->array_pages = 0;
	return 0;
}

int areas_page_freed(struct gather *g, struct gather_task *task)
{
	if (!g->untold_areas.nr)
		return 0;
	if (task->cap_freed < FREED_MAX && !array_room(&task->freed, &task->cap_freed, task->nr_freed))
		return -1;
	task->freed[task->nr_freed++ % task->cap_freed] = g->spool.nr;
	return 0;
}

int areas_kfree(struct gather *g, struct gather_task *task, const struct raw_event *event, struct err *err)
{
	uint32_t id = g->untold_areas.nr ? idmap_remove(&g->untold_areas, event->where) : IDMAP_NONE;
	const struct raw_spool_finding finding = { .link = id, .origin = ORIGIN_VMALLOC, .method = FOUND_SEQUENCE };
	struct raw_event area = *event;
	uint32_t nr = task->nr_freed < task->cap_freed ? task->nr_freed : task->cap_freed;
	int code = 0;

	if (id == IDMAP_NONE)
		nr = 0;
	for (uint32_t i = 1; code == 0 && i <= nr; i++)
		code = raw_spool_find(&g->spool, task->freed[(task->nr_freed - i) % task->cap_freed], &finding, err);
	task->nr_freed = 0;
	if (code < 0 || id == IDMAP_NONE)
		return code;
	area.type = RAW_VFREE;
	area.where = AREA_UNTOLD | (uint64_t)id << g->page_shift;
	area.origin = ORIGIN_DIRECT;
	return raw_spool_append(&g->spool, &area, err);
}
