/* word_nearest: which of some known words was meant. */
#ifndef KMEMSIM_CONFIGS_WORD_NEAREST_H
#define KMEMSIM_CONFIGS_WORD_NEAREST_H

#include <stddef.h>

/** word_nearest() - the one of @nr @words that @word is most likely meant to be, or NULL when none is near. */
const char *word_nearest(const char *word, const char *const *words, size_t nr);

#endif
