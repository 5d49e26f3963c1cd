/* units: quantities with units, read and written: "16 MiB", "4096p", "250 ns", "1.2 GB/s", "10 %". */
#ifndef KMEMSIM_BASE_UNITS_H
#define KMEMSIM_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t ns_t;

/* Bytes. */
#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define TIB (1ull << 40)

/*
 * All parsers take the whole string (blanks at both ends allowed) and answer 0, or -1 when it is not such a quantity
 * or does not fit into 64 bits; the result is then untouched. Numbers: decimal (with a fraction where a
 * unit follows), 0x hexadecimal, and the factor Ki/Mi/Gi/Ti alone ("64 Ki").
 */

/** units_parse_size() - bytes: B, KiB, MiB, GiB, TiB, PiB (powers of two), kB, MB, GB, TB (of ten), none = bytes,
 * and "p" = pages of @page_size bytes (refused when @page_size is 0). */
int units_parse_size(const char *text, uint64_t page_size, uint64_t *bytes);

/** units_parse_time() - nanoseconds: ns, us, ms, s, min; none = ns. */
int units_parse_time(const char *text, ns_t *ns);

/** units_parse_rate() - bytes a second: a size and "/s". */
int units_parse_rate(const char *text, uint64_t *bytes_per_s);

/** units_parse_count() - a plain number, with Ki, Mi, Gi, Ti as factor. */
int units_parse_count(const char *text, uint64_t *count);

/** units_format_size() - shortest exact form with a binary unit ("16 MiB", "4097 B"). Return: @buf. */
char *units_format_size(uint64_t bytes, char *buf, size_t size);

/** units_format_size_short() - three significant digits for people ("1.21 GiB"). Return: @buf. */
char *units_format_size_short(uint64_t bytes, char *buf, size_t size);

/** units_format_time_short() - three significant digits for people ("1.21 ms"). Return: @buf. */
char *units_format_time_short(ns_t ns, char *buf, size_t size);

#endif
