/* Worked examples of the text interchange: what a line becomes, and that text and back is the same trace. */
#include "tests/traces/random_trace.h"
#include "traces/import.h"
#include "traces/print.h"

/* A trace made from text, read whole. */
struct read_back {
	struct trace_reader *reader;
	struct trace_meta meta;
	struct trace_event events[256], prologue[256];
	uint32_t nr_events, nr_prologue;
};

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f && fputs(text, f) >= 0);
	fclose(f);
}

static void read_all(struct read_back *t, const char *path)
{
	const struct trace_reader_options options = { .recorded = true };
	struct trace_batch b;
	struct err err;

	cr_assert_eq(trace_open(&t->reader, path, &options, &err), 0, "%s", err.text);
	while (trace_next(t->reader, &b, &err) > 0)
		for (uint32_t i = 0; i < b.nr; i++) {
			struct trace_event e = {
				.time_ns = b.time_ns[i],
				.op = b.op[i],
				.who = b.who[i],
				.slot = b.slot[i],
				.value = b.value ? b.value[i] : 0,
			};

			e.recorded = (struct trace_recorded){ b.where[i], b.entry ? b.entry[i] : 0,
				b.moved ? b.moved[i] : 0, b.ctx[i] };
			cr_assert_lt(t->nr_events, 256);
			*(b.prologue ? &t->prologue[t->nr_prologue++] : &t->events[t->nr_events++]) = e;
		}
	cr_assert_str_eq(trace_damage(t->reader)->text, "");
}

static int import_text(const char *text, const char *output, bool strict, struct trace_meta *meta, struct err *err)
{
	char *input = scratch_path();
	const char *const sources[] = { input };
	struct import_options options = { .strict = strict, .recorded = true };
	int ret;

	put_file(input, text);
	*meta = (struct trace_meta){ 0 };
	ret = import_files(sources, 1, output, &options, meta, err);
	unlink(input);
	free(input);
	return ret;
}

static struct read_back *take(const char *text)
{
	struct read_back *t = calloc(1, sizeof(*t));
	char *path = scratch_path();
	struct err err;

	cr_assert_eq(import_text(text, path, false, &t->meta, &err), 0, "%s", err.text);
	read_all(t, path);
	unlink(path);
	free(path);
	return t;
}

static void drop(struct read_back *t)
{
	trace_close(t->reader);
	trace_meta_fini(&t->meta);
	free(t);
}

static const struct trace_op *op_of(const struct read_back *t, uint32_t i)
{
	cr_assert_lt(i, t->nr_events);
	return &trace_tables(t->reader)->ops[t->events[i].op];
}

static const char *string_of(const struct read_back *t, uint32_t string)
{
	return trace_tables(t->reader)->strings[string];
}

