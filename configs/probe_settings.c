#include "configs/probe_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

static void sysctl_u32(const struct probe *probe, const char *name, uint32_t *field)
{
	char value[128];

	if (probe_sysctl(probe, name, value, sizeof(value)))
		*field = (uint32_t)min_u64(strtoull(value, NULL, 10), UINT32_MAX - 2);
}

/* The kernel prints one ratio for each zone type that it has, in its own order. */
static void read_reserve_ratio(struct probe *probe)
{
	uint32_t *ratio = probe->machine->page_allocator.lowmem_reserve_ratio;
	char value[128], *at = value;

	if (!probe_sysctl(probe, "lowmem_reserve_ratio", value, sizeof(value)))
		return;
	for (uint32_t i = 0; i < probe->info.nr_types; i++) {
		char *end;
		unsigned long number = strtoul(at, &end, 10);

		if (end == at)
			return;
		if (probe->info.types[i] < NR_ZONE_TYPES)
			ratio[probe->info.types[i]] = (uint32_t)min_u64(number, 1000000000);
		at = end;
	}
}

/* The kernel shares vm.min_free_kbytes out to the zones that it may use itself, as minimum watermarks, rounded down. */
static uint64_t min_free_of_zones(const struct probe *probe)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < probe->info.nr_zones; i++) {
		const struct zoneinfo_zone *zone = &probe->info.zones[i];

		if (zone->type == ZONE_HIGHMEM || zone->type == ZONE_MOVABLE || zone->min > zone->managed)
			continue;
		if (zone->min > zone->boost)
			pages += zone->min - zone->boost;
	}
	return pages * (probe->machine->page_size >> 10);
}

/* Where it was not saved, watermarks tell it; its default depends on what was switched on, as huge pages. */
static void find_min_free(struct probe *probe)
{
	uint64_t *kbytes = &probe->machine->page_allocator.min_free_kbytes;
	char value[128];

	if (probe_sysctl(probe, "min_free_kbytes", value, sizeof(value))) {
		*kbytes = strtoull(value, NULL, 10);
	} else if (min_free_of_zones(probe)) {
		*kbytes = min_free_of_zones(probe);
		probe_note(probe, "vm.min_free_kbytes is not known: %" PRIu64 ", by the minimum watermarks of zoneinfo",
			*kbytes);
	} else {
		probe_note(probe, "vm.min_free_kbytes is not known: computed as the kernel does");
	}
}

static void read_sysctls(struct probe *probe)
{
	struct machine_page_allocator *pages = &probe->machine->page_allocator;

	find_min_free(probe);
	sysctl_u32(probe, "watermark_scale_factor", &pages->watermark_scale_factor);
	sysctl_u32(probe, "watermark_boost_factor", &pages->watermark_boost_factor);
	sysctl_u32(probe, "percpu_pagelist_high_fraction", &pages->pcp_high_fraction);
	sysctl_u32(probe, "compaction_proactiveness", &pages->compaction_proactiveness);
	sysctl_u32(probe, "swappiness", &probe->machine->reclaim.swappiness);
	sysctl_u32(probe, "zone_reclaim_mode", &probe->machine->reclaim.zone_reclaim_mode);
	read_reserve_ratio(probe);
}

/* The value of @name on the kernel's command line, "" for a bare word. Return: whether it is there. */
static bool option(const char *cmdline, const char *name, char *value, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = cmdline; *at; at += strspn(at, " \n")) {
		size_t word = strcspn(at, " \n");

		if (word >= len && !strncmp(at, name, len) && (word == len || at[len] == '=')) {
			snprintf(value, size, "%.*s", word > len ? (int)(word - len - 1) : 0, at + len + 1);
			return true;
		}
		at += word;
	}
	return false;
}

/* Kernels from 6.9 on call it slab_..., older ones slub_...; both are understood by both. */
static void slab_option(const char *cmdline, const char *name, uint32_t *field)
{
	char word[64], value[32];

	for (int i = 0; i < 2; i++) {
		snprintf(word, sizeof(word), "%s_%s", i ? "slab" : "slub", name);
		if (option(cmdline, word, value, sizeof(value)))
			*field = (uint32_t)min_u64(strtoull(value, NULL, 10), 65535);
	}
}

