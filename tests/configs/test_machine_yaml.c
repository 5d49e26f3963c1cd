#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "configs/machine_yaml.h"

/* Loads @text as "machine.yaml". Return: the error's text, "" when it loaded. */
static const char *load(struct machine *machine, const char *text, size_t len, struct err *err)
{
	*err = (struct err){ 0 };
	machine_load_text(machine, "machine.yaml", text, len, NULL, 0, err);
	return err->text;
}

static void expect_message(const char *text, const char *message)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	struct err err;

	cr_assert_str_eq(load(machine, text, strlen(text), &err), message, "%s\ngave\n%s", text, err.text);
	cr_assert_eq(err.code, ERR_CONFIG);
	free(machine);
}

static struct machine *expect_machine(const char *text)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	struct err err;

	cr_assert_str_eq(load(machine, text, strlen(text), &err), "", "%s", err.text);
	return machine;
}

Test(machine_yaml, unknown_key_names_file_line_and_nearest_key)
{
	expect_message("kmemsim: 1\npage_allocator:\n  max_ordr: 10\n",
		"machine.yaml:3:3: error: unknown key page_allocator.max_ordr; did you mean page_allocator.max_order?\n"
		"    3 |   max_ordr: 10\n"
		"      |   ^");
}

Test(machine_yaml, key_in_the_wrong_section_is_found_in_the_right_one)
{
	expect_message("pageblock_order: 9\n",
		"machine.yaml:1:1: error: unknown key pageblock_order; did you mean page_allocator.pageblock_order?\n"
		"    1 | pageblock_order: 9\n"
		"      | ^");
}

Test(machine_yaml, key_like_no_other_gets_no_suggestion)
{
	expect_message("frobnication: 9\n",
		"machine.yaml:1:1: error: unknown key frobnication\n"
		"    1 | frobnication: 9\n"
		"      | ^");
}

Test(machine_yaml, wrong_unit_shows_the_value_and_an_example)
{
	expect_message("name: x\nzones: {dma: 4GiBB}\n",
		"machine.yaml:2:14: error: zones.dma: \"4GiBB\": expected a size such as 4 GiB, or none\n"
		"    2 | zones: {dma: 4GiBB}\n"
		"      |              ^");
}

