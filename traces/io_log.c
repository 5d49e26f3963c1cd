#include "traces/io_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_TO_JUDGE  64
#define STEP_NS         1000u      /* between lines that have no time */
#define PORTS           0x10000u   /* addresses below are ports: nothing else lies there on machines that have ports */
#define COLUMNS_MAX     16u
#define PROGRESS_LINES  65536u

/* What a line of the log or of the table says. */
struct access {
	uint64_t addr, value, width;
	uint64_t time_ns;
	int64_t cpu;
	const char *device;
	size_t device_len;
	bool write, has_time, has_addr, has_width;
	bool by_cpu;           /* cpu_in, cpu_out: the same access may be told by its region as well */
};

enum column { COLUMN_TIME, COLUMN_DIRECTION, COLUMN_PORT, COLUMN_WIDTH, COLUMN_VALUE, COLUMN_DEVICE, NR_COLUMNS };

static const char *const column_name[NR_COLUMNS] = { "time_us", "direction", "port", "width_bytes", "value", "device" };

struct io_reader {
	struct source *src;    /* borrowed */
	struct gather *g;      /* borrowed */
	const struct import_options *options; /* borrowed */
	bool is_table;
	int8_t columns[NR_COLUMNS]; /* place of each, -1: not there */
	struct access last;    /* until it has been told twice */
	bool has_last;
	ns_t last_ns;
	bool started;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(word, name, len);
}

/* A number, decimal or with 0x, that ends at @end or before a "(". */
static bool parse_number(const char *p, const char *end, uint64_t *value)
{
	char text[24], *stop;
	size_t len = (size_t)(end - p);

	if (!len || len >= sizeof(text) || !is_digit(*p))
		return false;
	memcpy(text, p, len);
	text[len] = 0;
	*value = strtoull(text, &stop, p[0] == '0' && len > 1 && (p[1] | 0x20) == 'x' ? 16 : 10);
	return !*stop || *stop == '(';
}

/* "1234@1700000000.123456:" in front of a line. Return: what is behind it, or @line. */
static const char *skip_stamp(const char *line, struct access *a)
{
	uint64_t seconds = 0, micros = 0;
	const char *p = line;
	int digits = 0;

	while (is_digit(*p))
		p++;
	if (p == line || *p != '@')
		return line;
	for (p++; is_digit(*p) && seconds < UINT32_MAX * 16ull; p++)
		seconds = seconds * 10 + (uint64_t)(*p - '0');
	if (*p++ != '.')
		return line;
	for (; is_digit(*p) && digits < 6; p++, digits++)
		micros = micros * 10 + (uint64_t)(*p - '0');
	if (*p != ':')
		return line;
	for (; digits < 6; digits++)
		micros *= 10;
	a->time_ns = seconds * 1000000000u + micros * 1000u;
	a->has_time = true;
	return p + 1;
}

static bool parse_width(char letter, uint64_t *width)
{
	*width = letter == 'b' ? 1 : letter == 'w' ? 2 : letter == 'l' ? 4 : 0;
	return *width != 0;
}

/* A key of the log and its value. Return: whether it is understood; keys without a use are. */
static bool take_pair(const char *key, size_t key_len, const char *value, const char *end, struct access *a)
{
	const char *paren = memchr(value, '(', (size_t)(end - value));

	if (is_word(key, key_len, "addr")) {
		a->has_addr = parse_number(value, end, &a->addr);
		if (paren && end - paren == 3)
			a->has_width = parse_width(paren[1], &a->width);
		return a->has_addr;
	}
	if (is_word(key, key_len, "value"))
		return parse_number(value, end, &a->value);
	if (is_word(key, key_len, "size"))
		return a->has_width = parse_number(value, end, &a->width);
	if (is_word(key, key_len, "cpu"))
		a->cpu = strtoll(value, NULL, 10);
	if (is_word(key, key_len, "name")) {
		a->device = value + (*value == '\'');
		a->device_len = (size_t)(end - a->device) - (end > a->device && end[-1] == '\'');
	}
	return true;
}

static bool parse_pairs(const char *p, struct access *a)
{
	while (*(p += strspn(p, " "))) {
		const char *key = p, *value, *end;
		size_t key_len = strcspn(p, " ");

		value = p + key_len;
		value += strspn(value, " ");
		end = *value == '\'' && strchr(value + 1, '\'') ? strchr(value + 1, '\'') + 1 :
								  value + strcspn(value, " ");
		if (end == value || !take_pair(key, key_len, value, end, a))
			return false;
		p = end;
	}
	return a->has_addr && a->has_width;
}

enum log_line { LINE_NONE, LINE_ACCESS, LINE_TWICE, LINE_OFFSET, LINE_OTHER };

