/*
 * What a machine did under pressure, which no description of it just booted tells: the swap that was added later,
 * how many of the file pages that it reclaimed it read again, and how many it had found in use before. Of several
 * saved states the last one knows. How far its kswapd gets beside tasks: whether the CPU is emulated, and whether
 * CPUs share a cache.
 * Of a machine that has not reclaimed nothing is known: a recording may tell (sim/reclaim.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "configs/latency.h"
#include "configs/probe_priv.h"

#define MAX_REFAULT   90u    /* per cent: what reclaim.refault takes */
#define MAX_MAPPED    100u   /* per cent: what reclaim.mapped takes */
#define MAX_ACTIVATED 100u   /* per cent: what reclaim.activated takes */
#define ENOUGH_PAGES  1024u  /* reclaimed: fewer say nothing of a share */

static void read_swap(struct probe *probe)
{
	char *text = probe_read_last(probe, "meminfo"), *rest = text, *line;
	uint64_t kib;

	while (rest && (line = text_next_line(&rest))) {
		/* None yet: work may bring it along, and its trace tells. */
		if (text_number(line, "SwapTotal", &kib) && kib && kib <= 64ull << 30)
			probe->machine->reclaim.swap = kib * 1024;
	}
	free(text);
}

/** File pages, from vmstat. */
struct file_pages {
	uint64_t refaults, stolen;
	uint64_t looked_at;          /* each time, and without those of zones that were of no use */
	uint64_t read, activated;    /* from files; made active as they came back, or when they were used again */
	bool known;                  /* there is a vmstat */
};

static struct file_pages read_file_pages(const struct probe *probe)
{
	static const char *const skips[] = { "pgskip_dma", "pgskip_dma32", "pgskip_normal", "pgskip_movable",
		"pgskip_device" };
	char *text = probe_read_last(probe, "vmstat"), *rest = text, *line;
	struct file_pages pages = { .known = text != NULL };
	uint64_t scanned = 0, skipped = 0, read_kib = 0, swapped_in = 0, returned = 0;

	while (rest && (line = text_next_line(&rest))) {
		uint64_t zone = 0;

		text_number(line, "workingset_refault_file", &pages.refaults);
		text_number(line, "pgsteal_file", &pages.stolen);
		text_number(line, "pgscan_file", &scanned);
		text_number(line, "pgpgin", &read_kib);
		text_number(line, "pswpin", &swapped_in);
		text_number(line, "workingset_activate_file", &returned);
		text_number(line, "pgactivate", &pages.activated);
		for (size_t i = 0; i < sizeof(skips) / sizeof(skips[0]); i++)
			text_number(line, skips[i], &zone);
		skipped += zone;
	}
	free(text);
	/* pgscan_file counts what is passed over, too. */
	pages.looked_at = scanned > skipped ? scanned - skipped : 0;
	pages.activated += returned;
	pages.read = read_kib * 1024 / max_u64(probe->machine->page_size, 1024);
	pages.read -= swapped_in < pages.read ? swapped_in : pages.read;
	return pages;
}

static uint32_t percent_of(uint64_t part, uint64_t whole, uint32_t most)
{
	uint64_t percent = part > UINT64_MAX / 100 ? most : part * 100 / whole;

	return (uint32_t)(percent < most ? percent : most);
}

