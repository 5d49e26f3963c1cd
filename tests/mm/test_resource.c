/* The trees of I/O memory and I/O ports: worked examples R1 to R11 of the specification, and a slow model. */
#include "base/rng.h"
#include "mm/resource_priv.h"
#include "tests/mm/io_fixture.h"

static const char pc[] = "memory: 512 MiB\n"
			 "reserved: [{start: 0x2000000, size: 8 MiB, name: \"Kernel code\"}]\n"
			 "io_memory:\n"
			 "  regions:\n"
			 "    - {start: 0x80000000, size: 0x7ec00000, name: \"PCI Bus 0000:00\"}\n"
			 "    - {start: 0xfd000000, size: 16 MiB, name: \"0000:00:02.0\"}\n"
			 "    - {start: 0xfec00000, size: 1 KiB, name: \"IOAPIC 0\"}\n"
			 "io_ports:\n"
			 "  regions:\n"
			 "    - {start: 0, size: 0xcf8, name: \"PCI Bus 0000:00\"}\n"
			 "    - {start: 0x60, size: 1, name: keyboard}\n"
			 "    - {start: 0x3f8, size: 8, name: serial, claim: driver}\n";

static const struct resource *deepest(const struct io_fixture *fx, enum resource_tree tree, uint64_t start,
	uint64_t end)
{
	return resource_get(fx->resources, resource_deepest(fx->resources, tree, start, end));
}

/* R1, R2, R6, R7, R10, R11. */
Test(resource, request_goes_to_the_innermost_place_that_is_not_busy)
{
	struct io_fixture *fx = io_fixture_new(pc);
	const struct resource *node;
	uint32_t at;

	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0xfd000000, 0x1000, "kt r1"), RESOURCE_FREE);
	at = resource_deepest(fx->resources, RESOURCE_IOMEM, 0xfd000010, 0xfd000020);
	node = resource_get(fx->resources, at);
	cr_expect_str_eq(node->name, "kt r1");
	cr_expect_str_eq(resource_get(fx->resources, node->parent)->name, "0000:00:02.0");
	cr_expect_eq(resource_depth(fx->resources, at), 2);
	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0xfd000800, 0x100, "kt r2"), RESOURCE_BUSY);
	cr_expect_eq(give_back(fx, RESOURCE_IOMEM, 0xfd000000, 0x800), false);
	cr_expect(resource_claimed(fx->resources, RESOURCE_IOMEM, 0xfd000000, 0xfd000fff));
	cr_expect(give_back(fx, RESOURCE_IOMEM, 0xfd000000, 0x1000));
	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0xfd000000, 0x1000, "a"), RESOURCE_FREE);
	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0xfd001000, 0x1000, "b"), RESOURCE_FREE);
	cr_expect_eq(deepest(fx, RESOURCE_IOMEM, 0xfd000000, 0xfd000000)->parent,
		deepest(fx, RESOURCE_IOMEM, 0xfd001000, 0xfd001000)->parent);
	cr_expect_eq(resource_stats(fx->resources, RESOURCE_IOMEM)->live, 2);
	cr_expect_eq(resource_stats(fx->resources, RESOURCE_IOMEM)->live_bytes, 0x2000);
	io_fixture_free(fx);
}

/* R3, R8, and a whole page of a busy controller. */
Test(resource, request_across_an_edge_or_in_busy_memory_is_refused)
{
	struct io_fixture *fx = io_fixture_new(pc);

	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0xfcfff000, 0x2000, "kt"), RESOURCE_OVERLAPS);
	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0x01000000, 0x1000, "kt"), RESOURCE_BUSY);
	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0x02000000, 0x1000, "kt"), RESOURCE_BUSY);
	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0xfec00000, 0x1000, "kt"), RESOURCE_BUSY);
	cr_expect_eq(request(fx, RESOURCE_IOMEM, 0xfec00400, 0x100, "kt"), RESOURCE_FREE);
	io_fixture_free(fx);
}

