/*
 * sort: rows by two numbers. A radix sort: its time grows with
 * the rows alone, and rows that are alike stay as they stood.
 */
#ifndef KMEMSIM_BASE_SORT_H
#define KMEMSIM_BASE_SORT_H

#include <stdbool.h>
#include <stdint.h>

struct sort_row {
	uint32_t group; /* sorted by this, */
	uint32_t index; /* the caller's: what the row is of */
	uint64_t place; /* then by this */
};

/**
 * sort_rows() - by group, then place; rows of one place stay in order.
 * Return: false when there is no memory: they are as they were.
 */
bool sort_rows(struct sort_row *rows, uint32_t nr);

#endif
