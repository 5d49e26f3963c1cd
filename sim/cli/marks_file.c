#include "sim/cli/marks_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/whole_file.h"

#define FIRST_LINE "kmemsim bisect marks 1"

static void print_marks(FILE *out, const struct marks_file *file)
{
	const struct bisect_marks *marks = &file->marks;

	fprintf(out,
		FIRST_LINE "\ntrace %s\nlayer %s\ntime %d\nevery %" PRIu64 "\nfrom %" PRIu64 "\nevents %" PRIu64 "\n",
		file->trace_sha256, file->layer == LAYER_PAGE ? "page" : "intent", file->time, marks->every,
		marks->from, marks->events);
	for (size_t i = 0; i < marks->nr; i++)
		fprintf(out, "%" PRIu64 " %016" PRIx64 "\n",
			marks->from + (i + 1 < marks->nr ? i * marks->every : marks->total), marks->hash[i]);
}

int marks_file_write(const struct marks_file *file, const char *path, struct err *err)
{
	struct whole_file whole;
	int ret = whole_file_open(&whole, path, err);

	if (ret < 0)
		return ret;
	print_marks(whole.out, file);
	return whole_file_close(&whole, err);
}

/* A line "key value" of the head. Return: false when it is none. */
static bool parse_head(struct marks_file *file, const char *line)
{
	struct bisect_marks *marks = &file->marks;
	char word[8];
	int time;

	if (sscanf(line, "trace %64[0-9a-f]", file->trace_sha256) == 1 ||
		sscanf(line, "every %" SCNu64, &marks->every) == 1 ||
		sscanf(line, "from %" SCNu64, &marks->from) == 1 ||
		sscanf(line, "events %" SCNu64, &marks->events) == 1)
		return true;
	if (sscanf(line, "time %d", &time) == 1) {
		file->time = time;
		return true;
	}
	if (sscanf(line, "layer %7[a-z]", word) != 1)
		return false;
	file->layer = strcmp(word, "page") ? LAYER_INTENT : LAYER_PAGE;
	return true;
}

static int parse_line(struct marks_file *file, const char *line, uint64_t number, struct err *err)
{
	uint64_t events, hash;

	if (number == 1 && !strcmp(line, FIRST_LINE "\n"))
		return 0;
	if (number > 1 && sscanf(line, "%" SCNu64 " %" SCNx64, &events, &hash) == 2) {
		file->marks.total = events - min_u64(events, file->marks.from);
		return bisect_marks_add(&file->marks, hash) ? 0 : err_set(err, ERR_NOMEM, "no memory for the marks");
	}
	if (number > 1 && parse_head(file, line))
		return 0;
	return err_set(err, ERR_CONFIG, "line %" PRIu64 ": expected %s", number,
		number == 1 ? "\"" FIRST_LINE "\", as bisect --save writes it" : "\"EVENTS HASH\"");
}

int marks_file_read(struct marks_file *file, const char *path, struct err *err)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "r") : stdin;
	uint64_t number = 0;
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	*file = (struct marks_file){ 0 };
	if (!in)
		return err_errno(err, "%s", path);
	while (ret == 0 && getline(&line, &room, in) >= 0)
		ret = parse_line(file, line, ++number, err);
	if (ret == 0 && ferror(in))
		ret = err_errno(err, "cannot be read");
	if (ret == 0 && (!file->marks.nr || !file->marks.every || strlen(file->trace_sha256) != 64))
		ret = err_set(err, ERR_CONFIG, "no marks: the file is cut off, or was not written by bisect --save");
	if (in != stdin)
		fclose(in);
	free(line);
	if (ret < 0) {
		bisect_marks_fini(&file->marks);
		return err_context(err, "%s", path);
	}
	return 0;
}
