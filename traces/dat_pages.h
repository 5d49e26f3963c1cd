/*
 * dat_pages: the records of each CPU of a trace.dat, a run at a time, found ahead of the caller by threads: several
 * CPUs at once, where there are several. The pages are taken from the file and apart here (dat_layout.h,
 * ring_page.h); libtracecmd unpacks them. The records of files of another form, or whose times have to be
 * converted, are libtracecmd's to find.
 */
#ifndef KMEMSIM_TRACES_DAT_PAGES_H
#define KMEMSIM_TRACES_DAT_PAGES_H

#include <trace-cmd.h>

#include "traces/dat_records.h"

/* Records of one CPU in the order of the recording. */
struct dat_run {
	struct dat_raw *records;       /* owned; what they point to is there until the run is given back */
	uint32_t nr, cap;
	unsigned char *bytes;          /* owned: the pages that the records lie in */
	size_t bytes_cap;
	struct tep_record **held;      /* owned: libtracecmd's, where it found them */
	uint32_t nr_held;
};

struct dat_pages;

/**
 * dat_pages_open() - begin to read ahead.
 * @handle: of the file @path; both are borrowed, and not the caller's to read records with until dat_pages_close().
 * Return: NULL when there is no memory or no thread.
 */
struct dat_pages *dat_pages_open(struct tracecmd_input *handle, const char *path);
/** dat_pages_cpus() - how many CPUs the recording may have: they are 0 .. this - 1. */
int dat_pages_cpus(const struct dat_pages *pages);
/** dat_pages_next() - the next run of @cpu, never empty; the one before it goes back. NULL: that was the last. */
const struct dat_run *dat_pages_next(struct dat_pages *pages, int cpu);
/** dat_pages_damaged() - after the last run of each: a CPU whose pages go on with what is none; -1: all are whole. */
int dat_pages_damaged(const struct dat_pages *pages);
void dat_pages_close(struct dat_pages *pages);

#endif
