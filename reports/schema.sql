-- The results of kmemsim: what one or many runs did to memory and to time.
--
-- A database holds any number of runs. Figures are integers in the unit that the column's name ends in (_ns, _bytes,
-- _pages) or plain counts; shares and ratios are views, so that a definition can be corrected without a new run.
-- Times are simulated nanoseconds. Wall-clock times (started_at, ended_at, wall_ns) and the host are for people and
-- take no part in any comparison. Counts of 2^63 and more are stored as 2^63 - 1.

-- One row per run. It is there, 'running', from the run's first moment; what is known only at the end is NULL
-- until then, and stays NULL when the run was killed.
CREATE TABLE runs (
	run_id INTEGER PRIMARY KEY,
	trace TEXT NOT NULL,                     -- path as given
	trace_sha256 TEXT NOT NULL,
	machine TEXT NOT NULL,                   -- its name
	config_yaml TEXT NOT NULL,               -- the whole machine with every default filled in
	config_hash TEXT NOT NULL,
	seed INTEGER NOT NULL,                   -- 64 bits; from 2^63 on it shows as a negative number
	version TEXT NOT NULL,                   -- of kmemsim
	status TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed', 'interrupted')),
	error TEXT,                              -- what ended a failed run
	events INTEGER CHECK (events >= 0),      -- replayed
	sim_ns INTEGER CHECK (sim_ns >= 0),      -- simulated time from first to last event
	wall_ns INTEGER CHECK (wall_ns >= 0),
	fingerprint TEXT CHECK (length(fingerprint) = 16), -- 64 bits in hexadecimal: equal for runs that did the same
	kernel TEXT,                             -- of the recording
	pace TEXT NOT NULL,                      -- recorded, think or asap
	cpu_map TEXT NOT NULL,                   -- fold or spread
	layer TEXT NOT NULL,
	initial TEXT,                            -- folder of the start state, NULL = from boot
	part TEXT,                               -- of the trace that was replayed, NULL = all: 'from marker:work', 'to 5 s'
	sampling TEXT,                           -- when samples were taken and what was left out, NULL = as replay does by itself
	lost INTEGER NOT NULL CHECK (lost >= 0), -- events that the recording lost
	page_size INTEGER NOT NULL CHECK (page_size > 0), -- bytes
	max_order INTEGER NOT NULL CHECK (max_order BETWEEN 0 AND 63),
	pageblock_order INTEGER NOT NULL CHECK (pageblock_order BETWEEN 0 AND 63),
	cma INTEGER NOT NULL CHECK (cma IN (0, 1)), -- 1 = the kernel knows the migratetype CMA
	cpus INTEGER NOT NULL CHECK (cpus >= 0), -- of the machine; 0 = of a kmemsim that did not say
	zones TEXT NOT NULL,                     -- that the kernel has of each node, populated or not, ascending
	git_commit TEXT NOT NULL,                -- that kmemsim was built from; ends in "-dirty" for a changed tree
	compiler TEXT NOT NULL,
	flags TEXT NOT NULL,                     -- options of the build
	results_version INTEGER NOT NULL,        -- raised when the same trace, machine and seed give other results
	host TEXT NOT NULL,
	started_at TEXT NOT NULL,                -- UTC, ISO 8601
	ended_at TEXT,
	CHECK ((status = 'running') = (ended_at IS NULL))
) STRICT;