Test(machine_yaml, each_kind_of_slip_has_its_message)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "kmemsim: 2\n", "1:10: error: kmemsim: \"2\": out of range: 1" },
		{ "kernel: 5.4\n", "1:9: error: kernel: \"5.4\": expected 2.6-classic, 6.1 or 6.18" },
		{ "bits: 16\n", "1:7: error: bits: \"16\": expected 64 or 32" },
		{ "cpus: many\n", "1:7: error: cpus: \"many\": expected a number, or auto" },
		{ "cpus: 0\n", "1:7: error: cpus: \"0\": out of range: 1 to 1024" },
		{ "cpus: -1\n", "1:7: error: cpus: \"-1\": expected a number, or auto" },
		{ "cpus: [1]\n", "1:7: error: cpus: expected a number, or auto, not a list" },
		{ "memory: {a: 1}\n", "1:9: error: memory: expected a size such as 4 GiB, or auto, not a map" },
		{ "memory: 0\n", "1:9: error: memory: \"0\": out of range: 2 MiB to 64 TiB" },
		{ "memory: 65 TiB\n", "1:9: error: memory: \"65 TiB\": out of range: 2 MiB to 64 TiB" },
		{ "memory: 18446744073709551616\n",
		  "1:9: error: memory: \"18446744073709551616\": expected a size such as 4 GiB, or auto" },
		{ "page_size: 12 KiB\n",
			"1:12: error: page_size: \"12 KiB\": expected 4 KiB, 8 KiB, 16 KiB or 64 KiB" },
		{ "slab: {merge: yes}\n", "1:15: error: slab.merge: \"yes\": expected true or false" },
		{ "slab: [merge]\n", "1:7: error: slab: expected keys and values" },
		{ "slab: {merge: true, merge: true}\n", "1:21: error: slab.merge: given twice, first in line 1" },
		{ "zones.dma: 16 MiB\n", "1:1: error: \"zones.dma\": keys with dots are for --set; nest them here" },
		{ "? [a]\n: 1\n", "1:3: error: expected a plain word as a key" },
		{ "latency: {zone_lock: 3 parsecs}\n",
		  "1:22: error: latency.zone_lock: \"3 parsecs\": expected a time such as 250 ns" },
		{ "reserved: [7]\n", "1:12: error: reserved.0: expected a map such as {key: value}" },
		{ "reserved: [{size: 1}]\n", "1:12: error: reserved.0: expected a key \"start\"" },
		{ "reserved: 7\n", "1:11: error: reserved: \"7\": expected a list" },
		{ "reserved: [{start: 0, size: 1, nam: x}]\n",
		  "1:32: error: unknown key reserved.0.nam; did you mean reserved.0.name?" },
		{ "nodes: [{cpus: [0-3, x]}]\n",
		  "1:22: error: nodes.0.cpus: expected CPU numbers below 1024, each such as 8 or 0-3" },
		{ "nodes: [{cpus: some}]\n",
		  "1:16: error: nodes.0.cpus: \"some\": expected a number of CPUs or a list such as [0-3, 8]" },
		{ "kmalloc: {extra_classes: [192, 96]}\n",
		  "1:32: error: kmalloc.extra_classes.1: expected more than the element before it" },
		{ "kmalloc: {extra_classes: [96, 128]}\n",
			"1:26: error: kmalloc.extra_classes: 128: expected a multiple of "
		  "8 between kmalloc.min_size and kmalloc.max_cache_size that is no power of two" },
		{ "kmalloc: {min_size: 24}\n", "1:21: error: kmalloc.min_size: 24: expected a power of two" },
		{ "page_allocator: {lowmem_reserve_ratio: [1, 2, 3, 4, 5, 6]}\n",
		  "1:56: error: page_allocator.lowmem_reserve_ratio: more than 5" },
		{ "page_allocator: {max_order: 16}\n",
		  "1:29: error: page_allocator.max_order: 16: out of range: at most 15 with pages of 4 KiB" },
		{ "page_allocator: {max_order: 8, pageblock_order: 9}\n",
			"1:49: error: page_allocator.pageblock_order: 9: "
		  "out of range: at most page_allocator.max_order, 8" },
		{ "page_allocator: {pcp_high_fraction: 7}\n",
		  "1:37: error: page_allocator.pcp_high_fraction: 7: expected 0, or at least 8" },
		{ "name: \"\"\n", "1:7: error: name: \"\": expected a text" },
		{ "name: \"a\\0b\"\n", "1:7: error: name: \"a?b\": expected a text" },
		{ "zones: {highmem_above: 512 MiB}\n",
		  "1:24: error: zones.highmem_above: 64-bit kernels have no HighMem (bits: 32)" },
		{ "zones: {dma: 1 MB}\n", "1:14: error: zones.dma: 0xf4240: expected whole pages" },
	};
	struct machine *machine = calloc(1, sizeof(*machine));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		char first[300];

		load(machine, cases[i].text, strlen(cases[i].text), &err);
		snprintf(first, sizeof(first), "machine.yaml:%s\n", cases[i].message);
		cr_assert(!strncmp(err.text, first, strlen(first)), "%s\ngave\n%s", cases[i].text, err.text);
		cr_assert_eq(err.code, ERR_CONFIG);
	}
	free(machine);
}

Test(machine_yaml, machine_that_does_not_fit_together_is_refused)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "reserved:\n  - {start: 16 MiB, size: 34 MiB, name: kernel}\n  - {start: 32 MiB, size: 1p, name: log}\n",
			"3:5: error: reserved: \"log\" 0x2000000-0x2000fff overlaps \"kernel\" 0x1000000-0x31fffff" },
		{ "reserved: [{start: 1 TiB, size: 1p, name: far}]\n",
			"1:12: error: reserved: \"far\" "
			"0x10000000000-0x10000000fff is not in RAM, whose last byte is 0x1fffffff" },
		{ "nodes:\n  - ranges: [{start: 0, size: 1 GiB}]\n  - ranges: [{start: 512 MiB, size: 1 GiB}]\n",
			"3:13: error: nodes.1.ranges: RAM 0x20000000-0x5fffffff overlaps 0x0-0x3fffffff of node 0" },
		{ "nodes:\n  - {memory: 1 GiB, cpus: [0-1]}\n  - {memory: 1 GiB, cpus: [1-2]}\n",
			"3:27: error: nodes.1.cpus: CPU 1 is on node 0 already" },
		{ "nodes:\n  - {memory: 1 GiB, cpus: [0-1]}\n  - {memory: 1 GiB, cpus: [3]}\n",
			"2:3: error: nodes: CPU 2 is on no node" },
		{ "memory: 1 GiB\nnodes: [{memory: 1 GiB}]\n",
			"1:9: error: memory: the nodes say how much there is; leave one of the two out" },
		{ "cpus: 3\nnodes: [{memory: 1 GiB, cpus: 2}]\n", "1:7: error: cpus: 3, but the nodes have 2" },
		{ "nodes: [{memory: 1 GiB, distances: [10, 20]}]\n",
			"1:36: error: nodes.0.distances: expected one for each of the 1 nodes" },
		{ "nodes: [{ranges: [{start: 100, size: 200}, {start: 1 MiB, size: 1 GiB}]}]\n",
			"1:19: error: nodes.0.ranges.0: holds no whole page" },
		{ "bits: 32\nmemory: 65 GiB\n", "2:9: error: RAM beyond 64 GiB, which bits: 32 cannot reach" },
		{ "io_ports: {regions: [{start: 0x60, size: 16, name: a}, {start: 0x6f, size: 2, name: b}]}\n",
			"1:21: error: io_ports.regions: \"b\" at 0x6f overlaps \"a\" at 0x60; of two regions that"
			" meet one contains the other" },
	};
	struct machine *machine = calloc(1, sizeof(*machine));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		char first[300];

		snprintf(first, sizeof(first), "machine.yaml:%s\n", cases[i].message);
		load(machine, cases[i].text, strlen(cases[i].text), &err);
		cr_assert(!strncmp(err.text, first, strlen(first)), "%s\ngave\n%s", cases[i].text, err.text);
	}
	free(machine);
}

