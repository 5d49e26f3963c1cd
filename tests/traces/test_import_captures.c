/* Real recordings. All are skipped where the captures are not there. */
#include <signal.h>
#include <sys/stat.h>

#include "base/idmap.h"
#include "tests/traces/importing.h"
#include "traces/dat.h"

#define DIRECT_MAP 0xffff888000000000u

static int import_shared(struct imported *in, const char *path, struct err *err)
{
	const struct import_options options = { .recorded = true };

	return importing_files(in, &path, 1, &options, err);
}

/* A text capture, unpacked to a temporary file; with @keep only the lines of the events whose names it holds. */
static bool unpack(const char *name, const char *keep, char path[64])
{
	const char *shared = importing_shared(name);
	char command[8192];

	if (!shared)
		return false;
	importing_file(path, "", 0);
	snprintf(command, sizeof(command), "xz -dc '%s' | grep -E '%s' > %s", shared, keep, path);
	return system(command) == 0;
}

static uint64_t nr_of(const struct imported *in, enum trace_kind kind)
{
	uint64_t nr = 0;

	for (size_t i = in->nr_prologue; i < in->nr; i++)
		nr += in->events[i].op.kind == kind;
	return nr;
}

/* The text of trace-cmd gives the addresses that return probes tell, and no names. */
static bool same_site(const char *a, const char *b)
{
	return !strcmp(a, b) || (!strncmp(a, "0x", 2) && *b) || (!strncmp(b, "0x", 2) && *a);
}

/* Whether two events are equal in all but the time and the recorded context. */
static bool same_event(const struct imported_event *a, const struct imported_event *b)
{
	return a->prologue == b->prologue && a->op.kind == b->op.kind && a->op.origin == b->op.origin &&
		a->op.order == b->op.order && a->op.node == b->op.node && a->op.flags == b->op.flags &&
		a->op.gfp == b->op.gfp && a->op.slab_flags == b->op.slab_flags && a->op.size == b->op.size &&
		a->op.size_alloc == b->op.size_alloc && a->op.align == b->op.align && a->op.arg[0] == b->op.arg[0] &&
		a->op.arg[1] == b->op.arg[1] && a->slot == b->slot && a->where == b->where &&
		a->entry == b->entry && a->moved == b->moved && a->who.cpu == b->who.cpu &&
		a->who.pid == b->who.pid && !strcmp(a->comm, b->comm) && !strcmp(a->name, b->name) &&
		!strcmp(a->name2, b->name2) && same_site(a->call_site, b->call_site);
}

static void expect_equal(const struct imported *a, const struct imported *b, ns_t unit_ns)
{
	cr_assert_eq(a->nr, b->nr, "%zu and %zu events", a->nr, b->nr);
	for (size_t i = 0; i < a->nr; i++) {
		ns_t t = a->events[i].time_ns, u = b->events[i].time_ns;

		cr_assert(same_event(&a->events[i], &b->events[i]), "event %zu differs: %s and %s", i,
			kind_info[a->events[i].op.kind].name, kind_info[b->events[i].op.kind].name);
		cr_assert_lt(t > u ? t - u : u - t, unit_ns, "event %zu: %llu and %llu ns", i, (unsigned long long)t,
			(unsigned long long)u);
	}
}

/* The counts are those of the capture's meta.yaml. */
Test(import_captures, the_boot_has_every_event_and_the_known_repairs)
{
	const char *path = importing_shared("A-boot-256m/trace.dat");
	struct imported in;
	struct err err = { 0 };

	if (!path || !dat_supported())
		cr_skip_test("the captures or libtracecmd are not there");
	cr_assert_eq(import_shared(&in, path, &err), 0, "%s", err.text);
	cr_expect_eq(in.meta.lines, 801065);
	cr_expect_eq(in.meta.lost, 0);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	cr_expect_eq(nr_of(&in, KIND_KMALLOC), 34749);
	cr_expect_eq(nr_of(&in, KIND_KFREE), 34291);
	cr_expect_eq(nr_of(&in, KIND_KMEM_CACHE_ALLOC), 368744);
	cr_expect_eq(nr_of(&in, KIND_KMEM_CACHE_FREE), 310322);
	cr_expect_eq(nr_of(&in, KIND_ALLOC_PAGES), 13554);
	cr_expect_eq(nr_of(&in, KIND_FREE_PAGES), 11952);
	cr_expect_eq(nr_of(&in, KIND_VMALLOC), 90);
	cr_expect_eq(nr_of(&in, KIND_ALLOC_PERCPU), 454);
	cr_expect_eq(nr_of(&in, KIND_KMEM_CACHE_CREATE), 78);
	cr_expect_eq(in.meta.implied_frees, 3113, "as many as the captures' description counts");
	cr_expect_eq(importing_count(&in.meta.classified, "slab/inside its call/certain"), 835,
		"one for each slab_grow");
	cr_expect_str_eq(in.meta.kernel, "6.1.0-56-cloud-amd64");
	/* The last event is the marker of the last snapshot, whose trace_entries.csv counts 801065. */
	cr_expect_eq(in.events[in.nr - 1].entry, 801065);
	importing_end(&in);
}

