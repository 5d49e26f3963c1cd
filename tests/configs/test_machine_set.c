#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/machine_yaml.h"

static const char file[] = "nodes:\n"
			   "  - {ranges: [{start: 4 KiB, size: 636 KiB}, {start: 1 MiB, size: 767 MiB}], cpus: [0-1]}\n"
			   "reserved:\n"
			   "  - {start: 16 MiB, size: 34 MiB, name: kernel}\n"
			   "  - {start: 740 MiB, size: 28 MiB, name: early}\n";

static struct machine *set(const char *const *sets, uint32_t nr, struct err *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	*err = (struct err){ 0 };
	machine_load_text(machine, "m.yaml", file, strlen(file), sets, nr, err);
	return machine;
}

Test(machine_set, values_replace_those_of_the_file_in_order)
{
	const char *const sets[] = { "page_allocator.max_order=9", "page_allocator.max_order = 8",
		"latency.slab_alloc_fast=20 us", "zones={dma: none}", "kmalloc.extra_classes=[96]", "slab.allocator=slob",
		"page_allocator.pageblock_order=8", "reserved.0.name=image", "nodes.0.cpus=3" };
	struct err err;
	struct machine *m = set(sets, sizeof(sets) / sizeof(sets[0]), &err);

	cr_assert_str_eq(err.text, "");
	cr_assert_eq(m->page_allocator.max_order, 8);
	cr_assert_eq(m->latency.step_ns[STEP_SLAB_ALLOC_FAST], 20000);
	cr_assert_eq(m->zones.dma_end, 0);
	cr_assert_eq(m->kmalloc.extra_classes[0], 96);
	cr_assert_eq(m->kmalloc.extra_classes[1], 0);
	cr_assert_str_eq(m->slab.allocator, "slob", "mm/ knows which there are");
	cr_assert_str_eq(m->reserved[0].name, "image");
	cr_assert_eq(m->cpus, 3);
	free(m);
}

