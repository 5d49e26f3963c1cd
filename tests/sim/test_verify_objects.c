/*
 * The object pass of verify on small states and traces: what counts as equal, what is found
 * and named, and how the model goes on after each thing that a recording does not show.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "configs/machine_yaml.h"
#include "sim/verify_priv.h"
#include "traces/writer.h"

#define DIRECT_MAP 0xffff888000000000u
#define OBJECTS    4u    /* of 1024 bytes, in a slab of one page */
#define SLAB_A     4500u /* current one of CPU 0: 1 and 3 are free, in that order */
#define SLAB_B     4501u /* on the node's list: 0 and 2 are free */
#define SLAB_C     4502u /* full */
#define OLD_PAGE   5000u /* handed out before the recording, no slab */
#define FREE_PAGES 8192u /* 4096 free pages from here on */

struct trial {
	char path[64];
	struct machine machine;
	struct state state;
	struct state_zone zones[VERIFY_MAX_ZONES];
	struct state_block blocks[4];
	struct state_cache caches[2];
	struct state_slab slabs[3];
	struct trace_writer *w;
	ns_t now_ns;
	uint32_t entry[2], next_slot;
	struct verify_count bytes, objects;
};

static const uint16_t order_of_new_slabs[OBJECTS] = { 2, 0, 3, 1 };
static const uint16_t free_in_a[] = { 1, 3 }, free_in_b[] = { 0, 2 };

/* The zones of the machine as they are after boot, all memory handed out but 16 MiB. */
static void make_zones(struct trial *t)
{
	struct mm mm;
	struct err err = { 0 };

	cr_assert_eq(mm_init(&mm, &t->machine, 1, &err), 0, "%s", err.text);
	t->state.nr_zones = page_alloc_nr_zones(mm.pages);
	for (unsigned int i = 0; i < t->state.nr_zones; i++) {
		struct zone_stats stats;

		page_alloc_zone_stats(mm.pages, i, &stats);
		t->zones[i] = (struct state_zone){
			.node = stats.node,
			.type = stats.type,
			.start_pfn = stats.start_pfn,
			.spanned = stats.spanned,
			.present = stats.present,
			.managed = stats.managed,
			.min = stats.min,
			.low = stats.low,
			.high = stats.high,
			.pcp_high = stats.pcp_high,
			.pcp_batch = stats.pcp_batch,
		};
		if (stats.start_pfn > FREE_PAGES || stats.start_pfn + stats.spanned <= FREE_PAGES)
			continue;
		t->zones[i].free_pages = 4096;
		for (uint32_t b = 0; b < 4; b++)
			t->blocks[b] =
				(struct state_block){ .pfn = FREE_PAGES + b * 1024, .zone = (uint16_t)i, .order = 10 };
	}
	mm_fini(&mm);
}

static struct trial *trial_new(void)
{
	const char *sets[] = { "cpus=2", "memory=64 MiB" };
	struct trial *t = calloc(1, sizeof(*t));
	struct err err = { 0 };
	int fd;

