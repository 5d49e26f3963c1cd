/* slab_fixture: a machine with a slab layer on the fake page allocator, and the steps that many tests take. */
#ifndef KMEMSIM_TESTS_MM_SLAB_FIXTURE_H
#define KMEMSIM_TESTS_MM_SLAB_FIXTURE_H

#include "fake_page_alloc.h"
#include "mm/mm.h"
#include "mm/slab_priv.h"
#include "mm/slub_priv.h"

struct fixture {
	struct machine machine;
	struct page_alloc pages;
	struct mm mm;
	struct slab *slab;
	struct slub *slub;      /* slab's state */
	struct meter meter;
};

/** fixture_machine() - a machine of 6.1 with the kernel's defaults: @cpus CPUs, @nodes nodes of 64 MiB each. */
void fixture_machine(struct machine *machine, uint32_t cpus, uint32_t nodes);
/** fixture_start() - boot f->machine; fixture_new() allocates and sets the machine first. */
void fixture_start(struct fixture *f);
struct fixture *fixture_new(uint32_t cpus, uint32_t nodes);
void fixture_free(struct fixture *f);

uint32_t fixture_cache(struct fixture *f, const char *name, uint32_t object_size, uint32_t align, uint32_t flags);
/** fixture_alloc() - on CPU 0, GFP_KERNEL, any node; the test fails unless it is served. */
struct slab_object fixture_alloc(struct fixture *f, uint32_t cache);
/** fixture_alloc_many() - objects[0 .. nr - 1] in order. */
void fixture_alloc_many(struct fixture *f, uint32_t cache, struct slab_object *objects, uint32_t nr);
void fixture_free_object(struct fixture *f, struct slab_object object);
/** fixture_free_range() - objects[first .. last], every @step th. */
void fixture_free_range(struct fixture *f, const struct slab_object *objects, uint32_t first, uint32_t last,
	uint32_t step);
struct slab_stats fixture_stats(struct fixture *f, uint32_t cache);
/** fixture_check() - slab_check(); the test fails with its message. */
void fixture_check(struct fixture *f);
/** fixture_expect_broken() - slab_check() must fail with a message that begins with @what. */
void fixture_expect_broken(struct fixture *f, const char *what);

/**
 * FIXTURE_BREAK() - with @value in @field, slab_check() reports
 * @what; with what stood there before it finds nothing.
 */
#define FIXTURE_BREAK(f, field, value, what)        \
	do {                                        \
		__typeof__(field) whole = field;    \
		field = (__typeof__(field))(value); \
		fixture_expect_broken(f, what);     \
		field = whole;                      \
		fixture_check(f);                   \
	} while (0)

#endif
