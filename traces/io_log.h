/*
 * io_log: accesses to I/O ports and device registers as a virtual machine logs them: QEMU's trace events `cpu_in`,
 * `cpu_out` and `memory_region_ops_read`/`_write` as lines of text or as a table in CSV; and /proc/ioports of that
 * machine, whose claimed regions go before them.
 *
 *     [PID@SECONDS.MICROSECONDS:]cpu_out addr 0x70(b) value 143
 *     [PID@SECONDS.MICROSECONDS:]memory_region_ops_read cpu 0 mr 0x… addr 0x402 value 0x53 size 1 [name 'fwcfg']
 *     time_us,direction,port,width_bytes,value,device
 *     0170-0177 : ata_piix
 */
#ifndef KMEMSIM_TRACES_IO_LOG_H
#define KMEMSIM_TRACES_IO_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "traces/gather.h"
#include "traces/import.h"
#include "traces/source.h"

/** io_log_recognise() - whether one of the first lines is such a line, or the header of such a table. */
bool io_log_recognise(const char *head, size_t len);
/** ioports_recognise() - whether it is a /proc/ioports. */
bool ioports_recognise(const char *head, size_t len);

/** io_log_import(), ioports_import() - read all of @src into @g. */
int io_log_import(struct source *src, struct gather *g, const struct import_options *options, struct err *err);
int ioports_import(struct source *src, struct gather *g, const struct import_options *options, struct err *err);

/**
 * kvm_access_parse() - the fields of a kvm_pio or kvm_mmio event as the kernel prints them ("pio_write at 0x3f8
 * size 1 count 1 val 0x41", "mmio read len 4 gpa 0xfee00020 val 0x0") into @event. Return: whether they are
 * understood.
 */
bool kvm_access_parse(const char *fields, struct raw_event *event);

#endif
