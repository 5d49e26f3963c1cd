/*
 * refault: file pages that are read again after they were reclaimed. A recording made without pressure cannot tell which;
 * `reclaim.refault` says how many, and `kmemsim probe` takes it from a machine that has reclaimed. Pages that went together
 * come together, a window of readahead at a time, and most windows in the order in which they went, as files are read. What
 * comes back takes memory as it did the first time, and counts as in use when it was away for less time than active pages stay.
 *
 * Assumed: they come at moments of what is left of the recording, sooner rather than later, as its requests keep their times whatever
 * memory there is. Where these do not (asap), the clock is the distance of workingset.c, pages that have gone or become active since: a
 * page comes before as many have as there are on the lists.
 * Models page_cache_ra_unbounded(), and workingset_eviction() and workingset_refault() of 6.1 for one memory cgroup.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/bits.h"
#include "sim/reclaim_priv.h"
#include "sim/timers.h"

#define READ_PAGES   4u  /* get_init_ra_size() for one page */
#define READ_WINDOWS 16u /* mean length of what is read in one go, 2 MiB: an assumption */

#define NO_WINDOW    UINT32_MAX

/** How a page of a file had come when it went: that had been read, or written, and went for the first time; or had come again. */
enum kind_number { PAGES_READ, PAGES_WRITTEN, PAGES_AGAIN, NR_PAGES_KINDS };

struct window {
	uint32_t nr;                    /* of one that is not in use: the next such */
	enum kind_number kind;          /* of its pages */
	uint32_t slots[WINDOW_PAGES];   /* SLOT_NONE: a page of the initial state, which nobody has */
	uint64_t shadows[WINDOW_PAGES]; /* of the latter; objects have theirs */
};

/* What is read in one go: a page alone, or a window, of which there are fewer, and which are large. */
struct promise {
	uint64_t due;    /* when it is read, on the clock of now() */
	uint32_t slot;   /* SLOT_NONE: it is a window */
	uint32_t window; /* which of refaults.windows; of a page alone, its enum kind_number */
};

/** Pages of a kind. */
struct kind {
	uint32_t percent;        /* that are read again */
	uint64_t gone;           /* pages that went */
	uint64_t promised;       /* pages that have come again or are to come */
	struct window filling;   /* pages that have just gone */
};

struct refaults {
	struct rng rng;
	struct kind kinds[NR_PAGES_KINDS];
	struct window reading;
	uint32_t reading_next;   /* its page that comes next; its nr is how many are still to come */
	uint64_t last_due;
	struct promise *heap;    /* owned; the earliest first */
	uint32_t nr, cap;
	struct window *windows;  /* owned */
	uint32_t nr_windows, cap_windows, unused; /* unused: the first that is not in use, NO_WINDOW */
	ns_t free_ns;            /* when the disk is done with the last one */
	ns_t timer_ns;           /* when the earliest timer fires, NS_NEVER: there is none */
	bool by_time;            /* the clock is the recording's, not age() */
};

int refaults_start(struct run *run, struct err *err)
{
	struct refaults *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, ERR_NOMEM, "no memory for refaults");
	rng_init(&r->rng, run->options->seed, "refault");
	/* A recording of a machine that reclaimed has its refaults: they are pages that it asks for. */
	if (!run->reclaim.recorded) {
		r->kinds[PAGES_READ].percent = run->reclaim.refault_percent;
		r->kinds[PAGES_WRITTEN].percent = run->reclaim.written_refault_percent;
		r->kinds[PAGES_AGAIN].percent = run->reclaim.again_refault_percent;
	}
	r->by_time = run->options->pace != PACE_ASAP;
	r->timer_ns = NS_NEVER;
	r->unused = NO_WINDOW;
	run->reclaim.coming = r;
	return 0;
}

void refaults_fini(struct run *run)
{
	if (run->reclaim.coming) {
		free(run->reclaim.coming->heap);
		free(run->reclaim.coming->windows);
	}
	free(run->reclaim.coming);
}

