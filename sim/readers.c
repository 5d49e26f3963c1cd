/*
 * readers: what tasks that use a file through a mapping (mappers.c) read again. What they touch makes no request while the page cache has
 * it, so a recording of a machine with enough memory shows nothing of it. With less memory the same touches find pages gone, and read
 * them again with all that lies around.
 *
 * Simplified, as no event tells: each page of the mapping is touched once on the average, anywhere in it (who reads from the
 * beginning to the end reads a file and maps none), from the moment on when page tables show it, one touch after another; a reader
 * waits for what it reads, its other requests do not wait for it. What it has mapped is what it read itself meanwhile, else any
 * stretch of the file pages that the trace has had. Pages of a saved state that the trace does not know nobody maps.
 * Models filemap_fault(), do_sync_mmap_readahead() and filemap_map_pages() of mm/filemap.c and do_fault_around() of mm/memory.c (6.1).
 */
#include <stdlib.h>

#include "base/array.h"
#include "sim/reclaim_priv.h"
#include "sim/timers.h"

#define TABLE_PAGES  512u  /* PTRS_PER_PTE with pages of 4 KiB */
#define AROUND_PAGES 16u   /* fault_around_bytes */
#define TOUCH_NS     5000u /* with its fault; 30000 of J-whatif/base, whose CPU is emulated, took 0.2 s */
#define TURN_TOUCHES 64u   /* without a read: then others have their turn */

/** A page of a mapping. */
struct mapped_page {
	uint32_t slot : 31;
	uint32_t mapped : 1;   /* is in a page table */
};

/** A mapping that somebody reads. */
struct reader {
	uint32_t who;
	struct mapped_page *pages; /* owned */
	uint32_t nr, cap;
	uint32_t own;          /* pages that it has read itself since its row began; from WINDOW_PAGES on these are what it maps */
	uint32_t writer_plus1; /* of the file that it maps; 0: of any */
	uint32_t next;         /* of readers.known: where the rest of what it maps is looked for */
	uint32_t touches;      /* still to come */
};

struct readers {
	struct rng rng;
	struct known_page {
		uint32_t slot;
		uint32_t leader; /* of who wrote or read it first */
	} *known;              /* owned: pages of files, in the order in which the trace had them */
	uint32_t nr_known, cap_known;
	struct reader *list;   /* owned */
	uint32_t nr, cap;
	uint32_t nr_reading;   /* with touches to come: each has a timer */
	uint64_t came;         /* pages read */
};

int readers_start(struct run *run, struct err *err)
{
	struct readers *r;

	/* A recording of a machine that reclaimed has what they read again: pages that they ask for. */
	if (!run->reclaim.use_unknown || run->reclaim.recorded)
		return 0;
	r = calloc(1, sizeof(*r));
	run->reclaim.readers = r;
	if (!r)
		return err_set(err, ERR_NOMEM, "no memory for who reads mappings");
	rng_init(&r->rng, run->options->seed, "readers");
	return 0;
}

void readers_fini(struct run *run)
{
	struct readers *r = run->reclaim.readers;

	if (!r)
		return;
	free(r->known);
	for (uint32_t i = 0; i < r->nr; i++)
		free(r->list[i].pages);
	free(r->list);
	free(r);
}

uint64_t readers_came(const struct run *run)
{
	return run->reclaim.readers ? run->reclaim.readers->came : 0;
}

uint64_t readers_mappings(const struct run *run)
{
	return run->reclaim.readers ? run->reclaim.readers->nr : 0;
}

bool readers_reading(const struct run *run)
{
	return run->reclaim.readers && run->reclaim.readers->nr_reading;
}

/* ---- What the trace shows ---- */

static void out_of_memory(struct run *run)
{
	err_set(&run->deferred, ERR_NOMEM, "no memory for %u pages of files that tasks map", run->reclaim.readers->nr_known);
}

/* The object of a file page that is there, or gone; NULL: it is something else by now. */
static struct object *file_page(struct run *run, uint32_t slot)
{
	struct object *object = &run->objects[slot];
	const struct run_op *op = &run->ops[object->op];

