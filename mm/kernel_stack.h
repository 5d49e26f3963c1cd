/*
 * kernel_stack: a stack for each task: pages of the vmalloc space with a guard behind them (CONFIG_VMAP_STACK) and two
 * per CPU kept for the next task, or one block of pages. Models alloc_thread_stack_node() and free_thread_stack() of
 * kernel/fork.c in kernel 6.1. Knows nothing of tasks and of time.
 */
#ifndef KMEMSIM_MM_KERNEL_STACK_H
#define KMEMSIM_MM_KERNEL_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/answer.h"
#include "mm/meter.h"

struct kernel_stacks; /* the state of SLOT_KERNEL_STACK: mm_state(mm, SLOT_KERNEL_STACK) */

/**
 * kernel_stack_take() - a stack for a new task. @stack: its number until kernel_stack_give().
 * Return: MM_FAILED when there is no memory or no address for one.
 */
enum mm_answer kernel_stack_take(struct kernel_stacks *ks, unsigned int cpu, int node, uint32_t *stack,
	struct meter *meter);

/** kernel_stack_give() - the task on it is over: into the freeing CPU's cache, else freed. */
void kernel_stack_give(struct kernel_stacks *ks, uint32_t stack, unsigned int cpu, struct meter *meter);

/** kernel_stack_overflows() - whether a use of @bytes reaches the word at the stack's end, or beyond. */
bool kernel_stack_overflows(const struct kernel_stacks *ks, uint64_t bytes);

/** kernel_stack_place() - address of the stack, or its first page frame: for the fingerprint. */
uint64_t kernel_stack_place(const struct kernel_stacks *ks, uint32_t stack);

struct kernel_stack_stats {
	uint64_t size;           /* bytes of one */
	uint64_t live, max_live; /* of tasks */
	uint64_t cached;         /* kept for the next tasks */
	uint64_t taken, from_cache, freed, failed; /* freed: not kept */
	uint64_t block_pages;    /* in blocks, which no vmalloc area has */
	uint64_t irq_bytes;      /* interrupt stacks of all CPUs */
};

void kernel_stack_get_stats(const struct kernel_stacks *ks, struct kernel_stack_stats *stats);

#endif
