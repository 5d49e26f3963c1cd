/* probe: what was read of a machine, shared by the files of the probe. */
#ifndef KMEMSIM_CONFIGS_PROBE_PRIV_H
#define KMEMSIM_CONFIGS_PROBE_PRIV_H

#include <stdio.h>

#include "base/err.h"
#include "configs/machine.h"
#include "configs/text_file.h"
#include "configs/zoneinfo.h"

#define PROBE_PATH_MAX TEXT_PATH_MAX

/* RAM, or a part of it that was never free, within one zone. */
struct probe_piece {
	uint64_t start, end;              /* pfn */
	uint32_t zone;                    /* in probe->info.zones */
	char name[MACHINE_NAME_MAX];
	bool scales;                      /* in proportion to RAM */
};

struct probe {
	struct machine *machine;          /* borrowed: being filled */
	FILE *notes;                      /* borrowed; may be NULL */
	char dir[PROBE_PATH_MAX];         /* "" = the live machine */
	char last[PROBE_PATH_MAX];        /* the last of several snapshots; that of dir when there is one */
	bool has_zoneinfo;
	struct zoneinfo info;
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

/** probe_read_last() - probe_read() of the last snapshot, which has seen the work. */
char *probe_read_last(const struct probe *probe, const char *name);

/** probe_sysctl() - the value of vm.@name, as text. Return: whether it is known. */
bool probe_sysctl(const struct probe *probe, const char *name, char *value, size_t size);

/**
 * probe_zones() - zoneinfo, and what it says about page size, nodes and CPUs. Fills the machine with the defaults of
 * such a kernel first.
 */
int probe_zones(struct probe *probe, struct err *err);

/** probe_memory() - RAM and reserved ranges such that each zone has the kernel's present and managed pages. */
void probe_memory(struct probe *probe);

/** probe_regions() - the regions of iomem and ioports, each with who has claimed it. */
void probe_regions(struct probe *probe);

/** probe_settings() - sysctls, command line, caches: all that is not a place in memory. */
void probe_settings(struct probe *probe);

/** probe_pressure() - swap, and what the machine did when memory was short. */
void probe_pressure(struct probe *probe);

#endif
