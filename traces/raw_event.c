#include "traces/raw_event.h"

#include <string.h>

#include "traces/trace.h"

#define MEMBER(m) offsetof(struct raw_event, m)
#define FIELD(key_text, as, m, must) \
	{ .key = key_text, .key_len = sizeof(key_text) - 1, .how = as, .needed = must, .offset = MEMBER(m) }
#define NEED(key_text, as, m) FIELD(key_text, as, m, true)
#define MAY(key_text, as, m) FIELD(key_text, as, m, false)

#define EVENT(event, kind, ...) { .name = event, .type = kind, .fields = { __VA_ARGS__ } }
#define ENTRY(event, kind, ...) { .name = event, .type = kind, .pair = PAIR_ENTRY, .fields = { __VA_ARGS__ } }
#define RETURN(event, kind, ...) { .name = event, .type = kind, .pair = PAIR_RETURN, .fields = { __VA_ARGS__ } }
/* Probes on a function whose own events are tracepoints: only how long it took is of interest. */
#define TIMED(function) \
	{ .name = function, .type = RAW_FUNCTION, .pair = PAIR_ENTRY, .why = TIMED_PROBE, .fields = { \
		MAY("size", FIELD_NUMBER, size), MAY("order", FIELD_ORDER, order), MAY("gfp", FIELD_GFP, gfp) } }, \
	{ .name = function "_ret", .type = RAW_FUNCTION, .pair = PAIR_RETURN, .why = TIMED_PROBE }
#define PACE(event, kind, ...) { .name = event, .type = kind, .why = RECLAIM_PACE, .fields = { __VA_ARGS__ } }
#define IGNORED(event, reason) { .name = event, .type = RAW_IGNORED, .why = reason }
#define MOVES(event, what, reason, ...) \
	{ .name = event, .type = RAW_IGNORED, .moves = true, .move = what, .why = reason, .fields = { __VA_ARGS__ } }

#define SITE MAY("call_site", FIELD_SITE, call_site)
/* Of a probe whose definition fetches its return address: $stack0 on x86, %lr and the like elsewhere. */
#define CALLER MAY("caller", FIELD_SITE, call_site)
#define ALLOC_FIELDS SITE, NEED("ptr", FIELD_PTR, where), NEED("bytes_req", FIELD_NUMBER, size), \
	NEED("bytes_alloc", FIELD_NUMBER, size_alloc), NEED("gfp_flags", FIELD_GFP, gfp), MAY("node", FIELD_NODE, node)

#define BLOCK_FIELDS MAY("pfn", FIELD_PFN, where), MAY("order", FIELD_ORDER, order), \
	MAY("migratetype", FIELD_NUMBER, size)

#define ACCOUNTED MAY("accounted", FIELD_BOOL, accounted)

/*
 * Tracepoints of kernels 4.x to 6.18, and probes under the names of the probe definitions that the documentation
 * of `kmemsim import` gives.
 */
