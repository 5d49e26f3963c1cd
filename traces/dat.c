#include "traces/dat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "traces/dat_priv.h"
#include "traces/spool.h"

#define PATIENCE_S 120      /* without a byte from the child it is given up */
#define EVENTS_AHEAD 8      /* whose objects are fetched into the processor's caches */
#define BUFFER_SIZE (2u * DAT_MESSAGE_MAX)

/* Who reads a format, and what else can be done when that fails. */
static const struct {
	int (*read)(const struct dat_request *request);
	const char *library, *text;
} readers[NR_DAT_FORMATS] = {
	[DAT_TRACE_CMD] = { dat_child, "libtracecmd", "trace-cmd report -t" },
	[DAT_PERF] = { perf_child, "libtraceevent", "perf script --ns -F comm,tid,cpu,time,event,trace" },
};

struct dat_reader {
	struct source *src;     /* borrowed */
	struct gather *g;       /* borrowed */
	const struct import_options *options; /* borrowed */
	enum dat_format format;
	const char *output;     /* borrowed */
	pid_t child;
	int fd;                 /* owned: from the child */
	char *buffer;           /* owned */
	size_t start, len;      /* what of it is not used yet */
	uint32_t *texts;        /* owned: numbers in the gather of the child's texts */
	uint32_t nr_texts, texts_cap;
	struct dat_slot *slots; /* owned: shared with the child, which may write to it at any time */
	int free_slots;         /* owned: an eventfd, see dat_priv.h */
	uint64_t batches;       /* slots emptied so far */
	uint64_t events;
	bool later_part;        /* how many events its CPUs had before is not known */
	bool done;
	bool refused;           /* the file is whole, and of no use */
	char why[256];          /* why the child gave up */
};

bool dat_supported(void)
{
#ifdef HAVE_TRACECMD
	return true;
#else
	return false;
#endif
}

bool perf_supported(void)
{
#ifdef HAVE_TRACEEVENT
	return true;
#else
	return false;
#endif
}

static int no_memory(const struct dat_reader *r, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: no memory to read it", r->src->name);
}

/* The child must not outlive the import, say anything, leave a core or take the terminal's signals for its own. */
static void become_child(const struct dat_reader *r, const char *path, int fd)
{
	const struct dat_request request = { .path = path, .fd = fd, .slots = r->slots, .free_slots = r->free_slots,
		.beside = r->output,
		.kallsyms = r->options->kallsyms,
		.kernel_major = r->options->kernel_major, .kernel_minor = r->options->kernel_minor };
	struct rlimit none = { 0, 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	for (int sig = SIGHUP; sig <= SIGTERM; sig++)
		signal(sig, SIG_DFL);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	_exit(readers[r->format].read(&request));
}

static int start_child(struct dat_reader *r, const char *path, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "%s: no pipe for the process that reads it", r->src->name);
	r->child = fork();
	if (r->child < 0) {
		int code = err_errno(err, "%s: no process to read it", r->src->name);

		close(ends[0]);
		close(ends[1]);
		return code;
	}
	if (r->child == 0) {
		close(ends[0]);
		become_child(r, path, ends[1]);
	}
	close(ends[1]);
	r->fd = ends[0];
	return 0;
}

/* Waits for bytes. Return: 1 when there are some more, 0 at the end, negative on an error. */
static int fill(struct dat_reader *r, struct err *err)
{
	ssize_t got;

	memmove(r->buffer, r->buffer + r->start, r->len);
	r->start = 0;
	for (int waited = 0;;) {
		struct pollfd ready = { .fd = r->fd, .events = POLLIN };
		int nr = poll(&ready, 1, 1000);

		if (r->options->progress && r->options->progress(r->options->progress_arg, 0, 0, r->events))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
		if (nr > 0)
			break;
		waited += nr == 0;
		if (waited >= PATIENCE_S)
			return err_set(err, ERR_TRACE, "%s: %s does not come on with it after %llu events; the file "
				"may be damaged: record it again, or import the text of `%s`", r->src->name,
				readers[r->format].library, (unsigned long long)r->events, readers[r->format].text);
	}
	do
		got = read(r->fd, r->buffer + r->len, BUFFER_SIZE - r->len);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "%s: the process that reads it", r->src->name);
	r->len += (size_t)got;
	return got > 0;
}

static int take_text(struct dat_reader *r, const char *text, size_t len, struct err *err)
{
	if (!array_room(&r->texts, &r->texts_cap, r->nr_texts + 1ull))
		return no_memory(r, err);
	if (!r->nr_texts)
		r->texts[r->nr_texts++] = 0;
	r->texts[r->nr_texts] = texts_add(&r->g->texts, text, len);
	return r->texts[r->nr_texts++] == TEXT_NO_MEMORY ? no_memory(r, err) : 0;
}

