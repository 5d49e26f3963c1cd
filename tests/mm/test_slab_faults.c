/* The k-th request for memory fails, for k = 1, 2, 3, ... until the scenario passes: each time cleanly. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "slab_fixture.h"

static unsigned int refuse_at; /* 0: never */
static unsigned int asked;

static bool refused(void)
{
	return ++asked == refuse_at;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t nr, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t nr, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size)
{
	return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return refused() ? NULL : __real_calloc(nr, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return refused() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t nr, size_t size)
{
	return refused() ? NULL : __real_reallocarray(p, nr, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return refused() ? NULL : __real_aligned_alloc(align, size);
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return refused() ? MAP_FAILED : __real_mmap(at, size, prot, flags, fd, offset);
}

/* 600 caches, so that all tables grow, used and destroyed. Return: whether nothing was refused. */
static bool use_caches(struct fixture *f)
{
	bool all = true;

	for (uint32_t i = 0; i < 600; i++) {
		struct slab_create create = { .name = "c", .object_size = 64 + i, .flags = SLAB_NO_MERGE };
		uint32_t cache;

		if (slab_cache_create(f->slab, &create, &cache, &f->meter) != SLAB_CREATED) {
			all = false;
			continue;
		}
		fixture_free_object(f, fixture_alloc(f, cache));
		if (i % 3 == 0)
			cr_assert(slab_cache_destroy(f->slab, cache, &f->meter));
	}
	return all;
}

static bool check(struct fixture *f)
{
	struct err err = { 0 };
	int ret = slab_check(f->slab, &err);

	cr_assert(ret == 0 || err.code == ERR_NOMEM, "%u: %s", refuse_at, err.text);
	return ret == 0;
}

static bool scenario(struct fixture *f)
{
	struct err err = { 0 };
	bool all;

	fake_page_alloc_init(&f->pages, &f->machine);
	f->mm = (struct mm){ .machine = &f->machine, .seed = 1, .pages = &f->pages };
	if (slab_create_all(&f->slab, &f->mm, &err) < 0) {
		cr_assert_eq(err.code, ERR_NOMEM, "%u: %s", refuse_at, err.text);
		return false;
	}
	meter_start(&f->meter, f->machine.latency.step_ns);
	all = use_caches(f);
	all &= check(f);
	slab_destroy_all(f->slab);
	return all;
}

Test(slab_faults, any_request_for_memory_may_fail)
{
	struct fixture *f = __real_calloc(1, sizeof(*f));

	fixture_machine(&f->machine, 3, 2);
	f->machine.slab.freelist_random = true;
	do {
		refuse_at++;
		asked = 0;
	} while (!scenario(f) && refuse_at < 5000);
	cr_expect_gt(refuse_at, 600, "each cache asks at least once: %u", refuse_at);
	cr_expect_lt(refuse_at, 5000);
	free(f);
}