Test(interchange, kmalloc_and_kfree_share_a_slot_and_missing_times_are_a_microsecond_apart)
{
	struct read_back *t = take(
		"{\"event\":\"kmalloc\",\"id\":\"a\",\"size\":100,\"gfp\":\"GFP_KERNEL|__GFP_ZERO\",\"cpu\":2,\"pid\":7,\"comm\":\"sh\"}\n"
		"\n"
		"{\"event\":\"kzalloc\",\"id\":17,\"size\":9223372036854775807,\"time_ns\":5000,\"ctx\":\"softirq\",\"irqs_off\":true}\n"
		"{\"event\":\"kfree\",\"id\":\"a\"}\n"
		"{\"event\":\"kvmalloc\",\"id\":\"b\",\"size\":\"0x8000000000000000\",\"gfp\":3264,\"node\":1}\n"
		"{\"event\":\"kfree\",\"id\":null}\n");

	cr_assert_eq(t->nr_events, 5);
	cr_assert_eq(trace_counts_total(&t->meta.unusable), 0);
	cr_assert_eq(t->events[0].time_ns, 0);
	cr_assert_eq(t->events[1].time_ns, 5000);
	cr_assert_eq(t->events[2].time_ns, 6000);
	cr_assert_eq(op_of(t, 0)->size, 100);
	cr_assert_eq(op_of(t, 0)->gfp, GFP_KERNEL | GFP_BIT_ZERO);
	cr_assert_eq(op_of(t, 0)->node, -1);
	cr_assert_eq(trace_tables(t->reader)->whos[t->events[0].who].cpu, 2);
	cr_assert_eq(trace_tables(t->reader)->whos[t->events[0].who].pid, 7);
	cr_assert_str_eq(string_of(t, trace_tables(t->reader)->whos[t->events[0].who].comm), "sh");
	cr_assert_eq(op_of(t, 1)->ctx, CTX_SOFTIRQ | CTX_IRQS_OFF);
	cr_assert_eq(t->events[0].slot, 0);
	cr_assert_eq(t->events[1].slot, 1);
	cr_assert_eq(t->events[2].slot, 0);
	/* Last freed, first used. */
	cr_assert_eq(t->events[3].slot, 0);
	cr_assert_eq(op_of(t, 3)->size, 1ull << 63);
	cr_assert_eq(op_of(t, 3)->gfp, GFP_KERNEL);
	cr_assert_eq(op_of(t, 3)->node, 1);
	cr_assert_eq(t->events[4].slot, SLOT_NONE);
	cr_assert_eq(op_of(t, 4)->flags, OP_NULL);
	drop(t);
}

Test(interchange, double_and_unknown_frees_are_kept_and_a_live_id_implies_a_free)
{
	struct read_back *t = take(
		"{\"event\":\"kmalloc\",\"id\":1,\"size\":8}\n"
		"{\"event\":\"kmalloc\",\"id\":1,\"size\":16}\n"
		"{\"event\":\"kfree\",\"id\":1}\n"
		"{\"event\":\"kfree\",\"id\":1}\n"
		"{\"event\":\"kfree\",\"id\":2}\n");

	cr_assert_eq(t->nr_events, 5);
	cr_assert_eq(op_of(t, 1)->flags, OP_IMPLIED_FREE);
	cr_assert_eq(t->events[1].slot, 0);
	cr_assert_eq(t->meta.implied_frees, 1);
	cr_assert_eq(op_of(t, 2)->flags, 0);
	cr_assert_eq(op_of(t, 3)->flags, OP_DOUBLE);
	cr_assert_eq(t->events[3].slot, SLOT_NONE);
	cr_assert_eq(op_of(t, 4)->flags, OP_UNKNOWN);
	drop(t);
}

/* Addresses as ids, the mask of a device that reaches all, registers: numbers of all 64 bits. */
Test(interchange, numbers_may_have_64_bits)
{
	struct read_back *t = take(
		"{\"event\":\"kmalloc\",\"id\":18446612682070032384,\"size\":64,\"comm\":\"a \\\"18446612682070032385, b\"}\n"
		"{\"event\":\"kfree\",\"id\":18446612682070032384}\n"
		"{\"event\":\"dma_alloc_coherent\",\"id\":1,\"size\":4096,\"dma_mask\": 18446744073709551615}\n"
		"{\"event\":\"dma_alloc_coherent\",\"id\":2,\"size\":4096,\"dma_mask\":18446744073709551616}\n");
	const struct trace_tables *tables = trace_tables(t->reader);

	cr_assert_eq(t->nr_events, 3);
	cr_expect_eq(t->events[0].slot, t->events[1].slot);
	cr_expect_eq(tables->ops[t->events[1].op].flags & (OP_UNKNOWN | OP_DOUBLE), 0);
	cr_expect_eq(tables->ops[t->events[2].op].arg[0], UINT64_MAX);
	drop(t);
}