/* What kind of line this is; *rest: behind the event's name. */
static enum log_line kind_of_line(const char *line, struct access *a, const char **name, const char **rest)
{
	static const struct {
		const char *name;
		enum log_line kind;
		bool write, by_cpu;
	} known[] = {
		{ "cpu_in", LINE_ACCESS, false, true }, { "cpu_out", LINE_ACCESS, true, true },
		{ "memory_region_ops_read", LINE_ACCESS, false, false }, { "memory_region_ops_write", LINE_ACCESS,
			true, false },
		{ "memory_region_subpage_read", LINE_TWICE, false, false },
		{ "memory_region_subpage_write", LINE_TWICE, true, false },
		{ "memory_region_ram_device_read", LINE_OFFSET, false, false },
		{ "memory_region_ram_device_write", LINE_OFFSET, true, false },
	};
	size_t len;

	*name = skip_stamp(line, a);
	len = strcspn(*name, " ");
	*rest = *name + len;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!is_word(*name, len, known[i].name))
			continue;
		a->write = known[i].write;
		a->by_cpu = known[i].by_cpu;
		return known[i].kind;
	}
	return a->has_time && len ? LINE_OTHER : LINE_NONE;
}

/* Which columns the header names. Return: whether it is that of a table of accesses. */
static bool parse_header(const char *line, size_t len, int8_t columns[NR_COLUMNS])
{
	const char *end = line + len;

	memset(columns, -1, NR_COLUMNS);
	for (int8_t place = 0; line < end && place < (int8_t)COLUMNS_MAX; place++) {
		size_t width = strcspn(line, ",");

		for (int i = 0; i < NR_COLUMNS; i++)
			if (is_word(line, width, column_name[i]))
				columns[i] = place;
		line += width + (line[width] == ',');
	}
	return columns[COLUMN_DIRECTION] >= 0 && columns[COLUMN_PORT] >= 0 && columns[COLUMN_WIDTH] >= 0;
}

static bool take_cell(enum column column, const char *cell, const char *end, struct access *a)
{
	size_t len = (size_t)(end - cell);

	switch (column) {
	case COLUMN_TIME:
		a->has_time = parse_number(cell, end, &a->time_ns) && a->time_ns < INT64_MAX / 1000;
		a->time_ns *= 1000;
		return a->has_time;
	case COLUMN_DIRECTION:
		a->write = is_word(cell, len, "write");
		return a->write || is_word(cell, len, "read");
	case COLUMN_PORT:
		return a->has_addr = parse_number(cell, end, &a->addr);
	case COLUMN_WIDTH:
		return a->has_width = parse_number(cell, end, &a->width);
	case COLUMN_VALUE:
		return !len || parse_number(cell, end, &a->value);
	default:
		a->device = cell;
		a->device_len = len;
		return true;
	}
}

static bool parse_row(const struct io_reader *r, const char *line, struct access *a)
{
	const char *cells[COLUMNS_MAX + 1];
	unsigned int nr = 0;

	cells[nr++] = line;
	for (const char *p = line; (p = strchr(p, ',')) && nr < COLUMNS_MAX; p++)
		cells[nr++] = p + 1;
	cells[nr] = line + strlen(line) + 1;
	for (int i = 0; i < NR_COLUMNS; i++) {
		int place = r->columns[i];

		if (place >= (int)nr ||
			(place >= 0 && !take_cell((enum column)i, cells[place], cells[place + 1] - 1, a)))
			return false;
	}
	return a->has_addr && a->has_width;
}

static int no_memory(const struct io_reader *r, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: no memory for what line %llu holds", r->src->name,
		(unsigned long long)r->src->line_no);
}

static int unusable(const struct io_reader *r, const char *why, struct err *err)
{
	if (r->options->strict)
		return err_set(err, ERR_TRACE, "%s: line %llu: %s", r->src->name, (unsigned long long)r->src->line_no,
			why);
	return trace_counts_add(&r->g->meta->unusable, why, 1) < 0 ? no_memory(r, err) : 0;
}

static int ignored(const struct io_reader *r, const char *why, struct err *err)
{
	return trace_counts_add(&r->g->meta->ignored, why, 1) < 0 ? no_memory(r, err) : 0;
}

/* The instruction and the region behind the port may both be logged, one right after the other. */
static bool is_told_twice(struct io_reader *r, const struct access *a)
{
	bool twice = r->has_last && r->last.by_cpu != a->by_cpu && r->last.write == a->write &&
		r->last.addr == a->addr && r->last.width == a->width && r->last.value == a->value;

	r->last = *a;
	r->has_last = !twice;
	return twice;
}

static int take_access(struct io_reader *r, const struct access *a, struct err *err)
{
	bool port = a->addr < PORTS;
	struct raw_event event = { .type = port ? RAW_PORT_IO : RAW_MMIO, .node = -1, .aux = a->addr, .size = a->width,
		.size_alloc = 1, .align = a->value, .time_ns = a->time_ns };

	if (is_told_twice(r, a))
		return ignored(r, "cpu_in, cpu_out: reported twice: the region's event has it", err);
	event.order = (uint8_t)(port ? a->write : a->write + ACCESS_READ);
	event.cpu = a->cpu > 0 && a->cpu < UINT16_MAX ? (uint16_t)a->cpu : 0;
	event.call_site = texts_add(&r->g->texts, a->device ? a->device : "", a->device_len);
	if (event.call_site == TEXT_NO_MEMORY)
		return no_memory(r, err);
	if (!a->has_time)
		event.time_ns = r->started ? r->last_ns + STEP_NS : 0;
	r->last_ns = event.time_ns;
	r->started = true;
	if (event.cpu >= r->g->meta->cpus)
		r->g->meta->cpus = event.cpu + 1u;
	return gather_event(r->g, &event, PAIR_NONE, err);
}

