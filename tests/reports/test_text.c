#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "reports/chart_priv.h"
#include "reports/text_priv.h"

static char *line_of(const struct chart *chart, int64_t max, unsigned int line, unsigned int lines)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	chart_line(chart, max, line, lines, out);
	fclose(out);
	return text;
}

static void expect_line(
	const struct chart *chart, unsigned int line, unsigned int lines, const char *expected)
{
	char *text = line_of(chart, 800, line, lines);

	cr_expect_str_eq(text, expected, "line %u of %u: %s", line, lines, text);
	free(text);
}

/* One column for each 100 ns; what stands between is what held before. */
Test(chart, column_without_a_sample_shows_what_held_before_it)
{
	struct chart chart;

	chart_init(&chart, 8, 0, 799, false);
	chart_add(&chart, 100, 800);
	chart_add(&chart, 300, 400);
	chart_add(&chart, 799, 0);
	expect_line(&chart, 0, 1, " ██▄▄▄▄▁");
}

Test(chart, column_with_several_samples_shows_the_worst)
{
	struct chart highest, lowest;

	chart_init(&highest, 2, 0, 9, false);
	chart_init(&lowest, 2, 0, 9, true);
	for (int64_t t = 0; t < 10; t++) {
		chart_add(&highest, t, t == 3 ? 800 : 400);
		chart_add(&lowest, t, t == 3 ? 200 : 400);
	}
	expect_line(&highest, 0, 1, "█▄");
	expect_line(&lowest, 0, 1, "▂▄");
	cr_expect_eq(highest.worst, 800);
	cr_expect_eq(lowest.worst, 200);
}

Test(chart, several_lines_stack_to_one_bar)
{
	struct chart chart;

	chart_init(&chart, 3, 0, 2, false);
	chart_add(&chart, 0, 800);
	chart_add(&chart, 1, 500);
	chart_add(&chart, 2, 100);
	expect_line(&chart, 1, 2, "█▂ ");
	expect_line(&chart, 0, 2, "██▂");
}

/* All samples at one moment, no height, and times near the end of 63 bits: no division by zero, no overflow. */
Test(chart, degenerate_input_is_drawn)
{
	struct chart chart;
	char *text;

	chart_init(&chart, 4, 5, 5, false);
	chart_add(&chart, 5, 7);
	text = line_of(&chart, 0, 0, 1);
	cr_expect_str_eq(text, "▁▁▁▁");
	free(text);
	chart_init(&chart, 4, 0, INT64_MAX, false);
	chart_add(&chart, INT64_MAX, INT64_MAX);
	text = line_of(&chart, INT64_MAX, 0, 1);
	cr_expect_str_eq(text, "   █");
	free(text);
}

Test(text, count_is_grouped_by_thousands)
{
	char buf[32];

	cr_expect_str_eq(text_count(0, buf, sizeof(buf)), "0");
	cr_expect_str_eq(text_count(999, buf, sizeof(buf)), "999");
	cr_expect_str_eq(text_count(1000, buf, sizeof(buf)), "1 000");
	cr_expect_str_eq(text_count(-123456, buf, sizeof(buf)), "-123 456");
	cr_expect_str_eq(text_count(INT64_MAX, buf, sizeof(buf)), "9 223 372 036 854 775 807");
}

Test(text, width_and_shortening_count_characters)
{
	char buf[32];

	cr_expect_eq(text_width("a→b"), 3);
	cr_expect_str_eq(text_shortened("a→b", 3, buf, sizeof(buf)), "a→b");
	cr_expect_str_eq(text_shortened("a→bcd", 3, buf, sizeof(buf)), "a→…");
}

static void expect_wrapped(const char *label, int indent, const char *text, int width, const char *expected)
{
	char *lines = NULL;
	size_t size;
	FILE *out = open_memstream(&lines, &size);

	text_wrapped(out, label, indent, text, width);
	fclose(out);
	cr_expect_str_eq(lines, expected, "%s", lines);
	free(lines);
}

Test(text, wrapped_lines_fit_and_begin_behind_the_indent)
{
	expect_wrapped(NULL, 2, "one two three", 9, "  one two\n  three\n");
	expect_wrapped(NULL, 0, "one unbreakable", 5, "one\nunbreakable\n");
	expect_wrapped("a", 3, "one two", 6, "a  one\n   two\n");
	expect_wrapped(NULL, 2, "", 9, "\n");
}

static void expect_piece(const char *text, int width, unsigned int line, const char *expected)
{
	const char *end = text, *begin = text_piece(&end, width, line);

	cr_expect_eq((size_t)(end - begin), strlen(expected), "%.*s", (int)(end - begin), begin);
	cr_expect_eq(strncmp(begin, expected, strlen(expected)), 0, "%.*s", (int)(end - begin), begin);
}

Test(text, pieces_end_where_words_do_and_lose_nothing)
{
	expect_piece("GFP_KERNEL|__GFP_NOWARN", 12, 0, "GFP_KERNEL|");
	expect_piece("GFP_KERNEL|__GFP_NOWARN", 12, 1, "__GFP_NOWARN");
	expect_piece("GFP_KERNEL|__GFP_NOWARN", 12, 2, "");
	expect_piece("pages, moved", 6, 1, "moved");
	expect_piece("compact_migrate_scanned", 10, 0, "compact_");
	expect_piece("abcdef", 4, 0, "abcd");
	expect_piece("→→→", 2, 0, "→→");
	expect_piece("short", 9, 0, "short");
}

Test(text, padding_goes_to_the_right_side_and_control_characters_show_as_question_marks)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	text_padded(out, "a\033[2J", 7, false);
	text_padded(out, "→", 3, true);
	fclose(out);
	cr_expect_str_eq(text, "a?[2J    →");
	free(text);
}
