/* What measured calls are made of, by function. */
#include <stdlib.h>
#include <string.h>

#include "mm/page_alloc.h"
#include "sim/calibrate.h"

#define SLAB_OBJECTS 16.0 /* of a new slab whose cache is not known: one of 256-byte objects */

/* What the size of a call means. */
enum unit { UNIT_NONE, UNIT_PAGES, UNIT_COUNT, UNIT_CPUS };

enum way { WAY_OBJECT, WAY_OBJECT_FREE, WAY_PAGES, WAY_STEPS };

static const struct op {
	const char *name;
	enum way way;
	bool zero;
	/* WAY_STEPS: these once, and those for each unit. */
	uint8_t nr_once, nr_each;
	uint16_t once[2], each[2];
	enum unit unit;
} ops[] = {
#define OBJECT(name) { name, WAY_OBJECT, false, 0, 0, { 0 }, { 0 }, UNIT_NONE }
#define OBJECT_ZERO(name) { name, WAY_OBJECT, true, 0, 0, { 0 }, { 0 }, UNIT_NONE }
#define OBJECT_FREE(name) { name, WAY_OBJECT_FREE, false, 0, 0, { 0 }, { 0 }, UNIT_NONE }
#define PAGES(name) { name, WAY_PAGES, false, 0, 0, { 0 }, { 0 }, UNIT_NONE }
#define PAGES_ZERO(name) { name, WAY_PAGES, true, 0, 0, { 0 }, { 0 }, UNIT_NONE }
#define ONCE(name, a) { name, WAY_STEPS, false, 1, 0, { STEP_##a }, { 0 }, UNIT_NONE }
#define EACH(name, unit, a) { name, WAY_STEPS, false, 0, 1, { 0 }, { STEP_##a }, unit }
#define VMALLOC(name, zero) \
	{ name, WAY_STEPS, zero, 2, 2, { STEP_VMALLOC, STEP_LIST_LOCK }, \
		{ STEP_VMALLOC_PAGE, STEP_PAGE_PCP }, UNIT_PAGES }
	OBJECT("kmem_cache_alloc"), OBJECT("kmem_cache_alloc_node"), OBJECT("kmem_cache_alloc_lru"),
	OBJECT("kmem_cache_alloc_trace"), OBJECT("kmem_cache_alloc_node_trace"), OBJECT("kmalloc"),
	OBJECT("kmalloc_node"),
	OBJECT("kmalloc_trace"), OBJECT("kmalloc_node_trace"), OBJECT("kmalloc_large"), OBJECT("kmalloc_large_node"),
	OBJECT("__kmalloc"), OBJECT("__kmalloc_node"), OBJECT("__kmalloc_cache"), OBJECT("__kmalloc_cache_node"),
	OBJECT("__kmalloc_large"), OBJECT("__kmalloc_large_node"), OBJECT("__kmalloc_track_caller"),
	OBJECT("__kmalloc_node_track_caller"), OBJECT_ZERO("kzalloc"), OBJECT_ZERO("kzalloc_node"),
	OBJECT_ZERO("kcalloc"),
	OBJECT_ZERO("kmem_cache_zalloc"), OBJECT("mempool_alloc_slab"), OBJECT("mempool_kmalloc"),
	OBJECT("mempool_alloc"),
	OBJECT_FREE("kfree"), OBJECT_FREE("kmem_cache_free"), OBJECT_FREE("mempool_free_slab"),
	EACH("kmem_cache_alloc_bulk", UNIT_COUNT, SLAB_ALLOC_FAST),
	EACH("kmem_cache_free_bulk", UNIT_COUNT, SLAB_FREE_FAST),
	{ "allocate_slab", WAY_STEPS, false, 2, 1, { STEP_SLAB_NEW, STEP_PAGE_PCP }, { STEP_SLAB_NEW_OBJECT },
		UNIT_COUNT },
	{ "discard_slab", WAY_STEPS, false, 2, 0, { STEP_SLAB_DISCARD, STEP_PAGE_PCP }, { 0 }, UNIT_NONE },
	{ "__free_slab", WAY_STEPS, false, 2, 0, { STEP_SLAB_DISCARD, STEP_PAGE_PCP }, { 0 }, UNIT_NONE },
	ONCE("kmem_cache_create", CACHE_CREATE), ONCE("kmem_cache_create_usercopy", CACHE_CREATE),
	ONCE("kmem_cache_destroy", CACHE_DESTROY),

	PAGES("__alloc_pages"), PAGES("alloc_pages"), PAGES("alloc_pages_node"), PAGES("page_alloc"),
	PAGES("mm_page_alloc"),
	PAGES("__folio_alloc"), PAGES("folio_alloc"), PAGES("__get_free_pages"), PAGES("alloc_pages_exact"),
	PAGES("__free_pages"), PAGES("free_pages"), PAGES("page_free"), PAGES("mm_page_free"), PAGES("free_unref_page"),
	PAGES("free_pages_exact"), PAGES_ZERO("get_zeroed_page"), PAGES_ZERO("dma_alloc"),
	PAGES_ZERO("dma_alloc_attrs"),
	PAGES_ZERO("dma_alloc_coherent"),
	EACH("__alloc_pages_bulk", UNIT_COUNT, PAGE_PCP), EACH("alloc_pages_bulk", UNIT_COUNT, PAGE_PCP),
	EACH("drain_all_pages", UNIT_CPUS, DRAIN_CPU), ONCE("wakeup_kswapd", KSWAPD_WAKE),

	VMALLOC("vmalloc", false), VMALLOC("__vmalloc", false), VMALLOC("vmalloc_range", false),
	VMALLOC("__vmalloc_node_range", false), VMALLOC("__vmalloc_node", false), VMALLOC("vzalloc", true),
	VMALLOC("vmalloc_user", true),
	{ "vfree", WAY_STEPS, false, 1, 2, { STEP_VFREE }, { STEP_VFREE_PAGE, STEP_PAGE_PCP }, UNIT_PAGES },
	{ "vmap", WAY_STEPS, false, 2, 1, { STEP_VMALLOC, STEP_LIST_LOCK }, { STEP_VMALLOC_PAGE }, UNIT_COUNT },
	{ "vm_map_ram", WAY_STEPS, false, 1, 1, { STEP_VM_MAP_RAM }, { STEP_VM_MAP_RAM_PAGE }, UNIT_COUNT },
	{ "vm_unmap_ram", WAY_STEPS, false, 1, 1, { STEP_VM_MAP_RAM }, { STEP_VM_MAP_RAM_PAGE }, UNIT_COUNT },
	ONCE("ioremap", IOREMAP), ONCE("__ioremap_caller", IOREMAP), ONCE("iounmap", IOUNMAP),
	ONCE("request_region", REGION_REQUEST), ONCE("__request_region", REGION_REQUEST),
	ONCE("release_region", REGION_RELEASE), ONCE("__release_region", REGION_RELEASE),
	{ "pcpu_alloc", WAY_STEPS, false, 1, 1, { STEP_PERCPU_ALLOC }, { STEP_PERCPU_CPU }, UNIT_CPUS },
	{ "alloc_percpu", WAY_STEPS, false, 1, 1, { STEP_PERCPU_ALLOC }, { STEP_PERCPU_CPU }, UNIT_CPUS },
	{ "__alloc_percpu", WAY_STEPS, false, 1, 1, { STEP_PERCPU_ALLOC }, { STEP_PERCPU_CPU }, UNIT_CPUS },
	ONCE("free_percpu", PERCPU_FREE), ONCE("dma_pool_alloc", DMA_POOL), ONCE("dma_pool_free", DMA_POOL),
	ONCE("kmap", KMAP), ONCE("kmap_high", KMAP), ONCE("kmap_local_page", KMAP_LOCAL),
	ONCE("inb", PORT_ISA), ONCE("outb", PORT_ISA), ONCE("readl", MMIO_READ), ONCE("writel", MMIO_WRITE),
};