static const struct source_event events[] = {
	EVENT("kmalloc", RAW_KMALLOC, ALLOC_FIELDS),
	EVENT("kmalloc_node", RAW_KMALLOC, ALLOC_FIELDS),
	EVENT("kfree", RAW_KFREE, SITE, NEED("ptr", FIELD_PTR, where)),
	EVENT("kmem_cache_alloc", RAW_CACHE_ALLOC, ALLOC_FIELDS, ACCOUNTED, MAY("name", FIELD_NAME, name)),
	EVENT("kmem_cache_alloc_node", RAW_CACHE_ALLOC, ALLOC_FIELDS, ACCOUNTED, MAY("name", FIELD_NAME, name)),
	EVENT("kmem_cache_free", RAW_CACHE_FREE, SITE, NEED("ptr", FIELD_PTR, where), MAY("name", FIELD_NAME, name)),
	ENTRY("kmem_cache_create", RAW_CACHE_CREATE, CALLER, NEED("name", FIELD_NAME, name),
		NEED("size", FIELD_NUMBER, size), MAY("align", FIELD_NUMBER, align), MAY("flags", FIELD_NUMBER, aux),
		MAY("usersize", FIELD_NUMBER, size_alloc)),
	RETURN("kmem_cache_create_ret", RAW_CACHE_CREATE, NEED("s", FIELD_PTR, where)),
	EVENT("kmem_cache_destroy", RAW_CACHE_DESTROY, CALLER, NEED("s", FIELD_PTR, where)),
	EVENT("kmem_cache_shrink", RAW_CACHE_SHRINK, CALLER, NEED("s", FIELD_PTR, where)),
	ENTRY("kmem_cache_alloc_bulk", RAW_CACHE_ALLOC_BULK, CALLER, NEED("s", FIELD_PTR, where),
		MAY("gfp", FIELD_GFP, gfp), MAY("size", FIELD_NUMBER, size)),
	RETURN("kmem_cache_alloc_bulk_ret", RAW_CACHE_ALLOC_BULK, NEED("n", FIELD_NUMBER, size)),
	EVENT("kmem_cache_free_bulk", RAW_CACHE_FREE_BULK, CALLER, NEED("s", FIELD_PTR, where),
		NEED("size", FIELD_NUMBER, size)),
	ENTRY("slab_grow", RAW_SLAB_GROW, NEED("s", FIELD_PTR, where), MAY("name", FIELD_NAME, name)),
	RETURN("slab_grow_ret", RAW_SLAB_GROW, MAY("slab", FIELD_PTR, where)),
	EVENT("slab_release", RAW_SLAB_RELEASE, NEED("s", FIELD_PTR, where), MAY("name", FIELD_NAME, name)),

	EVENT("mm_page_alloc", RAW_PAGE_ALLOC, NEED("pfn", FIELD_PFN, where), NEED("order", FIELD_ORDER, order),
		NEED("gfp_flags", FIELD_GFP, gfp)),
	EVENT("mm_page_free", RAW_PAGE_FREE, NEED("pfn", FIELD_PFN, where), NEED("order", FIELD_ORDER, order)),
	EVENT("mm_page_free_direct", RAW_PAGE_FREE, NEED("pfn", FIELD_PFN, where), NEED("order", FIELD_ORDER, order)),
	ENTRY("alloc_pages_bulk", RAW_PAGES_BULK, CALLER, NEED("gfp", FIELD_GFP, gfp), MAY("nid", FIELD_NODE, node),
		MAY("nr", FIELD_NUMBER, size)),
	RETURN("alloc_pages_bulk_ret", RAW_PAGES_BULK, NEED("n", FIELD_NUMBER, size)),
	ENTRY("alloc_pages_exact", RAW_PAGES_EXACT, CALLER, NEED("size", FIELD_NUMBER, size),
		MAY("gfp", FIELD_GFP, gfp)),
	RETURN("alloc_pages_exact_ret", RAW_PAGES_EXACT, NEED("addr", FIELD_PTR, where)),
	EVENT("free_pages_exact", RAW_PAGES_EXACT_FREE, CALLER, NEED("addr", FIELD_PTR, where),
		MAY("size", FIELD_NUMBER, size)),

	ENTRY("vmalloc_range", RAW_VMALLOC, CALLER, NEED("size", FIELD_NUMBER, size), MAY("align", FIELD_NUMBER, align),
		MAY("gfp", FIELD_GFP, gfp), MAY("node", FIELD_NODE, node)),
	RETURN("vmalloc_range_ret", RAW_VMALLOC, NEED("addr", FIELD_PTR, where)),
	EVENT("vfree", RAW_VFREE, CALLER, NEED("addr", FIELD_PTR, where)),
	EVENT("vfree_atomic", RAW_VFREE, CALLER, NEED("addr", FIELD_PTR, where)),
	ENTRY("vmap", RAW_VMAP, CALLER, NEED("count", FIELD_NUMBER, size)),
	RETURN("vmap_ret", RAW_VMAP, NEED("addr", FIELD_PTR, where)),
	EVENT("vunmap", RAW_VUNMAP, CALLER, NEED("addr", FIELD_PTR, where)),
	ENTRY("vm_map_ram", RAW_VM_MAP_RAM, CALLER, NEED("count", FIELD_NUMBER, size), MAY("node", FIELD_NODE, node)),
	RETURN("vm_map_ram_ret", RAW_VM_MAP_RAM, NEED("addr", FIELD_PTR, where)),
	EVENT("vm_unmap_ram", RAW_VM_UNMAP_RAM, CALLER, NEED("addr", FIELD_PTR, where),
		MAY("count", FIELD_NUMBER, size)),
	ENTRY("ioremap", RAW_IOREMAP, CALLER, NEED("phys", FIELD_NUMBER, aux), NEED("size", FIELD_NUMBER, size),
		MAY("pcm", FIELD_NUMBER, align)),
	RETURN("ioremap_ret", RAW_IOREMAP, NEED("addr", FIELD_PTR, where)),
	EVENT("iounmap", RAW_IOUNMAP, CALLER, NEED("addr", FIELD_PTR, where)),
	ENTRY("request_region", RAW_REGION_REQUEST, CALLER, NEED("parent", FIELD_PTR, where),
		NEED("start", FIELD_NUMBER, aux), MAY("n", FIELD_NUMBER, size), MAY("name", FIELD_NAME, name)),
	RETURN("request_region_ret", RAW_REGION_REQUEST, NEED("res", FIELD_PTR, where)),
	EVENT("release_region", RAW_REGION_RELEASE, CALLER, NEED("parent", FIELD_PTR, where),
		NEED("start", FIELD_NUMBER, aux), MAY("n", FIELD_NUMBER, size)),

	EVENT("percpu_alloc_percpu", RAW_PERCPU_ALLOC, SITE, MAY("reserved", FIELD_NUMBER, aux),
		MAY("is_atomic", FIELD_BOOL, is_atomic), NEED("size", FIELD_NUMBER, size),
		NEED("align", FIELD_NUMBER, align), NEED("ptr", FIELD_PTR, where),
		MAY("bytes_alloc", FIELD_NUMBER, size_alloc), MAY("gfp_flags", FIELD_GFP, gfp)),
	EVENT("percpu_alloc_percpu_fail", RAW_PERCPU_FAILED, MAY("reserved", FIELD_NUMBER, aux),
		MAY("is_atomic", FIELD_BOOL, is_atomic), NEED("size", FIELD_NUMBER, size),
		NEED("align", FIELD_NUMBER, align)),
	EVENT("percpu_free_percpu", RAW_PERCPU_FREE, NEED("ptr", FIELD_PTR, where)),
	EVENT("percpu_create_chunk", RAW_PERCPU_CHUNK),

	EVENT("mempool_init_node", RAW_POOL_INIT, CALLER, NEED("pool", FIELD_PTR, where),
		NEED("min_nr", FIELD_NUMBER, size), MAY("pool_data", FIELD_PTR, aux), MAY("gfp", FIELD_GFP, gfp)),
	EVENT("mempool_resize", RAW_POOL_RESIZE, CALLER, NEED("pool", FIELD_PTR, aux),
		NEED("new_min_nr", FIELD_NUMBER, size)),
	EVENT("mempool_exit", RAW_POOL_EXIT, CALLER, NEED("pool", FIELD_PTR, aux)),
	EVENT("mempool_destroy", RAW_POOL_DESTROY, CALLER, NEED("pool", FIELD_PTR, aux)),
	ENTRY("mempool_alloc", RAW_POOL_ALLOC, CALLER, NEED("pool", FIELD_PTR, aux), MAY("gfp", FIELD_GFP, gfp)),
	RETURN("mempool_alloc_ret", RAW_POOL_ALLOC, NEED("ptr", FIELD_PTR, where)),
	EVENT("mempool_free", RAW_POOL_FREE, CALLER, NEED("ptr", FIELD_PTR, where), NEED("pool", FIELD_PTR, aux)),
	IGNORED("mempool_create_node", "the pool is recorded by mempool_init_node"),
	IGNORED("mempool_create_ret", "the pool is recorded by mempool_init_node"),

	ENTRY("dma_alloc", RAW_DMA_ALLOC, CALLER, NEED("size", FIELD_NUMBER, size), MAY("gfp", FIELD_GFP, gfp)),
	RETURN("dma_alloc_ret", RAW_DMA_ALLOC, NEED("addr", FIELD_PTR, where)),
	EVENT("dma_free", RAW_DMA_FREE, CALLER, NEED("addr", FIELD_PTR, where), MAY("size", FIELD_NUMBER, size)),

	ENTRY("dma_pool_create", RAW_DMA_POOL_CREATE, CALLER, NEED("name", FIELD_NAME, name),
		NEED("size", FIELD_NUMBER, size), MAY("align", FIELD_NUMBER, align),
		MAY("boundary", FIELD_NUMBER, aux)),
	RETURN("dma_pool_create_ret", RAW_DMA_POOL_CREATE, NEED("pool", FIELD_PTR, where)),
	EVENT("dma_pool_destroy", RAW_DMA_POOL_DESTROY, CALLER, NEED("pool", FIELD_PTR, aux)),
	ENTRY("dma_pool_alloc", RAW_DMA_POOL_ALLOC, CALLER, NEED("pool", FIELD_PTR, aux), MAY("gfp", FIELD_GFP, gfp)),
	RETURN("dma_pool_alloc_ret", RAW_DMA_POOL_ALLOC, NEED("addr", FIELD_PTR, where)),
	EVENT("dma_pool_free", RAW_DMA_POOL_FREE, CALLER, NEED("pool", FIELD_PTR, aux), NEED("addr", FIELD_PTR, where)),
	EVENT("remap_pfn_range", RAW_DEVICE_MAP, CALLER, NEED("pfn", FIELD_NUMBER, aux),
		NEED("size", FIELD_NUMBER, size)),

	/* Kernels from 6.3 on. The start is "addr" in the format and "va_start:" in the text. */
	EVENT("alloc_vmap_area", RAW_VMAP_AREA, MAY("addr", FIELD_NUMBER, where), MAY("va_start", FIELD_NUMBER, where),
		NEED("size", FIELD_NUMBER, size), MAY("align", FIELD_NUMBER, align), MAY("failed", FIELD_NUMBER, aux)),
	EVENT("free_vmap_area_noflush", RAW_VMAP_AREA_FREE, NEED("va_start", FIELD_NUMBER, where)),

	EVENT("kvm_pio", RAW_PORT_IO, NEED("rw", FIELD_ORDER, order), NEED("port", FIELD_NUMBER, aux),
		NEED("size", FIELD_NUMBER, size), MAY("count", FIELD_NUMBER, size_alloc),
		MAY("val", FIELD_NUMBER, align)),
	EVENT("kvm_mmio", RAW_MMIO, NEED("type", FIELD_ORDER, order), NEED("len", FIELD_NUMBER, size),
		NEED("gpa", FIELD_NUMBER, aux), MAY("val", FIELD_NUMBER, align)),
	IGNORED("vcpu_match_mmio", "how KVM found the address: kvm_mmio has the access"),
	IGNORED("kvm_fast_mmio", "a notification without a value"),

	{
		.name = "funcgraph_entry",
		.type = RAW_FUNCTION,
		.pair = PAIR_ENTRY,
		.why = FUNCTION_GRAPH,
		.fields = { NEED("func", FIELD_SITE, call_site) },
	},
	{
		.name = "funcgraph_exit",
		.type = RAW_FUNCTION,
		.pair = PAIR_RETURN,
		.why = FUNCTION_GRAPH,
		.fields = { NEED("func", FIELD_SITE, call_site), MAY("calltime", FIELD_NUMBER, aux),
			MAY("rettime", FIELD_NUMBER, size) },
	},
	TIMED("__kmalloc"),
	TIMED("__kmalloc_node"),
	TIMED("kmalloc_trace"),
	TIMED("kmem_cache_alloc_lru"),
	TIMED("__alloc_pages"),
	TIMED("alloc_pages"),
	TIMED("__free_pages"),
	TIMED("free_unref_page"),
	TIMED("vmalloc"),
	TIMED("vzalloc"),
	TIMED("__vmalloc"),
	TIMED("pcpu_alloc"),
	TIMED("free_percpu"),
	TIMED("wakeup_kswapd"),
	TIMED("drain_all_pages"),
	TIMED("clear_page_erms"),

	EVENT("print", RAW_MARKER),
	EVENT("tracing_mark_write", RAW_MARKER),

	MOVES("mm_page_alloc_zone_locked", MOVE_TAKE, "internal movement", BLOCK_FIELDS,
		MAY("percpu_refill", FIELD_NUMBER, size_alloc)),
	IGNORED("mm_page_alloc_extfrag", "internal movement"),
	MOVES("mm_page_pcpu_drain", MOVE_DRAIN, "internal movement", BLOCK_FIELDS),
	MOVES("mm_page_free_batched", MOVE_BATCHED, "reported twice: mm_page_free has it",
		MAY("pfn", FIELD_PFN, where)),
	MOVES("mm_pagevec_free", MOVE_BATCHED, "reported twice: mm_page_free has it", MAY("pfn", FIELD_PFN, where)),
	EVENT("mm_compaction_kcompactd_sleep", RAW_KCOMPACTD_SLEEPS),
	EVENT("mm_vmscan_direct_reclaim_begin", RAW_RECLAIM_BEGIN),
	EVENT("mm_vmscan_direct_reclaim_end", RAW_RECLAIM_END),
	PACE("mm_vmscan_lru_shrink_inactive", RAW_RECLAIM_BATCH, MAY("nr_scanned", FIELD_NUMBER, size),
		MAY("nr_reclaimed", FIELD_NUMBER, aux)),
	PACE("mm_vmscan_lru_shrink_active", RAW_RECLAIM_OTHER),
	PACE("mm_shrink_slab_start", RAW_RECLAIM_OTHER),
	PACE("mm_vmscan_write_folio", RAW_RECLAIM_OTHER),
	PACE("mm_vmscan_writepage", RAW_RECLAIM_OTHER),
	PACE("mm_vmscan_wakeup_kswapd", RAW_KSWAPD_WOKEN, MAY("nid", FIELD_NODE, node)),
	PACE("mm_vmscan_kswapd_wake", RAW_KSWAPD_RUNS, MAY("nid", FIELD_NODE, node)),
	PACE("mm_vmscan_kswapd_sleep", RAW_RECLAIM_OTHER),
	EVENT("mm_compaction_begin", RAW_COMPACT_BEGIN),
	EVENT("mm_compaction_end", RAW_COMPACT_END),
	IGNORED("split_page", "the parts are followed by their frees"),
	IGNORED("alloc_contig_range", "its pages have no event of their own"),
	IGNORED("vmap_pages_range", "the page array is missing in text"),
	IGNORED("percpu_destroy_chunk", "effect of free_percpu"),
	IGNORED("kernel_stack", CALL_CHAIN),
	IGNORED("user_stack", "the callers in user space"),
	IGNORED("rss_stat", "statistics"),
	IGNORED("purge_vmap_area_lazy", "the kernel's own pace of giving areas back"),
	IGNORED("kvmalloc", "the kmalloc or vmalloc in it has its own event"),
	IGNORED("kvmalloc_ret", "the kmalloc or vmalloc in it has its own event"),
	IGNORED("mark_victim", "OOM killer's own report"),
	IGNORED("oom_score_adj_update", "OOM killer's own report"),
	IGNORED("reclaim_retry_zone", "reclaim's own report"),
	IGNORED("wake_reaper", "OOM killer's own report"),
	IGNORED("start_task_reaping", "OOM killer's own report"),
	IGNORED("finish_task_reaping", "OOM killer's own report"),
	IGNORED("skip_task_reaping", "OOM killer's own report"),
	IGNORED("compact_retry", "compaction's own report"),
	IGNORED("set_migration_pte", "migration's own report"),
	IGNORED("remove_migration_pte", "migration's own report"),
	IGNORED("mm_migrate_pages", "migration's own report"),
	IGNORED("mm_migrate_pages_start", "migration's own report"),
};

