/* Port instructions: what they cost, whose ports they touch, what is counted. */
#include "mm/ioport_priv.h"
#include "tests/mm/io_fixture.h"

static const char pc[] = "memory: 64 MiB\n"
			 "io_ports:\n"
			 "  regions:\n"
			 "    - {start: 0x60, size: 1, name: keyboard}\n"
			 "    - {start: 0x1f0, size: 8, name: ide, access_ns: 300 ns, access_32_ns: 450 ns}\n"
			 "    - {start: 0xc000, size: 32, name: nic}\n";

struct outcome {
	enum ioport_access access;
	uint64_t ns;
};

static struct outcome touch(struct io_fixture *fx, enum ioport_op op, uint64_t port, uint64_t count)
{
	struct outcome outcome;
	uint64_t before = fx->meter.ns;

	outcome.access = ioport_access(resource_ioports(fx->resources), op, port, count, &fx->meter);
	outcome.ns = fx->meter.ns - before;
	return outcome;
}

static void expect(struct outcome got, enum ioport_access access, uint64_t ns)
{
	cr_expect_eq(got.access, access, "%d, not %d", (int)got.access, (int)access);
	cr_expect_eq(got.ns, ns, "%llu ns, not %llu", (unsigned long long)got.ns, (unsigned long long)ns);
}

static const struct io_use_region *used(const struct io_fixture *fx, const char *name)
{
	const struct io_use_list *list = ioport_use(resource_ioports(fx->resources));

	for (uint32_t i = 0; i < list->nr; i++)
		if (!strcmp(list->regions[i].name, name))
			return &list->regions[i];
	cr_assert_fail("no region \"%s\"", name);
	return NULL;
}

Test(ioport, cost_follows_the_bus_the_region_and_the_width)
{
	struct io_fixture *fx = io_fixture_new(pc);

	expect(touch(fx, IOPORT_INB, 0x60, 1), IOPORT_CLAIMED, 1000);
	expect(touch(fx, IOPORT_OUTB, 0xc000, 1), IOPORT_UNCLAIMED, 500);
	expect(touch(fx, IOPORT_INB, 0x1f7, 1), IOPORT_UNCLAIMED, 300);
	expect(touch(fx, IOPORT_INW, 0x1f0, 1), IOPORT_UNCLAIMED, 300);
	expect(touch(fx, IOPORT_INL, 0x1f0, 1), IOPORT_UNCLAIMED, 450);
	io_fixture_free(fx);
}

/* A sector of a disk: 256 times 16 bits from one port, 30 % off. */
Test(ioport, string_form_makes_its_accesses_of_one_port)
{
	struct io_fixture *fx = io_fixture_new(pc);
	const struct io_use *use;

	request(fx, RESOURCE_IOPORT, 0x1f0, 8, "ata");
	expect(touch(fx, IOPORT_INSW, 0x1f0, 256), IOPORT_CLAIMED, 256 * 300 * 7 / 10);
	expect(touch(fx, IOPORT_OUTSL, 0x1f0, 128), IOPORT_CLAIMED, 128 * 450 * 7 / 10);
	expect(touch(fx, IOPORT_INSB, 0x1f0, 0), IOPORT_CLAIMED, 0);
	use = &used(fx, "ata")->use[IOPORT_INSW];
	cr_expect_eq(use->calls, 1);
	cr_expect_eq(use->accesses, 256);
	cr_expect_eq(use->bytes, 512);
	cr_expect_eq(use->unclaimed, 0);
	cr_expect_eq(used(fx, "ata")->use[IOPORT_OUTSL].bytes, 512);
	io_fixture_free(fx);
}

Test(ioport, access_is_claimed_from_request_to_release)
{
	struct io_fixture *fx = io_fixture_new(pc);

	expect(touch(fx, IOPORT_OUTB, 0xc008, 1), IOPORT_UNCLAIMED, 500);
	request(fx, RESOURCE_IOPORT, 0xc000, 16, "ne2k");
	expect(touch(fx, IOPORT_OUTB, 0xc008, 1), IOPORT_CLAIMED, 500);
	expect(touch(fx, IOPORT_OUTB, 0xc010, 1), IOPORT_UNCLAIMED, 500);
	give_back(fx, RESOURCE_IOPORT, 0xc000, 16);
	expect(touch(fx, IOPORT_OUTB, 0xc008, 1), IOPORT_UNCLAIMED, 500);
	request(fx, RESOURCE_IOPORT, 0xc000, 16, "ne2k");
	expect(touch(fx, IOPORT_OUTB, 0xc008, 1), IOPORT_CLAIMED, 500);
	cr_expect_eq(used(fx, "ne2k")->use[IOPORT_OUTB].calls, 2);
	cr_expect_eq(used(fx, "nic")->use[IOPORT_OUTB].calls, 3);
	cr_expect_eq(used(fx, "nic")->use[IOPORT_OUTB].unclaimed, 3);
	io_fixture_free(fx);
}

Test(ioport, access_over_the_end_of_a_region_or_of_the_ports_is_seen)
{
	struct io_fixture *fx = io_fixture_new(pc);

	request(fx, RESOURCE_IOPORT, 0x3f8, 8, "serial");
	expect(touch(fx, IOPORT_INW, 0x3fe, 1), IOPORT_CLAIMED, 1000);
	expect(touch(fx, IOPORT_INW, 0x3ff, 1), IOPORT_SPLIT, 1000);
	expect(touch(fx, IOPORT_INL, 0x3fd, 1), IOPORT_SPLIT, 1000);
	expect(touch(fx, IOPORT_INB, 0xffff, 1), IOPORT_UNCLAIMED, 500);
	expect(touch(fx, IOPORT_INB, 0x10000, 1), IOPORT_NO_PORT, 500);
	expect(touch(fx, IOPORT_INB, UINT64_MAX, 1), IOPORT_NO_PORT, 500);
	cr_expect_eq(used(fx, "serial")->use[IOPORT_INW].unclaimed, 1);
	cr_expect_eq(used(fx, "")->use[IOPORT_INB].calls, 3);
	io_fixture_free(fx);
}

Test(ioport, machine_without_ports_has_none)
{
	struct io_fixture *fx = io_fixture_new("memory: 64 MiB\nio_ports: {size: none}\n");

	expect(touch(fx, IOPORT_INB, 0, 1), IOPORT_NO_PORT, 1000);
	io_fixture_free(fx);
}