static bool thp_by_name(const char *word, enum machine_thp *thp)
{
	if (!strcmp(word, "never"))
		*thp = THP_NEVER;
	else if (!strcmp(word, "madvise"))
		*thp = THP_MADVISE;
	else if (!strcmp(word, "always"))
		*thp = THP_ALWAYS;
	else
		return false;
	return true;
}

/* The configuration of a saved folder, or the one that distributions install beside the kernel. */
static char *find_config(const struct probe *probe)
{
	char *config = probe_read(probe, "kernel.config"), *version, release[128], path[160];

	/* Numbered snapshots share the one of the folder above. */
	if (!config && probe->dir[0])
		config = probe_read(probe, "../kernel.config");
	if (config)
		return config;
	version = probe_read(probe, "version");
	if (version && sscanf(version, "Linux version %127s", release) == 1 && !strchr(release, '/')) {
		snprintf(path, sizeof(path), "boot/config-%s", release);
		config = probe_read(probe, path);
	}
	free(version);
	return config;
}

static bool is_configured(const char *config, const char *line)
{
	const char *at = strstr(config, line);

	return at && (at == config || at[-1] == '\n');
}

/* What the kernel was built to do unless told otherwise. */
static bool thp_by_config(const struct probe *probe, enum machine_thp *thp)
{
	char *config = find_config(probe);
	bool known = config != NULL;

	if (config && is_configured(config, "CONFIG_TRANSPARENT_HUGEPAGE_ALWAYS=y\n"))
		*thp = THP_ALWAYS;
	else if (config && is_configured(config, "CONFIG_TRANSPARENT_HUGEPAGE_MADVISE=y\n"))
		*thp = THP_MADVISE;
	else if (config && !is_configured(config, "CONFIG_TRANSPARENT_HUGEPAGE=y\n"))
		*thp = THP_NONE;
	else
		known = false;
	free(config);
	return known;
}

/* "always [madvise] never", else the command line, else what this kernel or most kernels are built with. */
static void read_thp(struct probe *probe, const char *cmdline)
{
	char *text = probe_read(probe, "transparent_hugepage_enabled"), word[32];
	bool known = text && strchr(text, '[') && sscanf(strchr(text, '['), "[%31[a-z]]", word) == 1 &&
		thp_by_name(word, &probe->machine->transparent_hugepage);

	free(text);
	if (!known && option(cmdline, "transparent_hugepage", word, sizeof(word)))
		known = thp_by_name(word, &probe->machine->transparent_hugepage);
	if (!known)
		known = thp_by_config(probe, &probe->machine->transparent_hugepage);
	if (known)
		return;
	probe->machine->transparent_hugepage = THP_ALWAYS;
	probe_note(probe, "transparent huge pages: the setting is not known, assumed \"always\"");
}

/* "percpu: Embedded 61 pages/cpu s212992 r8192 d28672 u2097152": sizes of the first chunk's parts, and of a unit. */
static void read_percpu(struct probe *probe)
{
	static const char line[] = "percpu: Embedded ";
	struct machine_percpu *percpu = &probe->machine->percpu;
	char *dmesg = probe_read(probe, "dmesg"), *at = dmesg ? strstr(dmesg, line) : NULL;
	uint64_t pages, sizes[4];

	if (at &&
		sscanf(at + sizeof(line) - 1, "%" SCNu64 " pages/cpu s%" SCNu64 " r%" SCNu64 " d%" SCNu64 " u%" SCNu64,
			&pages, &sizes[0], &sizes[1], &sizes[2], &sizes[3]) == 5 &&
		sizes[0] < 512ull << 20 && sizes[1] < 1ull << 30) {
		percpu->static_size = sizes[0];
		percpu->reserved = sizes[1];
	}
	free(dmesg);
}

static void read_cmdline(struct probe *probe)
{
	struct machine_slab *slab = &probe->machine->slab;
	char *text = probe_read(probe, "cmdline"), value[64];
	const char *cmdline = text ? text : "";

	if (!text)
		probe_note(probe, "cmdline is missing: the slab allocator's options are assumed to be the usual ones");
	slab_option(cmdline, "min_order", &slab->min_order);
	slab_option(cmdline, "max_order", &slab->max_order);
	slab_option(cmdline, "min_objects", &slab->min_objects);
	slab->merge = !option(cmdline, "slub_nomerge", value, sizeof(value)) &&
		!option(cmdline, "slab_nomerge", value, sizeof(value));
	/* The kernel raises slub_max_order to slub_min_order, and the other way round, whichever came last. */
	if (slab->min_order > slab->max_order)
		slab->max_order = slab->min_order;
	read_thp(probe, cmdline);
	free(text);
}