	cr_assert_not_null(t);
	cr_assert_eq(machine_load(&t->machine, NULL, sets, 2, &err), 0, "%s", err.text);
	t->caches[0] = (struct state_cache){ .name = "c", .object_size = 1024, .size = 1024, .align = 8, .inuse = 1024,
		.offset = 512, .objs_per_slab = OBJECTS, .min_objs = OBJECTS, .min_partial = 5, .cpu_partial = 24,
		.cpu_partial_slabs = 12, .slabs = 3, .objects = 12, .random_seq = order_of_new_slabs,
		.nr_random_seq = OBJECTS };
	t->caches[1] = (struct state_cache){
		.name = "d",
		.object_size = 2048,
		.size = 2048,
		.align = 8,
		.inuse = 2048,
		.offset = 1024,
		.objs_per_slab = 2,
		.min_objs = 2,
		.min_partial = 5,
		.cpu_partial = 24,
		.cpu_partial_slabs = 24,
	};
	t->slabs[0] = (struct state_slab){ .pfn = SLAB_A, .cpu = 0, .objects = OBJECTS, .inuse = OBJECTS,
		.place = STATE_SLAB_CPU, .cpu_freelist = free_in_a, .nr_cpu_freelist = 2 };
	t->slabs[1] = (struct state_slab){ .pfn = SLAB_B, .cpu = STATE_NO_CPU, .objects = OBJECTS, .inuse = 2,
		.place = STATE_SLAB_NODE_PARTIAL, .freelist = free_in_b, .nr_freelist = 2 };
	t->slabs[2] = (struct state_slab){ .pfn = SLAB_C, .cpu = STATE_NO_CPU, .objects = OBJECTS, .inuse = OBJECTS,
		.place = STATE_SLAB_FULL };
	t->state = (struct state){ .source = "made up", .zones = t->zones, .blocks = t->blocks, .nr_blocks = 4,
		.caches = t->caches, .nr_caches = 2, .slabs = t->slabs, .nr_slabs = 3, .nr_entries = 2,
		.exact_blocks = true, .exact_slabs = true };
	make_zones(t);
	strcpy(t->path, "/tmp/kmemsim-test-XXXXXX");
	fd = mkstemp(t->path);
	cr_assert(fd >= 0);
	close(fd);
	cr_assert_eq(trace_writer_open(&t->w, t->path, &(struct trace_writer_options){ .recorded = true }, &err), 0,
		"%s", err.text);
	return t;
}

static uint64_t address(pfn_t pfn, uint32_t index)
{
	return DIRECT_MAP + pfn * 4096 + index * 1024;
}

static void write_event(struct trial *t, uint32_t cpu, const struct trace_op *op, uint32_t slot, uint64_t where)
{
	struct trace_who who = { cpu, 1, trace_writer_string(t->w, "init", 4), 0 };
	struct trace_event event = {
		.time_ns = t->now_ns += 1000,
		.op = trace_writer_op(t->w, op),
		.who = trace_writer_who(t->w, &who),
		.slot = slot,
		.recorded = { .where = where, .entry = ++t->entry[cpu] },
	};
	struct err err = { 0 };

	cr_assert_eq(trace_writer_event(t->w, &event, &err), 0, "%s", err.text);
}

/* The kernel handed out that object on @cpu. Return: its slot. */
static uint32_t alloc_of(struct trial *t, const char *cache, uint64_t size, uint32_t cpu, uint64_t where)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_ALLOC, .node = -1, .gfp = GFP_KERNEL, .size_alloc = size,
		.name = trace_writer_string(t->w, cache, strlen(cache)) };

	write_event(t, cpu, &op, t->next_slot, where);
	return t->next_slot++;
}

static uint32_t alloc(struct trial *t, pfn_t pfn, uint32_t index)
{
	return alloc_of(t, "c", 1024, 0, address(pfn, index));
}

static void free_it(struct trial *t, uint32_t slot, uint64_t where)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_FREE, .node = -1, .name = trace_writer_string(t->w, "c", 1) };

	write_event(t, 0, &op, slot, where);
}

/* A bulk call of @nr objects, of which no address is recorded. Return: the first slot. */
static uint32_t bulk(struct trial *t, uint32_t nr)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_ALLOC_BULK, .node = -1, .gfp = GFP_KERNEL,
		.name = trace_writer_string(t->w, "c", 1) };
	uint32_t first = t->next_slot;

	for (; nr; nr--) {
		op.flags = nr > 1 ? OP_BULK_MORE : 0;
		write_event(t, 0, &op, t->next_slot++, 0);
	}
	return first;
}

static void bulk_free(struct trial *t, uint32_t first, uint32_t nr, uint64_t where)
{
	struct trace_op op = {
		.kind = KIND_KMEM_CACHE_FREE_BULK,
		.node = -1,
		.name = trace_writer_string(t->w, "c", 1),
	};

	for (; nr; nr--) {
		op.flags = nr > 1 ? OP_BULK_MORE : 0;
		write_event(t, 0, &op, first++, where);
	}
}

static void pages(struct trial *t, enum trace_kind kind, pfn_t pfn)
{
	struct trace_op op = { .kind = (uint8_t)kind, .origin = ORIGIN_SLAB, .node = -1, .gfp = GFP_KERNEL };

	write_event(t, 0, &op, t->next_slot++, pfn);
}

