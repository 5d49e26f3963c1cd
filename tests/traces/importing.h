/* importing: for the tests of the importers: a recording given as text, its trace as an array of events. */
#ifndef KMEMSIM_TESTS_TRACES_IMPORTING_H
#define KMEMSIM_TESTS_TRACES_IMPORTING_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/import.h"
#include "traces/reader.h"

struct imported_event {
	bool prologue;
	ns_t time_ns;
	struct trace_op op;
	struct trace_who who;
	uint32_t slot;
	uint64_t where;
	uint32_t entry;
	uint16_t moved;
	uint8_t ctx;
	const char *name, *name2, *call_site, *comm; /* borrowed from the reader */
};

struct imported {
	char path[64];
	struct trace_meta meta;
	struct trace_reader *reader;
	struct imported_event *events; /* prologue first */
	size_t nr, nr_prologue;
};

/** importing_file() - a new temporary file with these bytes. @path: 64 bytes. */
static inline void importing_file(char *path, const void *bytes, size_t len)
{
	int fd;

	snprintf(path, 64, "/tmp/kmemsim-test-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static inline void importing_read(struct imported *in)
{
	struct trace_reader_options options = { .recorded = true };
	struct err err = { 0 };
	struct trace_batch batch;
	const struct trace_tables *tables;
	size_t cap = 0;
	int code;

	cr_assert_eq(trace_open(&in->reader, in->path, &options, &err), 0, "%s", err.text);
	tables = trace_tables(in->reader);
	while ((code = trace_next(in->reader, &batch, &err)) > 0) {
		for (uint32_t i = 0; i < batch.nr; i++) {
			const struct trace_op *op = &tables->ops[batch.op[i]];

			if (in->nr == cap) {
				cap = cap ? cap * 2 : 256;
				in->events = realloc(in->events, cap * sizeof(*in->events));
			}
			in->events[in->nr++] = (struct imported_event){
				.prologue = batch.prologue, .time_ns = batch.time_ns[i], .op = *op,
				.who = tables->whos[batch.who[i]], .slot = batch.slot[i],
				.where = batch.where ? batch.where[i] : 0, .ctx = batch.ctx ? batch.ctx[i] : 0,
				.entry = batch.entry ? batch.entry[i] : 0, .moved = batch.moved ? batch.moved[i] : 0,
				.name = tables->strings[op->name], .name2 = tables->strings[op->name2],
				.call_site = tables->strings[op->call_site],
				.comm = tables->strings[tables->whos[batch.who[i]].comm],
			};
			in->nr_prologue += batch.prologue;
		}
	}
	cr_assert_eq(code, 0, "%s", err.text);
}

/** importing_files() - import; the outcome goes to *err. Return: that of import_files(). */
static inline int importing_files(struct imported *in, const char *const *sources, size_t nr,
	const struct import_options *options, struct err *err)
{
	int code;

	memset(in, 0, sizeof(*in));
	importing_file(in->path, "", 0);
	unlink(in->path);
	code = import_files(sources, nr, in->path, options, &in->meta, err);
	if (code == 0)
		importing_read(in);
	return code;
}

/** importing_text() - import a recording given as text; must succeed. */
static inline struct imported importing_text(const char *text)
{
	const struct import_options options = { .recorded = true };
	struct imported in;
	struct err err = { 0 };
	char path[64];
	const char *source = path;

	importing_file(path, text, strlen(text));
	cr_assert_eq(importing_files(&in, &source, 1, &options, &err), 0, "%s", err.text);
	unlink(path);
	return in;
}

static inline void importing_end(struct imported *in)
{
	trace_close(in->reader);
	trace_meta_fini(&in->meta);
	free(in->events);
	unlink(in->path);
}

/** importing_event() - event proper number @n. */
static inline const struct imported_event *importing_event(const struct imported *in, size_t n)
{
	cr_assert_lt(in->nr_prologue + n, in->nr, "there are only %zu events", in->nr - in->nr_prologue);
	return &in->events[in->nr_prologue + n];
}

/** importing_count() - what the header says for a reason that begins with @reason; 0 when it is not there. */
static inline uint64_t importing_count(const struct trace_counts *counts, const char *reason)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < counts->nr; i++)
		if (!strncmp(counts->rows[i].reason, reason, strlen(reason)))
			sum += counts->rows[i].count;
	return sum;
}

/** importing_shared() - path of a file of the captures in a static buffer; the test is skipped when it is absent. */
static inline const char *importing_shared(const char *name)
{
	static char path[4096];
	const char *shared = getenv("KMEMSIM_SHARED");

	snprintf(path, sizeof(path), "%s/captures/%s", shared ? shared : "", name);
	if (!shared || access(path, R_OK))
		return NULL;
	return path;
}

#endif
