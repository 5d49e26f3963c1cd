/* json: text as JSON holds it: names in a trace can be any bytes, JSON takes UTF-8 alone. */
#ifndef KMEMSIM_BASE_JSON_H
#define KMEMSIM_BASE_JSON_H

#include <stddef.h>
#include <stdio.h>

/**
 * utf8_length() - bytes of the valid UTF-8 sequence at @s,
 * of which @left > 0 bytes are there; 0 when there is none.
 */
size_t utf8_length(const unsigned char *s, size_t left);

/** json_text_put() - @text in quotes; bytes that are no UTF-8 become U+FFFD. Errors stay in @out's error flag. */
void json_text_put(FILE *out, const char *text);

#endif
