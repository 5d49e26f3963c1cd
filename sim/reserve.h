/* reserve: whether the watermarks of a machine leave its requests anything. */
#ifndef KMEMSIM_SIM_RESERVE_H
#define KMEMSIM_SIM_RESERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mm;

/** The largest of the zones that were looked at; zeroed before the first. */
struct reserve {
	const char *zone;          /* borrowed: its name */
	uint64_t low, managed;     /* pages: its low watermark, and what it has */
};

void reserve_look(struct reserve *reserve, const char *zone, uint64_t low, uint64_t managed);

/**
 * reserve_warning() - what to say of it, in @buf. Return: false when there is nothing: computed watermarks are far from
 * that, and what somebody writes is taken as it is, by the kernel, too.
 */
bool reserve_warning(const struct reserve *reserve, uint32_t page_size, char *buf, size_t size);

/** reserve_warning_of() - as reserve_warning(), of @mm as it has booted or was loaded. */
bool reserve_warning_of(const struct mm *mm, char *buf, size_t size);

#endif