const struct source_field source_return_site = {
	.key = RETURN_SITE_KEY,
	.key_len = sizeof(RETURN_SITE_KEY) - 1,
	.how = FIELD_SITE,
	.offset = MEMBER(call_site),
};

/* Whole families that only report what reclaim, compaction and KVM do. */
static const struct {
	const char *prefix;
	struct source_event event;
} families[] = {
	{ "mm_compaction_", IGNORED("mm_compaction_*", "compaction's own report") },
	{ "mm_vmscan_", IGNORED("mm_vmscan_*", "reclaim's own report") },
	{ "mm_shrink_slab_", IGNORED("mm_shrink_slab_*", "reclaim's own report") },
	{ "mm_lru_", IGNORED("mm_lru_*", "reclaim's own report") },
	{ "kvm_", IGNORED("kvm_*", "KVM's own report") },
	{ "module_", IGNORED("module_*", "modules come and go; whose regions and memory are theirs is not told") },
	{ "mm_filemap_", IGNORED("mm_filemap_*", "page cache's own report") },
};

/* Probes that are called as the function they are on. */
static const struct {
	const char *function, *event;
} functions[] = {
	{ "__vmalloc_node_range", "vmalloc_range" }, { "__ioremap_caller", "ioremap" },
	{ "__request_region", "request_region" }, { "__release_region", "release_region" },
	{ "kmem_cache_create_usercopy", "kmem_cache_create" }, { "kvmalloc_node", "kvmalloc" },
	{ "allocate_slab", "slab_grow" }, { "__free_slab", "slab_release" }, { "__alloc_pages_bulk",
		"alloc_pages_bulk" },
	{ "dma_alloc_attrs", "dma_alloc" }, { "dma_free_attrs", "dma_free" },
};