-- Keys that a run set over its machine file: --set, or the point of a sweep.
CREATE TABLE run_params (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- One row per operation, under the event's name in the text interchange. Latency is what callers waited plus
-- what the steps cost; a percentile is at most 1/32 above the exact one.
CREATE TABLE op_stats (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	op TEXT NOT NULL,
	count INTEGER NOT NULL CHECK (count >= 0),
	failed INTEGER NOT NULL CHECK (failed >= 0), -- of count: got no memory, or the kernel refuses the call or cannot do it
	bytes_req INTEGER NOT NULL CHECK (bytes_req >= 0), -- asked for
	bytes_alloc INTEGER NOT NULL CHECK (bytes_alloc >= 0), -- taken for it: rounded up to objects and pages
	sleeps INTEGER NOT NULL CHECK (sleeps >= 0), -- of its requests, each of which may sleep several times
	lat_mean_ns INTEGER NOT NULL CHECK (lat_mean_ns >= 0),
	lat_p50_ns INTEGER NOT NULL CHECK (lat_p50_ns >= 0),
	lat_p90_ns INTEGER NOT NULL CHECK (lat_p90_ns >= 0),
	lat_p99_ns INTEGER NOT NULL CHECK (lat_p99_ns >= 0),
	lat_p999_ns INTEGER NOT NULL CHECK (lat_p999_ns >= 0),
	lat_max_ns INTEGER NOT NULL CHECK (lat_max_ns >= 0),
	PRIMARY KEY (run_id, op)
) STRICT, WITHOUT ROWID;

-- The distribution behind op_stats: buckets that hold something, low_ns to high_ns inclusive. Of the runs of a sweep there are
-- four for each power of two, unless it says `detail: full`; else 32.
CREATE TABLE latency_hist (
	run_id INTEGER NOT NULL,
	op TEXT NOT NULL,
	low_ns INTEGER NOT NULL CHECK (low_ns >= 0),
	high_ns INTEGER NOT NULL CHECK (high_ns >= low_ns),
	count INTEGER NOT NULL CHECK (count > 0),
	PRIMARY KEY (run_id, op, low_ns),
	FOREIGN KEY (run_id, op) REFERENCES op_stats ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Locks: 'zone NAME/NODE' (free lists of a zone), 'list_lock node N' (partial slabs of all caches on a node), 'lru' (lists of pages to
-- reclaim), 'vmap_area' (the vmalloc space), 'pcpu' (per-CPU memory), 'resource' (trees of I/O ports and memory), 'kmap',
-- 'mempool', 'dma_pool'. None for the page lists of a CPU: who finds pcp->lock taken does not wait, but goes to the zone's lists.
CREATE TABLE lock_stats (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	lock TEXT NOT NULL,
	acquisitions INTEGER NOT NULL CHECK (acquisitions >= 0),
	contended INTEGER NOT NULL CHECK (contended >= 0), -- of acquisitions: another CPU held it
	wait_ns INTEGER NOT NULL CHECK (wait_ns >= 0), -- of all waiters together
	hold_ns INTEGER NOT NULL CHECK (hold_ns >= 0),
	PRIMARY KEY (run_id, lock)
) STRICT, WITHOUT ROWID;

-- Requests that waited for something other than their CPU, by what for:
--   reclaim   pages being written to the swap device           mempool   an element to come back to its pool
--   oom       the memory of a killed task                       kmap      a slot of the area for high pages
--   retry     a pause before a __GFP_NOFAIL request, or one that may not kill (no __GFP_FS), looks again
--   object    an earlier request with the same object           task      the request of the same task before it
-- The last two are no sleeps of the kernel's: they keep the order of the trace.
CREATE TABLE sleeps (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	reason TEXT NOT NULL,
	count INTEGER NOT NULL CHECK (count >= 0),
	total_ns INTEGER NOT NULL CHECK (total_ns >= 0),
	max_ns INTEGER NOT NULL CHECK (max_ns >= 0),
	timeouts INTEGER NOT NULL CHECK (timeouts >= 0),
	still_waiting INTEGER NOT NULL CHECK (still_waiting >= 0), -- when the run ended: nobody could wake them
	PRIMARY KEY (run_id, reason)
) STRICT, WITHOUT ROWID;

-- Requests for pages that got none, by their preferred zone ('none': no zone may serve such a mask). Each attempt counts: those of
-- __GFP_NOFAIL and of who waits for another request to kill, and the first one of a slab that is content with a smaller block (__GFP_NOWARN).
CREATE TABLE alloc_failures (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	node INTEGER NOT NULL CHECK (node >= 0),
	zone TEXT NOT NULL,
	"order" INTEGER NOT NULL CHECK ("order" >= 0),
	gfp TEXT NOT NULL,
	count INTEGER NOT NULL CHECK (count >= 0),
	PRIMARY KEY (run_id, node, zone, "order", gfp)
) STRICT, WITHOUT ROWID;

-- A look at the whole machine at one moment. Tables with a sample_id refer to it. Of objects that a run from a saved state
-- has and its trace does not know, all of object_size was asked for.
CREATE TABLE samples (
	sample_id INTEGER PRIMARY KEY,
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	time_ns INTEGER NOT NULL CHECK (time_ns >= 0),
	event_no INTEGER NOT NULL CHECK (event_no >= 0), -- events replayed before it
	reason TEXT NOT NULL,                    -- start, time, events, marker, end
	marker TEXT,                             -- the marker's text
	free_bytes INTEGER NOT NULL CHECK (free_bytes >= 0),
	pcp_bytes INTEGER NOT NULL CHECK (pcp_bytes >= 0), -- free too, but on the lists of single CPUs
	slab_bytes INTEGER NOT NULL CHECK (slab_bytes >= 0),
	kmalloc_large_bytes INTEGER NOT NULL CHECK (kmalloc_large_bytes >= 0), -- kmalloc served by whole pages
	page_bytes INTEGER NOT NULL CHECK (page_bytes >= 0), -- pages that callers asked for as such
	vmalloc_bytes INTEGER NOT NULL CHECK (vmalloc_bytes >= 0),
	percpu_bytes INTEGER NOT NULL CHECK (percpu_bytes >= 0),
	slab_waste_bytes INTEGER NOT NULL CHECK (slab_waste_bytes >= 0), -- slab pages less what callers asked for
	kmalloc_waste_bytes INTEGER NOT NULL CHECK (kmalloc_waste_bytes >= 0), -- in kmalloc objects: allocated less asked for
	live_objects INTEGER NOT NULL CHECK (live_objects >= 0)
) STRICT;

CREATE INDEX samples_by_run ON samples (run_id, sample_id);

CREATE TABLE zone_samples (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	node INTEGER NOT NULL CHECK (node >= 0),
	zone TEXT NOT NULL,
	free_pages INTEGER NOT NULL CHECK (free_pages >= 0), -- in the buddy lists
	pcp_pages INTEGER NOT NULL CHECK (pcp_pages >= 0), -- on per-CPU lists
	min_pages INTEGER NOT NULL CHECK (min_pages >= 0),
	low_pages INTEGER NOT NULL CHECK (low_pages >= 0),
	high_pages INTEGER NOT NULL CHECK (high_pages >= 0),
	boost_pages INTEGER NOT NULL CHECK (boost_pages >= 0), -- by which fallbacks have raised the watermarks for now
	highatomic_pages INTEGER NOT NULL CHECK (highatomic_pages >= 0), -- reserved for high-order atomic requests
	start_pfn INTEGER NOT NULL CHECK (start_pfn >= 0),
	spanned_pages INTEGER NOT NULL CHECK (spanned_pages >= 0),
	present_pages INTEGER NOT NULL CHECK (present_pages >= 0),
	managed_pages INTEGER NOT NULL CHECK (managed_pages >= 0),
	max_order INTEGER NOT NULL CHECK (max_order BETWEEN 0 AND 63),
	protection TEXT NOT NULL,                -- pages kept from requests that may use each of runs.zones: '0, 186, 186, 186, 186'
	pcp_high_pages INTEGER NOT NULL CHECK (pcp_high_pages >= 0), -- of each CPU's lists: so long they may become
	pcp_batch_pages INTEGER NOT NULL CHECK (pcp_batch_pages >= 0), -- and as much goes to and from the buddy lists at once
	stat_threshold INTEGER NOT NULL CHECK (stat_threshold >= 0), -- pages that a CPU counts for itself before all see them
	node_unreclaimable INTEGER NOT NULL CHECK (node_unreclaimable IN (0, 1)), -- 1 = kswapd has given the node up
	PRIMARY KEY (sample_id, node, zone)
) STRICT, WITHOUT ROWID;

-- Pages on each CPU's lists. A CPU that has no row has none.
CREATE TABLE pcp_lists (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	node INTEGER NOT NULL,
	zone TEXT NOT NULL,
	cpu INTEGER NOT NULL CHECK (cpu >= 0),
	pages INTEGER NOT NULL CHECK (pages > 0),
	PRIMARY KEY (sample_id, node, zone, cpu)
) STRICT, WITHOUT ROWID;

-- The buddy lists. A list that has no row is empty.
CREATE TABLE free_blocks (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	node INTEGER NOT NULL,
	zone TEXT NOT NULL,
	migratetype TEXT NOT NULL,               -- Unmovable, Movable, Reclaimable, HighAtomic, CMA, Isolate
	"order" INTEGER NOT NULL CHECK ("order" BETWEEN 0 AND 63),
	blocks INTEGER NOT NULL CHECK (blocks >= 0),
	PRIMARY KEY (sample_id, node, zone, migratetype, "order")
) STRICT, WITHOUT ROWID;

-- Pageblocks by the migratetype that they are marked with.
CREATE TABLE pageblocks (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	node INTEGER NOT NULL,
	zone TEXT NOT NULL,
	migratetype TEXT NOT NULL,
	pageblocks INTEGER NOT NULL CHECK (pageblocks >= 0),
	PRIMARY KEY (sample_id, node, zone, migratetype)
) STRICT, WITHOUT ROWID;

-- The kernel's own two indices, in thousandths as its debugfs files show them.
-- unusable_index: the share of free memory that lies in blocks too small for this order. 0 = all of it can
-- serve, 1 = none.
-- frag_index: why a request of this order would fail now. -1 = it would not; towards 0 = memory is short;
-- towards 1 = there is enough, but in pieces.
CREATE TABLE frag_samples (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	node INTEGER NOT NULL,
	zone TEXT NOT NULL,
	"order" INTEGER NOT NULL CHECK ("order" BETWEEN 0 AND 63),
	unusable_index REAL NOT NULL CHECK (unusable_index BETWEEN 0 AND 1),
	frag_index REAL NOT NULL CHECK (frag_index BETWEEN -1 AND 1),
	PRIMARY KEY (sample_id, node, zone, "order")
) STRICT, WITHOUT ROWID;

-- Slab caches, in the order of their creation (rowid); the kernel lets two have one name. active_objs is the
-- kernel's count: objects of slabs that a CPU holds all count as active there; live_objs is the true one.
CREATE TABLE cache_stats (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	cache TEXT NOT NULL,
	object_size INTEGER NOT NULL CHECK (object_size >= 0), -- bytes that callers may use
	size INTEGER NOT NULL CHECK (size >= 0), -- bytes from one object to the next
	objs_per_slab INTEGER NOT NULL CHECK (objs_per_slab >= 0),
	"order" INTEGER NOT NULL CHECK ("order" BETWEEN 0 AND 63),
	active_objs INTEGER NOT NULL CHECK (active_objs >= 0),
	total_objs INTEGER NOT NULL CHECK (total_objs >= 0),
	slabs INTEGER NOT NULL CHECK (slabs >= 0),
	waste_bytes INTEGER NOT NULL CHECK (waste_bytes >= 0), -- slab pages less object_size of each live object
	align INTEGER NOT NULL CHECK (align >= 0),
	min_partial INTEGER NOT NULL CHECK (min_partial >= 0),
	cpu_partial INTEGER NOT NULL CHECK (cpu_partial >= 0), -- objects
	live_objs INTEGER NOT NULL CHECK (live_objs >= 0),
	slab_pages INTEGER NOT NULL CHECK (slab_pages >= 0),
	partial INTEGER NOT NULL CHECK (partial >= 0), -- slabs on node partial lists
	cpu_slabs INTEGER NOT NULL CHECK (cpu_slabs >= 0),
	aliases INTEGER NOT NULL CHECK (aliases >= 0), -- other caches merged into it
	allocs INTEGER NOT NULL CHECK (allocs >= 0),
	frees INTEGER NOT NULL CHECK (frees >= 0),
	grown INTEGER NOT NULL CHECK (grown >= 0), -- slabs taken from the page allocator
	discarded INTEGER NOT NULL CHECK (discarded >= 0), -- slabs given back
	array_limit INTEGER NOT NULL CHECK (array_limit >= 0), -- objects a CPU's array of SLAB holds; 0 with other allocators
	batchcount INTEGER NOT NULL CHECK (batchcount >= 0), -- objects that go to or from it at once
	shared_factor INTEGER NOT NULL CHECK (shared_factor >= 0), -- room of a node's shared array, in batches
	active_slabs INTEGER NOT NULL CHECK (active_slabs >= 0), -- as the kernel counts: SLUB all, SLAB those with objects out
	shared_avail INTEGER NOT NULL CHECK (shared_avail >= 0) -- objects in shared arrays
) STRICT;

CREATE INDEX cache_stats_by_sample ON cache_stats (sample_id, cache);

-- The trees of I/O memory and I/O ports, in the order and with the depth of /proc/iomem and /proc/ioports. Of the last
-- sample, and of those at markers.
CREATE TABLE resources (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	tree TEXT NOT NULL CHECK (tree IN ('iomem', 'ioports')),
	position INTEGER NOT NULL CHECK (position >= 0), -- line of the file, from 0
	depth INTEGER NOT NULL CHECK (depth BETWEEN 0 AND 5),
	start INTEGER NOT NULL CHECK (start >= 0),
	"end" INTEGER NOT NULL CHECK ("end" >= start),   -- inclusive
	name TEXT NOT NULL,
	busy INTEGER NOT NULL CHECK (busy IN (0, 1)),    -- claimed: nothing can be requested in it
	requested INTEGER NOT NULL CHECK (requested IN (0, 1)), -- by the trace; else it was there before
	PRIMARY KEY (sample_id, tree, position)
) STRICT, WITHOUT ROWID;

-- Pools of elements in reserve, those destroyed before the end too: at the end, or as their destruction found them.
CREATE TABLE mempool_stats (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	pool_no INTEGER NOT NULL,                -- in order of creation, from 1: names may be used again
	pool TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('slab', 'kmalloc', 'page', 'other')), -- what is behind it
	cache TEXT,                              -- of kind slab
	element_bytes INTEGER NOT NULL CHECK (element_bytes >= 0), -- asked for each; 0 = not known
	min_nr INTEGER NOT NULL CHECK (min_nr >= 0),
	curr_nr INTEGER NOT NULL CHECK (curr_nr >= 0), -- elements in the reserve
	lowest_reserve INTEGER NOT NULL CHECK (lowest_reserve >= 0), -- fewest there ever were
	allocs INTEGER NOT NULL CHECK (allocs >= 0), -- that got an element
	frees INTEGER NOT NULL CHECK (frees >= 0),
	failed INTEGER NOT NULL CHECK (failed >= 0), -- of callers that may not wait
	from_reserve INTEGER NOT NULL CHECK (from_reserve >= 0), -- of allocs
	refills INTEGER NOT NULL CHECK (refills >= 0), -- of frees: kept in the reserve
	waits INTEGER NOT NULL CHECK (waits >= 0), -- sleeps for an element
	timeouts INTEGER NOT NULL CHECK (timeouts >= 0), -- of waits: over after 5 s
	wait_ns INTEGER NOT NULL CHECK (wait_ns >= 0), -- in all, of the waits that ended
	outstanding INTEGER NOT NULL CHECK (outstanding >= 0), -- elements that callers hold
	peak_outstanding INTEGER NOT NULL CHECK (peak_outstanding >= 0),
	destroyed INTEGER NOT NULL CHECK (destroyed IN (0, 1)),
	PRIMARY KEY (run_id, pool_no)
) STRICT, WITHOUT ROWID;

-- Memory for devices: coherent blocks (pool_no 0, those that pools are cut from included) and each dma_pool.
CREATE TABLE dma_stats (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	pool_no INTEGER NOT NULL,                -- in order of creation, from 1; 0 = coherent blocks
	pool TEXT,                               -- NULL = coherent blocks
	block_bytes INTEGER NOT NULL CHECK (block_bytes >= 0), -- of a pool
	boundary_bytes INTEGER NOT NULL CHECK (boundary_bytes >= 0), -- no block crosses it
	blocks_per_page INTEGER NOT NULL CHECK (blocks_per_page >= 0), -- in each coherent block of the pool
	bytes INTEGER NOT NULL CHECK (bytes >= 0), -- held at the end; a pool gives none back before it is destroyed
	peak_bytes INTEGER NOT NULL CHECK (peak_bytes >= 0),
	allocs INTEGER NOT NULL CHECK (allocs >= 0),
	frees INTEGER NOT NULL CHECK (frees >= 0),
	failed INTEGER NOT NULL CHECK (failed >= 0),
	in_use INTEGER NOT NULL CHECK (in_use >= 0), -- blocks that callers (or pools) hold
	peak_in_use INTEGER NOT NULL CHECK (peak_in_use >= 0), -- of a pool
	retries INTEGER NOT NULL CHECK (retries >= 0), -- blocks beyond the mask, given back for one of a lower zone
	unreachable INTEGER NOT NULL CHECK (unreachable >= 0), -- of failed: no zone is within the mask
	destroyed INTEGER NOT NULL CHECK (destroyed IN (0, 1)),
	PRIMARY KEY (run_id, pool_no)
) STRICT, WITHOUT ROWID;

-- Kernel addresses for pages without one. No row: nothing was mapped.
CREATE TABLE highmem_stats (
	run_id INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
	slots INTEGER NOT NULL CHECK (slots >= 0), -- of kmap(); 0 = no high memory
	slots_used INTEGER NOT NULL CHECK (slots_used >= 0), -- with users, at the end
	slots_peak INTEGER NOT NULL CHECK (slots_peak >= 0),
	maps INTEGER NOT NULL CHECK (maps >= 0), -- kmap()
	new_slots INTEGER NOT NULL CHECK (new_slots >= 0), -- of maps: of a high page that had no slot
	flushes INTEGER NOT NULL CHECK (flushes >= 0), -- of slots without users, with a TLB flush
	waits INTEGER NOT NULL CHECK (waits >= 0), -- sleeps for a slot
	wait_ns INTEGER NOT NULL CHECK (wait_ns >= 0), -- in all, of the waits that ended
	local_maps INTEGER NOT NULL CHECK (local_maps >= 0), -- kmap_atomic()
	local_depth_peak INTEGER NOT NULL CHECK (local_depth_peak >= 0) -- most at once on a CPU
) STRICT;

-- Port instructions by region and instruction. A region is the innermost around the port when it was accessed; name '': none.
CREATE TABLE ioport_stats (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	start INTEGER NOT NULL CHECK (start >= 0),
	"end" INTEGER NOT NULL CHECK ("end" >= start),
	region TEXT NOT NULL,
	op TEXT NOT NULL,                        -- inb, ... outsl
	count INTEGER NOT NULL CHECK (count >= 0), -- instructions
	accesses INTEGER NOT NULL CHECK (accesses >= 0), -- of the bus: string instructions make many
	bytes INTEGER NOT NULL CHECK (bytes >= 0),
	cost_ns INTEGER NOT NULL CHECK (cost_ns >= 0),
	unclaimed INTEGER NOT NULL CHECK (unclaimed BETWEEN 0 AND count), -- instructions outside of what is claimed
	PRIMARY KEY (run_id, start, "end", region, op)
) STRICT, WITHOUT ROWID;

-- Reads and writes of device memory, likewise.
CREATE TABLE iomem_stats (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	start INTEGER NOT NULL CHECK (start >= 0),
	"end" INTEGER NOT NULL CHECK ("end" >= start),
	region TEXT NOT NULL,
	op TEXT NOT NULL,                        -- readb, ... writeq
	count INTEGER NOT NULL CHECK (count >= 0),
	bytes INTEGER NOT NULL CHECK (bytes >= 0),
	cost_ns INTEGER NOT NULL CHECK (cost_ns >= 0), -- waits for posted writes among it
	unclaimed INTEGER NOT NULL CHECK (unclaimed BETWEEN 0 AND count),
	PRIMARY KEY (run_id, start, "end", region, op)
) STRICT, WITHOUT ROWID;

-- Live mappings of device memory by how the processor treats them. A mode that has no row has none.
CREATE TABLE ioremap_stats (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	mode TEXT NOT NULL CHECK (mode IN ('uc', 'wc', 'wb', 'np', 'wt')),
	mappings INTEGER NOT NULL CHECK (mappings >= 0),
	size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0), -- as asked for
	area_bytes INTEGER NOT NULL CHECK (area_bytes >= 0), -- in whole pages, without guards
	PRIMARY KEY (sample_id, mode)
) STRICT, WITHOUT ROWID;

