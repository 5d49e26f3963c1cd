#include "configs/probe.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "configs/machine_yaml.h"
#include "configs/probe_priv.h"

/*
 * The last part of the folder's path that is not only a place
 * in a capture: ".../A-boot-256m/snapshots/1-after-boot".
 */
static void name_from_folder(const char *dir, char *name, size_t size)
{
	size_t len = strlen(dir);

	name[0] = '\0';
	while (len) {
		size_t start;

		while (len && dir[len - 1] == '/')
			len--;
		start = len;
		while (start && dir[start - 1] != '/')
			start--;
		snprintf(name, size, "%.*s", (int)(len - start), dir + start);
		if (strcmp(name, "snapshots") && strcmp(name, ".") && !isdigit((unsigned char)name[0]))
			return;
		len = start;
	}
}

static void set_name(struct probe *probe)
{
	char name[MACHINE_NAME_MAX], *host;

	name_from_folder(probe->dir, name, sizeof(name));
	if (!probe->dir[0]) {
		host = probe_read(probe, "hostname");
		snprintf(name, sizeof(name), "%.*s", host ? (int)strcspn(host, "\n") : 0, host ? host : "");
		free(host);
	}
	for (char *c = name; *c; c++)
		*c = isalnum((unsigned char)*c) || strchr("-_.", *c) ? *c : '_';
	memset(probe->machine->name, 0, sizeof(probe->machine->name));
	snprintf(probe->machine->name, sizeof(probe->machine->name), "%s", name[0] ? name : "probed");
}

/* The same checks as for any machine file: damaged files can say anything. */
static int check(struct machine *machine, struct err *err)
{
	char *yaml = machine_to_yaml(machine);
	int answer;

	if (!yaml)
		return err_set(err, ERR_NOMEM, "no memory for the machine's YAML");
	answer = machine_load_text(machine, "what the files say", yaml, strlen(yaml), NULL, 0, err);
	free(yaml);
	return answer;
}

static bool any_file(const struct probe *probe)
{
	static const char *const names[] = { "zoneinfo", "meminfo", "iomem", "ioports" };
	bool any = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !any; i++) {
		char *text = probe_read(probe, names[i]);

		any = text != NULL;
		free(text);
	}
	return any;
}

/* A file whose copying broke off, for want of room say: zones and RAM that it lacks look as if the machine had none. */
static void note_cut(struct probe *probe)
{
	static const char *const names[] = { "zoneinfo", "iomem", "ioports", "meminfo", "vmstat", "slabinfo",
		"sysctl_vm.txt" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *text = probe_read(probe, names[i]);

		if (text && text[strlen(text) - 1] != '\n')
			probe_note(probe,
				"%s ends amid a line: it seems to be cut off, and what it lacks is taken as not there",
				names[i]);
		free(text);
	}
}

static int run(struct probe *probe, const char *dir, struct err *err)
{
	int answer = probe_choose(probe, dir, err);

	if (answer < 0)
		return answer;
	if (!any_file(probe))
		return err_set(err, ERR_CONFIG, "%s: none of zoneinfo, meminfo, iomem and ioports is there",
			dir ? dir : "/proc");
	if (dir)
		note_cut(probe);
	answer = probe_zones(probe, err);
	if (answer < 0)
		return answer;
	set_name(probe);
	probe_memory(probe);
	probe_regions(probe);
	probe_settings(probe);
	probe_pressure(probe);
	probe_note(probe, "pages taken between the last boot reservation and the first recorded event (trace buffers, "
		"page tables, modules) count as managed: the model starts with them free");
	if (probe->machine->page_allocator.min_free_kbytes != MACHINE_AUTO)
		probe_note(probe, "min_free_kbytes is the kernel's figure: set it to auto when you change the memory");
	answer = check(probe->machine, err);
	return answer < 0 ? err_context(err, "%s", dir ? dir : "/proc") : 0;
}

int probe_machine(struct machine *machine, const char *dir, FILE *notes, struct err *err)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int answer;

	if (!probe)
		return err_set(err, ERR_NOMEM, "no memory to probe a machine");
	probe->machine = machine;
	probe->notes = notes;
	answer = run(probe, dir, err);
	free(probe);
	return answer;
}
