/*
 * block: a run of events as columns, to and from the payload of PROLOGUE, EVENTS and RECORDED sections. Decoding checks
 * everything; what it gives can be used as indices without a look.
 */
#ifndef KMEMSIM_TRACES_BLOCK_H
#define KMEMSIM_TRACES_BLOCK_H

#include "base/err.h"
#include "traces/section.h"

/** Columns of up to @cap events. */
struct block {
	uint32_t nr, cap;
	bool has_value, has_where, has_ctx, has_entry, has_moved;
	uint64_t *time_ns;
	uint64_t *value;      /* 0 where the event's kind has none */
	uint64_t *where;      /* recorded */
	uint32_t *op, *slot, *who;
	uint32_t *entry;      /* recorded, as the two below */
	uint16_t *moved;
	uint8_t *ctx;
	uint32_t *code;       /* scratch: slot column entries */
	uint32_t *ended;      /* scratch: slots that ended earlier in the block */
	struct trace_move *moves; /* recorded; grows by itself */
	uint32_t nr_moves, cap_moves;
};

/** block_reserve() - room for @cap events; what was in it is lost. Return: 0, or -1 when out of memory. */
int block_reserve(struct block *b, uint32_t cap);
void block_fini(struct block *b);
/** block_add_move() - Return: 0, or -1 when out of memory. */
int block_add_move(struct block *b, const struct trace_move *move);
/** block_trim() - give back what the events in @b do not need to be read; the next block_reserve() begins anew. */
void block_trim(struct block *b);

/** What the tables and the header allow in a block. */
struct block_limits {
	const uint8_t *op_class; /* enum op_class of each op */
	const struct trace_who *whos;
	uint32_t nr_ops, nr_whos;
	uint32_t slots;
};

/**
 * block_encode() - put the payload for @b's events, the first of
 * which is at @first_ns, into @p. Return: 0, or -1: no memory.
 */
int block_encode(struct block *b, const uint8_t *op_class, ns_t first_ns, struct packer *p);
/** block_encode_recorded() - the optional columns. @first_event: number of the block's first event. */
int block_encode_recorded(const struct block *b, const struct trace_who *whos, uint64_t first_event, struct packer *p);

/**
 * block_decode() - fill @b with the events of section @s,
 * whose payload is @raw. ERR_TRACE when malformed, ERR_NOMEM.
 */
int block_decode(struct block *b, const struct section *s, const uint8_t *raw, const struct block_limits *limits,
	struct err *err);
/** block_decode_recorded() - add the optional columns to the block decoded last. @moves: those of the blocks too. */
int block_decode_recorded(struct block *b, const struct section *s, const uint8_t *raw,
	const struct block_limits *limits, bool moves, struct err *err);

#endif
