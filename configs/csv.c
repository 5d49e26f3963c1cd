#include "configs/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LIMIT (512u << 20) /* bytes: some million slabs with their freelists */
#define SHOWN      40           /* bytes of a wrong field that a message shows */

/* Split the next line at its separators. Return: how many fields there are, also beyond CSV_MAX_FIELDS. */
static uint32_t split_line(struct csv *csv)
{
	char *line = text_next_line(&csv->rest);
	size_t len = strlen(line);
	uint32_t nr = 0;

	csv->line++;
	if (len && line[len - 1] == '\r')
		line[len - 1] = '\0';
	while (line) {
		char *end = strchr(line, csv->separator);

		if (nr < CSV_MAX_FIELDS)
			csv->fields[nr] = line;
		nr++;
		if (end)
			*end++ = '\0';
		line = end;
	}
	return nr;
}

/* "pos?" is the name "pos". */
static int find_column(const struct csv *csv, const char *name, size_t len)
{
	for (uint32_t i = 0; i < csv->nr_fields; i++) {
		if (!strncmp(csv->fields[i], name, len) && !csv->fields[i][len])
			return (int)i;
	}
	return -1;
}

static int read_header(struct csv *csv, struct err *err)
{
	if (!*csv->rest)
		return err_set(err, ERR_CONFIG, "%s: empty, expected a line with the names of the columns", csv->path);
	csv->separator = memchr(csv->rest, '\t', strcspn(csv->rest, "\n")) ? '\t' : ',';
	csv->nr_fields = split_line(csv);
	if (csv->nr_fields > CSV_MAX_FIELDS)
		return err_set(err, ERR_CONFIG, "%s:1: %" PRIu32 " columns, expected at most %d", csv->path,
			csv->nr_fields, CSV_MAX_FIELDS);
	for (uint32_t i = 0; csv->columns[i]; i++) {
		const char *name = csv->columns[i];
		size_t len = strcspn(name, "?");

		csv->field_of[i] = find_column(csv, name, len);
		if (csv->field_of[i] < 0 && !name[len])
			return err_set(err, ERR_CONFIG, "%s:1: column %s is missing", csv->path, name);
	}
	return 0;
}

int csv_open(struct csv *csv, const char *folder, const char *name, const char *const *columns, struct err *err)
{
	int got;

	*csv = (struct csv){ .columns = columns };
	got = text_read_in(&csv->text, folder, name, TEXT_LIMIT, csv->path, err);
	if (got <= 0)
		return got;
	csv->rest = csv->text;
	got = read_header(csv, err);
	if (got < 0)
		csv_close(csv);
	return got < 0 ? got : 1;
}

void csv_close(struct csv *csv)
{
	free(csv->text);
	csv->text = NULL;
}

int csv_next(struct csv *csv, struct err *err)
{
	uint32_t nr;

	if (csv->failed)
		return -(int)ERR_CONFIG;
	if (!*csv->rest)
		return 0;
	if (!strchr(csv->rest, '\n'))
		return err_set(err, ERR_CONFIG, "%s:%" PRIu32 ": the last line is cut off", csv->path, csv->line + 1);
	nr = split_line(csv);
	if (nr != csv->nr_fields)
		return err_set(err, ERR_CONFIG, "%s:%" PRIu32 ": %" PRIu32 " fields, expected %" PRIu32
			" as in the first line", csv->path, csv->line, nr, csv->nr_fields);
	return 1;
}

bool csv_has(const struct csv *csv, uint32_t column)
{
	return csv->field_of[column] >= 0;
}

const char *csv_text(const struct csv *csv, uint32_t column)
{
	return csv_has(csv, column) ? csv->fields[csv->field_of[column]] : "";
}

void csv_wrong(struct csv *csv, uint32_t column, struct err *err, const char *fmt, ...)
{
	char expected[160], found[SHOWN];
	va_list args;

	if (csv->failed)
		return;
	csv->failed = true;
	va_start(args, fmt);
	vsnprintf(expected, sizeof(expected), fmt, args);
	va_end(args);
	/* For a terminal, whatever a damaged file has. */
	snprintf(found, sizeof(found), "%s", csv_text(csv, column));
	for (char *c = found; *c; c++)
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	err_set(err, ERR_CONFIG, "%s:%" PRIu32 ": %.*s: expected %s, found '%s'", csv->path, csv->line,
		(int)strcspn(csv->columns[column], "?"), csv->columns[column], expected, found);
}

/* Return: behind the number at @text, or NULL when there is none up to @max. */
static const char *parse_number(const char *text, uint64_t max, uint64_t *value)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	uint64_t number;
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	number = strtoull(text, &end, base);
	if (errno || number > max)
		return NULL;
	*value = number;
	return end;
}

uint64_t csv_number(struct csv *csv, uint32_t column, uint64_t max, struct err *err)
{
	const char *text = csv_text(csv, column), *end;
	uint64_t value = 0;

	if (!csv_has(csv, column))
		return 0;
	end = parse_number(text, max, &value);
	if (end && !*end)
		return value;
	csv_wrong(csv, column, err, "a number up to %" PRIu64, max);
	return 0;
}

bool csv_item(struct csv *csv, uint32_t column, const char **at, uint64_t max, uint64_t *value, struct err *err)
{
	const char *text = *at ? *at : csv_text(csv, column), *end;

	text += strspn(text, " ");
	if (!*text)
		return false;
	end = parse_number(text, max, value);
	if (!end || (*end && *end != ' ')) {
		csv_wrong(csv, column, err, "numbers up to %" PRIu64 " with blanks between", max);
		return false;
	}
	*at = end;
	return true;
}
