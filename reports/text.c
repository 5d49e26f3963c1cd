#include "reports/text_priv.h"

#include <inttypes.h>
#include <string.h>

void text_style(FILE *out, bool colour, enum text_style style)
{
	if (colour)
		fprintf(out, "\033[%dm", (int)style);
}

/* The bytes behind the first of a UTF-8 character take no column. */
static bool begins_column(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

static int width_of(const char *text, size_t len)
{
	int width = 0;

	for (size_t i = 0; i < len; i++)
		width += begins_column(text[i]);
	return width;
}

int text_width(const char *text)
{
	return width_of(text, strlen(text));
}

/* Names in a trace can hold anything; a terminal must not get it. */
static void print_safe(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fputc((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i], out);
}

void text_padded(FILE *out, const char *text, int width, bool right)
{
	int pad = width - text_width(text);

	if (right && pad > 0)
		fprintf(out, "%*s", pad, "");
	print_safe(out, text, strlen(text));
	if (!right && pad > 0)
		fprintf(out, "%*s", pad, "");
}

char *text_shortened(const char *text, int width, char *buf, size_t size)
{
	size_t used = 0;
	int columns = 0;

	if (text_width(text) <= width) {
		snprintf(buf, size, "%s", text);
		return buf;
	}
	/* Up to the byte that would begin the last column, which the ellipsis gets. */
	while (columns + begins_column(text[used]) < width)
		columns += begins_column(text[used++]);
	snprintf(buf, size, "%.*s…", (int)used, text);
	return buf;
}

/* How many bytes of @text one line of @width columns gets. */
static size_t piece_len(const char *text, int width)
{
	size_t len = 0, good = 0, within = 0;
	int columns = 0;

	for (; text[len]; len++) {
		columns += begins_column(text[len]);
		if (columns > width)
			return good ? good : within ? within : len;
		if (strchr("|,:/ ", text[len]))
			good = len + 1;
		else if (text[len] == '_')
			within = len + 1;
	}
	return len;
}

const char *text_piece(const char **text, int width, unsigned int line)
{
	const char *piece = *text;

	*text += piece_len(piece, width);
	while (line--) {
		piece = *text + (**text == ' ');
		*text = piece + piece_len(piece, width);
	}
	return piece;
}

void text_wrapped(FILE *out, const char *label, int indent, const char *text, int width)
{
	int column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		int word = width_of(text, len);

		if (column > indent && column + 1 + word > width) {
			fputc('\n', out);
			column = 0;
		}
		if (column > 0) {
			column += fprintf(out, " ");
		} else {
			text_padded(out, label ? label : "", indent, false);
			column = indent;
			label = NULL;
		}
		print_safe(out, text, len);
		column += word;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

char *text_count(int64_t count, char *buf, size_t size)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, count);
	size_t used = 0;

	for (int i = 0; i < len && used + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			buf[used++] = ' ';
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}