-- The mappings of device memory that nobody had unmapped at the end.
CREATE TABLE ioremap_live (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	mapping INTEGER NOT NULL CHECK (mapping >= 0),
	phys INTEGER NOT NULL CHECK (phys >= 0),
	size INTEGER NOT NULL CHECK (size >= 0),
	mode TEXT NOT NULL,
	address TEXT NOT NULL,                   -- of the first byte asked for: '0xffffc90000010000'
	area_bytes INTEGER NOT NULL CHECK (area_bytes >= 0),
	region TEXT NOT NULL,                    -- the innermost resource at phys at the end; 'PCI mem': none
	call_site TEXT,
	PRIMARY KEY (run_id, mapping)
) STRICT, WITHOUT ROWID;

-- Requests that no list of their own migratetype could serve, by whose block was taken (from) and who asked (to).
CREATE TABLE extfrag_events (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	from_migratetype TEXT NOT NULL,
	to_migratetype TEXT NOT NULL,
	alloc_order INTEGER NOT NULL CHECK (alloc_order BETWEEN 0 AND 63),
	fallback_order INTEGER NOT NULL CHECK (fallback_order BETWEEN 0 AND 63),
	count INTEGER NOT NULL CHECK (count >= 0),
	pageblock_changes INTEGER NOT NULL CHECK (pageblock_changes >= 0), -- the whole pageblock changed its mark
	PRIMARY KEY (run_id, from_migratetype, to_migratetype, alloc_order, fallback_order)
) STRICT, WITHOUT ROWID;