/* Ways by one word, for tables. */
static const struct {
	const char *word, *steps;
} ways[] = {
	{ "pcp", "page_pcp" },
	{ "buddy", "page_buddy+zone_lock" },
	{ "cpu_partial", "slab_alloc_fast+slab_cpu_partial" },
	{ "node_partial", "slab_alloc_fast+slab_node_partial+list_lock" },
	{ "new_slab", "slab_alloc_fast+slab_new+16*slab_new_object+page_pcp" },
	{ "reserve", "mempool_reserve" },
};

static void add(struct calibrate_steps *steps, uint32_t step, double count)
{
	for (uint32_t i = 0; i < steps->nr; i++) {
		if (steps->terms[i].step == step) {
			steps->terms[i].count += count;
			return;
		}
	}
	if (steps->nr < CALIBRATE_TERMS && count > 0)
		steps->terms[steps->nr++] = (struct calibrate_term){ step, count };
}

static uint32_t step_called(const char *name, size_t len)
{
	for (uint32_t step = 0; step < NR_STEPS; step++)
		if (!strncmp(machine_step_name[step], name, len) && !machine_step_name[step][len])
			return step;
	return NR_STEPS;
}

/* "page_buddy+3*page_split_merge+zone_lock" */
static bool add_path(struct calibrate_steps *steps, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "+");
		const char *name = path;
		double count = 1;
		uint32_t step;

		if (*path >= '0' && *path <= '9') {
			char *end;

			count = strtod(path, &end);
			if (*end != '*')
				return false;
			name = end + 1;
		}
		step = step_called(name, len - (size_t)(name - path));
		if (step == NR_STEPS)
			return false;
		add(steps, step, count);
		path += len + (path[len] == '+');
	}
	return steps->nr > 0;
}