Test(interchange, adopted_lines_go_to_the_prologue)
{
	struct read_back *t = take(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"inode\",\"size\":600,\"align\":8,"
		"\"flags\":\"SLAB_HWCACHE_ALIGN|SLAB_PANIC\",\"ctor\":true,\"adopted\":true}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":\"i\",\"cache\":\"inode\",\"adopted\":true}\n"
		"{\"event\":\"kmem_cache_free\",\"id\":\"i\",\"cache\":\"inode\",\"time_ns\":9}\n");

	cr_assert_eq(t->nr_prologue, 2);
	cr_assert_eq(t->nr_events, 1);
	cr_assert_eq(t->meta.adopted, 1);
	cr_assert_eq(trace_tables(t->reader)->ops[t->prologue[0].op].slab_flags,
		SLAB_FLAG_HWCACHE_ALIGN | SLAB_FLAG_PANIC | SLAB_FLAG_CTOR);
	cr_assert_eq(t->events[0].slot, t->prologue[1].slot);
	drop(t);
}

/* Each row of the table of events in the design, as someone would write it by hand. */
static const char *const rows[] = {
	"\"event\":\"kvzalloc\",\"id\":1,\"size\":5000,\"gfp\":\"GFP_ATOMIC\",\"node\":0",
	"\"event\":\"krealloc\",\"id\":1,\"size\":64,\"gfp\":\"GFP_KERNEL\"",
	"\"event\":\"kvfree\",\"id\":1",
	"\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":40,\"align\":8,\"flags\":\"SLAB_ACCOUNT\",\"ctor\":false",
	"\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"c\",\"gfp\":\"GFP_NOFS\",\"node\":-1",
	"\"event\":\"kmem_cache_free\",\"id\":2,\"cache\":\"c\"",
	"\"event\":\"kmem_cache_alloc_bulk\",\"id\":3,\"cache\":\"c\",\"bulk_more\":true",
	"\"event\":\"kmem_cache_free_bulk\",\"id\":3,\"cache\":\"c\"",
	"\"event\":\"kmem_cache_shrink\",\"cache\":\"c\"",
	"\"event\":\"kmem_cache_destroy\",\"cache\":\"c\"",
	"\"event\":\"mempool_create\",\"pool\":\"p\",\"min_nr\":4,\"kind\":\"slab\",\"cache\":\"c\"",
	"\"event\":\"mempool_create\",\"pool\":\"q\",\"min_nr\":4,\"kind\":\"kmalloc\",\"size\":256",
	"\"event\":\"mempool_create\",\"pool\":\"r\",\"min_nr\":4,\"kind\":\"page\",\"order\":1",
	"\"event\":\"mempool_resize\",\"pool\":\"p\",\"min_nr\":8",
	"\"event\":\"mempool_alloc\",\"id\":4,\"pool\":\"p\",\"gfp\":\"GFP_NOIO\"",
	"\"event\":\"mempool_free\",\"id\":4,\"pool\":\"p\"",
	"\"event\":\"mempool_destroy\",\"pool\":\"p\"",
	"\"event\":\"alloc_pages\",\"id\":5,\"order\":2,\"gfp\":\"GFP_KERNEL\",\"node\":0",
	"\"event\":\"__get_free_pages\",\"id\":6,\"order\":0",
	"\"event\":\"get_zeroed_page\",\"id\":7,\"gfp\":\"GFP_KERNEL\"",
	"\"event\":\"alloc_pages_exact\",\"id\":8,\"size\":20000",
	"\"event\":\"alloc_pages_bulk\",\"id\":9",
	"\"event\":\"free_pages\",\"id\":5,\"order\":2",
	"\"event\":\"vmalloc\",\"id\":10,\"size\":8192,\"gfp\":\"GFP_KERNEL\"",
	"\"event\":\"vzalloc\",\"id\":11,\"size\":8192",
	"\"event\":\"vmap\",\"id\":12,\"size\":8192,\"gfp\":\"GFP_KERNEL\"",
	"\"event\":\"vfree\",\"id\":10",
	"\"event\":\"vunmap\",\"id\":12",
	"\"event\":\"vm_map_ram\",\"id\":13,\"size\":8192,\"node\":0",
	"\"event\":\"vm_unmap_ram\",\"id\":13,\"size\":8192",
	"\"event\":\"request_mem_region\",\"start\":4273995776,\"size\":4096,\"name\":\"eth0\"",
	"\"event\":\"release_mem_region\",\"start\":4273995776,\"size\":4096,\"name\":\"eth0\"",
	"\"event\":\"request_region\",\"start\":96,\"size\":1,\"name\":\"keyboard\"",
	"\"event\":\"release_region\",\"start\":96,\"size\":1,\"name\":\"keyboard\"",
	"\"event\":\"ioremap\",\"id\":14,\"phys\":\"0xfebc0000\",\"size\":131072,\"mode\":\"wc\"",
	"\"event\":\"readl\",\"id\":14,\"offset\":8,\"value\":1",
	"\"event\":\"writeq\",\"phys\":4273995776,\"value\":\"0xffffffffffffffff\"",
	"\"event\":\"iounmap\",\"id\":14",
	"\"event\":\"mmap_device\",\"phys\":4273995776,\"size\":4096",
	"\"event\":\"alloc_percpu\",\"id\":15,\"size\":16,\"align\":8,\"reserved\":true,\"gfp\":\"GFP_KERNEL\"",
	"\"event\":\"get_cpu_var\",\"id\":15", "\"event\":\"put_cpu_var\",\"id\":15",
	"\"event\":\"per_cpu_ptr\",\"id\":15,\"target_cpu\":1",
	"\"event\":\"free_percpu\",\"id\":15",
	"\"event\":\"define_per_cpu\",\"name\":\"runqueues\",\"size\":3000,\"align\":64",
	"\"event\":\"get_cpu\"", "\"event\":\"put_cpu\"",
	"\"event\":\"inb\",\"port\":96,\"value\":250", "\"event\":\"outl\",\"port\":3320,\"value\":1",
	"\"event\":\"insw\",\"port\":496,\"count\":256", "\"event\":\"outsl\",\"port\":496,\"count\":2",
	"\"event\":\"alloc_bootmem\",\"id\":16,\"size\":100,\"align\":32", "\"event\":\"alloc_bootmem_low\",\"id\":17,\"size\":100",
	"\"event\":\"alloc_bootmem_pages\",\"id\":18,\"size\":100", "\"event\":\"memblock_alloc\",\"id\":19,\"size\":100",
	"\"event\":\"free_bootmem\",\"id\":16,\"size\":100", "\"event\":\"free_bootmem\",\"phys\":65536,\"size\":100",
	"\"event\":\"dma_alloc_coherent\",\"id\":20,\"size\":4096,\"gfp\":\"GFP_KERNEL\",\"dma_mask\":4294967295",
	"\"event\":\"dma_free_coherent\",\"id\":20,\"size\":4096",
	"\"event\":\"dma_pool_create\",\"pool\":\"d\",\"size\":64,\"align\":64,\"boundary\":4096",
	"\"event\":\"dma_pool_alloc\",\"id\":21,\"pool\":\"d\"", "\"event\":\"dma_pool_free\",\"id\":21,\"pool\":\"d\"",
	"\"event\":\"dma_pool_destroy\",\"pool\":\"d\"",
	"\"event\":\"kmap\",\"id\":22,\"page\":6", "\"event\":\"kunmap\",\"id\":22,\"page\":6",
	"\"event\":\"kmap_atomic\",\"id\":23,\"page\":6", "\"event\":\"kunmap_atomic\",\"id\":23",
	"\"event\":\"task_create\",\"id\":24", "\"event\":\"task_exit\",\"id\":24,\"stack_use\":3000",
	"\"event\":\"marker\",\"text\":\"the end, \\\"quoted\\\"\"",
};