	if (object->slab != OBJECT_PAGES && (object->slab != OBJECT_RECLAIMED || object->index))
		return NULL;
	return op->action == ACT_PAGES && op->lru == LRU_KIND_FILE ? object : NULL;
}

static void map_page(struct run *run, struct reader *reader, uint32_t slot)
{
	if (array_room(&reader->pages, &reader->cap, reader->nr))
		reader->pages[reader->nr++] = (struct mapped_page){ .slot = slot & INT32_MAX };
	else
		out_of_memory(run);
}

/* Who has written or read at least @pages of files, and as few more as possible. Return: 1 + leader, 0: nobody has. */
static uint32_t find_writer(struct run *run, uint32_t pages)
{
	struct readers *r = run->reclaim.readers;
	uint32_t *had = calloc((size_t)run->tables->nr_whos + 1, sizeof(*had)), found = 0;

	if (!had) {
		out_of_memory(run);
		return 0;
	}
	for (uint32_t i = 0; i < r->nr_known; i++)
		had[r->known[i].leader] += file_page(run, r->known[i].slot) != NULL;
	for (uint32_t leader = 0; leader < run->tables->nr_whos; leader++)
		if (had[leader] >= pages && (!found || had[leader] > had[found - 1]))
			found = leader + 1;
	free(had);
	return found;
}

/*
 * The mapping is of @pages by now: those of a file, from its beginning, or of any, as far as the trace has so many. The first and the last
 * table may serve few pages.
 */
static void map_pages(struct run *run, struct reader *reader, uint32_t pages)
{
	struct readers *r = run->reclaim.readers;
	uint32_t writer_plus1;

	if (reader->own >= WINDOW_PAGES || !r->nr_known)
		return;
	writer_plus1 = find_writer(run, pages - 2 * TABLE_PAGES);
	if (!reader->nr || writer_plus1 != reader->writer_plus1) {
		reader->nr = 0;
		reader->writer_plus1 = writer_plus1;
		reader->next = writer_plus1 ? 0 : (uint32_t)rng_below(&r->rng, r->nr_known);
	}
	for (uint32_t looked = 0; looked < r->nr_known && reader->nr < pages && reader->nr < r->nr_known; looked++) {
		const struct known_page *page = &r->known[reader->next];

		reader->next = (reader->next + 1) % r->nr_known;
		if ((!writer_plus1 || page->leader + 1 == writer_plus1) && file_page(run, page->slot))
			map_page(run, reader, page->slot);
	}
}

static void add_touches(struct run *run, uint32_t number, uint32_t touches)
{
	struct readers *r = run->reclaim.readers;
	struct reader *reader = &r->list[number];

	if (!reader->touches) {
		r->nr_reading++;
		engine_timer(&run->engine, run->engine.now + 1, CLASS_WAKE, RUN_TIMER_READER, number, &run->deferred);
	}
	reader->touches += touches;
}

void readers_map(struct run *run, uint32_t mapper, uint32_t who, uint32_t tables, uint32_t more)
{
	struct readers *r = run->reclaim.readers;

	if (!r)
		return;
	if (mapper == r->nr && array_room(&r->list, &r->cap, r->nr))
		r->list[r->nr++] = (struct reader){ .who = who };
	if (mapper >= r->nr) {
		out_of_memory(run);
		return;
	}
	map_pages(run, &r->list[mapper], tables * TABLE_PAGES);
	add_touches(run, mapper, more * TABLE_PAGES);
}

/* The reader reads a page of the file that nobody has read before: so that is what it maps. */
static void note_own(struct run *run, uint32_t number, uint32_t slot)
{
	struct reader *reader = &run->reclaim.readers->list[number];

	if (++reader->own < WINDOW_PAGES)
		return;
	if (reader->own == WINDOW_PAGES)
		reader->nr = 0;
	map_page(run, reader, slot);
	add_touches(run, number, 1);
}

void readers_know(struct run *run, uint32_t slot, uint32_t who)
{
	struct readers *r = run->reclaim.readers;

	if (!r)
		return;
	if (array_room(&r->known, &r->cap_known, r->nr_known))
		r->known[r->nr_known++] = (struct known_page){ slot, run->reclaim.leader[who] };
	else
		out_of_memory(run);
}

