#include "configs/latency.h"

#include <string.h>

#include "configs/loader_priv.h"

#define NS_PER_S 1000000000ull

static const uint32_t server_ns[NR_STEPS] = {
#define X(id, name, ns) [STEP_##id] = (ns),
	MACHINE_STEPS(X)
#undef X
};

/* What a profile says of a step beside the general factor; 0 = nothing. */
static const struct profile {
	uint32_t percent; /* of server-2020 */
	uint32_t own_ns[NR_STEPS];
} profiles[NR_PROFILES] = {
	[PROFILE_SERVER_2020] = { .percent = 100 },

	/*
	 * Cortex-A53 of about 1.4 GHz, in order, caches of 32 and 512 KiB, one channel of memory, eMMC.
	 * TLB invalidations are broadcast by the bus, not by interrupts; devices sit on the chip.
	 */
	[PROFILE_EMBEDDED_A53] = {
		.percent = 400,
		.own_ns = {
			[STEP_ZERO_KIB] = 400, [STEP_VMAP_PURGE_CPU] = 50, [STEP_TLB_SHOOTDOWN] = 2000,
			[STEP_MMIO_READ] = 200, [STEP_MMIO_WRITE] = 50, [STEP_MMIO_WRITE_WC] = 20,
			[STEP_PORT_ISA] = 1000, [STEP_PORT_PCI] = 500,
			[STEP_SWAP_OUT_PAGE] = 400000, [STEP_SWAP_IN_PAGE] = 300000,
			[STEP_OOM_KILL] = 200000000,
		},
	},

	/*
	 * Guest of the same server: page walks have two levels, which cold memory pays; interrupts
	 * between CPUs, wake-ups of halted ones, ports and registers of emulated devices leave the guest.
	 */
	[PROFILE_VM] = {
		.percent = 115,
		.own_ns = {
			[STEP_ZERO_KIB] = 33, [STEP_WAKE_UP] = 15000, [STEP_KSWAPD_WAKE] = 6000,
			[STEP_VMAP_PURGE_CPU] = 3000, [STEP_TLB_SHOOTDOWN] = 20000, [STEP_DRAIN_CPU] = 4000,
			[STEP_PORT_ISA] = 8000, [STEP_PORT_PCI] = 8000, [STEP_MMIO_READ] = 8000,
			[STEP_MMIO_WRITE] = 8000,
			[STEP_SWAP_OUT_PAGE] = 100000, [STEP_SWAP_IN_PAGE] = 120000,
		},
	},

	/*
	 * An emulated CPU (QEMU's TCG) whose kernel is traced. What kswapd takes for its work decides how far tasks
	 * get meanwhile, so these are not the server's, but what `kmemsim calibrate` makes of D-pressure's own
	 * events, which is on one CPU: 3359 batches of inactive lists of 225 sizes, and 2507 times from
	 * mm_vmscan_wakeup_kswapd to mm_vmscan_kswapd_wake. All that requests take themselves is in the gaps of
	 * such a recording. A pass over all shrinkers that scans nothing took 46.5 us in the median of 984, from
	 * the first mm_shrink_slab_start to the last mm_shrink_slab_end. More than half of that is taken for the
	 * price of these twelve events, of some 2 us each, which other recordings do not have.
	 * Compaction is priced by the same recording's events: 104 calls of migrate_pages() that nothing came in
	 * between took 49 us, 20.9 us a page and 0.5 us for each page that was looked at for a target (least absolute
	 * deviations), two events a page among it, and 202 scans of a pageblock without a source 52.7 ns a page.
	 * A halted CPU is a sleeping thread of a host that has others to run: 40 tasks that sched_setaffinity()
	 * moved to the other, idle CPU of J-whatif/base had their next event 0.3 to 14 ms after their last one, 3.4
	 * in the mean. What counts is how many pages tasks take meanwhile, and at the pace of a recording that had
	 * memory enough they take more in a millisecond than on a machine that reads them again. So wake_idle is
	 * less, and fitted: to the direct reclaims of J-whatif/less-memory and its repetition, and of five machines
	 * of two families recorded likewise. With 0.4 ms all were within 1.7 of them (medians of 10 seeds), with
	 * 0.5 ms within 2.2, when reclaim was priced by hand; as it is now, all of twelve are within 2.2 with 0.4
	 * ms.
	 */
	[PROFILE_EMULATED] = {
		.percent = 100,
		.own_ns = { [STEP_RECLAIM_PAGE] = 10400, [STEP_LRU_BATCH] = 13100, [STEP_LRU_SCAN] = 4450,
			[STEP_SHRINKER] = 20000, [STEP_COMPACT_SCAN] = 53, [STEP_COMPACT_MIGRATE] = 21000,
			[STEP_WAKE_UP] = 241000, [STEP_WAKE_IDLE] = 400000 },
	},
};

