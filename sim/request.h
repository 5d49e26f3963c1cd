/* request: an event of the trace on its way through the engine. */
#ifndef KMEMSIM_SIM_REQUEST_H
#define KMEMSIM_SIM_REQUEST_H

#include <stdint.h>

#include "base/units.h"

#define REQUEST_TICKET 0x01u /* has a ticket of its slot's object; or others wait for what it creates (sim/unmade.h) */
#define REQUEST_TASK   0x02u /* its task makes no further request before it is done */
#define REQUEST_PART   0x04u /* part of a bulk call: it is not the request that is being served */
#define REQUEST_LATE   0x08u /* has waited for its object: the bulk call that it is a part of may be over */
#define REQUEST_PAGE   0x10u /* maps a page, and its value has in its upper half the page's next ticket of then */

/** Where a request runs: CPU of the model, and its context as far as who asked tells it. */
struct seat {
	uint16_t cpu;
	uint8_t ctx;    /* enum trace_ctx */
	uint8_t marks;  /* REQUEST_*: 0 in a seat */
};

struct request {
	ns_t arrival_ns;
	uint64_t event_no;
	uint64_t value;
	uint32_t op;
	uint32_t slot;
	uint32_t who;
	uint32_t ticket;  /* with REQUEST_TICKET */
	uint32_t sleeper; /* of one that slept: 1 + its number in struct sleepers */
	struct seat seat;
};
_Static_assert(sizeof(struct request) == 48, "copied for each event");

/** request_page() - the slot of the page that @req maps, or what it says in its place. */
static inline uint64_t request_page(const struct request *req)
{
	return req->seat.marks & REQUEST_PAGE ? (uint32_t)req->value : req->value;
}

#endif
