/* Blocks within a page of SLOB, and the lists of pages. Models slob_page_alloc() and slob_free() of mm/slob.c. */
#include "base/bits.h"
#include "mm/slob_priv.h"

void slob_list_add(struct slob *slob, uint32_t number, enum slob_list list)
{
	struct slob_page *page = &slob->pages[number];

	page->list = (uint8_t)list;
	page->prev = SLOB_NONE;
	page->next = slob->head[list];
	if (page->next != SLOB_NONE)
		slob->pages[page->next].prev = number;
	else
		slob->tail[list] = number;
	slob->head[list] = number;
}

void slob_list_remove(struct slob *slob, uint32_t number)
{
	struct slob_page *page = &slob->pages[number];

	if (page->prev != SLOB_NONE)
		slob->pages[page->prev].next = page->next;
	else
		slob->head[page->list] = page->next;
	if (page->next != SLOB_NONE)
		slob->pages[page->next].prev = page->prev;
	else
		slob->tail[page->list] = page->prev;
	page->list = SLOB_FULL;
}

/* Those in front of it go behind the last one, in their order. */
void slob_list_first(struct slob *slob, uint32_t number)
{
	struct slob_page *page = &slob->pages[number];
	uint32_t head = slob->head[page->list], tail = slob->tail[page->list];

	if (head == number)
		return;
	slob->pages[tail].next = head;
	slob->pages[head].prev = tail;
	slob->tail[page->list] = page->prev;
	slob->pages[page->prev].next = SLOB_NONE;
	slob->head[page->list] = number;
	page->prev = SLOB_NONE;
}

/* Models set_slob(). */
static void set_block(uint16_t *words, uint32_t at, uint32_t units, uint32_t next)
{
	if (units == 1) {
		words[at] = (uint16_t)(SLOB_SINGLE | next);
		return;
	}
	words[at] = (uint16_t)units;
	words[at + 1] = (uint16_t)next;
}

void slob_page_init(struct slob *slob, uint32_t number)
{
	struct slob_page *page = &slob->pages[number];

	page->units = (uint16_t)slob->page_units;
	page->freelist = 0;
	page->blocks = 1;
	page->largest = (uint16_t)slob->page_units;
	set_block(slob_words(slob, number), 0, slob->page_units, slob->page_units);
}

/* Whatever led to block @prev's successor leads to @next now. */
static void relink(struct slob_page *page, uint16_t *words, uint32_t prev, uint32_t next)
{
	if (prev == SLOB_NONE)
		page->freelist = (uint16_t)next;
	else
		set_block(words, prev, slob_block_units(words, prev), next);
}

/* Units from @at to the first place where byte @offset of a block is aligned. */
static uint32_t units_to_align(const struct slob *slob, uint32_t at, uint32_t align, uint32_t offset)
{
	uint64_t byte = (uint64_t)at * slob->unit_bytes;

	return align ? (uint32_t)((align_up(byte + offset, align) - offset - byte) / slob->unit_bytes) : 0;
}

/* Takes @units, @delta units into the free block at @at, which @prev leads to. Return: where. */
static uint32_t cut(struct slob *slob, uint32_t number, uint32_t prev, uint32_t at, uint32_t units, uint32_t delta)
{
	struct slob_page *page = &slob->pages[number];
	uint16_t *words = slob_words(slob, number);
	uint32_t avail = slob_block_units(words, at), next = slob_block_next(words, at);

	page->blocks--;
	if (delta) {
		set_block(words, at, delta, at + delta);
		page->blocks++;
		prev = at;
		at += delta;
		avail -= delta;
	}
	if (avail > units) {
		set_block(words, at + units, avail - units, next);
		page->blocks++;
		next = at + units;
	}
	relink(page, words, prev, next);
	page->units = (uint16_t)(page->units - units);
	if (!page->units)
		slob_list_remove(slob, number);
	return at;
}

uint32_t slob_page_alloc(struct slob *slob, uint32_t number, uint32_t bytes, uint32_t align, uint32_t offset,
	struct meter *meter)
{
	struct slob_page *page = &slob->pages[number];
	uint16_t *words = slob_words(slob, number);
	uint32_t units = slob_units(slob, bytes), prev = SLOB_NONE, seen = 0, largest = 0, at = page->freelist;

	if (units > page->largest) {
		/* As if all had been looked at: for the long lists of a large machine. */
		meter_charge(meter, STEP_SLOB_BLOCK, page->blocks);
		return slob->page_units;
	}
	while (at < slob->page_units) {
		uint32_t avail = slob_block_units(words, at);

		seen++;
		if (avail >= units + units_to_align(slob, at, align, offset))
			break;
		largest = avail > largest ? avail : largest;
		prev = at;
		at = slob_block_next(words, at);
	}
	meter_charge(meter, STEP_SLOB_BLOCK, seen);
	if (at == slob->page_units) {
		page->largest = (uint16_t)largest;
		return at;
	}
	return cut(slob, number, prev, at, units, units_to_align(slob, at, align, offset));
}

void slob_page_free(struct slob *slob, uint32_t number, uint32_t at, uint32_t bytes)
{
	struct slob_page *page = &slob->pages[number];
	uint16_t *words = slob_words(slob, number);
	uint32_t units = slob_units(slob, bytes), prev = SLOB_NONE, next;

	if (page->list == SLOB_FULL) {
		page->units = (uint16_t)units;
		page->freelist = (uint16_t)at;
		page->blocks = 1;
		page->largest = (uint16_t)units;
		set_block(words, at, units, slob->page_units);
		slob_list_add(slob, number, slob_list_for(bytes));
		return;
	}
	page->units = (uint16_t)(page->units + units);
	page->blocks++;
	next = page->freelist;
	while (next < at) {
		prev = next;
		next = slob_block_next(words, next);
	}
	if (at + units == next && next < slob->page_units) {
		units += slob_block_units(words, next);
		next = slob_block_next(words, next);
		page->blocks--;
	}
	if (prev != SLOB_NONE && prev + slob_block_units(words, prev) == at) {
		units += slob_block_units(words, prev);
		set_block(words, prev, units, next);
		page->blocks--;
	} else {
		set_block(words, at, units, next);
		relink(page, words, prev, at);
	}
	page->largest = (uint16_t)(units > page->largest ? units : page->largest);
}
