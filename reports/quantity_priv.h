/* quantity: the value of a swept key as a number where it is one, so that "64 MiB" comes before "1 GiB". */
#ifndef KMEMSIM_REPORTS_QUANTITY_PRIV_H
#define KMEMSIM_REPORTS_QUANTITY_PRIV_H

#include <stdbool.h>

#include "reports/results_priv.h"

/** quantity_compare() - order of two values: as quantities when both are, else as text. */
int quantity_compare(const char *a, const char *b);

/**
 * quantity_register() - SQL function quantity(text [,
 * page_size]): the number, or NULL; "4096p" only with the second.
 */
int quantity_register(struct results *results, struct err *err);

#endif
