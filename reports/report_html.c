/*
 * report_html: the report as a page of its own, which needs no other file. It is
 * the text report with its colours as elements, so that both always say the same.
 */
#include <stdlib.h>
#include <string.h>

#include "reports/report_priv.h"
#include "reports/text_priv.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>kmemsim report</title>\n<style>\n"
	"body { margin: 2em; background: #fff; color: #111; }\n"
	"pre { font: 14px/1.25 'DejaVu Sans Mono', Menlo, Consolas, monospace; }\n"
	".dim { color: #666; }\n.red { color: #b00; }\n.yellow { color: #960; }\n.cyan { color: #067; }\n"
	"@media (prefers-color-scheme: dark) {\n\tbody { background: #111; color: #ddd; }\n\t.dim { color: #999; }\n"
	"\t.red { color: #f66; }\n\t.yellow { color: #fc6; }\n\t.cyan { color: #6cf; }\n}\n</style>\n</head>\n<body>\n<pre>\n";
static const char foot[] = "</pre>\n</body>\n</html>\n";

static const struct {
	int style; /* enum text_style */
	const char *element;
} elements[] = { { TEXT_BOLD, "<b>" }, { TEXT_DIM, "<span class=\"dim\">" }, { TEXT_RED, "<span class=\"red\">" },
	{ TEXT_YELLOW, "<span class=\"yellow\">" }, { TEXT_CYAN, "<span class=\"cyan\">" } };

/* The element of a style begins, after that of the one before has ended. Return: what ends it. */
static const char *change_style(int style, const char *open, FILE *out)
{
	fputs(open, out);
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		if (elements[i].style != style)
			continue;
		fputs(elements[i].element, out);
		return style == TEXT_BOLD ? "</b>" : "</span>";
	}
	return "";
}

static void put_character(char c, FILE *out)
{
	if (c == '&')
		fputs("&amp;", out);
	else if (c == '<')
		fputs("&lt;", out);
	else if (c == '>')
		fputs("&gt;", out);
	else
		fputc(c, out);
}

static void put_page(const char *text, FILE *out)
{
	const char *open = "";

	fputs(head, out);
	for (const char *c = text; *c; c++) {
		int style, length = 0;

		if (*c == '\033' && sscanf(c, "\033[%dm%n", &style, &length) == 1 && length) {
			open = change_style(style, open, out);
			c += length - 1;
		} else {
			put_character(*c, out);
		}
	}
	fputs(open, out);
	fputs(foot, out);
}

int report_html(struct results *results, const struct report_options *options, FILE *out, struct err *err)
{
	struct report_options how = { .run = options->run, .colour = true };
	char *text;
	int ret = report_text_keep(results, &how, &text, err);

	if (ret == 0)
		put_page(text, out);
	free(text);
	return ret;
}