Test(machine_set, messages_name_the_setting)
{
	static const struct {
		const char *setting, *message;
	} cases[] = {
		{ "page_allocator.max_ordr=3", "--set page_allocator.max_ordr=3: unknown key page_allocator.max_ordr; "
					       "did you mean page_allocator.max_order?" },
		{ "zones.dma=4GiBB",
		  "--set zones.dma=4GiBB: zones.dma: \"4GiBB\": expected a size such as 4 GiB, or none" },
		{ "nodes.1.memory=1 GiB", "--set nodes.1.memory=1 GiB: nodes has 1 elements" },
		{ "reserved.5.size=1", "--set reserved.5.size=1: reserved has 2 elements" },
		{ "reserved.0.sice=1",
		  "--set reserved.0.sice=1: unknown key reserved.0.sice; did you mean reserved.0.size?" },
		{ "cpus", "--set cpus: expected key.path=value" },
		{ "=3", "--set =3: expected key.path=value" },
		{ "cpus=", "--set cpus=: cpus: \"\": expected a number, or auto" },
		{ "slab.min_order=2000", "--set slab.min_order=2000: slab.min_order: \"2000\": out of range: 0 to 20" },
		{ "cpus=[", "--set cpus=[: did not find expected node content (while parsing a flow node)" },
		{ "reserved.#.size=1", "--set reserved.#.size=1: unknown key reserved.#.size; did you mean "
				       "reserved.N.size?" },
		{ "reserved.1.start=20 MiB", "--set reserved.1.start=20 MiB: reserved: \"early\" 0x1400000-0x2ffffff "
					     "overlaps \"kernel\" 0x1000000-0x31fffff" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		struct machine *m = set(&cases[i].setting, 1, &err);

		cr_assert_str_eq(err.text, cases[i].message, "%s gave\n%s", cases[i].setting, err.text);
		cr_assert_eq(err.code, ERR_CONFIG);
		free(m);
	}
}

Test(machine_set, errors_of_file_and_settings_come_together)
{
	const char *const sets[] = { "cpu=1" };
	struct machine *m = calloc(1, sizeof(*m));
	struct err err;

	machine_load_text(m, "m.yaml", "nam: x\n", 7, sets, 1, &err);
	cr_assert_str_eq(err.text, "m.yaml:1:1: error: unknown key nam; did you mean name?\n"
				   "    1 | nam: x\n"
				   "      | ^\n"
				   "--set cpu=1: unknown key cpu; did you mean cpus?");
	free(m);
}

Test(machine_set, less_memory_cuts_the_map_and_keeps_what_is_reserved)
{
	const char *const sets[] = { "memory=400 MiB" };
	struct err err;
	struct machine *m = set(sets, 1, &err);

	cr_assert_str_eq(err.text, "");
	cr_assert_eq(m->nr_ram, 2);
	cr_assert_eq(m->ram[1].start + m->ram[1].size, 400 << 20);
	cr_assert_eq(m->nr_reserved, 3, "and the first MiB");
	cr_assert_str_eq(m->reserved[2].name, "early");
	cr_assert_eq(m->reserved[2].start, 372 << 20, "moved down with the end of RAM");
	cr_assert_eq(m->reserved[2].size, 28 << 20);
	cr_assert_eq(m->cpus, 2);
	free(m);
}

Test(machine_set, memory_that_cannot_hold_what_is_reserved_says_so)
{
	const char *const sets[] = { "memory=40 MiB" };
	struct err err;
	struct machine *m = set(sets, 1, &err);

	cr_expect(
		strstr(err.text,
			"m.yaml:5:5: error: reserved: \"early\", 28.0 MiB, finds no place beside the others in 39.6 MiB of RAM"),
		"%s", err.text);
	free(m);
}

Test(machine_set, what_scales_with_memory_follows_it)
{
	const char *const half[] = { "reserved.1.scales=true", "memory=384 MiB" };
	const char *const twice[] = { "reserved.1.scales=true", "memory=1536 MiB" };
	struct err err;
	struct machine *m = set(half, 2, &err);

	cr_assert_str_eq(err.text, "");
	cr_assert_leq(llabs((long long)m->reserved[2].size - (14 << 20)), 1 << 16);
	cr_assert_eq(m->reserved[2].start + m->reserved[2].size, 384 << 20);
	free(m);
	m = set(twice, 2, &err);
	cr_assert_str_eq(err.text, "");
	cr_assert_eq(m->reserved[2].start + m->reserved[2].size, 1536 << 20);
	cr_assert_leq(llabs((long long)m->reserved[2].size - (56 << 20)), 1 << 16);
	free(m);
}

Test(machine_set, every_machine_that_ships_takes_another_amount_of_memory)
{
	static const char *const names[] = { "pc-512m", "server-2n-64g", "arm64-16k-4g", "highmem-32bit-2g",
		"embedded-64m", "pc-1t" };
	static const char *const sets[] = { "memory=50 MiB", "memory=1000 MiB", "memory=40 GiB" };
	const char *source = getenv("KMEMSIM_SOURCE");
	struct machine *m = calloc(1, sizeof(*m));

	if (!source)
		cr_skip_test("KMEMSIM_SOURCE is not set");
	for (size_t i = 0; i < 6 * 3; i++) {
		struct err err = { 0 };
		char path[4096];

		snprintf(path, sizeof(path), "%s/configs/machines/%s.yaml", source, names[i / 3]);
		if (i % 3 == 0 && i / 3 != 0 && i / 3 != 4)
			continue; /* their kernels alone are too large for 50 MiB */
		cr_assert_eq(machine_load(m, path, &sets[i % 3], 1, &err), 0, "%s", err.text);
	}
	free(m);
}

Test(machine_set, cpus_are_dealt_out_to_the_nodes_anew)
{
	const char *const sets[] = { "nodes=[{memory: 1 GiB, cpus: [0, 2]}, {memory: 1 GiB, cpus: [1, 3]}]", "cpus=8" };
	struct err err;
	struct machine *m = set(sets, 1, &err);

	cr_assert_str_eq(err.text, "");
	cr_assert_eq(m->node_of_cpu[1], 1);
	cr_assert_eq(m->node_of_cpu[2], 0);
	free(m);
	m = set(sets, 2, &err);
	cr_assert_str_eq(err.text, "");
	cr_assert_eq(m->cpus, 8);
	cr_assert_eq(m->node_of_cpu[3], 0);
	cr_assert_eq(m->node_of_cpu[4], 1);
	free(m);
}

Test(machine_set, node_zero_can_be_set_in_a_file_without_nodes)
{
	const char *const sets[] = { "nodes.0.memory=1 GiB" };
	struct machine *m = calloc(1, sizeof(*m));
	struct err err = { 0 };

	machine_load(m, NULL, sets, 1, &err);
	cr_assert_str_eq(err.text, "");
	cr_assert_eq(m->ram[1].start + m->ram[1].size, 1 << 30);
	free(m);
}
