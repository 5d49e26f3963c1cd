#include "slab_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct slab_ops mech_slab_slub, mech_slab_slab, mech_slab_slob;

const struct mechanism *mechanism_find(enum mm_slot slot, const char *name)
{
	const struct slab_ops *const known[] = { &mech_slab_slub, &mech_slab_slab, &mech_slab_slob };

	for (size_t i = 0; slot == SLOT_SLAB && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(name, known[i]->mech.name))
			return &known[i]->mech;
	return NULL;
}

void mechanism_list(enum mm_slot slot, char *buf, size_t size)
{
	(void)slot;
	snprintf(buf, size, "slub, slab, slob");
}

void fixture_machine(struct machine *m, uint32_t cpus, uint32_t nodes)
{
	static const struct machine_latency prices = { .step_ns = {
#define X(id, name, ns) [STEP_##id] = ns,
		MACHINE_STEPS(X)
#undef X
	} };

	memset(m, 0, sizeof(*m));
	strcpy(m->name, "test");
	m->behaviour = BEHAVIOUR_6_1;
	m->cpus = cpus;
	m->page_size = 4096;
	m->page_shift = 12;
	m->nr_nodes = nodes;
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		m->node_of_cpu[cpu] = cpu * nodes / cpus;
	for (uint32_t a = 0; a < nodes; a++) {
		for (uint32_t b = 0; b < nodes; b++)
			m->distance[a][b] = a == b ? 10 : 20;
		m->ram[a] = (struct machine_range){ .start = (uint64_t)a << 26, .size = 1u << 26, .node = a };
	}
	m->ram[0].start = 4096;
	m->ram[0].size -= 4096;
	m->nr_ram = nodes;
	m->zones = (struct machine_zones){ .dma_end = 16u << 20, .dma32_end = (uint64_t)4 << 30,
		.highmem_above = UINT64_MAX };
	m->page_allocator.max_order = 10;
	strcpy(m->slab.allocator, "slub");
	m->slab.max_order = 3;
	m->slab.cpu_partial = -1;
	m->slab.merge = true;
	m->slab.memcg_kmem = true;
	m->kmalloc = (struct machine_kmalloc){ .min_size = 8, .max_cache_size = 8192, .max_size = 4u << 20,
		.extra_classes = { 96, 192 } };
	m->latency = prices;
}

void fixture_start(struct fixture *f)
{
	struct err err = { 0 };

	fake_page_alloc_init(&f->pages, &f->machine);
	f->mm = (struct mm){ .machine = &f->machine, .seed = 1, .pages = &f->pages };
	cr_assert_eq(slab_create_all(&f->slab, &f->mm, &err), 0, "%s", err.text);
	f->mm.slab = f->slab;
	f->slub = f->slab->state;
	meter_start(&f->meter, f->machine.latency.step_ns);
}

struct fixture *fixture_new(uint32_t cpus, uint32_t nodes)
{
	struct fixture *f = calloc(1, sizeof(*f));

	cr_assert(f);
	fixture_machine(&f->machine, cpus, nodes);
	fixture_start(f);
	return f;
}

void fixture_free(struct fixture *f)
{
	slab_destroy_all(f->slab);
	free(f);
}

uint32_t fixture_cache(struct fixture *f, const char *name, uint32_t object_size, uint32_t align, uint32_t flags)
{
	struct slab_create create = { .name = name, .object_size = object_size, .align = align, .flags = flags };
	uint32_t cache;

	cr_assert_eq(slab_cache_boot(f->slab, &create, &cache), SLAB_CREATED, "%s", name);
	return cache;
}

struct slab_object fixture_alloc(struct fixture *f, uint32_t cache)
{
	struct slab_object object = { 0 };

	cr_assert_eq(slab_alloc(f->slab, cache, GFP_KERNEL, -1, 0, &object, &f->meter), MM_DONE);
	return object;
}

void fixture_alloc_many(struct fixture *f, uint32_t cache, struct slab_object *objects, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		objects[i] = fixture_alloc(f, cache);
}

void fixture_free_object(struct fixture *f, struct slab_object object)
{
	slab_free(f->slab, object, 0, &f->meter);
}

void fixture_free_range(struct fixture *f, const struct slab_object *objects, uint32_t first, uint32_t last,
	uint32_t step)
{
	for (uint32_t i = first; i <= last; i += step)
		fixture_free_object(f, objects[i]);
}

struct slab_stats fixture_stats(struct fixture *f, uint32_t cache)
{
	struct slab_stats stats;

	slab_cache_stats(f->slab, cache, &stats);
	return stats;
}

void fixture_check(struct fixture *f)
{
	struct err err = { 0 };

	cr_assert_eq(slab_check(f->slab, &err), 0, "%s", err.text);
}

void fixture_expect_broken(struct fixture *f, const char *what)
{
	struct err err = { 0 };

	cr_assert_eq(slab_check(f->slab, &err), -(int)ERR_INVARIANT, "%s should be reported", what);
	cr_assert(!strncmp(err.text, what, strlen(what)), "%s expected: %s", what, err.text);
}