static uint64_t age(const struct run *run)
{
	uint64_t sum = 0;

	for (uint32_t node = 0; node < run->machine->nr_nodes; node++)
		sum += lru_age(run->mm.pages, node);
	return sum;
}

/* The clock that windows wait for. */
static uint64_t now(const struct run *run)
{
	return run->reclaim.coming->by_time ? run->engine.now : age(run);
}

static bool push(struct refaults *r, const struct promise *promise)
{
	uint32_t at = r->nr;

	if (!array_room(&r->heap, &r->cap, r->nr))
		return false;
	for (r->nr++; at && r->heap[(at - 1) / 2].due > promise->due; at = (at - 1) / 2)
		r->heap[at] = r->heap[(at - 1) / 2];
	r->heap[at] = *promise;
	return true;
}

static struct promise pop(struct refaults *r)
{
	struct promise first = r->heap[0], last = r->heap[--r->nr];
	uint32_t at = 0;

	for (uint32_t child = 1; child < r->nr; child = 2 * at + 1) {
		child += child + 1 < r->nr && r->heap[child + 1].due < r->heap[child].due;
		if (r->heap[child].due >= last.due)
			break;
		r->heap[at] = r->heap[child];
		at = child;
	}
	r->heap[at] = last;
	return first;
}

/* Return: where the window is kept, NO_WINDOW: there is no memory for it. */
static uint32_t keep_window(struct refaults *r, const struct window *window)
{
	uint32_t at = r->unused;

	if (at != NO_WINDOW)
		r->unused = r->windows[at].nr;
	else if (array_room(&r->windows, &r->cap_windows, r->nr_windows))
		at = r->nr_windows++;
	else
		return NO_WINDOW;
	r->windows[at] = *window;
	return at;
}

static struct window take_window(struct refaults *r, uint32_t at)
{
	struct window window = r->windows[at];

	r->windows[at].nr = r->unused;
	r->unused = at;
	return window;
}

/* Pages on the lists of all nodes: what has to be reclaimed until all are other pages. */
static uint64_t pages_on_lists(const struct run *run)
{
	uint64_t pages = 0;

	for (uint32_t node = 0; node < run->machine->nr_nodes; node++)
		for (int list = 0; list < NR_LRU_LISTS; list++)
			pages += lru_pages(run->mm.pages, node, (enum lru_list)list);
	return pages;
}

/*
 * Whether the pages that have just gone are read again. A share that a machine showed which reclaimed is one of all pages that
 * went, of those that had come again, too. It was measured at a moment, when others were still to come: so many must be on their way
 * that it is right when the last of them, half the lists on the average, has come. Else each kind has a share of its own.
 */
static bool is_read_again(const struct run *run, const struct kind *kind, uint32_t pages)
{
	const struct kind *kinds = run->reclaim.coming->kinds;
	uint64_t gone = kind->gone, promised = kind->promised;

	if (!run->reclaim.use_unknown) {
		gone = page_alloc_counter(run->mm.pages, PC_PGSTEAL_FILE) + pages_on_lists(run) / 2;
		promised = kinds[PAGES_READ].promised + kinds[PAGES_WRITTEN].promised + kinds[PAGES_AGAIN].promised;
	}
	return (promised + pages) * 100 <= gone * kind->percent;
}

/* Of a page of the initial state it is not known; write() is how files come to be. */
static enum kind_number kind_of(const struct run *run, uint32_t slot, enum page_back back)
{
	if (back != BACK_NOT)
		return PAGES_AGAIN;
	return slot == SLOT_NONE || run->ops[run->objects[slot].op].gfp & GFP_BIT_WRITE ? PAGES_WRITTEN : PAGES_READ;
}

static void set_timer(struct run *run)
{
	struct refaults *r = run->reclaim.coming;
	ns_t at_ns = max_u64(run->engine.now + 1, r->free_ns);

	if (!r->reading.nr && (!r->nr || (!r->by_time && r->heap[0].due > age(run))))
		return;
	if (!r->reading.nr && r->by_time)
		at_ns = max_u64(at_ns, r->heap[0].due);
	if (r->timer_ns <= at_ns)
		return;
	r->timer_ns = at_ns;
	engine_timer(&run->engine, at_ns, CLASS_WAKE, RUN_TIMER_REFAULT, 0, &run->deferred);
}