/* The compiler's copies ("__alloc_pages.part.0") and those of kernels that profile allocations ("kfree_noprof"). */
static const struct op *op_called(const char *name)
{
	size_t len = strcspn(name, ".");

	if (len > 7 && !strncmp(name + len - 7, "_noprof", 7))
		len -= 7;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strncmp(ops[i].name, name, len) && !ops[i].name[len])
			return &ops[i];
	return NULL;
}

static uint32_t order_of(const struct machine *machine, uint64_t bytes)
{
	uint32_t order = 0;

	while (order < 20 && ((uint64_t)machine->page_size << order) < bytes)
		order++;
	return order;
}

/* Up to order 3 the CPU's lists serve, and the block that THP has; the others come from the zone. */
static void add_pages(const struct machine *machine, uint32_t order, bool zero, struct calibrate_steps *steps)
{
	if (order < PCP_ORDERS ||
		(machine->page_allocator.transparent_hugepage && order == machine->page_allocator.pageblock_order)) {
		add(steps, STEP_PAGE_PCP, 1);
		steps->mixed = true;
	} else {
		add(steps, STEP_PAGE_BUDDY, 1);
		add(steps, STEP_ZONE_LOCK, 1);
	}
	if (zero)
		add(steps, STEP_ZERO_KIB, (double)(machine->page_size >> 10) * (1u << order));
}

static const char *object_steps(const struct machine *machine, const struct duration *call, bool zero,
	struct calibrate_steps *steps)
{
	if (call->size > machine->kmalloc.max_cache_size && strstr(call->op, "kmalloc")) {
		add(steps, STEP_KMALLOC_LARGE, 1);
		add_pages(machine, order_of(machine, call->size), zero, steps);
		return NULL;
	}
	if (call->traced && call->order != DURATION_ORDER_NONE)
		return "object whose call took pages: its way is not known";
	if (zero && !call->size)
		return "cleared object of unknown size";
	add(steps, STEP_SLAB_ALLOC_FAST, 1);
	if (zero)
		add(steps, STEP_ZERO_KIB, (double)call->size / 1024);
	steps->mixed = true;
	return NULL;
}