uint32_t latency_default_ns(enum machine_profile profile, enum machine_step step)
{
	const struct profile *p = &profiles[profile];

	return p->own_ns[step] ? p->own_ns[step] : (uint32_t)(((uint64_t)server_ns[step] * p->percent + 50) / 100);
}

bool latency_is_device(enum machine_step step)
{
	static const enum machine_step devices[] = {
		STEP_PORT_ISA, STEP_PORT_PCI, STEP_MMIO_READ, STEP_MMIO_WRITE, STEP_MMIO_WRITE_WC,
		STEP_SWAP_OUT_PAGE, STEP_SWAP_IN_PAGE, STEP_WRITE_BACK_PAGE,
	};

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (devices[i] == step)
			return true;
	return false;
}

static void apply_profile(struct draft *draft, uint32_t profile)
{
	for (int step = 0; step < NR_STEPS; step++)
		draft->machine.latency.step_ns[step] = latency_default_ns((enum machine_profile)profile,
			(enum machine_step)step);
	draft->machine.latency.reclaim_pace = profile == PROFILE_EMULATED ? RECLAIM_PACE_AUTO : RECLAIM_PACE_TABLE;
	draft->zero_bandwidth = 0;
}

static bool is_pace(const char *name)
{
	for (int step = 0; step < NR_STEPS; step++)
		if (STEP_IS_PACE(step) && !strcmp(name, machine_step_name[step]))
			return true;
	return false;
}

static const struct yaml_node *value_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *name = yaml_map_key(map, key, strlen(key));

	return name ? name->next : NULL;
}

/*
 * Who gives a cost of reclaim means it, and no recording's, unless
 * the file says both: reclaim_pace comes when its turn does.
 */
static void heed_given_pace(struct draft *draft, const struct yaml_node *map)
{
	for (int step = 0; step < NR_STEPS; step++)
		if (STEP_IS_PACE(step) && value_of(map, machine_step_name[step]))
			draft->machine.latency.reclaim_pace = RECLAIM_PACE_TABLE;
}

void latency_load_map(struct loader *l, const struct yaml_node *map)
{
	const struct yaml_node *profile = value_of(map, "profile"), *bandwidth = value_of(map, "zero_bandwidth");

	/* A value that is no profile is reported when its turn comes. */
	if (profile && profile->kind == YAML_SCALAR &&
		key_set(key_find("latency.profile"), l->draft, 0, profile->text, 0) == KEY_OK)
		apply_profile(l->draft, l->draft->machine.latency.profile);
	heed_given_pace(l->draft, map);
	if (bandwidth && value_of(map, "zero_kib"))
		findings_add(l->findings, place_of(l, bandwidth),
			"latency.zero_bandwidth: zero_kib says the same: give one of them");
	else if (value_of(map, "zero_kib"))
		l->draft->zero_bandwidth = 0;
}

void latency_after_setting(struct loader *l, const char *path)
{
	if (!strcmp(path, "latency.profile"))
		apply_profile(l->draft, l->draft->machine.latency.profile);
	else if (!strcmp(path, "latency.zero_kib"))
		l->draft->zero_bandwidth = 0;
	else if (!strncmp(path, "latency.", 8) && is_pace(path + 8))
		l->draft->machine.latency.reclaim_pace = RECLAIM_PACE_TABLE;
}

void draft_resolve_latency(struct loader *l)
{
	uint64_t rate = l->draft->zero_bandwidth;

	if (rate)
		l->draft->machine.latency.step_ns[STEP_ZERO_KIB] = (uint32_t)((1024 * NS_PER_S + rate / 2) / rate);
}
