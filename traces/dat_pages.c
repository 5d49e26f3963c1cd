#ifdef HAVE_TRACECMD

#include "traces/dat_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "traces/dat_layout.h"
#include "traces/ring_page.h"

#define RUNS          4u          /* of a CPU: one is being used, the others are filled meanwhile */
#define RUN_PAGES     16u         /* in a run of pages that are not packed */
#define RUN_HELD      1024u       /* records in a run that libtracecmd finds */
#define CHUNK_MAX     (64u << 20) /* bytes; trace-cmd makes chunks of 10 pages */
#define THREADS_MAX   16

/* Exported by libtracecmd and not declared; where one is absent libtracecmd finds the records of what is packed. */
struct tracecmd_compression;
struct tracecmd_compress_chunk {
	unsigned int size, zsize;     /* bytes unpacked, and packed */
	off_t zoffset, offset;        /* of its head in the file, and in what is unpacked */
};
extern int tracecmd_cpus(struct tracecmd_input *handle) __attribute__((weak));
extern struct tracecmd_compression *tracecmd_compress_alloc(const char *name, const char *version, int fd,
	struct tep_handle *tep, void *msg) __attribute__((weak));
extern void tracecmd_compress_destroy(struct tracecmd_compression *handle) __attribute__((weak));
extern int tracecmd_uncompress_chunk(struct tracecmd_compression *handle, struct tracecmd_compress_chunk *chunk,
	char *data) __attribute__((weak));

struct dat_cpu {
	struct dat_run runs[RUNS];
	uint64_t filled, given_back;  /* runs so far; those between are with the caller or wait for it */
	bool busy;                    /* a thread fills the next one */
	bool taken;                   /* the caller has the run that comes after the ones given back */
	bool ended;                   /* nothing follows the runs filled */
	bool damaged;                 /* because what follows is no page or chunk of pages */
	struct tep_record *first;     /* owned: read to see whether pages can be taken apart here */
	uint64_t at, end;             /* of the span: what comes next, and where it ends */
	uint32_t chunks_left;
};

struct dat_thread {
	struct dat_pages *pages;      /* borrowed */
	pthread_t thread;
	int fd;                       /* owned; a position of its own */
	struct tracecmd_compression *codec; /* owned; NULL: nothing is packed */
	struct ring_record *records;  /* owned: of a page */
};

struct dat_pages {
	struct tracecmd_input *handle; /* borrowed */
	struct tep_handle *tep;       /* borrowed */
	const char *path;             /* borrowed */
	struct dat_layout layout;
	bool own;                     /* pages are taken apart here */
	unsigned int long_size;       /* of the recorded kernel */
	struct dat_cpu *cpus;         /* owned */
	int nr_cpus;
	struct dat_thread threads[THREADS_MAX];
	int nr_threads;
	pthread_mutex_t lock;         /* over what threads share: filled, given_back, busy, ended, stopping */
	pthread_cond_t changed;
	bool stopping;
};

