#include "reports/quantity_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "reports/database_priv.h"

/*
 * A number, size (in bytes), time (in ns) or share. @page_size: 0 = a size in pages is none.
 * Return: false when @text is none of them.
 */
static bool quantity_of(const char *text, uint32_t page_size, double *number)
{
	uint64_t whole;
	char *end;

	if (units_parse_size(text, page_size, &whole) == 0 || units_parse_time(text, &whole) == 0) {
		*number = (double)whole;
		return true;
	}
	*number = strtod(text, &end);
	if (end == text || !isfinite(*number))
		return false;
	end += strspn(end, " ");
	end += *end == '%';
	return *end == 0;
}

int quantity_compare(const char *a, const char *b)
{
	double x, y;

	if (quantity_of(a, 0, &x) && quantity_of(b, 0, &y) && (x < y || x > y))
		return x < y ? -1 : 1;
	return strcmp(a, b);
}

static void sql_quantity(sqlite3_context *context, int nr, sqlite3_value **values)
{
	const char *text = (const char *)sqlite3_value_text(values[0]);
	uint32_t page_size = nr > 1 ? (uint32_t)sqlite3_value_int(values[1]) : 0;
	double number;

	if (text && quantity_of(text, page_size, &number))
		sqlite3_result_double(context, number);
}

int quantity_register(struct results *results, struct err *err)
{
	for (int nr = 1; nr <= 2; nr++)
		if (sqlite3_create_function(results->db, "quantity", nr, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
			    sql_quantity, NULL, NULL) != SQLITE_OK)
			return database_error(results->db, results->path, err);
	return 0;
}