/* R4, R5, R9; and requests of nothing and beyond the last address. */
Test(resource, ports_end_at_0xffff)
{
	struct io_fixture *fx = io_fixture_new(pc);

	cr_expect_eq(request(fx, RESOURCE_IOPORT, 0x2f8, 8, "kt r3"), RESOURCE_FREE);
	cr_expect_str_eq(resource_get(fx->resources, deepest(fx, RESOURCE_IOPORT, 0x2f8, 0x2ff)->parent)->name,
		"PCI Bus 0000:00");
	cr_expect_eq(request(fx, RESOURCE_IOPORT, 0x60, 1, "kt"), RESOURCE_BUSY);
	cr_expect_eq(request(fx, RESOURCE_IOPORT, 0xfffe, 4, "kt"), RESOURCE_OUTSIDE);
	cr_expect_eq(request(fx, RESOURCE_IOPORT, 0xfffe, 2, "kt"), RESOURCE_FREE);
	cr_expect_eq(request(fx, RESOURCE_IOPORT, 0x1000, 0, "kt"), RESOURCE_OUTSIDE);
	cr_expect_eq(request(fx, RESOURCE_IOMEM, UINT64_MAX, 2, "kt"), RESOURCE_OUTSIDE);
	cr_expect_eq(give_back(fx, RESOURCE_IOPORT, 0x1000, 0), false);
	io_fixture_free(fx);
}

Test(resource, claim_of_a_driver_passes_to_the_request_that_the_trace_shows)
{
	struct io_fixture *fx = io_fixture_new(pc);
	struct resource_answer answer;

	cr_expect(resource_claimed(fx->resources, RESOURCE_IOPORT, 0x3f8, 0x3ff));
	answer = resource_request(fx->resources, RESOURCE_IOPORT, 0x3f8, 8, "8250", true, &fx->meter);
	cr_expect_eq(answer.conflict, RESOURCE_BUSY, "it failed in the recording, so somebody had it");
	answer = resource_request(fx->resources, RESOURCE_IOPORT, 0x3f8, 8, "8250", false, &fx->meter);
	cr_expect_eq(answer.conflict, RESOURCE_FREE);
	cr_expect(answer.taken_over);
	cr_expect_str_eq(deepest(fx, RESOURCE_IOPORT, 0x3f8, 0x3ff)->name, "serial");
	cr_expect_eq(request(fx, RESOURCE_IOPORT, 0x3f8, 8, "second"), RESOURCE_BUSY);
	cr_expect(give_back(fx, RESOURCE_IOPORT, 0x3f8, 8));
	cr_expect_not(resource_claimed(fx->resources, RESOURCE_IOPORT, 0x3f8, 0x3ff));
	io_fixture_free(fx);
}

Test(resource, requests_and_releases_are_charged_under_the_lock)
{
	struct io_fixture *fx = io_fixture_new(pc);

	request(fx, RESOURCE_IOPORT, 0x2f8, 8, "kt");
	cr_expect_eq(fx->meter.ns, 200);
	give_back(fx, RESOURCE_IOPORT, 0x2f8, 8);
	cr_expect_eq(fx->meter.ns, 350);
	cr_expect_eq(fx->meter.nr_segments, 2);
	cr_expect_eq(fx->meter.segments[0].lock, LOCK_RESOURCE);
	io_fixture_free(fx);
}

/* What is to be inserted around others becomes their parent, as a bus window found after its devices. */
Test(resource, inserted_node_takes_in_what_it_contains)
{
	struct io_fixture *fx = io_fixture_new("memory: 64 MiB\nio_ports: {regions: [{start: 16, size: 16, name: a},"
					       " {start: 48, size: 16, name: b}]}\n");
	struct resources *resources = fx->resources;
	uint32_t window = resource_new(resources, 16, 63, "window"), across = resource_new(resources, 40, 50, "across");

	cr_expect(resource_insert(resources, RESOURCE_IOPORT, window));
	cr_expect_not(resource_insert(resources, RESOURCE_IOPORT, across));
	resource_drop(resources, across);
	ioports_refresh(resources, 16, 63);
	cr_expect_eq(resource_get(resources, resource_deepest(resources, RESOURCE_IOPORT, 16, 31))->parent, window);
	cr_expect_eq(resource_get(resources, resource_deepest(resources, RESOURCE_IOPORT, 48, 63))->parent, window);
	cr_expect_eq(resource_deepest(resources, RESOURCE_IOPORT, 32, 47), window);
	io_fixture_free(fx);
}

Test(resource, memory_of_two_ranges_that_touch_is_one_resource)
{
	struct io_fixture *fx = io_fixture_new("nodes: [{ranges: [{start: 1 MiB, size: 63 MiB}]},"
					       " {ranges: [{start: 64 MiB, size: 64 MiB}]}]\n");
	const struct resource *ram = deepest(fx, RESOURCE_IOMEM, 0x3fff000, 0x4000fff);

	cr_expect_str_eq(ram->name, "System RAM");
	cr_expect_eq(ram->start, 0x100000);
	cr_expect_eq(ram->end, 0x7ffffff);
	io_fixture_free(fx);
}