static void grow(struct trial *t, pfn_t pfn)
{
	pages(t, KIND_ALLOC_PAGES, pfn);
}

/* Verifies the trace and ends the trial. */
static void expect(struct trial *t, uint64_t checked, uint64_t equal, uint64_t told, uint64_t assisted)
{
	struct trace_meta meta = { .page_size = 4096, .cpus = 2, .recorded_addresses = true };
	struct verify_state state = { "0b", &t->state };
	struct verify_options options = { .trace = t->path, .machine = &t->machine, .states = &state, .nr_states = 1,
		.direct_map = { .known = true, .base = DIRECT_MAP }, .seed = 1 };
	struct err err = { 0 };

	cr_assert_eq(trace_writer_close(t->w, &meta, &err), 0, "%s", err.text);
	trace_meta_fini(&meta);
	cr_assert_eq(verify_objects(&options, &t->bytes, &t->objects, &err), 0, "%s", err.text);
	cr_expect_eq(t->objects.checked, checked, "checked: %lu", t->objects.checked);
	cr_expect_eq(t->objects.equal, equal, "equal: %lu\n%s\n%s", t->objects.equal, t->objects.first.kernel,
		t->objects.first.model);
	cr_expect_eq(t->objects.told, told, "told: %lu", t->objects.told);
	cr_expect_eq(t->objects.assisted, assisted, "assisted: %lu", t->objects.assisted);
	cr_expect_eq(t->objects.first.there, equal != checked);
	unlink(t->path);
}

Test(verify_objects, the_saved_freelists_give_the_next_objects)
{
	struct trial *t = trial_new();

	alloc(t, SLAB_A, 1);
	alloc(t, SLAB_A, 3);
	alloc(t, SLAB_B, 0);
	alloc(t, SLAB_B, 2);
	expect(t, 4, 4, 0, 0);
	free(t);
}

Test(verify_objects, what_is_freed_is_next)
{
	struct trial *t = trial_new();

	free_it(t, alloc(t, SLAB_A, 1), address(SLAB_A, 1));
	free_it(t, t->next_slot++, address(SLAB_A, 2)); /* from before the recording */
	alloc(t, SLAB_A, 2);
	alloc(t, SLAB_A, 1);
	expect(t, 3, 3, 0, 0);
	free(t);
}

Test(verify_objects, a_new_slab_is_told_its_pages_and_where_its_order_begins)
{
	struct trial *t = trial_new();

	bulk(t, 4);
	grow(t, 9000);
	alloc(t, 9000, 3);
	alloc(t, 9000, 1);
	alloc(t, 9000, 2);
	alloc(t, 9000, 0);
	expect(t, 4, 4, 1, 0);
	free(t);
}

Test(verify_objects, a_model_error_is_found_and_named_and_the_rest_is_right)
{
	struct trial *t = trial_new();

	alloc(t, SLAB_A, 3); /* the model has 1 */
	alloc(t, SLAB_A, 1);
	alloc(t, SLAB_B, 0);
	expect(t, 3, 2, 0, 0);
	cr_expect_eq(t->objects.first.event_no, 0);
	cr_expect_not_null(strstr(t->objects.first.kernel, "c on CPU 0: object at 0xffff888001194c00"), "%s",
		t->objects.first.kernel);
	cr_expect_not_null(strstr(t->objects.first.model,
				   "object at 0xffff888001194400; then: CPU 0: slab at page 4500"),
		"%s", t->objects.first.model);
	free(t);
}

Test(verify_objects, an_object_whose_free_was_not_traced_is_freed_first_and_counted_apart)
{
	struct trial *t = trial_new();
	uint32_t slot;

	bulk(t, 4);
	slot = alloc(t, SLAB_C, 2);
	free_it(t, slot, address(SLAB_C, 2));
	alloc(t, SLAB_C, 2);
	expect(t, 2, 1, 0, 1);
	free(t);
}

Test(verify_objects, an_object_of_a_bulk_call_is_exchanged_when_an_event_names_it)
{
	struct trial *t = trial_new();

	bulk(t, 1);          /* the model has 1 for it */
	alloc(t, SLAB_A, 1); /* so it was 3 */
	alloc(t, SLAB_B, 0);
	expect(t, 2, 1, 0, 0);
	free(t);
}

