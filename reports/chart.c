#include "reports/chart_priv.h"

#include <string.h>

void chart_init(
	struct chart *chart, unsigned int columns, int64_t first_ns, int64_t last_ns, bool lowest_is_worst)
{
	memset(chart, 0, sizeof(*chart));
	chart->columns = columns < 1 ? 1 : columns > CHART_COLUMNS_MAX ? CHART_COLUMNS_MAX : columns;
	chart->first_ns = first_ns;
	chart->last_ns = last_ns;
	chart->lowest_is_worst = lowest_is_worst;
}

static unsigned int column_of(const struct chart *chart, int64_t time_ns)
{
	__int128 span = (__int128)chart->last_ns - chart->first_ns + 1;

	return (unsigned int)((__int128)(time_ns - chart->first_ns) * chart->columns / span);
}

static bool worse(const struct chart *chart, int64_t value, int64_t than)
{
	return chart->lowest_is_worst ? value < than : value > than;
}

void chart_add(struct chart *chart, int64_t time_ns, int64_t value)
{
	unsigned int column = column_of(chart, time_ns);

	if (!chart->any)
		chart->first = chart->worst = value;
	if (worse(chart, value, chart->worst))
		chart->worst = value;
	if (!chart->filled[column] || worse(chart, value, chart->values[column]))
		chart->values[column] = value;
	chart->last = value;
	chart->filled[column] = chart->any = true;
}

/* How many of a line's eight steps @value fills; what is more than nothing shows. */
static unsigned int steps(int64_t value, int64_t max, unsigned int line, unsigned int lines)
{
	__int128 reach = max > 0 ? ((__int128)value * 8 * lines + max / 2) / max : 0;

	if (reach <= (__int128)8 * line)
		return line == 0 ? 1 : 0;
	return reach >= (__int128)8 * (line + 1) ? 8 : (unsigned int)(reach - 8 * line);
}

void chart_line(const struct chart *chart, int64_t max, unsigned int line, unsigned int lines, FILE *out)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	int64_t value = 0;
	bool begun = false;

	for (unsigned int i = 0; i < chart->columns; i++) {
		if (chart->filled[i]) {
			value = chart->values[i];
			begun = true;
		}
		fputs(begun ? blocks[steps(value, max, line, lines)] : " ", out);
	}
}
