/*
 * readers: what tasks that use a file through a mapping (mappers.c) read again. What they touch makes no request
 * while the page cache has it, so a recording of a machine with enough memory shows nothing of it. With less memory
 * the same touches find pages gone, and read them again with all that lies around.
 *
 * Simplified, as no event tells: each page of the mapping is touched once on the average, anywhere in it (who reads
 * from the beginning to the end reads a file and maps none), when its page tables have come. A touch takes no time,
 * as it took none that the recording has not; what is gone takes the disk's, and all that comes later in the
 * recording waits for that, as most of it would: scripts and clients do. What is mapped is what the reader read
 * itself meanwhile, else the file pages of the task whose pages fill the mapping best, else any. Pages of a saved
 * state that the trace does not know nobody maps. Models filemap_fault(), do_sync_mmap_readahead() and
 * filemap_map_pages() of mm/filemap.c and do_fault_around() of mm/memory.c (6.1).
 */
#include <stdlib.h>

#include "base/array.h"
#include "sim/file_pages.h"
#include "sim/reclaim_priv.h"
#include "sim/timers.h"
#include "traces/table_rows.h"

#define MIN_PAGE_SIZE 4096u
#define MAX_PAGE_SIZE 65536u
#define READ_PAGES   4u      /* then others have their turn: it takes time to add pages to the page cache, too */
#define TURN_TOUCHES 65536u  /* of what is there, in one go, some ms; then it may be asked whether to stop */
#define SPARE_TABLES 4u      /* of a mapping may be of something else: 35 came with a file that 33 do for */
/* when no table has come for so long, all have: an assumption; 51 of J-whatif/base came in 90 ms */
#define QUIET_NS     100000000u

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
	uint64_t size;         /* pages, as its tables show: it maps no more */
	/* pages that it has read itself since its row began; from WINDOW_PAGES on these are what it maps */
	uint32_t own;
	struct file_walk walk; /* where the rest of what it maps is looked for: pages of its file, or any */
	uint64_t touches;      /* still to come */
	/* pages of the window that is read: which is waited for, and which are to be read yet; end 0: none */
	uint32_t wanted, next, end;
	ns_t begins_ns;        /* not before */
	bool begun;            /* and has touches to come: the recording waits */
	bool over;             /* no other table comes to it */
};

struct readers {
	struct rng rng;
	struct file_pages files; /* a task is its leader */
	struct reader *list;   /* owned */
	uint32_t nr, cap;
	uint32_t table_pages;  /* PTRS_PER_PTE of the recorded machine */
	uint32_t around_pages; /* that one fault maps */
	uint32_t nr_waiting;   /* with touches to come: each has a timer */
	uint64_t came;         /* pages read */
};

int readers_start(struct run *run, struct err *err)
{
	/* A header may say anything. */
	uint32_t page_size = min_u32(max_u32(run->meta->page_size, MIN_PAGE_SIZE), MAX_PAGE_SIZE);
	struct readers *r;

	/* A recording of a machine that reclaimed has what they read again: pages that they ask for. */
	if (!run->reclaim.use_unknown || run->reclaim.recorded)
		return 0;
	r = calloc(1, sizeof(*r));
	run->reclaim.readers = r;
	if (!r)
		return err_set(err, ERR_NOMEM, "no memory for who reads mappings");
	rng_init(&r->rng, run->options->seed, "readers");
	r->table_pages = page_size / PTE_BYTES;
	r->around_pages = FAULT_AROUND_BYTES / page_size;
	return file_pages_init(&r->files, run->meta->slots, run->tables->nr_whos, err);
}

void readers_fini(struct run *run)
{
	struct readers *r = run->reclaim.readers;

	if (!r)
		return;
	file_pages_fini(&r->files);
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
	return run->reclaim.readers && run->reclaim.readers->nr_waiting;
}

/* ---- What the trace shows ---- */

