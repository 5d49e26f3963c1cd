/*
 * csv: reads a table of values with commas between (tabs, when the first line has them), without quotes, by the
 * names in its first line. Every complaint names file, line, column and what was expected.
 */
#ifndef KMEMSIM_CONFIGS_CSV_H
#define KMEMSIM_CONFIGS_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "configs/text_file.h"

#define CSV_MAX_FIELDS 64

struct csv {
	char path[TEXT_PATH_MAX];
	char *text;                   /* owned */
	char *rest;                   /* what is not read yet */
	char separator;               /* comma or tab */
	uint32_t line;                /* of the row at hand; the header is 1 */
	uint32_t nr_fields;           /* in the header, and so in each row */
	const char *const *columns;   /* borrowed: the names asked for; those that end in '?' may be missing */
	int field_of[CSV_MAX_FIELDS]; /* where a column stands; -1 = missing */
	char *fields[CSV_MAX_FIELDS]; /* of the row at hand */
	bool failed;                  /* something in the row at hand was wrong; told by csv_next() */
};

/**
 * csv_open() - read @folder/@name (or .xz) and find @columns in its header, in any order.
 * @columns: NULL ends.
 * Return: 1, or 0 when there is no such file, or a negative code. Only after 1 there is something to csv_close().
 */
int csv_open(struct csv *csv, const char *folder, const char *name, const char *const *columns, struct err *err);
void csv_close(struct csv *csv);

/** csv_next() - go to the next row. Return: 1, 0 at the end, or a negative code: this row or the last is wrong. */
int csv_next(struct csv *csv, struct err *err);

/** csv_has() - whether the file has an optional column. */
bool csv_has(const struct csv *csv, uint32_t column);

/** csv_text() - the field of a column, "" when the column is missing. */
const char *csv_text(const struct csv *csv, uint32_t column);

/**
 * csv_number() - the field as a number, decimal or 0x hexadecimal, at most @max.
 * Return: the number; 0 when the column is missing; 0 when it is no such number, which csv_next() then tells.
 */
uint64_t csv_number(struct csv *csv, uint32_t column, uint64_t max, struct err *err);

/**
 * csv_item() - the next number of a list with blanks between.
 * @at: NULL begins.
 * Return: false at the end, or when it is no such number, which csv_next() then tells.
 */
bool csv_item(struct csv *csv, uint32_t column, const char **at, uint64_t max, uint64_t *value, struct err *err);

/** csv_wrong() - say what is wrong with the field of a column, for csv_next() to return. The first one counts. */
void csv_wrong(struct csv *csv, uint32_t column, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