/* "kmalloc-96", "kmalloc-2k": its size. Return: 0 for another name. */
static uint32_t kmalloc_class(const char *name)
{
	unsigned int size;
	char unit = 0;

	if (sscanf(name, "kmalloc-%u%c", &size, &unit) < 1)
		return 0;
	if (unit == 'k')
		return size < 4096 ? size * 1024 : 0;
	return unit == 'M' ? 0 : size;
}

/* The smallest, the largest and those between powers of two, in order of size. */
static void take_classes(struct machine_kmalloc *k, const bool *classes, uint32_t count)
{
	uint32_t extra = 0;

	memset(k->extra_classes, 0, sizeof(k->extra_classes));
	k->min_size = 0;
	for (uint32_t i = 1; i < count; i++) {
		uint32_t size = i * 8;

		if (!classes[i])
			continue;
		if (size & (size - 1)) {
			if (extra < 8)
				k->extra_classes[extra++] = size;
			continue;
		}
		k->min_size = k->min_size ? k->min_size : size;
		k->max_cache_size = size;
	}
}

/* Names of caches: column 1 of slab_sysfs.tsv, else of slabinfo. */
static void read_caches(struct probe *probe)
{
	enum { CLASSES = (256 << 10) / 8 + 1 };
	char *text = probe_read(probe, "slab_sysfs.tsv"), *rest, *line;
	bool *classes = calloc(CLASSES, sizeof(*classes)), any = false, memcg = false;

	if (!text)
		text = probe_read(probe, "slabinfo");
	rest = text;
	while (classes && rest && (line = text_next_line(&rest))) {
		uint32_t size = kmalloc_class(line);

		memcg |= !strncmp(line, "kmalloc-cg-", strlen("kmalloc-cg-"));
		if (!size || size % 8 || size / 8 >= CLASSES)
			continue;
		classes[size / 8] = true;
		any |= !(size & (size - 1));
	}
	if (any) {
		probe->machine->slab.memcg_kmem = memcg;
		take_classes(&probe->machine->kmalloc, classes, CLASSES);
	} else {
		probe_note(probe, "neither slab_sysfs.tsv nor slabinfo shows kmalloc caches (only root may read them): "
			"assumed the usual ones");
	}
	free(classes);
	free(text);
}

/*
 * Caches with a constructor, from the column ctor of slab_sysfs.tsv. Those that the machine's list has already stay:
 * a cache that this kernel has not created yet is not in the file.
 */
static void read_constructors(struct probe *probe)
{
	char *list = probe->machine->slab.constructors;
	size_t room = sizeof(probe->machine->slab.constructors);
	char *text = probe_read(probe, "slab_sysfs.tsv"), *rest = text, *line;
	int column = -1;

	while (rest && (line = text_next_line(&rest))) {
		char *name = strsep(&line, "\t"), *cell = NULL;

		for (int at = 1; line && (column < 0 || at <= column); at++) {
			cell = strsep(&line, "\t");
			if (column < 0 && !strcmp(cell, "ctor"))
				column = at;
		}
		if (column > 0 && strcmp(name, "cache") && cell && *cell &&
			!machine_has_constructor(probe->machine, name) && strlen(list) + strlen(name) + 2 < room) {
			strcat(list, " ");
			strcat(list, name);
		}
	}
	free(text);
}

static void read_orders(struct probe *probe)
{
	struct machine_page_allocator *pages = &probe->machine->page_allocator;
	char *text = probe_read(probe, "pagetypeinfo"), *rest = text, *line;
	uint64_t order;

	while (rest && (line = text_next_line(&rest))) {
		const char *orders = strstr(line, " at order ");

		if (text_number(line, "Page block order", &order) && order <= 20)
			pages->pageblock_order = (uint32_t)order;
		pages->cma |= strstr(line, "type          CMA") != NULL;
		for (unsigned long last = 0; orders && (orders = strpbrk(orders, "0123456789"));) {
			char *end;

			last = strtoul(orders, &end, 10);
			orders = end;
			if (last <= 20)
				pages->max_order = (uint32_t)last;
		}
	}
	if (!text)
		probe_note(probe, "pagetypeinfo is missing (only root may read it): assumed the usual orders");
	free(text);
}

