#include "sim/file_pages.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/err.h"
#include "traces/trace.h"

int file_pages_init(struct file_pages *files, uint32_t nr_slots, uint32_t nr_tasks, struct err *err)
{
	*files = (struct file_pages){ .nr_slots = nr_slots, .nr_tasks = nr_tasks };
	files->place = calloc((size_t)nr_slots + 1, sizeof(*files->place));
	files->of_task = calloc((size_t)nr_tasks + 1, sizeof(*files->of_task));
	if (!files->place || !files->of_task)
		return err_set(err, ERR_NOMEM, "no memory for which of %u objects are pages of files", nr_slots);
	return 0;
}

void file_pages_fini(struct file_pages *files)
{
	free(files->pages);
	free(files->place);
	free(files->of_task);
	*files = (struct file_pages){ 0 };
}

static void close_gaps(struct file_pages *files)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < files->nr; i++) {
		if (files->pages[i].slot == SLOT_NONE)
			continue;
		files->place[files->pages[i].slot] = nr + 1;
		files->pages[nr++] = files->pages[i];
	}
	files->nr = nr;
	files->nr_gone = 0;
}

bool file_pages_add(struct file_pages *files, uint32_t slot, uint32_t task)
{
	file_pages_remove(files, slot);
	if (files->nr == files->cap && files->nr_gone > files->nr / 2)
		close_gaps(files);
	if (!array_room(&files->pages, &files->cap, files->nr))
		return false;
	files->pages[files->nr++] = (struct file_page){ files->nr_ever++, slot, task };
	files->place[slot] = files->nr;
	files->of_task[task]++;
	return true;
}

void file_pages_remove(struct file_pages *files, uint32_t slot)
{
	struct file_page *page;

	if (!files->place[slot])
		return;
	page = &files->pages[files->place[slot] - 1];
	files->of_task[page->task]--;
	files->nr_gone++;
	files->place[slot] = 0;
	page->slot = SLOT_NONE;
}

uint32_t file_pages_alive(const struct file_pages *files)
{
	return files->nr - files->nr_gone;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

uint32_t file_pages_fitting(const struct file_pages *files, uint64_t pages, uint64_t least)
{
	uint32_t best_plus1 = 0;

	for (uint32_t task = 0; task < files->nr_tasks; task++)
		if (files->of_task[task] >= least && (!best_plus1 ||
			difference(files->of_task[task], pages) <= difference(files->of_task[best_plus1 - 1], pages)))
			best_plus1 = task + 1;
	return best_plus1;
}

void file_walk_begin(struct file_walk *walk, const struct file_pages *files, uint32_t task_plus1, uint32_t from)
{
	*walk = (struct file_walk){ .end = UINT64_MAX, .task_plus1 = task_plus1 };
	if (task_plus1 || from >= files->nr)
		return;
	walk->next = walk->rest = files->pages[from].number;
	walk->hint = from;
}

/* Where the first page with @number or a higher one stands; files->nr: there is none. */
static uint32_t place_of(const struct file_pages *files, uint64_t number)
{
	uint32_t low = 0, high = files->nr;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (files->pages[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_in_walk(const struct file_walk *walk, const struct file_page *page)
{
	return page->slot != SLOT_NONE && (!walk->task_plus1 || page->task + 1 == walk->task_plus1);
}

/* On to where the walk ends, or to the last page. */
static uint32_t walk_on(struct file_walk *walk, const struct file_pages *files)
{
	uint32_t at = walk->hint;

	if (at >= files->nr || files->pages[at].number != walk->next)
		at = place_of(files, walk->next);
	for (; at < files->nr && files->pages[at].number < walk->end; at++) {
		walk->next = files->pages[at].number + 1;
		walk->hint = at + 1;
		if (is_in_walk(walk, &files->pages[at]))
			return files->pages[at].slot;
	}
	return SLOT_NONE;
}

uint32_t file_walk_next(struct file_walk *walk, const struct file_pages *files)
{
	uint32_t slot = walk_on(walk, files);

	if (slot != SLOT_NONE || !walk->rest)
		return slot;
	walk->next = 0;
	walk->end = walk->rest;
	walk->rest = 0;
	return walk_on(walk, files);
}

static int check_page(const struct file_pages *files, uint32_t i, struct err *err)
{
	const struct file_page *page = &files->pages[i];

	if (page->number >= files->nr_ever || (i && page->number <= page[-1].number))
		return err_set(err, ERR_INVARIANT, "file_pages 1: page %u has number %" PRIu64 " of %" PRIu64, i,
			page->number, files->nr_ever);
	if (page->slot != SLOT_NONE && files->place[page->slot] != i + 1)
		return err_set(err, ERR_INVARIANT, "file_pages 2: page %u of slot %u, whose place is %u", i, page->slot,
			files->place[page->slot]);
	return 0;
}

/* Return: how many of @places (or counts) are not 0, or their sum. */
static uint64_t sum_of(const uint32_t *values, uint32_t nr, bool of_values)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nr; i++)
		sum += of_values ? values[i] : values[i] != 0;
	return sum;
}

int file_pages_check(const struct file_pages *files, struct err *err)
{
	uint32_t gaps = 0;
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < files->nr; i++) {
		ret = check_page(files, i, err);
		gaps += files->pages[i].slot == SLOT_NONE;
	}
	if (ret < 0)
		return ret;
	if (gaps != files->nr_gone)
		return err_set(err, ERR_INVARIANT, "file_pages 3: %u gaps, counted %u", gaps, files->nr_gone);
	if (sum_of(files->place, files->nr_slots, false) != files->nr - gaps)
		return err_set(err, ERR_INVARIANT, "file_pages 2: a slot without a page has a place");
	if (sum_of(files->of_task, files->nr_tasks, true) != files->nr - gaps)
		return err_set(err, ERR_INVARIANT, "file_pages 4: tasks have %" PRIu64 " pages, there are %u",
			sum_of(files->of_task, files->nr_tasks, true), files->nr - gaps);
	return 0;
}