Test(interchange, every_row_of_the_event_table_is_read)
{
	static const size_t nr = sizeof(rows) / sizeof(rows[0]);
	char text[16384] = "";
	struct read_back *t;

	for (size_t i = 0; i < nr; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "{%s}\n", rows[i]);
	t = take(text);
	for (size_t i = 0; i < t->meta.unusable.nr; i++)
		cr_expect_fail("%s", t->meta.unusable.rows[i].reason);
	cr_assert_eq(t->nr_events, nr);
	for (uint32_t i = 0; i < nr; i++) {
		const char *name = kind_info[op_of(t, i)->kind].name;

		cr_assert_eq(strncmp(rows[i] + 9, name, strlen(name)), 0, "row %u is a %s", i, name);
		cr_assert_eq(op_of(t, i)->flags & (OP_UNKNOWN | OP_DOUBLE), 0, "row %u", i);
	}
	cr_assert_eq(op_of(t, 34)->arg[0], 0xfebc0000);
	cr_assert_eq(op_of(t, 34)->arg[1], CACHE_MODE_WC);
	cr_assert_eq(t->events[36].value, UINT64_MAX);
	cr_assert_eq(op_of(t, 39)->flags, OP_RESERVED);
	drop(t);
}

/* __free_pages() of one page of a block of order 1 leaves the other, which the second call frees. */
Test(interchange, pages_freed_in_parts_end_with_the_last)
{
	struct read_back *t = take(
		"{\"event\":\"alloc_pages\",\"id\":1,\"order\":1}\n"
		"{\"event\":\"free_pages\",\"id\":1,\"order\":0}\n"
		"{\"event\":\"free_pages\",\"id\":1,\"order\":0}\n"
		"{\"event\":\"free_pages\",\"id\":1,\"order\":0}\n");

	cr_assert_eq(op_of(t, 1)->flags, OP_PART);
	cr_assert_eq(op_of(t, 1)->arg[1], 0);
	cr_assert_eq(op_of(t, 2)->flags, OP_PART | OP_LAST);
	cr_assert_eq(op_of(t, 2)->arg[1], 1);
	cr_assert_eq(t->events[2].slot, 0);
	cr_assert_eq(op_of(t, 3)->flags, OP_DOUBLE);
	drop(t);
}

