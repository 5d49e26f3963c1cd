#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/saved_state.h"
#include "tests/configs/captures.h"

static struct state *read_state(const char *dir, FILE *notes)
{
	struct state *state;
	struct err err = { 0 };

	cr_assert_eq(saved_state_read(&state, dir, notes, &err), 0, "%s", err.text);
	cr_assert_eq(saved_state_check(state, &err), 0, "%s", err.text);
	return state;
}

static const struct state_cache *cache_named(const struct state *state, const char *name)
{
	for (size_t i = 0; i < state->nr_caches; i++) {
		if (!strcmp(state->caches[i].name, name))
			return &state->caches[i];
	}
	return NULL;
}

/* buddyinfo was printed first of all and equals the dump. */
static void compare_with_buddyinfo(const struct state *state, const char *dir)
{
	char path[4400], line[512];
	size_t zone = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/buddyinfo", dir);
	file = fopen(path, "r");
	while (file && state->exact_blocks && fgets(line, sizeof(line), file)) {
		char *at = strstr(line, "zone") + 13;

		for (unsigned int order = 0; order <= 10; order++) {
			uint64_t want = strtoull(at, &at, 10), have = 0;

			for (size_t i = 0; i < state->nr_blocks; i++)
				have += state->blocks[i].zone == zone && state->blocks[i].order == order;
			cr_assert_eq(have, want, "%s zone %zu order %u: %" PRIu64 " blocks, buddyinfo has %" PRIu64,
				dir, zone, order, have, want);
		}
		zone++;
	}
	if (file)
		fclose(file);
	cr_assert(!zone || zone == state->nr_zones, "%s", dir);
}

/* slabinfo was printed a moment later: a few slabs came in between. Return: how many caches differ. */
static uint32_t compare_with_slabinfo(const struct state *state, const char *dir)
{
	char path[4400], line[512], name[64];
	uint64_t active, objects, size;
	uint32_t differ = 0, nr = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/slabinfo", dir);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		const struct state_cache *cache;

		if (line[0] == '#' ||
			sscanf(line, "%63s %" SCNu64 " %" SCNu64 " %" SCNu64, name, &active, &objects, &size) != 4)
			continue;
		cache = cache_named(state, name);
		cr_assert_not_null(cache, "%s: %s", dir, name);
		cr_assert_eq(cache->size, size, "%s: %s", dir, name);
		cr_assert_eq(cache->active_objs, active, "%s: %s", dir, name);
		differ += cache->objects != objects;
		nr++;
	}
	if (file)
		fclose(file);
	cr_assert(!file || nr == state->nr_caches, "%s: %" PRIu32 " caches in slabinfo, %zu read", dir, nr,
		state->nr_caches);
	return differ;
}

Test(saved_state, every_snapshot_of_every_capture_is_read_and_agrees_with_what_the_kernel_printed)
{
	uint32_t snapshots = 0, differ = 0;

	for (size_t i = 0; i < NR_CAPTURES; i++) {
		char path[4096], dir[4352], **names;
		struct err err;
		size_t nr;

		if (!snapshots_of(captures[i], path, sizeof(path)))
			cr_skip_test("the captures are not beside the project");
		cr_assert_eq(saved_state_list(path, &names, &nr, &err), 0, "%s", err.text);
		for (size_t k = 0; k < nr; k++, snapshots++) {
			struct state *state;

			snprintf(dir, sizeof(dir), "%s/%s", path, names[k]);
			state = read_state(dir, NULL);
			compare_with_buddyinfo(state, dir);
			differ += compare_with_slabinfo(state, dir);
			saved_state_free(state);
			free(names[k]);
		}
		free(names);
	}
	cr_assert_eq(snapshots, 52);
	cr_assert_leq(differ, 4, "%" PRIu32 " caches have other objects than slabinfo, 4 had grown when it was printed",
		differ);
}

