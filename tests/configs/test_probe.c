#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/rng.h"
#include "configs/machine_yaml.h"
#include "configs/probe.h"
#include "tests/configs/captures.h"

/* A zone of zoneinfo, in pages. */
struct seen {
	unsigned int node;
	char name[16];
	unsigned long long start, spanned, present, managed, min, low, high;
};

static struct machine *probed(const char *dir)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	struct err err = { 0 };

	cr_assert_eq(probe_machine(machine, dir, NULL, &err), 0, "%s: %s", dir, err.text);
	return machine;
}

static size_t read_zoneinfo(const char *snapshots, struct seen *zones, size_t max)
{
	char path[4300], line[256];
	struct seen *zone = zones;
	size_t nr = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/1-after-boot/zoneinfo", snapshots);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		struct seen next = { 0 };

		if (sscanf(line, "Node %u, zone %15s", &next.node, next.name) == 2 && nr < max) {
			zone = &zones[nr++];
			*zone = next;
		}
		(void)(sscanf(line, " start_pfn: %llu", &zone->start) ||
			sscanf(line, " spanned %llu", &zone->spanned) ||
			sscanf(line, " present %llu", &zone->present) ||
			sscanf(line, " managed %llu", &zone->managed) || sscanf(line, " min %llu", &zone->min) ||
			sscanf(line, " low %llu", &zone->low) || sscanf(line, " high %llu", &zone->high));
	}
	fclose(file);
	return nr;
}

/* The bytes that a zone type may have, as the model will cut RAM into zones. */
static void zone_limits(const struct machine *m, const char *name, uint64_t *low, uint64_t *high)
{
	uint64_t normal = max_u64(m->zones.dma_end, m->zones.dma32_end);

	*low = 0;
	*high = 0;
	if (!strcmp(name, "DMA")) {
		*high = m->zones.dma_end;
	} else if (!strcmp(name, "DMA32")) {
		*low = m->zones.dma_end;
		*high = m->zones.dma32_end;
	} else if (!strcmp(name, "Normal")) {
		*low = normal;
		*high = m->zones.highmem_above;
	} else if (!strcmp(name, "HighMem")) {
		*low = m->zones.highmem_above;
		*high = UINT64_MAX;
	}
}

/* Bytes that @ranges, those of @node only when they are RAM, have in [low, high). */
static uint64_t bytes_in(const struct machine_range *ranges, uint32_t nr, uint64_t low, uint64_t high)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < nr; i++) {
		uint64_t from = max_u64(low, ranges[i].start), to = min_u64(high, ranges[i].start + ranges[i].size);

		bytes += from < to ? to - from : 0;
	}
	return bytes;
}

static void expect_zone(const struct machine *m, const struct seen *zone, const char *what)
{
	uint64_t low, high, start = UINT64_MAX, end = 0, present = 0, reserved = 0, page = m->page_size;

	zone_limits(m, zone->name, &low, &high);
	for (uint32_t i = 0; i < m->nr_ram; i++) {
		uint64_t from = max_u64(low, m->ram[i].start), to = min_u64(high, m->ram[i].start + m->ram[i].size);

		if (m->ram[i].node != zone->node || from >= to)
			continue;
		start = min_u64(start, from);
		end = max_u64(end, to);
		present += to - from;
		reserved += bytes_in(m->reserved, m->nr_reserved, from, to);
	}
	cr_assert_eq(present / page, zone->present, "%s: present %s %u: %" PRIu64, what, zone->name, zone->node,
		present / page);
	cr_assert_eq((present - reserved) / page, zone->managed, "%s: managed %s %u: %" PRIu64, what, zone->name,
		zone->node, (present - reserved) / page);
	if (!present)
		return;
	cr_assert_eq(start / page, zone->start, "%s: start %s", what, zone->name);
	cr_assert_eq((end - start) / page, zone->spanned, "%s: spanned %s", what, zone->name);
}

Test(probe, every_capture_gives_zones_with_the_pages_of_its_kernel, .timeout = 60)
{
	struct seen zones[64];
	char path[4200];

	for (size_t i = 0; i < NR_CAPTURES; i++) {
		struct machine *m;
		size_t nr;

		if (!snapshots_of(captures[i], path, sizeof(path)))
			cr_skip_test("the captures are not beside the project");
		m = probed(path);
		nr = read_zoneinfo(path, zones, 64);
		cr_assert_geq(nr, 4);
		for (size_t j = 0; j < nr; j++)
			expect_zone(m, &zones[j], captures[i]);
		free(m);
	}
}

