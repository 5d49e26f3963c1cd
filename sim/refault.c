/*
 * refault: file pages that are read again after they were reclaimed. A recording made without pressure cannot tell
 * which; `reclaim.refault` says how many, and `kmemsim probe` takes it from a machine that has reclaimed. What a
 * task had read or written is read again in long stretches, or not at all: in the order in which it went, a window
 * of readahead at a time, as files are; or, so often as `reclaim.random_reads` says, a page here and a page there,
 * as databases do. What comes back takes memory as it did the first time, and counts as in use when it was away for
 * less time than active pages stay.
 *
 * Which of both, no event of a machine that had memory enough tells. It decides how whole free memory is: what is
 * read in the order of files lies side by side and goes so, and what is read at random leaves single pages behind.
 *
 * Assumed: they come at moments of what is left of the recording, sooner rather than later, as its requests keep
 * their times whatever memory there is. Where these do not (asap), the clock is the distance of workingset.c, pages
 * that have gone or become active since: a page comes before as many have as there are on the lists.
 * Models page_cache_ra_unbounded(), and workingset_eviction() and workingset_refault() of 6.1 for one memory cgroup.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/bits.h"
#include "sim/promises.h"
#include "sim/reclaim_priv.h"
#include "sim/timers.h"

/*
 * A stretch is at most so large a part of what is on the lists: an assumption. Where recordings name the files, a
 * quarter (of one kind of work) to three quarters (of another) of what was read again came in stretches of a tenth
 * of the memory and more.
 */
#define STRETCH_PART 4u
/*
 * The recording waits at most so many times its own length: where
 * most is read again of what reading makes go, too, that takes long.
 */
#define MOST_WAITING 2u

/**
 * How a page of a file had come when it went: that had been read,
 * or written, and went for the first time; or had come again.
 */
enum kind_number { PAGES_READ, PAGES_WRITTEN, PAGES_AGAIN, NR_PAGES_KINDS };

/** What goes of a task's pages of a kind one after another, and is read again all or not at all; or at random. */
struct stretch {
	uint64_t due;   /* of its last window */
	uint64_t until; /* it ends when so many pages have gone in all: what goes later is another */
	uint32_t left;  /* windows that may still go; 0: the next one begins another */
	bool again;
	bool random;    /* each page for itself, or not: again does not count */
};

/** Pages of a kind. */
struct kind {
	uint32_t percent;        /* that are read again */
	uint64_t gone;           /* pages that went */
	uint64_t promised;       /* pages that have come again or are to come */
	uint64_t stretches;      /* of them, that have begun */
	struct read_window filling; /* pages that have just gone */
};

struct refaults {
	struct rng rng;
	struct kind kinds[NR_PAGES_KINDS];
	struct stretch *stretches; /* owned; by who had the pages (struct reclaim's leader; last, nobody), and kind */
	uint64_t gone;           /* pages that went in windows */
	struct promises promises;
	uint64_t waiting;        /* pages of all promises */
	struct read_window reading;
	uint32_t reading_next;   /* its page that comes next; its nr is how many are still to come */
	ns_t free_ns;            /* when all of it is there, or its reader has found no memory */
	/* events of the recording wait until nothing is due any more, but no longer; 0: they do not wait */
	ns_t wait_until_ns;
	ns_t timer_ns;           /* when the earliest timer fires, NS_NEVER: there is none */
	bool by_time;            /* the clock is the recording's, not age() */
};

int refaults_start(struct run *run, struct err *err)
{
	struct refaults *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, ERR_NOMEM, "no memory for refaults");
	run->reclaim.coming = r;
	r->stretches = calloc(((size_t)run->tables->nr_whos + 1) * NR_PAGES_KINDS, sizeof(*r->stretches));
	if (!r->stretches)
		return err_set(err, ERR_NOMEM, "no memory for what %u tasks read again", run->tables->nr_whos);
	rng_init(&r->rng, run->options->seed, "refault");
	/* A recording of a machine that reclaimed has its refaults: they are pages that it asks for. */
	if (!run->reclaim.recorded) {
		r->kinds[PAGES_READ].percent = run->reclaim.refault_percent;
		r->kinds[PAGES_WRITTEN].percent = run->reclaim.written_refault_percent;
		r->kinds[PAGES_AGAIN].percent = run->reclaim.again_refault_percent;
	}
	r->by_time = run->options->pace != PACE_ASAP;
	r->timer_ns = NS_NEVER;
	return 0;
}

