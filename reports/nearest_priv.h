/* nearest: which known name somebody most likely meant. */
#ifndef KMEMSIM_REPORTS_NEAREST_PRIV_H
#define KMEMSIM_REPORTS_NEAREST_PRIV_H

#include <stddef.h>

/**
 * nearest_name() - the one of @nr > 0 @names that takes fewest changed, added or dropped letters; the first
 * of equals.
 */
const char *nearest_name(const char *name, const char *const *names, size_t nr);

#endif
