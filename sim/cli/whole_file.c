#include "sim/cli/whole_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int whole_file_open(struct whole_file *file, const char *path, struct err *err)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	*file = (struct whole_file){ .out = stdout, .path = path };
	if (!strcmp(path, "-"))
		return 0;
	if (asprintf(&file->temporary, "%s.XXXXXX", path) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a file name");
	fd = mkstemp(file->temporary);
	file->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (file->out) {
		fchmod(fd, 0666 & ~mask); /* mkstemp() lets nobody else read it */
		return 0;
	}
	err_errno(err, "%s", path);
	if (fd >= 0) {
		close(fd);
		unlink(file->temporary);
	}
	free(file->temporary);
	return -(int)err->code;
}

int whole_file_close(struct whole_file *file, struct err *err)
{
	bool failed;

	/* EPIPE: the reader of a pipe went away; it has what it wanted. */
	if (!file->temporary)
		return fflush(stdout) && errno != EPIPE ? err_errno(err, "cannot write to standard output") : 0;
	failed = ferror(file->out) | fclose(file->out) || rename(file->temporary, file->path) < 0;
	if (failed) {
		err_errno(err, "%s", file->path);
		unlink(file->temporary);
	}
	free(file->temporary);
	return failed ? -(int)err->code : 0;
}

void whole_file_discard(struct whole_file *file)
{
	if (!file->temporary)
		return;
	fclose(file->out);
	unlink(file->temporary);
	free(file->temporary);
}
