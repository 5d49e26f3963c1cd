#include "traces/raw_spool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "traces/spool.h"

#define BUFFER_EVENTS 32768u

int raw_spool_open(struct raw_spool *s, const char *beside, struct err *err)
{
	*s = (struct raw_spool){ .fd = -1 };
	s->buffer = malloc(BUFFER_EVENTS * sizeof(*s->buffer));
	if (!s->buffer)
		return err_set(err, ERR_NOMEM, "no memory for the import's buffer");
	s->fd = spool_open(beside, err);
	if (s->fd >= 0)
		return 0;
	free(s->buffer);
	s->buffer = NULL;
	return s->fd;
}

static int write_at(int fd, const void *data, size_t len, uint64_t at, struct err *err)
{
	const char *from = data;

	while (len) {
		ssize_t done = pwrite(fd, from, len, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_errno(err,
				"the import's temporary file (beside the output; if that is no file, in TMPDIR) cannot be written");
		from += done;
		at += (uint64_t)done;
		len -= (size_t)done;
	}
	return 0;
}

static int flush_buffer(struct raw_spool *s, struct err *err)
{
	int code = write_at(s->fd, s->buffer, s->nr_buffer * sizeof(*s->buffer), s->first * sizeof(*s->buffer), err);

	if (code < 0)
		return code;
	s->first += s->nr_buffer;
	s->nr_buffer = 0;
	return 0;
}

int raw_spool_append(struct raw_spool *s, const struct raw_event *event, struct err *err)
{
	if (s->nr_buffer == BUFFER_EVENTS) {
		int code = flush_buffer(s, err);

		if (code < 0)
			return code;
	}
	s->buffer[s->nr_buffer++] = *event;
	s->nr++;
	return 0;
}

int raw_spool_find(struct raw_spool *s, uint64_t number, const struct raw_spool_finding *finding, struct err *err)
{
	struct raw_event *event;
	uint64_t at = number * sizeof(*event);
	int code;

	assert(number < s->nr);
	if (number >= s->first) {
		event = &s->buffer[number - s->first];
		event->link = finding->link;
		event->origin = finding->origin;
		event->method = finding->method;
		return 0;
	}
	_Static_assert(offsetof(struct raw_event, method) == offsetof(struct raw_event, origin) + 1,
		"origin and method are written as one");
	code = write_at(s->fd, &finding->link, sizeof(finding->link), at + offsetof(struct raw_event, link), err);
	if (code < 0)
		return code;
	return write_at(s->fd, (uint8_t[]){ finding->origin, finding->method }, 2,
		at + offsetof(struct raw_event, origin), err);
}

int raw_spool_moved(struct raw_spool *s, uint64_t number, uint16_t moved, struct err *err)
{
	assert(number < s->nr);
	if (number >= s->first) {
		s->buffer[number - s->first].moved = moved;
		return 0;
	}
	return write_at(s->fd, &moved, sizeof(moved),
		number * sizeof(struct raw_event) + offsetof(struct raw_event, moved), err);
}

int raw_spool_rewind(struct raw_spool *s, struct err *err)
{
	int code = flush_buffer(s, err);

	s->first = 0;
	s->next = 0;
	return code;
}

static int read_more(struct raw_spool *s, struct err *err)
{
	uint64_t left = s->nr - s->first - s->nr_buffer;
	size_t want = left < BUFFER_EVENTS ? (size_t)left : BUFFER_EVENTS;
	size_t len = want * sizeof(*s->buffer), have = 0;

	s->first += s->nr_buffer;
	while (have < len) {
		ssize_t got = pread(s->fd, (char *)s->buffer + have, len - have,
			(off_t)(s->first * sizeof(*s->buffer) + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_errno(err, "the import's temporary file cannot be read back");
		have += (size_t)got;
	}
	s->nr_buffer = want;
	s->next = 0;
	return 0;
}

int raw_spool_next(struct raw_spool *s, const struct raw_event **event, struct err *err)
{
	if (s->next == s->nr_buffer) {
		int code;

		if (s->first + s->nr_buffer == s->nr)
			return 0;
		code = read_more(s, err);
		if (code < 0)
			return code;
	}
	*event = &s->buffer[s->next++];
	return 1;
}

void raw_spool_close(struct raw_spool *s)
{
	if (s->buffer)
		close(s->fd);
	free(s->buffer);
	*s = (struct raw_spool){ .fd = -1 };
}