-- Who asked, by the name or address that the recording gave.
CREATE TABLE call_sites (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	call_site TEXT NOT NULL,
	op TEXT NOT NULL,
	count INTEGER NOT NULL CHECK (count >= 0),
	failed INTEGER NOT NULL CHECK (failed >= 0),
	bytes_req INTEGER NOT NULL CHECK (bytes_req >= 0),
	bytes_alloc INTEGER NOT NULL CHECK (bytes_alloc >= 0),
	live INTEGER NOT NULL CHECK (live >= 0), -- objects at the end of the run
	live_bytes INTEGER NOT NULL CHECK (live_bytes >= 0),
	lifetime_mean_ns INTEGER NOT NULL CHECK (lifetime_mean_ns >= 0), -- of freed objects
	lat_mean_ns INTEGER NOT NULL CHECK (lat_mean_ns >= 0),
	lat_max_ns INTEGER NOT NULL CHECK (lat_max_ns >= 0)
) STRICT;

CREATE INDEX call_sites_by_run ON call_sites (run_id, call_site, op);

-- Uses of the kernel's interfaces that break their rules.
CREATE TABLE violations (
	violation_id INTEGER PRIMARY KEY,
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	time_ns INTEGER NOT NULL CHECK (time_ns >= 0),
	cpu INTEGER NOT NULL CHECK (cpu >= 0),
	rule TEXT NOT NULL,
	severity TEXT NOT NULL CHECK (severity IN ('advice', 'notice', 'warning', 'leak', 'error', 'fatal')),
	event_no INTEGER NOT NULL CHECK (event_no >= 0),
	call_site TEXT,
	text TEXT NOT NULL
) STRICT;