/* "Linux version 6.1.0-56-amd64 ..." of /proc/version, or the release in the description of a capture. */
static bool read_release(const struct probe *probe, unsigned int *major, unsigned int *minor)
{
	static const char *const descriptions[] = { "version", "../meta.yaml", "../../meta.yaml" };
	bool found = false;

	for (size_t i = 0; i < sizeof(descriptions) / sizeof(descriptions[0]) && !found; i++) {
		char *text = i && !probe->dir[0] ? NULL : probe_read(probe, descriptions[i]);
		const char *at = text ? strstr(text, i ? "release: " : "version ") : NULL;

		found = at && sscanf(strchr(at, ' '), " %u.%u", major, minor) == 2;
		free(text);
	}
	return found;
}

static void read_kernel(struct probe *probe)
{
	unsigned int major, minor;

	if (!read_release(probe, &major, &minor)) {
		probe_note(probe, "the kernel's release is not known: assumed to behave as 6.1");
		return;
	}
	if (major < 3)
		probe->machine->behaviour = BEHAVIOUR_2_6_CLASSIC;
	else if (major > 6 || (major == 6 && minor >= 7))
		probe->machine->behaviour = BEHAVIOUR_6_18;
	if (major != 6 || (minor != 1 && minor != 18))
		probe_note(probe, "kernel %u.%u: modelled as \"%s\", the nearest that is known", major, minor,
			probe->machine->behaviour == BEHAVIOUR_6_18 ? "6.18" :
			probe->machine->behaviour == BEHAVIOUR_6_1 ? "6.1" : "2.6-classic");
}

/* Whether a saved state has the random order of some cache: the last column of memory/caches.csv. */
static bool has_random_order(struct probe *probe)
{
	char *text = probe_read(probe, "memory/caches.csv"), *rest = text, *line = text ? text_next_line(&rest) : NULL;
	const char *last = line ? strrchr(line, ',') : NULL;
	bool found = false;

	if (last && !strcmp(last, ",random_seq"))
		while (!found && (line = text_next_line(&rest)))
			found = *line && line[strlen(line) - 1] != ',';
	free(text);
	return found;
}

static void read_config(struct probe *probe)
{
	struct machine *m = probe->machine;
	char *config = find_config(probe);

	if (!config) {
		m->slab.freelist_random = has_random_order(probe);
		probe_note(probe, "kernel.config is missing: assumed compaction, stacks from vmalloc%s",
			m->slab.freelist_random ? "" : ", and free lists of slabs in order (slab.freelist_random)");
		return;
	}
	m->slab.freelist_random = is_configured(config, "CONFIG_SLAB_FREELIST_RANDOM=y\n");
	m->page_allocator.compaction = is_configured(config, "CONFIG_COMPACTION=y\n");
	m->page_allocator.cma = is_configured(config, "CONFIG_CMA=y\n");
	m->kernel_stack.vmap = is_configured(config, "CONFIG_VMAP_STACK=y\n");
	if (is_configured(config, "CONFIG_X86_PAE=y\n"))
		m->kmap_slots = 512; /* LAST_PKMAP: a page table has half the entries */
	free(config);
}

/* "0-3": a machine with one CPU that could take more sizes its slabs by these. */
static void read_possible_cpus(struct probe *probe)
{
	char *text = probe_read(probe, "sys/devices/system/cpu/possible");
	const char *last = text ? strrchr(text, '-') : NULL;
	unsigned long possible = last ? strtoul(last + 1, NULL, 10) + 1 : 0;

	if (possible > probe->machine->cpus && possible <= 8192)
		probe->machine->slab.nr_cpu_ids = (uint32_t)possible;
	free(text);
}

void probe_settings(struct probe *probe)
{
	read_kernel(probe);
	read_config(probe);
	read_possible_cpus(probe);
	read_sysctls(probe);
	read_cmdline(probe);
	read_percpu(probe);
	read_caches(probe);
	read_constructors(probe);
	read_orders(probe);
}