Test(interchange, csv_with_quotes_line_breaks_and_empty_cells_is_read)
{
	struct read_back *t = take(
		"time_ns,event,id,size,text,call_site\r\n"
		"10,kmalloc,x y,32,,\"a,b\"\r\n"
		"20,marker,,,\"two\nlines, \"\"quoted\"\"\",\n"
		"30,kfree,x y,,,\n"
		"40,kfree,null,,,\n");

	cr_assert_eq(t->nr_events, 4);
	cr_assert_str_eq(string_of(t, op_of(t, 0)->call_site), "a,b");
	cr_assert_str_eq(string_of(t, op_of(t, 1)->name), "two\nlines, \"quoted\"");
	cr_assert_eq(t->events[2].slot, t->events[0].slot);
	cr_assert_eq(op_of(t, 3)->flags, OP_NULL);
	drop(t);
}

/* A quote that is never closed, or closed by that of a later line, takes its own line and no other with it. */
Test(interchange, a_stray_quote_spoils_its_line_alone)
{
	struct read_back *t = take(
		"event,id,size,comm\n"
		"kmalloc,1,8,\"sh\n"
		"kmalloc,2,8,x\n"
		"kmalloc,3,8,\"y\n"
		"kmalloc,4,8,\"\"\"z\"\"\r\n"
		"kmalloc,5,8,\"two\nlines\"\n"
		"\n"
		"kmalloc,6,8,\n"
		"kfree,6,\"\n"
		"kfree,5,,\n");

	cr_assert_eq(t->nr_events, 4);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(t->events[i].slot, i);
	cr_assert_str_eq(string_of(t, trace_tables(t->reader)->whos[t->events[1].who].comm), "two\nlines");
	cr_assert_eq(t->events[3].slot, t->events[1].slot);
	cr_assert_eq(trace_counts_total(&t->meta.unusable), 4);
	cr_assert_str_eq(t->meta.unusable.rows[0].reason, "a quote that nothing closes");
	drop(t);
}

