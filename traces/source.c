#include "traces/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define BUFFER_SIZE (2u * SOURCE_LINE_MAX)
#define READ_SIZE   (256u << 10)

static int read_error(const struct source *src, struct err *err)
{
	int code = Z_OK;
	const char *text = gzerror(src->stream, &code), *name_end = strstr(text, ">: ");

	/* Only SIGINT and SIGTERM are caught without restarting what they interrupt. */
	if (code == Z_ERRNO && errno == EINTR)
		return err_set(err, ERR_INTERRUPTED, "interrupted");
	if (code == Z_ERRNO)
		return err_errno(err, "%s", src->name);
	/* zlib names the file itself: "<fd:4>: unexpected end of file". */
	return err_set(err, ERR_TRACE, "%s: the gzip stream is damaged or cut off: %s", src->name,
		*text == '<' && name_end ? name_end + 3 : text);
}

/* Read more behind what is in the buffer, which is first moved to the front. */
static int fill(struct source *src, struct err *err)
{
	size_t room;
	int got;

	if (src->head_pos) {
		memmove(src->head, src->head + src->head_pos, src->head_len - src->head_pos);
		src->head_len -= src->head_pos;
		src->head_pos = 0;
	}
	room = BUFFER_SIZE - src->head_len;
	got = gzread(src->stream, src->head + src->head_len, (unsigned int)(room < READ_SIZE ? room : READ_SIZE));
	if (got < 0)
		return read_error(src, err);
	if (got == 0) {
		int code = Z_OK;

		gzerror(src->stream, &code);
		if (code != Z_OK && code != Z_STREAM_END)
			return read_error(src, err);
		src->ended = true;
	}
	src->head_len += (size_t)got;
	src->bytes_read = src->bytes_total ? (uint64_t)gzoffset(src->stream) : src->bytes_read + (uint64_t)got;
	return 0;
}

/* The byte order mark that some editors write before UTF-8. */
static void drop_mark(struct source *src)
{
	if (src->head_len < 3 || memcmp(src->head, "\xef\xbb\xbf", 3))
		return;
	src->head_len -= 3;
	memmove(src->head, src->head + 3, src->head_len);
}

static int open_stream(struct source *src, int fd, struct err *err)
{
	struct stat st;
	int code;

	src->stream = gzdopen(fd, "rb");
	src->head = malloc(BUFFER_SIZE + 1);
	if (!src->stream || !src->head) {
		if (!src->stream)
			close(fd);
		return err_set(err, ERR_NOMEM, "%s: no memory to read it", src->name);
	}
	gzbuffer(src->stream, READ_SIZE);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "%s", src->name);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_IO, "%s: is a directory", src->name);
	if (S_ISREG(st.st_mode))
		src->bytes_total = (uint64_t)st.st_size;
	while (!src->ended && src->head_len < SOURCE_HEAD_MAX) {
		code = fill(src, err);
		if (code < 0)
			return code;
	}
	drop_mark(src);
	src->plain = S_ISREG(st.st_mode) && gzdirect(src->stream);
	return 0;
}

int source_open(struct source *src, const char *path, struct err *err)
{
	bool standard = !strcmp(path, "-");
	int fd, code;

	*src = (struct source){ .name = standard ? "standard input" : path };
	fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "%s: cannot be opened", src->name);
	code = open_stream(src, fd, err);
	if (code < 0)
		source_close(src);
	return code;
}

/* What cannot stand in a line of text is made visible, so that the line's length is that of the string. */
static void replace_zeros(char *line, size_t len)
{
	for (char *zero = memchr(line, 0, len); zero; zero = memchr(zero, 0, len - (size_t)(zero - line)))
		*zero = '?';
}

static int skip_rest_of_line(struct source *src, struct err *err)
{
	for (;;) {
		char *end = memchr(src->head + src->head_pos, '\n', src->head_len - src->head_pos);
		int code;

		if (end) {
			src->head_pos = (size_t)(end + 1 - src->head);
			return 0;
		}
		src->head_pos = src->head_len;
		if (src->ended)
			return 0;
		code = fill(src, err);
		if (code < 0)
			return code;
	}
}

/* The line that the buffer holds no end of: cut, and the rest of it dropped without disturbing what is given out. */
static int cut_line(struct source *src, char **line, size_t *len, struct err *err)
{
	char *kept = malloc(SOURCE_LINE_MAX + 1);
	int code;

	if (!kept)
		return err_set(err, ERR_NOMEM, "%s: no memory for line %llu", src->name,
			(unsigned long long)src->line_no);
	memcpy(kept, src->head + src->head_pos, SOURCE_LINE_MAX);
	src->head_pos += SOURCE_LINE_MAX;
	code = skip_rest_of_line(src, err);
	if (code < 0 || src->head_pos < SOURCE_LINE_MAX) {
		/* Make room in front for the kept line: what follows moves behind it. */
		size_t rest = src->head_len - src->head_pos;

		memmove(src->head + SOURCE_LINE_MAX, src->head + src->head_pos, rest);
		src->head_pos = SOURCE_LINE_MAX;
		src->head_len = SOURCE_LINE_MAX + rest;
	}
	*line = src->head + src->head_pos - SOURCE_LINE_MAX;
	memcpy(*line, kept, SOURCE_LINE_MAX);
	free(kept);
	*len = SOURCE_LINE_MAX - 1;
	(*line)[*len] = 0;
	replace_zeros(*line, *len);
	return code < 0 ? code : 1;
}

int source_line(struct source *src, char **line, size_t *len, struct err *err)
{
	char *end;
	size_t scanned = 0;

	src->line_no++;
	for (;;) {
		size_t have = src->head_len - src->head_pos;
		int code;

		end = memchr(src->head + src->head_pos + scanned, '\n', have - scanned);
		if (end || src->ended)
			break;
		if (have > SOURCE_LINE_MAX)
			return cut_line(src, line, len, err);
		scanned = have;
		code = fill(src, err);
		if (code < 0)
			return code;
	}
	*line = src->head + src->head_pos;
	if (!end && src->head_pos == src->head_len) {
		src->line_no--;
		return 0;
	}
	*len = end ? (size_t)(end - *line) : src->head_len - src->head_pos;
	src->head_pos += *len + (end ? 1 : 0);
	(*line)[*len] = 0;
	replace_zeros(*line, *len);
	if (*len && (*line)[*len - 1] == '\r')
		(*line)[--*len] = 0;
	return 1;
}

int source_copy(struct source *src, int fd, struct err *err)
{
	for (;;) {
		int code;

		while (src->head_pos < src->head_len) {
			ssize_t done = write(fd, src->head + src->head_pos, src->head_len - src->head_pos);

			if (done < 0 && errno != EINTR)
				return err_errno(err, "%s: cannot copy it to a temporary file", src->name);
			if (done > 0)
				src->head_pos += (size_t)done;
		}
		if (src->ended)
			return 0;
		code = fill(src, err);
		if (code < 0)
			return code;
	}
}

void source_close(struct source *src)
{
	if (src->stream)
		gzclose_r(src->stream);
	free(src->head);
	*src = (struct source){ 0 };
}
