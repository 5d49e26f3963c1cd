#include "traces/reader.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/sha256.h"
#include "traces/feed.h"
#include "traces/header.h"
#include "traces/spool.h"
#include "traces/tables.h"
#include "traces/spared.h"

#define RING_BATCHES 2u

/* A batch on its way from the decoding thread to the consumer. */
struct ring_entry {
	struct feed_batch batch;
	int status;           /* as trace_next() answers it */
	struct err err;       /* where negative */
};

struct trace_reader {
	char *path;                        /* owned */
	struct feed_file file;
	struct trace_reader_options options;
	struct trace_meta meta;
	struct tables tables;
	uint64_t *spared_bits;        /* owned; NULL: the trace does not tell what reclaim left alone */
	struct trace_sizes sizes;
	struct trace_damage damage;
	struct feed feed;
	uint64_t progress;
	struct ring_entry ring[RING_BATCHES];
	struct feed_batch *kept;           /* owned: the whole trace, with options.keep */
	size_t nr_kept, next_kept;
	bool holds;                        /* the consumer has a batch */
	unsigned int taken;                /* batches given to the consumer and not needed any more */
	unsigned int recorded_end;         /* from this batch on nobody looks at the optional columns */
	bool ended;                        /* 0 or an error was answered; so it will be again */

	/* Only with a decoding thread: */
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock;              /* over the two above and the two below */
	pthread_cond_t changed;
	unsigned int made;                 /* entries put into the ring */
	bool stop;
};

