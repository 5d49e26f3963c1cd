/* Sizes of caches: worked examples 13.1 and 13.2 of the specification, and the pure rules around them. */
#include <criterion/criterion.h>

#include "slab_fixture.h"

static struct slab_geometry geometry(uint32_t cpus, uint32_t object_size, uint32_t align, uint32_t flags)
{
	struct machine machine;
	struct slab_geometry g;

	fixture_machine(&machine, cpus, 1);
	cr_assert(slab_geometry_of(&machine, object_size, align, flags, &g), "object of %u bytes", object_size);
	return g;
}

Test(slab_geometry, worked_examples_on_4_cpus)
{
	static const struct {
		const char *name;
		uint32_t object_size, align, flags;
		uint32_t size, align_out, order, objs, cpu_partial, cpu_partial_slabs, min_partial;
	} rows[] = {
		{ "G1", 1, 1, 0, 8, 8, 0, 512, 120, 1, 5 },
		{ "G2", 24, 0, 0, 24, 8, 0, 170, 120, 2, 5 },
		{ "G3", 24, 0, SLAB_HWCACHE_ALIGN, 32, 32, 0, 128, 120, 2, 5 },
		{ "G4", 16, 0, SLAB_HWCACHE_ALIGN, 16, 16, 0, 256, 120, 1, 5 },
		{ "G5", 33, 0, SLAB_HWCACHE_ALIGN, 64, 64, 0, 64, 120, 4, 5 },
		{ "G6", 40, 0, SLAB_TYPESAFE_BY_RCU, 48, 8, 0, 85, 120, 3, 5 },
		{ "G7", 64, 0, SLAB_CTOR, 72, 8, 0, 56, 120, 5, 5 },
		{ "G8", 100, 0, 0, 104, 8, 0, 39, 120, 7, 5 },
		{ "G9", 100, 32, 0, 128, 32, 0, 32, 120, 8, 5 },
		{ "G10", 100, 0, SLAB_CTOR, 112, 8, 0, 36, 120, 7, 5 },
		{ "G11", 192, 0, 0, 192, 8, 0, 21, 120, 12, 5 },
		{ "G12", 256, 0, 0, 256, 8, 0, 16, 52, 7, 5 },
		{ "G13", 264, 0, 0, 264, 8, 1, 31, 52, 4, 5 },
		{ "G14", 512, 0, 0, 512, 8, 1, 16, 52, 7, 5 },
		{ "G15", 520, 0, 0, 520, 8, 2, 31, 52, 4, 5 },
		{ "G16", 700, 0, 0, 704, 8, 2, 23, 52, 5, 5 },
		{ "G17", 1000, 0, SLAB_HWCACHE_ALIGN, 1024, 64, 2, 16, 24, 3, 5 },
		{ "G18", 1088, 0, 0, 1088, 8, 3, 30, 24, 2, 5 },
		{ "G19", 2304, 0, 0, 2304, 8, 3, 14, 24, 4, 5 },
		{ "G20", 3000, 0, 0, 3000, 8, 3, 10, 24, 5, 5 },
		{ "G21", 4096, 0, 0, 4096, 8, 3, 8, 6, 2, 6 },
		{ "G22", 5000, 0, 0, 5000, 8, 3, 6, 6, 2, 6 },
		{ "G23", 16384, 0, 0, 16384, 8, 3, 2, 6, 6, 7 },
		{ "G24", 16400, 0, 0, 16400, 8, 3, 1, 6, 12, 7 },
		{ "G25", 33000, 0, 0, 33000, 8, 4, 1, 6, 12, 7 },
		{ "G26", 131072, 0, 0, 131072, 8, 5, 1, 6, 12, 8 },
		{ "G27", 1048576, 0, 0, 1048576, 8, 8, 1, 6, 12, 10 },
		{ "G28", 4194304, 0, 0, 4194304, 8, 10, 1, 6, 12, 10 },
		{ "G29", 64, 0, SLAB_POISON, 72, 8, 0, 56, 0, 0, 5 },
		{ "G30", 64, 0, SLAB_RED_ZONE, 88, 8, 0, 46, 0, 0, 5 },
		{ "G31", 60, 0, SLAB_RED_ZONE, 80, 8, 0, 51, 0, 0, 5 },
		{ "G32", 64, 0, SLAB_STORE_USER, 128, 8, 0, 32, 0, 0, 5 },
		{ "G33", 100, 0, SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER, 192, 8, 0, 21, 0, 0, 5 },
		{ "G34", 8328, 64, 0, 8384, 64, 3, 3, 6, 4, 6 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slab_geometry g = geometry(4, rows[i].object_size, rows[i].align, rows[i].flags);

		cr_expect_eq(g.size, rows[i].size, "%s: size %u", rows[i].name, g.size);
		cr_expect_eq(g.align, rows[i].align_out, "%s: align %u", rows[i].name, g.align);
		cr_expect_eq(g.order, rows[i].order, "%s: order %u", rows[i].name, g.order);
		cr_expect_eq(g.objs_per_slab, rows[i].objs, "%s: %u objects", rows[i].name, g.objs_per_slab);
		cr_expect_eq(g.cpu_partial, rows[i].cpu_partial, "%s: cpu_partial %u", rows[i].name, g.cpu_partial);
		cr_expect_eq(g.cpu_partial_slabs, rows[i].cpu_partial_slabs, "%s: %u slabs", rows[i].name,
			g.cpu_partial_slabs);
		cr_expect_eq(g.min_partial, rows[i].min_partial, "%s: min_partial %u", rows[i].name, g.min_partial);
	}
}

/* struct track has 20 bytes there. */
Test(slab_geometry, of_32_bits_tracks_are_smaller)
{
	struct machine machine = { .cpus = 1, .page_size = 4096, .page_shift = 12, .bits32 = true,
		.slab = { .max_order = 3, .cpu_partial = -1 }, .page_allocator.max_order = 10 };
	struct slab_geometry g;

	cr_assert(slab_geometry_of(&machine, 64, 0, SLAB_STORE_USER, &g));
	cr_expect_eq(g.size, 104);
}

Test(slab_geometry, order_objects_and_cpu_partial_slabs_by_cpu_count)
{
	static const uint32_t cpus[] = { 1, 2, 4, 8, 16, 64 };
	static const struct {
		uint32_t size;
		struct { uint32_t order, objs, slabs; } at[6];
	} rows[] = {
		{ 32, { { 0, 128, 2 }, { 0, 128, 2 }, { 0, 128, 2 }, { 0, 128, 2 }, { 0, 128, 2 }, { 0, 128, 2 } } },
		{ 192, { { 0, 21, 12 }, { 0, 21, 12 }, { 0, 21, 12 }, { 0, 21, 12 }, { 1, 42, 6 }, { 1, 42, 6 } } },
		{ 256, { { 0, 16, 7 }, { 0, 16, 7 }, { 0, 16, 7 }, { 1, 32, 4 }, { 1, 32, 4 }, { 1, 32, 4 } } },
		{ 320, { { 0, 12, 9 }, { 0, 12, 9 }, { 1, 25, 5 }, { 1, 25, 5 }, { 1, 25, 5 }, { 2, 51, 3 } } },
		{ 512, { { 0, 8, 13 }, { 1, 16, 7 }, { 1, 16, 7 }, { 2, 32, 4 }, { 2, 32, 4 }, { 2, 32, 4 } } },
		{ 704, { { 1, 11, 10 }, { 2, 23, 5 }, { 2, 23, 5 }, { 2, 23, 5 }, { 3, 46, 3 }, { 3, 46, 3 } } },
		{ 1024, { { 1, 8, 6 }, { 2, 16, 3 }, { 2, 16, 3 }, { 3, 32, 2 }, { 3, 32, 2 }, { 3, 32, 2 } } },
		{ 1088, { { 2, 15, 4 }, { 2, 15, 4 }, { 3, 30, 2 }, { 3, 30, 2 }, { 3, 30, 2 }, { 3, 30, 2 } } },
		{ 2048, { { 2, 8, 6 }, { 3, 16, 3 }, { 3, 16, 3 }, { 3, 16, 3 }, { 3, 16, 3 }, { 3, 16, 3 } } },
		{ 4096, { { 3, 8, 2 }, { 3, 8, 2 }, { 3, 8, 2 }, { 3, 8, 2 }, { 3, 8, 2 }, { 3, 8, 2 } } },
		{ 8192, { { 3, 4, 3 }, { 3, 4, 3 }, { 3, 4, 3 }, { 3, 4, 3 }, { 3, 4, 3 }, { 3, 4, 3 } } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t k = 0; k < 6; k++) {
			struct slab_geometry g = geometry(cpus[k], rows[i].size, 0, 0);

			cr_expect(g.order == rows[i].at[k].order && g.objs_per_slab == rows[i].at[k].objs &&
				g.cpu_partial_slabs == rows[i].at[k].slabs, "size %u, %u CPUs: %u/%u/%u", rows[i].size,
				cpus[k], g.order, g.objs_per_slab, g.cpu_partial_slabs);
		}
	}
}

Test(slab_geometry, one_present_cpu_of_eight_counts_as_eight)
{
	struct machine machine;
	struct slab_geometry g;

	fixture_machine(&machine, 1, 1);
	machine.slab.nr_cpu_ids = 8;
	cr_assert(slab_geometry_of(&machine, 1024, 0, 0, &g));
	cr_expect_eq(g.order, 3);
	cr_expect_eq(g.objs_per_slab, 32);
}

Test(slab_geometry, fallback_is_the_smallest_order_that_holds_an_object)
{
	struct slab_geometry g = geometry(4, 5000, 0, 0);

	cr_expect_eq(g.min_order, 1);
	cr_expect_eq(g.min_objs, 1);
	g = geometry(4, 1088, 0, 0);
	cr_expect_eq(g.min_order, 0);
	cr_expect_eq(g.min_objs, 3);
}

Test(slab_geometry, what_cannot_be_is_refused)
{
	struct machine machine;
	struct slab_geometry g;

	fixture_machine(&machine, 4, 1);
	cr_expect_not(slab_geometry_of(&machine, 4194305, 0, 0, &g), "above the largest block");
	cr_expect_not(slab_geometry_of(&machine, UINT32_MAX, 0, 0, &g));
	cr_expect_not(slab_geometry_of(&machine, 0, 0, 0, &g));
	cr_expect_not(slab_geometry_of(&machine, 64, 48, 0, &g), "no power of two");
	cr_expect_not(slab_geometry_of(&machine, 64, 1u << 31, 0, &g));
}

Test(slab_geometry, slub_min_order_and_max_order_bound_the_order)
{
	struct machine machine;
	struct slab_geometry g;

	fixture_machine(&machine, 4, 1);
	machine.slab.max_order = 0;
	cr_assert(slab_geometry_of(&machine, 512, 0, 0, &g));
	cr_expect(g.order == 0 && g.objs_per_slab == 8);
	cr_assert(slab_geometry_of(&machine, 5000, 0, 0, &g));
	cr_expect_eq(g.order, 1, "what does not fit takes what it needs");
	machine.slab.max_order = 3;
	machine.slab.min_order = 1;
	cr_assert(slab_geometry_of(&machine, 32, 0, 0, &g));
	cr_expect(g.order == 1 && g.objs_per_slab == 256);
}

Test(slab_geometry, cpu_partial_can_be_fixed_or_off)
{
	struct machine machine;
	struct slab_geometry g;

	fixture_machine(&machine, 4, 1);
	machine.slab.cpu_partial = 16;
	cr_assert(slab_geometry_of(&machine, 256, 0, 0, &g));
	cr_expect(g.cpu_partial == 16 && g.cpu_partial_slabs == 2);
	machine.slab.cpu_partial = 0;
	cr_assert(slab_geometry_of(&machine, 256, 0, 0, &g));
	cr_expect(g.cpu_partial == 0 && g.cpu_partial_slabs == 0);
}

Test(slab_geometry, pages_of_64_kib_keep_slabs_below_32768_objects)
{
	struct machine machine;
	struct slab_geometry g;

	fixture_machine(&machine, 4, 1);
	machine.page_size = 65536;
	machine.page_shift = 16;
	for (uint32_t min_order = 0; min_order < 5; min_order++) {
		machine.slab.min_order = min_order;
		cr_assert(slab_geometry_of(&machine, 8, 0, 0, &g));
		cr_expect_leq(g.objs_per_slab, SLAB_OBJECTS_MAX, "min_order %u", min_order);
	}
}

Test(slab_geometry, alignment_halves_the_cache_line_for_small_objects)
{
	cr_expect_eq(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 0, 33), 64);
	cr_expect_eq(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 0, 0), 8, "an empty object ends the halving too");
	cr_expect_eq(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 0, 32), 32);
	cr_expect_eq(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 0, 16), 16);
	cr_expect_eq(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 0, 8), 8);
	cr_expect_eq(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 0, 1), 8);
	cr_expect_eq(slab_calculate_alignment(SLAB_HWCACHE_ALIGN, 128, 8), 128);
	cr_expect_eq(slab_calculate_alignment(0, 0, 100), 8);
	cr_expect_eq(slab_calculate_alignment(0, 4, 100), 8);
}

