/* word: which of some known words was meant, and which there are. */
#ifndef KMEMSIM_BASE_WORD_H
#define KMEMSIM_BASE_WORD_H

#include <stddef.h>

#define WORD_MAX_COMPARED 160 /* longer words are as far as that from all others */

/**
 * word_distance() - insertions, deletions and replacements that
 * turn @a into @b; two neighbours in the wrong order count one.
 */
unsigned int word_distance(const char *a, size_t a_len, const char *b, size_t b_len);

/** word_nearest() - the one of @nr @words that @word is most likely meant to be, or NULL when none is near. */
const char *word_nearest(const char *word, const char *const *words, size_t nr);

/**
 * word_hint() - what a message about an unknown @word goes on with: `; did
 * you mean "rate"?`, or @none when none of the @words is near. Return: @buf.
 */
char *word_hint(const char *word, const char *const *words, size_t nr, const char *none, char *buf, size_t size);

/**
 * word_list() - "recorded, think or asap": @words, which end in NULL, as a message names what it expects.
 * Return: @buf, cut to its room.
 */
char *word_list(const char *const *words, char *buf, size_t size);

#endif
