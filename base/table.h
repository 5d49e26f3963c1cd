/* table: memory for large arrays of which every element is used. */
#ifndef KMEMSIM_BASE_TABLE_H
#define KMEMSIM_BASE_TABLE_H

#include <stddef.h>

/**
 * table_alloc() - @bytes, not cleared, in huge pages where there are: filling them takes one page fault for 2 MiB,
 * not 512, and walking them fewer misses of the TLB. Only for what is used whole: a huge page is there whole once
 * it is touched.
 *
 * Return: memory that the caller frees, or NULL.
 */
void *table_alloc(size_t bytes);

/**
 * table_map() - @bytes of zeros, each there once it is touched, in huge pages where one would be
 * half full or more: for tables of which the first part is used, and how much of it is not known.
 *
 * Return: memory for table_unmap(), or NULL; errno tells why.
 */
void *table_map(size_t bytes);
/** table_unmap() - @bytes as they were mapped; accepts NULL. */
void table_unmap(void *table, size_t bytes);

#endif
