#include "sim/cli/machine_file.h"

#include <stdlib.h>

#include "configs/machine_yaml.h"
#include "sim/cli/cli.h"
#include "sim/cli/whole_file.h"

int machine_file_write(const char *path, const char *comment, const struct machine *machine, struct err *err)
{
	char *yaml = machine_to_yaml(machine);
	struct whole_file file;
	int ret;

	if (!yaml) {
		err_set(err, ERR_NOMEM, "no memory for the machine's YAML");
		return cli_fail(err);
	}
	ret = whole_file_open(&file, path, err);
	if (ret == 0) {
		fprintf(file.out, "%s%s", comment, yaml);
		ret = whole_file_close(&file, err);
	}
	free(yaml);
	return ret < 0 ? cli_fail(err) : 0;
}
