/*
 * adopt_percpu: chunks of per-CPU memory in a saved state. vmallocinfo tells where they are and meminfo how many
 * pages they have; what is taken in them is told by the trace, as far as it saw that. The rest follows from how the
 * kernel fills chunks: a later chunk is there because the first one is full, and a page because the ones before it
 * have something in them, but for the few empty ones that are kept at hand.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "mm/percpu.h"
#include "sim/adopt_priv.h"
#include "sim/part.h"
#include "sim/serve_priv.h"

#define EMPTY_PAGES 4 /* PCPU_EMPTY_POP_PAGES_HIGH */

struct chunks {
	struct run *run;
	struct percpu *pc;            /* borrowed from run */
	struct percpu_layout layout;
	uint32_t *numbers;            /* owned: of the adopted ones, in order of descending addresses */
	uint64_t *keys;               /* owned: what recorded pointers say of them: descending */
	uint32_t nr, nr_keys;
};

static bool is_chunk(const struct state_area *area)
{
	return !strncmp(area->caller, "pcpu_get_vm_areas+", strlen("pcpu_get_vm_areas+"));
}

/* Areas of chunks, as they stand in vmallocinfo: ascending. Of each chunk there is one in every group. */
static int adopt_chunks(struct chunks *chunks, struct err *err)
{
	const struct state *state = chunks->run->options->initial;
	uint32_t groups = chunks->layout.nr_groups, nr = 0;
	uint32_t *areas = malloc((state->nr_areas + 1) * sizeof(*areas));
	uint32_t *of_chunk = malloc(groups * sizeof(*of_chunk));
	bool room = areas && of_chunk;

	for (size_t i = 0; room && i < state->nr_areas; i++)
		if (is_chunk(&state->areas[i]) && !state->areas[i].lazy)
			areas[nr++] = chunks->run->follow.areas[i];
	chunks->numbers = calloc(nr / groups + 1, sizeof(*chunks->numbers));
	room = room && chunks->numbers;
	for (uint32_t c = nr / groups; room && c-- > 0;) {
		for (uint32_t g = 0; g < groups; g++)
			of_chunk[g] = areas[g * (nr / groups) + c];
		chunks->numbers[chunks->nr] = percpu_adopt_chunk(chunks->pc, of_chunk);
		room = chunks->numbers[chunks->nr++] != PERCPU_AREA_NONE;
	}
	free(areas);
	free(of_chunk);
	return room ? 0 : err_set(err, ERR_NOMEM, "no memory for the per-CPU chunks of the initial state");
}

static bool is_percpu(const struct run *run, const struct older *older)
{
	return run->ops[older->op].kind == KIND_ALLOC_PERCPU && !object_lives(&run->objects[older->slot]);
}

static int descending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* The chunks that recorded pointers lie in: a chunk begins at a multiple of the atom. */
static int list_keys(struct chunks *chunks, const struct older *older, uint32_t nr, struct err *err)
{
	uint32_t nr_listed = 0;

	chunks->keys = malloc(((size_t)nr + 1) * sizeof(*chunks->keys));
	if (!chunks->keys)
		return err_set(err, ERR_NOMEM, "no memory for the per-CPU chunks of the initial state");
	for (uint32_t i = 0; i < nr; i++)
		if (is_percpu(chunks->run, &older[i]) && older[i].where >= chunks->layout.unit_size)
			chunks->keys[nr_listed++] = older[i].where & ~(chunks->layout.atom_size - 1);
	qsort(chunks->keys, nr_listed, sizeof(*chunks->keys), descending);
	for (uint32_t i = 0; i < nr_listed; i++)
		if (!i || chunks->keys[i] != chunks->keys[chunks->nr_keys - 1])
			chunks->keys[chunks->nr_keys++] = chunks->keys[i];
	return 0;
}

/* The area at a recorded pointer; PERCPU_AREA_NONE: it is not to be had there. */
static uint32_t claim_recorded(struct chunks *chunks, uint64_t where, uint32_t size)
{
	const struct percpu_layout *layout = &chunks->layout;
	struct meter *meter = &chunks->run->meter;
	uint64_t key = where & ~(layout->atom_size - 1);
	uint32_t k = 0;

	if (where < layout->static_size)
		return PERCPU_AREA_NONE;
	if (where < layout->unit_size) {
		uint32_t part = where < layout->static_size + layout->reserved_size ? PERCPU_RESERVED_CHUNK :
										      PERCPU_FIRST_CHUNK;

		return percpu_claim(chunks->pc, part, (uint32_t)(where - percpu_base(chunks->pc, part)), size, meter);
	}
	while (k < chunks->nr_keys && chunks->keys[k] != key)
		k++;
	return k < chunks->nr ? percpu_claim(chunks->pc, chunks->numbers[k], (uint32_t)(where - key), size, meter) :
				PERCPU_AREA_NONE;
}

