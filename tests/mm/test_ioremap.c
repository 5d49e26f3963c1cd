/* Mappings of device memory, their memory types, and accesses through them. */
#include "base/rng.h"
#include "mm/ioremap_priv.h"
#include "tests/mm/io_fixture.h"

#define V 0xffffc90000000000ull /* where the vmalloc space begins */

static const char pc[] = "memory: 512 MiB\n"
			 "io_ports: {size: 256}\n"
			 "reserved: [{start: 0x2000000, size: 8 MiB, name: \"Kernel code\"}]\n"
			 "io_memory:\n"
			 "  regions:\n"
			 "    - {start: 0x80000000, size: 0x7ec00000, name: \"PCI Bus 0000:00\"}\n"
			 "    - {start: 0xfd000000, size: 16 MiB, name: \"0000:00:02.0\", read_ns: 500 ns, write_ns: 40 ns}\n"
			 "    - {start: 0xfe000000, size: 4 KiB, name: \"0000:00:03.0\"}\n";

static struct ioremap *io_of(const struct io_fixture *fx)
{
	return mm_state(&fx->mm, SLOT_IOREMAP);
}

static struct ioremap_answer map(struct io_fixture *fx, uint64_t phys, uint64_t size, enum ioremap_mode mode)
{
	struct ioremap_request want = { .phys = phys, .size = size, .mode = mode };
	struct ioremap_answer answer = ioremap_map(io_of(fx), &want, &fx->meter);

	io_fixture_check(fx);
	return answer;
}

static void unmap(struct io_fixture *fx, uint32_t mapping)
{
	ioremap_unmap(io_of(fx), mapping, 0, &fx->meter);
	io_fixture_check(fx);
}

static void expect_refused(struct io_fixture *fx, uint64_t phys, uint64_t size, enum ioremap_mode mode,
	enum ioremap_refusal refusal)
{
	struct ioremap_answer answer = map(fx, phys, size, mode);

	cr_expect_eq(answer.refusal, refusal, "0x%llx: %d", (unsigned long long)phys, (int)answer.refusal);
	cr_expect_eq(answer.mapping, IOREMAP_NONE);
}

/* V5 to V8 of the specification, in an empty space: pages, alignment by size, the lowest hole, and the offset kept. */
Test(ioremap, mapping_is_whole_pages_aligned_by_size_with_the_offset_kept)
{
	struct io_fixture *fx = io_fixture_new(pc);
	uint32_t a = map(fx, 0xfd000000, 0x1000, IOREMAP_UC).mapping;
	uint32_t b = map(fx, 0xfd010000, 0x3000, IOREMAP_UC).mapping;
	uint32_t c = map(fx, 0xfd020ff0, 0x20, IOREMAP_UC).mapping;

	cr_expect_eq(ioremap_address(io_of(fx), a), V);
	cr_expect_eq(ioremap_address(io_of(fx), b), V + 0x4000);
	cr_expect_eq(ioremap_get(io_of(fx), c)->bytes, 0x2000);
	cr_expect_eq(ioremap_address(io_of(fx), c), V + 0x8000 + 0xff0);
	cr_expect_eq(ioremap_stats(io_of(fx))->live, 3);
	cr_expect_eq(ioremap_stats(io_of(fx))->live_bytes, 0x6000);
	unmap(fx, b);
	cr_expect_eq(ioremap_stats(io_of(fx))->live_bytes, 0x3000);
	io_fixture_free(fx);
}

Test(ioremap, nothing_wrapping_too_high_and_ram_are_refused)
{
	struct io_fixture *fx = io_fixture_new(pc);

	expect_refused(fx, 0xfd000000, 0, IOREMAP_UC, IOREMAP_EMPTY);
	expect_refused(fx, UINT64_MAX - 10, 100, IOREMAP_UC, IOREMAP_EMPTY);
	expect_refused(fx, 1ull << 52, 4096, IOREMAP_UC, IOREMAP_TOO_HIGH);
	expect_refused(fx, 0x1000000, 4096, IOREMAP_WB, IOREMAP_RAM);
	expect_refused(fx, 0x1fff000, 8192, IOREMAP_WB, IOREMAP_RAM);
	/*
	 * Reserved pages are not the page allocator's; and the
	 * kernel's walk looks at whole pages, of more than one byte.
	 */
	cr_expect_eq(map(fx, 0x2000000, 8 << 20, IOREMAP_WB).refusal, IOREMAP_GRANTED);
	cr_expect_eq(map(fx, 0x1000010, 100, IOREMAP_WB).refusal, IOREMAP_GRANTED);
	cr_expect_eq(map(fx, 0x1001000, 1, IOREMAP_WB).refusal, IOREMAP_GRANTED);
	cr_expect_eq(ioremap_stats(io_of(fx))->refused[IOREMAP_RAM], 2);
	io_fixture_free(fx);
}

