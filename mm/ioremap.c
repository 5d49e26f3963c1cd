#include "mm/ioremap_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/mm.h"
#include "mm/resource.h"
#include "mm/vmalloc.h"

#define ISA_HOLE_START 0xa0000u
#define ISA_HOLE_END   0x100000u

uint64_t ioremap_bytes(const struct ioremap *io, uint64_t phys, uint64_t size)
{
	uint64_t page = io->machine->page_size;

	if (!size || phys + (size - 1) < phys)
		return 0;
	return (phys + (size - 1)) / page * page + page - phys / page * page;
}

uint32_t ioremap_first_meeting(const struct ioremap *io, uint64_t phys)
{
	uint64_t reach = phys > io->largest ? phys - io->largest : 0;
	uint32_t low = 0, high = io->nr_live;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (io->mappings[io->by_phys[middle]].phys < reach)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool in_isa_hole(uint64_t phys, uint64_t bytes)
{
	return phys >= ISA_HOLE_START && phys + bytes <= ISA_HOLE_END;
}

/* x86 has no non-posted mappings: ioremap_np() is ioremap() where an architecture does not say otherwise. */
static enum ioremap_mode type_of(enum ioremap_mode mode)
{
	return mode == IOREMAP_NP ? IOREMAP_UC : mode;
}

/* is_new_memtype_allowed(): whether who asked for @wanted can live with @type. */
static bool type_allowed(enum ioremap_mode wanted, enum ioremap_mode type)
{
	if (type == IOREMAP_WB)
		return wanted != IOREMAP_UC && wanted != IOREMAP_WC && wanted != IOREMAP_WT;
	return !(wanted == IOREMAP_WT && type == IOREMAP_WC);
}

/*
 * memtype_reserve(): the mode of the mappings that are there, if it is one and the same, or the mode
 * asked for if there are none. Return: false when there are several, or the one is no substitute.
 */
static bool reserve_type(const struct ioremap *io, uint64_t phys, uint64_t bytes, enum ioremap_mode wanted,
	uint8_t *granted)
{
	bool met = false;

	*granted = (uint8_t)wanted;
	if (in_isa_hole(phys, bytes)) {
		*granted = IOREMAP_WB;
		return true;
	}
	for (uint32_t i = ioremap_first_meeting(io, phys); i < io->nr_live; i++) {
		const struct ioremap_mapping *other = &io->mappings[io->by_phys[i]];

		if (other->phys >= phys + bytes)
			break;
		if (other->phys + other->bytes <= phys || in_isa_hole(other->phys, other->bytes))
			continue;
		if (met && other->mode != *granted)
			return false;
		*granted = other->mode;
		met = true;
	}
	return *granted == wanted || type_allowed(wanted, (enum ioremap_mode)*granted);
}

static bool grow(struct ioremap *io)
{
	uint32_t cap = array_bigger(io->cap, io->cap);

	if (!array_resize(&io->mappings, sizeof(*io->mappings), cap) ||
		!array_resize(&io->unused, sizeof(*io->unused), cap) ||
		!array_resize(&io->by_phys, sizeof(*io->by_phys), cap))
		return false;
	io->cap = cap;
	return true;
}

static void count_mapping(struct ioremap *io, const struct ioremap_mapping *mapping, bool begins)
{
	uint64_t one = begins ? 1 : (uint64_t)-1;
	struct ioremap_stats *stats = &io->stats;

	stats->live += one;
	stats->live_bytes += one * mapping->bytes;
	stats->by_mode[mapping->mode] += one;
	stats->size_by_mode[mapping->mode] += one * mapping->size;
	stats->bytes_by_mode[mapping->mode] += one * mapping->bytes;
	stats->peak_live = max_u64(stats->peak_live, stats->live);
	stats->peak_bytes = max_u64(stats->peak_bytes, stats->live_bytes);
}

/* There is room: grow() has seen to it. */
static uint32_t add_mapping(struct ioremap *io, const struct ioremap_mapping *mapping)
{
	uint32_t number = io->nr_unused ? io->unused[--io->nr_unused] : io->nr++, at = io->nr_live;

	io->mappings[number] = *mapping;
	while (at && io->mappings[io->by_phys[at - 1]].phys > mapping->phys)
		at--;
	memmove(&io->by_phys[at + 1], &io->by_phys[at], (io->nr_live - at) * sizeof(io->by_phys[0]));
	io->by_phys[at] = number;
	io->nr_live++;
	io->largest = max_u64(io->largest, mapping->bytes);
	count_mapping(io, mapping, true);
	return number;
}

static enum ioremap_refusal check_request(const struct ioremap *io, const struct ioremap_request *req)
{
	uint64_t last = req->phys + (req->size - 1);

	if (!req->size || last < req->phys)
		return IOREMAP_EMPTY;
	if (last >= MACHINE_PHYS_END)
		return IOREMAP_TOO_HIGH;
	/* The kernel's walk needs a start below its end: one byte of RAM gets by. */
	if (req->size > 1 && !req->older && resource_is_ram(io->resources, req->phys, last))
		return IOREMAP_RAM;
	return IOREMAP_GRANTED;
}

static enum ioremap_refusal map(struct ioremap *io, const struct ioremap_request *req, struct ioremap_answer *answer,
	struct meter *meter)
{
	enum ioremap_mode wanted = type_of(req->mode);
	enum ioremap_refusal refusal = check_request(io, req);
	struct ioremap_mapping mapping = { .size = req->size, .caller = req->caller, .live = true, .first = 1 };
	struct vmap_request area;

	if (refusal != IOREMAP_GRANTED)
		return refusal;
	mapping.offset = (uint32_t)(req->phys % io->machine->page_size);
	mapping.phys = req->phys - mapping.offset;
	mapping.bytes = ioremap_bytes(io, req->phys, req->size);
	meter_charge(meter, STEP_IOREMAP, 1);
	if (!reserve_type(io, mapping.phys, mapping.bytes, wanted, &mapping.mode))
		return IOREMAP_TYPE;
	area = (struct vmap_request){ .size = mapping.bytes, .phys = mapping.phys, .caller = req->caller, .node = -1,
		.gfp = GFP_KERNEL, .cpu = (uint16_t)req->cpu, .use = VMAP_IOREMAP };
	if ((io->nr == io->cap && !io->nr_unused && !grow(io)) ||
		vmap_take(io->vmalloc, &area, &mapping.area, meter) != MM_DONE)
		return IOREMAP_NO_AREA;
	io->stats.other_type += mapping.mode != wanted;
	answer->mapping = add_mapping(io, &mapping);
	return IOREMAP_GRANTED;
}

struct ioremap_answer ioremap_map(struct ioremap *io, const struct ioremap_request *req, struct meter *meter)
{
	struct ioremap_answer answer = { .mapping = IOREMAP_NONE };

	answer.refusal = map(io, req, &answer, meter);
	io->stats.maps++;
	io->stats.refused[answer.refusal]++;
	if (answer.refusal != IOREMAP_GRANTED)
		return answer;
	answer.claimed = resource_claimed(io->resources, RESOURCE_IOMEM, req->phys, req->phys + (req->size - 1));
	answer.spans = resource_spans(io->resources, req->phys, req->phys + (req->size - 1), io->machine->page_size);
	io->stats.unclaimed += !answer.claimed;
	io->stats.spans += answer.spans;
	return answer;
}

void ioremap_unmap(struct ioremap *io, uint32_t number, uint32_t cpu, struct meter *meter)
{
	struct ioremap_mapping *mapping = &io->mappings[number];
	uint32_t at = ioremap_first_meeting(io, mapping->phys);

	while (io->by_phys[at] != number)
		at++;
	memmove(&io->by_phys[at], &io->by_phys[at + 1], (io->nr_live - at - 1) * sizeof(io->by_phys[0]));
	io->nr_live--;
	count_mapping(io, mapping, false);
	io->stats.unmaps++;
	meter_charge(meter, STEP_IOUNMAP, 1);
	vmap_give(io->vmalloc, mapping->area, cpu, meter);
	mapping->live = false;
	io->unused[io->nr_unused++] = number;
	if (io->last == number)
		io->last = IOREMAP_NONE;
}

bool ioremap_to_user(struct ioremap *io, uint64_t phys, uint64_t size, struct meter *meter)
{
	uint64_t bytes = ioremap_bytes(io, phys, size);

	if (!bytes || phys % io->machine->page_size)
		return false;
	meter_charge(meter, STEP_IOREMAP, 1);
	meter_charge(meter, STEP_VM_MAP_RAM_PAGE, (uint32_t)min_u64(bytes / io->machine->page_size, UINT32_MAX));
	io->stats.user_maps++;
	io->stats.user_bytes += bytes;
	return true;
}

const struct ioremap_stats *ioremap_stats(const struct ioremap *io)
{
	return &io->stats;
}

const struct io_use_list *ioremap_use(const struct ioremap *io)
{
	return &io->use;
}

uint32_t ioremap_next(const struct ioremap *io, uint32_t from)
{
	for (; from < io->nr; from++)
		if (io->mappings[from].live)
			return from;
	return IOREMAP_NONE;
}

const struct ioremap_mapping *ioremap_get(const struct ioremap *io, uint32_t mapping)
{
	return &io->mappings[mapping];
}

uint64_t ioremap_address(const struct ioremap *io, uint32_t mapping)
{
	return vmap_address(io->vmalloc, io->mappings[mapping].area) + io->mappings[mapping].offset;
}

static int ioremap_init(void *state, struct mm *mm, struct err *err)
{
	struct ioremap *io = state;

	io->machine = mm->machine;
	io->resources = mm_state(mm, SLOT_RESOURCE);
	io->vmalloc = mm_state(mm, SLOT_VMALLOC);
	io->last = IOREMAP_NONE;
	io->devices = calloc(1, sizeof(*io->devices));
	io->cap_devices = 1;
	if (!io->devices || !grow(io) || io_use_find(&io->use, 0, UINT64_MAX, "") != 0 || !io->use.nr)
		return err_set(err, ERR_NOMEM, "no memory for the mappings of devices");
	return 0;
}

static void ioremap_fini(void *state)
{
	struct ioremap *io = state;

	free(io->mappings);
	free(io->unused);
	free(io->by_phys);
	free(io->devices);
	io_use_fini(&io->use);
}

/* Invariant 2, of mapping @i of by_phys and those before it. */
static int check_types(const struct ioremap *io, uint32_t i, struct err *err)
{
	const struct ioremap_mapping *mapping = &io->mappings[io->by_phys[i]];

	for (uint32_t j = ioremap_first_meeting(io, mapping->phys); j < i; j++) {
		const struct ioremap_mapping *other = &io->mappings[io->by_phys[j]];

		if (other->phys + other->bytes > mapping->phys && other->mode != mapping->mode &&
			!in_isa_hole(other->phys, other->bytes) && !in_isa_hole(mapping->phys, mapping->bytes))
			return err_set(err, ERR_INVARIANT, "ioremap 2: two mappings of 0x%" PRIx64 " differ in mode",
				mapping->phys);
	}
	return 0;
}

static int ioremap_check(const void *state, struct err *err)
{
	const struct ioremap *io = state;
	uint64_t bytes = 0, live = 0;

	for (uint32_t i = 0; i < io->nr_live; i++) {
		const struct ioremap_mapping *mapping = &io->mappings[io->by_phys[i]];

		if (!mapping->live || (i && io->mappings[io->by_phys[i - 1]].phys > mapping->phys))
			return err_set(err, ERR_INVARIANT, "ioremap 1: mapping %u is dead or out of order",
				io->by_phys[i]);
		if (check_types(io, i, err) < 0)
			return -ERR_INVARIANT;
		bytes += mapping->bytes;
	}
	for (uint32_t number = ioremap_next(io, 0); number != IOREMAP_NONE; number = ioremap_next(io, number + 1))
		live++;
	if (live != io->nr_live)
		return err_set(err, ERR_INVARIANT, "ioremap 1: %" PRIu64 " mappings live, %u listed", live,
			io->nr_live);
	if (live != io->stats.live || bytes != io->stats.live_bytes)
		return err_set(err, ERR_INVARIANT,
			"ioremap 3: %" PRIu64 " mappings of %" PRIu64 " bytes, counted %" PRIu64 " of %" PRIu64, live,
			bytes, io->stats.live, io->stats.live_bytes);
	return 0;
}

const struct mechanism mech_ioremap = {
	.name = "ioremap", .slot = SLOT_IOREMAP, .state_size = sizeof(struct ioremap),
	.init = ioremap_init, .fini = ioremap_fini, .check = ioremap_check,
};