static void out_of_memory(struct run *run)
{
	err_set(&run->deferred, ERR_NOMEM, "no memory for %u pages of files that tasks map",
		file_pages_alive(&run->reclaim.readers->files));
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

/* It turns out to map something else: the window that is being read is of that no more. */
static void map_nothing(struct reader *reader)
{
	reader->nr = 0;
	reader->end = 0;
}

/* Which file it is: of the task whose number of file pages is next to the mapping's; else it is any. */
static void find_file(struct run *run, struct reader *reader)
{
	struct readers *r = run->reclaim.readers;
	uint64_t least = reader->size - min_u64(reader->size, SPARE_TABLES * r->table_pages);
	uint32_t task_plus1 = reader->walk.task_plus1;

	if (reader->nr && task_plus1 && r->files.of_task[task_plus1 - 1] >= least)
		return;
	task_plus1 = file_pages_fitting(&r->files, reader->size, least);
	if (reader->nr && task_plus1 == reader->walk.task_plus1)
		return;
	map_nothing(reader);
	file_walk_begin(&reader->walk, &r->files, task_plus1,
		task_plus1 ? 0 : (uint32_t)rng_below(&r->rng, r->files.nr));
}

/*
 * All tables have come: as far as the trace has so many pages,
 * it is of those of its file, from the beginning, or of any.
 */
static void map_pages(struct run *run, struct reader *reader)
{
	struct readers *r = run->reclaim.readers;

	if (reader->own >= WINDOW_PAGES || !file_pages_alive(&r->files))
		return;
	find_file(run, reader);
	while (reader->nr < reader->size && !run->deferred.code) {
		uint32_t slot = file_walk_next(&reader->walk, &r->files);

		if (slot == SLOT_NONE)
			return;
		map_page(run, reader, slot);
	}
}

static void set_timer(struct run *run, uint32_t number, ns_t at_ns)
{
	engine_timer(&run->engine, at_ns, CLASS_WAKE, RUN_TIMER_READER, number, &run->deferred);
}

static void add_touches(struct run *run, uint32_t number, uint64_t touches)
{
	struct readers *r = run->reclaim.readers;
	struct reader *reader = &r->list[number];

	reader->begins_ns = run->engine.now + QUIET_NS;
	if (!reader->touches && !reader->begun) {
		r->nr_waiting++;
		set_timer(run, number, reader->begins_ns);
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
	r->list[mapper].size = (uint64_t)tables * r->table_pages;
	add_touches(run, mapper, (uint64_t)more * r->table_pages);
}

/* The reader reads a page of the file that nobody has read before: so that is what it maps. */
static void note_own(struct run *run, uint32_t number, uint32_t slot)
{
	struct reader *reader = &run->reclaim.readers->list[number];

	if (++reader->own < WINDOW_PAGES)
		return;
	if (reader->own == WINDOW_PAGES)
		map_nothing(reader);
	if (reader->nr >= reader->size)
		return;
	map_page(run, reader, slot);
	add_touches(run, number, 1);
}

/* Programs come and go: what they mapped is not kept for longer than it is read. */
static void forget_mapping(struct reader *reader)
{
	free(reader->pages);
	reader->pages = NULL;
	reader->nr = reader->cap = 0;
}

void readers_over(struct run *run, uint32_t mapper)
{
	struct readers *r = run->reclaim.readers;
	struct reader *reader;

	if (!r || mapper >= r->nr)
		return;
	reader = &r->list[mapper];
	reader->over = true;
	if (!reader->touches && !reader->begun)
		forget_mapping(reader);
}

void readers_know(struct run *run, uint32_t slot, uint32_t who)
{
	struct readers *r = run->reclaim.readers;

	if (!r)
		return;
	if (!file_pages_add(&r->files, slot, run->reclaim.leader[who]))
		out_of_memory(run);
}

void readers_forget(struct run *run, uint32_t slot)
{
	if (run->reclaim.readers)
		file_pages_remove(&run->reclaim.readers->files, slot);
}

int readers_check(const struct run *run, struct err *err)
{
	return run->reclaim.readers ? file_pages_check(&run->reclaim.readers->files, err) : 0;
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
	uint32_t around = run->reclaim.readers->around_pages;
	uint32_t first = number - number % around, end = min_u32(first + around, reader->nr);

	for (struct mapped_page *page = &reader->pages[first]; page < &reader->pages[end]; page++) {
		const struct object *object = file_page(run, page->slot);

		if (!object || object->slab == OBJECT_RECLAIMED)
			continue;
		page->mapped = true;
		lru_use(run->mm.pages, object->index);
	}
}

static enum refault_read read_page(struct run *run, uint32_t who, struct mapped_page *page, bool ahead, ns_t *busy_ns)
{
	enum refault_read read;

	page->mapped = false;
	meter_restart(&run->meter);
	read = refault_read(run, page->slot, who, ahead, BACK_MAPPED);
	*busy_ns += run->meter.ns;
	return read;
}

/*
 * A few pages at a time of the window around the one that is gone, which comes last and on which the reader insists.
 * Return: how long it takes.
 */
static ns_t read_some(struct run *run, struct reader *reader)
{
	struct readers *r = run->reclaim.readers;
	enum refault_read read = READ_CAME;
	uint32_t came = 0;
	ns_t busy_ns = 0;

	for (; reader->next < reader->end && came < READ_PAGES && read != READ_NO_MEMORY; reader->next++) {
		struct mapped_page *page = &reader->pages[reader->next];

		if (reader->next == reader->wanted || !is_gone(run, page))
			continue;
		read = read_page(run, reader->who, page, true, &busy_ns);
		came += read == READ_CAME;
	}
	if (reader->next == reader->end || read == READ_NO_MEMORY) {
		came += read_page(run, reader->who, &reader->pages[reader->wanted], false, &busy_ns) == READ_CAME;
		fault_around(run, reader, reader->wanted);
		reader->end = 0;
	}
	r->came += came;
	return reclaim_disk_reads(run, came, busy_ns) - run->engine.now;
}

static void touch(struct run *run, struct reader *reader)
{
	uint32_t number = (uint32_t)rng_below(&run->reclaim.readers->rng, reader->nr);
	const struct mapped_page *page = &reader->pages[number];
	const struct object *object = file_page(run, page->slot);

	reader->touches--;
	if (!object)
		return;
	if (object->slab == OBJECT_RECLAIMED) {
		reader->wanted = number;
		reader->next = number - min_u32(number, WINDOW_PAGES / 2);
		reader->end = min_u32(reader->next + WINDOW_PAGES, reader->nr);
	} else if (!page->mapped) {
		fault_around(run, reader, number);
	} else {
		lru_use(run->mm.pages, object->index);
	}
}

/* The recording waits from here on. */
static void begin_reading(struct run *run, struct reader *reader)
{
	reader->begun = true;
	run->reading++;
	map_pages(run, reader);
}

/* Nothing is read any more: either all has been touched, or it is nobody's. */
static void end_reading(struct run *run, struct reader *reader)
{
	reader->begun = false;
	reader->touches = 0;
	reader->end = 0;
	run->reading--;
	run->reclaim.readers->nr_waiting--;
}

static bool has_more(const struct reader *reader)
{
	return reader->end || reader->touches;
}

/*
 * Until it has waited for the disk, or others have their turn.
 * Return: how long what it read takes; 0: nothing was gone.
 */
static ns_t take_turn(struct run *run, struct reader *reader)
{
	ns_t ns = 0;

	for (uint32_t turn = TURN_TOUCHES; turn && !ns && has_more(reader); turn--) {
		if (reader->end)
			ns = read_some(run, reader);
		else
			touch(run, reader);
	}
	return ns;
}

void readers_due(struct run *run, uint32_t number)
{
	struct reader *reader = &run->reclaim.readers->list[number];
	ns_t ns = 0;
	bool over;

	if (!reader->begun && run->engine.now < reader->begins_ns) {
		set_timer(run, number, reader->begins_ns);
		return;
	}
	if (!reader->begun)
		begin_reading(run, reader);
	over = run->reclaim.killed[reader->who] || !reader->nr;
	run->cpu = run->seats[reader->who].cpu;
	if (!over)
		ns = take_turn(run, reader);
	if (!over && has_more(reader)) {
		set_timer(run, number, run->engine.now + max_u64(ns, 1));
		return;
	}
	end_reading(run, reader);
	if (over || reader->over)
		forget_mapping(reader);
}
