/* recorder_wire: how a recorder's calls stand in a stream: what recorder_pipe.c writes and recorder_stream.c reads. */
#ifndef KMEMSIM_SIM_RECORDER_WIRE_H
#define KMEMSIM_SIM_RECORDER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/recorder.h"

#define MAX_PARAMS 4096 /* settings of one run */

/* The calls, each with its struct; begin() and row() have lists and are treated by themselves. */
#define CALLS(X)                            \
	X(SAMPLE, sample, record_sample)            \
	X(ZONE, zone, record_zone)                  \
	X(FREE_BLOCKS, free_blocks, record_free_blocks) \
	X(PAGEBLOCKS, pageblocks, record_pageblocks) \
	X(FRAG, frag, record_frag)                  \
	X(CACHE, cache, record_cache)               \
	X(OP, op, record_op)                        \
	X(EXTFRAG, extfrag, record_extfrag)         \
	X(CALL_SITE, call_site, record_call_site)   \
	X(VIOLATION, violation, record_violation)   \
	X(COUNTER, counter, record_counter)         \
	X(VERIFY_CHECK, verify_check, record_verify_check) \
	X(VERIFY_ZONE, verify_zone, record_verify_zone) \
	X(VERIFY_CACHE, verify_cache, record_verify_cache) \
	X(END, end, record_end)

enum call {
	CALL_BEGIN,
#define X(id, name, type) CALL_##id,
	CALLS(X)
#undef X
	CALL_ROW,
	CALL_FAIL, /* not of a recorder: recorder_pipe_fail() */
	CALL_OVER, /* nor this: recorder_pipe_over() */
	NR_CALLS
};

/* How members are sent: numbers in their own size; a text as its length + 1 (0 = NULL), bytes and a terminating 0. */
enum member_kind { MEMBER_8, MEMBER_32, MEMBER_64, MEMBER_TEXT, MEMBER_HIST };

struct member {
	uint32_t offset;
	enum member_kind kind;
};

struct fail_message {
	const char *text;
};
struct row_message {
	uint32_t table;
};

/** The members of a call's struct, in the order in which they are sent. */
struct wire_layout {
	const struct member *members;
	size_t nr;
};

extern const struct wire_layout wire_layouts[NR_CALLS];

#endif
