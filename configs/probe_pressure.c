/*
 * What a machine did under pressure, which no description of it just booted tells: the swap that was added later, and how
 * many of the file pages that it reclaimed it read again. Of several saved states the last one knows.
 */
#include <stdlib.h>
#include <string.h>

#include "configs/latency.h"
#include "configs/probe_priv.h"

#define MAX_REFAULT   90u    /* per cent: what reclaim.refault takes */
#define ENOUGH_PAGES  1024u  /* reclaimed: fewer say nothing of a share */

static void read_swap(struct probe *probe)
{
	char *text = probe_read_last(probe, "meminfo"), *rest = text, *line;
	uint64_t kib;

	while (rest && (line = text_next_line(&rest))) {
		if (text_number(line, "SwapTotal", &kib) && kib <= 64ull << 30)
			probe->machine->reclaim.swap = kib * 1024;
	}
	free(text);
}

static void read_refaults(struct probe *probe)
{
	char *text = probe_read_last(probe, "vmstat"), *rest = text, *line;
	uint64_t refaults = 0, stolen = 0, percent;

	while (rest && (line = text_next_line(&rest))) {
		text_number(line, "workingset_refault_file", &refaults);
		text_number(line, "pgsteal_file", &stolen);
	}
	free(text);
	if (stolen < ENOUGH_PAGES || refaults > UINT64_MAX / 100)
		return;
	percent = refaults * 100 / stolen;
	probe->machine->reclaim.refault_percent = (uint32_t)(percent < MAX_REFAULT ? percent : MAX_REFAULT);
	if (percent)
		probe_note(probe, "reclaim.refault is this machine's own: of %llu file pages that it reclaimed it read %llu again",
			(unsigned long long)stolen, (unsigned long long)refaults);
}

/*
 * Whether the CPU is emulated, as it says of itself: how far kswapd gets while tasks run is decided by its speed, which is
 * that of no real CPU.
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
		probe_note(probe, "cpuinfo and dmesg are missing: assumed the CPU of a server (latency.profile; emulated for QEMU without KVM)");
	return emulated;
}

static void read_profile(struct probe *probe)
{
	struct machine_latency *latency = &probe->machine->latency;

	if (!is_emulated(probe))
		return;
	latency->profile = PROFILE_EMULATED;
	for (int step = 0; step < NR_STEPS; step++)
		latency->step_ns[step] = latency_default_ns(PROFILE_EMULATED, (enum machine_step)step);
}

void probe_pressure(struct probe *probe)
{
	read_swap(probe);
	read_refaults(probe);
	read_profile(probe);
}