/* When pages that go now are read again. */
static uint64_t draw_due(struct run *run)
{
	struct refaults *r = run->reclaim.coming;
	uint64_t most = r->by_time ? max_u64(reuse_end(run), run->engine.now) - run->engine.now : pages_on_lists(run);

	return now(run) + reuse_part(most, reuse_draw(&r->rng));
}

static void promise_pages(struct run *run, const struct promise *promise, struct kind *kind, uint32_t pages)
{
	struct refaults *r = run->reclaim.coming;

	kind->promised += pages;
	if ((promise->slot == SLOT_NONE && promise->window == NO_WINDOW) || !push(r, promise))
		err_set(&run->deferred, ERR_NOMEM, "no memory for %" PRIu64 " pages to be read again", kind->promised);
}

/* A block of the buffer cache that has gone: the file system reads it alone, when it wants what is in it. */
static void buffer_gone(struct run *run, uint32_t slot, enum kind_number number)
{
	struct kind *kind = &run->reclaim.coming->kinds[number];

	if (is_read_again(run, kind, 1))
		promise_pages(run, &(struct promise){ draw_due(run), slot, number }, kind, 1);
}

/* The pages that have gone make a window: whether it is read again, and if so, when: right after the one before it, mostly. */
static void close_window(struct run *run, struct kind *kind)
{
	struct refaults *r = run->reclaim.coming;

	if (is_read_again(run, kind, WINDOW_PAGES)) {
		bool goes_on = r->last_due > now(run) && rng_below(&r->rng, READ_WINDOWS);

		r->last_due = goes_on ? r->last_due + WINDOW_PAGES : draw_due(run);
		promise_pages(run, &(struct promise){ r->last_due, SLOT_NONE, keep_window(r, &kind->filling) }, kind,
			WINDOW_PAGES);
	}
	kind->filling.nr = 0;
}

static void page_gone(struct run *run, uint32_t slot, uint64_t shadow, enum kind_number number)
{
	struct kind *kind = &run->reclaim.coming->kinds[number];
	struct window *filling = &kind->filling;

	filling->kind = number;
	filling->shadows[filling->nr] = shadow;
	filling->slots[filling->nr++] = slot;
	if (filling->nr == WINDOW_PAGES)
		close_window(run, kind);
}

void refault_evicted(struct run *run, uint32_t slot, uint64_t shadow, enum page_back back)
{
	struct refaults *r = run->reclaim.coming;
	enum kind_number number = kind_of(run, slot, back);

	if (!r->kinds[PAGES_WRITTEN].percent)
		return;
	/* Nobody asks a reclaimed object when it was born: the place has the shadow entry. */
	if (slot != SLOT_NONE)
		run->objects[slot].born_ns = shadow;
	/* Who maps it touches it once more, or not. */
	if (back == BACK_MAPPED)
		return;
	r->kinds[number].gone++;
	if (slot != SLOT_NONE && reclaim_is_buffer(&run->ops[run->objects[slot].op]))
		buffer_gone(run, slot, number);
	else
		page_gone(run, slot, shadow, number);
	set_timer(run);
}

/*
 * Memory for a page that the reader waits for, or for one read ahead: who asks for that gives up soon, and may hold locks of the
 * file system. Models filemap_create_folio(), and readahead_gfp_mask() in page_cache_ra_unbounded().
 */
static bool take_for_read(struct run *run, struct page_request want, bool ahead, pfn_t *pfn)
{
	gfp_t ahead_bits = GFP_BIT_NORETRY | GFP_BIT_NOWARN;

	want.gfp &= ~(ahead_bits | GFP_BIT_WRITE);
	if (ahead)
		want.gfp = (want.gfp | ahead_bits) & ~GFP_BIT_FS;
	return page_alloc_take(run->mm.pages, &want, pfn, &run->meter) == MM_DONE;
}

