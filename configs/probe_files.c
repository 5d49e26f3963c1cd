#include "configs/probe_priv.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (4u << 20) /* bytes: more than any of these files has; a larger one is none of them */

/* Where the kernel has what a snapshot keeps under another name. */
static const struct live_name {
	const char *name, *path;
} live_names[] = {
	{ "transparent_hugepage_enabled", "sys/kernel/mm/transparent_hugepage/enabled" },
	{ "hostname", "proc/sys/kernel/hostname" },
};

void probe_note(struct probe *probe, const char *fmt, ...)
{
	va_list args;

	if (!probe->notes)
		return;
	va_start(args, fmt);
	vfprintf(probe->notes, fmt, args);
	va_end(args);
	fputc('\n', probe->notes);
}

/*
 * A file that cannot be read is as good as none, and so is an
 * empty one, its copy: the probe says what it assumes instead.
 */
static char *read_path(const char *path)
{
	char *text;

	if (text_read(&text, path, FILE_MAX, NULL, NULL) != 1)
		return NULL;
	if (*text)
		return text;
	free(text);
	return NULL;
}

/* The path below / of the file that a snapshot calls @name. */
static void live_path(const char *name, char *path, size_t size)
{
	unsigned int node;
	int word = 0;

	for (size_t i = 0; i < sizeof(live_names) / sizeof(live_names[0]); i++) {
		if (!strcmp(live_names[i].name, name)) {
			snprintf(path, size, "%s", live_names[i].path);
			return;
		}
	}
	if (!strncmp(name, "boot/", 5) || !strncmp(name, "sys/devices/", 12))
		snprintf(path, size, "%s", name);
	else if (sscanf(name, "node%u_%n", &node, &word) == 1 && word)
		snprintf(path, size, "sys/devices/system/node/node%u/%s", node, name + word);
	else
		snprintf(path, size, "proc/%s", name);
}

static char *read_in(const char *dir, const char *name)
{
	char path[PROBE_PATH_MAX], below[256];
	char *text = NULL;

	if (dir[0] && snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
		text = read_path(path);
	if (text)
		return text;
	/* Also a folder that is a copy of / */
	live_path(name, below, sizeof(below));
	if (snprintf(path, sizeof(path), "%s/%s", dir, below) >= (int)sizeof(path))
		return NULL;
	return read_path(path);
}

char *probe_read(const struct probe *probe, const char *name)
{
	return read_in(probe->dir, name);
}

char *probe_read_last(const struct probe *probe, const char *name)
{
	return read_in(probe->last, name);
}

bool probe_sysctl(const struct probe *probe, const char *name, char *value, size_t size)
{
	char *text = probe->dir[0] ? probe_read(probe, "sysctl_vm.txt") : NULL, *rest = text, *line, path[128];
	size_t len = strlen(name);

	while (rest && (line = text_next_line(&rest))) {
		if (strncmp(line, "vm.", 3) || strncmp(line + 3, name, len) || strncmp(line + 3 + len, " = ", 3))
			continue;
		snprintf(value, size, "%s", line + 3 + len + 3);
		free(text);
		return true;
	}
	free(text);
	snprintf(path, sizeof(path), "sys/vm/%s", name);
	text = probe_read(probe, path);
	if (!text)
		return false;
	snprintf(value, size, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	return true;
}

static bool has_file(const char *dir, const char *name)
{
	char path[PROBE_PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) && access(path, R_OK) == 0;
}

/* "1-after-boot": a snapshot's folder begins with its number. */
static int is_snapshot(const struct dirent *entry)
{
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
}

int probe_choose(struct probe *probe, const char *dir, struct err *err)
{
	struct dirent **entries = NULL;
	struct stat st;
	int nr;

	if (!dir)
		return 0;
	if (stat(dir, &st) < 0)
		return err_errno(err, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s: expected a folder with zoneinfo, iomem, meminfo ...", dir);
	if (snprintf(probe->dir, sizeof(probe->dir), "%s", dir) >= (int)sizeof(probe->dir) - 256)
		return err_set(err, ERR_CONFIG, "%s: path too long", dir);
	memcpy(probe->last, probe->dir, sizeof(probe->last));
	if (has_file(dir, "zoneinfo") || has_file(dir, "iomem") || has_file(dir, "meminfo"))
		return 0;
	/* In the order of their names: the first one with the kernel's own files is the one after boot. */
	nr = scandir(dir, &entries, is_snapshot, alphasort);
	for (int i = 0; i < nr; i++) {
		char path[PROBE_PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name) < (int)sizeof(path) &&
			has_file(path, "zoneinfo")) {
			if (probe->dir[strlen(dir)] == '\0')
				memcpy(probe->dir, path, strlen(path) + 1);
			memcpy(probe->last, path, strlen(path) + 1);
		}
		free(entries[i]);
	}
	free(entries);
	return 0;
}
