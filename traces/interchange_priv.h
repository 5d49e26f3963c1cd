/*
 * interchange_priv: what the files of the text interchange share: interchange.c (what the two forms have in common),
 * interchange_json.c, interchange_csv.c.
 */
#ifndef KMEMSIM_TRACES_INTERCHANGE_PRIV_H
#define KMEMSIM_TRACES_INTERCHANGE_PRIV_H

#include "traces/from_fields.h"
#include "traces/interchange.h"

/** An import that is under way. */
struct interchange {
	struct source *src;                  /* borrowed, as the two below */
	const struct import_options *options;
	struct trace_meta *meta;
	struct from_fields events;
	struct fields fields;                /* of the line that is being read */
	uint64_t nr_lines, nr_events;
	bool with_header;                    /* the text was printed from a trace */
};

/* Each returns 0, or a negative code with @err filled. */

/** interchange_jsonl() / interchange_csv() - read all of ic->src. */
int interchange_jsonl(struct interchange *ic, struct err *err);
int interchange_csv(struct interchange *ic, struct err *err);

/**
 * interchange_take_header() - take over from the header of the
 * trace that was printed what the text itself does not say.
 */
int interchange_take_header(struct interchange *ic, const char *json, size_t len, struct err *err);
/** interchange_take_fields() - the line is in ic->fields: into the trace with it. */
int interchange_take_fields(struct interchange *ic, struct err *err);
/**
 * interchange_refuse_line() - count a line that cannot be
 * used; with `strict` it ends the import. @hint: may be NULL.
 */
int interchange_refuse_line(struct interchange *ic, const char *reason, const char *hint, struct err *err);
/** interchange_refuse_key() - the same for a line with a key that nobody knows; names the nearest one. */
int interchange_refuse_key(struct interchange *ic, const char *name, size_t len, struct err *err);
/** interchange_progress() - a line is done: now and then the caller of the import is told, who may end it. */
int interchange_progress(struct interchange *ic, struct err *err);
/** interchange_no_memory() - always negative. */
int interchange_no_memory(struct err *err);

#endif
