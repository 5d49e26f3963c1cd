#include "traces/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (256u << 10)
#define PARTIAL_TRIES 100

/* The directory part of @path, "." if it has none. The caller frees it. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Where the file system has no nameless files: a named one that loses its name at once. */
static int open_and_unlink(const char *dir)
{
	char *name;
	int fd;

	if (asprintf(&name, "%s/.kmemsim-XXXXXX", dir) < 0) {
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	free(name);
	return fd;
}

int spool_open(const char *beside, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = strcmp(beside, "-") ? directory_of(beside) : strdup(tmp && *tmp ? tmp : "/tmp");
	int fd, ret;

	if (!dir)
		return err_set(err, ERR_NOMEM, "%s: no memory", beside);
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = open_and_unlink(dir);
	ret = fd < 0 ? err_errno(err, "%s: cannot make a temporary file in %s", beside, dir) : fd;
	free(dir);
	return ret;
}

int spool_write(int fd, const void *data, size_t len, const char *name, struct err *err)
{
	const char *p = data;

	while (len) {
		ssize_t done = write(fd, p, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_errno(err, "%s: cannot write", name);
		p += done;
		len -= (size_t)done;
	}
	return 0;
}

int spool_copy(int to, int from, uint64_t bytes, const char *name, struct err *err)
{
	char *buf = malloc(COPY_BYTES);
	uint64_t at = 0;
	int ret = 0;

	if (!buf)
		return err_set(err, ERR_NOMEM, "%s: no memory", name);
	while (at < bytes && !ret) {
		size_t want = bytes - at < COPY_BYTES ? (size_t)(bytes - at) : COPY_BYTES;
		ssize_t got = pread(from, buf, want, (off_t)at);

		if (got <= 0)
			ret = got < 0 ? err_errno(err, "%s: cannot read back", name) :
				err_set(err, ERR_IO, "%s: the temporary file became shorter", name);
		else
			ret = spool_write(to, buf, (size_t)got, name, err);
		at += got > 0 ? (uint64_t)got : 0;
	}
	free(buf);
	return ret;
}

/* What is there and is no plain file (a pipe, /dev/null) cannot be replaced by a rename. */
static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static int open_partial(struct output *out, struct err *err)
{
	for (int i = 0; i < PARTIAL_TRIES; i++) {
		if (asprintf(&out->partial, "%s.%ld-%d.partial", out->path, (long)getpid(), i) < 0) {
			out->partial = NULL;
			return err_set(err, ERR_NOMEM, "%s: no memory", out->path);
		}
		out->fd = open(out->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (out->fd >= 0)
			return 0;
		free(out->partial);
		out->partial = NULL;
		if (errno != EEXIST)
			break;
	}
	return err_errno(err, "%s: cannot create", out->path);
}

int output_open(struct output *out, const char *path, struct err *err)
{
	*out = (struct output){ .path = path, .fd = -1 };
	if (!strcmp(path, "-"))
		out->fd = dup(STDOUT_FILENO);
	else if (is_special(path))
		out->fd = open(path, O_WRONLY | O_CLOEXEC);
	else
		return open_partial(out, err);
	return out->fd < 0 ? err_errno(err, "%s: cannot open", path) : 0;
}

int output_finish(struct output *out, struct err *err)
{
	/* Pipes and devices need not know fsync(). */
	int failed = fsync(out->fd) < 0 && (out->partial || errno == EIO || errno == ENOSPC);

	if (close(out->fd) < 0)
		failed = 1;
	out->fd = -1;
	if (!failed && out->partial)
		failed = rename(out->partial, out->path) < 0;
	if (failed) {
		int ret = err_errno(err, "%s: cannot finish", out->path);

		output_abort(out);
		return ret;
	}
	free(out->partial);
	out->partial = NULL;
	return 0;
}

void output_abort(struct output *out)
{
	if (out->fd >= 0)
		close(out->fd);
	if (out->partial)
		unlink(out->partial);
	free(out->partial);
	*out = (struct output){ .fd = -1 };
}