Test(interchange, strict_names_the_line_that_a_stray_quote_stands_in)
{
	struct trace_meta meta;
	struct err err = { 0 };
	char *path = scratch_path();

	cr_assert_lt(import_text("event,id,size,comm\nkmalloc,1,8,x\nkmalloc,2,8,\"sh\nkmalloc,3,8,\nkmalloc,4,8,\n",
			     path, true, &meta, &err),
		0);
	cr_assert_not_null(strstr(err.text, ":3: a quote that nothing closes"), "%s", err.text);
	trace_meta_fini(&meta);
	unlink(path);
	free(path);
}

Test(interchange, a_quote_open_for_a_megabyte_costs_no_time_and_no_other_line, .timeout = 20)
{
	enum { ROWS = 200000 };
	char *text = malloc(64 + ROWS * 40ul), *to = text, *path = scratch_path();
	struct trace_meta meta;
	struct err err;

	cr_assert_not_null(text);
	to += sprintf(to, "event,id,size,comm\n");
	for (int i = 0; i < ROWS; i++)
		to += sprintf(to, "kmalloc,%d,8,%s\n", i, i == 100 ? "\"sh" : "sh");
	cr_assert_eq(import_text(text, path, false, &meta, &err), 0, "%s", err.text);
	cr_assert_eq(trace_counts_total(&meta.unusable), 1);
	cr_assert_eq(meta.events, ROWS - 1);
	trace_meta_fini(&meta);
	unlink(path);
	free(path);
	free(text);
}

Test(interchange, a_reason_says_what_is_wrong_with_the_line)
{
	static const struct { const char *line, *reason; } lines[] = {
		{ "{\"event\":\"kmalloc\",\"id\":1,\"size\":64.5}\n", "size: not a whole number" },
		{ "{\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"node\":\"0.0\"}\n", "node: not a whole number" },
		{ "{\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"size\":65}\n", "a key is there twice" },
		{ "{\"event\":\"kmalloc\",\"id\":1,\"size\":64\n", "not JSON" },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct trace_meta meta;
		struct err err = { 0 };
		char *path = scratch_path();

		cr_assert_lt(import_text(lines[i].line, path, true, &meta, &err), 0);
		cr_assert_not_null(strstr(err.text, lines[i].reason), "%s", err.text);
		trace_meta_fini(&meta);
		unlink(path);
		free(path);
	}
}

/* People who write a trace by hand leave remarks, in either form. */
Test(interchange, lines_that_begin_with_a_hash_are_remarks)
{
	struct read_back *t = take(
		"# what a driver does\n"
		"\n"
		"{\"event\":\"kmalloc\",\"id\":1,\"size\":8}\n"
		"# and then\n"
		"{\"event\":\"kfree\",\"id\":1}\n");

	cr_assert_eq(t->nr_events, 2);
	cr_assert_eq(trace_counts_total(&t->meta.unusable), 0);
	drop(t);
}

Test(interchange, lines_that_cannot_be_used_are_counted_by_reason)
{
	struct read_back *t = take(
		"{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"time_ns\":100}\n"
		"{\"event\":\"kmalloc\",\"id\":2,\"siez\":8}\n"
		"{\"event\":\"kmaloc\",\"id\":2,\"size\":8}\n"
		"{\"event\":\"kmalloc\",\"id\":2,\"size\":\"big\"}\n"
		"{\"event\":\"kmalloc\",\"id\":2,\"size\":8,\"gfp\":\"GFP_KERNAL\"}\n"
		"{\"event\":\"kmalloc\",\"id\":2,\"size\":-8}\n"
		"{\"event\":\"kmalloc\",\"id\":2}\n"
		"{\"event\":\"kmalloc\",\"size\":8}\n"
		"{\"event\":\"alloc_pages\",\"id\":2,\"order\":256}\n"
		"{\"event\":\"kfree\",\"id\":1,\"time_ns\":99}\n"
		"{\"event\":\"kfree\",\"id\":[1]}\n"
		"{\"event\":\"kfree\",\"id\":1.5}\n"
		"not json\n"
		"[1]\n"
		"{\"event\":\"kfree\",\"id\":1}\n");

	cr_assert_eq(t->nr_events, 2);
	cr_assert_eq(trace_counts_total(&t->meta.unusable), 13);
	/* Nothing of them took effect: object 1 was live until the last line. */
	cr_assert_eq(op_of(t, 1)->flags, 0);
	drop(t);
}