static void read_reuse(struct probe *probe)
{
	struct file_pages pages = read_file_pages(probe);
	uint64_t in_use = pages.looked_at > pages.stolen ? pages.looked_at - pages.stolen : 0;

	if (pages.stolen < ENOUGH_PAGES) {
		probe->machine->reclaim.refault_percent = RECLAIM_AUTO;
		probe->machine->reclaim.mapped_percent = RECLAIM_AUTO;
		probe_note(probe,
			"reclaim.refault and reclaim.mapped are auto, as %s: how much of its page cache the work uses again is taken from"
			" the recording that is replayed, where states saved beside it tell (kmemsim import), and assumed where they do not",
			pages.known ? "this machine has not reclaimed yet" : "vmstat is missing");
		return;
	}
	probe->machine->reclaim.refault_percent = percent_of(pages.refaults, pages.stolen, MAX_REFAULT);
	probe->machine->reclaim.mapped_percent = percent_of(in_use, pages.stolen, MAX_MAPPED);
	if (probe->machine->reclaim.refault_percent)
		probe_note(probe,
			"reclaim.refault is this machine's own: of %llu file pages that it reclaimed it read %llu again",
			(unsigned long long)pages.stolen, (unsigned long long)pages.refaults);
	if (probe->machine->reclaim.mapped_percent)
		probe_note(probe,
			"reclaim.mapped is this machine's own: %llu times it found a file page in use while it reclaimed %llu",
			(unsigned long long)in_use, (unsigned long long)pages.stolen);
	if (pages.read < ENOUGH_PAGES)
		return;
	probe->machine->reclaim.activated_percent = percent_of(pages.activated, pages.read, MAX_ACTIVATED);
	probe_note(probe, "reclaim.activated is this machine's own: of %llu file pages that it read %llu became active",
		(unsigned long long)pages.read, (unsigned long long)pages.activated);
}

/*
 * Whether the CPU is emulated, as it says of itself: how far kswapd gets
 * while tasks run is decided by its speed, which is that of no real CPU.
 */
static bool is_emulated(struct probe *probe)
{
	static const char *const names[] = { "cpuinfo", "dmesg" };
	bool emulated = false, told = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !emulated; i++) {
		char *text = probe_read(probe, names[i]);

		emulated = text && strstr(text, "QEMU TCG CPU");
		told |= text != NULL;
		free(text);
	}
	if (!told)
		probe_note(probe,
			"cpuinfo and dmesg are missing: assumed the CPU of a server (latency.profile; emulated for QEMU without KVM),"
			" and that CPUs share a cache (cpus_share_cache)");
	return emulated;
}

static void read_profile(struct probe *probe)
{
	struct machine_latency *latency = &probe->machine->latency;

	if (!is_emulated(probe))
		return;
	latency->profile = PROFILE_EMULATED;
	latency->reclaim_pace = RECLAIM_PACE_AUTO;
	for (int step = 0; step < NR_STEPS; step++)
		latency->step_ns[step] = latency_default_ns(PROFILE_EMULATED, (enum machine_step)step);
}

/* "physical id : 0", one line for each CPU: whether no two are the same. */
static bool each_its_own_package(char *cpuinfo)
{
	uint64_t seen[MACHINE_MAX_CPUS / 64 + 1] = { 0 }, id;
	uint32_t nr = 0;

	for (char *line; (line = text_next_line(&cpuinfo));) {
		const char *colon = strncmp(line, "physical id", 11) ? NULL : strchr(line, ':');

		if (!colon)
			continue;
		id = strtoul(colon + 1, NULL, 10);
		if (id >= MACHINE_MAX_CPUS || seen[id / 64] & 1ull << id % 64)
			return false;
		seen[id / 64] |= 1ull << id % 64;
		nr++;
	}
	return nr > 1;
}

/* What the boot log says: "smpboot: Allowing 4 CPUs, 2 hotplug CPUs" and "smpboot: Max logical packages: 4". */
static bool as_many_packages_as_cpus(const char *dmesg)
{
	static const char cpus_line[] = "smpboot: Allowing ", packages_line[] = "smpboot: Max logical packages: ";
	const char *cpus = strstr(dmesg, cpus_line), *packages = strstr(dmesg, packages_line);
	unsigned long nr = cpus ? strtoul(cpus + sizeof(cpus_line) - 1, NULL, 10) : 0;

	return nr > 1 && packages && strtoul(packages + sizeof(packages_line) - 1, NULL, 10) == nr;
}

/* CPUs that are packages of their own share no cache: as QEMU has them with sockets=N. */
static void read_packages(struct probe *probe)
{
	char *cpuinfo = probe_read(probe, "cpuinfo"), *dmesg = probe_read(probe, "dmesg");

	if ((cpuinfo && each_its_own_package(cpuinfo)) || (dmesg && as_many_packages_as_cpus(dmesg)))
		probe->machine->cpus_share_cache = false;
	free(cpuinfo);
	free(dmesg);
}

void probe_pressure(struct probe *probe)
{
	read_swap(probe);
	read_reuse(probe);
	read_profile(probe);
	read_packages(probe);
}
