/*
 * The saved slabs of every recorded kernel: loaded, they have the saved counts,
 * each object is found at its address, and the model goes on from them.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "configs/saved_state.h"
#include "slab_fixture.h"

#define OPERATIONS 10000u

struct expected {
	uint64_t slabs, objects, partial, cpu_partial, live;
};

/* In the first snapshots only CPU 0 is up; each has a line in the last one, below the heading. */
static uint32_t cpus_of(const char *path)
{
	char name[4200], line[256];
	uint32_t lines = 0;
	FILE *file;

	snprintf(name, sizeof(name), "%s/../../2-after-workload/memory/trace_entries.csv", path);
	file = fopen(name, "r");
	cr_assert(file, "%s", name);
	while (fgets(line, sizeof(line), file))
		lines++;
	fclose(file);
	return lines - 1;
}

/* The machine of the state: its CPUs and nodes. Pages of slabs are handed out. */
static struct fixture *machine_of(const struct state *state, uint32_t cpus)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct machine *m = &f->machine;

	fixture_machine(m, cpus, 1);
	m->slab.freelist_random = true;
	m->nr_ram = 0;
	for (size_t i = 0; i < state->nr_zones; i++) {
		const struct state_zone *z = &state->zones[i];

		m->ram[m->nr_ram++] = (struct machine_range){ .start = z->start_pfn << 12, .size = z->spanned << 12,
			.node = z->node };
		m->nr_nodes = z->node + 1 > m->nr_nodes ? z->node + 1 : m->nr_nodes;
	}
	for (uint32_t a = 0; a < m->nr_nodes; a++)
		for (uint32_t b = 0; b < m->nr_nodes; b++)
			m->distance[a][b] = a == b ? 10 : 20;
	fixture_start(f);
	for (uint32_t node = 0; node < m->nr_nodes; node++)
		f->pages.next[node] = f->pages.end[node]; /* new slabs: only from what is given back */
	for (size_t i = 0; i < state->nr_slabs; i++)
		f->pages.taken[state->slabs[i].pfn] = (uint8_t)(state->slabs[i].order + 1);
	return f;
}

static struct expected count(const struct state *state, size_t cache)
{
	struct expected e = { 0 };

	for (size_t i = 0; i < state->nr_slabs; i++) {
		const struct state_slab *s = &state->slabs[i];

		if (s->cache != cache)
			continue;
		e.slabs++;
		e.objects += s->objects;
		e.partial += s->place == STATE_SLAB_NODE_PARTIAL;
		e.cpu_partial += s->place == STATE_SLAB_CPU_PARTIAL;
		e.live += s->inuse - s->nr_cpu_freelist;
	}
	return e;
}

static void expect_counts(struct fixture *f, const struct state *state, const char *path)
{
	for (size_t i = 0; i < state->nr_caches; i++) {
		const char *name = state->caches[i].name;
		struct slab_stats s = fixture_stats(f, slab_cache_find(f->slab, name));
		struct expected e = count(state, i);

		cr_expect(s.slabs == e.slabs && s.total_objs == e.objects && s.partial == e.partial &&
			s.slabs_cpu_partial == e.cpu_partial && s.live_objs == e.live,
			"%s: %s: %lu slabs, %lu objects, %lu partial, %lu of CPUs, %lu live", path, name, s.slabs,
			s.total_objs, s.partial, s.slabs_cpu_partial, s.live_objs);
		cr_expect_eq(s.slabs, state->caches[i].slabs, "%s: %s", path, name);
		cr_expect_eq(s.total_objs, state->caches[i].objects, "%s: %s", path, name);
	}
}

static void expect_addresses(struct fixture *f, const struct state *state, const char *path)
{
	for (size_t i = 0; i < state->nr_slabs; i++) {
		const struct state_slab *s = &state->slabs[i];

		for (uint32_t index = 0; index < s->objects; index++) {
			uint64_t address = (s->pfn << 12) + (uint64_t)index * state->caches[s->cache].size;
			struct slab_object o;

			cr_assert(slab_object_at(f->slab, address, &o), "%s: 0x%lx", path, address);
			cr_assert(slab_object_address(f->slab, o) == address && o.index == index, "%s: 0x%lx", path,
				address);
		}
	}
}

/* Frees and allocations on all CPUs, in all caches; objects are picked by their slabs. */
static void go_on(struct fixture *f, const struct state *state, uint64_t seed, const char *path)
{
	struct err err = { 0 };
	struct rng rng;

	rng_init(&rng, seed, "go_on");
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		const struct state_slab *s = &state->slabs[rng_below(&rng, state->nr_slabs)];
		uint64_t address = (s->pfn << 12) + rng_below(&rng, s->objects) * state->caches[s->cache].size;
		unsigned int cpu = (unsigned int)rng_below(&rng, f->machine.cpus);
		struct slab_object o;

		meter_start(&f->meter, f->machine.latency.step_ns);
		if (rng_below(&rng, 2) && slab_object_at(f->slab, address, &o) && slab_object_live(f->slab, o))
			slab_free(f->slab, o, cpu, &f->meter);
		else
			slab_alloc(f->slab, slab_cache_find(f->slab, state->caches[s->cache].name), GFP_KERNEL, -1, cpu,
				&o, &f->meter);
		if (i % 1000 == 0)
			cr_assert_eq(slab_check(f->slab, &err), 0, "%s: operation %u: %s", path, i, err.text);
	}
	cr_assert_eq(slab_check(f->slab, &err), 0, "%s: %s", path, err.text);
}

static uint64_t load(const char *path)
{
	struct err err = { 0 };
	struct state *state;
	struct fixture *f;
	uint64_t slabs;

	cr_assert_eq(saved_state_read(&state, path, NULL, &err), 0, "%s", err.text);
	cr_assert(state->exact_slabs, "%s", path);
	f = machine_of(state, cpus_of(path));
	cr_assert_eq(slab_load(f->slab, state, &err), 0, "%s", err.text);
	fixture_check(f);
	slabs = slab_load_report(f->slab)->slabs;
	cr_expect_eq(slabs, state->nr_slabs, "%s", path);
	cr_expect_eq(slab_load_report(f->slab)->geometry_differs, 0, "%s", path);
	expect_counts(f, state, path);
	expect_addresses(f, state, path);
	go_on(f, state, 1, path);
	fixture_free(f);
	saved_state_free(state);
	return slabs;
}

Test(slab_snapshots, slabs_of_every_recorded_kernel_are_loaded_as_they_were)
{
	const char *shared = getenv("KMEMSIM_SHARED");
	char pattern[4096];
	uint64_t slabs = 0;
	glob_t found = { 0 };

	if (!shared || access(shared, R_OK) < 0)
		cr_skip_test("KMEMSIM_SHARED has no captures");
	snprintf(pattern, sizeof(pattern), "%s/captures/[A-F]*/snapshots/*/memory", shared);
	if (glob(pattern, 0, NULL, &found) != 0)
		cr_skip_test("%s: nothing there", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++)
		slabs += load(found.gl_pathv[i]);
	cr_assert_gt(slabs, 1000 * found.gl_pathc, "%lu slabs of %zu snapshots", slabs, found.gl_pathc);
	globfree(&found);
}