Test(machine_yaml, all_errors_of_a_file_come_in_one_pass_in_its_order)
{
	expect_message("cpus: none\nmemory: 1 GiBs\nzones: {dma: 1, dma33: 2}\n",
		"machine.yaml:1:7: error: cpus: \"none\": expected a number, or auto\n"
		"    1 | cpus: none\n"
		"      |       ^\n"
		"machine.yaml:2:9: error: memory: \"1 GiBs\": expected a size such as 4 GiB, or auto\n"
		"    2 | memory: 1 GiBs\n"
		"      |         ^\n"
		"machine.yaml:3:17: error: unknown key zones.dma33; did you mean zones.dma32?\n"
		"    3 | zones: {dma: 1, dma33: 2}\n"
		"      |                 ^");
}

Test(machine_yaml, after_twenty_errors_the_rest_is_counted)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	char text[2000] = "";
	struct err err;

	for (int i = 0; i < 50; i++)
		sprintf(text + strlen(text), "unknown_key_%d: 1\n", i);
	load(machine, text, strlen(text), &err);
	cr_assert_not_null(strstr(err.text, "machine.yaml:20:1"));
	cr_assert_null(strstr(err.text, "machine.yaml:21:1"));
	cr_assert_str_eq(strrchr(err.text, '\n'), "\n... and 30 more");
	free(machine);
}

Test(machine_yaml, text_that_is_no_tree_is_refused_with_its_place)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "machine.yaml: error: empty: expected a machine, at least \"kmemsim: 1\"" },
		{ "# only a comment\n", "machine.yaml: error: empty: expected a machine, at least \"kmemsim: 1\"" },
		{ "just words\n", "machine.yaml:1:1: error: expected keys and values" },
		{ "a: &x 1\n", "machine.yaml:1:4: error: anchors (&x) are not supported here: write the value out" },
		{ "a: &x {b: *x}\n",
			"machine.yaml:1:4: error: anchors (&x) are not supported here: write the value out" },
		{ "a: *x\n", "machine.yaml:1:4: error: aliases (*x) are not supported here: write the value out" },
		{ "cpus: 1\n---\ncpus: 2\n",
			"machine.yaml:2:1: error: a second document begins: one file is one document" },
		{ "zones: {dma: 1\n",
			"machine.yaml:2:1: error: did not find expected ',' or '}' (while parsing a flow mapping)" },
		{ "zones:\n\tdma: 1\n",
			"machine.yaml:2:1: error: found character that cannot start any token (while scanning for the next token)" },
	};
	struct machine *machine = calloc(1, sizeof(*machine));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;

		load(machine, cases[i].text, strlen(cases[i].text), &err);
		cr_assert(!strncmp(err.text, cases[i].message, strlen(cases[i].message)), "%s\ngave\n%s", cases[i].text,
			err.text);
	}
	free(machine);
}

Test(machine_yaml, binary_garbage_is_refused)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	char bytes[4096];
	struct err err;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	cr_assert_neq(load(machine, bytes, sizeof(bytes), &err)[0], '\0');
	cr_assert_not_null(strstr(err.text, "not a text file"), "%s", err.text);
	free(machine);
}

Test(machine_yaml, byte_order_mark_is_no_part_of_the_first_key)
{
	struct machine *machine = expect_machine("\xef\xbb\xbf" "cpus: 3\n");

	cr_assert_eq(machine->cpus, 3);
	free(machine);
}

