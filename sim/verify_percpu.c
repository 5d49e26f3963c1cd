/*
 * verify_percpu: offsets of per-CPU areas against the recorded ones. A pass of its own over these
 * areas alone: after each the model has the recorded area, so that one difference is counted once.
 *
 * No saved state holds the chunks, so what was taken in the first chunk before the recording began is told by the
 * recording itself: all that no recorded call is given. Which of the rest a call gets is the model's choice. Chunks
 * are recognised by their addresses, which follow from the pointer: the first unit begins at a multiple of the
 * atom, as all chunks do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/bits.h"
#include "mm/percpu.h"
#include "sim/verify_priv.h"

struct percpu_pass {
	struct verify_pass pass;
	struct percpu *pc;           /* borrowed from pass */
	struct percpu_layout layout;
	struct verify_count *count;
	uint64_t *free_at_start;     /* owned: of the first chunk, a bit per PERCPU_MIN_ALLOC bytes */
	uint32_t first_bits;
	struct idmap area_at;        /* owned: the model's area of each recorded pointer */
	struct idmap chunk_of;       /* owned: the model's chunk of each recorded one */
};

/** Where a recorded pointer is. */
struct recorded_place {
	uint64_t chunk;  /* its address, relative to the first unit; 0 and 1: parts of the first unit */
	uint32_t off;
};

static struct recorded_place place_of(const struct percpu_pass *p, uint64_t ptr)
{
	uint64_t atom = p->layout.atom_size;

	if (ptr >= p->layout.unit_size)
		return (struct recorded_place){ ptr & ~(atom - 1), (uint32_t)(ptr & (atom - 1)) };
	if (ptr >= p->layout.static_size + p->layout.reserved_size)
		return (struct recorded_place){ PERCPU_FIRST_CHUNK,
			(uint32_t)(ptr - percpu_base(p->pc, PERCPU_FIRST_CHUNK)) };
	if (ptr < p->layout.static_size)
		return (struct recorded_place){ PERCPU_RESERVED_CHUNK, 0 };
	return (struct recorded_place){ PERCPU_RESERVED_CHUNK,
		(uint32_t)(ptr - percpu_base(p->pc, PERCPU_RESERVED_CHUNK)) };
}

/* First pass: what recorded calls are given in the first chunk was free; of what is given later it was so, too. */
static int note_free(void *arg, const struct verify_event *event, struct err *err)
{
	struct percpu_pass *p = arg;
	struct recorded_place at;
	uint64_t from, to;

	(void)err;
	if (event->op->kind != KIND_ALLOC_PERCPU || !event->where || !event->entry)
		return 0;
	at = place_of(p, event->where);
	from = at.off / PERCPU_MIN_ALLOC;
	to = from + div_round_up(event->op->size, PERCPU_MIN_ALLOC);
	if (at.chunk == PERCPU_FIRST_CHUNK && to <= p->first_bits)
		bitmap_set(p->free_at_start, (uint32_t)from, (uint32_t)to);
	return 0;
}

/* All else of the first chunk is taken. */
static void take_the_rest(struct percpu_pass *p)
{
	uint32_t from = 0;

	while ((from = bitmap_next_zero(p->free_at_start, from, p->first_bits)) < p->first_bits) {
		uint32_t to = bitmap_next_set(p->free_at_start, from, p->first_bits);

		percpu_claim(p->pc, PERCPU_FIRST_CHUNK, from * PERCPU_MIN_ALLOC, (to - from) * PERCPU_MIN_ALLOC,
			&p->pass.meter);
		from = to;
	}
}

/* The model's chunk that is the recorded one, PERCPU_AREA_NONE when it is not known to have it. */
static uint32_t model_chunk(const struct percpu_pass *p, uint64_t recorded)
{
	struct percpu_chunk_stats stats;
	uint32_t chunk = idmap_get(&p->chunk_of, recorded);

	if (recorded <= PERCPU_RESERVED_CHUNK)
		return (uint32_t)recorded;
	return chunk != IDMAP_NONE && percpu_chunk_get(p->pc, chunk, &stats) ? chunk : PERCPU_AREA_NONE;
}

/* Whether the model's place is the recorded one; a chunk of which nothing was seen yet is that one. */
static int same_place(struct percpu_pass *p, struct recorded_place recorded, struct percpu_place place, bool *same,
	struct err *err)
{
	uint32_t chunk = model_chunk(p, recorded.chunk);

	*same = place.off == recorded.off && (chunk == place.chunk || chunk == PERCPU_AREA_NONE);
	if (!*same || chunk != PERCPU_AREA_NONE)
		return 0;
	*same = place.chunk > PERCPU_RESERVED_CHUNK;
	return *same && idmap_put(&p->chunk_of, recorded.chunk, place.chunk) < 0 ?
		       err_set(err, ERR_NOMEM, "no memory for the recorded chunks") : 0;
}