Test(interchange, strict_names_line_reason_and_nearest_key)
{
	struct trace_meta meta;
	struct err err = { 0 };
	char *path = scratch_path();

	unlink(path);
	cr_assert_lt(import_text("{\"event\":\"get_cpu\"}\n{\"event\":\"kmalloc\",\"id\":1,\"siez\":8}\n", path, true,
			     &meta, &err),
		0);
	cr_assert_eq(err.code, ERR_TRACE);
	cr_assert_not_null(strstr(err.text, ":2: unknown key \"siez\" (did you mean \"size\"?)"), "%s", err.text);
	/* Nothing half-written is left. */
	cr_assert_eq(access(path, F_OK), -1);
	trace_meta_fini(&meta);
	free(path);
}

Test(interchange, what_was_recorded_beside_an_event_is_read_for_the_prologue_too)
{
	struct read_back *t = take(
		"{\"event\":\"alloc_pages\",\"id\":1,\"order\":3,\"adopted\":true,\"pfn\":4096,\"at_pfn\":4096}\n"
		"{\"event\":\"kmalloc\",\"id\":2,\"size\":8,\"adopted\":true,\"ptr\":\"0xffff888003c41000\"}\n"
		"{\"event\":\"alloc_pages\",\"id\":3,\"pfn\":77,\"entry\":12,\"moved\":31,\"recorded_ctx\":\"softirq\"}\n"
		"{\"event\":\"kfree\",\"id\":2,\"entry\":4294967295}\n");
	const struct trace_op *block = &trace_tables(t->reader)->ops[t->prologue[0].op];

	cr_assert_eq(trace_counts_total(&t->meta.unusable), 0);
	cr_assert_eq(t->nr_prologue, 2);
	cr_assert_eq(block->arg[0], 4096);
	cr_assert_eq(t->prologue[0].recorded.where, 4096);
	cr_assert_eq(t->prologue[1].recorded.where, 0xffff888003c41000);
	cr_assert_eq(t->prologue[1].recorded.entry, 0);
	cr_assert_eq(op_of(t, 0)->arg[0], 0);
	cr_assert_eq(t->events[0].recorded.where, 77);
	cr_assert_eq(t->events[0].recorded.entry, 12);
	cr_assert_eq(t->events[0].recorded.moved, 31);
	cr_assert_eq(t->events[0].recorded.ctx, CTX_SOFTIRQ);
	cr_assert_eq(t->events[1].recorded.entry, UINT32_MAX);
	drop(t);
}

static void print_to(const char *trace, const char *text, enum print_format format)
{
	struct trace_reader_options reading = { .recorded = true };
	struct print_options options = { .format = format, .recorded = true };
	struct trace_reader *r;
	struct err err;
	FILE *out = fopen(text, "w");

	cr_assert_eq(trace_open(&r, trace, &reading, &err), 0, "%s", err.text);
	cr_assert_eq(trace_print(r, &options, out, &err), 0, "%s", err.text);
	fclose(out);
	trace_close(r);
}

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 8u << 20);

	cr_assert(f && fread(text, 1, (8u << 20) - 1, f) < (8u << 20) - 1);
	fclose(f);
	return text;
}

/*
 * Printing, importing and printing again gives the same text, header and all. What a random trace has
 * and a recorded one cannot have (a free of nothing without a reason) is left to the first import.
 */
/*
 * A key that the event needs is written, also when it says 0 or
 * nothing: the size of a driver that claims nothing, the page at 0.
 */