Test(import_captures, text_and_binary_of_one_recording_give_the_same_trace, .timeout = 60)
{
	const char *dat = importing_shared("A-boot-256m/trace.dat");
	struct imported a, b;
	struct err err = { 0 };
	char text[64];

	if (!dat || !dat_supported())
		cr_skip_test("the captures or libtracecmd are not there");
	cr_assert_eq(import_shared(&a, dat, &err), 0, "%s", err.text);
	cr_assert(unpack("A-boot-256m/trace.txt.xz", "", text));
	cr_assert_eq(import_shared(&b, text, &err), 0, "%s", err.text);
	expect_equal(&a, &b, 1);
	importing_end(&b);
	unlink(text);
	cr_assert(unpack("A-boot-256m/ftrace.txt.xz", "", text));
	cr_assert_eq(import_shared(&b, text, &err), 0, "%s", err.text);
	expect_equal(&a, &b, 1000);
	for (size_t i = 0; i < a.nr; i++)
		cr_assert_eq(a.events[i].ctx, b.events[i].ctx, "event %zu: context", i);
	importing_end(&b);
	importing_end(&a);
	unlink(text);
}

/* Slabs of the last dump: page frame to cache. */
static bool read_slabs(struct idmap *pages, char names[][64], uint32_t *nr_names)
{
	char line[8192], path[64];
	FILE *file;

	if (!unpack("A-boot-256m/snapshots/2-after-workload/memory/slabs.csv.xz", "", path))
		return false;
	file = fopen(path, "r");
	while (fgets(line, sizeof(line), file)) {
		unsigned long pfn;
		unsigned int order;
		char cache[64];
		uint32_t name = 0;

		if (sscanf(line, "%li,%u,%63[^,]", (long *)&pfn, &order, cache) != 3)
			continue;
		while (name < *nr_names && strcmp(names[name], cache))
			name++;
		if (name == *nr_names)
			strcpy(names[(*nr_names)++], cache);
		for (unsigned long i = 0; i < 1ul << order; i++)
			idmap_put(pages, pfn + i, name);
	}
	fclose(file);
	unlink(path);
	return true;
}

/* Of the objects that live at the end: how many lie in a slab, and how many of them of another cache than was found. */
static void judge_caches(const struct imported *in, const struct idmap *pages, char names[][64], uint64_t *found,
	uint64_t *named_by_size, uint64_t *wrong)
{
	const struct imported_event **live = calloc(in->meta.slots, sizeof(*live));

	for (size_t i = 0; i < in->nr; i++)
		if (in->events[i].slot != SLOT_NONE)
			live[in->events[i].slot] = &in->events[i];
	for (uint32_t slot = 0; slot < in->meta.slots; slot++) {
		uint32_t name;

		if (!live[slot] || live[slot]->op.kind != KIND_KMEM_CACHE_ALLOC)
			continue;
		name = idmap_get(pages, (live[slot]->where - DIRECT_MAP) >> 12);
		if (name == IDMAP_NONE)
			continue;
		*found += !strcmp(names[name], live[slot]->name);
		if (!strncmp(live[slot]->name, "size-", 5))
			++*named_by_size;
		else
			*wrong += strcmp(names[name], live[slot]->name) != 0;
	}
	free(live);
}

