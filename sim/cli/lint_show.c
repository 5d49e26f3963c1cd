#include "sim/cli/lint_show.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "sim/cli/cli.h"

/* Columns that the longest call site shown takes. */
static int site_width(const struct recorder_violations *found)
{
	size_t width = strlen("call site");

	for (size_t i = 0; i < found->nr_kept; i++)
		if (found->kept[i].call_site && strlen(found->kept[i].call_site) > width)
			width = strlen(found->kept[i].call_site);
	return width < 40 ? (int)width : 40;
}

/* A time as dmesg prints it. */
static void show_rows(FILE *out, const struct recorder_violations *found)
{
	int width = site_width(found);

	fprintf(out, "%10s  %13s  %3s  %-8s  %-24s  %-*s  %s\n", "event", "time", "cpu", "severity", "rule", width,
		"call site", "what happens");
	for (size_t i = 0; i < found->nr_kept; i++) {
		const struct kept_violation *v = &found->kept[i];

		fprintf(out, "%10" PRIu64 "  %6" PRIu64 ".%06" PRIu64 "  %3u  %-8s  %-24s  %-*s  %s\n", v->event_no,
			v->time_ns / 1000000000u, v->time_ns / 1000u % 1000000u, v->cpu, severity_name[v->severity],
			v->rule, width, v->call_site ? v->call_site : "-", v->text);
	}
	fputc('\n', out);
}

void lint_show_table(FILE *out, const char *trace, const struct replay_result *result,
	const struct recorder_violations *found)
{
	if (found->nr_kept)
		show_rows(out, found);
	for (size_t i = 0; i < found->nr_counts; i++) {
		const struct violation_count *c = &found->counts[i];

		fprintf(out, "%10" PRIu64 "  %-8s  %s%s\n", c->count, severity_name[c->severity], c->rule,
			c->count > MAX_VIOLATION_ROWS ? " (the first 1000 are shown)" : "");
	}
	fprintf(out, "%10" PRIu64 "  errors in %" PRIu64 " events\n", recorder_violations_worse(found, SEVERITY_ERROR),
		result->events);
	/* What is left at the end belongs to no event. */
	if (found->nr_kept && found->kept[0].event_no < result->events && strcmp(trace, "-"))
		fprintf(out, "\n`kmemsim cat %s --skip %" PRIu64 " --limit 1` shows the first of these events.\n",
			trace, found->kept[0].event_no);
}

static void json_violation(FILE *out, const struct kept_violation *v)
{
	fprintf(out,
		"{\"event_no\": %" PRIu64 ", \"time_ns\": %" PRIu64
		", \"cpu\": %u, \"severity\": \"%s\", \"rule\": \"%s\","
		" \"call_site\": ",
		v->event_no, v->time_ns, v->cpu, severity_name[v->severity], v->rule);
	if (v->call_site)
		json_text_put(out, v->call_site);
	else
		fputs("null", out);
	fputs(", \"text\": ", out);
	json_text_put(out, v->text);
	fputc('}', out);
}

void lint_show_json(FILE *out, const char *trace, const struct replay_result *result,
	const struct recorder_violations *found)
{
	fputs("{\"trace\": ", out);
	json_text_put(out, trace);
	fprintf(out, ", \"events\": %" PRIu64 ", \"errors\": %" PRIu64 ",\n \"counts\": [", result->events,
		recorder_violations_worse(found, SEVERITY_ERROR));
	for (size_t i = 0; i < found->nr_counts; i++)
		fprintf(out, "%s\n  {\"rule\": \"%s\", \"severity\": \"%s\", \"count\": %" PRIu64 "}", i ? "," : "",
			found->counts[i].rule, severity_name[found->counts[i].severity], found->counts[i].count);
	fputs("],\n \"violations\": [", out);
	for (size_t i = 0; i < found->nr_kept; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		json_violation(out, &found->kept[i]);
	}
	fputs("]}\n", out);
}
