/* Accesses to ports and device registers: KVM's events, QEMU's log, the table of a port log. */
#include "tests/traces/importing.h"

static uint64_t value_at(const struct imported *in, size_t n)
{
	struct trace_reader_options options = { .recorded = true };
	struct trace_reader *r;
	struct trace_batch batch;
	struct err err = { 0 };
	uint64_t value = UINT64_MAX;
	size_t before = in->nr_prologue + n;

	cr_assert_eq(trace_open(&r, in->path, &options, &err), 0, "%s", err.text);
	while (trace_next(r, &batch, &err) > 0) {
		if (before < batch.nr) {
			value = batch.value[before];
			break;
		}
		before -= batch.nr;
	}
	trace_close(r);
	return value;
}

static void expect_access(const struct imported *in, size_t n, enum trace_kind kind, uint64_t address, uint64_t value)
{
	const struct imported_event *event = importing_event(in, n);

	cr_expect_eq(event->op.kind, kind, "event %zu is %s", n, kind_info[event->op.kind].name);
	cr_expect_eq(event->op.arg[0], address, "event %zu at %#llx", n, (unsigned long long)event->op.arg[0]);
	cr_expect_eq(value_at(in, n), value, "event %zu: value %llu", n, (unsigned long long)value_at(in, n));
}

Test(import_io, kvm_pio_becomes_in_and_out_and_their_string_forms_by_count)
{
	struct imported in = importing_text(
		" qemu-100 [001] d..1. 1.000001: kvm_pio: pio_write at 0x3f8 size 1 count 1 val 0x41 \n"
		" qemu-100 [001] d..1. 1.000002: kvm_pio: pio_read at 0x60 size 1 count 1 val 0x1c \n"
		" qemu-100 [001] d..1. 1.000003: kvm_pio: pio_write at 0xcf8 size 4 count 1 val 0x80000000 \n"
		" qemu-100 [001] d..1. 1.000004: kvm_pio: pio_read at 0x1f0 size 2 count 256 val 0x5a (...)\n"
		" qemu-100 [001] d..1. 1.000005: kvm_pio: pio_write at 0x402 size 1 count 12 val 0x53 (...)\n"
		" qemu 100 [001] 1.000006: kvm:kvm_pio: pio_read at 0xcfe size 2 count 1 val 0x8086\n"
		" qemu-100 [001] d..1. 1.000007: kvm_pio: pio_read at 0x60 size 8 count 1 val 0x0\n"
		" qemu-100 [001] d..1. 1.000008: kvm_pio: garbled\n"
		" qemu-100 [001] d..1. 1.000009: kvm_exit: reason IO_INSTRUCTION rip 0x1 info 1 2\n");

	cr_assert_eq(in.nr, 6);
	expect_access(&in, 0, KIND_OUTB, 0x3f8, 0x41);
	expect_access(&in, 1, KIND_INB, 0x60, 0x1c);
	expect_access(&in, 2, KIND_OUTL, 0xcf8, 0x80000000);
	cr_expect_eq(importing_event(&in, 3)->op.kind, KIND_INSW);
	cr_expect_eq(importing_event(&in, 3)->op.arg[0], 0x1f0);
	cr_expect_eq(importing_event(&in, 3)->op.arg[1], 256);
	cr_expect_eq(importing_event(&in, 4)->op.kind, KIND_OUTSB);
	cr_expect_eq(importing_event(&in, 4)->op.arg[1], 12);
	expect_access(&in, 5, KIND_INW, 0xcfe, 0x8086);
	cr_expect_eq(importing_event(&in, 0)->who.cpu, 1);
	cr_expect_eq(importing_event(&in, 0)->who.pid, 100);
	cr_expect_eq(importing_count(&in.meta.unusable, "access to a port"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "kvm_pio: is not understood"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "kvm_exit: KVM's own report"), 1);
	importing_end(&in);
}