enum refault_read refault_read(struct run *run, uint32_t slot, bool ahead, enum page_back back)
{
	struct object *object = &run->objects[slot];
	struct run_op *op = &run->ops[object->op];
	struct request req = { .op = object->op, .slot = slot };
	uint64_t shadow = object->born_ns;
	bool taken;
	pfn_t pfn;

	if (object->slab != OBJECT_RECLAIMED || object->index || op->action != ACT_PAGES || op->lru != LRU_KIND_FILE)
		return READ_NOT_WANTED;
	taken = take_for_read(run, page_request_of(run, op), ahead, &pfn);
	if (taken) {
		run->reclaim.refaults++;
		run->reclaim.reading_again = back;
		block_begin(run, &req, op, pfn);
		run->reclaim.reading_again = BACK_NOT;
		lru_refault(run->mm.pages, pfn, shadow, LRU_RETURN_BY_DISTANCE);
		op->older++; /* not a request of the trace */
	}
	locks_count(run);
	if (run->meter.pressure)
		reclaim_after(run);
	return taken ? READ_CAME : READ_NO_MEMORY;
}

/* A page of the initial state, of which the trace knows nothing: its file is still there. */
static enum refault_read read_older(struct run *run, uint64_t shadow, bool ahead)
{
	struct page_request want = { .gfp = GFP_HIGHUSER_MOVABLE, .cpu = (uint16_t)run->cpu, .node = -1 };
	pfn_t pfn;
	bool taken = take_for_read(run, want, ahead, &pfn);

	if (taken) {
		run->reclaim.refaults++;
		note_place(run, OBJECT_PAGES, (uint32_t)pfn);
		run->reclaim.users[pfn] = (struct page_user){ .back = BACK_READ };
		lru_add(run->mm.pages, pfn, LRU_KIND_FILE);
		mapped_older(run, pfn);
		lru_refault(run->mm.pages, pfn, shadow, LRU_RETURN_BY_DISTANCE);
	}
	locks_count(run);
	if (run->meter.pressure)
		reclaim_after(run);
	return taken ? READ_CAME : READ_NO_MEMORY;
}

/* Whether there is a page to be read now. The timer may have been for a window whose last page came in that same moment. */
static bool next_window(struct run *run)
{
	struct refaults *r = run->reclaim.coming;
	struct promise promise;

	if (r->reading.nr)
		return true;
	if (!r->nr || r->heap[0].due > now(run))
		return false;
	promise = pop(r);
	if (promise.slot == SLOT_NONE)
		r->reading = take_window(r, promise.window);
	else
		r->reading = (struct window){ .nr = 1, .kind = (enum kind_number)promise.window, .slots = { promise.slot } };
	r->reading_next = 0;
	return true;
}

/*
 * A few pages at a time: a task that reads goes on with what has come while the rest is on its way. It waits for the first;
 * a page ahead for which there is no memory is the first the next time. What its memory takes to find is its own time.
 */
void refault_due(struct run *run)
{
	struct refaults *r = run->reclaim.coming;
	uint32_t came = 0;
	ns_t busy_ns = 0;

	/* A window that is due earlier has had a timer of its own. */
	if (run->engine.now < r->timer_ns)
		return;
	r->timer_ns = NS_NEVER;
	if (!next_window(run)) {
		set_timer(run);
		return;
	}
	run->cpu = 0;
	for (uint32_t i = 0; i < READ_PAGES && r->reading.nr; i++) {
		uint32_t at = r->reading_next;
		enum refault_read read;

		meter_restart(&run->meter);
		if (r->reading.slots[at] == SLOT_NONE)
			read = read_older(run, r->reading.shadows[at], i > 0);
		else
			read = refault_read(run, r->reading.slots[at], i > 0, BACK_READ);
		busy_ns += run->meter.ns;
		if (read == READ_NO_MEMORY && i > 0)
			break;
		r->reading.nr--;
		r->reading_next++;
		came += read == READ_CAME;
		r->kinds[r->reading.kind].promised -= read != READ_CAME;
	}
	r->free_ns = run->engine.now + busy_ns + (ns_t)came * run->machine->latency.step_ns[STEP_SWAP_IN_PAGE];
	set_timer(run);
}