Test(ioremap, second_mapping_gets_the_type_of_the_first_or_is_refused)
{
	struct io_fixture *fx = io_fixture_new(pc);
	uint32_t wc = map(fx, 0xfd000000, 0x2000, IOREMAP_WC).mapping;
	struct ioremap_answer answer = map(fx, 0xfd001000, 0x2000, IOREMAP_UC);

	cr_expect_eq(answer.refusal, IOREMAP_GRANTED);
	cr_expect_eq(ioremap_get(io_of(fx), answer.mapping)->mode, IOREMAP_WC);
	expect_refused(fx, 0xfd000000, 0x1000, IOREMAP_WT, IOREMAP_TYPE);
	unmap(fx, answer.mapping);
	unmap(fx, wc);
	cr_expect_eq(map(fx, 0xfd000000, 0x1000, IOREMAP_WB).refusal, IOREMAP_GRANTED);
	cr_expect_eq(map(fx, 0xfd001000, 0x1000, IOREMAP_WT).refusal, IOREMAP_GRANTED);
	expect_refused(fx, 0xfd000000, 0x1000, IOREMAP_UC, IOREMAP_TYPE);
	expect_refused(fx, 0xfd000000, 0x1000, IOREMAP_WC, IOREMAP_TYPE);
	expect_refused(fx, 0xfd000000, 0x2000, IOREMAP_WB, IOREMAP_TYPE);
	cr_expect_eq(map(fx, 0xfd001000, 0x1000, IOREMAP_WB).refusal, IOREMAP_GRANTED, "wt serves who wants wb");
	/* The ISA hole is not tracked: write-back for all. */
	answer = map(fx, 0xc0000, 0x10000, IOREMAP_UC);
	cr_expect_eq(ioremap_get(io_of(fx), answer.mapping)->mode, IOREMAP_WB);
	io_fixture_free(fx);
}

Test(ioremap, mapping_is_claimed_when_one_busy_resource_is_around_it)
{
	struct io_fixture *fx = io_fixture_new(pc);

	cr_expect_not(map(fx, 0xfd000000, 0x1000, IOREMAP_UC).claimed);
	request(fx, RESOURCE_IOMEM, 0xfd000000, 0x1000, "drv");
	cr_expect(map(fx, 0xfd000000, 0x1000, IOREMAP_UC).claimed);
	cr_expect_not(map(fx, 0xfd000000, 0x1001, IOREMAP_UC).claimed);
	cr_expect_not(map(fx, 0xfd000000, 0x1001, IOREMAP_UC).spans);
	cr_expect(map(fx, 0xfdfff000, 0x2000, IOREMAP_UC).spans);
	io_fixture_free(fx);
}

static uint64_t touch(struct io_fixture *fx, enum mmio_op op, uint32_t mapping, uint64_t offset, ns_t now,
	enum mmio_answer expected)
{
	struct mmio_access access = { .op = op, .mapping = mapping, .offset = offset, .phys = offset, .now = now };
	enum mmio_answer answer;

	meter_start(&fx->meter, fx->machine.latency.step_ns);
	answer = mmio_access(io_of(fx), &access, &fx->meter);
	cr_expect_eq(answer, expected, "%d", (int)answer);
	return fx->meter.ns;
}

