/* machine_file: a machine as a file of its own, for the verbs that write one. */
#ifndef KMEMSIM_SIM_CLI_MACHINE_FILE_H
#define KMEMSIM_SIM_CLI_MACHINE_FILE_H

#include "base/err.h"
#include "configs/machine.h"

/**
 * machine_file_write() - @comment, then the canonical @machine; the file has its name only when it is whole.
 * @path: "-" is standard output.
 * Return: 0, or the exit status after the error was printed.
 */
int machine_file_write(const char *path, const char *comment, const struct machine *machine, struct err *err);

#endif
