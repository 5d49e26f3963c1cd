#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"

struct parsed {
	const char *text;
	uint64_t value;
};

/* What no parser may touch when it refuses. */
#define UNTOUCHED 0x5aa5u

Test(units, sizes_are_read_with_binary_and_decimal_units)
{
	static const struct parsed cases[] = {
		{ "0", 0 }, { "4096", 4096 }, { "16 MiB", 16 << 20 }, { "16MiB", 16 << 20 }, { "  4 KiB\t", 4096 },
		{ "1.5 GiB", 3ull << 29 }, { "0.5 KiB", 512 }, { "1 B", 1 }, { "1 kB", 1000 }, { "1 KB", 1000 },
		{ "2 MB", 2000000 }, { "3 GB", 3000000000 }, { "1.25 TB", 1250000000000 }, { "1 TiB", 1ull << 40 },
		{ "8 PiB", 1ull << 53 }, { "0x1000", 4096 }, { "0x10 KiB", 16384 }, { "4096p", 16 << 20 }, { "2 p",
			8192 },
		{ "18446744073709551615", UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = UNTOUCHED;

		cr_assert_eq(units_parse_size(cases[i].text, 4096, &value), 0, "%s", cases[i].text);
		cr_assert_eq(value, cases[i].value, "%s: %" PRIu64, cases[i].text, value);
	}
}

Test(units, what_is_no_size_is_refused_and_leaves_the_result_alone)
{
	static const char *const cases[] = { "", " ", "-1", "+1", "4GiBB", "4 gib", "GiB", "4 KiB x", "1.5", "1.",
		".5 KiB", "1e3", "0x", "0xg", "1,5 KiB", "16 Mib", "18446744073709551616", "16384 PiB", "1 ns",
		"4 KiB KiB", "NaN" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = UNTOUCHED;

		cr_assert_eq(units_parse_size(cases[i], 4096, &value), -1, "\"%s\"", cases[i]);
		cr_assert_eq(value, UNTOUCHED, "\"%s\"", cases[i]);
	}
}

Test(units, pages_need_a_page_size)
{
	uint64_t value = UNTOUCHED;

	cr_assert_eq(units_parse_size("4p", 0, &value), -1);
	cr_assert_eq(units_parse_size("4p", 16384, &value), 0);
	cr_assert_eq(value, 65536);
	cr_assert_eq(units_parse_size("0x1000000000000000p", 4096, &value), -1, "does not fit into 64 bits");
}

Test(units, times_are_nanoseconds)
{
	static const struct parsed cases[] = { { "250", 250 }, { "250 ns", 250 }, { "1.5 us", 1500 },
		{ "2ms", 2000000 }, { "1 s", 1000000000 }, { "2 min", 120000000000 }, { "0 s", 0 } };
	uint64_t value = UNTOUCHED;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(units_parse_time(cases[i].text, &value), 0, "%s", cases[i].text);
		cr_assert_eq(value, cases[i].value, "%s", cases[i].text);
	}
	cr_assert_eq(units_parse_time("1 h", &value), -1);
	cr_assert_eq(units_parse_time("1 KiB", &value), -1);
	cr_assert_eq(units_parse_time("600000000000 s", &value), -1, "600 000 000 000 s do not fit");
}

Test(units, rates_are_sizes_a_second)
{
	uint64_t value = UNTOUCHED;

	cr_assert_eq(units_parse_rate("1.2 GB/s", &value), 0);
	cr_assert_eq(value, 1200000000);
	cr_assert_eq(units_parse_rate("64 KiB/s ", &value), 0);
	cr_assert_eq(value, 65536);
	cr_assert_eq(units_parse_rate("64 KiB", &value), -1);
	cr_assert_eq(units_parse_rate("/s", &value), -1);
}

Test(units, counts_take_a_factor_but_no_unit)
{
	uint64_t value = UNTOUCHED;

	cr_assert_eq(units_parse_count("64 Ki", &value), 0);
	cr_assert_eq(value, 65536);
	cr_assert_eq(units_parse_count("1.5 Mi", &value), 0);
	cr_assert_eq(value, 3 << 19);
	cr_assert_eq(units_parse_count("64 KiB", &value), -1);
	cr_assert_eq(units_parse_count("64p", &value), -1);
}

Test(units, sizes_are_written_in_the_largest_unit_that_is_exact)
{
	static const struct parsed cases[] = { { "0 B", 0 }, { "1 B", 1 }, { "1 KiB", 1024 }, { "1025 B", 1025 },
		{ "4 KiB", 4096 }, { "16 MiB", 16 << 20 }, { "1536 MiB", 3ull << 29 }, { "64 TiB", 64ull << 40 },
		{ "1 PiB", 1ull << 50 }, { "18446744073709551615 B", UINT64_MAX } };
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(units_format_size(cases[i].value, text, sizeof(text)), cases[i].text);
}

Test(units, any_size_that_is_written_is_read_back)
{
	struct rng rng;

	rng_init(&rng, 1, "units");
	for (int i = 0; i < 100000; i++) {
		uint64_t value = rng_next(&rng) >> rng_below(&rng, 64), again = UNTOUCHED;
		char text[64];

		value <<= rng_below(&rng, 40);
		units_format_size(value, text, sizeof(text));
		cr_assert_eq(units_parse_size(text, 0, &again), 0, "%s", text);
		cr_assert_eq(again, value, "%s", text);
	}
}

Test(units, short_forms_have_three_digits)
{
	static const struct parsed sizes[] = { { "0 B", 0 }, { "999 B", 999 }, { "1.00 KiB", 1024 },
		{ "1.21 GiB", 1299227607 }, { "12.5 MiB", 13107200 }, { "100 KiB", 102400 } };
	static const struct parsed times[] = { { "0 ns", 0 }, { "999 ns", 999 }, { "1.21 ms", 1210000 },
		{ "99.9 us", 99900 }, { "60.0 s", 60000000000 } };
	char text[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		cr_assert_str_eq(units_format_size_short(sizes[i].value, text, sizeof(text)), sizes[i].text);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		cr_assert_str_eq(units_format_time_short(times[i].value, text, sizeof(text)), times[i].text);
}
