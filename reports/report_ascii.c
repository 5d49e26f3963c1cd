/* report_ascii: the text report for who cannot see UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "reports/report_priv.h"

/* The characters that charts and tables are drawn with, each one column wide. */
static char ascii_of(const char *character, size_t length)
{
	static const struct {
		const char *character;
		char ascii;
	} known[] = {
		{ "█", '#' }, { "▇", '#' }, { "▆", '*' }, { "▅", '*' }, { "▄", '=' }, { "▃", '-' }, { "▂", '.' },
			{ "▁", '_' },
		{ "▌", '=' }, { "│", '|' }, { "→", '>' }, { "…", '~' },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].character) == length && !memcmp(known[i].character, character, length))
			return known[i].ascii;
	return '?';
}

static void put_ascii(const char *text, FILE *out)
{
	for (size_t size = strlen(text), length; size; text += length, size -= length) {
		length = utf8_length((const unsigned char *)text, size);
		length += !length;
		fputc(length == 1 && (unsigned char)*text < 0x80 ? *text : ascii_of(text, length), out);
	}
}

int report_ascii(struct results *results, const struct report_options *options, FILE *out, struct err *err)
{
	char *text;
	int ret = report_text_keep(results, options, &text, err);

	if (ret == 0)
		put_ascii(text, out);
	free(text);
	return ret;
}
