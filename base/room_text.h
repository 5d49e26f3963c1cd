/* room_text: text put together piece by piece in the room that somebody gives; what does not fit is cut off. */
#ifndef KMEMSIM_BASE_ROOM_TEXT_H
#define KMEMSIM_BASE_ROOM_TEXT_H

#include <stddef.h>

struct room_text {
	char *buf;         /* borrowed; ends in '\0' from the first room_text_add() on */
	size_t size, used; /* bytes: of the room, at least 1; of the text, at most size - 1 */
};

/** room_text_add() - append as printf() does. */
void room_text_add(struct room_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