static uint32_t text_of(const struct dat_reader *r, uint32_t number)
{
	return number < r->nr_texts ? r->texts[number] : 0;
}

static bool is_sound(const struct dat_event *in)
{
	return in->event.type > RAW_IGNORED && in->event.type < NR_RAW_TYPES && in->pair <= PAIR_RETURN &&
		in->event.node >= -1;
}

/* The moves before event @number of the slot, from *next on. */
static int give_moves(struct dat_reader *r, const struct dat_slot *slot, uint32_t nr, uint64_t number, uint32_t *next,
	struct err *err)
{
	int code = 0;

	for (; code == 0 && *next < nr; ++*next) {
		struct trace_move move = slot->moves[*next];

		if (move.before > number)
			break;
		if (r->later_part)
			move.entry = 0;
		if (move.kind < NR_MOVE_KINDS)
			code = gather_move(r->g, &move, err);
	}
	return code;
}

static int take_event(struct dat_reader *r, struct dat_event *in, struct err *err)
{
	if (!is_sound(in))
		return 0;
	in->event.comm = text_of(r, in->event.comm);
	in->event.name = text_of(r, in->event.name);
	in->event.call_site = text_of(r, in->event.call_site);
	r->events += in->event.type != RAW_PAGES_DRAINED;
	if (r->later_part)
		in->event.entry = 0;
	return gather_event(r->g, &in->event, (enum source_pair)in->pair, err);
}

static int take_events(struct dat_reader *r, const char *data, size_t len, struct err *err)
{
	const struct dat_slot *slot = &r->slots[r->batches++ % DAT_SLOTS];
	const uint64_t one = 1;
	uint32_t next_move = 0;
	struct dat_batch batch;
	int code = 0;

	if (len < sizeof(batch))
		return 0;
	memcpy(&batch, data, sizeof(batch));
	if (batch.nr_events > DAT_BATCH || batch.nr_moves > DAT_BATCH)
		return 0;
	for (uint32_t i = 0; code == 0 && i < batch.nr_events; i++) {
		struct dat_event in = slot->events[i];

		if (i + EVENTS_AHEAD < batch.nr_events)
			idmap_expect(&r->g->object_index, slot->events[i + EVENTS_AHEAD].event.where);
		code = give_moves(r, slot, batch.nr_moves, i, &next_move, err);
		if (code == 0)
			code = take_event(r, &in, err);
	}
	if (code == 0)
		code = give_moves(r, slot, batch.nr_moves, UINT64_MAX, &next_move, err);
	if (code == 0 && write(r->free_slots, &one, sizeof(one)) < 0)
		return err_errno(err, "%s: the process that reads it", r->src->name);
	return code;
}

static int take_count(struct dat_reader *r, struct trace_counts *counts, const char *data, size_t len, struct err *err)
{
	struct dat_count message;
	char why[256];

	memcpy(&message, data, sizeof(message));
	snprintf(why, sizeof(why), "%.*s", (int)(len - sizeof(message)), data + sizeof(message));
	r->events += message.count;
	if (counts == &r->g->meta->unusable && r->options->strict)
		return err_set(err, ERR_TRACE, "%s: %llu events: %s", r->src->name, (unsigned long long)message.count,
			why);
	return trace_counts_add(counts, why, message.count) < 0 ? no_memory(r, err) : 0;
}

static int take_member(char **member, const char *data, size_t len)
{
	free(*member);
	*member = strndup(data, len);
	return *member ? 0 : -1;
}

static void take_machine(struct dat_reader *r, const char *data)
{
	struct dat_machine machine;

	memcpy(&machine, data, sizeof(machine));
	if (machine.cpus > r->g->meta->cpus && machine.cpus <= UINT16_MAX)
		r->g->meta->cpus = machine.cpus;
	/* The ring buffer's pages are the kernel's. */
	if (!r->options->page_size && machine.page_size >= 4096 && !(machine.page_size & (machine.page_size - 1)))
		r->g->page_shift = (unsigned int)__builtin_ctz(machine.page_size);
}

static int take_message(struct dat_reader *r, enum dat_type type, const char *data, size_t len, struct err *err)
{
	struct trace_meta *meta = r->g->meta;
	struct dat_count count;

	/* A process whose memory a damaged file has upset may say anything. */
	if (len < sizeof(count) &&
		(type == DAT_MACHINE || type == DAT_IGNORED || type == DAT_UNUSABLE || type == DAT_DONE))
		return 0;
	switch (type) {
	case DAT_EVENTS:
		return take_events(r, data, len, err);
	case DAT_ALIVE:
		return 0;
	case DAT_TEXT:
		return take_text(r, data, len, err);
	case DAT_KERNEL:
		return take_member(&meta->kernel, data, len) < 0 ? no_memory(r, err) : 0;
	case DAT_ARCH:
		return take_member(&meta->arch, data, len) < 0 ? no_memory(r, err) : 0;
	case DAT_CLOCK:
		return take_member(&meta->clock, data, len) < 0 ? no_memory(r, err) : 0;
	case DAT_MACHINE:
		take_machine(r, data);
		return 0;
	case DAT_IGNORED:
		return take_count(r, &meta->ignored, data, len, err);
	case DAT_UNUSABLE:
		return take_count(r, &meta->unusable, data, len, err);
	case DAT_FAILED:
	case DAT_REFUSED:
		r->refused = type == DAT_REFUSED;
		snprintf(r->why, sizeof(r->why), "%.*s", (int)len, data);
		return 0;
	case DAT_DONE:
		memcpy(&count, data, sizeof(count));
		meta->lost += count.count;
		r->done = true;
		return 0;
	}
	return 0;
}