/*
 * Watermarks as page-allocator.md 6.3 computes them. The kernel of most captures computed them before it freed its
 * init sections and the initial RAM disk (some 12 MiB), so there they differ a little; where a sysctl was written after
 * boot they are equal.
 */
Test(probe, watermarks_from_the_probed_figures_are_the_kernels)
{
	struct seen zones[64];
	char path[4200];

	for (size_t i = 0; i < NR_CAPTURES; i++) {
		bool late = strstr(captures[i], "min-free") || strstr(captures[i], "wmark");
		uint64_t lowmem = 0;
		struct machine *m;
		size_t nr;

		if (!snapshots_of(captures[i], path, sizeof(path)))
			cr_skip_test("the captures are not beside the project");
		m = probed(path);
		nr = read_zoneinfo(path, zones, 64);
		for (size_t j = 0; j < nr; j++)
			lowmem += strcmp(zones[j].name, "HighMem") ? zones[j].managed : 0;
		for (size_t j = 0; j < nr; j++) {
			const struct seen *z = &zones[j];
			uint64_t t = m->page_allocator.min_free_kbytes / 4 * z->managed / lowmem;
			uint64_t d = max_u64(t / 4, z->managed * m->page_allocator.watermark_scale_factor / 10000);
			long long slack = late ? 0 : (long long)z->high / 50 + 6;

			if (!z->managed || !strcmp(z->name, "HighMem"))
				continue;
			cr_assert_leq(llabs((long long)(t - z->min)), slack, "%s %s min %llu", captures[i], z->name,
				z->min);
			cr_assert_leq(llabs((long long)(t + d - z->low)), slack, "%s %s low", captures[i], z->name);
			cr_assert_leq(llabs((long long)(t + 2 * d - z->high)), slack, "%s %s high", captures[i],
				z->name);
		}
		free(m);
	}
}

