/*
 * percpu: requests: which chunk and where in it, and frees.
 * Models pcpu_alloc() and free_percpu() of mm/percpu.c (6.1).
 */
#include "mm/percpu.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/percpu_priv.h"

#define FIRST_CHUNKS 8 /* room for so many, at first */

bool percpu_refused(const struct percpu *pc, const struct percpu_request *req)
{
	uint64_t align = req->align ? req->align : PERCPU_MIN_ALLOC;

	return !req->size || req->size > PERCPU_MAX_ALLOC || align > pc->machine->page_size || (align & (align - 1));
}

/* A number for an area; its handle for callers. */
static uint32_t area_new(struct percpu *pc, uint32_t chunk, uint32_t bit)
{
	uint32_t number = pc->free_area;

	if (number != PERCPU_AREA_NONE) {
		pc->free_area = pc->areas[number].bit;
	} else {
		if (!array_room(&pc->areas, &pc->cap_areas, pc->nr_areas))
			return PERCPU_AREA_NONE;
		number = pc->nr_areas++;
	}
	pc->areas[number] = (struct pcpu_area){ chunk, bit };
	pc->chunks[chunk]->nr_areas++;
	pc->done.live_areas++;
	return number;
}

static int32_t area_bits(const struct pcpu_chunk *chunk, uint32_t bit)
{
	return (int32_t)(bitmap_next_set(chunk->bound_map, bit + 1, (uint32_t)pcpu_map_bits(chunk) + 1) - bit);
}

/* The bits are the area's from now on. */
static void mark_area(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits)
{
	uint32_t from = (uint32_t)bit, to = (uint32_t)(bit + bits);

	bitmap_set(chunk->alloc_map, from, to);
	chunk->runs_known = false;
	bitmap_clear(chunk->bound_map, from, to);
	bitmap_set_bit(chunk->bound_map, from);
	bitmap_set_bit(chunk->bound_map, to);
	chunk->free_bytes -= (uint32_t)bits * PERCPU_MIN_ALLOC;
	if (bit == chunk->whole.first_free)
		chunk->whole.first_free =
			(int32_t)bitmap_next_zero(chunk->alloc_map, to, (uint32_t)pcpu_map_bits(chunk));
	pcpu_hint_alloc(pc, chunk, bit, bits);
}

/* Models pcpu_alloc_area(). Return: the first bit, -1 when the hints promised too much. */
static int32_t alloc_area(struct percpu *pc, struct pcpu_chunk *chunk, int32_t start, int32_t bits, int32_t align)
{
	int32_t end = (int32_t)min_u64((uint64_t)(start + bits) + pc->block_bits, (uint64_t)pcpu_map_bits(chunk));
	uint32_t slot = pcpu_chunk_slot(pc, chunk);
	int32_t skipped, skipped_bits, bit;

	bit = pcpu_find_zero(chunk, start, end, bits, align, &skipped, &skipped_bits);
	if (bit < 0)
		return -1;
	if (skipped_bits)
		pcpu_hint_scan(pc, chunk, skipped, skipped_bits);
	mark_area(pc, chunk, bit, bits);
	pcpu_chunk_relocate(pc, chunk, slot);
	return bit;
}

/* The first chunk of the list of @slot, or a later one, in which it fits. */
static struct pcpu_chunk *search_slot(struct percpu *pc, uint32_t slot, int32_t bits, int32_t align, bool atomic,
	int32_t *bit)
{
	uint32_t next;

	for (uint32_t at = pc->lists[slot].head; at != PERCPU_NO_CHUNK; at = next) {
		struct pcpu_chunk *chunk = pc->chunks[at];
		int32_t start = pcpu_find_fit(pc, chunk, bits, align, atomic);

		next = chunk->next;
		if (start < 0) {
			if (slot < PERCPU_SLOT_FAIL)
				pcpu_chunk_move(pc, chunk, 0, true);
			continue;
		}
		*bit = alloc_area(pc, chunk, start, bits, align);
		if (*bit < 0)
			continue;
		pcpu_reintegrate(pc, chunk);
		return chunk;
	}
	return NULL;
}