Test(resource, check_names_each_broken_invariant)
{
	struct io_fixture *fx = io_fixture_new(pc);
	struct resources *resources = fx->resources;
	const struct mechanism *mech = mechanism_first(SLOT_RESOURCE);
	uint32_t bus = resource_deepest(resources, RESOURCE_IOPORT, 0, 0);
	struct resource *node = &resources->nodes[bus];
	struct err err = { 0 };

	node->end = 0x70;
	cr_expect_eq(mech->check(resources, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "resource 1"), "%s", err.text);
	node->end = 0xcf7;
	resources->nodes[node->child].end = 0x3f8;
	cr_expect_eq(mech->check(resources, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "resource 2"), "%s", err.text);
	resources->nodes[node->child].end = 0x60;
	resource_new(resources, 1, 2, "lost");
	cr_expect_eq(mech->check(resources, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "resource 3"), "%s", err.text);
	resource_drop(resources, resources->nr - 1);
	resources->stats[RESOURCE_IOMEM].live++;
	cr_expect_eq(mech->check(resources, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "resource 4"), "%s", err.text);
	resources->stats[RESOURCE_IOMEM].live--;
	resources->ports.table[0x61] ^= IOPORT_CLAIMED_BIT;
	cr_expect_eq(mech->check(resources, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "resource 5"), "%s", err.text);
	resources->ports.table[0x61] ^= IOPORT_CLAIMED_BIT;
	io_fixture_free(fx);
}

/* The slow model: a list of spans. A request is granted when all that it meets contains it and is not busy. */
struct span {
	uint64_t start, end;
	bool busy;
};

static bool model_grants(const struct span *spans, uint32_t nr, uint64_t start, uint64_t end, uint64_t last)
{
	if (end < start || end > last)
		return false;
	for (uint32_t i = 0; i < nr; i++)
		if (spans[i].start <= end && spans[i].end >= start &&
			(spans[i].busy || spans[i].start > start || spans[i].end < end))
			return false;
	return true;
}

static uint32_t model_claim(const struct span *spans, uint32_t nr, uint64_t start, uint64_t end)
{
	uint32_t i = 0;

	while (i < nr && !(spans[i].busy && spans[i].start == start && spans[i].end == end))
		i++;
	return i;
}

Test(resource, does_as_a_list_of_spans_does, .timeout = 120)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct io_fixture *fx = io_fixture_new("memory: 64 MiB\nio_ports: {size: 256, regions: ["
			"{start: 0, size: 128, name: bus}, {start: 16, size: 32, name: dev}, {start: 16, size: 8, name: bar},"
			" {start: 64, size: 4, name: fpu}, {start: 192, size: 32, name: other}]}\n");
		struct span spans[512] = { { 0, 127, false }, { 16, 47, false }, { 16, 23, false }, { 64, 67, true },
			{ 192, 223, false } };
		uint32_t nr = 5;
		struct rng rng;

		rng_init(&rng, seed, "resource");
		for (int step = 0; step < 300; step++) {
			uint64_t start = rng_below(&rng, 256), size = 1 + rng_below(&rng, 16), end = start + size - 1;

			if (rng_below(&rng, 2)) {
				bool granted = model_grants(spans, nr, start, end, 255);

				cr_assert_eq(request(fx, RESOURCE_IOPORT, start, size, "x") == RESOURCE_FREE, granted,
					"seed %d, step %d: 0x%x-0x%x", (int)seed, step, (int)start, (int)end);
				if (granted)
					spans[nr++] = (struct span){ start, end, true };
			} else {
				uint32_t any = (uint32_t)rng_below(&rng, nr), at;

				/* Mostly what is there. */
				if (rng_below(&rng, 4))
					start = spans[any].start, end = spans[any].end;
				at = model_claim(spans, nr, start, end);
				cr_assert_eq(give_back(fx, RESOURCE_IOPORT, start, end - start + 1), at < nr,
					"seed %d, step %d: release 0x%x-0x%x", (int)seed, step, (int)start, (int)end);
				if (at < nr)
					spans[at] = spans[--nr];
			}
		}
		io_fixture_free(fx);
	}
}
