/* kmalloc classes and types: worked examples 13.3 of the specification. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "slab_fixture.h"

static const char *class_name(const struct fixture *f, uint64_t size, gfp_t gfp)
{
	uint32_t cache = kmalloc_class(f->slab, size, gfp);

	return cache == CACHE_NONE ? "none" : f->slab->caches[cache].name;
}

Test(kmalloc, bytes_requested_become_bytes_allocated) /* K1 */
{
	static const uint64_t rows[][2] = { { 0, 0 }, { 1, 8 }, { 8, 8 }, { 9, 16 }, { 33, 64 }, { 64, 64 }, { 65, 96 },
		{ 96, 96 }, { 97, 128 }, { 129, 192 }, { 192, 192 }, { 193, 256 }, { 4097, 8192 }, { 8192, 8192 },
		{ 8193, 16384 }, { 20000, 32768 }, { 40000, 65536 }, { 131072, 131072 }, { 131073, 262144 },
		{ 4194304, 4194304 }, { 4194305, 8388608 } };
	struct fixture *f = fixture_new(4, 1);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(kmalloc_size(f->slab, rows[i][0], GFP_KERNEL), rows[i][1], "%lu: %lu", rows[i][0],
			kmalloc_size(f->slab, rows[i][0], GFP_KERNEL));
	cr_expect_eq(kmalloc_size(f->slab, (uint64_t)1 << 63, GFP_KERNEL), (uint64_t)1 << 63);
	cr_expect_eq(kmalloc_size(f->slab, UINT64_MAX, GFP_KERNEL), 0, "as the kernel's shift overflows");
	fixture_free(f);
}

Test(kmalloc, type_follows_the_first_matching_bit) /* K2 */
{
	struct fixture *f = fixture_new(4, 1);

	cr_expect_str_eq(class_name(f, 100, GFP_KERNEL), "kmalloc-128");
	cr_expect_str_eq(class_name(f, 100, GFP_KERNEL | GFP_BIT_ACCOUNT), "kmalloc-cg-128");
	cr_expect_str_eq(class_name(f, 100, GFP_BIT_DMA | GFP_BIT_ACCOUNT), "dma-kmalloc-128");
	cr_expect_str_eq(class_name(f, 100, GFP_BIT_RECLAIMABLE | GFP_BIT_ACCOUNT), "kmalloc-rcl-128");
	cr_expect_str_eq(class_name(f, 100, GFP_BIT_RECLAIMABLE | GFP_BIT_DMA), "dma-kmalloc-128");
	cr_expect_str_eq(class_name(f, 1025, GFP_KERNEL), "kmalloc-2k");
	cr_expect_str_eq(class_name(f, 0, GFP_KERNEL), "none");
	cr_expect_str_eq(class_name(f, 8193, GFP_KERNEL), "none");
	cr_expect_str_eq(class_name(f, UINT64_MAX, GFP_KERNEL), "none");
	fixture_free(f);
}

Test(kmalloc, room_for_krealloc_is_the_class_size) /* K3 */
{
	struct fixture *f = fixture_new(4, 1);

	cr_expect_eq(kmalloc_size(f->slab, 100, GFP_KERNEL), 128);
	cr_expect_str_eq(class_name(f, 129, GFP_KERNEL), "kmalloc-192");
	fixture_free(f);
}

Test(kmalloc, caches_are_created_in_the_kernels_order)
{
	static const char *const first[] = { "kmalloc-8", "kmalloc-16", "kmalloc-32", "kmalloc-64", "kmalloc-96",
		"kmalloc-128", "kmalloc-192", "kmalloc-256", "kmalloc-512", "kmalloc-1k", "kmalloc-2k", "kmalloc-4k",
		"kmalloc-8k", "kmalloc-cg-8" };
	struct fixture *f = fixture_new(4, 1);

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		cr_expect_str_eq(f->slab->caches[i].name, first[i]);
	cr_expect_str_eq(f->slab->caches[26].name, "kmalloc-rcl-8");
	cr_expect_str_eq(f->slab->caches[39].name, "dma-kmalloc-8");
	cr_expect_eq(slab_nr_caches(f->slab), 52);
	cr_expect_eq(slab_cache_find(f->slab, "kmalloc-rcl-8"), 26);
	cr_expect_eq(f->slab->caches[3].geometry.align, 64);
	cr_expect_eq(f->slab->caches[4].geometry.align, 8);
	fixture_free(f);
}

Test(kmalloc, types_that_the_machine_lacks_are_normal_ones)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_machine(&f->machine, 4, 1);
	f->machine.zones.dma_end = 0;
	f->machine.slab.memcg_kmem = false;
	fixture_start(f);
	cr_expect_str_eq(class_name(f, 100, GFP_BIT_DMA), "kmalloc-128");
	cr_expect_str_eq(class_name(f, 100, GFP_BIT_ACCOUNT), "kmalloc-128");
	cr_expect_str_eq(class_name(f, 100, GFP_BIT_DMA | GFP_BIT_RECLAIMABLE), "kmalloc-rcl-128");
	cr_expect_eq(slab_nr_caches(f->slab), 26);
	fixture_check(f);
	fixture_free(f);
}

/* The smallest class that holds the size, found the slow way. */
static uint32_t slow_class(const struct kmalloc_classes *k, uint32_t size)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < k->nr_classes; i++)
		if (k->size[i] >= size && k->size[i] < best)
			best = k->size[i];
	return best;
}

