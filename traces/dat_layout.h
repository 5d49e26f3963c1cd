/*
 * dat_layout: where in a trace.dat the pages of each CPU lie. Knows files of trace-cmd's versions 6 and 7, as
 * trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5) describe them, and of those the top instance; knows nothing of what
 * is in the pages.
 */
#ifndef KMEMSIM_TRACES_DAT_LAYOUT_H
#define KMEMSIM_TRACES_DAT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAT_CODEC_MAX 32u

/* Part of the file. */
struct dat_span {
	uint64_t at, bytes;
};

struct dat_layout {
	uint32_t page_size;
	bool packed;             /* the spans hold chunks of pages: see dat_chunk_of() */
	char codec[DAT_CODEC_MAX], codec_version[DAT_CODEC_MAX]; /* what packed them */
	struct dat_span *cpus;   /* owned */
	uint32_t nr_cpus;
	bool knows_tsc;          /* says how long a cycle of the clock x86-tsc is; also of a file of no known form */
};

/**
 * dat_layout_read() - from the @len bytes of a file; end it with dat_layout_fini() in any case.
 * Return: whether it is one of a known form, in this machine's byte order, all of whose pages lie in the file.
 */
bool dat_layout_read(struct dat_layout *layout, const void *bytes, size_t len);
/** dat_layout_read_file() - the same of the file @fd. */
bool dat_layout_read_file(struct dat_layout *layout, int fd);
void dat_layout_fini(struct dat_layout *layout);

/* A span that is packed begins with the number of its chunks (32 bits). Each is a head and the packed bytes. */
struct dat_chunk {
	uint32_t packed, bytes;
};

#endif