Test(machine_yaml, hundred_thousand_nested_lists_are_refused_in_a_moment)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	char *text = malloc(200000);
	clock_t start = clock();
	struct err err;

	memset(text, '[', 200000);
	load(machine, text, 200000, &err);
	cr_assert(!strncmp(err.text, "machine.yaml:1:33: error: nested more than 32 levels deep\n", 58), "%s",
		err.text);
	cr_assert_lt(clock() - start, CLOCKS_PER_SEC / 2);
	free(text);
	free(machine);
}

Test(machine_yaml, file_of_five_mib_is_refused)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	char *text = malloc(5 << 20);
	struct err err;

	memset(text, ' ', 5 << 20);
	cr_assert_str_eq(load(machine, text, 5 << 20, &err), "machine.yaml: error: larger than 4 MiB");
	free(text);
	free(machine);
}

Test(machine_yaml, caret_stands_under_the_character_behind_tabs_and_umlauts)
{
	expect_message("name: \"\xc3\xa4\" # x\nslab: {merge:\t\tno}\n",
		"machine.yaml:2:16: error: slab.merge: \"no\": expected true or false\n"
		"    2 | slab: {merge:\t\tno}\n"
		"      |              \t\t^");
}

Test(machine_yaml, missing_file_is_an_io_error)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	struct err err;

	cr_assert_eq(machine_load(machine, "/nonexistent/m.yaml", NULL, 0, &err), -ERR_IO);
	cr_assert_str_eq(err.text, "/nonexistent/m.yaml: No such file or directory");
	cr_assert_eq(machine_load(machine, "/", NULL, 0, &err), -ERR_IO);
	free(machine);
}

Test(machine_yaml, defaults_are_a_pc_with_one_cpu_and_512_mib)
{
	struct machine *m = calloc(1, sizeof(*m));

	machine_defaults(m);
	cr_assert_eq(m->behaviour, BEHAVIOUR_6_1);
	cr_assert_eq(m->cpus, 1);
	cr_assert_eq(m->nr_nodes, 1);
	cr_assert_eq(m->page_size, 4096);
	cr_assert_eq(m->page_shift, 12);
	cr_assert_eq(m->nr_ram, 2);
	cr_assert_eq(m->ram[0].start, 4096);
	cr_assert_eq(m->ram[0].size, 636 << 10);
	cr_assert_eq(m->ram[1].start, 1 << 20);
	cr_assert_eq(m->ram[1].size, 511 << 20);
	cr_assert_eq(m->nr_reserved, 1);
	cr_assert_eq(m->reserved[0].size, 1 << 20);
	cr_assert_eq(m->zones.dma_end, 16 << 20);
	cr_assert_eq(m->zones.dma32_end, 4ull << 30);
	cr_assert_eq(m->zones.highmem_above, UINT64_MAX);
	cr_assert_eq(m->page_allocator.max_order, 10);
	cr_assert_eq(m->page_allocator.pageblock_order, 9);
	cr_assert_eq(m->page_allocator.min_free_kbytes, MACHINE_AUTO);
	cr_assert_eq(m->page_allocator.lowmem_reserve_ratio[ZONE_NORMAL], 32);
	cr_assert(m->page_allocator.transparent_hugepage);
	cr_assert_not(m->page_allocator.khugepaged_min_free, "below 512 MiB the kernel turns huge pages off");
	cr_assert_str_eq(m->slab.allocator, "slub");
	cr_assert_eq(m->slab.cpu_partial, -1);
	cr_assert_eq(m->slab.min_objects, 0);
	cr_assert_eq(m->kmalloc.max_cache_size, 8192);
	cr_assert_eq(m->kmalloc.max_size, 4 << 20);
	cr_assert_eq(m->kmalloc.extra_classes[1], 192);
	cr_assert_eq(m->latency.step_ns[STEP_SLAB_ALLOC_FAST], 12);
	free(m);
}

Test(machine_yaml, memory_beyond_three_gib_of_a_pc_lies_above_four)
{
	struct machine *m = expect_machine("memory: 8 GiB\n");

	cr_assert_eq(m->nr_ram, 3);
	cr_assert_eq(m->ram[1].start + m->ram[1].size, 3ull << 30);
	cr_assert_eq(m->ram[2].start, 4ull << 30);
	cr_assert_eq(m->ram[2].size, 5ull << 30);
	free(m);
}

