/* What two saved states tell of the page cache, and when they tell nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/saved_cache.h"

static char folder[64];
static char how[SAVED_CACHE_TEXT];

static void enter(void)
{
	strcpy(folder, "/tmp/kmemsim-test-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
}

static void leave(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(saved_cache, .init = enter, .fini = leave);

/* File @name of state @state, each byte as given. */
static void put(const char *state, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, state);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", folder, state, name);
	file = fopen(path, "w");
	cr_assert(file && fputs(text, file) >= 0);
	fclose(file);
}

/* A vmstat of 6.1 with lines that look alike around those that count. */
static void put_state(const char *state, unsigned int inactive, unsigned int active, unsigned int stolen,
	unsigned int deactivated)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"nr_zone_inactive_file 7\nnr_zone_active_file 9\nnr_inactive_anon 70000\nnr_active_anon 90000\n"
		"nr_inactive_file %u\nnr_active_file %u\npgdeactivate %u\npglazyfree 3\n"
		"pgsteal_kswapd %u\npgsteal_direct 0\npgsteal_khugepaged 0\npgsteal_anon 0\npgsteal_file %u\n",
		inactive, active, deactivated, stolen, stolen);
	put(state, "vmstat", text);
}

static struct saved_cache known(void)
{
	struct saved_cache cache;

	cr_assert(saved_cache_read(&cache, folder, how), "%s", how);
	return cache;
}

static void expect_unknown(const char *reason)
{
	struct saved_cache cache = { { 1, 1 }, { 1, 1 } };

	cr_expect(!saved_cache_read(&cache, folder, how), "%s", reason);
	cr_expect(strstr(how, reason), "expected \"%s\" in: %s", reason, how);
	cr_expect(!strchr(how, '\n'), "one line: %s", how);
	cr_expect_eq(cache.file.pages, 0);
	cr_expect_eq(cache.file.reused, 0);
}

Test(saved_cache, what_came_between_the_first_and_the_last_state_counts)
{
	struct saved_cache cache;

	/* 10 comes after 9, and what lies between them does not matter, nor what is no state. */
	put_state("9-after-boot", 1000, 200, 0, 0);
	put_state("9-between", 100000, 0, 77, 77);
	put_state("10-after-workload", 30000, 17819, 0, 0);
	put_state(".hidden", 1, 1, 1, 1);
	put("notes", "README", "nr_active_file 1\n");
	cache = known();
	cr_assert_eq(cache.file.pages, 30000 + 17819 - 1200);
	cr_assert_eq(cache.file.reused, 17819 - 200);
	cr_assert(strstr(how, "/9-after-boot to 10-after-workload"), "%s", how);
}

Test(saved_cache, inactive_pages_that_became_active_are_pages_that_came_before)
{
	put_state("1", 2000, 0, 0, 0);
	put_state("2", 500, 2600, 0, 0);
	expect_unknown("not among those that came");
	put_state("2", 524, 2500, 0, 0);
	expect_unknown("not among those that came");
	put_state("2", 2000, 1024, 0, 0);
	cr_assert_eq(known().file.reused, 1024, "all of them");
}

Test(saved_cache, one_state_counts_from_boot)
{
	struct saved_cache cache;

	put_state("only", 32462, 25975, 0, 0);
	cache = known();
	cr_assert_eq(cache.file.pages, 58437);
	cr_assert_eq(cache.file.reused, 25975);
	cr_assert(strstr(how, "/only, since boot"), "%s", how);
	put_state("only", 32462, 25975, 1, 0);
	expect_unknown("since boot: the machine reclaimed");
}

Test(saved_cache, a_state_may_be_named_itself)
{
	put_state(".", 32462, 25975, 0, 0);
	cr_assert_eq(known().file.pages, 58437);
}