CREATE INDEX violations_by_run ON violations (run_id, rule);

-- The vmalloc space at a sample; a run that never used it has no rows. What counts areas counts those of modules, too, which lie
-- elsewhere.
CREATE TABLE vmalloc_stats (
	sample_id INTEGER PRIMARY KEY REFERENCES samples ON DELETE CASCADE,
	size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
	used_bytes INTEGER NOT NULL CHECK (used_bytes >= 0),     -- of busy areas, guard pages included
	free_bytes INTEGER NOT NULL CHECK (free_bytes >= 0),
	lazy_bytes INTEGER NOT NULL CHECK (lazy_bytes >= 0),     -- freed, not usable before the next purge
	guard_bytes INTEGER NOT NULL CHECK (guard_bytes >= 0),   -- of all areas: never mapped
	areas INTEGER NOT NULL CHECK (areas >= 0),
	lazy_areas INTEGER NOT NULL CHECK (lazy_areas >= 0),     -- those that touch are one
	mapped_pages INTEGER NOT NULL CHECK (mapped_pages >= 0), -- that areas own: NR_VMALLOC
	page_table_pages INTEGER NOT NULL CHECK (page_table_pages >= 0), -- allocated for it, never freed
	map_ram_blocks INTEGER NOT NULL CHECK (map_ram_blocks >= 0),
	holes INTEGER NOT NULL CHECK (holes >= 0),               -- free ranges
	largest_hole_bytes INTEGER NOT NULL CHECK (largest_hole_bytes >= 0),
	purges INTEGER NOT NULL CHECK (purges >= 0),             -- this and the rest: since the run began
	purged_bytes INTEGER NOT NULL CHECK (purged_bytes >= 0),
	retries INTEGER NOT NULL CHECK (retries >= 0),           -- searches that needed a purge
	failures INTEGER NOT NULL CHECK (failures >= 0),         -- no address was free
	deferred_frees INTEGER NOT NULL CHECK (deferred_frees >= 0), -- vfree() in interrupts
	huge_areas INTEGER NOT NULL CHECK (huge_areas >= 0)
) STRICT;

