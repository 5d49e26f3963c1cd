#include "traces/move_spool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "traces/spool.h"

#define BUFFER_MOVES 65536u

void move_spool_init(struct move_spool *s, const char *beside)
{
	*s = (struct move_spool){ .beside = beside, .fd = -1 };
}

void move_spool_close(struct move_spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->buffer);
	*s = (struct move_spool){ .fd = -1 };
}

static int spill(struct move_spool *s, struct err *err)
{
	int code;

	if (s->fd < 0 && (s->fd = spool_open(s->beside, err)) < 0)
		return s->fd;
	code = spool_write(s->fd, s->buffer, s->nr_buffer * sizeof(*s->buffer), "the import's temporary file", err);
	s->nr_file += s->nr_buffer;
	s->nr_buffer = 0;
	return code;
}

int move_spool_append(struct move_spool *s, const struct trace_move *move, struct err *err)
{
	int code;

	if (!s->buffer && !(s->buffer = malloc(BUFFER_MOVES * sizeof(*s->buffer))))
		return err_set(err, ERR_NOMEM, "no memory for the import's buffer");
	if (s->nr_buffer == BUFFER_MOVES && (code = spill(s, err)) < 0)
		return code;
	s->buffer[s->nr_buffer++] = *move;
	return 0;
}

int move_spool_rewind(struct move_spool *s, struct err *err)
{
	/* What fitted into the buffer needs no file. */
	int code = s->nr_file ? spill(s, err) : 0;

	s->next = 0;
	s->read = 0;
	return code;
}

static int read_more(struct move_spool *s, struct err *err)
{
	uint64_t left = s->nr_file - s->read;
	size_t want = left < BUFFER_MOVES ? (size_t)left : BUFFER_MOVES;
	size_t len = want * sizeof(*s->buffer), have = 0;

	while (have < len) {
		ssize_t got = pread(s->fd, (char *)s->buffer + have, len - have,
			(off_t)(s->read * sizeof(*s->buffer) + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_errno(err, "the import's temporary file cannot be read back");
		have += (size_t)got;
	}
	s->read += want;
	s->nr_buffer = want;
	s->next = 0;
	return 0;
}

int move_spool_next(struct move_spool *s, uint64_t number, struct trace_move *move, struct err *err)
{
	int code;

	if (s->next == s->nr_buffer) {
		if (s->read == s->nr_file)
			return 0;
		code = read_more(s, err);
		if (code < 0)
			return code;
	}
	if (s->buffer[s->next].before > number)
		return 0;
	*move = s->buffer[s->next++];
	return 1;
}