static int log_line(struct io_reader *r, const char *line, struct err *err)
{
	struct access a = { .cpu = -1 };
	const char *name, *rest;
	char why[128];

	switch (kind_of_line(line, &a, &name, &rest)) {
	case LINE_ACCESS:
		return parse_pairs(rest, &a) ? take_access(r, &a, err) :
					       unusable(r, "access without address or width", err);
	case LINE_TWICE:
		return ignored(r, "memory_region_subpage_*: reported twice: memory_region_ops_* has it", err);
	case LINE_OFFSET:
		return ignored(r, "memory_region_ram_device_*: tells no address of the machine", err);
	case LINE_OTHER:
		snprintf(why, sizeof(why), "unknown event %.*s", rest - name < 64 ? (int)(rest - name) : 64, name);
		return ignored(r, why, err);
	case LINE_NONE:
		break;
	}
	return unusable(r, "line is not an event", err);
}

static int table_line(struct io_reader *r, const char *line, struct err *err)
{
	struct access a = { .cpu = -1 };

	return parse_row(r, line, &a) ? take_access(r, &a, err) :
					unusable(r, "row without direction, port or width", err);
}

/* Up to the end of the line or of what was read. Return: its length. */
static size_t line_len(const char *p, const char *end)
{
	const char *eol = memchr(p, '\n', (size_t)(end - p));

	return (size_t)((eol ? eol : end) - p);
}

bool io_log_recognise(const char *head, size_t len)
{
	const char *end = head + len;

	for (int i = 0; i < LINES_TO_JUDGE && head < end; i++) {
		struct access a = { 0 };
		const char *name, *rest;
		int8_t columns[NR_COLUMNS];
		char line[1024];
		size_t n = line_len(head, end);

		snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1), head);
		line[strcspn(line, "\r")] = 0;
		if (i == 0 && parse_header(line, strlen(line), columns))
			return true;
		if (kind_of_line(line, &a, &name, &rest) == LINE_ACCESS)
			return true;
		head += n + 1;
	}
	return false;
}

int io_log_import(struct source *src, struct gather *g, const struct import_options *options, struct err *err)
{
	struct io_reader r = { .src = src, .g = g, .options = options };
	char *line;
	size_t len;
	int code;

	while ((code = source_line(src, &line, &len, err)) > 0) {
		if (src->line_no == 1 && parse_header(line, len, r.columns)) {
			r.is_table = true;
			continue;
		}
		if (!len)
			continue;
		g->meta->lines++;
		code = r.is_table ? table_line(&r, line, err) : log_line(&r, line, err);
		if (code < 0)
			return code;
		if (options->progress && src->line_no % PROGRESS_LINES == 0 &&
		    options->progress(options->progress_arg, src->bytes_read, 2 * src->bytes_total, g->meta->lines))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
	}
	return code;
}

static bool next_word(const char **p, const char **word, size_t *len)
{
	*word = *p + strspn(*p, " ");
	*len = strcspn(*word, " ");
	*p = *word + *len;
	return *len != 0;
}

static bool kvm_direction(const char *word, size_t len, struct raw_event *event)
{
	static const struct {
		const char *word;
		uint8_t type, order;
	} words[] = {
		{ "pio_read", RAW_PORT_IO, 0 }, { "pio_write", RAW_PORT_IO, 1 }, { "unsatisfied-read", RAW_MMIO,
			ACCESS_UNSATISFIED },
		{ "read", RAW_MMIO, ACCESS_READ }, { "write", RAW_MMIO, ACCESS_WRITE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (event->type != words[i].type || !is_word(word, len, words[i].word))
			continue;
		event->order = words[i].order;
		return true;
	}
	return false;
}

bool kvm_access_parse(const char *fields, struct raw_event *event)
{
	const char *word, *value;
	size_t len, value_len;
	uint64_t number;
	unsigned int found = 0;

	if (!next_word(&fields, &word, &len) || (is_word(word, len, "mmio") && !next_word(&fields, &word, &len)) ||
	    !kvm_direction(word, len, event))
		return false;
	event->size_alloc = 1;
	while (next_word(&fields, &word, &len) && next_word(&fields, &value, &value_len)) {
		if (!parse_number(value, value + value_len, &number))
			continue;
		if (is_word(word, len, "at") || is_word(word, len, "gpa")) {
			event->aux = number;
			found |= 1;
		} else if (is_word(word, len, "size") || is_word(word, len, "len")) {
			event->size = number;
			found |= 2;
		} else if (is_word(word, len, "count")) {
			event->size_alloc = number;
		} else if (is_word(word, len, "val")) {
			event->align = number;
		}
	}
	return found == 3;
}
