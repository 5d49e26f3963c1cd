#include "sim/unmade.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "sim/arrive.h"

/* Pools of both kinds have one name space here: a pool of the other kind and the same name holds up nobody for long. */
#define NAMES   (KEY_CACHE | KEY_POOL)
#define REGIONS (KEY_START | KEY_PORT)

/* Keys of SLEEP_OBJECT: those of turns are below (sim/arrive.c). */
static uint64_t key_of(const struct maker *maker)
{
	if (maker->keys & REGIONS)
		return 3ull << 62 | maker->event_no;
	return 1ull << 63 | (uint64_t)maker->keys << 32 | maker->name;
}

/* Key of a destruction that waits for event @event_no. */
#define PASSED_KEY(event_no) (5ull << 61 | (event_no))

static bool is_end(enum trace_kind kind)
{
	return kind == KIND_KMEM_CACHE_DESTROY || kind == KIND_MEMPOOL_DESTROY || kind == KIND_DMA_POOL_DESTROY;
}

/* Requests of it map a page, the object in the slot that is their value. */
static bool maps_page(enum trace_kind kind)
{
	return kind == KIND_KMAP || kind == KIND_KMAP_ATOMIC;
}

bool unmade_looks(enum trace_kind kind)
{
	return is_end(kind) || maps_page(kind);
}

/* What names a cache or pool behind this event waits for it. */
static bool is_turn(enum trace_kind kind)
{
	return kind == KIND_KMEM_CACHE_CREATE || kind == KIND_MEMPOOL_CREATE || kind == KIND_DMA_POOL_CREATE ||
		is_end(kind);
}

static bool is_claim(enum trace_kind kind)
{
	return kind == KIND_REQUEST_REGION || kind == KIND_RELEASE_REGION || kind == KIND_REQUEST_MEM_REGION ||
		kind == KIND_RELEASE_MEM_REGION;
}

/* Which kind of region @op is about, and its bytes; 0: none. Of an access that is where it begins. */
static uint32_t region_of(const struct trace_op *op, uint64_t *start, uint64_t *last)
{
	enum trace_kind kind = (enum trace_kind)op->kind;

	*start = *last = op->arg[0];
	if (kind >= KIND_INB && kind <= KIND_OUTSL)
		return KEY_PORT;
	if (kind == KIND_IOREMAP)
		return KEY_START;
	if (!is_claim(kind))
		return 0;
	*last += op->size ? op->size - 1 : 0;
	return kind == KIND_REQUEST_REGION || kind == KIND_RELEASE_REGION ? KEY_PORT : KEY_START;
}

static struct maker maker_of(const struct request *req, const struct trace_op *op)
{
	struct maker maker = { .event_no = req->event_no, .name = op->name };

	if (is_turn((enum trace_kind)op->kind))
		maker.keys = kind_info[op->kind].keys & NAMES;
	else
		maker.keys = region_of(op, &maker.start, &maker.last);
	return maker;
}

static bool names(const struct trace_op *op, const struct maker *maker)
{
	uint64_t start, last;

	if (maker->keys & REGIONS)
		return region_of(op, &start, &last) == maker->keys && start <= maker->last && maker->start <= last;
	if (kind_info[op->kind].keys & maker->keys)
		return op->name == maker->name;
	/* A pool of a cache's objects. */
	return op->kind == KIND_MEMPOOL_CREATE && maker->keys == KEY_CACHE && op->name2 == maker->name;
}

static bool is_unmade(const struct unmade *u, const struct trace_op *op)
{
	if (unmade_looks((enum trace_kind)op->kind))
		return true;
	for (uint32_t i = 0; i < u->nr; i++)
		if (names(op, &u->makers[i]))
			return true;
	return false;
}

static void mark(struct run *run, const struct maker *maker)
{
	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		const struct trace_op *op = run->ops[i].trace;

		if (!names(op, maker))
			continue;
		run->ops[i].rules &= ~OP_UNMADE;
		if (is_unmade(&run->unmade, op))
			run->ops[i].rules |= OP_UNMADE;
	}
}

void unmade_fini(struct run *run)
{
	free(run->unmade.makers);
}

bool unmade_begins(struct run *run, const struct request *req)
{
	const struct run_op *op = &run->ops[req->op];
	struct unmade *u = &run->unmade;

	if (!(is_turn((enum trace_kind)op->kind) || is_claim((enum trace_kind)op->kind)) || op->action == ACT_SKIP)
		return false;
	if (!array_room(&u->makers, &u->cap, u->nr)) {
		err_set(&run->deferred, ERR_NOMEM, "no memory for %u creations and regions that wait", u->nr + 1);
		return false;
	}
	u->makers[u->nr] = maker_of(req, op->trace);
	mark(run, &u->makers[u->nr++]);
	return true;
}

void unmade_ends(struct run *run, const struct request *req)
{
	struct unmade *u = &run->unmade;
	struct maker made;
	uint32_t i = 0;

	while (i < u->nr && u->makers[i].event_no != req->event_no)
		i++;
	if (i == u->nr)
		return;
	made = u->makers[i];
	u->makers[i] = u->makers[--u->nr];
	mark(run, &made);
	for (uint32_t n = sleepers_find(run, SLEEP_OBJECT, key_of(&made)); n != SLEEPER_NONE;
		n = sleepers_find(run, SLEEP_OBJECT, key_of(&made))) {
		struct request next = sleepers_take(run, n);

		engine_queue(&run->engine, &next, &run->deferred);
	}
}