Test(interchange, values_of_zero_come_back)
{
	static const char lines[] =
		"{\"event\":\"ioremap\",\"id\":1,\"phys\":0,\"size\":4096}\n"
		"{\"event\":\"readb\",\"id\":1}\n"
		"{\"event\":\"readb\",\"phys\":0}\n"
		"{\"event\":\"readb\",\"id\":7}\n"
		"{\"event\":\"mmap_device\",\"phys\":0,\"size\":0}\n"
		"{\"event\":\"free_bootmem\",\"phys\":0,\"size\":4096}\n"
		"{\"event\":\"free_bootmem\",\"id\":9,\"size\":4096}\n"
		"{\"event\":\"request_region\",\"start\":0,\"size\":0,\"name\":\"\"}\n"
		"{\"event\":\"release_region\",\"start\":0,\"size\":0}\n"
		"{\"event\":\"inb\",\"port\":0}\n"
		"{\"event\":\"define_per_cpu\",\"name\":\"\",\"size\":0}\n"
		"{\"event\":\"kmem_cache_create\",\"cache\":\"\",\"size\":0}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"\"}\n"
		"{\"event\":\"kmem_cache_destroy\",\"cache\":\"\"}\n"
		"{\"event\":\"mempool_create\",\"pool\":\"\",\"min_nr\":0,\"kind\":\"page\"}\n"
		"{\"event\":\"mempool_destroy\",\"pool\":\"\"}\n"
		"{\"event\":\"dma_pool_create\",\"pool\":\"\",\"size\":0}\n"
		"{\"event\":\"alloc_pages_exact\",\"id\":3,\"size\":0}\n"
		"{\"event\":\"marker\",\"text\":\"\"}\n";
	char *trace = scratch_path(), *text = scratch_path(), *again = scratch_path();
	static const enum print_format formats[] = { PRINT_JSONL, PRINT_CSV };
	struct trace_meta meta;
	struct err err;

	for (int i = 0; i < 2; i++) {
		const char *const sources[] = { text };
		const struct import_options options = { .strict = true, .recorded = true };
		char *before, *after;

		cr_assert_eq(import_text(lines, trace, true, &meta, &err), 0, "%s", err.text);
		cr_assert_eq(meta.events, 19);
		trace_meta_fini(&meta);
		print_to(trace, text, formats[i]);
		cr_assert_eq(import_files(sources, 1, trace, &options, &meta, &err), 0, "%s", err.text);
		trace_meta_fini(&meta);
		print_to(trace, again, formats[i]);
		before = slurp(text);
		after = slurp(again);
		cr_assert_str_eq(after, before);
		free(before);
		free(after);
	}
	unlink(trace);
	unlink(text);
	unlink(again);
	free(trace);
	free(text);
	free(again);
}

Test(interchange, text_and_back_gives_the_same_text)
{
	char *trace = scratch_path(), *first = scratch_path(), *second = scratch_path();
	struct import_options options = { .recorded = true };

	for (uint64_t seed = 0; seed < 12; seed++) {
		struct random_trace t = random_trace_write(trace, seed, 800, 200, true);
		enum print_format format = seed & 1 ? PRINT_CSV : PRINT_JSONL;
		char *before = NULL, *after = NULL;

		for (int round = 0; round < 3; round++) {
			const char *const sources[] = { first };
			struct trace_meta meta = { 0 };
			struct err err;

			print_to(trace, first, format);
			cr_assert_eq(import_files(sources, 1, trace, &options, &meta, &err), 0, "%s", err.text);
			trace_meta_fini(&meta);
		}
		print_to(trace, second, format);
		before = slurp(first);
		after = slurp(second);
		cr_assert_str_eq(after, before, "seed %u", (unsigned int)seed);
		cr_assert(strstr(after, "\"cache_pages\":48057,\"cache_pages_reused\":17619,"));
		free(before);
		free(after);
		random_trace_fini(&t);
	}
	unlink(trace);
	unlink(first);
	unlink(second);
	free(trace);
	free(first);
	free(second);
}
