/*
 * machine_yaml: machine files in and out. All errors of a file are found in one pass; each says file, line,
 * column, key, what was expected and the nearest known key. configs/schema.c lists the keys.
 *
 * Memory is given in one of three ways: `memory` lays it out as a PC has it (page 0 and 640 KiB .. 1 MiB are no
 * RAM, what is above 3 GiB lies above 4 GiB, the first MiB is reserved; with pages larger than 4 KiB in one piece
 * from 0), shared evenly by the nodes; `nodes: [{memory}]` does the same with each node's amount; `nodes:
 * [{ranges}]` says it exactly. CPUs likewise: `cpus`, or `nodes: [{cpus}]` as numbers or as lists ([0-3, 8]).
 *
 * `latency.profile` sets the costs of all steps, wherever it stands in the file; steps
 * that are given override it. As a setting it replaces what was said of costs before.
 *
 * A setting of `memory` or `cpus` replaces whatever the file says of them. Reserved ranges stay, but those that
 * `scales` follow the amount of RAM, and what lay beyond its new end moves down, as memblock would have placed it.
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
