/* Each numbered invariant of SLUB, broken on purpose, is reported under its number. */
#include <criterion/criterion.h>

#include "slab_fixture.h"

/* A cache with a current slab, a stack of two, three slabs on the node's list and some full ones. */
struct scene {
	struct fixture *f;
	struct slub *slub;
	uint32_t cache;
	struct slub_cpu *c;
	struct slub_node *n;
	struct slub_slab *slabs, *current, *top, *head, *full;
};

static struct scene scene_new(void)
{
	struct fixture *f = fixture_new(2, 2);
	struct scene s = { .f = f, .slub = f->slub };
	struct slab_object o[16 * 12];

	s.cache = fixture_cache(f, "c", 1024, 0, 0); /* 16 objects, 3 slabs on a stack */
	fixture_alloc_many(f, s.cache, o, 16 * 11 + 8);
	fixture_free_range(f, o, 0, 16 * 5 - 1, 16);
	s.c = slub_cpu_of(s.slub, s.cache, 0);
	s.n = slub_node_of(s.slub, s.cache, 0);
	s.slabs = s.slub->store.slabs;
	s.current = &s.slabs[s.c->slab];
	s.top = &s.slabs[s.c->partial];
	s.head = &s.slabs[s.n->head];
	s.full = &s.slabs[o[16 * 8].slab];
	cr_assert(s.n->nr_partial == 3 && s.top->depth == 2 && s.full->place == SLUB_FULL);
	fixture_check(f);
	return s;
}

Test(slub_check, slub_1_objects_of_a_slab)
{
	struct scene s = scene_new();
	uint16_t *links = slub_links(s.slub, s.head);

	FIXTURE_BREAK(s.f, s.full->inuse, 15, "slub 1");
	FIXTURE_BREAK(s.f, s.head->inuse, 16, "slub 1");
	FIXTURE_BREAK(s.f, links[s.head->freelist], s.head->freelist, "slub 1"); /* a ring */
	FIXTURE_BREAK(s.f, s.head->freelist, 16, "slub 1");                     /* no such object */
	fixture_free(s.f);
}

Test(slub_check, slub_2_freelist_of_a_cpu)
{
	struct scene s = scene_new();

	FIXTURE_BREAK(s.f, s.c->links[s.c->freelist], s.c->freelist, "slub 2");
	FIXTURE_BREAK(s.f, s.c->freelist, 16, "slub 2");
	FIXTURE_BREAK(s.f, s.c->node, 1, "slub 2");
	FIXTURE_BREAK(s.f, s.c->links, s.c->links + SLAB_LINK_UNIT, "slub 2");
	FIXTURE_BREAK(s.f, slub_cpu_of(s.slub, s.cache, 1)->freelist, 3, "slub 2");
	fixture_free(s.f);
}

Test(slub_check, slub_3_one_place_each)
{
	struct scene s = scene_new();
	struct slub_cpu *other = slub_cpu_of(s.slub, s.cache, 1);

	FIXTURE_BREAK(s.f, other->partial, s.c->partial, "slub 3");         /* on two stacks */
	FIXTURE_BREAK(s.f, other->slab, s.n->head, "slub 3");               /* on a list, and current */
	FIXTURE_BREAK(s.f, s.head->cache, 0, "slub 3");
	FIXTURE_BREAK(s.f, s.head->node, 1, "slub 3");
	FIXTURE_BREAK(s.f, s.slabs[s.n->tail].next, 1u << 30, "slub 3");    /* beyond all slabs */
	FIXTURE_BREAK(s.f, s.c->partial, SLAB_NONE, "slub 3");              /* lost */
	FIXTURE_BREAK(s.f, s.full->cache, s.slub->nr_caches, "slub 3");
	FIXTURE_BREAK(s.f, s.slub->caches[s.cache].live, false, "slub 3");
	s.top->place = SLUB_FULL;
	fixture_expect_broken(s.f, "slub 3");
	s.top->place = SLUB_CPU_PARTIAL;
	fixture_check(s.f);
	fixture_free(s.f);
}

Test(slub_check, slub_4_node_list)
{
	struct scene s = scene_new();

	FIXTURE_BREAK(s.f, s.n->nr_partial, 2, "slub 4");
	FIXTURE_BREAK(s.f, s.n->tail, s.n->head, "slub 4");
	FIXTURE_BREAK(s.f, s.slabs[s.head->next].prev, SLAB_NONE, "slub 4");
	FIXTURE_BREAK(s.f, s.head->freelist, OBJECT_NONE, "slub 4");
	fixture_free(s.f);
}

Test(slub_check, slub_5_depth_of_a_stack)
{
	struct scene s = scene_new();

	FIXTURE_BREAK(s.f, s.top->depth, 3, "slub 5");
	FIXTURE_BREAK(s.f, s.slabs[s.top->next].depth, 2, "slub 5");
	fixture_free(s.f);
}

Test(slub_check, slub_6_owner_of_the_page)
{
	struct scene s = scene_new();

	FIXTURE_BREAK(s.f, s.f->pages.owner[s.full->pfn], 0, "slub 6");
	FIXTURE_BREAK(s.f, s.f->machine.ram[0].node, 1, "slub 6");
	fixture_free(s.f);
}

Test(slub_check, slub_7_totals)
{
	struct scene s = scene_new();

	FIXTURE_BREAK(s.f, s.n->nr_slabs, 11, "slub 7");
	FIXTURE_BREAK(s.f, s.n->total_objects, 1, "slub 7");
	FIXTURE_BREAK(s.f, s.slub->caches[s.cache].pages, 1, "slub 7");
	FIXTURE_BREAK(s.f, s.slub->caches[s.cache].discarded, 1, "slub 7");
	fixture_free(s.f);
}

Test(slub_check, slub_8_order_and_objects)
{
	struct scene s = scene_new();

	FIXTURE_BREAK(s.f, s.full->objects, 15, "slub 8");
	s.full->order = 1;
	fixture_expect_broken(s.f, "slub 8");
	fixture_free(s.f);
}

Test(slub_check, slub_9_numbers_and_debug_caches)
{
	struct scene s = scene_new();

	FIXTURE_BREAK(s.f, s.slub->caches[s.cache].debug, true, "slub 9");
	FIXTURE_BREAK(s.f, s.slub->store.unused, 0, "slub 9");
	s.full->place = SLUB_UNUSED;
	fixture_expect_broken(s.f, "slub 9");
	fixture_free(s.f);
}
