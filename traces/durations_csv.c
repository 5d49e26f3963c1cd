/* The table of measured calls: op,duration_ns[,size][,order][,path], in any order, with a line of names. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "traces/durations.h"
#include "traces/source.h"

enum column { COLUMN_OP, COLUMN_NS, COLUMN_SIZE, COLUMN_ORDER, COLUMN_PATH, NR_COLUMNS, COLUMN_OTHER = NR_COLUMNS };

#define FIELDS_MAX 32

static const char *const column_names[NR_COLUMNS] = { "op", "duration_ns", "size", "order", "path" };

struct table {
	enum column columns[FIELDS_MAX];
	unsigned int nr;
};

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	text[len] = 0;
	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text[len - 1] = 0;
		text++;
	}
	return text;
}

bool durations_csv_recognise(const char *head, size_t len)
{
	const char *name = memmem(head, len < 4096 ? len : 4096, "duration_ns", strlen("duration_ns"));
	const char *line = name;

	if (!name)
		return false;
	while (line > head && line[-1] != '\n')
		line--;
	/* Only comments may stand before it. */
	for (const char *p = head; p < line; p = memchr(p, '\n', (size_t)(line - p)) + 1)
		if (*p != '#' && *p != '\n')
			return false;
	return *line != '#';
}

static int read_names(struct table *t, char *line, const char *source, struct err *err)
{
	bool op = false, ns = false;
	char *field;

	while ((field = strsep(&line, ",")) && t->nr < FIELDS_MAX) {
		enum column column = COLUMN_OTHER;

		field = trim(field);
		for (unsigned int i = 0; i < NR_COLUMNS; i++)
			if (!strcmp(field, column_names[i]))
				column = (enum column)i;
		t->columns[t->nr++] = column;
		op |= column == COLUMN_OP;
		ns |= column == COLUMN_NS;
	}
	return op && ns ? 0 : err_set(err, ERR_TRACE, "%s: expected the columns op and duration_ns", source);
}

static bool parse_ns(const char *text, double *ns)
{
	char *end;

	*ns = strtod(text, &end);
	return end > text && !*end && *ns >= 0 && *ns <= DURATION_MAX_NS;
}

/* Return: NULL, or what is wrong with the line. */
static const char *read_row(const struct table *t, char *line, struct duration *row)
{
	char *fields[NR_COLUMNS + 1] = { 0 }, *field;
	unsigned int nr = 0;
	uint64_t order;

	while ((field = strsep(&line, ",")) && nr < t->nr)
		fields[t->columns[nr++]] = trim(field);
	if (nr < t->nr || field)
		return "a line with another number of fields than the first";
	*row = (struct duration){ .op = fields[COLUMN_OP], .path = fields[COLUMN_PATH] ? fields[COLUMN_PATH] : "",
		.order = DURATION_ORDER_NONE };
	if (!row->op[0])
		return "op is empty";
	if (!parse_ns(fields[COLUMN_NS], &row->ns))
		return "duration_ns is no number of nanoseconds";
	if (fields[COLUMN_SIZE] && fields[COLUMN_SIZE][0] && units_parse_size(fields[COLUMN_SIZE], 0, &row->size) < 0)
		return "size is no size";
	if (fields[COLUMN_ORDER] && fields[COLUMN_ORDER][0]) {
		if (units_parse_count(fields[COLUMN_ORDER], &order) < 0 || order > 20)
			return "order is no number up to 20";
		row->order = (uint32_t)order;
	}
	return NULL;
}

int durations_csv(struct durations *d, struct source *src, struct err *err)
{
	struct table table = { 0 };
	char *line;
	size_t len;
	int code;

	while ((code = source_line(src, &line, &len, err)) > 0) {
		struct duration row;
		const char *wrong;

		line += strspn(line, " \t");
		if (!*line || *line == '#' || *line == '\r')
			continue;
		if (!table.nr) {
			code = read_names(&table, line, src->name, err);
		} else {
			d->meta->lines++;
			wrong = read_row(&table, line, &row);
			code = !wrong ? durations_call(d, &row, err) :
				trace_counts_add(&d->meta->unusable, wrong, 1) < 0 ?
				err_set(err, ERR_NOMEM, "%s: no memory to count lines", src->name) : 0;
		}
		if (code < 0)
			return code;
	}
	return code;
}