Test(import_io, kvm_mmio_becomes_reads_and_writes_by_physical_address)
{
	struct imported in = importing_text(
		" qemu-100 [000] d..1. 1.000001: kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfed000f0 val 0x0\n"
		" qemu-100 [000] d..1. 1.000002: kvm_mmio: mmio read len 4 gpa 0xfed000f0 val 0x1234\n"
		" qemu-100 [000] d..1. 1.000003: kvm_mmio: mmio write len 8 gpa 0xfebf0010 val 0x1122334455667788\n"
		" qemu-100 [000] d..1. 1.000004: kvm_mmio: mmio write len 1 gpa 0xfee000b0 val 0x0\n"
		" qemu-100 [000] d..1. 1.000005: kvm_mmio: mmio read len 2 gpa 0x10 val 0x7\n"
		" qemu-100 [000] d..1. 1.000006: vcpu_match_mmio: gva 0xffffc90000045000 gpa 0xfed000f0 Write GPA\n"
		" qemu-100 [000] d..1. 1.000007: kvm_fast_mmio: fast mmio at gpa 0xfe001000\n"
		" qemu-100 [000] d..1. 1.000008: kvm_mmio: mmio write len 16 gpa 0xfebf0010 val 0x0\n");

	cr_assert_eq(in.nr, 4);
	expect_access(&in, 0, KIND_READL, 0xfed000f0, 0x1234);
	expect_access(&in, 1, KIND_WRITEQ, 0xfebf0010, 0x1122334455667788);
	expect_access(&in, 2, KIND_WRITEB, 0xfee000b0, 0);
	expect_access(&in, 3, KIND_READW, 0x10, 7);
	cr_expect_eq(importing_count(&in.meta.ignored, "kvm_mmio: unsatisfied read"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "vcpu_match_mmio"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "kvm_fast_mmio"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "access to a device register"), 1);
	importing_end(&in);
}

Test(import_io, the_log_of_qemu_is_read_with_and_without_stamps)
{
	struct imported in = importing_text(
		"4711@1700000000.000100:cpu_out addr 0x70(b) value 143\n"
		"4711@1700000000.000110:cpu_in addr 0x71(b) value 7\n"
		"4711@1700000000.000120:memory_region_ops_write cpu 1 mr 0x55aa00 addr 0xcf8 value 0x80000810 size 4 name 'pci-conf-idx'\n"
		"4711@1700000000.000130:memory_region_ops_read cpu 0 mr 0x55aa00 addr 0xfed000f0 value 0x99 size 8 name 'hpet timer'\n"
		"4711@1700000000.000140:memory_region_subpage_read cpu 0 mr 0x55aa00 offset 0xf0 value 0x99 size 8\n"
		"4711@1700000000.000150:virtio_notify vdev 0x1 vq 0x2\n"
		"4711@1700000000.000160:cpu_out addr 0x80 value 1\n"
		"nonsense\n");
	struct imported bare = importing_text("cpu_out addr 0x70(b) value 143\ncpu_in addr 0x1f0(w) value 4660\n"
		"memory_region_ops_write cpu -1 mr 0x1 addr 0x3f8 value 0x41 size 1\n");

	cr_assert_eq(in.nr, 4);
	expect_access(&in, 0, KIND_OUTB, 0x70, 143);
	expect_access(&in, 1, KIND_INB, 0x71, 7);
	expect_access(&in, 2, KIND_OUTL, 0xcf8, 0x80000810);
	expect_access(&in, 3, KIND_READQ, 0xfed000f0, 0x99);
	cr_expect_eq(importing_event(&in, 0)->time_ns, 1700000000000100000u);
	cr_expect_eq(importing_event(&in, 2)->who.cpu, 1);
	cr_expect_str_eq(importing_event(&in, 2)->call_site, "pci-conf-idx");
	cr_expect_str_eq(importing_event(&in, 3)->call_site, "hpet timer");
	cr_expect_eq(importing_count(&in.meta.ignored, "memory_region_subpage"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "unknown event virtio_notify"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "access without address or width"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "line is not an event"), 1);
	cr_expect_str_eq(in.meta.tool, "qemu");
	importing_end(&in);

	cr_assert_eq(bare.nr, 3);
	expect_access(&bare, 1, KIND_INW, 0x1f0, 0x1234);
	expect_access(&bare, 2, KIND_OUTB, 0x3f8, 0x41);
	cr_expect_eq(importing_event(&bare, 2)->time_ns, 2000, "1 us after the line before");
	importing_end(&bare);
}