Test(saved_cache, a_machine_that_reclaimed_or_deactivated_tells_nothing)
{
	put_state("1", 0, 0, 100, 8);
	put_state("2", 30000, 17619, 100, 8);
	cr_assert_eq(known().file.reused, 17619, "what it reclaimed before the first state does not matter");
	put_state("2", 30000, 17619, 101, 8);
	expect_unknown("reclaimed");
	put_state("2", 30000, 17619, 100, 8 + 476);
	cr_assert_eq(known().file.reused, 17619, "1 % more or less does not matter: it reclaimed nothing");
	put_state("2", 30000, 17619, 100, 8 + 477);
	expect_unknown("deactivated");
}

/* pgsteal_kswapd has anonymous pages in it, which say nothing of the page cache. */
Test(saved_cache, from_5_8_on_pages_of_files_alone_count_as_reclaimed)
{
	put_state("1", 0, 0, 100, 0);
	put("2", "vmstat", "nr_inactive_file 30000\nnr_active_file 17619\npgdeactivate 0\n"
		"pgsteal_kswapd 900\npgsteal_direct 0\npgsteal_anon 800\npgsteal_file 100\n");
	cr_assert_eq(known().file.reused, 17619);
}

Test(saved_cache, before_5_8_all_that_was_reclaimed_counts_of_each_zone)
{
	static const char *const none = "nr_inactive_file 0\nnr_active_file 0\npgdeactivate 0\n"
					"pgsteal_kswapd_dma 1\npgsteal_kswapd_normal 2\npgsteal_direct_normal 3\n";
	static const char *const later = "nr_inactive_file 3000\nnr_active_file 1000\npgdeactivate 0\n"
					 "pgsteal_kswapd_dma 1\npgsteal_kswapd_normal 2\npgsteal_direct_normal %u\n";
	static const char *const four_14 =
		"nr_inactive_file 3000\nnr_active_file 1000\npgdeactivate 0\npgsteal_kswapd %u\npgsteal_direct 0\n";
	char text[512];

	put("1", "vmstat", none);
	snprintf(text, sizeof(text), later, 3);
	put("2", "vmstat", text);
	cr_assert_eq(known().file.pages, 4000);
	snprintf(text, sizeof(text), later, 4);
	put("2", "vmstat", text);
	expect_unknown("reclaimed");
	put("1", "vmstat",
		"nr_inactive_file 0\nnr_active_file 0\npgdeactivate 0\npgsteal_kswapd 0\npgsteal_direct 0\n");
	snprintf(text, sizeof(text), four_14, 0);
	put("2", "vmstat", text);
	cr_assert_eq(known().file.reused, 1000);
	snprintf(text, sizeof(text), four_14, 1);
	put("2", "vmstat", text);
	expect_unknown("reclaimed");
}

Test(saved_cache, too_few_pages_are_no_share)
{
	put_state("1", 10, 10, 0, 0);
	put_state("2", 533, 510, 0, 0);
	expect_unknown("fewer than 1024");
	put_state("2", 534, 510, 0, 0);
	cr_assert_eq(known().file.pages, 1024);
	put_state("2", 5, 5, 0, 0);
	expect_unknown("fewer than 1024");
}

Test(saved_cache, fewer_active_pages_than_before_are_a_contradiction)
{
	put_state("1", 0, 500, 0, 0);
	put_state("2", 5000, 499, 0, 0);
	expect_unknown("not among those that came");
	put_state("2", 5000, 500, 0, 0);
	cr_assert_eq(known().file.reused, 0, "none was used again, which is knowledge");
}