Test(import_captures, the_caches_found_are_those_of_the_kernels_own_slabs)
{
	static char names[512][64];
	const char *path = importing_shared("A-boot-256m/trace.dat");
	uint64_t found = 0, named_by_size = 0, wrong = 0;
	uint32_t nr_names = 0;
	struct idmap pages = { 0 };
	struct imported in;
	struct err err = { 0 };

	if (!path || !dat_supported())
		cr_skip_test("the captures or libtracecmd are not there");
	cr_assert_eq(import_shared(&in, path, &err), 0, "%s", err.text);
	if (!read_slabs(&pages, names, &nr_names))
		cr_skip_test("the capture has no slabs.csv");
	judge_caches(&in, &pages, names, &found, &named_by_size, &wrong);
	cr_expect_eq(wrong, 0, "%llu objects have a cache that is not theirs", (unsigned long long)wrong);
	cr_expect_gt(found, 60000);
	cr_expect_lt(named_by_size, found / 100);
	idmap_fini(&pages);
	importing_end(&in);
}

/* What `trace-cmd record -e kmem` gives: no probes at all. */
Test(import_captures, a_recording_of_the_stock_kmem_events_works_without_any_probe)
{
	struct imported in;
	struct err err = { 0 };
	char text[64];

	if (!unpack("A-boot-256m/trace.txt.xz",
		    ": (kmalloc|kfree|kmem_cache_alloc|kmem_cache_free|mm_page_alloc|mm_page_free): ", text))
		cr_skip_test("the captures are not there");
	cr_assert_eq(import_shared(&in, text, &err), 0, "%s", err.text);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	cr_expect_eq(in.nr - in.nr_prologue - nr_of(&in, KIND_VMALLOC) - nr_of(&in, KIND_VFREE) -
			nr_of(&in, KIND_ALLOC_PAGES_BULK),
		34749 + 34291 + 368744 + 310322 + 13554 + 11952);
	cr_expect_geq(nr_of(&in, KIND_VMALLOC), 120, "90 that probes saw, 32 before the probes were on");
	cr_expect_eq(nr_of(&in, KIND_VFREE), 62, "as many as probes saw");
	cr_expect_geq(importing_count(&in.meta.classified, "slab/object in it/certain"), 2900);
	cr_expect_lt(importing_count(&in.meta.repaired, "kmem_cache_alloc without a cache: named by"), 2000);
	importing_end(&in);
	unlink(text);
}

Test(import_captures, hashed_pointers_keep_equality_and_nothing_else)
{
	struct imported in;
	struct err err = { 0 };
	char text[64];

	if (!unpack("H-host-6.18/ftrace.txt.xz", "", text))
		cr_skip_test("the captures are not there");
	cr_assert_eq(import_shared(&in, text, &err), 0, "%s", err.text);
	cr_expect(in.meta.hashed_pointers);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	cr_expect_eq(nr_of(&in, KIND_KMEM_CACHE_ALLOC), 128478);
	cr_expect_eq(nr_of(&in, KIND_KFREE), 26180);
	cr_expect_eq(nr_of(&in, KIND_VMAP), 44, "one for each alloc_vmap_area");
	importing_end(&in);
	unlink(text);
}

/* The bytes of a capture's trace.dat. */
static char *read_capture(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	char *bytes;

	cr_assert_not_null(file);
	cr_assert_eq(fstat(fileno(file), &st), 0);
	*len = (size_t)st.st_size;
	bytes = malloc(*len + 64); /* with room for what a test puts behind them */
	cr_assert_eq(fread(bytes, 1, *len, file), *len);
	fclose(file);
	return bytes;
}

/* The file says that it was recorded with @clock, one behind the global one in the kernel's list. */
static void choose_clock(char *bytes, size_t len, const char *clock)
{
	static const char names[] = "local [global] counter uptime perf mono mono_raw boot tai x86-tsc";
	char chosen[sizeof(names)], *at = memmem(bytes, len, names, sizeof(names) - 1);
	const char *name = strstr(names, clock);
	size_t before = (size_t)(name - names) - strlen("local [global] ");

	cr_assert_not_null(at);
	snprintf(chosen, sizeof(chosen), "local global %.*s[%s]%s", (int)before, names + strlen("local [global] "),
		clock, name + strlen(clock));
	memcpy(at, chosen, sizeof(names) - 1);
}

/* Where the last section of options says that none follows, in a file of version 7 packed by zstd 1.5.4. */
static char *last_section(char *bytes)
{
	char *at = bytes + 10 + sizeof("7") + 2 + 4 + sizeof("zstd") + sizeof("1.5.4");
	uint64_t section;

	for (memcpy(&section, at, 8); section; memcpy(&section, at, 8)) {
		uint16_t id;
		uint32_t size = 0;

		at = bytes + section + 16;
		do {
			at += size;
			memcpy(&id, at, 2);
			memcpy(&size, at + 2, 4);
			at += 6;
		} while (id);
	}
	return at;
}

