/*
 * mempool: a pool's reserve, and when it is used. Models mm/mempool.c of kernel 6.1; the invariants are in
 * mm/mempool_priv.h.
 */
#include "mm/mempool.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "mm/mempool_priv.h"

#define HEADER_BYTES_64 72u     /* sizeof(mempool_t), by the size of a pointer */
#define HEADER_BYTES_32 40u
#define MIN_NR_MAX    (1u << 24)
#define STAGE_WAITED  0x706f6f6cu /* place of a request that slept for an element: the light attempt was made before */

const char *const mempool_kind_name[NR_MEMPOOL_KINDS] = {
	[MEMPOOL_SLAB] = "slab", [MEMPOOL_KMALLOC] = "kmalloc", [MEMPOOL_PAGES] = "page", [MEMPOOL_OTHER] = "other",
};

/* The array of pointers to elements. */
static uint64_t array_bytes(const struct mempools *m, uint32_t capacity)
{
	return (m->machine->bits32 ? 4ull : 8ull) * capacity;
}

/* Room for one more element's number. Return: false when the program itself has no memory for it. */
static bool reserve_number(struct mempools *m)
{
	return m->free_element != ELEMENT_FREE || array_room(&m->elements, &m->cap_elements, m->nr_elements);
}

static uint32_t number_of(struct mempools *m, uint32_t pool, struct slab_object object)
{
	uint32_t number = m->free_element;

	if (number != ELEMENT_FREE)
		m->free_element = m->elements[number].next;
	else
		number = m->nr_elements++;
	m->elements[number] = (struct element){ .object = object, .pool = pool };
	return number;
}

static void forget(struct mempools *m, uint32_t number)
{
	m->elements[number].pool = ELEMENT_FREE;
	m->elements[number].next = m->free_element;
	m->free_element = number;
}

/* add_element() */
static void push(struct mempools *m, struct pool *pool, uint32_t number)
{
	m->elements[number].next = 1;
	pool->reserve[pool->stats.curr_nr++] = number;
}

/* remove_element(): the one that was stored last. */
static uint32_t pop(struct mempools *m, struct pool *pool)
{
	uint32_t number = pool->reserve[--pool->stats.curr_nr];

	m->elements[number].next = 0;
	if (pool->stats.curr_nr < pool->stats.lowest)
		pool->stats.lowest = pool->stats.curr_nr;
	return number;
}

static void give_back(struct mempools *m, const struct pool *pool, uint32_t number, unsigned int cpu,
	struct meter *meter)
{
	mempool_backing_give(m, &pool->stats.create, m->elements[number].object, cpu, meter);
	forget(m, number);
}

/* Fill the reserve from the backing. */
static enum mm_answer fill(struct mempools *m, uint32_t number, unsigned int cpu, struct meter *meter)
{
	struct pool *pool = &m->pools[number];

	while (pool->stats.curr_nr < pool->stats.create.min_nr) {
		struct slab_object object;
		enum mm_answer answer = MM_FAILED;

		if (reserve_number(m))
			answer = mempool_backing_take(m, &pool->stats.create, GFP_KERNEL, cpu, &object, meter);
		if (answer != MM_DONE)
			return answer;
		push(m, pool, number_of(m, number, object));
	}
	return MM_DONE;
}

/* Reserve, array and header go, in the kernel's order (mempool_exit(), kfree()). */
static void dismantle(struct mempools *m, struct pool *pool, unsigned int cpu, struct meter *meter)
{
	while (pool->stats.curr_nr)
		give_back(m, pool, pop(m, pool), cpu, meter);
	if (pool->has_array)
		slab_free(m->slab, pool->array, cpu, meter);
	if (pool->has_header)
		slab_free(m->slab, pool->header, cpu, meter);
	pool->has_array = pool->has_header = false;
	free(pool->reserve);
	pool->reserve = NULL;
	pool->capacity = 0;
}

/* A new pool's place. Return: MEMPOOL_NONE when the program has no memory for it. */
static uint32_t begin_pool(struct mempools *m, const struct mempool_create *create)
{
	uint32_t *reserve = malloc((create->min_nr ? create->min_nr : 1) * sizeof(*reserve));

	if (!reserve)
		return MEMPOOL_NONE;
	if (!array_room(&m->pools, &m->cap_pools, m->nr_pools)) {
		free(reserve);
		return MEMPOOL_NONE;
	}
	m->pools[m->nr_pools] = (struct pool){ .reserve = reserve,
		.capacity = create->min_nr,
		.stats = { .create = *create,
			.lowest = create->min_nr,
			.element_alloc = mempool_element_alloc(m, create),
			.element_bytes = mempool_element_bytes(m, create), }, };
	return m->nr_pools++;
}

/* mempool_create_node() and mempool_init_node(), as far as they have not been done yet. */
static enum mm_answer build(struct mempools *m, uint32_t number, unsigned int cpu, struct meter *meter)
{
	struct pool *pool = &m->pools[number];
	enum mm_answer answer;