void unmade_arrives(const struct run *run, struct request *req)
{
	if (req->seat.marks & REQUEST_PAGE || !maps_page((enum trace_kind)run->ops[req->op].trace->kind) ||
		req->value >= run->nr_objects)
		return;
	req->value |= (uint64_t)(run->objects[req->value].next_ticket & TICKET_BITS) << 32;
	req->seat.marks |= REQUEST_PAGE;
}

/* What a destruction looks for: a request of before it that names the same; and a mapping: one of its page. */
struct before {
	const struct run *run;
	struct maker end;
	uint32_t page; /* slot; SLOT_NONE: a destruction */
};

static bool is_before(const struct request *req, void *arg)
{
	const struct before *b = arg;

	if (req->event_no >= b->end.event_no)
		return false;
	return b->page != SLOT_NONE ? req->slot == b->page : names(b->run->ops[req->op].trace, &b->end);
}

/*
 * Whether somebody who came before @req still waits with the page that it maps. Thousands may wait
 * with others, so they are not asked: the page's tickets are served in order.
 */
static bool page_is_awaited(const struct run *run, const struct request *req)
{
	uint64_t slot = request_page(req);
	uint32_t before;

	if (slot >= run->nr_objects || slot_is_clear(run, (uint32_t)slot))
		return false;
	if (!(req->seat.marks & REQUEST_PAGE))
		return true;
	before = ((uint32_t)(req->value >> 32) - run->objects[slot].served) & TICKET_BITS;
	return before && before <= TICKET_BITS / 2;
}

/* Whether @req has to look: it destroys something, or maps a page that somebody who came before still waits with. */
static bool looks(const struct run *run, const struct request *req, enum trace_kind kind)
{
	if (run->follow.skipping || (maps_page(kind) && req->sleeper))
		return false;
	return is_end(kind) || (maps_page(kind) && page_is_awaited(run, req));
}

/* A page is not there either while its request waits for memory; what waits so has its cache or pool already. */
static bool is_still_to_come(const struct sleeper *sleeper, bool page)
{
	if (page)
		return sleeper->state != SLEEPER_FREE;
	return sleeper->state == SLEEPER_ASLEEP && (sleeper->reason == SLEEP_TASK || sleeper->reason == SLEEP_OBJECT);
}

static const struct request *find_before(const struct run *run, const struct request *req)
{
	const struct trace_op *op = run->ops[req->op].trace;
	struct before before = { run, maker_of(req, op),
		maps_page((enum trace_kind)op->kind) ? (uint32_t)request_page(req) : SLOT_NONE };
	const struct request *found = engine_find_waiting(&run->engine, is_before, &before);

	for (uint32_t i = 0; !found && i < run->sleepers.nr; i++) {
		const struct sleeper *sleeper = &run->sleepers.slots[i];

		if (is_still_to_come(sleeper, before.page != SLOT_NONE) && is_before(&sleeper->req, &before))
			found = &sleeper->req;
	}
	return found;
}

static void wait_for(struct run *run, const struct request *req, uint64_t key)
{
	struct request waiting = *req;

	draw_ticket(run, &waiting);
	task_sleeps(run, &waiting);
	sleepers_add(run, &waiting, SLEEP_OBJECT, key, true);
	run->nr_sleeps++;
	engine_disown(&run->engine, req);
}

bool unmade_holds(struct run *run, const struct request *req)
{
	const struct trace_op *op = run->ops[req->op].trace;
	const struct unmade *u = &run->unmade;
	const struct request *before;

	for (uint32_t i = 0; i < u->nr && !req->sleeper; i++) {
		if (u->makers[i].event_no >= req->event_no || !names(op, &u->makers[i]))
			continue;
		wait_for(run, req, key_of(&u->makers[i]));
		return true;
	}
	before = looks(run, req, (enum trace_kind)op->kind) ? find_before(run, req) : NULL;
	if (!before)
		return false;
	run->unmade.nr_early++;
	wait_for(run, req, PASSED_KEY(before->event_no));
	return true;
}

void unmade_passed(struct run *run, const struct request *req)
{
	for (uint32_t n = sleepers_find(run, SLEEP_OBJECT, PASSED_KEY(req->event_no)); n != SLEEPER_NONE;
		n = sleepers_find(run, SLEEP_OBJECT, PASSED_KEY(req->event_no))) {
		struct request next = sleepers_take(run, n);

		run->unmade.nr_early--;
		engine_queue(&run->engine, &next, &run->deferred);
	}
}

int unmade_check(const struct run *run, struct err *err)
{
	for (uint32_t i = 0; i < run->tables->nr_ops; i++)
		if (!(run->ops[i].rules & OP_UNMADE) != !is_unmade(&run->unmade, run->ops[i].trace))
			return err_set(err, ERR_INVARIANT, "unmade 1: operation %" PRIu32 " is marked: %d", i,
				!!(run->ops[i].rules & OP_UNMADE));
	return 0;
}
