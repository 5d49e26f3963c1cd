/* identity: what a recorded run is found again by: the hashes of its trace and machine, and the machine's text. */
#ifndef KMEMSIM_SIM_CLI_IDENTITY_H
#define KMEMSIM_SIM_CLI_IDENTITY_H

#include "configs/machine.h"
#include "sim/recorder.h"
#include "traces/reader.h"

struct cli_identity {
	char trace_sha256[65], config_hash[65]; /* hexadecimal */
	char *yaml;                             /* owned */
};

/**
 * cli_identify() - all of it. Errors as trace_sha256() and machine_hash(). End with
 * cli_identity_fini(), also after an error.
 */
int cli_identify(struct cli_identity *id, struct trace_reader *reader, const struct machine *machine, struct err *err);
void cli_identity_fini(struct cli_identity *id);

/** cli_identity_tell() - @run borrows @id. */
void cli_identity_tell(const struct cli_identity *id, struct record_run *run);

#endif
