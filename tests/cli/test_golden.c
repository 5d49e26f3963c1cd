/*
 * The sample trace through every mechanism: exact counts and the fingerprint. A changed number comes with its reason in
 * the commit that changes it. Sums of bytes_alloc of kmalloc and kmem_cache_alloc are those of the recording itself.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(golden, .init = run_enter, .fini = run_leave, .timeout = 300);

Test(golden, the_sample_boot_replays_to_the_same_fingerprint_with_all_invariants_kept)
{
	const char *source = getenv("KMEMSIM_SOURCE");
	struct run_result result;

	cr_assert_not_null(source);
	result = run_shell(
		"$K replay %s/traces/samples/boot-pc-256m.kmt -m %s/configs/machines/boot-pc-256m.yaml -o r.db "
		"--json --check=50000",
		source, source);
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "events"), 780406);
	cr_assert_eq(run_number(result.out, "failed"), 0);
	/* virtio's legacy driver maps its interrupt-status registers without a request. */
	cr_assert_eq(run_number(result.out, "violations"), 2);
	cr_assert_eq(run_number(result.out, "bytes_alloc_checked"), 34727);
	cr_assert_eq(run_number(result.out, "bytes_alloc_mismatch"), 0);
	cr_assert_eq(run_number(result.out, "live_objects"), 71406);
	cr_assert_not_null(strstr(result.out, "\"fingerprint\": \"e3aa0497ace6fb82\""), "%s", result.out);
	run_free(&result);
	result = run_shell(
		"sqlite3 -csv r.db \"select op,count,failed,bytes_alloc from op_stats where op like 'k%%' order by op\"");
	cr_assert_str_eq(result.out, "kfree,34291,0,0\n"
				     "kmalloc,34727,0,41080200\n"
				     "kmem_cache_alloc,368519,0,76886208\n"
				     "kmem_cache_alloc_bulk,3891,0,996096\n"
				     "kmem_cache_create,78,0,0\n"
				     "kmem_cache_free,310319,0,0\n"
				     "kmem_cache_free_bulk,1897,0,0\n");
	run_free(&result);
}

Test(golden, the_report_of_the_same_run_is_the_same_to_the_byte)
{
	const char *source = getenv("KMEMSIM_SOURCE");
	struct run_result result = run_shell(
		"for i in 1 2; do $K replay %s/traces/samples/boot-pc-256m.kmt -m %s/configs/machines/boot-pc-256m.yaml -o $i.db -q; "
		"$K report $i.db --json | sha256sum; done",
		source, source);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(strncmp(result.out, result.out + strlen(result.out) / 2, 64), 0, "%s", result.out);
	run_free(&result);
}

/*
 * A trace and the text of it hold the same events, their operations in another order: those
 * of the prologue come first in text. The block that does not fit is asked for after them.
 */
Test(golden, a_trace_and_its_text_replay_to_the_same_fingerprint_with_a_failure)
{
	struct run_result result;

	run_write("t.txt",
		" a-1 [000] 1.500000: mm_page_alloc: page=0x1 pfn=0x800 order=11 migratetype=0 gfp_flags=GFP_KERNEL\n"
		" a-1 [000] 1.600000: mm_page_free: page=0x2 pfn=0x40 order=0\n"
		" a-1 [000] 1.700000: mm_page_free: page=0x3 pfn=0x44 order=1\n");
	result = run_shell(
		"$K import t.txt -o t.kmt -q && $K cat t.kmt --recorded --format jsonl >t.jsonl && $K import t.jsonl -o u.kmt -q && "
		"for t in t u; do $K replay $t.kmt --json | grep -oE '\"(fingerprint|failed)\": [^,]*' >$t.out || exit 1; done; "
		"cat t.out; cmp t.out u.out");
	cr_assert_eq(result.status, 0, "%s%s", result.out, result.err);
	cr_assert_eq(run_number(result.out, "failed"), 1);
	run_free(&result);
}