static int correct(struct percpu_pass *p, struct recorded_place recorded, uint32_t *area, uint32_t size,
	struct err *err)
{
	uint32_t chunk = model_chunk(p, recorded.chunk);

	if (*area != PERCPU_AREA_NONE)
		percpu_free(p->pc, *area, &p->pass.meter);
	*area = percpu_claim(p->pc, chunk, recorded.off, size, &p->pass.meter);
	if (*area == PERCPU_AREA_NONE || chunk != PERCPU_AREA_NONE)
		return 0;
	return idmap_put(&p->chunk_of, recorded.chunk, percpu_place(p->pc, *area).chunk) < 0 ?
		       err_set(err, ERR_NOMEM, "no memory for the recorded chunks") : 0;
}

static int begins(struct percpu_pass *p, const struct verify_event *event, struct err *err)
{
	const struct trace_op *op = event->op;
	struct percpu_request req = { .size = op->size, .align = op->align, .gfp = op->gfp,
		.reserved = op->flags & OP_RESERVED, .cpu = (uint16_t)event->cpu };
	struct recorded_place recorded = place_of(p, event->where);
	struct percpu_place place = { PERCPU_AREA_NONE, 0, 0 };
	uint32_t area = PERCPU_AREA_NONE;
	bool same = false;
	int ret = 0;

	if (percpu_alloc(p->pc, &req, &area, &p->pass.meter) == MM_DONE) {
		place = percpu_place(p->pc, area);
		ret = same_place(p, recorded, place, &same, err);
	}
	p->count->checked++;
	p->count->equal += same;
	if (!same &&
		verify_differ(p->count, event,
			"%" PRIu64 " bytes, aligned to %" PRIu64 ", at offset %u of chunk %#" PRIx64, op->size,
			op->align, recorded.off, recorded.chunk))
		snprintf(p->count->first.model, sizeof(p->count->first.model), "at offset %u of its chunk %u",
			place.off, place.chunk);
	if (ret == 0 && !same)
		ret = correct(p, recorded, &area, (uint32_t)op->size, err);
	if (ret == 0 && area != PERCPU_AREA_NONE && idmap_put(&p->area_at, event->where, area) < 0)
		ret = err_set(err, ERR_NOMEM, "no memory for the recorded per-CPU areas");
	return ret;
}

static int on_event(void *arg, const struct verify_event *event, struct err *err)
{
	struct percpu_pass *p = arg;
	uint32_t area;
	int ret = 0;

	if (!event->where || !event->entry)
		return 0;
	if (event->op->kind == KIND_ALLOC_PERCPU) {
		ret = begins(p, event, err);
	} else if (event->op->kind == KIND_FREE_PERCPU) {
		area = idmap_remove(&p->area_at, event->where);
		if (area != IDMAP_NONE)
			percpu_free(p->pc, area, &p->pass.meter);
	}
	/* The kernel's work item comes a little later: no event tells when. */
	if (percpu_balance_due(p->pc))
		percpu_balance(p->pc, event->cpu, &p->pass.meter);
	return ret;
}

static int first_chunk(struct percpu_pass *p, struct err *err)
{
	int ret;

	percpu_get_layout(p->pc, &p->layout);
	p->first_bits = (uint32_t)((p->layout.static_size + p->layout.reserved_size + p->layout.dynamic_size -
					   percpu_base(p->pc, PERCPU_FIRST_CHUNK)) / PERCPU_MIN_ALLOC);
	p->free_at_start = calloc(bitmap_words(p->first_bits), sizeof(*p->free_at_start));
	if (!p->free_at_start)
		return err_set(err, ERR_NOMEM, "no memory for the first per-CPU chunk");
	ret = verify_pass_run(&p->pass, note_free, p, err);
	if (ret == 0)
		take_the_rest(p);
	return ret;
}

int verify_percpu(const struct verify_options *options, struct verify_count *count, struct err *err)
{
	struct percpu_pass p = { .count = count };
	int ret = verify_pass_start(&p.pass, options, options->states[0].state, false, err);

	if (ret == 0) {
		p.pc = mm_state(&p.pass.mm, SLOT_PERCPU);
		ret = first_chunk(&p, err);
	}
	if (ret == 0)
		ret = verify_pass_again(&p.pass, err);
	if (ret == 0)
		ret = verify_pass_run(&p.pass, on_event, &p, err);
	idmap_fini(&p.area_at);
	idmap_fini(&p.chunk_of);
	free(p.free_at_start);
	verify_pass_fini(&p.pass);
	return ret;
}
