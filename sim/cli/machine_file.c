#include "sim/cli/machine_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/machine_yaml.h"
#include "sim/cli/cli.h"

static int write_file(const char *path, const char *comment, const char *yaml, struct err *err)
{
	char *temporary = NULL;
	mode_t mask = umask(0);
	FILE *out;
	int fd;

	umask(mask);
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a file name");
	fd = mkstemp(temporary);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		err_errno(err, "%s", path);
		goto fail;
	}
	fprintf(out, "%s%s", comment, yaml);
	fchmod(fd, 0666 & ~mask); /* mkstemp() lets nobody else read it */
	if (ferror(out) | fclose(out)) {
		err_errno(err, "%s", path);
		goto fail;
	}
	if (rename(temporary, path) < 0) {
		err_errno(err, "%s", path);
		goto fail;
	}
	free(temporary);
	return 0;
fail:
	if (fd >= 0)
		unlink(temporary);
	free(temporary);
	return -(int)err->code;
}

int machine_file_write(const char *path, const char *comment, const struct machine *machine, struct err *err)
{
	char *yaml = machine_to_yaml(machine);
	int status;

	if (!yaml) {
		err_set(err, ERR_NOMEM, "no memory for the machine's YAML");
		return cli_fail(err);
	}
	if (strcmp(path, "-")) {
		status = write_file(path, comment, yaml, err) < 0 ? cli_fail(err) : 0;
	} else {
		printf("%s%s", comment, yaml);
		status = cli_flush();
	}
	free(yaml);
	return status;
}