void readers_read(struct run *run, uint32_t mapper_plus1, const struct request *req, const struct run_op *op)
{
	const struct readers *r = run->reclaim.readers;

	if (!r)
		return;
	if (mapper_plus1 && mapper_plus1 <= r->nr && !(op->gfp & GFP_BIT_WRITE))
		note_own(run, mapper_plus1 - 1, req->slot);
	readers_know(run, req->slot, req->who);
}

/* ---- What it reads ---- */

static bool is_gone(struct run *run, const struct mapped_page *page)
{
	const struct object *object = file_page(run, page->slot);

	return object && object->slab == OBJECT_RECLAIMED;
}

/* A fault on a page that is there maps all around it that is; each counts as used. */
static void fault_around(struct run *run, struct reader *reader, uint32_t number)
{
	uint32_t first = number - number % AROUND_PAGES, end = min_u32(first + AROUND_PAGES, reader->nr);

	for (struct mapped_page *page = &reader->pages[first]; page < &reader->pages[end]; page++) {
		const struct object *object = file_page(run, page->slot);

		if (!object || object->slab == OBJECT_RECLAIMED)
			continue;
		page->mapped = true;
		lru_use(run->mm.pages, object->index);
	}
}

static enum refault_read read_page(struct run *run, struct mapped_page *page, bool ahead, ns_t *busy_ns)
{
	enum refault_read read;

	page->mapped = false;
	meter_restart(&run->meter);
	read = refault_read(run, page->slot, ahead);
	*busy_ns += run->meter.ns;
	return read;
}

/* The window around a page that is gone; the page itself last, on which the reader insists. Return: how long it takes. */
static ns_t read_around(struct run *run, struct reader *reader, uint32_t number)
{
	uint32_t first = number - min_u32(number, WINDOW_PAGES / 2), end = min_u32(first + WINDOW_PAGES, reader->nr);
	enum refault_read read = READ_CAME;
	uint32_t came = 0;
	ns_t busy_ns = 0;

	for (uint32_t i = first; i < end && read != READ_NO_MEMORY; i++) {
		if (i == number || !is_gone(run, &reader->pages[i]))
			continue;
		read = read_page(run, &reader->pages[i], true, &busy_ns);
		came += read == READ_CAME;
	}
	came += read_page(run, &reader->pages[number], false, &busy_ns) == READ_CAME;
	run->reclaim.readers->came += came;
	return busy_ns + (ns_t)came * run->machine->latency.step_ns[STEP_SWAP_IN_PAGE];
}

/* Return: how long the touch takes. */
static ns_t touch(struct run *run, struct reader *reader)
{
	uint32_t number = (uint32_t)rng_below(&run->reclaim.readers->rng, reader->nr);
	const struct mapped_page *page = &reader->pages[number];
	const struct object *object = file_page(run, page->slot);
	ns_t ns = TOUCH_NS;

	if (!object)
		return 0;
	if (object->slab == OBJECT_RECLAIMED)
		ns += read_around(run, reader, number);
	if (!page->mapped)
		fault_around(run, reader, number);
	else if (object->slab == OBJECT_PAGES)
		lru_use(run->mm.pages, object->index);
	return ns;
}

void readers_due(struct run *run, uint32_t number)
{
	struct readers *r = run->reclaim.readers;
	struct reader *reader = &r->list[number];
	ns_t ns = 0;

	if (run->reclaim.killed[reader->who])
		reader->touches = 0;
	run->cpu = run->seats[reader->who].cpu;
	if (!reader->nr)
		reader->touches = 0;
	for (; reader->touches && ns < TURN_TOUCHES * TOUCH_NS; reader->touches--)
		ns += touch(run, reader);
	if (reader->touches)
		engine_timer(&run->engine, run->engine.now + max_u64(ns, 1), CLASS_WAKE, RUN_TIMER_READER, number, &run->deferred);
	else
		r->nr_reading--;
}