/* Standard input and pipes cannot be read at any place: they are kept in a nameless file. */
static int open_stream(int from, const char *path, struct err *err)
{
	static const size_t chunk = 256u << 10;
	char *buf = malloc(chunk);
	int fd = buf ? spool_open("-", err) : err_set(err, ERR_NOMEM, "%s: no memory", path);
	ssize_t got = 0;
	int ret = fd;

	while (ret >= 0 && (got = read(from, buf, chunk)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		ret = got < 0 ? err_errno(err, "%s: cannot read", path) : spool_write(fd, buf, (size_t)got, path, err);
	}
	free(buf);
	if (ret < 0 && fd >= 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

static int open_file(struct trace_reader *r, struct err *err)
{
	bool is_stdin = !strcmp(r->path, "-");
	int fd = is_stdin ? dup(STDIN_FILENO) : open(r->path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_errno(err, "%s: cannot open", r->path);
	r->file.fd = fd;
	if (fstat(fd, &st) < 0)
		return err_errno(err, "%s: cannot read", r->path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_IO, "%s: is a directory", r->path);
	if (is_stdin || !S_ISREG(st.st_mode)) {
		r->file.fd = open_stream(fd, r->path, err);
		close(fd);
		if (r->file.fd < 0)
			return r->file.fd;
		if (fstat(r->file.fd, &st) < 0)
			return err_errno(err, "%s: cannot read", r->path);
	}
	r->file.bytes = (uint64_t)st.st_size;
	return 0;
}

/* What a file that is no trace seems to be, for the message. */
static const char *guess(const unsigned char *head, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *what;
	} known[] = {
		{ "\x17\x08\x44tracing", 10, "a trace-cmd recording: `kmemsim import` makes a trace of it" },
		{ "PERFILE2", 8, "a perf recording: import the text of `perf script`" },
		{ "SQLite format 3", 15, "an SQLite database" },
		{ "\x1f\x8b", 2, "another gzip file" },
		{ "\xfd" "7zXZ", 5, "an xz file" },
		{ "\x28\xb5\x2f\xfd", 4, "a zstd file" },
		{ "\x7f" "ELF", 4, "a program" },
		{ "{", 1, "JSON text: `kmemsim import` reads the text interchange" },
		{ "# tracer:", 9, "ftrace text: `kmemsim import` makes a trace of it" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len >= known[i].len && !memcmp(head, known[i].magic, known[i].len))
			return known[i].what;
	return NULL;
}

/* The first section is no header: say what the file is instead. */
static int refuse(const struct trace_reader *r, const struct err *why, struct err *err)
{
	unsigned char head[16] = { 0 };
	char shown[4 * sizeof(head) + 1] = "";
	ssize_t got = pread(r->file.fd, head, sizeof(head), 0);
	const char *what;
	size_t used = 0;

	if (got < 0)
		return err_errno(err, "%s: cannot read", r->path);
	if (got >= 14 && !memcmp(head, "\x1f\x8b", 2) && !memcmp(head + 12, "KM", 2))
		return err_set(err, ERR_TRACE, "%s: the header is damaged: %s", r->path, why->text);
	for (ssize_t i = 0; i < got; i++)
		used += (size_t)snprintf(shown + used, sizeof(shown) - used,
			isprint(head[i]) && head[i] != '"' ? "%c" : "\\x%02x", head[i]);
	what = guess(head, (size_t)got);
	return err_set(err, ERR_TRACE, "%s: not a kmemsim trace (starts with \"%s\"%s%s)", r->path, shown,
		what ? "; it looks like " : "", what ? what : "");
}

static int read_header(struct trace_reader *r, uint64_t *end, struct err *err)
{
	struct section s;
	struct header_sizes sizes;
	struct err why = { .code = ERR_NONE };
	const uint8_t *raw;
	int ret = section_read_head(r->file.fd, r->file.bytes, 0, &s, &why);

	if (ret == 0)
		return err_set(err, ERR_TRACE, "%s: the file is empty", r->path);
	if (ret > 0 && s.type != SECTION_HEADER)
		ret = err_set(&why, ERR_TRACE, "it does not begin with a header");
	if (ret > 0)
		ret = unpacker_read(r->feed.unpacker, r->file.fd, &s, MAX_HEADER_RAW, &raw, &why);
	if (ret == -(int)ERR_TRACE)
		return refuse(r, &why, err);
	if (ret < 0)
		return err_set(err, why.code, "%s: %s", r->path, why.text);
	ret = header_parse((const char *)raw, s.raw_bytes, &r->meta, &sizes, err);
	if (ret < 0)
		return err_context(err, "%s", r->path);
	r->sizes = (struct trace_sizes){ sizes.blocks, sizes.bytes_raw, sizes.bytes_compressed, sizes.bytes_recorded,
		r->file.bytes };
	*end = section_end(&s);
	return 0;
}

static int read_spared(struct trace_reader *r, const struct section *s, struct err *err)
{
	const uint8_t *raw;
	int ret;

	if (r->spared_bits || r->meta.events > MAX_SPARED_EVENTS)
		return err_set(err, ERR_TRACE, "what reclaim left alone is told twice, or of more events than it can be");
	ret = unpacker_read(r->feed.unpacker, r->file.fd, s, MAX_SPARED_RAW, &raw, err);
	return ret < 0 ? ret : spared_decode(&r->spared_bits, raw, s->raw_bytes, r->meta.events, err);
}

/* The tables are the next section that is known, but for what reclaim left alone. */
static int read_tables(struct trace_reader *r, uint64_t at, struct err *err)
{
	struct section s;
	const uint8_t *raw;
	int ret;

	do {
		ret = section_read_head(r->file.fd, r->file.bytes, at, &s, err);
		if (ret == 0)
			ret = err_set(err, ERR_TRACE, "the file is cut off");
		at = ret > 0 ? section_end(&s) : at;
		if (ret > 0 && s.type == SECTION_SPARED && read_spared(r, &s, err) < 0)
			ret = -(int)err->code;
	} while (ret > 0 && s.type > SECTION_TRAILER);
	if (ret > 0 && s.type != SECTION_TABLES)
		ret = err_set(err, ERR_TRACE, "no tables follow the header");
	if (ret >= 0)
		ret = unpacker_read(r->feed.unpacker, r->file.fd, &s, MAX_TABLES_RAW, &raw, err);
	if (ret >= 0)
		ret = tables_decode(&r->tables, raw, s.raw_bytes, err);
	r->tables.view.spared = r->spared_bits;
	if (ret < 0)
		return err_context(err, "%s: damaged before the first event, nothing can be read", r->path);
	r->file.prologue_at = at;
	r->file.events = r->meta.events;
	r->file.recorded = r->meta.recorded_addresses;
	r->file.limits = (struct block_limits){
		.op_class = r->tables.op_class,
		.whos = r->tables.view.whos,
		.nr_ops = r->tables.view.nr_ops,
		.nr_whos = r->tables.view.nr_whos,
		.slots = r->meta.slots,
	};
	return 0;
}

static void *decode_beside(void *arg)
{
	struct trace_reader *r = arg;
	int status = 1;

	for (unsigned int i = 0; status > 0; i++) {
		struct ring_entry *entry = &r->ring[i % RING_BATCHES];

		pthread_mutex_lock(&r->lock);
		while (!r->stop && r->made - r->taken == RING_BATCHES)
			pthread_cond_wait(&r->changed, &r->lock);
		status = r->stop ? 0 : 1;
		r->feed.options.recorded &= i < r->recorded_end;
		pthread_mutex_unlock(&r->lock);
		if (!status)
			break;
		status = entry->status = feed_next(&r->feed, &entry->batch, &entry->err);
		pthread_mutex_lock(&r->lock);
		r->made++;
		pthread_cond_signal(&r->changed);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* Decode the whole trace now. A batch that is kept takes its block's memory with it. */
static int keep_all(struct trace_reader *r, struct err *err)
{
	struct feed_batch batch = { 0 };
	uint32_t cap = 0;
	int ret;

	while ((ret = feed_next(&r->feed, &batch, err)) > 0) {
		if (!array_room(&r->kept, &cap, r->nr_kept)) {
			ret = err_set(err, ERR_NOMEM, "%s: no memory to keep it whole", r->path);
			break;
		}
		block_trim(&batch.block);
		r->kept[r->nr_kept++] = batch;
		batch.block = (struct block){ 0 };
	}
	block_fini(&batch.block);
	r->damage = r->feed.damage;
	return ret;
}

static int start(struct trace_reader *r, struct err *err)
{
	if (r->options.keep)
		return keep_all(r, err);
	if (!r->options.thread)
		return 0;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	errno = pthread_create(&r->thread, NULL, decode_beside, r);
	if (errno) {
		pthread_cond_destroy(&r->changed);
		pthread_mutex_destroy(&r->lock);
		return err_errno(err, "%s: cannot start a decoding thread", r->path);
	}
	r->threaded = true;
	return 0;
}

static int open_all(struct trace_reader *r, struct err *err)
{
	uint64_t at = 0;
	int ret = open_file(r, err);

	if (ret < 0)
		return ret;
	r->file.path = r->path;
	if (feed_init(&r->feed, &r->file, &r->options) < 0)
		return err_set(err, ERR_NOMEM, "%s: no memory for a trace reader", r->path);
	ret = read_header(r, &at, err);
	if (ret < 0 || (ret = read_tables(r, at, err)) < 0)
		return ret;
	r->feed.at = r->file.prologue_at;
	ret = index_load(&r->file.index, r->file.fd, r->file.bytes, r->file.prologue_at, r->meta.events,
		r->feed.unpacker, err);
	if (ret < 0)
		return err_context(err, "%s", r->path);
	feed_describe_cut(&r->file, &r->damage);
	return start(r, err);
}

int trace_open(struct trace_reader **out, const char *path, const struct trace_reader_options *options, struct err *err)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	struct err local;
	int ret;

	if (!r || !(r->path = strdup(path))) {
		free(r);
		return err_set(err, ERR_NOMEM, "%s: no memory for a trace reader", path);
	}
	if (options)
		r->options = *options;
	r->file.fd = -1;
	r->recorded_end = UINT_MAX;
	ret = open_all(r, err ? err : &local);
	if (ret < 0) {
		trace_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

const struct trace_meta *trace_meta(const struct trace_reader *r)
{
	return &r->meta;
}

const struct trace_tables *trace_tables(const struct trace_reader *r)
{
	return &r->tables.view;
}

const struct trace_sizes *trace_sizes(const struct trace_reader *r)
{
	return &r->sizes;
}

int trace_sha256(const struct trace_reader *r, char *hex, struct err *err)
{
	int ret = sha256_fd(r->file.fd, hex, err);

	return ret < 0 ? err_context(err, "%s", r->path) : 0;
}

/* The first move at or after event @number. */
static uint32_t move_at(const struct block *b, uint64_t number)
{
	uint32_t low = 0, high = b->nr_moves;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (b->moves[mid].before < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Those behind the last event of a batch belong to it when it is the block's last part. */
static void show_moves(const struct feed_batch *from, struct trace_batch *to)
{
	const struct block *b = &from->block;
	uint32_t start = move_at(b, from->first_event);
	bool last = from->start + from->nr == b->nr;

	to->moves = b->nr_moves ? b->moves + start : NULL;
	to->nr_moves = (last ? b->nr_moves : move_at(b, from->first_event + from->nr)) - start;
}

static void show_batch(const struct feed_batch *from, struct trace_batch *to)
{
	const struct block *b = &from->block;
	uint32_t i = from->start;

	*to = (struct trace_batch){
		.nr = from->nr,
		.first_event = from->first_event,
		.prologue = from->prologue,
		.time_ns = b->time_ns + i,
		.op = b->op + i,
		.slot = b->slot + i,
		.who = b->who + i,
		.value = b->has_value ? b->value + i : NULL,
		.where = b->has_where ? b->where + i : NULL,
		.ctx = b->has_ctx ? b->ctx + i : NULL,
		.entry = b->has_entry ? b->entry + i : NULL,
		.moved = b->has_moved ? b->moved + i : NULL,
	};
	show_moves(from, to);
}

/* The next entry of the ring; the one given before is free for the thread again. */
static struct ring_entry *wait_entry(struct trace_reader *r)
{
	struct ring_entry *entry;

	pthread_mutex_lock(&r->lock);
	r->taken += r->holds;
	pthread_cond_signal(&r->changed);
	while (r->made == r->taken)
		pthread_cond_wait(&r->changed, &r->lock);
	entry = &r->ring[r->taken % RING_BATCHES];
	pthread_mutex_unlock(&r->lock);
	return entry;
}

/* The only entry, without a thread. */
static struct ring_entry *fill_entry(struct trace_reader *r, struct err *err)
{
	struct ring_entry *entry = &r->ring[0];

	r->taken += r->holds;
	r->feed.options.recorded &= r->taken < r->recorded_end;
	if (!r->ended)
		entry->status = feed_next(&r->feed, &entry->batch, err);
	return entry;
}

static int next_kept(struct trace_reader *r, struct trace_batch *batch)
{
	if (r->next_kept == r->nr_kept)
		return 0;
	r->progress = r->kept[r->next_kept].end_offset;
	show_batch(&r->kept[r->next_kept++], batch);
	return 1;
}

void trace_rewind(struct trace_reader *r)
{
	r->next_kept = 0;
	r->progress = 0;
}

int trace_next(struct trace_reader *r, struct trace_batch *batch, struct err *err)
{
	struct ring_entry *entry;
	struct err local;

	if (r->options.keep)
		return next_kept(r, batch);
	entry = r->threaded ? wait_entry(r) : fill_entry(r, err ? err : &local);
	r->holds = entry->status > 0;
	if (r->holds) {
		r->progress = entry->batch.end_offset;
		show_batch(&entry->batch, batch);
		return 1;
	}
	r->ended = true;
	if (entry->status < 0 && r->threaded && err)
		*err = entry->err;
	if (entry->status == 0)
		r->damage = r->feed.damage;
	return entry->status;
}

/*
 * What the thread may have begun has them: at which batch they
 * end, and so which damage is met, hangs on nobody's speed.
 */
void trace_spare_recorded(struct trace_reader *r)
{
	if (r->threaded)
		pthread_mutex_lock(&r->lock);
	r->recorded_end = r->taken + RING_BATCHES;
	if (r->threaded)
		pthread_mutex_unlock(&r->lock);
}

uint64_t trace_progress(const struct trace_reader *r)
{
	return r->progress;
}

const struct trace_damage *trace_damage(const struct trace_reader *r)
{
	return &r->damage;
}

void trace_close(struct trace_reader *r)
{
	if (!r)
		return;
	if (r->threaded) {
		pthread_mutex_lock(&r->lock);
		r->stop = true;
		pthread_cond_signal(&r->changed);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
		pthread_cond_destroy(&r->changed);
		pthread_mutex_destroy(&r->lock);
	}
	for (size_t i = 0; i < r->nr_kept; i++)
		block_fini(&r->kept[i].block);
	free(r->kept);
	for (unsigned int i = 0; i < RING_BATCHES; i++)
		block_fini(&r->ring[i].batch.block);
	feed_fini(&r->feed);
	index_fini(&r->file.index);
	tables_fini(&r->tables);
	free(r->spared_bits);
	trace_meta_fini(&r->meta);
	if (r->file.fd >= 0)
		close(r->file.fd);
	free(r->path);
	free(r);
}
