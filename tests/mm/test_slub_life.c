/* The life of slabs, on one CPU and one node: worked examples 13.4 and 13.5 of the specification. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "slab_fixture.h"

struct row {
	uint64_t slabs, partial, cpu_slabs, stack, objects;
};

static void expect(struct fixture *f, uint32_t cache, const char *what, struct row row)
{
	struct slab_stats s = fixture_stats(f, cache);

	fixture_check(f);
	cr_expect_eq(s.slabs, row.slabs, "%s: %lu slabs", what, s.slabs);
	cr_expect_eq(s.partial, row.partial, "%s: %lu partial", what, s.partial);
	cr_expect_eq(s.cpu_slabs, row.cpu_slabs, "%s: %lu cpu_slabs", what, s.cpu_slabs);
	cr_expect_eq(s.slabs_cpu_partial, row.stack, "%s: stack of %lu", what, s.slabs_cpu_partial);
	cr_expect_eq(s.active_objs, row.objects, "%s: %lu objects", what, s.active_objs);
}

/* 4 CPUs in min_objects, as on the machine that the examples were read from; all is done on CPU 0. */
static struct fixture *one_cpu(void)
{
	return fixture_new(4, 1);
}

Test(slub_life, size_256_goes_through_l1_to_l17)
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "kq", 256, 0, 0);
	struct slab_object o[160], again[49];
	char line[160];

	o[0] = fixture_alloc(f, c);
	expect(f, c, "L1", (struct row){ 1, 0, 1, 0, 16 });
	fixture_alloc_many(f, c, o + 1, 15);
	expect(f, c, "L2", (struct row){ 1, 0, 1, 0, 16 });
	fixture_alloc_many(f, c, o + 16, 1);
	expect(f, c, "L3", (struct row){ 2, 0, 1, 0, 32 });
	fixture_alloc_many(f, c, o + 17, 143);
	expect(f, c, "L4", (struct row){ 10, 0, 1, 0, 160 });
	fixture_free_range(f, o, 0, 15, 1);
	expect(f, c, "L5", (struct row){ 10, 0, 2, 1, 160 });
	fixture_free_range(f, o, 16, 31, 1);
	expect(f, c, "L6", (struct row){ 10, 0, 3, 2, 160 });
	fixture_free_range(f, o, 32, 111, 1);
	expect(f, c, "L7", (struct row){ 10, 0, 8, 7, 160 });
	fixture_free_object(f, o[112]);
	expect(f, c, "L8", (struct row){ 8, 5, 2, 1, 48 });

	struct slab_stats s = fixture_stats(f, c);

	snprintf(line, sizeof(line), "%-17s %6lu %6lu %6u %4u %4d : tunables %4u %4u %4u : slabdata %6lu %6lu %6lu",
		s.name, s.active_objs, s.total_objs, s.geometry.size, s.geometry.objs_per_slab,
		1 << s.geometry.order, 0, 0, 0, s.slabs, s.slabs, 0ul);
	cr_expect_str_eq(line, "kq                    48    128    256   16    1 : tunables    0    0    0 : "
		"slabdata      8      8      0"); /* L26 */

	fixture_free_range(f, o, 113, 143, 1);
	expect(f, c, "L9", (struct row){ 8, 5, 3, 2, 48 });
	fixture_free_range(f, o, 144, 159, 1);
	expect(f, c, "L10", (struct row){ 8, 5, 3, 2, 48 });
	fixture_alloc_many(f, c, again, 16);
	expect(f, c, "L11", (struct row){ 8, 5, 3, 2, 48 });
	fixture_alloc_many(f, c, again + 16, 1);
	expect(f, c, "L12", (struct row){ 8, 5, 2, 1, 48 });
	fixture_alloc_many(f, c, again + 17, 31);
	expect(f, c, "L13", (struct row){ 8, 5, 1, 0, 48 });
	fixture_alloc_many(f, c, again + 48, 1);
	expect(f, c, "L14", (struct row){ 8, 0, 5, 4, 128 });
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 4);
	expect(f, c, "L15", (struct row){ 4, 1, 0, 0, 49 });
	fixture_free_range(f, again, 0, 48, 1);
	expect(f, c, "L16", (struct row){ 4, 1, 0, 3, 48 });
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 0);
	expect(f, c, "L17", (struct row){ 0, 0, 0, 0, 0 });
	cr_expect_eq(f->pages.pages_out, 0);
	fixture_free(f);
}

