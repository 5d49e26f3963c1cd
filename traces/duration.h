/* duration: a call whose time was measured, and who takes such calls. */
#ifndef KMEMSIM_TRACES_DURATION_H
#define KMEMSIM_TRACES_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#define DURATION_ORDER_NONE UINT32_MAX

/** A measured call. Texts are valid during the callback. */
struct duration {
	const char *op;   /* a function, or the name of a probe on it */
	const char *path; /* the way it took, in a table's words; "" */
	double ns;
	uint64_t size;    /* bytes, or what the operation counts in; 0 = not known */
	uint32_t order;   /* of pages taken or freed meanwhile; DURATION_ORDER_NONE = none seen */
	bool zero;        /* __GFP_ZERO was seen */
	bool traced;      /* not of a table: what was not seen did not happen, if such events were recorded */
};

/** Return: NULL, or why the call cannot be used: it is counted. The text is valid until the next call. */
typedef const char *(*duration_fn)(void *arg, const struct duration *duration);

#endif
