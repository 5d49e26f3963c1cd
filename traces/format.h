/*
 * format: the .kmt trace file, version 1.3, byte by byte. Shared by writer and reader only.
 *
 * FILE
 *   A sequence of gzip members (RFC 1952), each one section. `gzip -t` accepts it; `zcat FILE | head -1` shows the
 *   header. All fixed-width numbers are little-endian. "varint" is LEB128: 7 bits a byte, low ones first, the top
 *   bit set on all bytes but the last, at most 10 bytes.
 *
 * SECTION
 *   The gzip header has FLG = 4 (FEXTRA) and as first extra subfield 'K' 'M' with at least 36 bytes:
 *      0  u8   type (enum section_type)
 *      1  u8   0
 *      2  u16  0
 *      4  u32  bytes of deflate data that follow the gzip header
 *      8  u32  bytes of the payload (inflated)
 *     12  u32  events in it; 0 where it holds none
 *     16  u64  number of the first of them, counted from 0; the prologue counts by itself
 *     24  u64  time of the first of them, ns
 *     32  u32  CRC-32 (gzip's) of the 32 bytes before
 *   Then the deflate data, and gzip's CRC-32 and length of the payload. A section is skipped by its size; a reader
 *   skips types it does not know.
 *
 * ORDER
 *   HEADER, SPARED where there is one, TABLES, any PROLOGUE, EVENTS (each with its RECORDED behind it, or all without),
 *   INDEX, TRAILER.
 *   Version 1.0 has no RECORDED behind PROLOGUE.
 *   What stands before the PROLOGUE is known last, so a writer keeps finished blocks aside until it closes. A file
 *   that ends early can be used up to its last whole section.
 *
 * HEADER   one line of JSON: "kmemsim_trace": major version, "minor", and the members of struct trace_meta
 *          under their names; "sizes" has blocks, bytes_raw, bytes_compressed and bytes_recorded as in
 *          struct trace_sizes. Readers refuse a newer major version and ignore members they do not know;
 *          missing ones are 0 or null, so a new one needs no new minor version.
 *
 * SPARED    since 1.3, of recordings in which kswapd took pages. Varints: how many events allocated pages of the LRU
 *          lists that the recording's own reclaim came by and left alone (traces/spared.h); the number of the first of
 *          them; of each other its number minus that of the one before.
 *
 * TABLES   varints:
 *            number of strings - 1, then length and bytes of each (string 0 is empty and not stored);
 *            number of ops; for each a mask, bit n saying that member n is not 0; then by member, in the order
 *            kind, origin, ctx, order, node + 1, flags, gfp, call_site, name, name2, slab_flags, size,
 *            size_alloc, align, arg[0], arg[1], the values of the ops whose mask has its bit;
 *            for each op how many events (without the prologue) have it;
 *            number of whos; for each cpu, zigzag(pid), comm; since 1.2, for each ctx.
 *
 * PROLOGUE, EVENTS   columns. The payload begins with a directory: u8 number of columns, then for each u8 its
 *   number (enum column) and varint its bytes; the columns follow in that order. Unknown columns are skipped,
 *   missing ones are empty. n is the number of events; p planes hold byte 0 (lowest), 1 .. p - 1 of n numbers, and
 *   planes that would be all 0 are left out from the top.
 *     TIME_LOW       n bytes: lowest byte of the time since the event before; for the first event since the
 *                    section's time
 *     TIME_HIGH      n varints: that difference / 256
 *     OP             planes: op number
 *     WHO            runs: varint length (not 0), varint who
 *     BEGIN          planes, for events whose kind begins a slot: 0 = SLOT_NONE, else 1 + zigzag(slot - predicted).
 *                    Predicted is the last slot that ended earlier in the section and was not predicted rightly
 *                    since; if there is none, 1 + the slot that began last in the section; if none did, 0.
 *     USE            planes, for events whose kind ends or uses a slot: slot + 1, 0 = SLOT_NONE
 *                    FREE_PAGES with OP_PART but not OP_LAST uses, does not end.
 *     VALUE          varints, for events whose kind has a value (KEY_VALUE, KEY_PAGE)
 *   zigzag(x) is 2x for x >= 0, else -2x - 1. Slots are below 2^31 - 1.
 *
 * RECORDED   columns as above, for the events of the section before it:
 *     WHERE          planes
 *     CTX            n bytes
 *     ENTRY          varints, 0 = not known, else 1 + zigzag(entry - the one known last in the section with the same
 *                    low ENTRY_CPU_BITS of the CPU's number, at first 0); since 1.1, left out when none is known
 *     MOVED          varints; since 1.1, left out when all are 0
 *     MOVE_RUNS      since 1.2: blocks that moved between the events. Runs, each of varints: before - that of the
 *                    run before (at first the section's first event), kind | mt << 4 | order << 8, cpu, 1 +
 *                    zigzag(entry - what it would be if the CPU's run before had gone on; low ENTRY_CPU_BITS as in
 *                    ENTRY), number of blocks. Entries go up by one within a run; they are 0 when the run's code is
 *                    0.
 *     MOVE_PFNS      for each block zigzag(pfn - that of the block before in the section)
 *
 * INDEX    varints: number of EVENTS sections; for each the bytes from the start of the one before it (for the
 *          first: from the start of the file), its events, and its time minus the time of the one before.
 *
 * TRAILER  16 bytes: "KMTINDEX", u64 offset of the INDEX. Its payload is one stored deflate block, which makes the
 *          section TRAILER_BYTES long: the last ones of the file.
 *
 * COMPRESSION   A writer of this project deflates every column by itself up to a full flush, so that it ends at a
 *   byte, and puts it into stored blocks when that saves less than 3 %. A reader needs to know nothing of it.
 */