Test(slab_geometry, sizes_alone_tell_how_a_cache_was_made)
{
	uint32_t align, flags;

	cr_assert(slab_infer_create(100, 104, &align, &flags));
	cr_expect(align == 0 && flags == 0);
	cr_assert(slab_infer_create(100, 128, &align, &flags));
	cr_expect(align == 0 && flags == SLAB_HWCACHE_ALIGN);
	cr_assert(slab_infer_create(64, 72, &align, &flags));
	cr_expect(align == 0 && flags == SLAB_CTOR);
	cr_assert(slab_infer_create(100, 256, &align, &flags));
	cr_expect(align == 256 && flags == 0);
	cr_expect_not(slab_infer_create(100, 96, &align, &flags), "smaller than the object");
	cr_expect_not(slab_infer_create(100, 101, &align, &flags));
	cr_expect_not(slab_infer_create(0, 8, &align, &flags));
	cr_expect_not(slab_infer_create(UINT32_MAX, UINT32_MAX, &align, &flags));
}

/* Whatever the request, its sizes lead to a request of the same sizes. */
Test(slab_geometry, inferred_request_gives_the_same_size)
{
	static const uint32_t aligns[] = { 0, 16, 32, 64, 128, 256 };
	static const uint32_t kinds[] = { 0, SLAB_HWCACHE_ALIGN, SLAB_CTOR, SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN };

	for (uint32_t size = 1; size < 3000; size++) {
		for (size_t a = 0; a < 6; a++) {
			for (size_t k = 0; k < 4; k++) {
				struct slab_geometry g = geometry(2, size, aligns[a], kinds[k]), again;
				uint32_t align, flags;

				cr_assert(slab_infer_create(size, g.size, &align, &flags), "%u -> %u", size, g.size);
				again = geometry(2, size, align, flags);
				cr_assert_eq(again.size, g.size, "%u: %u, then %u", size, g.size, again.size);
			}
		}
	}
}
