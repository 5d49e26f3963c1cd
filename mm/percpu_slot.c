/*
 * percpu_slot: lists of chunks by the longest free run that their
 * hints tell of. Models pcpu_chunk_relocate() and its like.
 */
#include "base/bits.h"
#include "mm/percpu_priv.h"

#define SLOT_BASE_SHIFT 5 /* 1 .. 15 bytes: slot 1, 16 .. 31: slot 2, ... */

uint32_t pcpu_size_slot(const struct percpu *pc, uint64_t bytes)
{
	unsigned int high = fls64(bytes);

	if (bytes == pc->layout.unit_size)
		return pc->free_slot;
	return high > SLOT_BASE_SHIFT - 1 ? high - SLOT_BASE_SHIFT + 2 : 1;
}

uint32_t pcpu_chunk_slot(const struct percpu *pc, const struct pcpu_chunk *chunk)
{
	if (chunk->free_bytes < PERCPU_MIN_ALLOC || chunk->whole.contig_hint == 0)
		return 0;
	return pcpu_size_slot(pc, (uint64_t)chunk->whole.contig_hint * PERCPU_MIN_ALLOC);
}

void pcpu_chunk_unlist(struct percpu *pc, struct pcpu_chunk *chunk)
{
	struct pcpu_list *list;

	if (chunk->slot == PERCPU_NO_CHUNK)
		return;
	list = &pc->lists[chunk->slot];
	*(chunk->prev == PERCPU_NO_CHUNK ? &list->head : &pc->chunks[chunk->prev]->next) = chunk->next;
	*(chunk->next == PERCPU_NO_CHUNK ? &list->tail : &pc->chunks[chunk->next]->prev) = chunk->prev;
	chunk->slot = chunk->prev = chunk->next = PERCPU_NO_CHUNK;
}

void pcpu_chunk_move(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t slot, bool head)
{
	struct pcpu_list *list = &pc->lists[slot];

	if (pcpu_is_reserved(chunk))
		return;
	pcpu_chunk_unlist(pc, chunk);
	chunk->slot = slot;
	chunk->prev = head ? PERCPU_NO_CHUNK : list->tail;
	chunk->next = head ? list->head : PERCPU_NO_CHUNK;
	*(chunk->prev == PERCPU_NO_CHUNK ? &list->head : &pc->chunks[chunk->prev]->next) = chunk->number;
	*(chunk->next == PERCPU_NO_CHUNK ? &list->tail : &pc->chunks[chunk->next]->prev) = chunk->number;
}

void pcpu_chunk_relocate(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t old)
{
	uint32_t slot = pcpu_chunk_slot(pc, chunk);

	if (!chunk->isolated && slot != old)
		pcpu_chunk_move(pc, chunk, slot, old == PERCPU_NO_CHUNK || old < slot);
}