Test(verify_objects, objects_of_a_bulk_free_come_back)
{
	struct trial *t = trial_new();

	bulk_free(t, bulk(t, 2), 2, 0);
	alloc(t, SLAB_A, 3); /* of a chain the last is first */
	alloc(t, SLAB_A, 1);
	expect(t, 2, 2, 0, 0);
	free(t);
}

Test(verify_objects, a_bulk_free_with_addresses_frees_these)
{
	struct trial *t = trial_new();

	bulk(t, 4);
	bulk_free(t, alloc(t, SLAB_C, 2), 1, address(SLAB_C, 2));
	alloc(t, SLAB_C, 2);
	expect(t, 2, 1, 0, 1);
	free(t);
}

Test(verify_objects, a_free_of_what_the_model_has_as_free_shows_that_it_was_taken)
{
	struct trial *t = trial_new();

	free_it(t, t->next_slot++, address(SLAB_A, 3));
	alloc(t, SLAB_A, 3);
	alloc(t, SLAB_A, 1);
	expect(t, 2, 2, 0, 0);
	free(t);
}

Test(verify_objects, what_is_wrong_twice_was_handed_out_unseen)
{
	struct trial *t = trial_new();

	alloc(t, SLAB_B, 0);
	alloc(t, SLAB_A, 3); /* the model has 2 of B, then 1 */
	alloc(t, SLAB_B, 2);
	expect(t, 3, 0, 0, 0);
	free(t);
	t = trial_new();
	alloc(t, SLAB_A, 3);
	alloc(t, SLAB_B, 0); /* the model has 1 both times: it is nobody's now */
	alloc(t, SLAB_B, 2);
	expect(t, 3, 1, 0, 0);
	free(t);
}

Test(verify_objects, the_slab_that_the_kernel_uses_becomes_the_current_one)
{
	struct trial *t = trial_new();

	alloc(t, SLAB_B, 0);
	alloc(t, SLAB_B, 2);
	alloc(t, SLAB_A, 1);
	expect(t, 3, 2, 0, 0);
	free(t);
}

Test(verify_objects, what_the_model_had_when_the_kernel_made_a_slab_is_passed_over)
{
	struct trial *t = trial_new();

	grow(t, 9000);
	alloc(t, 9000, 0);
	alloc(t, 9000, 3);
	alloc(t, 9000, 1);
	alloc(t, SLAB_A, 1); /* it was not handed out after all */
	alloc(t, SLAB_A, 3);
	expect(t, 5, 3, 0, 0);
	free(t);
}

Test(verify_objects, a_slab_whose_pages_the_kernel_frees_is_no_more)
{
	struct trial *t = trial_new();

	bulk(t, 2);
	pages(t, KIND_FREE_PAGES, SLAB_B);
	grow(t, 9000);
	alloc(t, 9000, 2);
	alloc(t, 9000, 0);
	expect(t, 2, 2, 1, 0);
	free(t);
}

Test(verify_objects, a_slab_of_another_cache_gives_way)
{
	struct trial *t = trial_new();

	alloc_of(t, "d", 2048, 1, address(SLAB_C, 0));
	alloc_of(t, "d", 2048, 1, address(SLAB_C, 2));
	expect(t, 2, 2, 1, 0);
	free(t);
}

Test(verify_objects, objects_outside_of_slabs_are_not_checked)
{
	struct trial *t = trial_new();
	uint32_t slot = alloc(t, OLD_PAGE, 1);

	free_it(t, slot, address(OLD_PAGE, 1));
	alloc(t, SLAB_A, 1);
	expect(t, 1, 1, 0, 0);
	free(t);
}

Test(verify_objects, a_slab_that_the_model_made_in_vain_is_dropped)
{
	struct trial *t = trial_new();

	bulk(t, 4);
	alloc(t, SLAB_C, 2); /* free in the kernel, so it made none */
	grow(t, 9000);
	alloc(t, 9000, 0);
	expect(t, 2, 1, 1, 1);
	free(t);
}