-- Its areas, at markers and at the end: what /proc/vmallocinfo shows. Addresses are text, "0x" and 16 digits.
CREATE TABLE vmap_areas (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	start_address TEXT NOT NULL,
	end_address TEXT NOT NULL,                               -- first byte behind it and its guard page
	size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
	use TEXT NOT NULL,                                       -- 'vmalloc', 'ioremap', ..., 'unpurged'
	caller TEXT,
	pages INTEGER NOT NULL CHECK (pages >= 0),
	phys TEXT,
	page_array_is_area INTEGER NOT NULL CHECK (page_array_is_area IN (0, 1)),
	node_pages TEXT NOT NULL,                                -- " N0=3 N1=1"
	PRIMARY KEY (sample_id, start_address)
) STRICT, WITHOUT ROWID;

-- Per-CPU memory at a sample; a run that never used it has no rows. Bytes are of one copy of the areas, unless said.
CREATE TABLE percpu_stats (
	sample_id INTEGER PRIMARY KEY REFERENCES samples ON DELETE CASCADE,
	chunks INTEGER NOT NULL CHECK (chunks > 0),              -- without the reserved one
	unit_size_bytes INTEGER NOT NULL CHECK (unit_size_bytes > 0), -- of each CPU, in each chunk
	units INTEGER NOT NULL CHECK (units > 0),                -- in each chunk: CPUs, rounded up by nodes
	areas INTEGER NOT NULL CHECK (areas >= 0),               -- that are allocated
	allocated_bytes INTEGER NOT NULL CHECK (allocated_bytes >= 0),
	used_bytes INTEGER NOT NULL CHECK (used_bytes >= 0),     -- the same, of all CPUs
	free_bytes INTEGER NOT NULL CHECK (free_bytes >= 0),
	largest_free_bytes INTEGER NOT NULL CHECK (largest_free_bytes >= 0),
	hole_bytes INTEGER NOT NULL CHECK (hole_bytes >= 0),     -- of the free ones, those before the last area of a chunk
	largest_hole_bytes INTEGER NOT NULL CHECK (largest_hole_bytes >= 0),
	populated_pages INTEGER NOT NULL CHECK (populated_pages >= 0), -- of each unit; static areas included
	empty_pages INTEGER NOT NULL CHECK (empty_pages >= 0)    -- populated, with nothing in them
) STRICT;

-- Its chunks, at markers and at the end. Chunk 0 is the dynamic part of the first unit, 1 the reserved one; their base is an
-- offset in the unit. Addresses are text, "0x" and 16 digits.
CREATE TABLE percpu_chunks (
	sample_id INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
	chunk INTEGER NOT NULL CHECK (chunk >= 0),
	base_address TEXT NOT NULL,
	areas INTEGER NOT NULL CHECK (areas >= 0),
	free_bytes INTEGER NOT NULL CHECK (free_bytes >= 0),
	contig_bytes INTEGER NOT NULL CHECK (contig_bytes >= 0), -- longest free run that the allocator knows of
	largest_free_bytes INTEGER NOT NULL CHECK (largest_free_bytes >= 0),
	hole_bytes INTEGER NOT NULL CHECK (hole_bytes >= 0),
	largest_hole_bytes INTEGER NOT NULL CHECK (largest_hole_bytes >= 0),
	populated_pages INTEGER NOT NULL CHECK (populated_pages >= 0),
	empty_pages INTEGER NOT NULL CHECK (empty_pages >= 0),
	isolated INTEGER NOT NULL CHECK (isolated IN (0, 1)),    -- its empty pages are given back, it takes no new area
	PRIMARY KEY (sample_id, chunk)
) STRICT, WITHOUT ROWID;

-- Memory that was taken before the page allocator had any: it is managed by no zone.
CREATE TABLE boot_memory (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	block INTEGER NOT NULL CHECK (block >= 0),               -- in the order of the requests
	op TEXT NOT NULL,
	start INTEGER NOT NULL CHECK (start >= 0),               -- physical address
	size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
	align_bytes INTEGER NOT NULL CHECK (align_bytes > 0),
	freed_bytes INTEGER NOT NULL CHECK (freed_bytes BETWEEN 0 AND size_bytes), -- before the page allocator took over
	PRIMARY KEY (run_id, block)
) STRICT, WITHOUT ROWID;

-- Figures that have no table of their own. mechanism 'page_alloc' has the kernel's counters under their names in /proc/vmstat
-- where it has one; 'reclaim' and 'oom' memory pressure ('killed NAME, pid N': pages that the task gave back), 'initial' what a
-- saved state told, 'replay' how model and recording compare, 'works' work items by name.
CREATE TABLE counters (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	mechanism TEXT NOT NULL,
	name TEXT NOT NULL,
	unit TEXT NOT NULL,
	value INTEGER NOT NULL,
	PRIMARY KEY (run_id, mechanism, name)
) STRICT, WITHOUT ROWID;

