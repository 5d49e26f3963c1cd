/*
 * probe: describes a real machine from its /proc and /sys files, live or saved in a folder. Each zone gets the kernel's
 * spanned, present and managed pages: what iomem names inside RAM is reserved under its name, the rest of
 * present - managed as page descriptors and early boot reservations at the end of the zone.
 */
#ifndef KMEMSIM_CONFIGS_PROBE_H
#define KMEMSIM_CONFIGS_PROBE_H

#include <stdio.h>

#include "base/err.h"
#include "configs/machine.h"

/**
 * probe_machine() - fill *machine from the files of @dir.
 * @dir:   NULL = the live machine. A folder of a capture's snapshots (the one that holds the numbered folders, or one
 *         of them) or any flat folder with files named as under /proc (zoneinfo, iomem, meminfo, cmdline, ...).
 * @notes: every assumption made for a file that is missing, one a line; may be NULL.
 * Errors: ERR_CONFIG when none of zoneinfo, meminfo, iomem and ioports is there; ERR_IO.
 */
int probe_machine(struct machine *machine, const char *dir, FILE *notes, struct err *err);

#endif
