#include "base/room_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/bits.h"

void room_text_add(struct room_text *text, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text->buf + text->used, text->size - text->used, fmt, args);
	va_end(args);
	if (len > 0)
		text->used = min_u64(text->used + (size_t)len, text->size - 1);
}