static bool read_at(int fd, void *to, size_t len, uint64_t at)
{
	for (char *p = to; len;) {
		ssize_t got = pread(fd, p, len, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		at += (uint64_t)got;
		len -= (size_t)got;
	}
	return true;
}

/* What all records have in common is read even where a damaged page says that its last one is shorter. */
static bool grow_bytes(struct dat_run *run, size_t len)
{
	len += DAT_COMMON_MAX;
	if (run->bytes_cap < len) {
		free(run->bytes);
		run->bytes = malloc(len);
		run->bytes_cap = run->bytes ? len : 0;
	}
	return run->bytes;
}

static bool grow_records(struct dat_run *run, uint32_t more)
{
	struct dat_raw *records;

	if (run->nr + more <= run->cap)
		return true;
	records = realloc(run->records, 2 * (run->nr + more) * sizeof(*records));
	if (!records)
		return false;
	run->records = records;
	run->cap = 2 * (run->nr + more);
	return true;
}

/* A part of the file that was never written, or lost: the kernel notes a time in every page that it fills. */
static bool is_blank(const unsigned char *page)
{
	static const unsigned char head[16];

	return !memcmp(page, head, sizeof(head));
}

/* The records of one page. Return: false when it is damaged. */
static bool take_page(struct dat_thread *t, struct dat_run *run, const unsigned char *page)
{
	const struct dat_pages *p = t->pages;
	int64_t missed;
	int nr = is_blank(page) ? -1 : ring_page_records(page, p->layout.page_size, p->long_size, t->records, &missed);

	if (nr < 0 || !grow_records(run, (uint32_t)nr))
		return false;
	for (int i = 0; i < nr; i++)
		run->records[run->nr + (uint32_t)i] = (struct dat_raw){
			.time_ns = t->records[i].time_ns,
			.data = page + t->records[i].at,
			.size = t->records[i].size,
		};
	if (nr)
		run->records[run->nr].missed = missed;
	run->nr += (uint32_t)nr;
	return true;
}

static bool take_pages(struct dat_thread *t, struct dat_run *run, size_t len)
{
	uint32_t page_size = t->pages->layout.page_size;

	for (size_t at = 0; at + page_size <= len; at += page_size)
		if (!take_page(t, run, run->bytes + at))
			return false;
	return true;
}

/* The next chunk of pages. Return: false when nothing follows. */
static bool take_chunk(struct dat_thread *t, struct dat_cpu *c, struct dat_run *run)
{
	uint32_t head[2];
	struct tracecmd_compress_chunk chunk = { .zoffset = (off_t)c->at };

	if (!c->chunks_left)
		return false;
	c->damaged = true;
	if (!read_at(t->fd, head, sizeof(head), c->at))
		return false;
	chunk.zsize = head[0];
	chunk.size = head[1];
	c->at += sizeof(head) + chunk.zsize;
	c->chunks_left--;
	if (!chunk.size || chunk.size > CHUNK_MAX || !grow_bytes(run, chunk.size) ||
	    tracecmd_uncompress_chunk(t->codec, &chunk, (char *)run->bytes) < 0)
		return false;
	c->damaged = !take_pages(t, run, chunk.size);
	return !c->damaged && c->chunks_left;
}

/* The next pages of a file that is not packed. */
static bool take_plain(struct dat_thread *t, struct dat_cpu *c, struct dat_run *run)
{
	size_t len = (size_t)min_u64(c->end - c->at, (uint64_t)RUN_PAGES * t->pages->layout.page_size);

	if (!len)
		return false;
	c->damaged = !grow_bytes(run, len) || !read_at(t->fd, run->bytes, len, c->at) || !take_pages(t, run, len);
	c->at += len;
	return !c->damaged && c->at < c->end;
}

/* What libtracecmd finds. */
static bool take_records(struct dat_thread *t, struct dat_cpu *c, struct dat_run *run)
{
	int cpu = (int)(c - t->pages->cpus);

	if (!run->held && !(run->held = malloc(RUN_HELD * sizeof(struct tep_record *))))
		return false;
	if (!grow_records(run, RUN_HELD))
		return false;
	while (run->nr_held < RUN_HELD) {
		struct tep_record *record = c->first ? c->first : tracecmd_read_data(t->pages->handle, cpu);

		c->first = NULL;
		if (!record)
			return false;
		run->held[run->nr_held++] = record;
		run->records[run->nr++] = (struct dat_raw){
			.time_ns = record->ts,
			.data = record->data,
			.size = record->size,
			.missed = record->missed_events,
		};
	}
	return true;
}

static void empty_run(struct dat_run *run)
{
	while (run->nr_held)
		tracecmd_free_record(run->held[--run->nr_held]);
	run->nr = 0;
}

/* Return: false when no run follows this one. */
static bool fill_run(struct dat_thread *t, struct dat_cpu *c, struct dat_run *run)
{
	bool more = true;

	empty_run(run);
	while (more && !run->nr)
		more = !t->pages->own ? take_records(t, c, run) :
			t->codec      ? take_chunk(t, c, run) :
					take_plain(t, c, run);
	return more;
}

/* The CPU that has the fewest runs waiting, and room for one more; NULL: none can be filled now. */
static struct dat_cpu *cpu_with_room(struct dat_pages *p)
{
	struct dat_cpu *found = NULL;

	for (struct dat_cpu *c = p->cpus; c < p->cpus + p->nr_cpus; c++) {
		uint64_t waiting = c->filled - c->given_back;

		if (!c->ended && !c->busy && waiting < (found ? found->filled - found->given_back : RUNS))
			found = c;
	}
	return found;
}

static void *read_ahead(void *arg)
{
	struct dat_thread *t = arg;
	struct dat_pages *p = t->pages;

	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		struct dat_cpu *c = cpu_with_room(p);
		bool more;

		if (!c) {
			pthread_cond_wait(&p->changed, &p->lock);
			continue;
		}
		c->busy = true;
		pthread_mutex_unlock(&p->lock);
		more = fill_run(t, c, &c->runs[c->filled % RUNS]);
		pthread_mutex_lock(&p->lock);
		c->busy = false;
		c->filled++;
		c->ended = !more;
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

const struct dat_run *dat_pages_next(struct dat_pages *p, int cpu)
{
	struct dat_cpu *c = &p->cpus[cpu];
	const struct dat_run *run;

	pthread_mutex_lock(&p->lock);
	if (c->taken) {
		c->given_back++;
		pthread_cond_broadcast(&p->changed);
	}
	while (c->filled == c->given_back && !c->ended)
		pthread_cond_wait(&p->changed, &p->lock);
	c->taken = c->filled > c->given_back;
	run = c->taken ? &c->runs[c->given_back % RUNS] : NULL;
	pthread_mutex_unlock(&p->lock);
	return run && run->nr ? run : NULL;
}

int dat_pages_damaged(const struct dat_pages *p)
{
	for (int cpu = 0; cpu < p->nr_cpus; cpu++)
		if (p->cpus[cpu].damaged)
			return cpu;
	return -1;
}

int dat_pages_cpus(const struct dat_pages *p)
{
	return p->nr_cpus;
}

static bool read_layout(struct dat_pages *p, int fd)
{
	return dat_layout_read_file(&p->layout, fd) && (!p->layout.packed ||
		(tracecmd_compress_alloc && tracecmd_compress_destroy && tracecmd_uncompress_chunk));
}

/* What a thread works with. Return: false when it is not all there. */
static bool prepare_thread(struct dat_pages *p, struct dat_thread *t)
{
	t->fd = open(p->path, O_RDONLY | O_CLOEXEC);
	if (t->fd < 0)
		return false;
	posix_fadvise(t->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	t->records = malloc((p->layout.page_size / RING_RECORD_MIN + 1) * sizeof(*t->records));
	if (p->layout.packed)
		t->codec = tracecmd_compress_alloc(p->layout.codec, p->layout.codec_version, t->fd, p->tep, NULL);
	return t->records && (t->codec || !p->layout.packed);
}

static void fini_thread(struct dat_thread *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->codec)
		tracecmd_compress_destroy(t->codec);
	free(t->records);
}

static void place_cpu(const struct dat_thread *t, struct dat_cpu *c, const struct dat_span *span)
{
	c->at = span->at;
	c->end = span->at + span->bytes;
	if (!t->codec || !span->bytes || !read_at(t->fd, &c->chunks_left, sizeof(c->chunks_left), c->at))
		return;
	c->damaged = !c->chunks_left && span->bytes > sizeof(c->chunks_left);
	c->at += sizeof(c->chunks_left);
}

static bool same_record(const struct tep_record *theirs, const struct dat_run *run)
{
	const struct dat_raw *ours = run->records;

	if (!theirs || !run->nr)
		return !theirs && !run->nr;
	return theirs->ts == ours->time_ns && theirs->size == ours->size && ours->size >= 0 &&
		theirs->missed_events == ours->missed && !memcmp(theirs->data, ours->data, (size_t)ours->size);
}

/* Fills the first run of each CPU, and whether libtracecmd agrees on what is first: if not, it finds the records. */
static bool try_own(struct dat_pages *p)
{
	struct dat_thread *t = &p->threads[0];
	bool same = true;

	p->own = true;
	for (int cpu = 0; same && cpu < p->nr_cpus; cpu++) {
		struct dat_cpu *c = &p->cpus[cpu];

		c->first = tracecmd_read_data(p->handle, cpu);
		if ((uint32_t)cpu < p->layout.nr_cpus)
			place_cpu(t, c, &p->layout.cpus[cpu]);
		c->ended = !fill_run(t, c, &c->runs[0]);
		c->filled = 1;
		same = same_record(c->first, &c->runs[0]);
	}
	for (struct dat_cpu *c = p->cpus; c < p->cpus + p->nr_cpus; c++) {
		if (same) {
			tracecmd_free_record(c->first);
			c->first = NULL;
		} else {
			c->ended = c->damaged = false;
			c->filled = 0;
		}
	}
	return same;
}

/* One for each CPU that has something left, as far as the machine has as many. */
static int wanted_threads(const struct dat_pages *p)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int nr = 0;

	for (int cpu = 0; cpu < p->nr_cpus; cpu++)
		nr += !p->cpus[cpu].ended;
	return p->own ? (int)min_u64(min_u64((uint64_t)nr, (uint64_t)(online > 0 ? online : 1)), THREADS_MAX) : 1;
}

static bool start(struct dat_pages *p, int fd)
{
	int wanted;

	for (int i = 0; i < THREADS_MAX; i++)
		p->threads[i] = (struct dat_thread){ .pages = p, .fd = -1 };
	p->nr_cpus = tracecmd_cpus ? tracecmd_cpus(p->handle) : tep_get_cpus(p->tep);
	p->cpus = calloc((size_t)p->nr_cpus + 1, sizeof(*p->cpus));
	if (!p->cpus)
		return false;
	if (tep_get_header_timestamp_size(p->tep) == 8 && !tep_is_old_format(p->tep) && read_layout(p, fd) &&
	    prepare_thread(p, &p->threads[0]))
		p->own = try_own(p);
	wanted = wanted_threads(p);
	for (int i = 0; i < wanted; i++) {
		struct dat_thread *t = &p->threads[i];

		if ((i && !prepare_thread(p, t)) || pthread_create(&t->thread, NULL, read_ahead, t))
			break;
		p->nr_threads++;
	}
	return p->nr_threads || !wanted;
}

struct dat_pages *dat_pages_open(struct tracecmd_input *handle, const char *path)
{
	struct dat_pages *p = calloc(1, sizeof(*p));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool started;

	if (!p || fd < 0) {
		free(p);
		return NULL;
	}
	p->handle = handle;
	p->tep = tracecmd_get_tep(handle);
	p->path = path;
	p->long_size = tep_get_header_page_size(p->tep) == 8 ? 8 : 4;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	started = start(p, fd);
	close(fd);
	if (started)
		return p;
	dat_pages_close(p);
	return NULL;
}

void dat_pages_close(struct dat_pages *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->nr_threads; i++)
		pthread_join(p->threads[i].thread, NULL);
	for (int i = 0; i < THREADS_MAX; i++)
		fini_thread(&p->threads[i]);
	for (int cpu = 0; p->cpus && cpu < p->nr_cpus; cpu++) {
		tracecmd_free_record(p->cpus[cpu].first);
		for (unsigned int i = 0; i < RUNS; i++) {
			empty_run(&p->cpus[cpu].runs[i]);
			free(p->cpus[cpu].runs[i].records);
			free(p->cpus[cpu].runs[i].bytes);
			free(p->cpus[cpu].runs[i].held);
		}
	}
	free(p->cpus);
	dat_layout_fini(&p->layout);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

#endif
