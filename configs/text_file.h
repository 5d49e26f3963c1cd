/* text_file: whole files as text, plain or packed by xz, and the lines and numbers in them. */
#ifndef KMEMSIM_CONFIGS_TEXT_FILE_H
#define KMEMSIM_CONFIGS_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TEXT_PATH_MAX 4096
#define TEXT_STANDARD_INPUT "standard input" /* as messages call it */

/**
 * text_read() - read @path, or @path with ".xz" behind it, unpacked.
 * @limit:   bytes of text; a larger file is an error.
 * @used:    the path that was read, for messages (TEXT_PATH_MAX bytes); may be NULL.
 * NUL bytes become blanks: what is behind them in a damaged file is still looked at.
 *
 * Return: 1 and the text (the caller frees it), 0 when there is no such file, or a negative code.
 */
int text_read(char **text, const char *path, size_t limit, char *used, struct err *err);

/**
 * text_read_existing() - text_read() where a missing file is an error, too (ERR_IO), and "-" is standard input.
 * Return: 0, or a negative code.
 */
int text_read_existing(char **text, const char *path, size_t limit, struct err *err);

/** text_read_in() - text_read() of file @name in @folder. A path that is too long is an error. */
int text_read_in(char **text, const char *folder, const char *name, size_t limit, char *used, struct err *err);

/**
 * text_next_line() - cut the next line off @text, which may end
 * with "\r\n". Return: the line, terminated, or NULL at the end.
 */
char *text_next_line(char **text);

/** text_number() - the number behind the word @name in @line (blanks and colons between). */
bool text_number(const char *line, const char *name, uint64_t *value);

#endif