Test(slub_life, size_256_goes_through_l18_to_l25)
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "kq", 256, 0, 0);
	struct slab_object o[341];
	bool gone[341] = { false };

	fixture_alloc_many(f, c, o, 320);
	expect(f, c, "L18", (struct row){ 20, 0, 1, 0, 320 });
	fixture_free_range(f, o, 0, 319, 16);
	expect(f, c, "L19", (struct row){ 20, 14, 6, 5, 306 });
	o[304] = fixture_alloc(f, c);
	expect(f, c, "L20", (struct row){ 20, 14, 6, 5, 306 });
	for (uint32_t i = 0; i < 304; i += 16)
		o[i] = fixture_alloc(f, c);
	expect(f, c, "L21", (struct row){ 20, 0, 1, 0, 320 });
	o[320] = fixture_alloc(f, c);
	expect(f, c, "L22", (struct row){ 21, 0, 1, 0, 336 });
	fixture_free_range(f, o, 1, 305, 16);
	for (uint32_t i = 1; i < 320; i += 16)
		gone[i] = true;
	expect(f, c, "L23", (struct row){ 21, 14, 7, 6, 322 });
	cr_expect_not(slab_cache_destroy(f->slab, c, &f->meter), "301 objects live");
	expect(f, c, "L24", (struct row){ 21, 21, 0, 0, 301 });
	cr_expect_eq(fixture_stats(f, c).live_objs, 301);
	for (uint32_t i = 0; i <= 320; i++)
		if (!gone[i])
			fixture_free_object(f, o[i]);
	expect(f, c, "L25", (struct row){ 4, 4, 0, 0, 0 });
	cr_expect_eq(fixture_stats(f, c).discarded, 17);
	cr_expect_not(slab_cache_destroy(f->slab, c, &f->meter), "a second destroy does nothing");
	cr_expect(slab_cache_live(f->slab, c));
	fixture_free(f);
}

Test(slub_life, size_1024_takes_one_and_two_from_the_node)
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "k1024", 1024, 0, 0);
	struct slab_object o[200];

	fixture_alloc_many(f, c, o, 200);
	expect(f, c, "200 allocated", (struct row){ 13, 0, 1, 0, 208 });
	fixture_free_range(f, o, 0, 199, 16);
	cr_expect_eq(fixture_stats(f, c).partial, 9);
	cr_expect_eq(fixture_stats(f, c).slabs_cpu_partial, 3);
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 13);
	expect(f, c, "shrunk", (struct row){ 13, 13, 0, 0, 187 });
	o[0] = fixture_alloc(f, c);
	cr_expect_eq(fixture_stats(f, c).partial, 10);
	cr_expect_eq(fixture_stats(f, c).slabs_cpu_partial, 2);
	for (uint32_t i = 16; i < 200; i += 16)
		o[i] = fixture_alloc(f, c);
	cr_expect_eq(fixture_stats(f, c).partial, 0);

	struct slab_object last = fixture_alloc(f, c);

	cr_expect_eq(fixture_stats(f, c).slabs, 13);
	fixture_free_range(f, o, 0, 199, 1);
	fixture_free_object(f, last);
	fixture_check(f);
	cr_expect_eq(fixture_stats(f, c).slabs, 8);
	cr_expect_eq(fixture_stats(f, c).partial, 4);
	cr_expect_eq(fixture_stats(f, c).slabs_cpu_partial, 3);
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 0);
	fixture_free(f);
}

Test(slub_life, size_700_freed_even_then_odd)
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "k700", 700, 0, 0);
	struct slab_object o[230];
	struct slab_stats s;

	fixture_alloc_many(f, c, o, 230);
	cr_expect_eq(fixture_stats(f, c).slabs, 10);
	fixture_free_range(f, o, 0, 228, 2);
	s = fixture_stats(f, c);
	cr_expect(s.slabs == 10 && s.partial == 5 && s.slabs_cpu_partial == 4 && s.active_objs == 172,
		"%lu %lu %lu %lu", s.slabs, s.partial, s.slabs_cpu_partial, s.active_objs);
	fixture_free_range(f, o, 1, 229, 2);
	s = fixture_stats(f, c);
	cr_expect(s.slabs == 9 && s.partial == 4 && s.slabs_cpu_partial == 4 && s.active_objs == 115,
		"%lu %lu %lu %lu", s.slabs, s.partial, s.slabs_cpu_partial, s.active_objs);
	fixture_check(f);
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 0);
	fixture_free(f);
}

