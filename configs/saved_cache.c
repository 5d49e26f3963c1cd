#include "configs/saved_cache.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "configs/text_file.h"

#define VMSTAT_MAX   (4u << 20) /* bytes: more than any vmstat has */
#define ENOUGH_PAGES 1024u      /* fewer say nothing of a share */
#define FEW_PERCENT  1u         /* of the pages that came: whether so many more are active does not matter */

/* Pages of a kind on LRU lists, together <= UINT32_MAX. */
struct on_lists {
	uint64_t inactive, active;
};

/* Of one vmstat. A state of zeroes is that of boot. */
struct lru_counts {
	struct on_lists file, anon;
	uint64_t stolen;           /* pages reclaimed, since boot: of files, else all */
	uint64_t deactivated;      /* times that a page was made inactive, since boot */
};

static bool has_vmstat(const char *folder)
{
	static const char *const names[] = { "vmstat", "vmstat.xz" };
	char path[TEXT_PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]) < (int)sizeof(path) &&
			access(path, F_OK) == 0)
			return true;
	return false;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The folders of the first and the last state in @dir. Return: how many there are; -1 when it cannot be read. */
static int find_states(const char *dir, char first[TEXT_PATH_MAX], char last[TEXT_PATH_MAX])
{
	struct dirent **entries;
	int nr = scandir(dir, &entries, is_shown, versionsort), states = 0;

	if (nr < 0)
		return -1;
	for (int i = 0; i < nr; i++) {
		char path[TEXT_PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name) < (int)sizeof(path) &&
			has_vmstat(path)) {
			if (!states++)
				memcpy(first, path, strlen(path) + 1);
			memcpy(last, path, strlen(path) + 1);
		}
		free(entries[i]);
	}
	free(entries);
	return states;
}

/* "pgsteal_kswapd 7", or of one zone, as before 4.8: "pgsteal_kswapd_dma32 7". */
static bool stolen_by(const char *line, const char *whom, uint64_t *pages)
{
	return !strncmp(line, whom, strlen(whom)) && sscanf(line, "%*s %" SCNu64, pages) == 1;
}

/* Return: whether @text, which is cut into lines, has all that is needed. */
static bool count_lists(struct lru_counts *counts, char *text)
{
	bool inactive = false, active = false, deactivated = false, stolen = false, by_kind = false;
	uint64_t of_files = 0;

	for (char *line; (line = text_next_line(&text));) {
		uint64_t pages;

		inactive |= text_number(line, "nr_inactive_file", &counts->file.inactive);
		active |= text_number(line, "nr_active_file", &counts->file.active);
		text_number(line, "nr_inactive_anon", &counts->anon.inactive);
		text_number(line, "nr_active_anon", &counts->anon.active);
		deactivated |= text_number(line, "pgdeactivate", &counts->deactivated);
		by_kind |= text_number(line, "pgsteal_file", &of_files);
		if (stolen_by(line, "pgsteal_kswapd", &pages) || stolen_by(line, "pgsteal_direct", &pages)) {
			counts->stolen += pages;
			stolen = true;
		}
	}
	if (by_kind)
		counts->stolen = of_files;
	return inactive && active && deactivated && (stolen || by_kind);
}

static bool too_many(const struct on_lists *lists)
{
	return lists->inactive > UINT32_MAX || lists->active > UINT32_MAX - lists->inactive;
}

/* Return: whether the vmstat in @folder could be used; if not, *how has the reason. */
static bool read_counts(struct lru_counts *counts, const char *folder, char how[SAVED_CACHE_TEXT])
{
	char *text = NULL;
	struct err err = { 0 };
	bool whole;

	*counts = (struct lru_counts){ 0 };
	if (text_read_in(&text, folder, "vmstat", VMSTAT_MAX, NULL, &err) <= 0) {
		snprintf(how, SAVED_CACHE_TEXT, "%.*s", SAVED_CACHE_TEXT - 1,
			err.text[0] ? err.text : "a vmstat cannot be read");
		return false;
	}
	whole = count_lists(counts, text);
	free(text);
	if (!whole)
		snprintf(how, SAVED_CACHE_TEXT,
			"%.600s/vmstat lacks nr_inactive_file, nr_active_file, pgdeactivate or pgsteal_*", folder);
	else if (too_many(&counts->file) || too_many(&counts->anon))
		snprintf(how, SAVED_CACHE_TEXT, "%.600s/vmstat counts more pages than there can be page frames",
			folder);
	else
		return true;
	return false;
}

/* What came to the lists of a kind. Return: NULL, or why nothing is known. */
static const char *compare_lists(struct saved_pages *pages, const struct on_lists *first, const struct on_lists *last)
{
	uint64_t before = first->inactive + first->active, after = last->inactive + last->active;

	if (after < before + ENOUGH_PAGES)
		return "fewer than 1024 file pages came";
	if (last->active < first->active || last->active - first->active > after - before)
		return "the active file pages are not among those that came";
	*pages = (struct saved_pages){ after - before, last->active - first->active };
	return NULL;
}

/* Return: NULL when *cache is filled, else why it is not. */
static const char *compare(struct saved_cache *cache, const struct lru_counts *first, const struct lru_counts *last)
{
	const char *reason;

	if (last->stolen != first->stolen)
		return "the machine reclaimed pages";
	reason = compare_lists(&cache->file, &first->file, &last->file);
	if (!reason && (last->deactivated - first->deactivated) * 100 > cache->file.pages * FEW_PERCENT)
		reason = "the machine deactivated pages";
	if (reason)
		*cache = (struct saved_cache){ 0 };
	else
		compare_lists(&cache->anon, &first->anon, &last->anon);
	return reason;
}

/* The name of a state, of the path of its folder. */
static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

bool saved_cache_read(struct saved_cache *cache, const char *dir, char how[SAVED_CACHE_TEXT])
{
	char first[TEXT_PATH_MAX], last[TEXT_PATH_MAX];
	struct lru_counts from = { 0 }, to;
	const char *reason;
	int states = find_states(dir, first, last);

	*cache = (struct saved_cache){ 0 };
	if (states == 0 && has_vmstat(dir) && snprintf(last, sizeof(last), "%s", dir) < (int)sizeof(last))
		states = 1;
	if (states <= 0) {
		snprintf(how, SAVED_CACHE_TEXT, "%.600s: %s", dir,
			states < 0 ? strerror(errno) : "no saved state with a vmstat in it");
		return false;
	}
	if (!read_counts(&to, last, how) || (states > 1 && !read_counts(&from, first, how)))
		return false;
	reason = compare(cache, &from, &to);
	if (states == 1)
		snprintf(how, SAVED_CACHE_TEXT, "%.600s, since boot%s%s", last, reason ? ": " : "",
			reason ? reason : "");
	else
		snprintf(how, SAVED_CACHE_TEXT, "%.400s to %.256s%s%s", first, name_of(last), reason ? ": " : "",
			reason ? reason : "");
	return reason == NULL;
}
