/*
 * dat_records: records of the kernel's trace events, decoded with libtraceevent by the formats that a recording brings
 * along, into raw events on their way through the pipe (dat_priv.h). Shared by the readers of trace.dat and perf.data,
 * both in a process of their own; knows nothing of either file.
 */
#ifndef KMEMSIM_TRACES_DAT_RECORDS_H
#define KMEMSIM_TRACES_DAT_RECORDS_H

#include <event-parse.h>

#include "base/idmap.h"
#include "traces/bytes.h"
#include "traces/cpu_track.h"
#include "traces/dat_priv.h"
#include "traces/texts.h"

#define DAT_IDS 65536       /* event ids have 16 bits */

#define DAT_COMMON_MAX 8u   /* bytes that can be read of any record, whatever its size */

/* A record as it was found. */
struct dat_raw {
	uint64_t time_ns;
	const void *data;
	long long missed;                 /* events lost before it; below 0: not known how many */
	int size;                         /* bytes of data */
};

/* The chain of callers that a recorder has found together with a record: addresses of 8 bytes, innermost first. */
struct dat_callers {
	const unsigned char *bytes;       /* borrowed; not aligned */
	uint32_t nr;
	bool swap;                        /* their byte order is not this machine's */
};

/* Where a number lies in a record, and how it becomes a member of the event. */
struct dat_field {
	const struct source_field *known;
	const struct tep_format_field *format;
	uint32_t offset;
	uint8_t size;                     /* bytes */
	bool is_signed;
};

/* Where the members lie that all records have; size 0: nowhere. */
struct dat_place {
	uint32_t offset, size;
};

/* An event type of this file. */
struct dat_type_info {
	const char *name;                 /* NULL: the file does not describe it */
	const struct source_event *known; /* NULL: not known to kmemsim */
	struct dat_field fields[SOURCE_FIELDS_MAX];
	unsigned int nr_fields;           /* of those that the file has */
	/* bytes of a record that has room for all of them; INT_MAX: they are looked at one by one */
	int whole;
	uint32_t chain;                   /* where its callers begin, if it is a chain of them; else 0 */
	const struct tep_format_field *chain_size; /* how many there are; NULL: the record's end tells */
	const char *missing;              /* a needed field that the format lacks */
	uint64_t ignored, unusable;
};

struct dat_site {
	uint64_t address;
	uint32_t text;
};

/* A task's name. */
struct dat_task {
	int pid;
	uint32_t text;
	bool known;
};

#define DAT_RECENT 1024u
#define DAT_RECENT_TASKS 256u

struct dat_records {
	const struct dat_request *request; /* borrowed */
	struct bytes out;                 /* on the way into the pipe */
	struct tep_handle *tep;           /* borrowed */
	enum gfp_layout layout;
	struct dat_place type, flags, preempt, pid;
	bool usual;                       /* they lie where the kernel has had them since 2.6.37: struct trace_entry */
	struct dat_type_info *types[DAT_IDS]; /* owned; NULL: not met */
	struct cpu_track tracks[CPU_TRACKS];
	struct dat_slot *slot;            /* borrowed: the one being filled */
	uint32_t nr_events, nr_moves;     /* in it */
	uint64_t batches;                 /* slots filled so far */
	uint64_t sent;                    /* events in those before it */
	bool chains;                      /* records of callers have been met */
	struct idmap callers;             /* by address: whether it is outside of the memory layer */
	struct texts texts;
	struct idmap sites;               /* text numbers by address */
	struct dat_site recent[DAT_RECENT]; /* by address: call sites looked up lately */
	unsigned int preempt_bias;        /* the depth at which all records were made */
	bool native;                      /* the file has this machine's byte order */
	struct idmap comms;               /* text numbers by pid */
	struct dat_task recent_tasks[DAT_RECENT_TASKS]; /* by pid: looked up lately */
	uint64_t lost, nameless;
};

/** dat_records_create() - NULL: no memory. @tep may be set later, before dat_records_know(). */
struct dat_records *dat_records_create(const struct dat_request *request);
void dat_records_destroy(struct dat_records *c);

/* All of these answer 0, or -1 when the pipe is closed or memory is out. */

int dat_send(struct dat_records *c, enum dat_type type, const void *data, size_t len);
int dat_send_text(struct dat_records *c, enum dat_type type, const char *text);
int dat_send_count(struct dat_records *c, enum dat_type type, uint64_t count, const char *why);
/** dat_send_kernel() - the release, and the numbers in it, unless the caller knows better (*major not 0). */
int dat_send_kernel(struct dat_records *c, const char *release, unsigned int *major, unsigned int *minor);

/** dat_comm() - a task's name; dat_comm_inherit() - it has its parent's; dat_comm_known() - whether it has one. */
int dat_comm(struct dat_records *c, int pid, const char *comm, size_t len);
int dat_comm_inherit(struct dat_records *c, int pid, int parent);
bool dat_comm_known(struct dat_records *c, int pid);

/* Between the files that send and decode. */

/** dat_flush() - send what is in the slot and wait for the next. */
int dat_flush(struct dat_records *c);
/** dat_flush_older() - the same; where chains of callers are recorded, without the latest events: theirs may follow. */
int dat_flush_older(struct dat_records *c);
/** dat_text_number() - of a text, which is sent when it is new. */
int dat_text_number(struct dat_records *c, const char *text, size_t len, uint32_t *number);
/** dat_site_number() - of an address as %pS prints it: "symbol+0xoff". */
int dat_site_number(struct dat_records *c, uint64_t address, uint32_t *number);
/** dat_chain_record() - a chain of callers is the next record: of the last one of its CPU and context. */
int dat_chain_record(struct dat_records *c, const struct dat_type_info *type, const struct dat_raw *raw, uint16_t cpu,
	unsigned int level, int pid);
/** dat_chain_of() - the call site of @event, which has none, from its @callers. */
int dat_chain_of(struct dat_records *c, const struct dat_callers *callers, struct raw_event *event);
/** dat_comm_of() - the number of a task's name, 0 when it is not known. */
uint32_t dat_comm_of(struct dat_records *c, int pid);

/** dat_records_know() - the formats are known to @tep: before the first record. */
void dat_records_know(struct dat_records *c);
/** dat_record_pid() - the task that a record names. */
int dat_record_pid(const struct dat_records *c, const struct dat_raw *raw);
/**
 * dat_record() - the next record; its task's name is what
 * dat_comm() said last. @callers: NULL if they are not with it.
 */
int dat_record(struct dat_records *c, const struct dat_raw *raw, uint16_t cpu, int pid,
	const struct dat_callers *callers);
/** dat_records_end() - after the last one: what is still held back, and the counts. The recording is whole. */
int dat_records_end(struct dat_records *c);
/** dat_records_cut() - the same for a recording that breaks off. */
int dat_records_cut(struct dat_records *c, const char *why);

#endif
