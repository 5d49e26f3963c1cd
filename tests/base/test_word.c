#include <criterion/criterion.h>
#include <string.h>

#include "base/word.h"

static const char *const names[] = { "runs", "latency", "caches" };

Test(word, one_with_fewest_changes_is_nearest_if_it_is_near)
{
	cr_expect_str_eq(word_nearest("latncy", names, 3), "latency");
	cr_expect_str_eq(word_nearest("cache", names, 3), "caches");
	cr_expect_null(word_nearest("zoneinfo", names, 3));
	cr_expect_null(word_nearest("a name that is far longer than all that could ever be meant by anybody at all",
		names, 3));
}

Test(word, hint_is_a_question_or_what_stands_for_none)
{
	char hint[32], small[12];

	cr_expect_str_eq(word_hint("latncy", names, 3, ";", hint, sizeof(hint)), "; did you mean \"latency\"?");
	cr_expect_str_eq(word_hint("zoneinfo", names, 3, ";", hint, sizeof(hint)), ";");
	cr_expect_str_eq(word_hint("zoneinfo", names, 3, "", hint, sizeof(hint)), "");
	cr_expect_eq(strlen(word_hint("latncy", names, 3, ";", small, sizeof(small))), sizeof(small) - 1,
		"cut to its room");
}

Test(word, a_list_has_or_before_its_last)
{
	static const char *const one[] = { "fold", NULL }, *const three[] = { "recorded", "think", "asap", NULL };
	char list[32], small[12];

	cr_expect_str_eq(word_list(one, list, sizeof(list)), "fold");
	cr_expect_str_eq(word_list(three, list, sizeof(list)), "recorded, think or asap");
	cr_expect_str_eq(word_list(three, small, sizeof(small)), "recorded, t", "cut to its room");
}