Test(slub_life, objects_of_a_slab_come_in_ascending_order) /* P1 */
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "kq", 256, 0, 0);

	for (uint32_t i = 0; i < 32; i++) {
		struct slab_object o = fixture_alloc(f, c);

		cr_expect_eq(o.slab, i / 16);
		cr_expect_eq(o.index, i % 16);
	}
	fixture_free(f);
}

Test(slub_life, last_freed_is_first_allocated) /* P2 */
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "kq", 256, 0, 0);
	struct slab_object o[16];

	fixture_alloc_many(f, c, o, 16);
	fixture_free_object(f, o[3]);
	fixture_free_object(f, o[7]);
	cr_expect_eq(fixture_alloc(f, c).index, 7);
	cr_expect_eq(fixture_alloc(f, c).index, 3);
	fixture_free(f);
}

Test(slub_life, stack_serves_when_the_current_slab_is_used_up) /* P3 */
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "kq", 256, 0, 0);
	struct slab_object o[32], a, b;

	fixture_alloc_many(f, c, o, 32);
	fixture_free_object(f, o[0]);
	fixture_free_object(f, o[5]);
	a = fixture_alloc(f, c);
	b = fixture_alloc(f, c);
	cr_expect(a.slab == o[0].slab && a.index == 5);
	cr_expect(b.slab == o[0].slab && b.index == 0);
	fixture_free(f);
}

/* A slab given up by CPU 0 with #4 .. #15 on its CPU freelist; @remote: and #1 freed by CPU 1. */
static void flush_with_other_slab(bool remote)
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "kq", 256, 0, 0);
	struct slab_object other[16], o[4];
	const struct slub_node *n;
	const struct slub_slab *slab;
	uint16_t head, *links;

	fixture_alloc_many(f, c, other, 16);
	fixture_alloc_many(f, c, o, 4);
	slab_free(f->slab, other[0], 1, &f->meter);
	if (remote)
		slab_free(f->slab, o[1], 1, &f->meter);
	struct slub_op op = slub_op_of(f->slub, c, 0, &f->meter);

	/* The other slab goes from CPU 1's stack to the list before, so that head and tail differ. */
	slub_partial_add(f->slub, other[0].slab, true);
	slub_cpu_of(f->slub, c, 1)->partial = SLAB_NONE;
	slub_deactivate(&op);
	fixture_check(f);

	n = slub_node_of(f->slub, c, 0);
	cr_expect_eq(remote ? n->tail : n->head, o[0].slab);
	slab = &f->slub->store.slabs[o[0].slab];
	links = slub_links(f->slub, slab);
	head = slab->freelist;
	for (uint16_t i = 4; i < 16; i++, head = links[head])
		cr_expect_eq(head, i);
	cr_expect_eq(head, remote ? 1 : OBJECT_NONE);
	fixture_free(f);
}

Test(slub_life, flushed_slab_with_remote_frees_goes_to_the_tail) /* P4 */
{
	flush_with_other_slab(true);
}

Test(slub_life, flushed_slab_without_remote_frees_goes_to_the_head) /* P4 */
{
	flush_with_other_slab(false);
}

Test(slub_life, bulk_free_puts_the_highest_index_at_the_head) /* P5 */
{
	struct fixture *f = one_cpu();
	uint32_t c = fixture_cache(f, "kq", 256, 0, 0);
	struct slab_object o[17], bulk[3];
	const struct slub_slab *slab;
	uint16_t *links;

	fixture_alloc_many(f, c, o, 17);
	fixture_free_object(f, o[9]);
	for (uint32_t i = 0; i < 3; i++)
		bulk[i] = o[2 + i];
	slab_free_bulk(f->slab, bulk, 3, 0, &f->meter);
	fixture_check(f);
	slab = &f->slub->store.slabs[o[0].slab];
	links = slub_links(f->slub, slab);
	cr_expect_eq(slab->inuse, 12);
	cr_expect_eq(slab->freelist, 4);
	cr_expect_eq(links[4], 3);
	cr_expect_eq(links[3], 2);
	cr_expect_eq(links[2], 9);
	fixture_free(f);
}