void refaults_fini(struct run *run)
{
	if (run->reclaim.coming) {
		promises_fini(&run->reclaim.coming->promises);
		free(run->reclaim.coming->stretches);
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
 * Whether @pages that begin to go are read again, or not: so that the share that is comes nearest to the one that
 * ought to be. A share that a machine showed which reclaimed is one of all pages that went, of those that had come
 * again, too; else each kind has its own.
 */
static bool is_read_again(const struct run *run, const struct kind *kind, uint64_t pages)
{
	const struct kind *kinds = run->reclaim.coming->kinds;
	uint64_t gone = kind->gone, promised = kind->promised;

	if (!run->reclaim.use_unknown) {
		gone = page_alloc_counter(run->mm.pages, PC_PGSTEAL_FILE);
		promised = kinds[PAGES_READ].promised + kinds[PAGES_WRITTEN].promised + kinds[PAGES_AGAIN].promised;
	}
	return (promised + pages / 2) * 100 < (gone + pages) * kind->percent;
}

/* Of a page of the initial state it is not known; write() is how files come to be. */
static enum kind_number kind_of(const struct run *run, uint32_t slot, enum page_back back)
{
	if (back != BACK_NOT)
		return PAGES_AGAIN;
	return slot == SLOT_NONE || run->ops[run->objects[slot].op].gfp & GFP_BIT_WRITE ? PAGES_WRITTEN : PAGES_READ;
}

/* Whether there is something to read now. */
static bool is_due(const struct run *run)
{
	const struct refaults *r = run->reclaim.coming;

	return r->reading.nr || promises_due(&r->promises) <= now(run);
}

static void set_timer(struct run *run)
{
	struct refaults *r = run->reclaim.coming;
	ns_t at_ns = max_u64(run->engine.now + 1, r->free_ns);

	if (!is_due(run) && !r->wait_until_ns) {
		if (!r->promises.nr || !r->by_time)
			return;
		at_ns = max_u64(at_ns, promises_due(&r->promises));
	}
	if (r->timer_ns <= at_ns)
		return;
	r->timer_ns = at_ns;
	engine_timer(&run->engine, at_ns, CLASS_WAKE, RUN_TIMER_REFAULT, 0, &run->deferred);
}

/*
 * How soon a page is read again, as a part in 2^32 of the time that is left: mostly soon, as what was used of late
 * is. The square of all alike is within a tenth of that for 32 in a hundred and within a half for 71. Measured
 * where the recording names the files: two kinds of work did so with 32 and 32, 50 and 88 in a hundred of the 81397
 * and 73472 pages that they read again.
 */
static uint32_t draw_part(struct rng *rng)
{
	uint64_t draw = rng_next(rng) >> 32;

	return (uint32_t)(draw * draw >> 32);
}

/*
 * When pages that go now are read again, which are to be followed by @more: soon
 * enough for the disk to read all that waits for it until the recording is over.
 */
static uint64_t draw_due(struct run *run, uint64_t more)
{
	struct refaults *r = run->reclaim.coming;
	uint32_t draw = draw_part(&r->rng);
	ns_t end_ns = reuse_end(run), busy_ns = (r->waiting + more) * run->machine->latency.step_ns[STEP_SWAP_IN_PAGE];

	if (!r->by_time)
		return now(run) + reuse_part(pages_on_lists(run), draw);
	return now(run) + reuse_part(max_u64(end_ns, now(run) + busy_ns) - now(run) - busy_ns, draw);
}

static void promise(struct run *run, uint64_t due, const struct read_window *window)
{
	struct refaults *r = run->reclaim.coming;

	r->kinds[window->kind].promised += window->nr;
	r->waiting += window->nr;
	if (!promises_add(&r->promises, due, window))
		err_set(&run->deferred, ERR_NOMEM, "no memory for %" PRIu64 " pages to be read again", r->waiting);
}

/* A page that is read for itself, when somebody wants what is in it. */
static void gone_alone(struct run *run, uint32_t slot, uint32_t who, uint64_t shadow, enum kind_number number)
{
	if (is_read_again(run, &run->reclaim.coming->kinds[number], 1))
		promise(run, draw_due(run, 1),
			&(struct read_window){
				.nr = 1,
				.kind = number,
				.who = who,
				.slots = { slot },
				.shadows = { shadow },
			});
}

/* How long it will be is not known before it ends: taken as long as others of its kind have been. */
static void begin_stretch(struct run *run, struct kind *kind, struct stretch *stretch, uint64_t most)
{
	struct rng *rng = &run->reclaim.coming->rng;
	uint32_t random_percent = run->machine->reclaim.random_percent;

	*stretch = (struct stretch){
		.left = (uint32_t)(most / WINDOW_PAGES) + 1,
		.again = kind->stretches ? is_read_again(run, kind, kind->gone / kind->stretches) :
					   rng_below(rng, 100) < kind->percent,
		.random = random_percent && rng_below(rng, 100) < random_percent,
	};
	kind->stretches++;
}

/*
 * The pages that have gone make a window, which is read again if the others of its stretch are: right after
 * these, as reading is faster than what made them go, or some time later, when they have been read already.
 */
static void close_window(struct run *run, struct kind *kind)
{
	struct refaults *r = run->reclaim.coming;
	struct read_window *window = &kind->filling;
	struct stretch *stretch = &r->stretches[(size_t)window->who * NR_PAGES_KINDS + window->kind];
	uint64_t most = pages_on_lists(run) / STRETCH_PART;

	r->gone += WINDOW_PAGES;
	if (!stretch->left || r->gone > stretch->until)
		begin_stretch(run, kind, stretch, most);
	stretch->until = r->gone + most;
	if (stretch->random) {
		for (uint32_t i = 0; i < window->nr; i++)
			gone_alone(run, window->slots[i], window->who, window->shadows[i],
				(enum kind_number)window->kind);
	} else if (stretch->again) {
		stretch->due = stretch->due > now(run) ? stretch->due + 1 :
							 draw_due(run, (uint64_t)stretch->left * WINDOW_PAGES);
		promise(run, stretch->due, window);
	}
	stretch->left--;
	window->nr = 0;
}

static void page_gone(struct run *run, uint32_t slot, uint32_t who, uint64_t shadow, enum kind_number number)
{
	struct kind *kind = &run->reclaim.coming->kinds[number];
	struct read_window *filling = &kind->filling;

	if (!filling->nr) {
		filling->kind = number;
		filling->who = who;
	}
	filling->shadows[filling->nr] = shadow;
	filling->slots[filling->nr++] = slot;
	if (filling->nr == WINDOW_PAGES)
		close_window(run, kind);
}

void refault_evicted(struct run *run, uint32_t slot, uint32_t who, uint64_t shadow, enum page_back back)
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
	who = slot == SLOT_NONE ? run->tables->nr_whos : run->reclaim.leader[who];
	/* A block of the buffer cache: file systems read each alone. */
	if (slot != SLOT_NONE && reclaim_is_buffer(&run->ops[run->objects[slot].op]))
		gone_alone(run, slot, who, shadow, number);
	else
		page_gone(run, slot, who, shadow, number);
	set_timer(run);
}

/*
 * Memory for a page that the reader waits for, or for one read ahead: who asks for that gives up soon, and may hold
 * locks of the file system. Models filemap_create_folio(), and readahead_gfp_mask() in page_cache_ra_unbounded().
 */
static bool take_for_read(struct run *run, struct page_request want, bool ahead, pfn_t *pfn)
{
	gfp_t ahead_bits = GFP_BIT_NORETRY | GFP_BIT_NOWARN;

	want.gfp &= ~(ahead_bits | GFP_BIT_WRITE);
	if (ahead)
		want.gfp = (want.gfp | ahead_bits) & ~GFP_BIT_FS;
	return page_alloc_take(run->mm.pages, &want, pfn, &run->meter) == MM_DONE;
}

enum refault_read refault_read(struct run *run, uint32_t slot, uint32_t who, bool ahead, enum page_back back)
{
	struct object *object = &run->objects[slot];
	struct run_op *op = &run->ops[object->op];
	struct request req = { .op = object->op, .slot = slot, .who = who };
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

/* Who reads does nothing else meanwhile, and of a recording it is not known who does not need him. */
static void wait_or_not(struct run *run)
{
	struct refaults *r = run->reclaim.coming;
	ns_t most_ns = MOST_WAITING * (run->meta->last_ns - run->meta->first_ns);

	if (!r->wait_until_ns && is_due(run) && run->late_ns < most_ns) {
		r->wait_until_ns = run->engine.now + most_ns - run->late_ns;
		run->reading++;
	} else if (r->wait_until_ns && (!is_due(run) || run->engine.now >= r->wait_until_ns)) {
		r->wait_until_ns = 0;
		run->reading--;
	}
}

/*
 * All pages of a window are taken before the first has come: page_cache_ra_unbounded(). A page ahead for which
 * there is no memory is the first the next time. What its memory takes to find is the reader's own time.
 */
static void read_window(struct run *run)
{
	struct refaults *r = run->reclaim.coming;
	uint32_t came = 0;
	ns_t busy_ns = 0;

	run->cpu = r->reading.who < run->tables->nr_whos ? run->seats[r->reading.who].cpu : 0;
	for (bool ahead = false; r->reading.nr; ahead = true) {
		uint32_t at = r->reading_next;
		enum refault_read read;

		meter_restart(&run->meter);
		if (r->reading.slots[at] == SLOT_NONE)
			read = read_older(run, r->reading.shadows[at], ahead);
		else
			read = refault_read(run, r->reading.slots[at], r->reading.who, ahead, BACK_READ);
		busy_ns += run->meter.ns;
		if (read == READ_NO_MEMORY && ahead)
			break;
		r->reading.nr--;
		r->waiting--;
		r->reading_next++;
		came += read == READ_CAME;
		r->kinds[r->reading.kind].promised -= read != READ_CAME;
	}
	r->free_ns = reclaim_disk_reads(run, came, busy_ns);
}

void refault_due(struct run *run)
{
	struct refaults *r = run->reclaim.coming;

	/* A window that is due earlier has had a timer of its own. */
	if (run->engine.now < r->timer_ns)
		return;
	r->timer_ns = NS_NEVER;
	wait_or_not(run);
	/* A timer set by pages that reading made go is early. */
	if (is_due(run) && run->engine.now >= r->free_ns) {
		if (!r->reading.nr) {
			promises_take(&r->promises, &r->reading);
			r->reading_next = 0;
		}
		read_window(run);
	}
	set_timer(run);
}