static void expect_smallest_classes(struct machine_kmalloc kmalloc)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_machine(&f->machine, 2, 1);
	f->machine.kmalloc = kmalloc;
	fixture_start(f);
	for (uint32_t size = 1; size <= kmalloc.max_cache_size; size++)
		cr_assert_eq(kmalloc_size(f->slab, size, GFP_KERNEL), slow_class(&f->slab->kmalloc, size), "%u", size);
	fixture_check(f);
	fixture_free(f);
}

Test(kmalloc, every_size_gets_the_smallest_class_that_holds_it)
{
	expect_smallest_classes((struct machine_kmalloc){ 8, 8192, 4u << 20, { 96, 192 } });
	expect_smallest_classes((struct machine_kmalloc){ 32, 131072, 131072, { 0 } });
	expect_smallest_classes((struct machine_kmalloc){ 8, 4096, 4u << 20,
		{ 24, 48, 96, 192, 384, 768, 1536, 3072 } });
	expect_smallest_classes((struct machine_kmalloc){ 8, 64, 4u << 20, { 0 } });
}

Test(kmalloc, classes_that_break_the_minimum_alignment_are_left_out)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_machine(&f->machine, 2, 1);
	f->machine.kmalloc.min_size = 64;
	fixture_start(f);
	cr_expect_str_eq(class_name(f, 1, GFP_KERNEL), "kmalloc-64");
	cr_expect_str_eq(class_name(f, 65, GFP_KERNEL), "kmalloc-128");
	cr_expect_str_eq(class_name(f, 129, GFP_KERNEL), "kmalloc-192");
	fixture_free(f);
}

Test(kmalloc, classes_that_cannot_be_are_a_configuration_error)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { 0 };

	fixture_machine(&f->machine, 2, 1);
	fake_page_alloc_init(&f->pages, &f->machine);
	f->mm = (struct mm){ .machine = &f->machine, .pages = &f->pages };
	f->machine.kmalloc.extra_classes[0] = 100;
	cr_expect_eq(slab_create_all(&f->slab, &f->mm, &err), -(int)ERR_CONFIG);
	cr_expect(strstr(err.text, "100 is no multiple of 8"), "%s", err.text);
	f->machine.kmalloc.extra_classes[0] = 96;
	f->machine.kmalloc.min_size = 12;
	cr_expect_eq(slab_create_all(&f->slab, &f->mm, &err), -(int)ERR_CONFIG);
	f->machine.kmalloc.min_size = 8;
	strcpy(f->machine.slab.allocator, "slqb");
	cr_expect_eq(slab_create_all(&f->slab, &f->mm, &err), -(int)ERR_CONFIG);
	cr_expect(strstr(err.text, "slub"), "%s", err.text);
	free(f);
}

Test(kmalloc, large_one_is_pages_of_its_own)
{
	struct fixture *f = fixture_new(4, 2);
	struct slab_object o;

	cr_assert_eq(kmalloc_large(f->slab, 20000, GFP_KERNEL | GFP_BIT_HIGHMEM | GFP_BIT_DMA32, 1, 0, &o, &f->meter),
		MM_DONE);
	cr_expect_eq(o.slab, SLAB_LARGE);
	cr_expect_eq(f->pages.requests[0].order, 3);
	cr_expect_eq(f->pages.requests[0].gfp, GFP_KERNEL | GFP_BIT_COMP, "zone modifiers are masked off");
	cr_expect_eq(f->pages.requests[0].node, 1);
	cr_expect_eq(slab_large_pages(f->slab), 8);
	cr_expect_eq(slab_object_cache(f->slab, o), CACHE_NONE);
	cr_expect_eq(slab_object_pfn(f->slab, o), o.index);
	cr_expect(slab_object_live(f->slab, o));
	slab_free(f->slab, o, 0, &f->meter);
	cr_expect_not(slab_object_live(f->slab, o));
	cr_expect_eq(slab_large_pages(f->slab), 0);
	cr_expect_eq(f->pages.pages_out, 0);
	cr_expect_eq(f->pages.given, o.index);
	fixture_free(f);
}

Test(kmalloc, too_large_one_fails)
{
	struct fixture *f = fixture_new(4, 1);
	struct slab_object o;

	cr_expect_eq(kmalloc_large(f->slab, 4194304, GFP_KERNEL, -1, 0, &o, &f->meter), MM_DONE);
	slab_free(f->slab, o, 0, &f->meter);
	cr_expect_eq(kmalloc_large(f->slab, 4194305, GFP_KERNEL, -1, 0, &o, &f->meter), MM_FAILED);
	cr_expect_eq(kmalloc_large(f->slab, UINT64_MAX, GFP_KERNEL, -1, 0, &o, &f->meter), MM_FAILED);
	f->pages.wait = true;
	cr_expect_eq(kmalloc_large(f->slab, 9000, GFP_KERNEL, -1, 0, &o, &f->meter), MM_WAIT);
	cr_expect_eq(slab_large_pages(f->slab), 0);
	fixture_free(f);
}

Test(kmalloc, caches_cannot_be_destroyed)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t cache = slab_cache_find(f->slab, "kmalloc-64");

	for (int i = 0; i < 3; i++)
		cr_expect_not(slab_cache_destroy(f->slab, cache, &f->meter));
	cr_expect(slab_cache_live(f->slab, cache));
	fixture_check(f);
	fixture_free(f);
}

Test(kmalloc, broken_invariant_3_is_reported)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t *cache = &f->slab->kmalloc.cache[KMALLOC_CGROUP][2];

	*cache += 1;
	fixture_expect_broken(f, "slab 3");
	*cache = slab_nr_caches(f->slab);
	fixture_expect_broken(f, "slab 3");
	fixture_free(f);
}