#define NR_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

#define NR_EVENTS (sizeof(events) / sizeof(events[0]))
#define NR_FAMILIES (sizeof(families) / sizeof(families[0]))

static const struct source_event *event_called(const char *name, size_t len)
{
	for (size_t i = 0; i < NR_EVENTS; i++)
		if (!strncmp(events[i].name, name, len) && !events[i].name[len])
			return &events[i];
	return NULL;
}

static bool ends_in(const char *name, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len > end_len && !memcmp(name + len - end_len, end, end_len);
}

/* "__ioremap_caller_ret", and "ioremap__return" as `perf probe` names it. */
static const struct source_event *probe_called(const char *name, size_t len)
{
	size_t base = ends_in(name, len, "__return") ? len - 8 : ends_in(name, len, "_ret") ? len - 4 : len;
	char event[EVENT_NAME_MAX + 1];

	if (base > EVENT_NAME_MAX - 4)
		return NULL;
	memcpy(event, name, base);
	event[base] = 0;
	for (size_t i = 0; i < NR_FUNCTIONS; i++)
		if (!strcmp(functions[i].function, event))
			strcpy(event, functions[i].event);
	if (base < len)
		strcat(event, "_ret");
	return event_called(event, strlen(event));
}

const struct source_event *source_event_find(const char *name, size_t len)
{
	const struct source_event *known = event_called(name, len);

	if (!known)
		known = probe_called(name, len);
	if (known)
		return known;
	for (size_t i = 0; i < NR_FAMILIES; i++) {
		size_t prefix = strlen(families[i].prefix);

		if (len > prefix && !memcmp(families[i].prefix, name, prefix))
			return &families[i].event;
	}
	return NULL;
}