#ifndef KMEMSIM_TRACES_FORMAT_H
#define KMEMSIM_TRACES_FORMAT_H

#include <stdint.h>

#include "traces/trace.h"

enum section_type {
	SECTION_HEADER = 1,
	SECTION_TABLES = 2,
	SECTION_PROLOGUE = 3,
	SECTION_EVENTS = 4,
	SECTION_RECORDED = 5,
	SECTION_INDEX = 6,
	SECTION_TRAILER = 7,
	SECTION_SPARED = 8,
};

enum column {
	COLUMN_TIME_LOW = 1,
	COLUMN_TIME_HIGH = 2,
	COLUMN_WHO = 3,
	COLUMN_VALUE = 4,
	COLUMN_CTX = 5,
	COLUMN_ENTRY = 6,
	COLUMN_MOVED = 7,
	COLUMN_MOVE_RUNS = 8,
	COLUMN_MOVE_PFNS = 9,
	COLUMN_OP = 16,    /* 16 .. 19: planes 0 .. 3 */
	COLUMN_BEGIN = 20, /* 20 .. 23 */
	COLUMN_USE = 24,   /* 24 .. 27 */
	COLUMN_WHERE = 32, /* 32 .. 39: planes 0 .. 7 */
	NR_COLUMNS = 40,
};

#define ENTRY_CPU_BITS 10u /* CPUs that differ above them share a prediction: right all the same, only longer */

#define GZIP_HEAD_BYTES   12u /* up to and with XLEN */
#define SECTION_KM_BYTES  36u
#define SECTION_HEAD_BYTES (GZIP_HEAD_BYTES + 4u + SECTION_KM_BYTES)
#define SECTION_TAIL_BYTES 8u
#define TRAILER_MAGIC     "KMTINDEX"
#define TRAILER_PAYLOAD   16u
#define TRAILER_BYTES     (SECTION_HEAD_BYTES + 5u + TRAILER_PAYLOAD + SECTION_TAIL_BYTES)

/* What a reader believes; anything above is damage or an attack, refused before memory is taken for it. */
#define MAX_HEADER_RAW (16u << 20)
#define MAX_TABLES_RAW (256u << 20)
#define MAX_BLOCK_RAW  (64u << 20)
#define MAX_INDEX_RAW  (256u << 20)
#define MAX_SPARED_RAW  (256u << 20)
#define MAX_SPARED_EVENTS (1ull << 31) /* of a trace that has SPARED: a reader takes a bit of memory for each */
#define MAX_BLOCK_EVENTS (4u << 20)
#define MAX_BLOCK_MOVES (4u << 20)
#define MAX_STRINGS    (1u << 25)
#define MAX_OPS        (1u << 24)
#define MAX_WHOS       (1u << 24)
#define MAX_SLOTS      (UINT32_MAX / 2)
#define DEFLATE_MAX_RATIO 1032u /* deflate cannot do better */

#define DEFAULT_BLOCK_EVENTS (64u << 10)
#define DEFAULT_LEVEL 3

/* How an op's events are coded in the slot and value columns. */
enum op_class { CLASS_ABSENT, CLASS_BEGINS, CLASS_USES, CLASS_ENDS, CLASS_MASK = 3, CLASS_VALUE = 4, CLASS_PAGE = 8 };

static inline uint8_t op_class_of(const struct trace_op *op)
{
	const struct kind_info *kind = &kind_info[op->kind];
	unsigned int c = CLASS_ABSENT;

	if (kind->slot == SLOT_BEGINS)
		c = CLASS_BEGINS;
	else if (kind->slot == SLOT_USED || (op->flags & (OP_PART | OP_LAST)) == OP_PART)
		c = CLASS_USES;
	else if (kind->slot == SLOT_ENDS)
		c = CLASS_ENDS;
	if (kind->keys & KEY_VALUE)
		c |= CLASS_VALUE;
	if (kind->keys & KEY_PAGE)
		c |= CLASS_VALUE | CLASS_PAGE;
	return (uint8_t)c;
}

/* Which prediction of the ENTRY column an event's CPU has. */
static inline uint32_t entry_context(const struct trace_who *who)
{
	return who->cpu & ((1u << ENTRY_CPU_BITS) - 1);
}

static inline uint32_t zigzag32(int32_t x)
{
	return ((uint32_t)x << 1) ^ (uint32_t)(x >> 31);
}

static inline int32_t unzigzag32(uint32_t x)
{
	return (int32_t)(x >> 1) ^ -(int32_t)(x & 1);
}

static inline uint64_t zigzag64(int64_t x)
{
	return ((uint64_t)x << 1) ^ (uint64_t)(x >> 63);
}

static inline int64_t unzigzag64(uint64_t x)
{
	return (int64_t)(x >> 1) ^ -(int64_t)(x & 1);
}

#endif