-- What took memory back: a pass of kswapd, or a request that had to reclaim for itself (direct) or to compact (compaction), a pass of
-- kcompactd, or a task that the OOM killer ended (oom). The first 10000 of each; counters has how many there were in all ('episodes').
-- Compactions that are deferred, as earlier ones had failed, have no row, but compact_stall counts them as the kernel does.
CREATE TABLE reclaim_events (
	reclaim_event_id INTEGER PRIMARY KEY,
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	by TEXT NOT NULL CHECK (by IN ('kswapd', 'direct', 'compaction', 'kcompactd', 'oom')),
	node INTEGER NOT NULL CHECK (node >= 0),
	start_ns INTEGER NOT NULL CHECK (start_ns >= 0),
	end_ns INTEGER NOT NULL CHECK (end_ns >= start_ns),
	pages INTEGER NOT NULL CHECK (pages >= 0), -- taken back, or moved
	success INTEGER NOT NULL CHECK (success IN (0, 1)) -- some were taken back; compaction: a block of the order wanted is there
) STRICT;

CREATE INDEX reclaim_events_by_run ON reclaim_events (run_id, start_ns);

-- What `kmemsim verify` found: how much of what the recorded kernel did the model did too.
CREATE TABLE verify_checks (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	"check" TEXT NOT NULL,                   -- 'page_frames_step', ...
	checked INTEGER NOT NULL CHECK (checked >= 0),
	equal INTEGER NOT NULL CHECK (equal BETWEEN 0 AND checked),
	first_event_no INTEGER,                  -- of the first difference; NULL = there is none
	first_time_ns INTEGER,
	kernel TEXT,                             -- what the kernel did there
	model TEXT,                              -- what the model did, and its state
	PRIMARY KEY (run_id, "check")
) STRICT, WITHOUT ROWID;

-- Zones at the instants of saved states: free blocks by order in the model and in the real machine.
CREATE TABLE verify_zones (
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	snapshot TEXT NOT NULL,
	node INTEGER NOT NULL,
	zone TEXT NOT NULL,
	"order" INTEGER NOT NULL,
	free_pages INTEGER NOT NULL CHECK (free_pages >= 0), -- of the zone
	free_pages_real INTEGER NOT NULL CHECK (free_pages_real >= 0),
	managed_pages INTEGER NOT NULL CHECK (managed_pages >= 0),
	blocks INTEGER NOT NULL CHECK (blocks >= 0),
	blocks_real INTEGER NOT NULL CHECK (blocks_real >= 0),
	PRIMARY KEY (run_id, snapshot, node, zone, "order")
) STRICT, WITHOUT ROWID;

CREATE TABLE verify_caches (
	verify_cache_id INTEGER PRIMARY KEY,
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	snapshot TEXT NOT NULL,
	cache TEXT NOT NULL,                     -- two caches of a kernel may have one name
	slabs INTEGER NOT NULL CHECK (slabs >= 0),
	slabs_real INTEGER NOT NULL CHECK (slabs_real >= 0),
	objects INTEGER NOT NULL CHECK (objects >= 0), -- room for so many
	objects_real INTEGER NOT NULL CHECK (objects_real >= 0)
) STRICT;

CREATE INDEX verify_caches_by_run ON verify_caches (run_id, snapshot, cache);

-- What people ask first.

CREATE VIEW v_runs AS
SELECT run_id, status, trace, machine,
	(SELECT group_concat(key || '=' || value, ' ') FROM run_params p WHERE p.run_id = r.run_id) AS params, kernel, initial, part, pace, cpu_map, layer, seed, events, lost, sim_ns / 1e9 AS sim_s, wall_ns / 1e9 AS wall_s,
	CASE WHEN wall_ns > 0 THEN round(events * 1e3 / wall_ns, 3) END AS million_events_per_s,
	fingerprint, started_at, version, error
FROM runs r;

CREATE VIEW v_latency AS
SELECT run_id, op, count, failed, sleeps, lat_mean_ns, lat_p50_ns, lat_p90_ns, lat_p99_ns, lat_p999_ns, lat_max_ns,
	bytes_req, bytes_alloc,
	CASE WHEN bytes_alloc > 0 THEN round(1 - 1.0 * bytes_req / bytes_alloc, 4) END AS waste_share
FROM op_stats;

CREATE VIEW v_fragmentation AS
SELECT s.run_id, s.sample_id, s.time_ns, s.event_no, f.node, f.zone, z.free_pages, f."order", f.unusable_index, f.frag_index
FROM frag_samples f JOIN samples s USING (sample_id) LEFT JOIN zone_samples z USING (sample_id, node, zone);

-- The vmalloc space over time. hole_fragmentation: how much of what is free is not in the longest hole, 0 to 1;
-- scattered_share: of the part of the space that is not that hole, how much is in the other holes.
CREATE VIEW v_vmalloc AS
SELECT s.run_id, s.sample_id, s.time_ns, s.event_no, v.areas, v.used_bytes, v.guard_bytes, v.lazy_bytes, v.free_bytes,
	v.holes, v.largest_hole_bytes,
	CASE WHEN v.free_bytes > 0 THEN round(1 - 1.0 * v.largest_hole_bytes / v.free_bytes, 6) END AS hole_fragmentation,
	CASE WHEN v.size_bytes > v.largest_hole_bytes
		THEN round(1.0 * (v.free_bytes - v.largest_hole_bytes) / (v.size_bytes - v.largest_hole_bytes), 6) END AS scattered_share,
	v.mapped_pages, v.page_table_pages, v.purges, v.retries, v.failures
FROM vmalloc_stats v JOIN samples s USING (sample_id);

-- Per-CPU memory over time. fragmentation: of the part of the chunks up to their last areas, how much is free, 0 to 1.
CREATE VIEW v_percpu AS
SELECT s.run_id, s.sample_id, s.time_ns, s.event_no, p.chunks, p.unit_size_bytes, p.units, p.areas, p.allocated_bytes,
	p.used_bytes, p.free_bytes, p.largest_free_bytes, p.hole_bytes, p.largest_hole_bytes,
	CASE WHEN p.allocated_bytes + p.hole_bytes > 0
		THEN round(1.0 * p.hole_bytes / (p.allocated_bytes + p.hole_bytes), 6) END AS fragmentation,
	p.populated_pages, p.empty_pages
