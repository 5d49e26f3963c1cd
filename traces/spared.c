#include "traces/spared.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/bits.h"
#include "traces/page_purpose.h"

#define WORD_BITS 64u

static bool set_bit(struct spared *t, uint64_t event_no)
{
	if (!array_room_cleared(&t->bits, &t->cap_words, event_no / WORD_BITS))
		return false;
	t->bits[event_no / WORD_BITS] |= 1ull << event_no % WORD_BITS;
	t->nr++;
	return true;
}

/* What reclaim never came by it has not left alone. */
static bool was_spared(const struct spared *t, struct spared_page page)
{
	return page.begun_plus1 < t->passed_plus1[page.file];
}

static bool is_lru_page(const struct trace_op *op)
{
	return op->kind == KIND_ALLOC_PAGES && !op->order && op->gfp & GFP_BIT_MOVABLE;
}

bool spared_event(struct spared *t, const struct trace_op *op, uint32_t slot, uint64_t event_no, bool by_kswapd)
{
	bool begins = kind_info[op->kind].slot == SLOT_BEGINS;
	struct spared_page page;

	if (slot == SLOT_NONE || (!begins && kind_info[op->kind].slot != SLOT_ENDS))
		return true;
	/* Most events are of objects. */
	if (!is_lru_page(op) && (slot >= t->cap_slots || !t->pages[slot].begun_plus1))
		return true;
	if (!array_room_cleared(&t->pages, &t->cap_slots, slot))
		return false;
	page = t->pages[slot];
	t->pages[slot] = (struct spared_page){ 0 };
	if (begins && is_lru_page(op))
		t->pages[slot] =
			(struct spared_page){ .begun_plus1 = (uint32_t)event_no + 1, .file = page_purpose_is_file(op) };
	if (!page.begun_plus1)
		return true;
	if (begins || !(op->flags & OP_RECLAIM))
		return !was_spared(t, page) || set_bit(t, page.begun_plus1 - 1);
	if (by_kswapd)
		t->passed_plus1[page.file] = max_u32(t->passed_plus1[page.file], page.begun_plus1);
	return true;
}

bool spared_end(struct spared *t)
{
	for (uint32_t slot = 0; slot < t->cap_slots; slot++)
		if (t->pages[slot].begun_plus1 && was_spared(t, t->pages[slot]) &&
			!set_bit(t, t->pages[slot].begun_plus1 - 1))
			return false;
	return true;
}

void spared_fini(struct spared *t)
{
	free(t->pages);
	free(t->bits);
}

void spared_encode(const struct spared *t, struct bytes *out)
{
	uint64_t before = 0;

	bytes_put_varint(out, t->nr);
	for (uint64_t word = 0; word < t->cap_words; word++) {
		for (uint64_t left = t->bits[word]; left; left &= left - 1) {
			uint64_t event_no = word * WORD_BITS + (unsigned int)__builtin_ctzll(left);

			bytes_put_varint(out, event_no - before);
			before = event_no;
		}
	}
}

int spared_decode(uint64_t **bits, const uint8_t *raw, size_t len, uint64_t events, struct err *err)
{
	struct cursor c = { raw, raw + len, false };
	uint64_t nr = cursor_varint(&c), event_no = 0;

	*bits = calloc(events / WORD_BITS + 1, sizeof(**bits));
	if (!*bits)
		return err_set(err, ERR_NOMEM, "no memory for what reclaim left alone of %llu events",
			(unsigned long long)events);
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t more = cursor_varint(&c);

		if (c.bad || more >= events - event_no || (i && !more))
			return err_set(err, ERR_TRACE, "what reclaim left alone is not told by numbers of events");
		event_no += more;
		(*bits)[event_no / WORD_BITS] |= 1ull << event_no % WORD_BITS;
	}
	return c.bad || cursor_left(&c) ?
		err_set(err, ERR_TRACE, "what reclaim left alone is not told by numbers of events") :
		0;
}
