/*
 * machine_yaml: machine files in and out. All errors of a file are found in one pass; each says file, line,
 * column, key, what was expected and the nearest known key.
 */
#ifndef KMEMSIM_CONFIGS_MACHINE_YAML_H
#define KMEMSIM_CONFIGS_MACHINE_YAML_H

#include "base/err.h"
#include "configs/machine.h"

/**
 * machine_load() - read a machine file, apply settings, check.
 * @path: a file; "-" is standard input; NULL = all defaults.
 * @sets: @nr_sets texts "key.path=value" (--set), applied in order after the file, with the same checks;
 *        messages name them as "--set key.path=value".
 * Errors: ERR_CONFIG with all findings, one a line; ERR_IO.
 */
int machine_load(struct machine *machine, const char *path, const char *const *sets, uint32_t nr_sets, struct err *err);

/**
 * machine_load_text() - as machine_load(), from @len bytes of @text (NULL: all defaults), which messages call @name.
 */
int machine_load_text(struct machine *machine, const char *name, const char *text, size_t len, const char *const *sets,
	uint32_t nr_sets, struct err *err);

/** machine_defaults() - the default machine: 1 CPU, 512 MiB, kernel 6.1. */
void machine_defaults(struct machine *machine);

/**
 * machine_to_yaml() - the full canonical machine, every key; loading it gives the same machine.
 * Return: a string that the caller frees, NULL when out of memory.
 */
char *machine_to_yaml(const struct machine *machine);

/** machine_hash() - SHA-256 of the canonical YAML without the name, hexadecimal. @hex: 65 bytes. */
int machine_hash(const struct machine *machine, char *hex, struct err *err);

#endif