	if (!pool->has_header) {
		answer = mempool_take_kmalloc(m, m->machine->bits32 ? HEADER_BYTES_32 : HEADER_BYTES_64,
			GFP_KERNEL | GFP_BIT_ZERO, cpu, &pool->header, meter);
		if (answer != MM_DONE)
			return answer;
		pool->has_header = true;
	}
	if (!pool->has_array && pool->capacity) {
		answer = mempool_take_kmalloc(m, array_bytes(m, pool->capacity), GFP_KERNEL, cpu, &pool->array, meter);
		if (answer != MM_DONE)
			return answer;
		pool->has_array = true;
	}
	return fill(m, number, cpu, meter);
}

enum mm_answer mempool_create(struct mempools *m, const struct mempool_create *create, unsigned int cpu, uint32_t *pool,
	struct meter *meter)
{
	enum mm_answer answer;

	if (*pool == MEMPOOL_NONE) {
		if (create->min_nr > MIN_NR_MAX || create->order > m->machine->page_allocator.max_order)
			return MM_FAILED;
		*pool = begin_pool(m, create);
	}
	if (*pool == MEMPOOL_NONE)
		return MM_FAILED;
	answer = build(m, *pool, cpu, meter);
	if (answer == MM_DONE) {
		m->pools[*pool].state = POOL_LIVES;
		m->pools[*pool].stats.lowest = create->min_nr;
	} else if (answer == MM_FAILED) {
		dismantle(m, &m->pools[*pool], cpu, meter);
		m->pools[*pool].state = POOL_DESTROYED;
		m->pools[*pool].stats.destroyed = true;
	}
	return answer;
}

static uint32_t find_in_state(const struct mempools *m, uint64_t name, enum pool_state state)
{
	for (uint32_t pool = m->nr_pools; pool-- > 0;)
		if (m->pools[pool].state == state && m->pools[pool].stats.create.name == name)
			return pool;
	return MEMPOOL_NONE;
}

uint32_t mempool_find(const struct mempools *m, uint64_t name)
{
	return find_in_state(m, name, POOL_LIVES);
}

uint32_t mempool_unfinished(const struct mempools *m, uint64_t name)
{
	return find_in_state(m, name, POOL_BEGUN);
}

uint32_t mempool_nr(const struct mempools *m)
{
	return m->nr_pools;
}

bool mempool_lives(const struct mempools *m, uint32_t pool)
{
	return pool < m->nr_pools && m->pools[pool].state == POOL_LIVES;
}

static enum mm_answer hand_out(struct pool *pool, uint32_t number, uint32_t *element)
{
	*element = number;
	pool->stats.allocs++;
	if (++pool->stats.outstanding > pool->stats.peak)
		pool->stats.peak = pool->stats.outstanding;
	return MM_DONE;
}

/* One attempt: the backing, then the reserve. */
static enum mm_answer attempt(struct mempools *m, uint32_t number, gfp_t gfp, unsigned int cpu, uint32_t *element,
	struct meter *meter)
{
	struct pool *pool = &m->pools[number];
	struct slab_object object;
	enum mm_answer answer = mempool_backing_take(m, &pool->stats.create, gfp, cpu, &object, meter);

	if (answer == MM_WAIT)
		return answer;
	if (answer == MM_DONE)
		return hand_out(pool, number_of(m, number, object), element);
	if (!pool->stats.curr_nr)
		return MM_FAILED;
	meter_charge_locked(meter, STEP_MEMPOOL_RESERVE, 1, LOCK_MEMPOOL);
	pool->stats.from_reserve++;
	return hand_out(pool, pop(m, pool), element);
}

/* A request that slept for an element is back: its place is no other's. */
static void note_woken(struct mempool_stats *stats, struct meter *meter)
{
	meter->wait.place = (struct mm_place){ 0 };
	stats->timeouts += meter->wait.timed_out;
	stats->wait_ns += meter->wait.timed_out ? MEMPOOL_TIMEOUT_NS : 0;
}

enum mm_answer mempool_alloc(struct mempools *m, uint32_t pool, gfp_t gfp, unsigned int cpu, uint32_t *element,
	struct meter *meter)
{
	gfp_t full = gfp | GFP_BIT_NOMEMALLOC | GFP_BIT_NORETRY | GFP_BIT_NOWARN;
	gfp_t light = full & ~(GFP_BIT_DIRECT_RECLAIM | GFP_BIT_IO);
	/* A request that slept, for an element or in reclaim, has made its light attempt. */
	bool begun = meter->wait.place.stage != 0;
	enum mm_answer answer = MM_FAILED;

	if (!reserve_number(m))
		return MM_FAILED;
	if (meter->wait.place.stage == STAGE_WAITED)
		note_woken(&m->pools[pool].stats, meter);
	if (!begun)
		answer = attempt(m, pool, light, cpu, element, meter);
	if (answer == MM_FAILED && (begun || full != light))
		answer = attempt(m, pool, full, cpu, element, meter);
	if (answer != MM_FAILED)
		return answer;
	if (full & GFP_BIT_DIRECT_RECLAIM) {
		meter->wait.place = (struct mm_place){ .stage = STAGE_WAITED };
		return meter_wait(meter, SLEEP_MEMPOOL, pool, MEMPOOL_TIMEOUT_NS);
	}
	m->pools[pool].stats.failed++;
	return MM_FAILED;
}