static void expect_clock_refused(const char *path, const char *clock, const char *why)
{
	size_t len;
	char *bytes = read_capture(path, &len), copy[64];
	struct imported in;
	struct err err = { 0 };

	choose_clock(bytes, len, clock);
	importing_file(copy, bytes, len);
	cr_expect_eq(import_shared(&in, copy, &err), -(int)ERR_TRACE, "%s: %s", clock, err.text);
	cr_expect(strstr(err.text, clock) && strstr(err.text, why), "%s: %s", clock, err.text);
	unlink(copy);
	free(bytes);
}

Test(import_captures, a_clock_whose_unit_is_not_known_is_refused, .timeout = 60)
{
	const char *path = importing_shared("E-drivers/trace.dat");

	if (!path || !dat_supported())
		cr_skip_test("the captures or libtracecmd are not there");
	expect_clock_refused(path, "counter", "counts events");
	expect_clock_refused(path, "uptime", "10 ms");
	expect_clock_refused(path, "x86-tsc", "cycles of a length that the file does not tell");
}

/* "trace-cmd record -C TSC2NSEC" leaves the factor and the shift by which cycles become ns. */
Test(import_captures, cycles_of_a_known_length_are_times, .timeout = 60)
{
	static const char options[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* a section: id, flags, description, size */
		"\x0e\0\x10\0\0\0" "\3\0\0\0" "\1\0\0\0" "\0\0\0\0\0\0\0\0" /* three halves of a ns */
		"\0\0\x08\0\0\0" "\0\0\0\0\0\0\0\0";
	const char *path = importing_shared("E-drivers/trace.dat");
	size_t len;
	char *bytes, copy[64];
	struct imported in, plain;
	struct err err = { 0 };

	if (!path || !dat_supported())
		cr_skip_test("the captures or libtracecmd are not there");
	cr_assert_eq(import_shared(&plain, path, &err), 0, "%s", err.text);
	bytes = read_capture(path, &len);
	choose_clock(bytes, len, "x86-tsc");
	memcpy(last_section(bytes), &(uint64_t){ len }, 8);
	memcpy(bytes + len, options, sizeof(options) - 1);
	importing_file(copy, bytes, len + sizeof(options) - 1);
	cr_assert_eq(import_shared(&in, copy, &err), 0, "%s", err.text);
	cr_expect_eq(in.nr, plain.nr);
	cr_expect_eq(importing_event(&in, 100)->time_ns, importing_event(&plain, 100)->time_ns * 3 / 2);
	cr_expect_str_eq(in.meta.clock, "x86-tsc");
	unlink(copy);
	free(bytes);
	importing_end(&in);
	importing_end(&plain);
}

/* The library that reads trace.dat may crash on these: the import says so and leaves nothing behind. */
Test(import_captures, a_cut_off_or_damaged_trace_dat_is_one_clear_error, .timeout = 120)
{
	const char *path = importing_shared("A-boot-256m/trace.dat");
	static const long cuts[] = { 11, 100, 4096, 100000, 1000000, 3000000, 5619000 };
	struct imported in;
	struct err err = { 0 };
	size_t len;
	char *bytes, copy[64];

	if (!path || !dat_supported())
		cr_skip_test("the captures or libtracecmd are not there");
	bytes = read_capture(path, &len);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		importing_file(copy, bytes, (size_t)cuts[i]);
		cr_expect_eq(import_shared(&in, copy, &err), -(int)ERR_TRACE, "cut at %ld: %s", cuts[i], err.text);
		cr_expect(strstr(err.text, "cut off or damaged"), "cut at %ld: %s", cuts[i], err.text);
		cr_expect_neq(access(in.path, F_OK), 0);
		unlink(copy);
	}
	/* What a full disk or a machine that went down leaves. */
	memset(bytes + len - 1000000, 0, 500000);
	importing_file(copy, bytes, len);
	cr_expect_eq(import_shared(&in, copy, &err), -(int)ERR_TRACE, "zeros: %s", err.text);
	cr_expect(strstr(err.text, "cut off or damaged: what CPU 0 recorded goes on with no page of records, after "),
		"zeros: %s", err.text);
	unlink(copy);
	memset(bytes + 2000, 0xa5, 200000);
	importing_file(copy, bytes, len);
	cr_expect_eq(import_shared(&in, copy, &err), -(int)ERR_TRACE, "garbage: %s", err.text);
	unlink(copy);
	free(bytes);
}