Test(ioremap, reads_wait_for_the_device_and_for_the_writes_before_them)
{
	struct io_fixture *fx = io_fixture_new(pc);
	uint32_t a, b;

	request(fx, RESOURCE_IOMEM, 0xfd000000, 0x1000, "drv");
	a = map(fx, 0xfd000000, 0x1000, IOREMAP_UC).mapping;
	b = map(fx, 0xfe000000, 0x1000, IOREMAP_UC).mapping;
	cr_expect_eq(touch(fx, MMIO_READL, a, 0, 0, MMIO_DONE), 500);
	cr_expect_eq(touch(fx, MMIO_READB, b, 0, 1000, MMIO_UNCLAIMED), 800);
	/* Written at 2000, on its way until 2000 + 40 + 500 / 2. */
	cr_expect_eq(touch(fx, MMIO_WRITEL, a, 4, 2000, MMIO_DONE), 40);
	cr_expect_eq(touch(fx, MMIO_READL, b, 0, 2040, MMIO_UNCLAIMED), 800, "another device");
	cr_expect_eq(touch(fx, MMIO_READL, a, 0, 2040, MMIO_DONE), 250 + 500);
	cr_expect_eq(touch(fx, MMIO_READL, a, 0, 4000, MMIO_DONE), 500);
	cr_expect_eq(touch(fx, MMIO_WRITEQ, b, 8, 5000, MMIO_UNCLAIMED), 100);
	cr_expect_eq(ioremap_stats(io_of(fx))->read_waits, 1);
	cr_expect_eq(ioremap_stats(io_of(fx))->read_wait_ns, 250);
	io_fixture_free(fx);
}

/* 64 bytes in 16 writes of 4: one burst. */
Test(ioremap, write_combined_bytes_go_out_by_the_buffer)
{
	struct io_fixture *fx = io_fixture_new(pc);
	uint32_t fb = map(fx, 0xfd800000, 0x10000, IOREMAP_WC).mapping;
	uint64_t ns = 0;

	for (uint32_t i = 0; i < 32; i++)
		ns += touch(fx, MMIO_WRITEL, fb, 4 * i, 1000 * i, MMIO_UNCLAIMED);
	cr_expect_eq(ns, 20);
	io_fixture_free(fx);
}

Test(ioremap, access_beyond_the_mapped_pages_or_to_nothing_is_a_fault)
{
	struct io_fixture *fx = io_fixture_new(pc);
	uint32_t a = map(fx, 0xfd000010, 0x100, IOREMAP_UC).mapping;

	touch(fx, MMIO_READL, a, 0xfec, 0, MMIO_UNCLAIMED);
	cr_expect_eq(touch(fx, MMIO_READL, a, 0xfed, 0, MMIO_FAULT), 0);
	touch(fx, MMIO_READB, a, UINT64_MAX, 0, MMIO_FAULT);
	touch(fx, MMIO_READL, IOREMAP_NONE, 0xfd000ffc, 0, MMIO_UNCLAIMED);
	touch(fx, MMIO_READL, IOREMAP_NONE, 0xfd001000, 0, MMIO_FAULT);
	unmap(fx, a);
	touch(fx, MMIO_READL, IOREMAP_NONE, 0xfd000ffc, 0, MMIO_FAULT);
	cr_expect_eq(ioremap_stats(io_of(fx))->faults, 4);
	io_fixture_free(fx);
}

Test(ioremap, use_is_counted_by_the_region_that_is_there_at_the_time)
{
	struct io_fixture *fx = io_fixture_new(pc);
	uint32_t a = map(fx, 0xfe000000, 0x1000, IOREMAP_UC).mapping;
	const struct io_use_list *use = ioremap_use(io_of(fx));

	touch(fx, MMIO_READL, a, 0, 0, MMIO_UNCLAIMED);
	request(fx, RESOURCE_IOMEM, 0xfe000000, 0x800, "drv");
	touch(fx, MMIO_READL, a, 0x7fc, 0, MMIO_DONE);
	touch(fx, MMIO_READL, a, 0x800, 0, MMIO_UNCLAIMED);
	touch(fx, MMIO_READL, a, 0, 0, MMIO_DONE);
	cr_assert_eq(use->nr, 3);
	cr_expect_str_eq(use->regions[1].name, "0000:00:03.0");
	cr_expect_eq(use->regions[1].use[MMIO_READL].calls, 2);
	cr_expect_eq(use->regions[1].use[MMIO_READL].unclaimed, 2);
	cr_expect_str_eq(use->regions[2].name, "drv");
	cr_expect_eq(use->regions[2].use[MMIO_READL].bytes, 8);
	cr_expect_eq(use->regions[2].use[MMIO_READL].unclaimed, 0);
	io_fixture_free(fx);
}

