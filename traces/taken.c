#include "traces/taken.h"

#include <stdlib.h>

#include "base/array.h"

#define WORD_BITS 64u

static bool set_bit(struct taken *t, uint64_t event_no)
{
	if (!array_room_cleared(&t->bits, &t->cap_words, event_no / WORD_BITS))
		return false;
	t->bits[event_no / WORD_BITS] |= 1ull << event_no % WORD_BITS;
	t->nr++;
	return true;
}

bool taken_event(struct taken *t, const struct trace_op *op, uint32_t slot, uint64_t event_no)
{
	bool begins = kind_info[op->kind].slot == SLOT_BEGINS;
	uint64_t begun_plus1;

	if (slot == SLOT_NONE || (!begins && kind_info[op->kind].slot != SLOT_ENDS))
		return true;
	if (!array_room_cleared(&t->begun_plus1, &t->cap_slots, slot))
		return false;
	begun_plus1 = t->begun_plus1[slot];
	t->begun_plus1[slot] = begins && op->kind == KIND_ALLOC_PAGES ? event_no + 1 : 0;
	return begins || !begun_plus1 || !(op->flags & OP_RECLAIM) || set_bit(t, begun_plus1 - 1);
}

void taken_fini(struct taken *t)
{
	free(t->begun_plus1);
	free(t->bits);
}

void taken_encode(const struct taken *t, struct bytes *out)
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

int taken_decode(uint64_t **bits, const uint8_t *raw, size_t len, uint64_t events, struct err *err)
{
	struct cursor c = { raw, raw + len, false };
	uint64_t nr = cursor_varint(&c), event_no = 0;

	*bits = calloc(events / WORD_BITS + 1, sizeof(**bits));
	if (!*bits)
		return err_set(err, ERR_NOMEM, "no memory for what reclaim took of %llu events",
			(unsigned long long)events);
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t more = cursor_varint(&c);

		if (c.bad || more >= events - event_no || (i && !more))
			return err_set(err, ERR_TRACE, "what reclaim took is not told by numbers of events");
		event_no += more;
		(*bits)[event_no / WORD_BITS] |= 1ull << event_no % WORD_BITS;
	}
	return c.bad || cursor_left(&c) ?
		err_set(err, ERR_TRACE, "what reclaim took is not told by numbers of events") :
		0;
}