static struct pcpu_chunk *find_area(struct percpu *pc, int32_t bits, int32_t align, bool atomic, int32_t *bit,
	struct meter *meter)
{
	for (;;) {
		uint32_t slot = pcpu_size_slot(pc, (uint64_t)bits * PERCPU_MIN_ALLOC);

		for (; slot <= pc->free_slot; slot++) {
			struct pcpu_chunk *chunk = search_slot(pc, slot, bits, align, atomic, bit);

			if (chunk)
				return chunk;
		}
		if (atomic)
			return NULL;
		if (pc->lists[pc->free_slot].head == PERCPU_NO_CHUNK && !pcpu_chunk_create(pc, meter))
			return NULL;
	}
}

static struct pcpu_chunk *find_reserved(struct percpu *pc, int32_t bits, int32_t align, bool atomic, int32_t *bit)
{
	struct pcpu_chunk *chunk = pc->chunks[PERCPU_RESERVED_CHUNK];
	int32_t start = pcpu_find_fit(pc, chunk, bits, align, atomic);

	*bit = start < 0 ? -1 : alloc_area(pc, chunk, start, bits, align);
	return *bit < 0 ? NULL : chunk;
}

/* Models pcpu_free_area(). */
static void free_area(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t bit)
{
	uint32_t slot = pcpu_chunk_slot(pc, chunk);
	int32_t bits = area_bits(chunk, bit);

	bitmap_clear(chunk->alloc_map, bit, bit + (uint32_t)bits);
	chunk->runs_known = false;
	chunk->free_bytes += (uint32_t)bits * PERCPU_MIN_ALLOC;
	if ((int32_t)bit < chunk->whole.first_free)
		chunk->whole.first_free = (int32_t)bit;
	pcpu_hint_free(pc, chunk, (int32_t)bit, bits);
	pcpu_chunk_relocate(pc, chunk, slot);
}

/* All pages that the area touches. */
static bool populate_area(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits, gfp_t gfp,
	unsigned int cpu, struct meter *meter)
{
	uint32_t from = (uint32_t)bit / pc->block_bits,
		 end = ((uint32_t)(bit + bits) + pc->block_bits - 1) / pc->block_bits;

	while ((from = bitmap_next_zero(chunk->populated, from, end)) < end) {
		uint32_t to = bitmap_next_set(chunk->populated, from, end);

		if (!pcpu_populate(pc, chunk, from, to, gfp, cpu, meter))
			return false;
		from = to;
	}
	return true;
}

static enum mm_answer fail(struct percpu *pc, bool atomic)
{
	pc->done.failures++;
	if (atomic) {
		pc->done.atomic_failures++;
		pc->atomic_failed = true;
		pc->balance_due = true;
	}
	return MM_FAILED;
}

enum mm_answer percpu_alloc(struct percpu *pc, const struct percpu_request *req, uint32_t *area, struct meter *meter)
{
	bool atomic = !(req->gfp & GFP_BIT_DIRECT_RECLAIM);
	bool reserved = req->reserved && pc->chunks[PERCPU_RESERVED_CHUNK];
	int32_t bits = (int32_t)div_round_up(req->size, PERCPU_MIN_ALLOC), bit;
	int32_t align = (int32_t)(max_u64(req->align, PERCPU_MIN_ALLOC) / PERCPU_MIN_ALLOC);
	gfp_t gfp = req->gfp & (GFP_KERNEL | GFP_BIT_NORETRY | GFP_BIT_NOWARN);
	struct pcpu_chunk *chunk;

	if (percpu_refused(pc, req)) {
		pc->done.refused++;
		return MM_FAILED;
	}
	meter_charge_locked(meter, STEP_PERCPU_ALLOC, 1, LOCK_PCPU);
	chunk = reserved ? find_reserved(pc, bits, align, atomic, &bit) :
			   find_area(pc, bits, align, atomic, &bit, meter);
	if (!chunk)
		return fail(pc, atomic);
	if (!atomic && !populate_area(pc, chunk, bit, bits, gfp, req->cpu, meter)) {
		free_area(pc, chunk, (uint32_t)bit);
		return fail(pc, atomic);
	}
	*area = area_new(pc, chunk->number, (uint32_t)bit);
	if (*area == PERCPU_AREA_NONE) {
		free_area(pc, chunk, (uint32_t)bit);
		return fail(pc, atomic);
	}
	if (pc->nr_empty < PERCPU_EMPTY_LOW)
		pc->balance_due = true;
	meter_charge(meter, STEP_PERCPU_CPU, pc->machine->cpus);
	pc->done.allocs++;
	pc->done.allocated_bytes += (uint64_t)bits * PERCPU_MIN_ALLOC;
	return MM_DONE;
}

