/*
 * findings: the errors of one configuration file and its settings, collected so that one pass shows them all. Knows
 * places in a text and how to show them; knows no key.
 */
#ifndef KMEMSIM_CONFIGS_FINDINGS_H
#define KMEMSIM_CONFIGS_FINDINGS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FINDINGS_SHOWN 20

/* Where a finding is: in the file, or in one setting. */
struct finding_place {
	uint32_t line, column;  /* 1-based; 0 = the file as a whole */
	const char *setting;    /* borrowed: "key=value" of --set; NULL = in the file */
};

struct findings {
	const char *file;       /* borrowed: name for messages */
	const char *text;       /* borrowed: what was in it */
	size_t len;
	struct finding {
		struct finding_place place;
		char *text;     /* owned */
	} shown[FINDINGS_SHOWN];
	uint32_t nr;            /* all that were found, also those not kept */
};

/** findings_add() - one more, in printf() form. */
void findings_add(struct findings *findings, struct finding_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * findings_report() - all findings in the order of the file, settings last, each with its line and a caret.
 * Return: 0 when there is none, else the negative ERR_CONFIG, with @err filled.
 */
int findings_report(struct findings *findings, struct err *err);

void findings_fini(struct findings *findings);

/** finding_quote() - @text fit for a message: printable, shortened with "..." to fit @buf. Return: @buf. */
char *finding_quote(const char *text, size_t len, char *buf, size_t size);

#endif
