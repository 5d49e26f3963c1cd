#include "sim/cli/whole_file.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

int whole_file_open(struct whole_file *file, const char *path, struct err *err)
{
	int ret = output_open(&file->output, path, err);
	int fd;

	if (ret < 0)
		return ret;
	fd = dup(file->output.fd);
	file->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (file->out)
		return 0;
	err_errno(err, "%s: cannot open", path);
	if (fd >= 0)
		close(fd);
	output_abort(&file->output);
	return -(int)err->code;
}

int whole_file_close(struct whole_file *file, struct err *err)
{
	const char *path = file->output.path;
	bool failed = ferror(file->out);

	failed |= fclose(file->out) != 0;
	if (!failed || (errno == EPIPE && !file->output.partial))
		return output_finish(&file->output, err);
	err_errno(err, "%s: cannot write", strcmp(path, "-") ? path : "standard output");
	output_abort(&file->output);
	return -(int)err->code;
}

void whole_file_discard(struct whole_file *file)
{
	fclose(file->out);
	output_abort(&file->output);
}
