#include "configs/schema_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/word.h"

/* @path with '#' for each index. @pattern: KEY_PATH_MAX bytes. */
static void key_pattern(const char *path, char *pattern)
{
	size_t used = 0;

	while (*path && used + 2 < KEY_PATH_MAX) {
		size_t len = strcspn(path, ".");

		if (len && strspn(path, "0123456789") == len) {
			pattern[used++] = '#';
		} else {
			if (len > KEY_PATH_MAX - 2 - used)
				len = KEY_PATH_MAX - 2 - used;
			memcpy(pattern + used, path, len);
			used += len;
		}
		path += strcspn(path, ".");
		if (*path == '.') {
			pattern[used++] = '.';
			path++;
		}
	}
	pattern[used] = '\0';
}

const struct key *key_find_from(const char *path, const struct key *from)
{
	size_t first = (size_t)(from - machine_keys);
	char pattern[KEY_PATH_MAX];

	key_pattern(path, pattern);
	for (size_t i = 0; i < nr_machine_keys; i++) {
		const struct key *key = &machine_keys[(first + i) % nr_machine_keys];

		if (!strcmp(key->path, pattern))
			return key;
	}
	return NULL;
}

const struct key *key_find(const char *path)
{
	return key_find_from(path, machine_keys);
}

const struct key *key_elements_end(const struct key *list)
{
	size_t len = strlen(list->path);
	const struct key *key = list + 1;

	while (key < machine_keys + nr_machine_keys && !strncmp(key->path, list->path, len) &&
		!strncmp(key->path + len, ".#.", 3))
		key++;
	return key;
}

bool key_is_section(const char *path)
{
	char pattern[KEY_PATH_MAX];
	size_t len;

	key_pattern(path, pattern);
	len = strlen(pattern);
	for (size_t i = 0; i < nr_machine_keys; i++) {
		if (!strncmp(machine_keys[i].path, pattern, len) && machine_keys[i].path[len] == '.')
			return true;
	}
	return false;
}

/*
 * How far a known path is from an unknown one: whole against whole, or only the last words when the key was put into
 * the wrong section. Twice the edits, so that a wrong section can weigh one.
 */
static unsigned int path_distance(const char *unknown, const char *known, size_t known_len)
{
	size_t len = strlen(unknown);
	const char *leaf = memrchr(unknown, '.', len), *known_leaf = memrchr(known, '.', known_len);
	unsigned int whole = 2 * word_distance(unknown, len, known, known_len), parts;

	leaf = leaf ? leaf + 1 : unknown;
	known_leaf = known_leaf ? known_leaf + 1 : known;
	parts = 2 * word_distance(leaf, strlen(leaf), known_leaf, (size_t)(known + known_len - known_leaf)) + 1;
	return whole < parts ? whole : parts;
}

/* @pattern with its '#' replaced by the numbers of @path, in order; "N" where @path has no more. */
static void with_indices(const char *pattern, size_t len, const char *path, char *out)
{
	size_t used = 0;

	for (const char *c = pattern; c < pattern + len && used + 12 < KEY_PATH_MAX; c++) {
		if (*c != '#') {
			out[used++] = *c;
			continue;
		}
		while (*path && !(isdigit((unsigned char)*path) && strspn(path, "0123456789") == strcspn(path, "."))) {
			path += strcspn(path, ".");
			path += *path == '.';
		}
		if (*path)
			used += (size_t)snprintf(out + used, KEY_PATH_MAX - used, "%.*s", (int)strcspn(path, "."),
				path);
		else
			out[used++] = 'N';
		path += strcspn(path, ".");
		path += *path == '.';
	}
	out[used] = '\0';
}

bool key_nearest(const char *path, char *nearest)
{
	char pattern[KEY_PATH_MAX];
	const char *best_path = NULL, *leaf;
	unsigned int best = UINT32_MAX;
	size_t best_len = 0;

	key_pattern(path, pattern);
	for (size_t i = 0; i < nr_machine_keys; i++) {
		const char *known = machine_keys[i].path;

		/* The sections on the way count as known, too: "zones" of "zones.dma". */
		for (size_t len = strcspn(known, "."); ; len += 1 + strcspn(known + len + 1, ".")) {
			unsigned int distance = path_distance(pattern, known, len);

			if (distance < best) {
				best = distance;
				best_path = known;
				best_len = len;
			}
			if (!known[len])
				break;
		}
	}
	leaf = strrchr(pattern, '.');
	leaf = leaf ? leaf + 1 : pattern;
	if (best > 2 * (1 + strlen(leaf) / 3))
		return false;
	with_indices(best_path, best_len, path, nearest);
	return true;
}