static int read_messages(struct dat_reader *r, struct err *err)
{
	int code;

	while ((code = fill(r, err)) > 0) {
		struct dat_message message;

		while (r->len >= sizeof(message)) {
			memcpy(&message, r->buffer + r->start, sizeof(message));
			if (r->len < sizeof(message) + message.len)
				break;
			code = take_message(r, (enum dat_type)message.type, r->buffer + r->start + sizeof(message),
				message.len, err);
			if (code < 0)
				return code;
			r->start += sizeof(message) + message.len;
			r->len -= sizeof(message) + message.len;
		}
	}
	return code;
}

static int end_child(struct dat_reader *r, bool kill_it)
{
	int status = 0;

	if (kill_it)
		kill(r->child, SIGKILL);
	while (waitpid(r->child, &status, 0) < 0 && errno == EINTR)
		;
	close(r->fd);
	return status;
}

static int read_child(struct dat_reader *r, const char *path, struct err *err)
{
	int code = start_child(r, path, err), status;

	if (code < 0)
		return code;
	code = read_messages(r, err);
	r->g->meta->lines += r->events;
	status = end_child(r, code < 0 || r->done);
	if (code < 0 || r->done)
		return code;
	if (r->refused)
		return err_set(err, ERR_TRACE, "%s: cannot be imported: %s", r->src->name, r->why);
	if (!r->why[0] && WIFSIGNALED(status))
		snprintf(r->why, sizeof(r->why), "%s crashed (%s)", readers[r->format].library,
			strsignal(WTERMSIG(status)));
	return err_set(err, ERR_TRACE,
		"%s: the file is cut off or damaged: %s, after %llu events; copy or record it again, or "
		"import the text of `%s`",
		r->src->name, r->why[0] ? r->why : "its reader stopped", (unsigned long long)r->events,
		readers[r->format].text);
}

static int share_slots(struct dat_reader *r, struct err *err)
{
	r->slots = mmap(NULL, DAT_SLOTS * sizeof(*r->slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->slots == MAP_FAILED)
		return no_memory(r, err);
	r->free_slots = eventfd(DAT_SLOTS, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (r->free_slots >= 0)
		return 0;
	munmap(r->slots, DAT_SLOTS * sizeof(*r->slots));
	return err_errno(err, "%s: no memory shared with the process that reads it", r->src->name);
}

static int read_shared(struct dat_reader *r, const char *path, struct err *err)
{
	int code = share_slots(r, err);

	if (code < 0)
		return code;
	r->buffer = malloc(BUFFER_SIZE);
	code = r->buffer ? read_child(r, path, err) : no_memory(r, err);
	munmap(r->slots, DAT_SLOTS * sizeof(*r->slots));
	close(r->free_slots);
	free(r->buffer);
	free(r->texts);
	return code;
}

/* The readers want a file that they can seek in, by name. */
static int copy_to_file(struct source *src, const char *output, char *path, size_t size, struct err *err)
{
	int fd = spool_open(output, err), code;

	if (fd < 0)
		return fd;
	code = source_copy(src, fd, err);
	if (code < 0) {
		close(fd);
		return code;
	}
	snprintf(path, size, "/proc/self/fd/%d", fd);
	return fd;
}

int dat_import(struct source *src, enum dat_format format, struct gather *g, const char *output,
	const struct import_options *options, struct err *err)
{
	struct dat_reader r = { .src = src, .g = g, .options = options, .format = format, .output = output,
		.later_part = g->spool.nr > 0 };
	char path[64];
	int fd = -1, code;

	if (format == DAT_PERF ? !perf_supported() : !dat_supported())
		return err_set(err, ERR_TRACE, "%s: this program was built without %s; import the text of `%s`",
			src->name, readers[format].library, readers[format].text);
	if (!src->plain || !strcmp(src->name, "standard input")) {
		fd = copy_to_file(src, output, path, sizeof(path), err);
		if (fd < 0)
			return fd;
	}
	code = read_shared(&r, fd >= 0 ? path : src->name, err);
	if (fd >= 0)
		close(fd);
	return code;
}