/* memory/ of A-boot-256m after boot, seen by eye: first lines of pcp.csv, caches.csv and cpu_slabs.csv. */
Test(saved_state, lists_keep_the_order_of_the_kernel)
{
	static const uint16_t random_seq[] = { 6, 14, 20, 12, 0, 2, 3, 1 }, freelist[] = { 2, 3, 1, 8, 18, 17, 5, 16 };
	const struct state_cache *bio;
	const struct state_slab *slab = NULL;
	char path[4096], dir[4352];
	struct state *state;

	if (!snapshots_of("A-boot-256m", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	snprintf(dir, sizeof(dir), "%s/1-after-boot", path);
	state = read_state(dir, NULL);
	bio = cache_named(state, "bio-128");
	cr_assert(state->exact_blocks && state->exact_slabs);
	cr_assert_eq(state->entries[0], 659877);
	cr_assert_eq(state->pcp[0].pfn, 34666);
	cr_assert_eq(state->pcp[3].pfn, 34474);
	cr_assert_eq(state->zones[1].lowmem_reserve[ZONE_DMA], 0);
	cr_assert_eq(state->zones[0].lowmem_reserve[ZONE_MOVABLE], 186);
	cr_assert_eq(bio->size, 192);
	cr_assert_eq(bio->nr_random_seq, 21);
	cr_assert_arr_eq(bio->random_seq, random_seq, sizeof(random_seq));
	for (size_t i = 0; i < state->nr_slabs; i++) {
		if (state->slabs[i].pfn == 34553)
			slab = &state->slabs[i];
	}
	cr_assert_not_null(slab);
	cr_assert_eq(slab->place, STATE_SLAB_CPU);
	cr_assert_eq(slab->cpu, 0);
	cr_assert_eq(slab->nr_cpu_freelist, 17);
	cr_assert_arr_eq(slab->cpu_freelist, freelist, sizeof(freelist));
	saved_state_free(state);
}

/* cpu_slabs.csv of F-numa after the workload: "PING,2,,,59680 59676 59672", the first is taken first. */
Test(saved_state, partial_slabs_of_a_cpu_stand_top_first)
{
	static const uint64_t pfns[] = { 59680, 59676, 59672 };
	char path[4096], dir[4352];
	struct state *state;
	size_t n = 0;

	if (!snapshots_of("F-numa", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	snprintf(dir, sizeof(dir), "%s/2-after-workload", path);
	state = read_state(dir, NULL);
	for (size_t i = 0; i < state->nr_slabs; i++) {
		const struct state_slab *slab = &state->slabs[i];

		if (strcmp(state->caches[slab->cache].name, "PING") != 0 || slab->place != STATE_SLAB_CPU_PARTIAL ||
			slab->cpu != 2)
			continue;
		cr_assert_lt(n, 3);
		cr_assert_eq(slab->pfn, pfns[n++]);
	}
	cr_assert_eq(n, 3);
	cr_assert_eq(state->nr_zones, 3);
	cr_assert_eq(state->zones[2].node, 1);
	saved_state_free(state);
}

Test(saved_state, without_cpu_slabs_the_slabs_are_not_exact_and_a_note_says_so)
{
	char path[4096], dir[4352], notes[4096] = "";
	FILE *out = fmemopen(notes, sizeof(notes), "w");
	struct state *state;

	if (!snapshots_of("J-whatif/cpus-4", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	snprintf(dir, sizeof(dir), "%s/2-after-workload", path);
	state = read_state(dir, out);
	fclose(out);
	cr_assert(state->exact_blocks);
	cr_assert_not(state->exact_slabs);
	cr_assert_gt(state->nr_slabs, 1000);
	cr_assert_not_null(strstr(notes, "cpu_slabs.csv is missing"));
	cr_assert_not_null(strstr(notes, "pages.csv is missing"));
	saved_state_free(state);
}

static void write_file(const char *folder, const char *name, const char *text, size_t len)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	cr_assert_not_null(file, "%s", path);
	fwrite(text, 1, len, file);
	fclose(file);
}

static void make_folder(char *folder)
{
	snprintf(folder, 64, "/tmp/kmemsim-saved-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(const char *folder)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

/* The kernel's own files of a snapshot, without the dump. */
static void copy_text(const char *snapshot, const char *folder, const char *const *names)
{
	char command[8192];

	for (size_t i = 0; names[i]; i++) {
		snprintf(command, sizeof(command), "cp %s/%s %s/%s", snapshot, names[i], folder, names[i]);
		cr_assert_eq(system(command), 0);
	}
}

static void expect_same_zones(const struct state *text, const struct state *dump)
{
	cr_assert_eq(text->nr_zones, dump->nr_zones);
	for (size_t i = 0; i < text->nr_zones; i++) {
		const struct state_zone *a = &text->zones[i], *b = &dump->zones[i];

		cr_assert(a->node == b->node && a->type == b->type && a->start_pfn == b->start_pfn &&
			a->spanned == b->spanned && a->present == b->present && a->managed == b->managed);
		cr_assert(a->min == b->min && a->low == b->low && a->high == b->high && a->boost == b->boost,
			"zone %zu: %" PRIu64 " %" PRIu64 " %" PRIu64 " + %" PRIu64, i, a->min, a->low, a->high, a->boost);
		cr_assert_arr_eq(a->lowmem_reserve, b->lowmem_reserve, sizeof(a->lowmem_reserve));
		cr_assert(a->pcp_high == b->pcp_high && a->pcp_batch == b->pcp_batch && a->highatomic == b->highatomic);
	}
}

static void expect_same_caches(const struct state *text, const struct state *dump)
{
	cr_assert_eq(text->nr_caches, dump->nr_caches);
	for (size_t i = 0; i < text->nr_caches; i++) {
		const struct state_cache *a = &text->caches[i], *b = cache_named(dump, a->name);

		cr_assert_not_null(b, "%s", a->name);
		cr_assert(a->object_size == b->object_size && a->size == b->size && a->order == b->order &&
			a->objs_per_slab == b->objs_per_slab && a->min_partial == b->min_partial &&
			a->cpu_partial == b->cpu_partial && a->ctor == b->ctor, "%s", a->name);
		cr_assert_eq(a->active_objs, b->active_objs, "%s", a->name);
		cr_assert(a->no_merge || !b->no_merge, "%s", a->name);
	}
}

/*
 * Pages and slabs that CPUs keep: the text was printed a moment after the
 * dump, and printing it takes some of them or adds a slab to a stack.
 */
static void expect_like_what_cpus_keep(const struct state *text, const struct state *dump)
{
	uint64_t pages = 0, slabs = 0, text_pages = 0, text_slabs = 0;

	for (size_t i = 0; i < dump->nr_pcp; i++)
		pages += 1u << dump->pcp[i].order;
	for (size_t i = 0; i < dump->nr_slabs; i++)
		slabs += dump->slabs[i].place == STATE_SLAB_CPU || dump->slabs[i].place == STATE_SLAB_CPU_PARTIAL;
	for (size_t i = 0; i < text->nr_zones; i++)
		for (size_t cpu = 0; cpu < MACHINE_MAX_CPUS; cpu++)
			text_pages += text->pcp_counts[i][cpu];
	for (size_t i = 0; i < text->nr_caches; i++)
		text_slabs += text->caches[i].cpu_slabs;
	cr_expect(text_pages + 64 > pages && text_pages < pages + 64, "%" PRIu64 " pages, %" PRIu64, text_pages, pages);
	cr_expect(text_slabs * 10 > slabs * 9 && text_slabs * 9 < slabs * 10, "%" PRIu64 " slabs, %" PRIu64, text_slabs,
		slabs);
}

/* D after the workload has a boosted watermark and an atomic reserve; F has two nodes. */
Test(saved_state, text_files_alone_give_the_zones_and_caches_of_the_dump)
{
	static const char *const names[] = { "zoneinfo", "pagetypeinfo", "slabinfo", "slab_sysfs.tsv", "vmstat", NULL };
	static const char *const from[] = { "D-pressure", "F-numa", "A-boot-256m" };

	for (size_t i = 0; i < 3; i++) {
		char path[4096], dir[4352], folder[64];
		struct state *text, *dump;

		if (!snapshots_of(from[i], path, sizeof(path)))
			cr_skip_test("the captures are not beside the project");
		snprintf(dir, sizeof(dir), "%s/2-after-workload", path);
		make_folder(folder);
		copy_text(dir, folder, names);
		text = read_state(folder, NULL);
		dump = read_state(dir, NULL);
		cr_assert_not(text->exact_blocks || text->exact_slabs);
		expect_same_zones(text, dump);
		expect_same_caches(text, dump);
		expect_like_what_cpus_keep(text, dump);
		/* The table is read beside the dump, too: 23 files of each cache, six of which count its objects. */
		cr_assert_eq(memcmp(&text->slab_table, &dump->slab_table, sizeof(text->slab_table)), 0);
		cr_expect_eq(text->slab_table.files, 23);
		cr_expect_eq(text->slab_table.counted, 6);
		cr_expect_geq(text->slab_table.dirs, text->nr_caches);
		cr_expect_gt(text->slab_table.links, 50);
		cr_assert_eq(text->nr_vmstat, dump->nr_vmstat);
		cr_assert_arr_eq(text->block_counts, dump->block_counts, text->nr_zones * sizeof(*text->block_counts));
		saved_state_free(text);
		saved_state_free(dump);
		remove_folder(folder);
	}
}

Test(saved_state, pagetypeinfo_of_a_32_bit_machine_counts_blocks_by_type_and_order)
{
	char path[4096], dir[4352];
	struct state *state;

	if (!snapshots_of("I-highmem-32bit", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	snprintf(dir, sizeof(dir), "%s/1-after-boot", path);
	state = read_state(dir, NULL);
	cr_assert_eq(state->nr_zones, 3);
	cr_assert_eq(state->zones[2].type, ZONE_HIGHMEM);
	cr_assert_eq(state->block_counts[2][1][10], 288);
	cr_assert_eq(state->block_counts[1][2][4], 1);
	cr_assert_eq(state->pageblocks[1][0], 40);
	cr_assert_eq(state->pageblocks[2][1], 581);
	saved_state_free(state);
}

/* A zone of 1024 pages, 36 of them free: one block of 32 pages, two of 2. */
static const struct file { const char *name, *text;
} small[] = {
	{ "zones.csv",
		"node,zone,start_pfn,spanned,present,managed,wmark_min,wmark_low,wmark_high,watermark_boost,lowmem_reserve,pcp_high,"
		"pcp_batch,nr_reserved_highatomic,free_pages\n0,DMA32,4096,1024,1024,1000,10,12,14,0,0 0 0 0 0,7,1,0,36\n" },
	{ "buddy_free.csv",
		"node,zone,order,migratetype,pos,pfn\n0,DMA32,1,Movable,1,4098\n0,DMA32,1,Movable,0,4102\n0,DMA32,5,Unmovable,0,4128\n" },
	{ "pcp.csv",
		"node,zone,cpu,list,order,migratetype,pos,pfn\n0,DMA32,0,0,0,Unmovable,0,4096\n0,DMA32,0,1,0,Movable,0,4097\n" },
	{ "caches.csv",
		"name,object_size,size,inuse,align,offset,flags,oo_order,oo_objects,min_order,min_objects,min_partial,cpu_partial,"
		"refcount,ctor,usersize,nodes_nr_slabs,nodes_total_objects,random_seq\n"
		"a,1000,1024,1000,8,504,0x2000,0,4,0,4,5,6,1,0x0,0,3,12,2048 0 1024 3072\n"
		"b,2048,2048,2048,8,1024,0x0,0,2,0,2,5,6,1,0xffffffff81000000,0,1,2,\n" },
	{ "slabs.csv",
		"pfn,order,cache,objects,inuse,frozen,place,freelist_indices\n4104,0,a,4,4,1,cpu0,\n4105,0,a,4,1,1,cpu0_partial,2 0 3\n"
		"4106,0,b,2,2,0,full,\n4107,0,a,4,3,0,node0_partial:0,1\n" },
	{ "cpu_slabs.csv", "cache,cpu,slab_pfn,lockless_freelist_indices,percpu_partial_pfns\na,0,4104,3 1,4105\n" },
	{ "pages.csv",
		"first_pfn,pages,kind,detail\n4096,2,pcp,\n4098,2,buddy,\n4100,2,kernel,\n4102,2,buddy,\n4104,4,slab,\n"
		"4108,20,anon,\n4128,32,buddy,\n" },
	{ "trace_entries.csv", "cpu,entries,overrun,dropped\n0,77,0,0\n" },
	{ "pagetypeinfo",
		"Page block order: 9\nPages per block:  512\n\nFree pages count per migrate type at order       0      1\n"
		"Node    0, zone    DMA32, type      Movable      0      2\nNode    0, zone    DMA32, type   HighAtomic      0      0\n\n"
		"Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic\n"
		"Node 0, zone    DMA32            1            1            0            0\n" },
	{ "vmstat", "pgfree 12\n" },
};
#define NR_SMALL (sizeof(small) / sizeof(small[0]))

static void write_small(const char *folder)
{
	for (size_t i = 0; i < NR_SMALL; i++)
		write_file(folder, small[i].name, small[i].text, strlen(small[i].text));
}

Test(saved_state, folder_that_holds_the_dump_itself_is_read)
{
	char folder[64];
	struct state *state;

	make_folder(folder);
	write_small(folder);
	state = read_state(folder, NULL);
	cr_assert_eq(state->nr_blocks, 3);
	cr_assert_eq(state->blocks[0].pfn, 4102, "head of the list, though not first in the file");
	cr_assert_eq(state->blocks[1].pfn, 4098);
	cr_assert_eq(state->blocks[2].pfn, 4128);
	cr_assert_eq(state->caches[0].flags, 0x2000);
	cr_assert_not(state->caches[0].no_merge);
	cr_assert(state->caches[1].ctor && state->caches[1].no_merge);
	saved_state_free(state);
	remove_folder(folder);
}

/* What is replaced in which file, and what the message says. */
static const struct damage { const char *file, *old, *new, *message; } damages[] = {
	{ "zones.csv", "1000,10", "1000,ten", "zones.csv:2: wmark_min: expected a number up to" },
	{ "zones.csv", ",managed", ",managing", "zones.csv:1: column managed is missing" },
	{ "zones.csv", "1024,1000", "1024,2000", "zones.csv:2: managed: expected at most the 1024 pages present" },
	{ "zones.csv", "0,DMA32", "0,DMA31", "zones.csv:2: zone: expected DMA, DMA32" },
	{ "zones.csv", "4096", "99999999999999999999",
		"zones.csv:2: start_pfn: expected a number up to 1099511627776" },
	{ "zones.csv", ",36\n", ",36", "zones.csv:2: the last line is cut off" },
	{ "buddy_free.csv", "0,DMA32,5", "1,DMA32,5", "buddy_free.csv:4: zone: expected a zone that node 1 has" },
	{ "buddy_free.csv", "Unmovable", "Immovable", "buddy_free.csv:4: migratetype: expected Unmovable" },
	{ "buddy_free.csv", "4128", "4129", "buddy_free.csv:4: pfn: expected a multiple of 2^5, found '4129'" },
	{ "buddy_free.csv", "4128", "8192", "buddy_free.csv:4: pfn: expected a block within zone DMA32 of node 0" },
	{ "buddy_free.csv", "0,DMA32,5", "0,DMA32,64", "buddy_free.csv:4: order: expected a number up to 15" },
	{ "buddy_free.csv", "1,Movable,0", "1,Movable,2", "buddy_free.csv:2: pos: found 1, but position 0" },
	{ "buddy_free.csv", "Movable,1,4098", "Movable,4098", "buddy_free.csv:2: 5 fields, expected 6" },
	{ "pcp.csv", "DMA32,0,1", "DMA32,0,14", "pcp.csv:3: list: expected a number up to 13" },
	{ "caches.csv", "0x2000", "0x", "caches.csv:2: flags: expected a number" },
	{ "caches.csv", "2048 0 1024", "2048 0 1025",
		"caches.csv:2: random_seq: expected at most 4 numbers, multiples of 1024" },
	{ "caches.csv", "2048 0 1024", "2048 0 9999", "caches.csv:2: random_seq: expected numbers up to 3072" },
	{ "slabs.csv", "4106,0,b", "4106,0,c", "slabs.csv:4: cache: expected a cache of caches.csv, found 'c'" },
	{ "slabs.csv", "cpu0_partial", "cpu0_part", "slabs.csv:3: place: expected cpuN" },
	{ "slabs.csv", "node0_partial:0", "node1_partial:0", "slabs.csv:5: place: expected the list of node 0" },
	{ "slabs.csv", "2 0 3", "2 0", "slabs.csv:3: freelist_indices: expected 3 free objects" },
	{ "slabs.csv", "2 0 3", "2 0 4", "slabs.csv:3: freelist_indices: expected numbers up to 3" },
	{ "slabs.csv", "a,4,4", "a,4,5", "slabs.csv:2: inuse: expected at most objects, 4" },
	{ "cpu_slabs.csv", "4104,3", "4105,3", "cpu_slabs.csv:2: slab_pfn: expected pfn 4105 in slabs.csv as cpu0 of" },
	{ "cpu_slabs.csv", "4105\n", "4107\n",
		"cpu_slabs.csv:2: percpu_partial_pfns: expected pfn 4107 in slabs.csv as cpu0_partial" },
	{ "pages.csv", "4102,2", "4098,2", "pages.csv:5: first_pfn: expected ascending runs, from 4102 on" },
	{ "trace_entries.csv", "0,77", "5000,77", "trace_entries.csv:2: cpu: expected a number up to 1023" },
	{ "pagetypeinfo", "1            1 ", "1            x ", "pagetypeinfo:9: expected a number of pageblocks" },
	{ "vmstat", "12", "twelve", "vmstat:1: expected the name of a counter and its value" },
	/* What only the parts together show. */
	{ "zones.csv", ",36\n", ",37\n", "2: blocks of node 0 zone DMA32 have 36 pages, free_pages is 37" },
	{ "pcp.csv", "0,1,0,Movable", "0,1,1,Movable", "pcp.csv:3: pfn: expected a multiple of 2^1" },
	{ "pcp.csv", "0,1,0,Movable", "0,4,0,Movable", "3: pcp block of order 0 at pfn 4097 on list 4" },
	{ "pcp.csv", "4097", "4099", "4: two of free blocks, pcp blocks and slabs have pfn 4099" },
	{ "cpu_slabs.csv", "3 1", "3 3", "5: slab of a at pfn 4104: an object stands twice" },
	{ "caches.csv", "3,12,2048", "4,16,2048", "6: cache a says 4 slabs with 16 objects, there are 3 with 12" },
	{ "pages.csv", "4104,4,slab", "4104,4,anon", "7: pages 4104..4104" },
	{ "pages.csv", "4104,4,slab", "4104,3,slab", "7: pages 4107..4107" },
};

/* Return: whether the folder is read and agrees with itself. */
static bool is_sound(const char *folder, struct err *err)
{
	struct state *state;
	bool sound;

	*err = (struct err){ 0 };
	if (saved_state_read(&state, folder, NULL, err) < 0)
		return false;
	sound = saved_state_check(state, err) == 0;
	saved_state_free(state);
	return sound;
}

static const char *text_of(const char *name)
{
	for (size_t i = 0; i < NR_SMALL; i++) {
		if (!strcmp(small[i].name, name))
			return small[i].text;
	}
	return NULL;
}

Test(saved_state, what_is_wrong_is_told_by_file_line_column_and_what_was_expected)
{
	char folder[64];
	struct err err;

	make_folder(folder);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		const char *text = text_of(d->file), *at = strstr(text, d->old);
		char damaged[2048];

		write_small(folder);
		cr_assert_not_null(at, "%s has no %s", d->file, d->old);
		snprintf(damaged, sizeof(damaged), "%.*s%s%s", (int)(at - text), text, d->new, at + strlen(d->old));
		write_file(folder, d->file, damaged, strlen(damaged));
		cr_assert_not(is_sound(folder, &err), "%s with %s", d->file, d->new);
		cr_assert_eq(err.code, ERR_CONFIG);
		cr_assert_not_null(strstr(err.text, d->message), "%s with %s: %s", d->file, d->new, err.text);
	}
	remove_folder(folder);
}

Test(saved_state, zones_that_overlap_are_found)
{
	struct state_zone zones[2] = { { .type = ZONE_DMA, .start_pfn = 1, .spanned = 4096, .present = 1 },
		{ .type = ZONE_DMA32, .start_pfn = 4096, .spanned = 100, .present = 100 } };
	struct state state = { .source = "s", .zones = zones, .nr_zones = 2 };
	struct err err = { 0 };

	cr_assert_lt(saved_state_check(&state, &err), 0);
	cr_assert_str_eq(err.text, "s: 1: zones DMA and DMA32 of node 0 overlap");
	zones[0].spanned = 4095;
	cr_assert_eq(saved_state_check(&state, &err), 0);
}

/* Cut at every byte, and so at every line, each file gives an error that names it, or a state that can be looked at. */
Test(saved_state, file_cut_anywhere_is_an_error_or_a_state)
{
	char folder[64];
	uint32_t refused = 0, cuts = 0;
	struct err err;

	make_folder(folder);
	write_small(folder);
	for (size_t i = 0; i < NR_SMALL; i++) {
		for (size_t len = 0; len < strlen(small[i].text); len++, cuts++) {
			write_file(folder, small[i].name, small[i].text, len);
			if (is_sound(folder, &err))
				continue;
			refused++;
			cr_assert(err.code == ERR_CONFIG && err.text[0], "%s cut to %zu bytes", small[i].name, len);
		}
		write_file(folder, small[i].name, small[i].text, strlen(small[i].text));
	}
	cr_assert(is_sound(folder, &err), "%s", err.text);
	cr_assert_gt(refused, cuts * 7 / 10, "%" PRIu32 " of %" PRIu32 " cuts were seen", refused, cuts);
	remove_folder(folder);
}

Test(saved_state, packed_file_cut_or_damaged_is_an_error_that_names_it)
{
	char path[4096], dir[4352], from[4480], folder[64], *bytes = malloc(1 << 20);
	struct err err;
	size_t len;
	FILE *file;

	if (!snapshots_of("A-boot-256m", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	snprintf(dir, sizeof(dir), "%s/1-after-boot/memory", path);
	snprintf(from, sizeof(from), "%s/caches.csv.xz", dir);
	file = fopen(from, "r");
	len = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	make_folder(folder);
	copy_text(dir, folder, (const char *const[]){ "zones.csv", "buddy_free.csv", NULL });
	for (size_t cut = 0; cut < len; cut += len / 20) {
		write_file(folder, "caches.csv.xz", bytes, cut);
		cr_assert_not(is_sound(folder, &err));
		cr_assert_not_null(strstr(err.text, "caches.csv.xz: "), "%s", err.text);
	}
	bytes[len / 2] ^= 0x10;
	write_file(folder, "caches.csv.xz", bytes, len);
	cr_assert_not(is_sound(folder, &err));
	cr_assert_not_null(strstr(err.text, "caches.csv.xz: damaged"), "%s", err.text);
	remove_folder(folder);
	free(bytes);
}

static const char text_zone[] = "Node 0, zone    DMA32\n  pages free     36\n        boost    4\n        min      14\n"
				"        low      16\n        high     18\n        spanned  1024\n        present  1024\n"
				"        managed  1000\n        protection: (0, 0, 5, 6)\n  pagesets\n    cpu: 0\n"
				"              count: 3\n              high:  7\n              batch: 1\n  start_pfn:           4096\n";

Test(saved_state, buddyinfo_alone_makes_all_free_blocks_movable_and_says_so)
{
	static const char buddyinfo[] = "Node 0, zone    DMA32      0      2      0      0      0      1\n";
	char folder[64], notes[4096] = "";
	FILE *out = fmemopen(notes, sizeof(notes), "w");
	struct state *state;

	make_folder(folder);
	write_file(folder, "zoneinfo", text_zone, strlen(text_zone));
	write_file(folder, "buddyinfo", buddyinfo, strlen(buddyinfo));
	state = read_state(folder, out);
	fclose(out);
	cr_assert_eq(state->zones[0].min, 10, "without the boost that the kernel prints with it");
	cr_assert_eq(state->zones[0].pcp_high, 7);
	cr_assert_eq(state->block_counts[0][1][1], 2);
	cr_assert_eq(state->block_counts[0][1][5], 1);
	cr_assert_null(state->pageblocks);
	cr_assert_not_null(strstr(notes, "all free blocks of buddyinfo are taken as Movable"));
	cr_assert_not_null(strstr(notes, "slab caches are not known"));
	saved_state_free(state);
	remove_folder(folder);
}

/* From 6.7 on a CPU's list grows and shrinks between two bounds; what the settings give is the lower one. */
Test(saved_state, the_limit_of_a_cpus_list_is_its_lower_bound)
{
	static const char tuned[] =
		"              high_min: 5\n              high_max: 90\n  start_pfn:           4096\n";
	char folder[64], zoneinfo[1024];
	struct state *state;

	snprintf(zoneinfo, sizeof(zoneinfo), "%.*s%s", (int)(strstr(text_zone, "  start_pfn") - text_zone), text_zone,
		tuned);
	make_folder(folder);
	write_file(folder, "zoneinfo", zoneinfo, strlen(zoneinfo));
	state = read_state(folder, NULL);
	cr_expect_eq(state->zones[0].pcp_high, 5);
	cr_expect_eq(state->zones[0].high, 14, "a zone's own high is another one");
	saved_state_free(state);
	remove_folder(folder);
}

static struct state *read_two(const char *name, const char *text, const char *name2, const char *text2)
{
	static const char buddyinfo[] = "Node 0, zone    DMA32      0      2      0      0      0      1\n";
	struct state *state;
	char folder[64];

	make_folder(folder);
	write_file(folder, "buddyinfo", buddyinfo, strlen(buddyinfo));
	write_file(folder, name, text, strlen(text));
	if (name2)
		write_file(folder, name2, text2, strlen(text2));
	state = read_state(folder, NULL);
	remove_folder(folder);
	return state;
}

static void expect_lru(const struct state *state, enum state_lru_told told, const uint64_t *lru, uint64_t ia,
	uint64_t aa, uint64_t inf, uint64_t af, uint64_t un)
{
	const uint64_t want[NR_STATE_LRU] = { ia, aa, inf, af, un };

	cr_assert_eq(state->lru_told, told);
	cr_expect_arr_eq(lru, want, sizeof(want));
}

/* zoneinfo knows best, then vmstat, then meminfo; a node's own counts in zoneinfo are not those of its first zone. */
Test(saved_state, lru_lists_are_counted_by_zone_or_in_all)
{
	static const char vmstat[] =
		"nr_free_pages 36\nnr_inactive_anon 1\nnr_active_anon 2\nnr_inactive_file 3\nnr_active_file 4\nnr_unevictable 5\n";
	static const char meminfo[] =
		"Active(anon):         24 kB\nInactive(anon):       28 kB\nActive(file):         32 kB\n"
		"Inactive(file):       36 kB\nUnevictable:          40 kB\nSwapTotal:          1024 kB\nSwapFree:           1000 kB\n";
	char zoneinfo[2048];
	struct state *state;

	snprintf(zoneinfo, sizeof(zoneinfo),
		"Node 0, zone    DMA32\n  per-node stats\n      nr_inactive_anon 99\n      nr_unevictable 98\n%s",
		strchr(text_zone, '\n') + 1);
	state = read_two("zoneinfo", zoneinfo, "vmstat", vmstat);
	expect_lru(state, STATE_LRU_IN_PAGES, state->lru, 1, 2, 3, 4, 5);
	saved_state_free(state);
	snprintf(zoneinfo, sizeof(zoneinfo),
		"Node 0, zone    DMA32\n      nr_zone_inactive_anon 11\n      nr_zone_active_anon 12\n"
		"      nr_zone_inactive_file 13\n      nr_zone_active_file 14\n      nr_zone_unevictable 15\n%s",
		strchr(text_zone, '\n') + 1);
	state = read_two("zoneinfo", zoneinfo, "vmstat", vmstat);
	expect_lru(state, STATE_LRU_BY_ZONE, state->zones[0].lru, 11, 12, 13, 14, 15);
	cr_expect_eq(state->zones[0].min, 10, "the zone's other numbers are read all the same");
	saved_state_free(state);
	state = read_two("meminfo", meminfo, NULL, NULL);
	expect_lru(state, STATE_LRU_IN_KIB, state->lru, 28, 24, 36, 32, 40);
	cr_expect_eq(state->swap_bytes, 1024 << 10);
	cr_expect_eq(state->swap_used_bytes, 24 << 10);
	saved_state_free(state);
}

/* Shared memory is in Cached, and anonymous to reclaim. */
Test(saved_state, without_counts_of_lru_lists_the_cache_tells)
{
	struct state *state = read_two("meminfo",
		"Buffers:   8 kB\nCached:   100 kB\nAnonPages:   20 kB\nShmem:   16 kB\n", NULL, NULL);

	expect_lru(state, STATE_LRU_IN_KIB, state->lru, 36, 0, 92, 0, 0);
	saved_state_free(state);
	state = read_two("meminfo",
		"Cached:   100 kB\nSwapCached:   4 kB\nAnonPages:   20 kB\nSwapTotal:   8 kB\nSwapFree:   12 kB\n",
		NULL, NULL);
	expect_lru(state, STATE_LRU_IN_KIB, state->lru, 24, 0, 100, 0, 0);
	cr_expect(!state->swap_bytes && !state->swap_used_bytes, "more is free than there is: neither is believed");
	saved_state_free(state);
	state = read_two("vmstat", "nr_free_pages 36\n", NULL, NULL);
	cr_expect_eq(state->lru_told, STATE_LRU_UNKNOWN);
	saved_state_free(state);
}

Test(saved_state, lru_lists_of_a_recorded_machine_are_those_of_its_vmstat)
{
	static const char *const names[NR_STATE_LRU] = { "nr_inactive_anon", "nr_active_anon", "nr_inactive_file",
		"nr_active_file", "nr_unevictable" };
	char path[4096], dir[4352];

	if (!snapshots_of("F-numa", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	snprintf(dir, sizeof(dir), "%s/2-after-workload", path);
	struct state *state = read_state(dir, NULL);

	cr_assert_eq(state->lru_told, STATE_LRU_BY_ZONE);
	for (int list = 0; list < NR_STATE_LRU; list++) {
		uint64_t zones = 0, all = UINT64_MAX;

		for (size_t i = 0; i < state->nr_zones; i++)
			zones += state->zones[i].lru[list];
		for (size_t i = 0; i < state->nr_vmstat; i++)
			if (!strcmp(state->vmstat[i].name, names[list]))
				all = state->vmstat[i].value;
		cr_expect_eq(zones, all, "%s", names[list]);
	}
	saved_state_free(state);
}

Test(saved_state, highatomic_cma_and_isolate_rows_are_counted)
{
	static const char pagetypeinfo[] = "Page block order: 9\nPages per block:  512\n"
		"Node    0, zone    DMA32, type   HighAtomic      3      0\nNode    0, zone    DMA32, type          CMA      0      2\n"
		"Node    0, zone    DMA32, type      Isolate >100000      1\n"
		"Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate \n"
		"Node 0, zone    DMA32            1            2            3            4            5            6 \n";
	char folder[64];
	struct state *state;

	make_folder(folder);
	write_file(folder, "zoneinfo", text_zone, strlen(text_zone));
	write_file(folder, "pagetypeinfo", pagetypeinfo, strlen(pagetypeinfo));
	state = read_state(folder, NULL);
	cr_assert_eq(state->block_counts[0][3][0], 3);
	cr_assert_eq(state->block_counts[0][4][1], 2);
	cr_assert_eq(state->block_counts[0][5][0], 100000);
	for (uint64_t type = 0; type < 6; type++)
		cr_assert_eq(state->pageblocks[0][type], type + 1);
	cr_assert_eq(state->zones[0].highatomic, 4 * 512);
	saved_state_free(state);
	remove_folder(folder);
}

Test(saved_state, folder_without_zones_is_refused)
{
	char folder[64];
	struct state *state;
	struct err err = { 0 };

	make_folder(folder);
	cr_assert_lt(saved_state_read(&state, folder, NULL, &err), 0);
	cr_assert_not_null(strstr(err.text,
				   "expected a folder with memory/zones.csv, zoneinfo, pagetypeinfo or buddyinfo"),
		"%s", err.text);
	remove_folder(folder);
	cr_assert_lt(saved_state_read(&state, folder, NULL, &err), 0);
	cr_assert_eq(err.code, ERR_IO);
}

Test(saved_state, list_has_the_numbered_snapshots_in_order)
{
	static const char *const want[] = { "0a-trace-start", "0b-events-on", "1-after-boot", "2-after-workload" };
	char path[4096], **names;
	struct err err;
	size_t nr;

	if (!snapshots_of("F-numa", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	cr_assert_eq(saved_state_list(path, &names, &nr, &err), 0, "%s", err.text);
	cr_assert_eq(nr, 4);
	for (size_t i = 0; i < nr; i++) {
		cr_assert_str_eq(names[i], want[i]);
		free(names[i]);
	}
	free(names);
}

Test(saved_state, text_files_of_two_machines_are_told_of)
{
	static const char buddyinfo[] =
		"Node 0, zone    DMA32      0      2      0      0      0      1     0     0     0     0   900\n"
		"Node 1, zone   Normal      1      2      0      0      0      1\n";
	char folder[64], notes[4096] = "";
	FILE *out = fmemopen(notes, sizeof(notes), "w");
	struct state *state;

	make_folder(folder);
	write_file(folder, "zoneinfo", text_zone, strlen(text_zone));
	write_file(folder, "buddyinfo", buddyinfo, strlen(buddyinfo));
	state = read_state(folder, out);
	fclose(out);
	cr_assert_not_null(
		strstr(notes, "buddyinfo and zoneinfo disagree: node 0 zone DMA32 has 921636 pages in free blocks"),
		"%s", notes);
	cr_assert_not_null(strstr(notes, "buddyinfo has node 1 zone Normal, zoneinfo does not"), "%s", notes);
	cr_assert_not_null(strstr(notes, "laid out at random"), "%s", notes);
	saved_state_free(state);
	remove_folder(folder);
}
