#include "configs/findings.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_COLUMNS 100 /* of a source line; a longer one is shown around the place */

char *finding_quote(const char *text, size_t len, char *buf, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (used + 5 >= size) {
			memcpy(buf + used, "...", 3);
			used += 3;
			break;
		}
		buf[used++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	buf[used] = '\0';
	return buf;
}

void findings_add(struct findings *findings, struct finding_place place, const char *fmt, ...)
{
	struct finding *finding;
	va_list args;

	if (findings->nr++ >= FINDINGS_SHOWN)
		return;
	finding = &findings->shown[findings->nr - 1];
	finding->place = place;
	va_start(args, fmt);
	if (vasprintf(&finding->text, fmt, args) < 0)
		finding->text = NULL;
	va_end(args);
}

/* The line @number of the text, without its end. */
static const char *source_line(const struct findings *f, uint32_t number, size_t *len)
{
	const char *at = f->text, *end = f->text + f->len;

	if (f->len >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
		at += 3;
	for (; number > 1 && at < end; number--) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	}
	*len = 0;
	while (at + *len < end && at[*len] != '\n' && at[*len] != '\r')
		(*len)++;
	return at;
}

static bool starts_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80; /* all but the later bytes of UTF-8 */
}

/* The bytes of a line that come before its character @column (1-based). */
static size_t bytes_before(const char *line, size_t len, uint32_t column)
{
	size_t i = 0;

	for (uint32_t at = 1; i < len && at < column; at++) {
		i++;
		while (i < len && !starts_character(line[i]))
			i++;
	}
	return i;
}

/* "   12 | zones: {dma: 4GiBB}" and a caret under the place. Return: bytes written, at most @size - 1. */
static size_t show_source(const struct findings *f, struct finding_place place, char *buf, size_t size)
{
	size_t len, mark, first = 0, used;
	const char *line = source_line(f, place.line, &len);

	mark = bytes_before(line, len, place.column);
	if (len > SHOWN_COLUMNS && mark > SHOWN_COLUMNS / 2) {
		first = mark - SHOWN_COLUMNS / 2;
		while (!starts_character(line[first]) && first < mark)
			first++;
	}
	if (len - first > SHOWN_COLUMNS) {
		len = first + SHOWN_COLUMNS;
		while (!starts_character(line[len]) && len > mark)
			len--;
	}
	if (size < 2 * (len - first) + 40)
		return 0;
	used = (size_t)snprintf(buf, size, "%5u | ", place.line);
	for (size_t i = first; i < len; i++)
		buf[used++] = iscntrl((unsigned char)line[i]) && line[i] != '\t' ? '?' : line[i];
	used += (size_t)snprintf(buf + used, size - used, "\n      | ");
	for (size_t i = first; i < mark; i++) {
		if (starts_character(line[i]))
			buf[used++] = line[i] == '\t' ? '\t' : ' ';
	}
	used += (size_t)snprintf(buf + used, size - used, "^\n");
	return used;
}

static int by_place(const void *a, const void *b)
{
	const struct finding_place *x = &((const struct finding *)a)->place, *y = &((const struct finding *)b)->place;

	if (!x->setting != !y->setting)
		return x->setting ? 1 : -1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (x->column > y->column) - (x->column < y->column);
}

/* Return: bytes written, 0 when @size is too small for it. */
static size_t show(const struct findings *f, const struct finding *finding, char *buf, size_t size)
{
	struct finding_place place = finding->place;
	const char *text = finding->text ? finding->text : "no memory to say what";
	char setting[100];
	int used;

	if (place.setting)
		used = snprintf(buf, size, "--set %s: %s\n",
			finding_quote(place.setting, strlen(place.setting), setting, sizeof(setting)), text);
	else if (place.line)
		used = snprintf(buf, size, "%s:%u:%u: error: %s\n", f->file, place.line, place.column, text);
	else
		used = snprintf(buf, size, "%s: error: %s\n", f->file, text);
	if (used < 0 || (size_t)used >= size)
		return 0;
	if (!place.setting && place.line)
		used += (int)show_source(f, place, buf + used, size - (size_t)used);
	return (size_t)used;
}

int findings_report(struct findings *findings, struct err *err)
{
	uint32_t kept = findings->nr < FINDINGS_SHOWN ? findings->nr : FINDINGS_SHOWN, told = 0;
	char text[ERR_TEXT_MAX];
	const size_t room = sizeof(text) - 40; /* for the last line */
	size_t used = 0;

	if (!findings->nr)
		return 0;
	qsort(findings->shown, kept, sizeof(findings->shown[0]), by_place);
	while (told < kept) {
		size_t more = show(findings, &findings->shown[told], text + used, room - used);

		if (!more)
			break;
		used += more;
		told++;
	}
	if (told < findings->nr)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "... and %u more", findings->nr - told);
	else
		used--; /* the last end of line */
	return err_set(err, ERR_CONFIG, "%.*s", (int)used, text);
}

void findings_fini(struct findings *findings)
{
	for (uint32_t i = 0; i < FINDINGS_SHOWN; i++)
		free(findings->shown[i].text);
}