/* Models pcpu_should_reclaim_chunk(). */
static bool should_reclaim(const struct percpu *pc, const struct pcpu_chunk *chunk)
{
	if (!chunk->pages)
		return false;
	return (chunk->isolated && chunk->nr_empty) ||
	       (pc->nr_empty > PERCPU_EMPTY_HIGH + chunk->nr_empty &&
		       chunk->nr_empty >= (int32_t)(chunk->nr_pages / PERCPU_RECLAIM_SHARE));
}

void percpu_free(struct percpu *pc, uint32_t area, struct meter *meter)
{
	struct pcpu_area *entry = &pc->areas[area];
	struct pcpu_chunk *chunk = pc->chunks[entry->chunk];
	const struct pcpu_list *wholly_free = &pc->lists[pc->free_slot];

	meter_charge_locked(meter, STEP_PERCPU_FREE, 1, LOCK_PCPU);
	pc->done.frees++;
	pc->done.live_areas--;
	pc->done.allocated_bytes -= (uint64_t)area_bits(chunk, entry->bit) * PERCPU_MIN_ALLOC;
	chunk->nr_areas--;
	free_area(pc, chunk, entry->bit);
	*entry = (struct pcpu_area){ PERCPU_NO_CHUNK, pc->free_area };
	pc->free_area = area;
	if (!chunk->isolated && chunk->free_bytes == pc->layout.unit_size) {
		if (wholly_free->head != wholly_free->tail)
			pc->balance_due = true;
	} else if (should_reclaim(pc, chunk)) {
		pcpu_isolate(pc, chunk);
		pc->balance_due = true;
	}
}

enum mm_answer percpu_define(struct percpu *pc, uint64_t size, uint64_t align, uint64_t *off)
{
	uint64_t at = align_up(pc->static_used, max_u64(align, 1));

	if (!size || size > pc->layout.static_size || at > pc->layout.static_size - size)
		return MM_FAILED;
	pc->static_used = at + size;
	*off = at;
	return MM_DONE;
}

struct percpu_place percpu_place(const struct percpu *pc, uint32_t area)
{
	const struct pcpu_area *entry = &pc->areas[area];

	return (struct percpu_place){ entry->chunk, entry->bit * PERCPU_MIN_ALLOC,
		(uint32_t)area_bits(pc->chunks[entry->chunk], entry->bit) * PERCPU_MIN_ALLOC };
}

uint64_t percpu_base(const struct percpu *pc, uint32_t chunk)
{
	return pc->chunks[chunk]->base;
}

uint32_t percpu_claim(struct percpu *pc, uint32_t number, uint32_t off, uint32_t size, struct meter *meter)
{
	struct pcpu_chunk *chunk = number == PERCPU_NO_CHUNK ? pcpu_chunk_create(pc, meter) :
				   number < pc->nr_chunks ? pc->chunks[number] : NULL;
	uint32_t bit = off / PERCPU_MIN_ALLOC, bits = (uint32_t)div_round_up(size, PERCPU_MIN_ALLOC), slot;

	if (!chunk || !bits || (uint64_t)bit + bits > (uint64_t)pcpu_map_bits(chunk) ||
		bitmap_next_set(chunk->alloc_map, bit, bit + bits) < bit + bits)
		return PERCPU_AREA_NONE;
	slot = pcpu_chunk_slot(pc, chunk);
	mark_area(pc, chunk, (int32_t)bit, (int32_t)bits);
	pcpu_chunk_relocate(pc, chunk, slot);
	pcpu_reintegrate(pc, chunk);
	if (!populate_area(pc, chunk, (int32_t)bit, (int32_t)bits, GFP_KERNEL, 0, meter)) {
		free_area(pc, chunk, bit);
		return PERCPU_AREA_NONE;
	}
	pc->done.allocs++;
	pc->done.allocated_bytes += (uint64_t)bits * PERCPU_MIN_ALLOC;
	return area_new(pc, chunk->number, bit);
}

/*
 * A part [start, start + size) of the first unit, as a chunk: what is before and behind it in its pages is taken.
 * Models pcpu_alloc_first_chunk().
 */