Test(ioremap, tasks_get_whole_pages_from_the_beginning_of_one)
{
	struct io_fixture *fx = io_fixture_new(pc);

	cr_expect(ioremap_to_user(io_of(fx), 0xfd000000, 0x100, &fx->meter));
	cr_expect_not(ioremap_to_user(io_of(fx), 0xfd000100, 0x1000, &fx->meter));
	cr_expect_not(ioremap_to_user(io_of(fx), 0xfd000000, 0, &fx->meter));
	cr_expect_eq(ioremap_stats(io_of(fx))->user_bytes, 0x1000);
	io_fixture_free(fx);
}

Test(ioremap, check_names_each_broken_invariant)
{
	struct io_fixture *fx = io_fixture_new(pc);
	struct ioremap *io = io_of(fx);
	const struct mechanism *mech = mechanism_first(SLOT_IOREMAP);
	uint32_t a = map(fx, 0xfd000000, 0x1000, IOREMAP_UC).mapping,
		 b = map(fx, 0xfd000000, 0x1000, IOREMAP_UC).mapping;
	struct err err = { 0 };

	io->mappings[a].live = false;
	cr_expect_eq(mech->check(io, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "ioremap 1"), "%s", err.text);
	io->mappings[a].live = true;
	io->mappings[b].mode = IOREMAP_WC;
	cr_expect_eq(mech->check(io, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "ioremap 2"), "%s", err.text);
	io->mappings[b].mode = IOREMAP_UC;
	io->stats.live_bytes++;
	cr_expect_eq(mech->check(io, &err), -ERR_INVARIANT);
	cr_expect(strstr(err.text, "ioremap 3"), "%s", err.text);
	io->stats.live_bytes--;
	io_fixture_free(fx);
}

/* Random mappings beside a plain list: who meets whom, and with which type. */
Test(ioremap, does_as_a_list_of_mappings_does, .timeout = 120)
{
	struct { uint64_t phys, bytes; uint32_t mapping; } live[64];
	struct io_fixture *fx = io_fixture_new(pc);
	struct rng rng;

	rng_init(&rng, 7, "ioremap");
	for (uint32_t nr = 0, step = 0; step < 3000; step++) {
		uint64_t phys = 0xfd000000 + rng_below(&rng, 64) * 0x400, size = 1 + rng_below(&rng, 0x3000);
		enum ioremap_mode mode = (enum ioremap_mode)rng_below(&rng, NR_IOREMAP_MODES);
		uint32_t modes = 0;
		struct ioremap_answer answer;

		if (nr == 64 || (nr && rng_below(&rng, 2))) {
			uint32_t at = (uint32_t)rng_below(&rng, nr);

			unmap(fx, live[at].mapping);
			live[at] = live[--nr];
			continue;
		}
		for (uint32_t i = 0; i < nr; i++)
			if (live[i].phys <= ((phys + size - 1) | 0xfff) &&
				live[i].phys + live[i].bytes > (phys & ~0xfffull))
				modes |= 1u << ioremap_get(io_of(fx), live[i].mapping)->mode;
		answer = map(fx, phys, size, mode);
		if (!modes)
			cr_assert_eq(answer.refusal, IOREMAP_GRANTED, "step %u", step);
		if (modes & (modes - 1))
			cr_assert_eq(answer.refusal, IOREMAP_TYPE, "step %u", step);
		if (answer.refusal != IOREMAP_GRANTED)
			continue;
		if (modes)
			cr_assert_eq(modes, 1u << ioremap_get(io_of(fx), answer.mapping)->mode, "step %u", step);
		live[nr].phys = phys & ~0xfffull;
		live[nr].bytes = ioremap_get(io_of(fx), answer.mapping)->bytes;
		live[nr++].mapping = answer.mapping;
	}
	io_fixture_free(fx);
}
