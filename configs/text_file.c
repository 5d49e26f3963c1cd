#include "configs/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX     (64u << 10)   /* bytes at once: sysctl files refuse a buffer beyond what kmalloc() can give */
#define UNPACK_LIMIT (128ull << 20) /* bytes that liblzma may use: twice what xz -9 needs */

/* Text that grows as it is read. */
struct text {
	char *bytes;   /* owned; one more than cap, for the terminator */
	size_t len, cap, limit;
};

/* Return: room for at least one more byte, or NULL with the reason in *err. */
static char *text_room(struct text *text, const char *path, struct err *err)
{
	size_t cap = text->cap ? text->cap * 2 : READ_MAX;
	char *bytes;

	if (text->len < text->cap)
		return text->bytes + text->len;
	if (text->len >= text->limit) {
		err_set(err, ERR_CONFIG, "%s: more than %zu MiB of text", path, text->limit >> 20);
		return NULL;
	}
	cap = cap < text->limit ? cap : text->limit;
	bytes = realloc(text->bytes, cap + 1);
	if (!bytes) {
		err_set(err, ERR_NOMEM, "%s: no memory for its text", path);
		return NULL;
	}
	text->bytes = bytes;
	text->cap = cap;
	return bytes + text->len;
}

static int read_plain(struct text *text, int fd, const char *path, struct err *err)
{
	ssize_t got;

	do {
		char *to = text_room(text, path, err);
		size_t room = text->cap - text->len;

		if (!to)
			return -1;
		got = read(fd, to, room < READ_MAX ? room : READ_MAX);
		if (got < 0)
			return err_errno(err, "%s", path);
		if (got > 0)
			text->len += (size_t)got;
	} while (got > 0);
	return 0;
}

static int unpack_failed(const char *path, lzma_ret ret, struct err *err)
{
	switch (ret) {
	case LZMA_MEM_ERROR:
		return err_set(err, ERR_NOMEM, "%s: no memory to unpack it", path);
	case LZMA_MEMLIMIT_ERROR:
		return err_set(err, ERR_CONFIG, "%s: needs more than %llu MiB to unpack", path, UNPACK_LIMIT >> 20);
	case LZMA_FORMAT_ERROR:
		return err_set(err, ERR_CONFIG, "%s: expected a file packed by xz", path);
	case LZMA_BUF_ERROR:
		return err_set(err, ERR_CONFIG, "%s: cut off", path);
	default:
		return err_set(err, ERR_CONFIG, "%s: damaged", path);
	}
}

static int unpack(struct text *text, lzma_stream *xz, int fd, const char *path, struct err *err)
{
	uint8_t *packed = malloc(READ_MAX);
	lzma_ret ret = packed ? LZMA_OK : LZMA_MEM_ERROR;
	bool at_end = false;

	while (ret == LZMA_OK) {
		ssize_t got = 0;

		if (!xz->avail_in && !at_end) {
			got = read(fd, packed, READ_MAX);
			at_end = got <= 0;
			xz->next_in = packed;
			xz->avail_in = got > 0 ? (size_t)got : 0;
		}
		xz->next_out = (uint8_t *)text_room(text, path, err);
		if (!xz->next_out) {
			free(packed);
			return -1;
		}
		xz->avail_out = text->cap - text->len;
		ret = lzma_code(xz, at_end ? LZMA_FINISH : LZMA_RUN);
		text->len = text->cap - xz->avail_out;
	}
	free(packed);
	return ret == LZMA_STREAM_END ? 0 : unpack_failed(path, ret, err);
}

static int read_packed(struct text *text, int fd, const char *path, struct err *err)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	int ret;

	if (lzma_stream_decoder(&xz, UNPACK_LIMIT, LZMA_CONCATENATED) != LZMA_OK)
		return err_set(err, ERR_NOMEM, "%s: no memory to unpack it", path);
	ret = unpack(text, &xz, fd, path, err);
	lzma_end(&xz);
	return ret;
}

static int read_fd(char **out, int fd, const char *path, bool packed, size_t limit, struct err *err)
{
	struct text text = { .limit = limit };
	int ret = packed ? read_packed(&text, fd, path, err) : read_plain(&text, fd, path, err);

	if (ret < 0) {
		free(text.bytes);
		return ret;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (!text.bytes[i])
			text.bytes[i] = ' ';
	}
	text.bytes[text.len] = '\0';
	*out = text.bytes;
	return 1;
}

static int read_file(char **out, const char *path, bool packed, size_t limit, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, "%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_CONFIG, "%s: not a regular file", path);
	}
	ret = read_fd(out, fd, path, packed, limit, err);
	close(fd);
	return ret;
}

int text_read(char **text, const char *path, size_t limit, char *used, struct err *err)
{
	char packed[TEXT_PATH_MAX];
	int got = read_file(text, path, false, limit, err);

	if (snprintf(packed, sizeof(packed), "%s.xz", path) >= (int)sizeof(packed))
		packed[0] = '\0';
	if (used)
		snprintf(used, TEXT_PATH_MAX, "%s", got == 0 && packed[0] ? packed : path);
	return got == 0 && packed[0] ? read_file(text, packed, true, limit, err) : got;
}

int text_read_existing(char **text, const char *path, size_t limit, struct err *err)
{
	int got = strcmp(path, "-") ? text_read(text, path, limit, NULL, err) :
				      read_fd(text, STDIN_FILENO, TEXT_STANDARD_INPUT, false, limit, err);

	if (got == 0)
		return err_set(err, ERR_IO, "%s: there is no such file", path);
	return got < 0 ? got : 0;
}

int text_read_in(char **text, const char *folder, const char *name, size_t limit, char *used, struct err *err)
{
	char path[TEXT_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s/%s: path too long", folder, name);
	return text_read(text, path, limit, used, err);
}

char *text_next_line(char **text)
{
	char *line = *text;
	size_t len;

	if (!line || !*line)
		return NULL;
	len = strcspn(line, "\n");
	*text = line + len + (line[len] == '\n');
	len -= len && line[len - 1] == '\r'; /* of a file that was edited or carried where lines end so */
	line[len] = '\0';
	return line;
}

bool text_number(const char *line, const char *name, uint64_t *value)
{
	size_t len = strlen(name);
	uint64_t number;
	char *end;

	line += strspn(line, " \t");
	if (strncmp(line, name, len) || !strchr(" \t:", line[len]) || !line[len])
		return false;
	line += len;
	line += strspn(line, " \t:");
	if (*line < '0' || *line > '9')
		return false;
	errno = 0;
	number = strtoull(line, &end, 10);
	if (errno)
		return false;
	*value = number;
	return true;
}
