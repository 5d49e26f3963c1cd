#include "base/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect_json(const char *text, const char *json)
{
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	cr_assert_not_null(out);
	json_text_put(out, text);
	cr_assert_eq(fclose(out), 0);
	cr_assert_str_eq(got, json);
	free(got);
}

Test(json, what_json_cannot_hold_is_escaped_or_replaced)
{
	expect_json("", "\"\"");
	expect_json("a\"b\\c\n", "\"a\\\"b\\\\c\\u000a\"");
	expect_json("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xa7", "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xa7\"");
	expect_json("a\xff" "b", "\"a\\ufffdb\"");
	/* Cut off, overlong, a surrogate, beyond Unicode. */
	expect_json("\xc3", "\"\\ufffd\"");
	expect_json("\xe0\x80\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	expect_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	expect_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

Test(json, a_sequence_is_measured_within_what_is_left)
{
	const unsigned char three[] = { 0xe2, 0x82, 0xac };

	cr_expect_eq(utf8_length(three, 3), 3);
	cr_expect_eq(utf8_length(three, 2), 0);
	cr_expect_eq(utf8_length((const unsigned char *)"a", 1), 1);
}