static void adopt_named(struct chunks *chunks, const struct older *older, bool own)
{
	struct run *run = chunks->run;
	struct run_op *op = &run->ops[older->op];
	struct request req = { .op = older->op, .slot = older->slot };
	struct percpu_request want = { .size = op->size, .align = op->trace->align, .gfp = GFP_KERNEL,
		.reserved = op->flags & OP_RESERVED };
	uint32_t area =
		own && older->where ? claim_recorded(chunks, older->where, (uint32_t)op->size) : PERCPU_AREA_NONE;

	if (area == PERCPU_AREA_NONE && (percpu_refused(chunks->pc, &want) ||
						percpu_alloc(chunks->pc, &want, &area, &run->meter) != MM_DONE))
		return;
	object_begin(run, &req, op, OBJECT_PART, area);
	run->result.bound++;
	run->result.unbound--;
}

/* All that is free in the first chunk is somebody's: later chunks are there because it was full. */
static void fill_first(struct chunks *chunks)
{
	const struct percpu_layout *layout = &chunks->layout;
	uint64_t room = layout->static_size + layout->reserved_size + layout->dynamic_size -
		percpu_base(chunks->pc, PERCPU_FIRST_CHUNK);

	for (uint32_t size = PERCPU_MAX_ALLOC; size >= PERCPU_MIN_ALLOC; size /= 2)
		for (uint32_t off = 0; off + size <= room; off += size)
			percpu_claim(chunks->pc, PERCPU_FIRST_CHUNK, off, size, &chunks->run->meter);
}

/*
 * Pages are populated until there are as many as the state has. The last ones of them
 * are empty, as many as the kernel keeps at hand; those before have something in them.
 */
static void fill_pages(struct chunks *chunks, uint64_t pages)
{
	uint32_t page_size = chunks->run->machine->page_size, nr = 0;
	uint32_t last[EMPTY_PAGES];
	struct meter *meter = &chunks->run->meter;

	for (uint32_t c = 0; c < chunks->nr; c++) {
		for (uint64_t off = 0; off < chunks->layout.unit_size && percpu_populated_pages(chunks->pc) < pages;
			off += page_size) {
			uint32_t area = percpu_claim(chunks->pc, chunks->numbers[c], (uint32_t)off, page_size, meter);

			if (area != PERCPU_AREA_NONE)
				last[nr++ % EMPTY_PAGES] = area;
		}
	}
	for (uint32_t i = 0; i < nr && i < EMPTY_PAGES; i++)
		percpu_free(chunks->pc, last[i], meter);
}

/* The pages that the state's chunks have, among those in use. */
static pfn_t *lend_pages(struct chunks *chunks, struct free_choice *choice, uint64_t nr, struct err *err)
{
	pfn_t *pfns = malloc((nr + 1) * sizeof(*pfns));
	uint32_t got = 0;
	struct rng rng;

	if (!pfns) {
		err_set(err, ERR_NOMEM, "no memory for the per-CPU chunks of the initial state");
		return NULL;
	}
	rng_init(&rng, chunks->run->options->seed, "adopt_percpu");
	while (got < nr && (pfns[got] = choice_page(choice, (uint32_t)rng_below(&rng, choice->end))) != PFN_NONE)
		choice_take_out(choice, pfns[got++], 1);
	percpu_lend(chunks->pc, pfns, got);
	chunks->run->result.filled.percpu_pages = got;
	return pfns;
}

static int fill_chunks(struct chunks *chunks, struct free_choice *choice, const struct older *older, uint32_t nr,
	bool own, struct err *err)
{
	uint64_t unit = (uint64_t)chunks->layout.nr_units * chunks->run->machine->page_size;
	uint64_t pages = chunks->run->options->initial->percpu_bytes / unit, first = percpu_populated_pages(chunks->pc);
	pfn_t *lent;
	int ret;

	/* The machine's units are not the saved ones, or there is nothing behind the first chunk. */
	if (pages <= first || !chunks->nr)
		return 0;
	lent = lend_pages(chunks, choice, (pages - first) * chunks->layout.nr_units, err);
	ret = lent ? list_keys(chunks, older, nr, err) : -(int)err->code;
	for (uint32_t i = 0; ret == 0 && i < nr; i++)
		if (is_percpu(chunks->run, &older[i]))
			adopt_named(chunks, &older[i], own);
	if (ret == 0)
		fill_first(chunks);
	if (ret == 0)
		fill_pages(chunks, pages);
	chunks->run->result.filled.percpu_pages -= percpu_lend(chunks->pc, NULL, 0);
	free(lent);
	return ret;
}

int adopt_percpu(struct run *run, struct free_choice *choice, const struct older *older, uint32_t nr, bool own,
	struct err *err)
{
	struct chunks chunks = { .run = run, .pc = mm_state(&run->mm, SLOT_PERCPU) };
	int ret;

	if (!run->options->initial->percpu_bytes)
		return 0;
	percpu_get_layout(chunks.pc, &chunks.layout);
	ret = adopt_chunks(&chunks, err);
	if (ret == 0)
		ret = fill_chunks(&chunks, choice, older, nr, own, err);
	free(chunks.numbers);
	free(chunks.keys);
	return ret;
}
