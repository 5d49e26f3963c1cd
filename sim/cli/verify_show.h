/* verify_show: what `kmemsim verify` found, as JSON and as tables for people, on standard output. */
#ifndef KMEMSIM_SIM_CLI_VERIFY_SHOW_H
#define KMEMSIM_SIM_CLI_VERIFY_SHOW_H

#include "sim/verify.h"

/** verify_print_json() - one object with all that was found. */
void verify_print_json(const struct verify *verify);
/** verify_print_table() - the checks; zones, caches and counters of each snapshot; the first difference of each. */
void verify_print_table(const struct verify *verify);

#endif
