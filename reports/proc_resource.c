/* /proc/iomem and /proc/ioports, as r_show() of kernel/resource.c (6.1) prints them. */
#include <inttypes.h>

#include "reports/proc_priv.h"

static int write_tree(const struct proc_sample *sample, const char *sql, int width, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results, sql, &sample->id, 1, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		const char *name = (const char *)sqlite3_column_text(stmt, 3);

		fprintf(sample->out, "%*s%0*" PRIx64 "-%0*" PRIx64 " : %s\n", 2 * sqlite3_column_int(stmt, 0), "",
			width, (uint64_t)sqlite3_column_int64(stmt, 1), width, (uint64_t)sqlite3_column_int64(stmt, 2),
			*name ? name : "<BAD>");
	}
	sqlite3_finalize(stmt);
	return ret;
}

#define TREE(name) \
	"SELECT depth, start, \"end\", name FROM resources WHERE sample_id = ? AND tree = '" name "' ORDER BY position"

int proc_iomem(const struct proc_sample *sample, struct err *err)
{
	return write_tree(sample, TREE("iomem"), 8, err);
}

int proc_ioports(const struct proc_sample *sample, struct err *err)
{
	return write_tree(sample, TREE("ioports"), 4, err);
}