Test(import_io, an_access_told_by_the_processor_and_by_the_region_counts_once)
{
	struct imported in = importing_text(
		"cpu_out addr 0x70(b) value 143\n"
		"memory_region_ops_write cpu 0 mr 0x1 addr 0x70 value 0x8f size 1\n"
		"memory_region_ops_read cpu 0 mr 0x1 addr 0x71 value 0x7 size 1\n"
		"cpu_in addr 0x71(b) value 7\n"
		"cpu_in addr 0x71(b) value 7\n"
		"memory_region_ops_read cpu 0 mr 0x1 addr 0x71 value 0x8 size 1\n");

	cr_expect_eq(in.nr, 4);
	cr_expect_eq(importing_count(&in.meta.ignored, "cpu_in, cpu_out: reported twice"), 2);
	importing_end(&in);
}

Test(import_io, a_table_of_accesses_may_have_its_columns_in_any_order)
{
	struct imported in =
		importing_text("device,port,direction,width_bytes,time_us\nrtc,0x0071,read,1,6038\n,112,write,2,6040\n"
			       "rtc,0x71,sideways,1,6041\nrtc,0x71\n");

	cr_assert_eq(in.nr, 2);
	expect_access(&in, 0, KIND_INB, 0x71, 0);
	expect_access(&in, 1, KIND_OUTW, 0x70, 0);
	cr_expect_eq(importing_event(&in, 0)->time_ns, 6038000);
	cr_expect_str_eq(importing_event(&in, 0)->call_site, "rtc");
	cr_expect_eq(importing_count(&in.meta.unusable, "row without"), 2);
	importing_end(&in);
}

Test(import_io, the_innermost_claimed_regions_of_ioports_go_before_the_accesses)
{
	static const char log[] = "cpu_out addr 0x70(b) value 143\n";
	static const char ports[] = "0000-0cf7 : PCI Bus 0000:00\n  0000-001f : dma1\n  0170-0177 : 0000:00:01.1\n"
		"    0170-0177 : ata_piix\nc000-ffff : PCI Bus 0000:00\n  c100-c1ff : 0000:00:03.0\n  afe0-afe3 : ACPI GPE0_BLK\n";
	const struct import_options options = { .recorded = true };
	char path[2][64];
	const char *sources[2] = { path[0], path[1] };
	struct imported in;
	struct err err = { 0 };

	importing_file(path[0], log, strlen(log));
	importing_file(path[1], ports, strlen(ports));
	cr_assert_eq(importing_files(&in, sources, 2, &options, &err), 0, "%s", err.text);
	cr_assert_eq(in.nr_prologue, 3);
	cr_expect_eq(in.events[0].op.kind, KIND_REQUEST_REGION);
	cr_expect_str_eq(in.events[0].name, "dma1");
	cr_expect_str_eq(in.events[1].name, "ata_piix");
	cr_expect_eq(in.events[1].op.arg[0], 0x170);
	cr_expect_eq(in.events[1].op.size, 8);
	cr_expect_str_eq(in.events[2].name, "ACPI GPE0_BLK");
	cr_expect_eq(in.nr - in.nr_prologue, 1);
	cr_expect_str_eq(in.meta.tool, "qemu");
	importing_end(&in);
	unlink(path[0]);
	unlink(path[1]);
}

/* Every access of the capture, by direction and width. */
Test(import_io, the_port_log_of_a_whole_boot_is_kept_to_the_last_access, .timeout = 60)
{
	const char *packed = importing_shared("G-port-io/portio.csv.xz");
	const struct import_options options = { .recorded = true };
	uint64_t reads = 0, writes = 0;
	char path[64], command[8192];
	const char *source = path;
	struct imported in;
	struct err err = { 0 };

	if (!packed)
		cr_skip_test("the captures are not there");
	importing_file(path, "", 0);
	snprintf(command, sizeof(command), "xz -dc '%s' > %s", packed, path);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(importing_files(&in, &source, 1, &options, &err), 0, "%s", err.text);
	for (size_t i = 0; i < in.nr; i++) {
		reads += in.events[i].op.kind >= KIND_INB && in.events[i].op.kind <= KIND_INL;
		writes += in.events[i].op.kind >= KIND_OUTB && in.events[i].op.kind <= KIND_OUTL;
	}
	cr_expect_eq(reads, 109880, "as meta.yaml counts");
	cr_expect_eq(writes, 30141);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	importing_end(&in);
	unlink(path);
}
