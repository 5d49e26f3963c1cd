#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "configs/machine_yaml.h"

/* Writes, loads and writes again: struct and text must be the same. */
static void expect_round_trip(const struct machine *machine, const char *what)
{
	struct machine *again = calloc(1, sizeof(*again));
	char *yaml = machine_to_yaml(machine), *yaml_again;
	struct err err = { 0 };

	cr_assert_not_null(yaml);
	cr_assert_eq(machine_load_text(again, "canonical", yaml, strlen(yaml), NULL, 0, &err), 0, "%s: %s\n%s", what,
		err.text, yaml);
	yaml_again = machine_to_yaml(again);
	cr_assert_str_eq(yaml, yaml_again, "%s", what);
	cr_assert(!memcmp(machine, again, sizeof(*machine)), "%s: differs in memory\n%s", what, yaml);
	free(yaml_again);
	free(yaml);
	free(again);
}

Test(machine_write, defaults_come_back)
{
	struct machine *m = calloc(1, sizeof(*m));

	machine_defaults(m);
	expect_round_trip(m, "defaults");
	free(m);
}

static const char *pick(struct rng *rng, const char *const *words, uint32_t nr)
{
	return words[rng_below(rng, nr)];
}
#define PICK(rng, ...) \
	pick(rng, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* A machine that is right, with every kind of key in it. */
static void random_machine(struct rng *rng, char *text, size_t size)
{
	uint64_t nodes = 1 + rng_below(rng, 4);
	FILE *out = fmemopen(text, size, "w");

	fprintf(out, "name: %s\nkernel: \"%s\"\npage_size: %s\n",
		PICK(rng, "a", "\"b: \\\"c\\\" #\"", "\"\\\\\"", "n-1", "\"- x\"", "6.1", "\"\xc3\xa4\""),
		PICK(rng, "2.6-classic", "6.1", "6.18"), PICK(rng, "4 KiB", "8 KiB", "16 KiB", "64 KiB"));
	fprintf(out, "nodes:\n");
	for (uint64_t i = 0; i < nodes; i++) {
		uint64_t start = i << 33;

		fprintf(out, " - cpus: %u\n   ranges:\n", (unsigned int)(1 + rng_below(rng, 300)));
		for (uint64_t n = 1 + rng_below(rng, 5); n; n--) {
			uint64_t bytes = (1 << 20) + rng_below(rng, 1ull << 30);

			fprintf(out, "   - {start: %llu, size: %llu}\n", (unsigned long long)start,
				(unsigned long long)bytes);
			start += bytes + rng_below(rng, 1 << 20);
		}
	}
	fprintf(out, "reserved:\n");
	for (uint64_t n = rng_below(rng, 5), start = rng_below(rng, 100000); n; n--) {
		uint64_t bytes = 1 + rng_below(rng, 100000);

		fprintf(out, " - {start: %llu, size: %llu, name: %s}\n", (unsigned long long)start,
			(unsigned long long)bytes, PICK(rng, "x", "\"two words\""));
		start += bytes + rng_below(rng, 50000);
	}
	fprintf(out, "zones: {dma: %s, movable: %s}\n", PICK(rng, "none", "16 MiB", "1 MiB"),
		PICK(rng, "0", "128 MiB"));
	fprintf(out, "page_allocator: {min_free_kbytes: %s, transparent_hugepage: %s, cma: %s}\n",
		PICK(rng, "auto", "0", "67584"), PICK(rng, "none", "never", "madvise", "always"),
		PICK(rng, "true", "false"));
	fprintf(out, "slab: {min_objects: %s, cpu_partial: %s, nr_cpu_ids: %s}\n", PICK(rng, "auto", "1", "16"),
		PICK(rng, "auto", "none", "30"), PICK(rng, "auto", "8192"));
	fprintf(out, "kmalloc: {min_size: %s, extra_classes: %s}\n", PICK(rng, "8", "16", "64"),
		PICK(rng, "[]", "[96, 192]", "[96, 192, 384, 3000]"));
	fprintf(out, "vmalloc: {lazy_max: %s}\npercpu: {unit_size: %s}\nlatency: {zone_lock: %s}\n",
		PICK(rng, "auto", "none", "32 MiB"), PICK(rng, "auto", "32 KiB"), PICK(rng, "0", "1 us"));
	fprintf(out, "io_ports: {regions: [{start: 0x60, size: 1, name: keyboard, access_ns: 9, access_16_ns: %s}]}\n",
		PICK(rng, "0", "17"));
	fprintf(out, "io_memory: {regions: [{start: 0xfebc0000, size: 128 KiB, name: nic, claim: %s, read_ns: %s},"
		     " {start: 0xfebc1000, size: 1 KiB, name: part}]}\n", PICK(rng, "auto", "none", "kernel", "driver"),
		PICK(rng, "0", "1 us"));
	fclose(out);
}

Test(machine_write, any_machine_comes_back_the_same, .timeout = 60)
{
	struct machine *m = calloc(1, sizeof(*m));
	char text[8192];

	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct err err = { 0 };
		char what[32];
		struct rng rng;

		rng_init(&rng, seed, "machine");
		random_machine(&rng, text, sizeof(text));
		snprintf(what, sizeof(what), "seed %d", (int)seed);
		memset(m, 0, sizeof(*m));
		cr_assert_eq(machine_load_text(m, "random", text, strlen(text), NULL, 0, &err), 0, "%s: %s", what,
			err.text);
		expect_round_trip(m, what);
	}
	free(m);
}

Test(machine_write, hash_ignores_the_name_and_nothing_else)
{
	struct machine *m = calloc(1, sizeof(*m));
	char one[65], renamed[65], changed[65];
	struct err err;

	machine_defaults(m);
	cr_assert_eq(machine_hash(m, one, &err), 0);
	strcpy(m->name, "other");
	machine_hash(m, renamed, &err);
	m->latency.step_ns[STEP_LIST_LOCK]++;
	machine_hash(m, changed, &err);
	cr_assert_str_eq(one, renamed);
	cr_assert_str_neq(one, changed);
	cr_assert_eq(strlen(one), 64);
	free(m);
}

Test(machine_write, machines_that_ship_load_and_come_back)
{
	const char *source = getenv("KMEMSIM_SOURCE");
	struct machine *m = calloc(1, sizeof(*m));
	char folder[4096], path[8192];
	struct dirent *entry;
	unsigned int nr = 0;
	DIR *dir;

	if (!source)
		cr_skip_test("KMEMSIM_SOURCE is not set");
	snprintf(folder, sizeof(folder), "%s/configs/machines", source);
	dir = opendir(folder);
	cr_assert_not_null(dir, "%s", folder);
	while ((entry = readdir(dir))) {
		struct err err = { 0 };

		if (!strstr(entry->d_name, ".yaml"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		memset(m, 0, sizeof(*m));
		cr_assert_eq(machine_load(m, path, NULL, 0, &err), 0, "%s", err.text);
		cr_assert(!strncmp(entry->d_name, m->name, strlen(m->name)), "%s is named %s", entry->d_name, m->name);
		expect_round_trip(m, entry->d_name);
		nr++;
	}
	closedir(dir);
	cr_assert_geq(nr, 6);
	free(m);
}
