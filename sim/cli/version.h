/* version: which kmemsim this is and what it was built with. */
#ifndef KMEMSIM_SIM_CLI_VERSION_H
#define KMEMSIM_SIM_CLI_VERSION_H

#include <stdio.h>

/** version_print() - version, commit, features, results schema and trace format. */
void version_print(FILE *out);

#endif