/* The machine with less memory, foretold from the one with more: 768 MiB to 400 MiB. */
Test(probe, memory_set_on_a_probed_machine_gives_the_managed_pages_of_a_real_one_within_half_a_per_cent)
{
	const char *const sets[] = { "memory=400 MiB" };
	struct machine *large, *small = calloc(1, sizeof(*small));
	struct seen zones[64];
	struct err err = { 0 };
	char path[4200], *yaml;
	uint64_t managed;

	if (!snapshots_of("J-whatif/base", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	large = probed(path);
	yaml = machine_to_yaml(large);
	cr_assert_eq(machine_load_text(small, "base", yaml, strlen(yaml), sets, 1, &err), 0, "%s", err.text);
	snapshots_of("J-whatif/less-memory", path, sizeof(path));
	read_zoneinfo(path, zones, 64);
	managed = 0;
	for (uint32_t i = 0; i < small->nr_ram; i++) {
		uint64_t from = max_u64(small->ram[i].start, 16 << 20), to = small->ram[i].start + small->ram[i].size;

		if (from < to)
			managed += to - from - bytes_in(small->reserved, small->nr_reserved, from, to);
	}
	cr_assert_str_eq(zones[1].name, "DMA32");
	cr_assert_leq(llabs((long long)(managed / 4096 - zones[1].managed)), (long long)zones[1].managed / 200,
		"%" PRIu64 " pages for %llu", managed / 4096, zones[1].managed);
	free(yaml);
	free(large);
	free(small);
}

Test(probe, numa_capture_has_its_nodes_cpus_and_distances)
{
	struct machine *m;
	char path[4200];

	if (!snapshots_of("F-numa", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	m = probed(path);
	cr_assert_str_eq(m->name, "F-numa");
	cr_assert_eq(m->nr_nodes, 2);
	cr_assert_eq(m->cpus, 4);
	cr_assert_eq(m->node_of_cpu[1], 0);
	cr_assert_eq(m->node_of_cpu[2], 1);
	cr_assert_eq(m->distance[1][0], 20);
	cr_assert_eq(m->page_allocator.min_free_kbytes, 32116);
	cr_assert(m->slab.memcg_kmem);
	cr_assert_eq(m->percpu.static_size, 212992);
	cr_assert_eq(m->percpu.reserved, 8192);
	free(m);
}

Test(probe, highmem_capture_is_a_32_bit_machine)
{
	struct machine *m;
	char path[4200];

	if (!snapshots_of("I-highmem-32bit", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	m = probed(path);
	cr_assert(m->bits32);
	cr_assert_eq(m->zones.dma32_end, 0);
	cr_assert_eq(m->zones.highmem_above, 225278ull * 4096);
	cr_assert_eq(m->page_allocator.lowmem_reserve_ratio[ZONE_DMA], 256);
	cr_assert_eq(m->page_allocator.lowmem_reserve_ratio[ZONE_NORMAL], 32);
	cr_assert_eq(m->percpu.static_size, 104276);
	cr_assert_eq(m->percpu.reserved, 0);
	free(m);
}

Test(probe, command_line_and_sysctls_of_the_captures_are_seen)
{
	struct machine *m;
	char path[4200];

	if (!snapshots_of("J-whatif/slub-min-order-1", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	m = probed(path);
	cr_assert_eq(m->slab.min_order, 1);
	cr_assert_eq(m->transparent_hugepage, THP_NEVER);
	cr_assert_not(m->page_allocator.khugepaged_min_free);
	free(m);
	snapshots_of("J-whatif/slub-nomerge", path, sizeof(path));
	m = probed(path);
	cr_assert_not(m->slab.merge);
	free(m);
	snapshots_of("J-whatif/slub-max-order-0", path, sizeof(path));
	m = probed(path);
	cr_assert_eq(m->slab.max_order, 0);
	free(m);
	snapshots_of("J-whatif/wmark-scale-200", path, sizeof(path));
	m = probed(path);
	cr_assert_eq(m->page_allocator.watermark_scale_factor, 200);
	free(m);
	snapshots_of("J-whatif/pcp-high-fraction-8", path, sizeof(path));
	m = probed(path);
	cr_assert_eq(m->page_allocator.pcp_high_fraction, 8);
	free(m);
}

/* What is there just after boot describes the machine; what it did under pressure its last state knows. */
Test(probe, swap_and_refaults_are_those_of_the_last_state)
{
	struct machine *m;
	char path[4200];

	if (!snapshots_of("J-whatif/less-memory", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	m = probed(path);
	cr_expect_eq(m->reclaim.swap, 163836ull * 1024, "SwapTotal after the work");
	cr_expect_eq(m->reclaim.refault_percent, 77, "120561 of 156400");
	cr_expect_eq(m->reclaim.mapped_percent, 19, "186879 looked at, 156400 taken");
	cr_expect_eq(m->reclaim.activated_percent, 63, "64115 + 12855 of 120633 that were read");
	cr_expect_eq(m->latency.profile, PROFILE_EMULATED, "smpboot: CPU0: AMD QEMU TCG CPU");
	cr_expect_eq(m->latency.step_ns[STEP_LRU_BATCH], 13100);
	cr_expect_not(m->cpus_share_cache, "smpboot: Max logical packages: 2");
	free(m);
	strcat(path, "/1-after-boot");
	m = probed(path);
	cr_expect_eq(m->reclaim.swap, MACHINE_AUTO, "none yet: the trace tells of what is added");
	cr_expect_eq(m->reclaim.refault_percent, RECLAIM_AUTO,
		"nothing was reclaimed before the work: the recording tells");
	cr_expect_eq(m->reclaim.mapped_percent, RECLAIM_AUTO);
	cr_expect_eq(m->reclaim.activated_percent, RECLAIM_AUTO, "nor is it known what would become active");
	free(m);
	snapshots_of("J-whatif/base", path, sizeof(path));
	m = probed(path);
	cr_expect_eq(m->reclaim.refault_percent, RECLAIM_AUTO, "nor with enough memory");
	free(m);
	snapshots_of("D-pressure", path, sizeof(path));
	m = probed(path);
	cr_expect_eq(m->reclaim.mapped_percent, 31, "296628 scanned, 24440 of them passed over; 207335 taken");
	cr_expect_eq(m->reclaim.activated_percent, 31, "48782 + 8038 of 182988 that were read");
	free(m);
}

/* Whether a machine that says @text in @file has CPUs that share a cache. */
static bool shares_cache(const char *file, const char *text);

Test(probe, cpus_that_are_packages_of_their_own_share_no_cache)
{
	static const char of_two[] = "smpboot: Allowing 2 CPUs, 0 hotplug CPUs\nsmpboot: Max logical packages: %d\n";
	char text[200];

	for (int packages = 1; packages <= 2; packages++) {
		snprintf(text, sizeof(text), of_two, packages);
		cr_expect_eq(shares_cache("dmesg", text), packages == 1, "%d packages of the boot log", packages);
		snprintf(text, sizeof(text), "processor\t: 0\nphysical id\t: 0\nprocessor\t: 1\nphysical id\t: %d\n",
			packages - 1);
		cr_expect_eq(shares_cache("cpuinfo", text), packages == 1, "%d packages of cpuinfo", packages);
	}
	cr_expect(shares_cache("dmesg", "smpboot: Allowing 4 CPUs, 2 hotplug CPUs\nsmpboot: Max logical packages: 2\n"),
		"two CPUs now, of two packages that take two each");
	cr_expect(shares_cache("cpuinfo", "processor\t: 0\nphysical id\t: 0\n"), "one CPU");
	cr_expect(shares_cache("meminfo", "MemTotal: 1 kB\n"), "nothing is told");
}

/* A folder of its own for one test; the files in it go with it. */
static void make_folder(char *path)
{
	strcpy(path, "/tmp/probe-test-XXXXXX");
	cr_assert_not_null(mkdtemp(path));
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t len)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	fwrite(bytes, 1, len, file);
	fclose(file);
}

static void remove_folder(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	while ((entry = readdir(dir))) {
		char file[512];

		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		unlink(file);
	}
	closedir(dir);
	rmdir(path);
}

static const char small_zoneinfo[] = "Node 0, zone      DMA\n"
				     "  per-node stats\n"
				     "      nr_inactive_anon 0\n"
				     "  pages free     3808\n"
				     "        spanned  4095\n"
				     "        present  3998\n"
				     "        managed  3840\n"
				     "  pagesets\n"
				     "    cpu: 0\n"
				     "    cpu: 1\n"
				     "  start_pfn:           1\n"
				     "Node 0, zone    DMA32\n"
				     "        spanned  61402\n"
				     "        present  61402\n"
				     "        managed  50909\n"
				     "  start_pfn:           4096\n";

static bool shares_cache(const char *file, const char *text)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct err err = { 0 };
	char folder[64];
	bool shares;

	make_folder(folder);
	write_file(folder, "zoneinfo", small_zoneinfo, strlen(small_zoneinfo));
	write_file(folder, file, text, strlen(text));
	cr_assert_eq(probe_machine(m, folder, NULL, &err), 0, "%s", err.text);
	shares = m->cpus_share_cache;
	remove_folder(folder);
	free(m);
	return shares;
}

/* Its zones look like all that the machine has. */
Test(probe, a_file_that_is_cut_off_is_told)
{
	struct machine *m = calloc(1, sizeof(*m));
	char folder[64], notes[4096] = "";
	FILE *out = fmemopen(notes, sizeof(notes), "w");
	struct err err = { 0 };

	make_folder(folder);
	write_file(folder, "zoneinfo", small_zoneinfo, strlen(small_zoneinfo) - 3);
	write_file(folder, "meminfo", "MemTotal:   200000 kB\n", strlen("MemTotal:   200000 kB\n"));
	cr_assert_eq(probe_machine(m, folder, out, &err), 0, "%s", err.text);
	fclose(out);
	cr_assert_not_null(strstr(notes, "zoneinfo ends amid a line"), "%s", notes);
	cr_assert_null(strstr(notes, "meminfo ends amid a line"), "%s", notes);
	remove_folder(folder);
	free(m);
}

Test(probe, zoneinfo_alone_is_enough_and_what_is_assumed_is_told)
{
	struct machine *m = calloc(1, sizeof(*m));
	char folder[64], notes[4096] = "";
	FILE *out = fmemopen(notes, sizeof(notes), "w");
	struct seen dma = { 0, "DMA", 1, 4095, 3998, 3840, 0, 0, 0 };
	struct seen dma32 = { 0, "DMA32", 4096, 61402, 61402, 50909, 0, 0, 0 };
	struct err err = { 0 };

	make_folder(folder);
	write_file(folder, "zoneinfo", small_zoneinfo, strlen(small_zoneinfo));
	cr_assert_eq(probe_machine(m, folder, out, &err), 0, "%s", err.text);
	fclose(out);
	expect_zone(m, &dma, "zoneinfo only");
	expect_zone(m, &dma32, "zoneinfo only");
	cr_assert_eq(m->cpus, 2);
	cr_assert_eq(m->ram[1].start, 1 << 20, "the hole of the DMA zone is that of a PC");
	cr_assert_not_null(strstr(notes, "iomem is missing"));
	cr_assert_not_null(strstr(notes, "cmdline is missing"));
	cr_assert_not_null(strstr(notes, "vm.min_free_kbytes is not known"));
	cr_assert_not_null(strstr(notes, "cpuinfo and dmesg are missing"));
	remove_folder(folder);
	free(m);
}

Test(probe, a_last_node_without_memory_has_its_cpus)
{
	static const struct { const char *name, *text; } files[] = {
		{ "node0_cpulist", "0\n" }, { "node1_cpulist", "1\n" }, { "node1_distance", "17 10\n" },
			{ "node2_cpulist", "\n" },
	};
	struct machine *m;
	char folder[64];

	make_folder(folder);
	write_file(folder, "zoneinfo", small_zoneinfo, strlen(small_zoneinfo));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		write_file(folder, files[i].name, files[i].text, strlen(files[i].text));
	m = probed(folder);
	cr_expect_eq(m->nr_nodes, 2);
	cr_expect_eq(m->node_of_cpu[0], 0);
	cr_expect_eq(m->node_of_cpu[1], 1);
	cr_expect_eq(m->distance[1][0], 17);
	remove_folder(folder);
	free(m);
}

/* 10000 of DMA32's pages, amid it, were made movable: no page is counted as reserved for that. */
Test(probe, memory_made_movable_amid_a_zone_is_no_loss)
{
	static const char zoneinfo[] =
		"Node 0, zone    DMA32\n        spanned  61402\n        present  51402\n        managed  40909\n"
		"  start_pfn:           4096\n"
		"Node 0, zone  Movable\n        spanned  10000\n        present  10000\n        managed  10000\n"
		"  start_pfn:           40960\n";
	struct machine *m = calloc(1, sizeof(*m));
	char folder[64], notes[4096] = "";
	FILE *out = fmemopen(notes, sizeof(notes), "w");
	uint64_t ram = 0, reserved = 0;
	struct err err = { 0 };

	make_folder(folder);
	write_file(folder, "zoneinfo", zoneinfo, strlen(zoneinfo));
	cr_assert_eq(probe_machine(m, folder, out, &err), 0, "%s", err.text);
	fclose(out);
	for (uint32_t i = 0; i < m->nr_ram; i++)
		ram += m->ram[i].size >> 12;
	for (uint32_t i = 0; i < m->nr_reserved; i++)
		reserved += m->reserved[i].size >> 12;
	cr_expect_eq(ram, 61402);
	cr_expect_eq(ram - reserved, 50909);
	cr_expect_eq(m->zones.movable >> 12, 10000);
	cr_expect_not_null(strstr(notes, "zones DMA32 and Movable overlap"), "%s", notes);
	remove_folder(folder);
	free(m);
}

Test(probe, copy_of_one_snapshot_gives_the_same_machine_as_the_capture)
{
	static const char *const names[] = { "zoneinfo", "iomem", "ioports", "meminfo", "cmdline", "sysctl_vm.txt",
		"slab_sysfs.tsv", "pagetypeinfo", "node0_cpulist", "node0_distance", "dmesg.xz", "../kernel.config.xz" };
	char path[4200], file[4400], folder[64], *bytes = malloc(1 << 20);
	struct machine *original, *copy;

	if (!snapshots_of("A-boot-256m", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	make_folder(folder);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *in;

		snprintf(file, sizeof(file), "%s/1-after-boot/%s", path, names[i]);
		in = fopen(file, "r");
		write_file(folder, names[i] + (names[i][0] == '.' ? strlen("../") : 0), bytes,
			fread(bytes, 1, 1 << 20, in));
		fclose(in);
	}
	original = probed(path);
	copy = probed(folder);
	memset(original->name, 0, sizeof(original->name));
	memset(copy->name, 0, sizeof(copy->name));
	cr_assert(!memcmp(original, copy, sizeof(*copy)));
	cr_assert(original->slab.freelist_random, "the packed configuration of the kernel is read");
	remove_folder(folder);
	free(original);
	free(copy);
	free(bytes);
}

Test(probe, kernel_configuration_in_the_folder_is_used)
{
	static const char config[] = "CONFIG_SLAB_FREELIST_RANDOM=y\n# CONFIG_CMA is not set\nCONFIG_COMPACTION=y\n";
	struct machine *m;
	char folder[64];

	make_folder(folder);
	write_file(folder, "zoneinfo", small_zoneinfo, strlen(small_zoneinfo));
	write_file(folder, "kernel.config", config, strlen(config));
	m = probed(folder);
	cr_assert(m->slab.freelist_random);
	cr_assert(m->page_allocator.compaction);
	cr_assert_not(m->page_allocator.cma);
	cr_assert_not(m->kernel_stack.vmap);
	remove_folder(folder);
	free(m);
}

/* These have no configuration, but the random order of each cache in their saved slabs. */
Test(probe, random_freelists_show_in_a_saved_state)
{
	struct machine *m;
	char path[4096];

	if (!snapshots_of("J-whatif/slub-nomerge", path, sizeof(path)))
		cr_skip_test("the captures are not beside the project");
	m = probed(path);
	cr_expect(m->slab.freelist_random);
	cr_expect_not(m->slab.merge);
	free(m);
}

Test(probe, meminfo_alone_gives_a_machine_of_that_size)
{
	struct machine *m;
	char folder[64];

	make_folder(folder);
	write_file(folder, "meminfo", "MemTotal:        1048576 kB\n", 28);
	m = probed(folder);
	cr_assert_eq(bytes_in(m->ram, m->nr_ram, 0, UINT64_MAX), 1ull << 30);
	remove_folder(folder);
	free(m);
}

/* 3 + 1000 pages of watermarks, boost left out; what Movable memory keeps is not of it. */
Test(probe, watermarks_tell_min_free_kbytes_where_the_sysctl_was_not_saved)
{
	static const char zoneinfo[] =
		"Node 0, zone      DMA\n        min      3\n        spanned  4095\n        present  3998\n"
		"        managed  3840\n  start_pfn:           1\nNode 0, zone    DMA32\n        boost    512\n        min      1512\n"
		"        spanned  61402\n        present  61402\n        managed  50909\n  start_pfn:           4096\n"
		"Node 0, zone  Movable\n        min      32\n        spanned  4096\n        present  4096\n        managed  4096\n"
		"  start_pfn:           65536\n";
	struct machine *m;
	char folder[64];

	make_folder(folder);
	write_file(folder, "zoneinfo", zoneinfo, strlen(zoneinfo));
	m = probed(folder);
	cr_expect_eq(m->page_allocator.min_free_kbytes, 4012);
	write_file(folder, "sysctl_vm.txt", "vm.min_free_kbytes = 4014\n", 26);
	free(m);
	m = probed(folder);
	cr_expect_eq(m->page_allocator.min_free_kbytes, 4014);
	remove_folder(folder);
	free(m);
}

/* A copy of what only root may read is empty when another user made it. */
Test(probe, an_empty_file_is_a_missing_one)
{
	struct machine *m = calloc(1, sizeof(*m));
	char folder[64], notes[4096] = "";
	FILE *out = fmemopen(notes, sizeof(notes), "w");
	struct err err = { 0 };

	make_folder(folder);
	write_file(folder, "zoneinfo", small_zoneinfo, strlen(small_zoneinfo));
	write_file(folder, "pagetypeinfo", "", 0);
	write_file(folder, "cmdline", "", 0);
	cr_assert_eq(probe_machine(m, folder, out, &err), 0, "%s", err.text);
	fclose(out);
	cr_expect_not_null(strstr(notes, "pagetypeinfo is missing"));
	cr_expect_not_null(strstr(notes, "cmdline is missing"));
	remove_folder(folder);
	free(m);
}

Test(probe, folder_without_any_of_the_files_is_an_error)
{
	struct machine *m = calloc(1, sizeof(*m));
	char folder[64], message[200];
	struct err err;

	make_folder(folder);
	cr_assert_eq(probe_machine(m, folder, NULL, &err), -ERR_CONFIG);
	snprintf(message, sizeof(message), "%s: none of zoneinfo, meminfo, iomem and ioports is there", folder);
	cr_assert_str_eq(err.text, message);
	remove_folder(folder);
	cr_assert_eq(probe_machine(m, folder, NULL, &err), -ERR_IO);
	free(m);
}

/* Whatever the files say: a machine that loads, or an error; never a crash (run under the sanitizers). */
Test(probe, damaged_files_give_a_machine_or_an_error, .timeout = 60)
{
	static const char iomem[] = "00001000-0009fbff : System RAM\n00100000-0ffd9fff : System RAM\n"
				    "  01000000-01e01ef1 : Kernel code\n";
	static const char *const names[] = { "zoneinfo", "iomem", "meminfo", "pagetypeinfo", "slabinfo", "cmdline" };
	struct machine *m = calloc(1, sizeof(*m));
	char folder[64], text[sizeof(small_zoneinfo) + sizeof(iomem)];

	make_folder(folder);
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct err err = { 0 };
		struct rng rng;
		size_t len;

		rng_init(&rng, seed, "damage");
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			const char *from = i ? iomem : small_zoneinfo;

			len = strlen(from);
			memcpy(text, from, len);
			for (uint64_t n = rng_below(&rng, 8); n; n--)
				text[rng_below(&rng, len)] =
					(char)(rng_below(&rng, 3) ? '0' + (int)rng_below(&rng, 10) :
								    (int)rng_below(&rng, 256));
			write_file(folder, names[i], text, rng_below(&rng, 4) ? len : rng_below(&rng, len));
		}
		if (probe_machine(m, folder, NULL, &err) < 0)
			cr_assert_neq(err.text[0], '\0', "seed %d", (int)seed);
		else
			cr_assert_geq(m->nr_ram, 1, "seed %d", (int)seed);
	}
	remove_folder(folder);
	free(m);
}

static const struct machine_region *region_of(const struct machine_io *io, const char *name)
{
	for (uint32_t i = 0; i < io->nr_regions; i++)
		if (!strcmp(io->regions[i].name, name))
			return &io->regions[i];
	cr_assert_fail("no region \"%s\"", name);
	return NULL;
}

static void write_text(const char *folder, const char *name, const char *text)
{
	write_file(folder, name, text, strlen(text));
}

Test(probe, regions_nest_and_are_claimed_by_the_kernel_a_driver_or_nobody)
{
	char folder[64];
	struct machine *machine;

	make_folder(folder);
	write_text(folder, "iomem", "00001000-0009fbff : System RAM\n"
				    "00100000-1fffffff : System RAM\n"
				    "80000000-febfffff : PCI Bus 0000:00\n"
				    "  fd000000-fdffffff : 0000:00:02.0\n"
				    "    fd000000-fd00ffff : bochs-drm\n"
				    "fec00000-fec003ff : IOAPIC 0\n"
				    "ffff0000-ffffffff : Reserved\n");
	write_text(folder, "ioports", "0000-0cf7 : PCI Bus 0000:00\n"
				      "  0060-0060 : keyboard\n"
				      "  03f8-03ff : serial\n"
				      "00010000-0001ffff : beyond\n");
	machine = probed(folder);
	cr_expect_eq(machine->io_memory.nr_regions, 7);
	cr_expect_eq(region_of(&machine->io_memory, "System RAM")->size, 0x9ec00);
	cr_expect_eq(region_of(&machine->io_memory, "PCI Bus 0000:00")->claim, CLAIM_NONE);
	cr_expect_eq(region_of(&machine->io_memory, "0000:00:02.0")->claim, CLAIM_NONE);
	cr_expect_eq(region_of(&machine->io_memory, "bochs-drm")->claim, CLAIM_DRIVER);
	cr_expect_eq(region_of(&machine->io_memory, "IOAPIC 0")->claim, CLAIM_KERNEL);
	cr_expect_eq(region_of(&machine->io_memory, "Reserved")->claim, CLAIM_NONE);
	cr_expect_eq(machine->io_ports.nr_regions, 3);
	cr_expect_eq(region_of(&machine->io_ports, "keyboard")->claim, CLAIM_KERNEL);
	cr_expect_eq(region_of(&machine->io_ports, "serial")->claim, CLAIM_DRIVER);
	free(machine);
	remove_folder(folder);
}

Test(probe, regions_without_addresses_are_left_out)
{
	char folder[64];
	struct machine *machine;

	make_folder(folder);
	write_text(folder, "iomem", "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n");
	write_text(folder, "meminfo", "MemTotal:         262144 kB\n");
	machine = probed(folder);
	cr_expect_eq(machine->io_memory.nr_regions, 0);
	free(machine);
	remove_folder(folder);
}