FROM percpu_stats p JOIN samples s USING (sample_id);

-- Caches as the last sample that looked at them found them.
CREATE VIEW v_caches AS
SELECT r.run_id, c.cache, c.object_size, c.size, c.objs_per_slab, c."order", c.live_objs, c.active_objs,
	c.total_objs, c.slabs, c.slab_pages * r.page_size AS slab_bytes, c.waste_bytes,
	CASE WHEN c.slab_pages > 0 THEN round(1.0 * c.waste_bytes / (c.slab_pages * r.page_size), 4) END AS waste_share,
	c.partial, c.cpu_slabs, c.aliases, c.allocs, c.frees, c.grown, c.discarded, c.sample_id
FROM runs r JOIN cache_stats c ON c.sample_id = (SELECT s.sample_id FROM samples s
	WHERE s.run_id = r.run_id AND EXISTS (SELECT 1 FROM cache_stats k WHERE k.sample_id = s.sample_id)
	ORDER BY s.sample_id DESC LIMIT 1);

-- One row per run: what was set, as JSON, and what came of it. Free memory, slabs and waste are those of the last sample;
-- _lowest and _worst are over all samples. An unusable index is the worst zone's, for blocks of order 3 or 9. failed: allocations that
-- got no memory, without what op_stats has of other calls that failed; violations: all, also beyond those that are listed.
CREATE VIEW v_sweep AS
SELECT r.run_id, r.trace, r.machine,
	(SELECT json_group_object(key, value) FROM (SELECT key, value FROM run_params p WHERE p.run_id = r.run_id ORDER BY key)) AS params,
	r.seed, r.status, r.events,
	(SELECT sum(value) FROM counters c WHERE c.run_id = r.run_id AND mechanism = 'replay'
		AND name IN ('failed_allocations', 'failed_as_recorded')) AS failed, o.sleeps,
	s.free_bytes / r.page_size AS free_pages,
	(SELECT min(free_bytes) FROM samples l WHERE l.run_id = r.run_id) / r.page_size AS free_pages_lowest,
	f.unusable_3, f.unusable_3_worst, f.unusable_9, f.unusable_9_worst,
	s.slab_bytes / r.page_size AS slab_pages, s.slab_waste_bytes, s.kmalloc_waste_bytes,
	(SELECT sum(count) FROM extfrag_events e WHERE e.run_id = r.run_id) AS extfrag_events,
	(SELECT sum(value) FROM counters c WHERE c.run_id = r.run_id AND mechanism = 'page_alloc'
		AND name IN ('pgsteal_kswapd', 'pgsteal_direct')) AS reclaimed_pages,
	(SELECT value FROM counters c WHERE c.run_id = r.run_id AND mechanism = 'page_alloc' AND name = 'numa_miss') AS numa_misses,
	o.lat_mean_ns, o.kmalloc_p99_ns, o.kmem_cache_alloc_p99_ns, o.alloc_pages_p99_ns, o.lat_p99_worst_op_ns, o.lat_max_ns,
	(SELECT coalesce(sum(n), 0) FROM (SELECT coalesce((SELECT value FROM counters c WHERE c.run_id = v.run_id
			AND mechanism = 'violations' AND name = rule || ' ' || severity), count(*)) AS n
		FROM violations v WHERE v.run_id = r.run_id GROUP BY rule, severity)) AS violations,
	r.sim_ns, r.wall_ns, r.fingerprint
FROM runs r
LEFT JOIN samples s ON s.sample_id = (SELECT max(sample_id) FROM samples l WHERE l.run_id = r.run_id)
LEFT JOIN (SELECT run_id, sum(sleeps) AS sleeps,
		CASE WHEN sum(count) > 0 THEN CAST(sum(1.0 * lat_mean_ns * count) / sum(count) AS INTEGER) END AS lat_mean_ns,
		max(lat_p99_ns) FILTER (WHERE op = 'kmalloc') AS kmalloc_p99_ns,
		max(lat_p99_ns) FILTER (WHERE op = 'kmem_cache_alloc') AS kmem_cache_alloc_p99_ns,
		max(lat_p99_ns) FILTER (WHERE op = 'alloc_pages') AS alloc_pages_p99_ns,
		max(lat_p99_ns) AS lat_p99_worst_op_ns, max(lat_max_ns) AS lat_max_ns
	FROM op_stats GROUP BY run_id) o ON o.run_id = r.run_id
LEFT JOIN (SELECT s.run_id,
		max(unusable_index) FILTER (WHERE "order" = 3 AND sample_id = last) AS unusable_3,
		max(unusable_index) FILTER (WHERE "order" = 3) AS unusable_3_worst,
		max(unusable_index) FILTER (WHERE "order" = 9 AND sample_id = last) AS unusable_9,
		max(unusable_index) FILTER (WHERE "order" = 9) AS unusable_9_worst
	FROM (SELECT run_id, sample_id, max(sample_id) OVER (PARTITION BY run_id) AS last FROM samples) s
		JOIN frag_samples f USING (sample_id)
	WHERE "order" IN (3, 9) GROUP BY s.run_id) f ON f.run_id = r.run_id;

-- Call sites by what they keep and by what rounding up costs them.
CREATE VIEW v_worst_call_sites AS
SELECT run_id, call_site, op, count, failed, live, live_bytes, bytes_alloc - bytes_req AS waste_bytes,
	CASE WHEN bytes_alloc > 0 THEN round(1 - 1.0 * bytes_req / bytes_alloc, 4) END AS waste_share,
	lifetime_mean_ns, lat_mean_ns, lat_max_ns
FROM call_sites
ORDER BY run_id, live_bytes DESC, waste_bytes DESC, call_site, op;
