#include "traces/ring_page.h"

#include <string.h>

/* of a record's head: its type or length in words; the rest is the time since the last */
#define TYPE_BITS     5u
#define TYPE_LONG     0u          /* the length in bytes follows, itself included */
#define TYPE_PADDING  29u         /* nothing, of the length that follows */
#define TYPE_EXTEND   30u         /* the time since the last needs more bits, which follow */
#define TYPE_STAMP    31u         /* the time itself, but for its highest bits */
#define MORE_SHIFT    27u         /* what follows counts in this power of two of ns */
#define STAMP_MISSING (0xf8ull << 56)
#define COMMIT_MASK   ((1u << 27) - 1) /* of the bytes written; the bits above tell of lost events */
#define MISSED        (1u << 31)
#define MISSED_STORED (1u << 30)  /* their number stands behind the records */

static uint32_t word_at(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static int64_t missed_in(const uint8_t *behind, const uint8_t *end, uint32_t commit, unsigned int long_size)
{
	int64_t missed;

	if (!(commit & MISSED))
		return 0;
	if (!(commit & MISSED_STORED) || behind > end || (size_t)(end - behind) < long_size)
		return -1;
	if (long_size == 4)
		return word_at(behind);
	memcpy(&missed, behind, sizeof(missed));
	return missed;
}

int ring_page_records(const void *page, size_t bytes, unsigned int long_size, struct ring_record *records,
	int64_t *missed)
{
	const uint8_t *start = page, *data = start + 8 + long_size, *at = data, *end = start + bytes, *written;
	uint32_t commit = word_at(start + 8);
	uint64_t time_ns;
	int nr = 0;

	memcpy(&time_ns, page, sizeof(time_ns));
	if ((commit & COMMIT_MASK) > bytes)
		return -1;
	written = data + (commit & COMMIT_MASK);
	*missed = missed_in(written, end, commit, long_size);
	while (at < written && end - at >= 8) {
		const uint8_t *head = at;
		uint32_t type = word_at(head) & ((1u << TYPE_BITS) - 1), since = word_at(head) >> TYPE_BITS;
		uint32_t more = word_at(head + 4);
		int32_t size;

		time_ns = (type == TYPE_STAMP ? time_ns & STAMP_MISSING : time_ns) + since;
		if (type == TYPE_STAMP || type == TYPE_EXTEND) {
			time_ns += (uint64_t)more << MORE_SHIFT;
			at += 8;
			continue;
		}
		/* What a length that follows counts begins with itself. It may be any number in a damaged page. */
		at += type == TYPE_LONG ? 8 : 4;
		size = type == TYPE_LONG     ? (int32_t)((more - 1) & ~3u) :
			type == TYPE_PADDING ? (int32_t)more :
					       4 * (int32_t)type;
		if (size > end - at)
			size = (int32_t)(end - at);
		if (type != TYPE_PADDING) {
			if (head != data && !nr)
				*missed = 0;
			records[nr++] = (struct ring_record){ time_ns, (uint32_t)(at - start), size };
		}
		at += size;
		if (at <= head)
			break;
	}
	return nr;
}
