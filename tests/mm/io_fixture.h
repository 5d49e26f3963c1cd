/* io_fixture: a PC with 512 MiB and the regions that a test wants, booted. */
#ifndef KMEMSIM_TESTS_MM_IO_FIXTURE_H
#define KMEMSIM_TESTS_MM_IO_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "configs/machine_yaml.h"
#include "mm/ioport.h"
#include "mm/mm.h"
#include "mm/resource.h"

struct io_fixture {
	struct machine machine;
	struct mm mm;
	struct meter meter;
	struct resources *resources;
};

static inline struct io_fixture *io_fixture_new(const char *yaml)
{
	struct io_fixture *fx = calloc(1, sizeof(*fx));
	struct err err = { 0 };

	cr_assert_not_null(fx);
	cr_assert_eq(machine_load_text(&fx->machine, "test", yaml, strlen(yaml), NULL, 0, &err), 0, "%s", err.text);
	cr_assert_eq(mm_init(&fx->mm, &fx->machine, 1, &err), 0, "%s", err.text);
	meter_start(&fx->meter, fx->machine.latency.step_ns);
	fx->resources = mm_state(&fx->mm, SLOT_RESOURCE);
	return fx;
}

static inline void io_fixture_check(const struct io_fixture *fx)
{
	const struct mechanism *mech = mechanism_first(SLOT_RESOURCE), *ioremap = mechanism_first(SLOT_IOREMAP);
	struct err err = { 0 };

	cr_assert_eq(mech->check(fx->resources, &err), 0, "%s", err.text);
	cr_assert_eq(ioremap->check(mm_state(&fx->mm, SLOT_IOREMAP), &err), 0, "%s", err.text);
}

static inline void io_fixture_free(struct io_fixture *fx)
{
	io_fixture_check(fx);
	mm_fini(&fx->mm);
	free(fx);
}

static inline enum resource_conflict request(struct io_fixture *fx, enum resource_tree tree, uint64_t start,
	uint64_t size, const char *name)
{
	enum resource_conflict conflict =
		resource_request(fx->resources, tree, start, size, name, false, &fx->meter).conflict;

	io_fixture_check(fx);
	return conflict;
}

static inline bool give_back(struct io_fixture *fx, enum resource_tree tree, uint64_t start, uint64_t size)
{
	bool released = resource_release(fx->resources, tree, start, size, &fx->meter);

	io_fixture_check(fx);
	return released;
}

#endif