static double units(const struct machine *machine, const struct op *op, const struct duration *call)
{
	switch (op->unit) {
	case UNIT_PAGES:
		return (double)((call->size + machine->page_size - 1) / machine->page_size);
	case UNIT_COUNT:
		return (double)call->size;
	case UNIT_CPUS:
		return machine->cpus;
	default:
		return 0;
	}
}

static const char *counted_steps(const struct machine *machine, const struct op *op, const struct duration *call,
	bool zero, struct calibrate_steps *steps)
{
	double nr = units(machine, op, call);

	if (op->nr_each && nr <= 0 && op->each[0] == STEP_SLAB_NEW_OBJECT)
		nr = SLAB_OBJECTS;
	if (op->nr_each && nr <= 0)
		return "call of unknown size, which its cost depends on";
	for (uint32_t i = 0; i < op->nr_once; i++)
		add(steps, op->once[i], 1);
	for (uint32_t i = 0; i < op->nr_each; i++)
		add(steps, op->each[i], nr);
	if (zero)
		add(steps, STEP_ZERO_KIB, nr * (machine->page_size >> 10));
	return NULL;
}

static const char *usual_steps(const struct machine *machine, const struct op *op, const struct duration *call,
	bool zero, struct calibrate_steps *steps)
{
	uint32_t order = call->order;

	switch (op->way) {
	case WAY_OBJECT:
		return object_steps(machine, call, zero, steps);
	case WAY_OBJECT_FREE:
		if (call->traced && order != DURATION_ORDER_NONE)
			return "object whose call freed pages: its way is not known";
		add(steps, STEP_SLAB_FREE_FAST, 1);
		steps->mixed = true;
		return NULL;
	case WAY_PAGES:
		if (order == DURATION_ORDER_NONE)
			order = order_of(machine, call->size);
		add_pages(machine, order, zero && !strstr(op->name, "free"), steps);
		return NULL;
	default:
		return counted_steps(machine, op, call, zero, steps);
	}
}

/* clear_page(), memset(), and the step's own name. */
static bool is_clearing(const char *name)
{
	return !strcmp(name, "clear_page") || !strcmp(name, "clear_page_erms") || !strcmp(name, "clear_huge_page") ||
		!strcmp(name, "memset") || !strcmp(name, "zero_kib") || !strcmp(name, "zero");
}

const char *calibrate_steps_of(const struct machine *machine, const struct duration *call,
	struct calibrate_steps *steps)
{
	const struct op *op = op_called(call->op);
	bool zero = call->zero || (op && op->zero) || !strcmp(call->path, "zero");
	uint32_t step = step_called(call->op, strlen(call->op));
	const char *path = call->path, *why;

	*steps = (struct calibrate_steps){ 0 };
	if (is_clearing(call->op)) {
		add(steps, STEP_ZERO_KIB, call->size ? (double)call->size / 1024 : machine->page_size / 1024.0);
		return NULL;
	}
	if (!op && step == NR_STEPS)
		return call->traced ? "call of a function that is no step" :
				      "op is neither a known function nor a step";
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].word, path))
			path = ways[i].steps;
	if (!strcmp(path, "slow") && op && op->way == WAY_OBJECT_FREE)
		path = "slab_free_slow";
	if (!strcmp(path, "slow"))
		return "path slow: name its steps, as in page_buddy+zone_lock";
	if (*path && strcmp(path, "fast") && strcmp(path, "zero"))
		return add_path(steps, path) ? NULL : "path is neither fast, slow, zero nor steps joined by +";
	if (!op) {
		add(steps, step, 1);
		return NULL;
	}
	why = usual_steps(machine, op, call, zero, steps);
	steps->mixed &= strcmp(path, "fast") != 0;
	return why;
}
