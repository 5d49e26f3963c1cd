/*
 * dat_priv: what goes from the process that has libtracecmd to the import. Messages go through a pipe: a header and
 * its bytes. Texts are numbered in the order in which they come, from 1; 0 is the empty one. Events lie in memory
 * that both share, in slots that are used in turn: a message says that the next one is filled, and an eventfd
 * counts those that may be filled again.
 */
#ifndef KMEMSIM_TRACES_DAT_PRIV_H
#define KMEMSIM_TRACES_DAT_PRIV_H

#include <stdint.h>

#include "traces/raw_event.h"
#include "traces/trace.h"

enum dat_type {
	DAT_EVENTS,   /* struct dat_batch: the next slot is filled; its texts came before */
	DAT_ALIVE,    /* nothing yet */
	DAT_TEXT,     /* the next text */
	DAT_KERNEL,   /* the kernel's release */
	DAT_ARCH,
	DAT_CLOCK,
	DAT_MACHINE,  /* struct dat_machine */
	DAT_IGNORED,  /* struct dat_count, and the reason as text */
	DAT_UNUSABLE, /* the same */
	DAT_FAILED,   /* why, as text; nothing follows */
	DAT_REFUSED,  /* the same for a whole file that holds nothing that can be read */
	DAT_DONE,     /* struct dat_count: events lost; nothing follows */
};

#define DAT_MESSAGE_MAX (1u << 20)

struct dat_message {
	uint32_t type;
	uint32_t len;
};

struct dat_event {
	struct raw_event event;
	uint32_t pair;    /* enum source_pair */
	uint32_t unused;
};

#define DAT_BATCH 1024u
#define DAT_SLOTS 8u

/* Events and the moves among them: .before counts the events of the slot. */
struct dat_slot {
	struct dat_event events[DAT_BATCH];
	struct trace_move moves[DAT_BATCH];
};

struct dat_batch {
	uint32_t nr_events, nr_moves;
};

struct dat_machine {
	uint32_t cpus, page_size;
};

struct dat_count {
	uint64_t count;
};

/** What such a process is to do. */
struct dat_request {
	const char *path;
	int fd;                 /* the pipe */
	struct dat_slot *slots; /* shared: DAT_SLOTS of them */
	int free_slots;         /* an eventfd: a slot may be filled for each time that a read from it succeeds */
	const char *beside;     /* temporary files go into this file's directory */
	const char *kallsyms;   /* may be NULL */
	unsigned int kernel_major, kernel_minor; /* 0: as the recording says */
};

/**
 * dat_child(), perf_child() - read the trace.dat or perf.data
 * and send it through the pipe. Return: the exit status.
 */
int dat_child(const struct dat_request *request);
int perf_child(const struct dat_request *request);

#endif
