/*
 * marks_file: the marks of a run as text, for `kmemsim bisect --save` and `--against`: a first line,
 * lines "key value" that say what was replayed and what counts, and a line "EVENTS HASH" for each mark.
 */
#ifndef KMEMSIM_SIM_CLI_MARKS_FILE_H
#define KMEMSIM_SIM_CLI_MARKS_FILE_H

#include "sim/bisect.h"

/** What has to be the same in both runs. */
struct marks_file {
	char trace_sha256[65];
	enum replay_layer layer;
	bool time;
	struct bisect_marks marks; /* owned: bisect_marks_fini() */
};

/** marks_file_write() - to @path, under its name only when it is whole; "-" is standard output. */
int marks_file_write(const struct marks_file *file, const char *path, struct err *err);

/** marks_file_read() - Errors: ERR_CONFIG with file and line, ERR_IO. On failure nothing is left to free. */
int marks_file_read(struct marks_file *file, const char *path, struct err *err);

#endif