static struct pcpu_chunk *first_unit_chunk(struct percpu *pc, uint64_t start, uint64_t size, uint32_t number)
{
	uint64_t base = start & ~((uint64_t)pc->machine->page_size - 1),
		 end = align_up(start + size, pc->machine->page_size);
	struct pcpu_chunk *chunk = pcpu_chunk_new(pc, (uint32_t)((end - base) / pc->machine->page_size));

	if (!chunk)
		return NULL;
	chunk->base = base;
	chunk->number = number;
	chunk->hidden_start = (uint32_t)((start - base) / PERCPU_MIN_ALLOC);
	chunk->hidden_end = (uint32_t)((end - start - size) / PERCPU_MIN_ALLOC);
	chunk->nr_populated = chunk->nr_pages;
	bitmap_set(chunk->populated, 0, chunk->nr_pages);
	pc->chunks[number] = chunk;
	pcpu_add_empty(pc, chunk, (int32_t)chunk->nr_pages);
	if (chunk->hidden_start)
		mark_area(pc, chunk, 0, (int32_t)chunk->hidden_start);
	if (chunk->hidden_end)
		mark_area(pc, chunk, pcpu_map_bits(chunk) - (int32_t)chunk->hidden_end, (int32_t)chunk->hidden_end);
	return chunk;
}

/* Slots, and the chunks of the first unit. Models pcpu_setup_first_chunk(). */
static int setup_first_unit(struct percpu *pc, struct err *err)
{
	const struct percpu_layout *layout = &pc->layout;
	uint64_t dynamic = layout->static_size + layout->reserved_size;
	struct pcpu_chunk *first;

	pc->free_slot = PERCPU_NO_CHUNK;
	pc->sidelined_slot = fls64(layout->unit_size) - 2;
	pc->free_slot = pc->sidelined_slot + 1;
	pc->depopulate_slot = pc->free_slot + 1;
	pc->nr_chunks = PERCPU_RESERVED_CHUNK + 1;
	pc->cap_chunks = FIRST_CHUNKS;
	pc->chunks = calloc(pc->cap_chunks, sizeof(*pc->chunks));
	pc->lists = malloc((pc->depopulate_slot + 1) * sizeof(*pc->lists));
	if (!pc->chunks || !pc->lists)
		return err_set(err, ERR_NOMEM, "no memory for per-CPU chunks");
	for (uint32_t slot = 0; slot <= pc->depopulate_slot; slot++)
		pc->lists[slot] = (struct pcpu_list){ PERCPU_NO_CHUNK, PERCPU_NO_CHUNK };
	first = first_unit_chunk(pc, dynamic, layout->dynamic_size, PERCPU_FIRST_CHUNK);
	if (!first || (layout->reserved_size &&
			      !first_unit_chunk(pc, layout->static_size, layout->reserved_size, PERCPU_RESERVED_CHUNK)))
		return err_set(err, ERR_NOMEM, "no memory for per-CPU chunks");
	pcpu_chunk_relocate(pc, first, PERCPU_NO_CHUNK);
	pc->nr_populated = (dynamic + layout->dynamic_size) / pc->machine->page_size;
	pc->done.chunks = pc->done.max_chunks = 1;
	return 0;
}

static int percpu_init(void *state, struct mm *mm, struct err *err)
{
	struct percpu *pc = state;
	int ret;

	pc->pages = mm->pages;
	pc->machine = mm->machine;
	pc->vmalloc = mm_state(mm, SLOT_VMALLOC);
	pc->block_bits = pc->machine->page_size / PERCPU_MIN_ALLOC;
	pc->free_area = PERCPU_AREA_NONE;
	ret = percpu_layout_init(pc, err);
	if (ret < 0)
		return ret;
	pc->unit_pages = (uint32_t)(pc->layout.unit_size / pc->machine->page_size);
	return setup_first_unit(pc, err);
}

static void percpu_fini(void *state)
{
	struct percpu *pc = state;

	for (uint32_t i = 0; pc->chunks && pc->lists && i < pc->nr_chunks; i++)
		pcpu_chunk_delete(pc, pc->chunks[i]);
	free(pc->chunks);
	free(pc->lists);
	free(pc->areas);
	free(pc->unit_offset);
	free(pc->group_offset);
	free(pc->group_size);
}

const struct mechanism mech_percpu = {
	.name = "percpu",
	.slot = SLOT_PERCPU,
	.state_size = sizeof(struct percpu),
	.init = percpu_init,
	.fini = percpu_fini,
	.check = percpu_check,
};
