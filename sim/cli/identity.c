#include "sim/cli/identity.h"

#include <stdlib.h>

#include "configs/machine_yaml.h"

int cli_identify(struct cli_identity *id, struct trace_reader *reader, const struct machine *machine, struct err *err)
{
	int ret;

	*id = (struct cli_identity){ .yaml = machine_to_yaml(machine) };
	if (!id->yaml)
		return err_set(err, ERR_NOMEM, "no memory for the machine's text");
	ret = trace_sha256(reader, id->trace_sha256, err);
	return ret < 0 ? ret : machine_hash(machine, id->config_hash, err);
}

void cli_identity_fini(struct cli_identity *id)
{
	free(id->yaml);
	id->yaml = NULL;
}

void cli_identity_tell(const struct cli_identity *id, struct record_run *run)
{
	run->trace_sha256 = id->trace_sha256;
	run->config_hash = id->config_hash;
	run->config_yaml = id->yaml;
}
