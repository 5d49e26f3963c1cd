/* Regions, ports and device memory, from hand-written events to what SQLite says. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(io, .init = run_enter, .fini = run_leave);

static const char machine[] = "kmemsim: 1\n"
			      "memory: 512 MiB\n"
			      "io_memory:\n"
			      "  regions:\n"
			      "    - {start: 0x80000000, size: 0x7ec00000, name: \"PCI Bus 0000:00\"}\n"
			      "    - {start: 0xfd000000, size: 16 MiB, name: \"0000:00:02.0\", read_ns: 500, write_ns: 40}\n"
			      "io_ports:\n"
			      "  regions:\n"
			      "    - {start: 0, size: 0xcf8, name: \"PCI Bus 0000:00\"}\n"
			      "    - {start: 0x60, size: 1, name: keyboard}\n"
			      "    - {start: 0x1f0, size: 8, name: \"0000:00:01.1\", access_ns: 300}\n";

/* Import, replay with every invariant checked after every event; the summary's figures are printed as JSON. */
static char *replay(const char *jsonl)
{
	struct run_result result;
	char *out;

	run_write("m.yaml", machine);
	run_write("t.jsonl", jsonl);
	result = run_shell("$K import t.jsonl -o t.kmt --quiet && $K replay t.kmt -m m.yaml -o r.db --json --check=1");
	cr_assert_eq(result.status, 0, "%s", result.err);
	out = strdup(result.out);
	run_free(&result);
	return out;
}