uint32_t mempool_free(struct mempools *m, uint32_t element, unsigned int cpu, struct meter *meter)
{
	uint32_t number = m->elements[element].pool;
	struct pool *pool = &m->pools[number];

	pool->stats.outstanding--;
	pool->stats.frees++;
	if (pool->state != POOL_LIVES || pool->stats.curr_nr >= pool->stats.create.min_nr) {
		give_back(m, pool, element, cpu, meter);
		return MEMPOOL_NONE;
	}
	meter_charge_locked(meter, STEP_MEMPOOL_RESERVE, 1, LOCK_MEMPOOL);
	pool->stats.refills++;
	push(m, pool, element);
	return number;
}

uint32_t mempool_of(const struct mempools *m, uint32_t element)
{
	return m->elements[element].pool;
}

struct slab_object mempool_element(const struct mempools *m, uint32_t element)
{
	return m->elements[element].object;
}

/* A larger array; the kernel takes the new one before it frees the old one. */
static enum mm_answer grow_array(struct mempools *m, struct pool *pool, uint32_t min_nr, unsigned int cpu,
	struct meter *meter)
{
	struct slab_object array;
	uint32_t *reserve;
	enum mm_answer answer = mempool_take_kmalloc(m, array_bytes(m, min_nr), GFP_KERNEL, cpu, &array, meter);

	if (answer != MM_DONE)
		return answer;
	reserve = realloc(pool->reserve, min_nr * sizeof(*reserve));
	if (!reserve) {
		slab_free(m->slab, array, cpu, meter);
		return MM_FAILED;
	}
	if (pool->has_array)
		slab_free(m->slab, pool->array, cpu, meter);
	pool->array = array;
	pool->has_array = true;
	pool->reserve = reserve;
	pool->capacity = min_nr;
	return MM_DONE;
}

enum mm_answer mempool_resize(struct mempools *m, uint32_t pool, uint32_t min_nr, unsigned int cpu, struct meter *meter)
{
	struct pool *p = &m->pools[pool];
	enum mm_answer answer = MM_DONE;

	if (min_nr == 0 || min_nr > MIN_NR_MAX)
		return MM_FAILED;
	/*
	 * As many as before are a shrink, too: a reserve that
	 * lacks some is not filled. But a call that slept goes on.
	 */
	if (min_nr < p->stats.create.min_nr || (min_nr == p->stats.create.min_nr && !p->filling)) {
		p->stats.create.min_nr = min_nr;
		p->filling = false;
		while (p->stats.curr_nr > min_nr)
			give_back(m, p, pop(m, p), cpu, meter);
		return MM_DONE;
	}
	/* The kernel takes a new array each time min_nr grows, though the old one may have the room after a shrink. */
	if (min_nr > p->stats.create.min_nr)
		answer = grow_array(m, p, min_nr, cpu, meter);
	if (answer != MM_DONE)
		return answer;
	p->stats.create.min_nr = min_nr;
	p->filling = fill(m, pool, cpu, meter) == MM_WAIT;
	return p->filling ? MM_WAIT : MM_DONE;
}

uint64_t mempool_destroy(struct mempools *m, uint32_t pool, unsigned int cpu, struct meter *meter)
{
	struct pool *p = &m->pools[pool];
	uint32_t curr_nr = p->stats.curr_nr, lowest = p->stats.lowest;

	dismantle(m, p, cpu, meter);
	p->stats.curr_nr = curr_nr;
	p->stats.lowest = lowest;
	p->state = POOL_DESTROYED;
	p->stats.destroyed = true;
	return p->stats.outstanding;
}

void mempool_refused(struct mempools *m, uint32_t pool)
{
	m->pools[pool].stats.failed++;
}

void mempool_waited(struct mempools *m, uint32_t pool, uint64_t waits, uint64_t wait_ns)
{
	m->pools[pool].stats.waits += waits;
	m->pools[pool].stats.wait_ns += wait_ns;
}

void mempool_get_stats(const struct mempools *m, uint32_t pool, struct mempool_stats *stats)
{
	*stats = m->pools[pool].stats;
}

static int mempool_init(void *state, struct mm *mm, struct err *err)
{
	struct mempools *m = state;

	(void)err;
	*m = (struct mempools){ .machine = mm->machine,
		.slab = mm->slab,
		.pages = mm->pages,
		.free_element = ELEMENT_FREE };
	return 0;
}

static void mempool_fini(void *state)
{
	struct mempools *m = state;

	for (uint32_t pool = 0; pool < m->nr_pools; pool++)
		free(m->pools[pool].reserve);
	free(m->pools);
	free(m->elements);
}

const struct mechanism mech_mempool = {
	.name = "mempool", .slot = SLOT_MEMPOOL, .state_size = sizeof(struct mempools),
	.init = mempool_init, .fini = mempool_fini, .check = mempool_check,
};
