#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/latency.h"
#include "configs/machine_yaml.h"

static struct machine *load(const char *yaml, const char *const *sets, uint32_t nr, struct err *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	*err = (struct err){ 0 };
	machine_load_text(machine, "m.yaml", yaml, yaml ? strlen(yaml) : 0, sets, nr, err);
	return machine;
}

static void expect_profile(const struct machine *m, enum machine_profile profile, enum machine_step but)
{
	cr_assert_eq(m->latency.profile, profile);
	for (int step = 0; step < NR_STEPS; step++)
		if (step != (int)but)
			cr_assert_eq(m->latency.step_ns[step], latency_default_ns(profile, (enum machine_step)step),
				"%s", machine_step_name[step]);
}

Test(latency, the_default_profile_is_the_table_of_steps)
{
	struct err err;
	struct machine *m = load(NULL, NULL, 0, &err);

	expect_profile(m, PROFILE_SERVER_2020, NR_STEPS);
	cr_assert_eq(m->latency.step_ns[STEP_SLAB_ALLOC_FAST], 12);
	cr_assert_eq(m->latency.step_ns[STEP_ZERO_KIB], 30);
	cr_assert(m->latency.numa);
	free(m);
}

Test(latency, steps_of_the_file_override_its_profile_wherever_they_stand)
{
	struct err err;
	struct machine *m = load("latency: {page_pcp: 77, profile: embedded-a53}\n", NULL, 0, &err);

	cr_assert_str_eq(err.text, "");
	expect_profile(m, PROFILE_EMBEDDED_A53, STEP_PAGE_PCP);
	cr_assert_eq(m->latency.step_ns[STEP_PAGE_PCP], 77);
	free(m);
}

Test(latency, a_setting_of_the_profile_replaces_what_was_said_before)
{
	const char *const sets[] = { "latency.vmalloc=5", "latency.profile=vm", "latency.page_pcp=3 us" };
	struct err err;
	struct machine *m = load("latency: {page_buddy: 77, zero_bandwidth: 1 GB/s}\n", sets, 3, &err);

	cr_assert_str_eq(err.text, "");
	expect_profile(m, PROFILE_VM, STEP_PAGE_PCP);
	cr_assert_eq(m->latency.step_ns[STEP_PAGE_PCP], 3000);
	free(m);
}

Test(latency, a_bandwidth_is_another_spelling_of_zero_kib)
{
	const char *const later[] = { "latency.zero_bandwidth=1 GB/s", "latency.zero_kib=7" },
			  *const map = "latency={zero_kib: 7}";
	struct err err;
	struct machine *m = load("latency: {zero_bandwidth: 12.8 GB/s}\n", NULL, 0, &err);

	cr_assert_eq(m->latency.step_ns[STEP_ZERO_KIB], 80, "%u", m->latency.step_ns[STEP_ZERO_KIB]);
	free(m);
	m = load("latency: {zero_kib: 3}\n", later, 1, &err);
	cr_assert_eq(m->latency.step_ns[STEP_ZERO_KIB], 1024);
	free(m);
	m = load("latency: {zero_kib: 3}\n", later, 2, &err);
	cr_assert_eq(m->latency.step_ns[STEP_ZERO_KIB], 7, "the later setting counts");
	free(m);
	m = load("latency: {zero_bandwidth: 1500 MB/s}\n", NULL, 0, &err);
	cr_assert_eq(m->latency.step_ns[STEP_ZERO_KIB], 683, "682.67 is rounded");
	free(m);
	m = load("latency: {zero_bandwidth: 1 GB/s}\n", &map, 1, &err);
	cr_assert_eq(m->latency.step_ns[STEP_ZERO_KIB], 7, "as in a map");
	free(m);
}

Test(latency, what_is_wrong_is_said)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {
		{ "latency: {profile: server-2021}\n",
			"m.yaml:1:20: error: latency.profile: \"server-2021\": expected server-2020, "
						      "embedded-a53, vm or emulated" },
		{ "latency: {zero_bandwidth: 12}\n",
			"m.yaml:1:27: error: latency.zero_bandwidth: \"12\": expected a rate such as "
						     "1.2 GB/s" },
		{ "latency: {zero_bandwidth: 1 GB/s, zero_kib: 3}\n",
			"m.yaml:1:27: error: latency.zero_bandwidth: zero_kib says "
								      "the same: give one of them" },
		{ "latency: {zero_bandwidth: 1 kB/s}\n",
			"m.yaml:1:27: error: latency.zero_bandwidth: \"1 kB/s\": out of range: "
							 "1 MB/s to 1000000000 MB/s" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		struct machine *m = load(cases[i].yaml, NULL, 0, &err);

		cr_assert(strstr(err.text, cases[i].message), "%s gave\n%s", cases[i].yaml, err.text);
		free(m);
	}
}

Test(latency, every_profile_comes_back_from_its_canonical_file)
{
	static const char *const sets[] = { "latency.profile=server-2020", "latency.profile=embedded-a53",
		"latency.profile=vm", "latency={profile: vm, zero_bandwidth: 3 GB/s, numa: false}" };

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct err err;
		struct machine *m = load(NULL, &sets[i], 1, &err), *again;
		char *yaml = machine_to_yaml(m);

		cr_assert_str_eq(err.text, "");
		again = load(yaml, NULL, 0, &err);
		cr_assert(!memcmp(m, again, sizeof(*m)), "%s\n%s%s", sets[i], err.text, yaml);
		free(yaml);
		free(again);
		free(m);
	}
}

/* docs/latency.md has a row for each step, with what it costs in each profile. */
Test(latency, the_documented_table_is_that_of_the_code)
{
	const char *source = getenv("KMEMSIM_SOURCE");
	char path[4096], row[256];
	static char text[1 << 20];
	size_t len;
	FILE *in;

	if (!source)
		cr_skip_test("KMEMSIM_SOURCE is not set");
	snprintf(path, sizeof(path), "%s/docs/latency.md", source);
	in = fopen(path, "r");
	cr_assert_not_null(in, "%s", path);
	len = fread(text, 1, sizeof(text) - 1, in);
	text[len] = 0;
	fclose(in);
	for (int i = 0; i < NR_STEPS; i++) {
		enum machine_step step = (enum machine_step)i;

		snprintf(row, sizeof(row), "\n| `%s` | %" PRIu32 " | %" PRIu32 " | %" PRIu32 " | ",
			machine_step_name[i], latency_default_ns(PROFILE_SERVER_2020, step),
			latency_default_ns(PROFILE_EMBEDDED_A53, step), latency_default_ns(PROFILE_VM, step));
		cr_assert(strstr(text, row), "docs/latency.md has no row that begins with%s", row);
	}
}