static void expect(const char *sql, const char *answer)
{
	struct run_result result = run_shell("sqlite3 -separator ' ' r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, answer, "%s:\n%s\nnot\n%s", sql, result.out, answer);
	run_free(&result);
}

/* R1 to R11 of the specification. */
Test(io, regions_conflict_nest_and_are_released_as_in_the_kernel)
{
	struct run_result result;
	char *out = replay(
		"{\"event\":\"request_mem_region\",\"start\":\"0xfd000000\",\"size\":4096,\"name\":\"kt r1\"}\n"
		"{\"event\":\"request_mem_region\",\"start\":\"0xfd000800\",\"size\":256,\"name\":\"kt r2\"}\n"
		"{\"event\":\"request_mem_region\",\"start\":\"0xfcfff000\",\"size\":8192,\"name\":\"kt r3\"}\n"
		"{\"event\":\"request_region\",\"start\":\"0x2f8\",\"size\":8,\"name\":\"kt r3\"}\n"
		"{\"event\":\"request_region\",\"start\":\"0x60\",\"size\":1,\"name\":\"kt r5\"}\n"
		"{\"event\":\"release_mem_region\",\"start\":\"0xfd000000\",\"size\":2048}\n"
		"{\"event\":\"request_mem_region\",\"start\":\"0x1000000\",\"size\":4096,\"name\":\"kt r8\"}\n"
		"{\"event\":\"request_region\",\"start\":\"0xfffe\",\"size\":4,\"name\":\"kt r9\"}\n"
		"{\"event\":\"request_mem_region\",\"start\":\"0xfd001000\",\"size\":4096,\"name\":\"second\"}\n"
		"{\"event\":\"release_mem_region\",\"start\":\"0xfd001000\",\"size\":4096}\n");

	cr_expect_eq(run_number(out, "failed"), 0);
	free(out);
	expect("select op, count, failed from op_stats order by op",
		"release_mem_region 2 1\nrequest_mem_region 5 3\nrequest_region 3 2\n");
	expect("select rule, event_no from violations order by event_no",
		"region_conflict 1\nregion_conflict 2\nregion_conflict 4\nregion_release_mismatch 5\nregion_conflict 6\n"
		"region_conflict 7\n");
	expect("select failed, violations from v_sweep", "0 6\n");
	expect("select mechanism, value from counters where name = 'regions_live_at_end'", "iomem 1\nioports 1\n");
	result = run_shell("$K proc r.db --file iomem; $K proc r.db --file ioports");
	cr_expect_str_eq(result.out, "00001000-0009ffff : System RAM\n"
				     "00100000-1fffffff : System RAM\n"
				     "80000000-febfffff : PCI Bus 0000:00\n"
				     "  fd000000-fdffffff : 0000:00:02.0\n"
				     "    fd000000-fd000fff : kt r1\n"
				     "0000-0cf7 : PCI Bus 0000:00\n"
				     "  0060-0060 : keyboard\n"
				     "  01f0-01f7 : 0000:00:01.1\n"
				     "  02f8-02ff : kt r3\n", "%s%s", result.out, result.err);
	run_free(&result);
}

Test(io, ports_are_claimed_counted_and_priced_by_region)
{
	free(replay("{\"event\":\"request_region\",\"start\":\"0x1f0\",\"size\":8,\"name\":\"ata\"}\n"
		    "{\"event\":\"outb\",\"port\":\"0x1f7\",\"value\":32}\n"
		    "{\"event\":\"insw\",\"port\":\"0x1f0\",\"count\":256}\n"
		    "{\"event\":\"inb\",\"port\":\"0x3f8\"}\n"
		    "{\"event\":\"inw\",\"port\":\"0x1f7\"}\n"
		    "{\"event\":\"inl\",\"port\":\"0xc000\"}\n"
		    "{\"event\":\"release_region\",\"start\":\"0x1f0\",\"size\":8}\n"
		    "{\"event\":\"inb\",\"port\":\"0x1f7\"}\n"));
	expect("select region, op, count, accesses, bytes, cost_ns, unclaimed from ioport_stats order by start, region, op",
		" inl 1 1 4 500 1\n"
		"PCI Bus 0000:00 inb 1 1 1 1000 1\n"
		"0000:00:01.1 inb 1 1 1 300 1\n"
		"ata insw 1 256 512 53760 0\n"
		"ata inw 1 1 2 300 1\n"
		"ata outb 1 1 1 300 0\n");
	expect("select rule, severity, event_no from violations order by event_no",
		"port_unclaimed warning 3\nport_unclaimed warning 4\nport_unclaimed warning 5\nport_unclaimed warning 7\n");
	expect("select op, lat_max_ns from op_stats where op = 'insw'", "insw 53760\n");
}

Test(io, mappings_are_checked_as_ioremap_does)
{
	char *out = replay(
		"{\"event\":\"request_mem_region\",\"start\":\"0xfd000000\",\"size\":65536,\"name\":\"drv\"}\n"
		"{\"event\":\"ioremap\",\"id\":\"regs\",\"phys\":\"0xfd000010\",\"size\":4096}\n"
		"{\"event\":\"ioremap\",\"id\":\"fb\",\"phys\":\"0xfd800000\",\"size\":4096,\"mode\":\"wc\"}\n"
		"{\"event\":\"ioremap\",\"id\":\"ram\",\"phys\":\"0x1000000\",\"size\":4096}\n"
		"{\"event\":\"ioremap\",\"id\":\"none\",\"phys\":\"0xfd000000\",\"size\":0}\n"
		"{\"event\":\"ioremap\",\"id\":\"irq\",\"phys\":\"0xfd000000\",\"size\":4096,\"ctx\":\"hardirq\"}\n"
		"{\"event\":\"mmap_device\",\"phys\":\"0xfd000000\",\"size\":256}\n"
		"{\"event\":\"mmap_device\",\"phys\":\"0xfd000100\",\"size\":256}\n"
		"{\"event\":\"iounmap\",\"id\":\"fb\",\"preempt_off\":true}\n"
		"{\"event\":\"iounmap\",\"id\":\"ram\"}\n");

	cr_expect_eq(run_number(out, "failed"), 4);
	cr_expect_eq(run_number(out, "live_objects"), 1);
	free(out);
	expect("select rule, severity, event_no from violations order by event_no",
		"iomem_unclaimed notice 2\nioremap_ram error 3\nvmalloc_in_interrupt fatal 5\nmmap_unaligned error 7\n"
		"sleep_in_atomic error 8\n");
	expect("select count, failed, bytes_req, bytes_alloc from op_stats where op = 'ioremap'", "5 3 8192 12288\n");
	expect("select phys, size, mode, area_bytes, region from ioremap_live", "4244635664 4096 uc 8192 drv\n");
	expect("select mode, mappings, size_bytes, area_bytes from ioremap_stats where sample_id ="
	       " (select max(sample_id) from samples)", "uc 1 4096 8192\n");
}

Test(io, device_registers_are_read_and_written_through_mappings_only)
{
	free(replay("{\"event\":\"request_mem_region\",\"start\":\"0xfd000000\",\"size\":65536,\"name\":\"drv\"}\n"
		    "{\"event\":\"ioremap\",\"id\":1,\"phys\":\"0xfd000000\",\"size\":4096,\"time_ns\":100000}\n"
		    "{\"event\":\"writel\",\"id\":1,\"offset\":0,\"value\":1,\"time_ns\":200000}\n"
		    "{\"event\":\"readl\",\"id\":1,\"offset\":4,\"time_ns\":200000}\n"
		    "{\"event\":\"readb\",\"id\":1,\"offset\":4096,\"time_ns\":210000}\n"
		    "{\"event\":\"readq\",\"phys\":\"0xfd000008\",\"time_ns\":220000}\n"
		    "{\"event\":\"readw\",\"phys\":\"0xfd800000\",\"time_ns\":230000}\n"
		    "{\"event\":\"iounmap\",\"id\":1,\"time_ns\":240000}\n"
		    "{\"event\":\"readl\",\"id\":1,\"offset\":0,\"time_ns\":250000}\n"
		    "{\"event\":\"iounmap\",\"id\":1,\"time_ns\":260000}\n"));
	expect("select rule, severity, event_no from violations order by event_no",
		"iomem_unclaimed fatal 4\niomem_unclaimed fatal 6\niomem_unclaimed fatal 8\ndouble_free fatal 9\n");
	/* The read begins when the CPU is done with the write, 40 ns on; the write arrives 250 ns after that. */
	expect("select region, op, count, bytes, cost_ns from iomem_stats order by op",
		"drv readl 1 4 750\ndrv readq 1 8 500\ndrv writel 1 4 40\n");
	expect("select name, value from counters where name in ('access_faults', 'reads_behind_posted_writes') order by 1",
		"access_faults 2\nreads_behind_posted_writes 1\n");
}

/* A log of accesses alone: the mappings that they went through are older than it. */
Test(io, accesses_by_address_without_any_mapping_in_the_trace_are_carried_out)
{
	free(replay("{\"event\":\"readl\",\"phys\":\"0xfd000000\"}\n{\"event\":\"writel\",\"phys\":\"0xfd000000\"}\n"));
	expect("select op, count, failed from op_stats order by op", "readl 1 0\nwritel 1 0\n");
	expect("select rule, severity, count(*) from violations group by rule, severity", "iomem_unclaimed notice 2\n");
}

Test(io, report_and_queries_show_ports_and_device_memory)
{
	struct run_result result;

	free(replay("{\"event\":\"inb\",\"port\":\"0x60\"}\n"
		    "{\"event\":\"ioremap\",\"id\":1,\"phys\":\"0xfd000000\",\"size\":4096}\n"
		    "{\"event\":\"readl\",\"id\":1,\"offset\":0}\n"));
	result = run_shell("$K report r.db");
	cr_expect(strstr(result.out, "Port instructions by region"), "%s", result.out);
	cr_expect(strstr(result.out, "Device memory by region"), "%s", result.out);
	cr_expect(strstr(result.out, "Device memory mapped at the end"), "%s", result.out);
	run_free(&result);
	result = run_shell("$K query r.db ports --csv; $K query r.db resources --csv; $K query r.db mappings --csv;"
			   " $K query r.db device-memory --csv");
	cr_expect(strstr(result.out, "keyboard,inb"), "%s", result.out);
	cr_expect(strstr(result.out, "0000:00:02.0,readl"), "%s", result.out);
	run_free(&result);
}

/* Capture E: what its drivers requested, mapped and gave back; /proc/iomem and ioports after it are the kernel's. */
Test(io, events_of_the_driver_capture_are_all_replayed)
{
	struct run_result result;

	if (!run_shared())
		cr_skip_test("KMEMSIM_SHARED is not set: no captures");
	run_ok("S=%s/captures/E-drivers; $K import $S/trace.dat -o E.kmt --quiet"
		" && $K probe $S/snapshots -o E.yaml 2> /dev/null && $K replay E.kmt -m E.yaml -o r.db --check --json", run_shared());
	expect("select op, count, failed from op_stats where op like '%%region' or op like 'io%%' order by op",
		"ioremap 41 0\niounmap 16 0\nrelease_mem_region 8 0\nrelease_region 28 0\nrequest_mem_region 17 0\n"
		"request_region 40 0\n");
	result = run_shell("for f in iomem ioports; do $K proc r.db --file $f"
			   " | cmp - %s/captures/E-drivers/snapshots/2-after-workload/$f; done", run_shared());
	cr_expect_str_eq(result.out, "", "%s", result.out);
	run_free(&result);
}
