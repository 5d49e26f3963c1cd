/* /proc/vmallocinfo, as s_show() and show_purge_info() of mm/vmalloc.c (6.1) print it. */
#include <inttypes.h>
#include <string.h>

#include "reports/proc_priv.h"

enum { START, END, SIZE, USE, CALLER, PAGES, PHYS, PAGE_ARRAY_IS_AREA, NODE_PAGES };

static const char *text(sqlite3_stmt *stmt, int column)
{
	const char *found = (const char *)sqlite3_column_text(stmt, column);

	return found ? found : "";
}

/* What the area's descriptor says. A chunk of per-CPU memory is marked as vmalloc's. */
static void write_descriptor(sqlite3_stmt *stmt, const char *use, FILE *out)
{
	if (*text(stmt, CALLER))
		fprintf(out, " %s", text(stmt, CALLER));
	if (sqlite3_column_int64(stmt, PAGES))
		fprintf(out, " pages=%" PRId64, (int64_t)sqlite3_column_int64(stmt, PAGES));
	if (*text(stmt, PHYS))
		fprintf(out, " phys=%s", text(stmt, PHYS));
	fprintf(out, " %s", strcmp(use, "percpu") ? use : "vmalloc");
	if (sqlite3_column_int(stmt, PAGE_ARRAY_IS_AREA))
		fputs(" vpages", out);
	fputs(text(stmt, NODE_PAGES), out);
}

/* An address as %px prints it: of a 32-bit kernel, all of whose areas are below 4 GiB, with 8 digits. */
static void write_address(const char *address, FILE *out)
{
	bool is_short = !strncmp(address, "0x00000000", 10);

	fprintf(out, "0x%s", address + (is_short ? 10 : 2));
}

int proc_vmallocinfo(const struct proc_sample *sample, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results,
		"SELECT start_address, end_address, size_bytes, use, caller, pages, phys, page_array_is_area, node_pages"
		" FROM vmap_areas WHERE sample_id = ? ORDER BY use = 'unpurged', start_address",
		&sample->id, 1, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		const char *use = text(stmt, USE);

		write_address(text(stmt, START), sample->out);
		fputc('-', sample->out);
		write_address(text(stmt, END), sample->out);
		fprintf(sample->out, " %7" PRId64, (int64_t)sqlite3_column_int64(stmt, SIZE));
		if (!strcmp(use, "unpurged"))
			fputs(" unpurged vm_area", sample->out);
		else if (!strcmp(use, "vm_map_ram"))
			fputs(" vm_map_ram", sample->out);
		else
			write_descriptor(stmt, use, sample->out);
		fputc('\n', sample->out);
	}
	sqlite3_finalize(stmt);
	return ret;
}
