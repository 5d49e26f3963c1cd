/*
 * text: words, numbers and colours of the report on a terminal. Counts characters, not bytes, where it
 * aligns.
 */
#ifndef KMEMSIM_REPORTS_TEXT_PRIV_H
#define KMEMSIM_REPORTS_TEXT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Select Graphic Rendition (ECMA-48). */
enum text_style {
	TEXT_PLAIN = 0,
	TEXT_BOLD = 1,
	TEXT_DIM = 2,
	TEXT_RED = 31,
	TEXT_YELLOW = 33,
	TEXT_CYAN = 36
};

/** text_style() - switch to @style when @colour is true. */
void text_style(FILE *out, bool colour, enum text_style style);

/** text_width() - columns that @text takes: its UTF-8 characters. */
int text_width(const char *text);

/** text_padded() - @text in @width columns, to the right when @right; a control character becomes "?". */
void text_padded(FILE *out, const char *text, int width, bool right);

/** text_shortened() - @text, or its beginning and "…" when it takes more than @width columns. Return: @buf. */
char *text_shortened(const char *text, int width, char *buf, size_t size);

/**
 * text_piece() - what of a text stands in line @line of a column, 0 = the first: it is cut behind
 * the last '|', ',', ':', '/' or blank that fits, else behind an underscore, else anywhere.
 * @text: set to where the piece ends.
 *
 * Return: its beginning; the text's end where the lines before have all of it.
 */
const char *text_piece(const char **text, int width, unsigned int line);

/**
 * text_wrapped() - @text in lines of at most @width columns, each behind @indent blanks; ends in a newline.
 * @label: stands in the blanks of the first line, NULL = none.
 */
void text_wrapped(FILE *out, const char *label, int indent, const char *text, int width);

/** text_count() - "1 234 567". Return: @buf. */
char *text_count(int64_t count, char *buf, size_t size);

#endif
