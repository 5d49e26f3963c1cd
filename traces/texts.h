/*
 * texts: strings that repeat, each kept once and called by a number. Number 0 is the empty string. A zeroed struct
 * is an empty table.
 */
#ifndef KMEMSIM_TRACES_TEXTS_H
#define KMEMSIM_TRACES_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_NO_MEMORY UINT32_MAX

struct text_ref {
	size_t offset; /* in bytes */
	uint32_t len;
	uint32_t hash;
};

struct texts {
	char *bytes;            /* owned: all strings, each with its terminating 0 */
	size_t bytes_len, bytes_cap;
	struct text_ref *refs;  /* owned */
	uint32_t nr, refs_cap;
	uint32_t *table;        /* owned: open addressing, number + 1, 0 = free */
	uint32_t table_size;    /* a power of two, or 0 */
};

/** texts_add() - number of @text (@len bytes), added if new; TEXT_NO_MEMORY. */
uint32_t texts_add(struct texts *texts, const char *text, size_t len);
/** texts_at() - the string with that number, terminated; valid until the next texts_add(). */
const char *texts_at(const struct texts *texts, uint32_t number);
size_t texts_len(const struct texts *texts, uint32_t number);
void texts_fini(struct texts *texts);

#endif