Test(saved_cache, missing_and_damaged_files_are_a_reason_and_no_more)
{
	static const char *const damaged[] = {
		"", "\n\n", "nr_inactive_file", "\xff\xfe\x01",
		"nr_inactive_file 3000\npgdeactivate 0\npgsteal_file 0\n",
		"nr_active_file 1000\npgdeactivate 0\npgsteal_file 0\n",
		"nr_inactive_file 3000\nnr_active_file 1000\npgsteal_file 0\n",
		"nr_inactive_file 3000\nnr_active_file 1000\npgdeactivate 0\n",
		"nr_inactive_file -3000\nnr_active_file 1000\npgdeactivate 0\npgsteal_file 0\n",
		"nr_inactive_file 99999999999999999999\nnr_active_file 1000\npgdeactivate 0\npgsteal_file 0\n",
	};

	expect_unknown("no saved state");
	put("1", "zoneinfo", "");
	expect_unknown("no saved state");
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		put_state("2", 30000, 17619, 0, 0);
		put("1", "vmstat", damaged[i]);
		expect_unknown("/1/vmstat lacks");
		put_state("1", 0, 0, 0, 0);
		put("2", "vmstat", damaged[i]);
		expect_unknown("/2/vmstat lacks");
	}
	put("2", "vmstat", "nr_inactive_file 4294967295\nnr_active_file 1\npgdeactivate 0\npgsteal_file 0\n");
	expect_unknown("more pages than there can be");
	put("2", "vmstat",
		"nr_inactive_file 18446744073709551615\nnr_active_file 2000\npgdeactivate 0\npgsteal_file 0\n");
	expect_unknown("more pages than there can be");
	put("2", "vmstat", "nr_inactive_file 4294967295\nnr_active_file 0\npgdeactivate 0\npgsteal_file 0\n");
	cr_assert_eq(known().file.pages, UINT32_MAX);
	put("3", "vmstat.xz", "this is not packed");
	expect_unknown("vmstat.xz");
	leave();
	expect_unknown("No such file");
	enter();
}

/* Anonymous pages are counted as those of files are. */
Test(saved_cache, anonymous_pages_that_came_count_by_themselves)
{
	put_state("1", 0, 0, 0, 0);
	put_state("2", 2000, 500, 0, 0);
	cr_expect_eq(known().anon.pages, 0, "as many as before");
	put("1", "vmstat",
		"nr_inactive_anon 1000\nnr_active_anon 300\nnr_inactive_file 0\nnr_active_file 0\npgdeactivate 0\npgsteal_file 0\n");
	put("2", "vmstat",
		"nr_inactive_anon 4000\nnr_active_anon 1300\nnr_inactive_file 2000\nnr_active_file 0\npgdeactivate 0\npgsteal_file 0\n");
	cr_expect_eq(known().anon.pages, 4000);
	cr_expect_eq(known().anon.reused, 1000);
	put("2", "vmstat",
		"nr_inactive_anon 4000\nnr_active_anon 200\nnr_inactive_file 2000\nnr_active_file 0\npgdeactivate 0\npgsteal_file 0\n");
	cr_expect_eq(known().anon.pages, 0, "fewer are active: nothing is known of these");
	cr_expect_eq(known().file.pages, 2000, "but of files");
}

/* Of the machines of the captures those that did not reclaim and had a file system on a disk. */
Test(saved_cache, recorded_machines_tell_what_they_used_again)
{
	static const struct {
		const char *capture;
		uint64_t pages, reused;
	} captures[] = {
		{ "J-whatif/base", 58437, 25975 },  { "J-whatif/base-repeat", 58459, 25987 },
			{ "J-whatif/less-memory", 0, 0 },
		{ "D-pressure", 0, 0 }, { "C-net-ipc", 0, 0 },
	};
	const char *shared = getenv("KMEMSIM_SHARED");
	struct saved_cache cache;
	char path[4096];

	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
		snprintf(path, sizeof(path), "%s/captures/%s/snapshots", shared ? shared : "", captures[i].capture);
		if (!shared || access(path, R_OK))
			cr_skip_test("no recordings beside the project");
		cr_expect_eq(saved_cache_read(&cache, path, how), captures[i].pages > 0, "%s", how);
		cr_expect_eq(cache.file.pages, captures[i].pages, "%s", how);
		cr_expect_eq(cache.file.reused, captures[i].reused, "%s", how);
	}
}
