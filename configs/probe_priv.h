/* probe: what was read of a machine, shared by the files of the probe. */
#ifndef KMEMSIM_CONFIGS_PROBE_PRIV_H
#define KMEMSIM_CONFIGS_PROBE_PRIV_H

#include <stdio.h>

#include "base/err.h"
#include "configs/machine.h"

#define PROBE_PATH_MAX  4096
#define PROBE_MAX_ZONES (MACHINE_MAX_NODES * NR_ZONE_TYPES)

/* A zone as zoneinfo shows it; pages. */
struct probe_zone {
	uint32_t node;
	enum machine_zone type;
	uint64_t start_pfn;
	uint64_t spanned;
	uint64_t present;
	uint64_t managed;
	uint32_t cpus;                    /* CPUs with a page list here */
};

/* RAM, or a part of it that was never free, within one zone. */
struct probe_piece {
	uint64_t start, end;              /* pfn */
	uint32_t zone;                    /* in probe->zones */
	char name[MACHINE_NAME_MAX];
	bool scales;                      /* in proportion to RAM */
};

struct probe {
	struct machine *machine;          /* borrowed: being filled */
	FILE *notes;                      /* borrowed; may be NULL */
	char dir[PROBE_PATH_MAX];         /* "" = the live machine */
	bool has_zoneinfo;
	struct probe_zone zones[PROBE_MAX_ZONES]; /* populated ones */
	uint32_t nr_zones;
	uint8_t zone_order[NR_ZONE_TYPES]; /* the types that this kernel has, as it counts them */
	uint32_t nr_zone_types;
	struct probe_piece ram[MACHINE_MAX_RANGES];
	uint32_t nr_ram;
	struct probe_piece reserved[MACHINE_MAX_RANGES];
	uint32_t nr_reserved;
};

/** probe_note() - tell the user one thing that was assumed. */
void probe_note(struct probe *probe, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** probe_choose() - which folder to read: @dir, or the snapshot in it that shows a machine just booted. */
int probe_choose(struct probe *probe, const char *dir, struct err *err);

/** probe_read() - the whole of one file, by its name in a snapshot. Return: text that the caller frees, or NULL. */
char *probe_read(const struct probe *probe, const char *name);

/** probe_sysctl() - the value of vm.@name, as text. Return: whether it is known. */
bool probe_sysctl(const struct probe *probe, const char *name, char *value, size_t size);

/** probe_next_line() - cut the next line off @text. Return: the line, terminated, or NULL at the end. */
char *probe_next_line(char **text);

/** probe_number() - the number behind the word @name in @line (blanks and colons between). */
bool probe_number(const char *line, const char *name, uint64_t *value);

/**
 * probe_zones() - zoneinfo, and what it says about page size, nodes and CPUs. Fills the machine with the defaults of
 * such a kernel first.
 */
int probe_zones(struct probe *probe, struct err *err);

/** probe_memory() - RAM and reserved ranges such that each zone has the kernel's present and managed pages. */
void probe_memory(struct probe *probe);

/** probe_settings() - sysctls, command line, caches: all that is not a place in memory. */
void probe_settings(struct probe *probe);

#endif
