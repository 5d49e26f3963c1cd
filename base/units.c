#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "B", 1 }, { "KiB", 1ull << 10 }, { "MiB", 1ull << 20 }, { "GiB", 1ull << 30 }, { "TiB", 1ull << 40 },
	{ "PiB", 1ull << 50 }, { "kB", 1000 }, { "KB", 1000 }, { "MB", 1000000 }, { "GB", 1000000000 },
	{ "TB", 1000000000000 }, { NULL, 0 },
};
static const struct unit time_units[] = {
	{ "ns", 1 }, { "us", 1000 }, { "µs", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	{ "min", 60000000000 }, { NULL, 0 },
};
static const struct unit count_units[] = {
	{ "Ki", 1ull << 10 }, { "Mi", 1ull << 20 }, { "Gi", 1ull << 30 }, { "Ti", 1ull << 40 }, { NULL, 0 },
};

static const char *skip_blanks(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

/* value * factor, false when it does not fit. */
static bool scale(uint64_t value, uint64_t factor, uint64_t *result)
{
	return !__builtin_mul_overflow(value, factor, result);
}

/*
 * A decimal number with an optional fraction, as whole and a fraction in 1/10^digits; or 0x and hex digits.
 * Answers the first character behind it, NULL when there is no number.
 */
struct number {
	uint64_t whole;
	uint64_t fraction, fraction_scale; /* fraction / fraction_scale, scale 1 when there is none */
};

static const char *parse_number(const char *text, struct number *number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return NULL;
	errno = 0;
	number->whole = strtoull(text, &end, hex ? 16 : 10);
	number->fraction = 0;
	number->fraction_scale = 1;
	if (errno || (hex && end == text + 1))
		return NULL;
	if (*end != '.' || hex)
		return end;
	for (end++; isdigit((unsigned char)*end); end++) {
		if (number->fraction_scale > 100000000)
			continue;
		number->fraction = number->fraction * 10 + (uint64_t)(*end - '0');
		number->fraction_scale *= 10;
	}
	return number->fraction_scale == 1 ? NULL : end;
}

static int parse_quantity(const char *text, const struct unit *units, size_t unit_len_limit, uint64_t *result)
{
	struct number number;
	const char *rest = parse_number(skip_blanks(text), &number);
	uint64_t factor = 1, whole;
	size_t len;

	if (!rest)
		return -1;
	rest = skip_blanks(rest);
	len = strlen(rest);
	while (len && isspace((unsigned char)rest[len - 1]))
		len--;
	if (unit_len_limit && len > unit_len_limit)
		return -1;
	if (len) {
		while (units->name && (strlen(units->name) != len || memcmp(units->name, rest, len)))
			units++;
		if (!units->name)
			return -1;
		factor = units->factor;
	} else if (number.fraction_scale != 1) {
		return -1;
	}
	if (!scale(number.whole, factor, &whole))
		return -1;
	uint64_t part = (uint64_t)((unsigned __int128)number.fraction * factor / number.fraction_scale);

	if (__builtin_add_overflow(whole, part, result))
		return -1;
	return 0;
}

int units_parse_size(const char *text, uint64_t page_size, uint64_t *bytes)
{
	const struct unit page_units[] = { { "p", page_size }, { NULL, 0 } };
	uint64_t value;

	if (page_size && parse_quantity(text, page_units, 1, &value) == 0 && strchr(text, 'p')) {
		*bytes = value;
		return 0;
	}
	if (parse_quantity(text, size_units, 0, &value) < 0)
		return -1;
	*bytes = value;
	return 0;
}

int units_parse_time(const char *text, ns_t *ns)
{
	uint64_t value;

	if (parse_quantity(text, time_units, 0, &value) < 0)
		return -1;
	*ns = value;
	return 0;
}

int units_parse_rate(const char *text, uint64_t *bytes_per_s)
{
	char size[64];
	size_t len = strlen(text);
	uint64_t value;

	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	if (len < 3 || len - 2 >= sizeof(size) || memcmp(text + len - 2, "/s", 2))
		return -1;
	memcpy(size, text, len - 2);
	size[len - 2] = '\0';
	if (parse_quantity(size, size_units, 0, &value) < 0)
		return -1;
	*bytes_per_s = value;
	return 0;
}

int units_parse_count(const char *text, uint64_t *count)
{
	uint64_t value;

	if (parse_quantity(text, count_units, 0, &value) < 0)
		return -1;
	*count = value;
	return 0;
}

char *units_format_size(uint64_t bytes, char *buf, size_t size)
{
	int unit = 5;

	while (unit && (bytes == 0 || bytes % size_units[unit].factor))
		unit--;
	snprintf(buf, size, "%" PRIu64 " %s", bytes / size_units[unit].factor, size_units[unit].name);
	return buf;
}

/* Three significant digits of @value / @factor. */
static char *format_short(uint64_t value, const struct unit *unit, char *buf, size_t size)
{
	double scaled = (double)value / (double)unit->factor;
	int decimals = unit->factor == 1 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;

	snprintf(buf, size, "%.*f %s", decimals, scaled, unit->name);
	return buf;
}

char *units_format_size_short(uint64_t bytes, char *buf, size_t size)
{
	int unit = 5;

	while (unit && bytes < size_units[unit].factor)
		unit--;
	return format_short(bytes, &size_units[unit], buf, size);
}

char *units_format_time_short(ns_t ns, char *buf, size_t size)
{
	static const struct unit shown[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	int unit = 3;

	while (unit && ns < shown[unit].factor)
		unit--;
	return format_short(ns, &shown[unit], buf, size);
}