Test(machine_yaml, nodes_split_memory_and_cpus_in_their_order)
{
	struct machine *m = expect_machine("nodes: [{memory: 1 GiB, cpus: 1}, {memory: 1 GiB, cpus: 3}]\n");

	cr_assert_eq(m->nr_nodes, 2);
	cr_assert_eq(m->cpus, 4);
	cr_assert_eq(m->node_of_cpu[0], 0);
	cr_assert_eq(m->node_of_cpu[1], 1);
	cr_assert_eq(m->node_of_cpu[3], 1);
	cr_assert_eq(m->nr_ram, 3);
	cr_assert_eq(m->ram[2].node, 1);
	cr_assert_eq(m->ram[2].start, 1ull << 30);
	cr_assert_eq(m->distance[0][0], 10);
	cr_assert_eq(m->distance[0][1], 20);
	free(m);
}

Test(machine_yaml, page_size_decides_orders_and_kmalloc_limits)
{
	struct machine *m = expect_machine("page_size: 64 KiB\n");

	cr_assert_eq(m->page_allocator.max_order, 13);
	cr_assert_eq(m->page_allocator.pageblock_order, 13);
	cr_assert_eq(m->kmalloc.max_cache_size, 128 << 10);
	cr_assert_eq(m->kmalloc.max_size, 512 << 20);
	cr_assert_eq(m->kernel_stack.size, 64 << 10);
	free(m);
}

Test(machine_yaml, sizes_in_pages_follow_the_page_size_wherever_it_stands)
{
	struct machine *m = expect_machine("reserved: [{start: 16p, size: 2p}]\npage_size: 16 KiB\n");

	cr_assert_eq(m->reserved[0].start, 256 << 10);
	cr_assert_eq(m->reserved[0].size, 32 << 10);
	free(m);
}

Test(machine_yaml, part_pages_of_ram_are_lost_and_of_reservations_are_kept)
{
	struct machine *m = expect_machine("nodes: [{ranges: [{start: 100, size: 1 GiB}]}]\n"
					   "reserved: [{start: 8195, size: 4096, name: a}, {start: 12291, size: 1, name: b}]\n");

	cr_assert_eq(m->ram[0].start, 4096);
	cr_assert_eq(m->ram[0].size, (1ull << 30) - 4096);
	cr_assert_eq(m->nr_reserved, 1, "the page of b is taken by a already");
	cr_assert_eq(m->reserved[0].start, 8192);
	cr_assert_eq(m->reserved[0].size, 8192);
	free(m);
}

Test(machine_yaml, thirty_two_bits_with_two_gib_have_highmem_and_no_dma32)
{
	struct machine *m = expect_machine("bits: 32\nmemory: 2 GiB\n");

	cr_assert_eq(m->zones.dma32_end, 0);
	cr_assert_eq(m->zones.highmem_above, 225278ull * 4096, "as the 32-bit capture has it");
	free(m);
	m = expect_machine("bits: 32\nmemory: 512 MiB\n");
	cr_assert_eq(m->zones.highmem_above, UINT64_MAX);
	free(m);
}

Test(machine_yaml, regions_nest_in_any_order_and_know_by_their_names_what_the_kernel_has)
{
	static const char text[] = "io_ports:\n  regions:\n"
				   "    - {start: 0x60, size: 1, name: keyboard}\n"
				   "    - {start: 0x1f0, size: 8, name: ata, claim: driver, access_ns: 300, access_16_ns: 400 ns}\n"
				   "    - {start: 0x1f0, size: 8, name: \"0000:00:01.1\"}\n"
				   "    - {start: 0, size: 0xcf8, name: \"PCI Bus 0000:00\"}\n";
	struct machine *machine = calloc(1, sizeof(*machine));
	const struct machine_region *regions = machine->io_ports.regions;
	struct err err = { 0 };

	cr_assert_eq(machine_load_text(machine, "m", text, strlen(text), NULL, 0, &err), 0, "%s", err.text);
	cr_assert_eq(machine->io_ports.nr_regions, 4);
	cr_expect_str_eq(regions[0].name, "PCI Bus 0000:00");
	cr_expect_eq(regions[0].claim, CLAIM_NONE);
	cr_expect_str_eq(regions[1].name, "keyboard");
	cr_expect_eq(regions[1].claim, CLAIM_KERNEL);
	cr_expect_str_eq(regions[2].name, "ata");
	cr_expect_eq(regions[2].claim, CLAIM_DRIVER);
	cr_expect_eq(regions[2].access_ns[0], 300);
	cr_expect_eq(regions[2].access_ns[1], 400);
	cr_expect_str_eq(regions[3].name, "0000:00:01.1");
	free(machine);
}
