/*
 * file_pages: which pages of files the trace has, in the order in which it got them, and how many each task
 * brought. Those that reclaim has taken are still the file's; those that the trace has freed are not. Knows slots
 * and tasks; knows nothing of memory.
 *
 * Invariants
 *  1. numbers rise from one page to the next, and are below nr_ever
 *  2. place[] of a slot is 1 + where its page stands, and 0 for every other slot
 *  3. nr_gone counts the gaps
 *  4. of_task[] counts a task's pages
 */
#ifndef KMEMSIM_SIM_FILE_PAGES_H
#define KMEMSIM_SIM_FILE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

struct err;

struct file_page {
	uint64_t number; /* in order of coming, from 0 */
	uint32_t slot;   /* SLOT_NONE: a gap, its page is no more */
	uint32_t task;   /* who wrote or read it first */
};

struct file_pages {
	struct file_page *pages; /* owned; gaps are closed when they are more than half of them */
	uint32_t nr, cap;
	uint32_t nr_gone;
	uint64_t nr_ever;
	uint32_t *place;         /* owned; by slot */
	uint32_t *of_task;       /* owned; by task */
	uint32_t nr_slots, nr_tasks;
};

/** Goes over the pages of one task, from the first on, or over all, from anyone on: each page once. */
struct file_walk {
	uint64_t next, end;   /* numbers: where it looks next, and where that ends */
	uint64_t rest;        /* numbers below are looked at when it has come to the end: it began there */
	uint32_t task_plus1;  /* 0: all tasks' */
	uint32_t hint;        /* where next may stand */
};

/**
 * file_pages_init() - none yet, of @nr_slots slots and @nr_tasks tasks. Return: 0, or ERR_NOMEM;
 * either way file_pages_fini() ends it.
 */
int file_pages_init(struct file_pages *files, uint32_t nr_slots, uint32_t nr_tasks, struct err *err);
void file_pages_fini(struct file_pages *files);

/**
 * file_pages_add() - @slot has a page of a file now, of @task; what the slot had before is no more.
 * Return: false when there is no memory.
 */
bool file_pages_add(struct file_pages *files, uint32_t slot, uint32_t task);
/** file_pages_remove() - the page of @slot, if it had one, is no more. */
void file_pages_remove(struct file_pages *files, uint32_t slot);
/** file_pages_alive() - how many there are. */
uint32_t file_pages_alive(const struct file_pages *files);
/**
 * file_pages_fitting() - which of the tasks with @least pages or more has the number next to @pages, the last of
 * equals. Return: 1 + task; 0: no task has so many.
 */
uint32_t file_pages_fitting(const struct file_pages *files, uint64_t pages, uint64_t least);

/**
 * file_walk_begin() - @task_plus1: of that task, from its first page on, later ones too. 0:
 * of all, from entry @from on, less than files->nr, and in the end those before it.
 */
void file_walk_begin(struct file_walk *walk, const struct file_pages *files, uint32_t task_plus1, uint32_t from);
/**
 * file_walk_next() - the next page. Return: its slot; SLOT_NONE when there is no other,
 * which a page added later may change.
 */
uint32_t file_walk_next(struct file_walk *walk, const struct file_pages *files);

/** file_pages_check() - the invariants above. Return: 0, or ERR_INVARIANT. */
int file_pages_check(const struct file_pages *files, struct err *err);

#endif
