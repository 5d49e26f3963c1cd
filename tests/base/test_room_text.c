#include <criterion/criterion.h>

#include "base/room_text.h"

Test(room_text, pieces_follow_each_other_until_the_room_is_full)
{
	char buf[8];
	struct room_text text = { buf, sizeof(buf), 0 };

	room_text_add(&text, "%s", "");
	cr_expect_str_eq(buf, "");
	room_text_add(&text, "a%d", 12);
	room_text_add(&text, ", %s", "b");
	cr_expect_str_eq(buf, "a12, b");
	cr_expect_eq(text.used, 6);
	room_text_add(&text, "%s", "cdef");
	cr_expect_str_eq(buf, "a12, bc", "cut to its room");
	room_text_add(&text, "%s", "g");
	cr_expect_str_eq(buf, "a12, bc");
	cr_expect_eq(text.used, 7);
}
