/* The side of the pipe that reads perf.data. */
#include "traces/dat_priv.h"

#ifdef HAVE_TRACEEVENT

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "traces/dat_records.h"
#include "traces/perf_order.h"
#include "traces/perf_priv.h"

#define KEYS_AT_ONCE (1u << 20)  /* 16 MiB */
#define COMM_MAX     256u
#define RECORDS_TO_SIGN (1u << 18)
#define CPU_MAX      UINT16_MAX

struct perf_child {
	struct perf_file file;
	struct perf_order order;
	struct dat_records *out;     /* owned */
	uint64_t lost, lost_samples; /* the same losses, told in two ways */
	uint64_t shapeless, foreign; /* samples that are damaged, or of no trace event */
	uint32_t cpus;
	uint32_t page_size;
	const char *why;             /* the recording breaks off there */
	const char *refused;         /* the recording is of no use */
};

/* What matters of a record before the order is known. Return: false when it cannot go on. */
static bool look_at(struct perf_child *c, const struct perf_record *record, struct err *err)
{
	const struct perf_attr *attr;

	switch (record->type) {
	case PERF_SAMPLE:
		attr = perf_attr_of(&c->file, record);
		if (attr)
			return perf_order_add(&c->order, perf_sample_time(attr, record), record->at, err) == 0;
		c->shapeless++;
		return true;
	case PERF_COMM:
	case PERF_FORK:
		return perf_order_add(&c->order, perf_trailer_time(&c->file, record), record->at, err) == 0;
	case PERF_LOST:
		c->lost += record->body.len >= 16 ? perf_u64(&record->body, 8) : 0;
		return true;
	case PERF_LOST_SAMPLES:
		c->lost_samples += record->body.len >= 8 ? perf_u64(&record->body, 0) : 0;
		return true;
	case PERF_COMPRESSED_DATA:
	case PERF_COMPRESSED2_DATA:
		c->refused = "its records are compressed: record without -z, or import the text of `perf script`";
		return false;
	default:
		return true;
	}
}

/* Every record once, in the order of the file. */
static int survey(struct perf_child *c, struct err *err)
{
	struct perf_record record;
	uint64_t at = c->file.data_at, nr = 0;
	int code;

	while ((code = perf_file_next(&c->file, &at, &record)) > 0) {
		if (!look_at(c, &record, err))
			return c->refused ? 0 : -1;
		/* The other side of the pipe gives up on who is silent for long. */
		if (++nr % RECORDS_TO_SIGN == 0 && dat_send(c->out, DAT_ALIVE, "", 0) < 0)
			return -1;
	}
	if (code < 0)
		c->why = c->file.why;
	else if (c->file.features_cut)
		c->why = "the formats of its events, at its end, are missing";
	return 0;
}

static size_t feature_text(const struct perf_child *c, enum perf_feature feature, char *text, size_t size)
{
	const struct perf_bytes *b = &c->file.features[feature];
	size_t len = b->len > 4 ? b->len - 4 : 0;

	len = len ? strnlen((const char *)b->data + 4, len < size - 1 ? len : size - 1) : 0;
	if (len)
		memcpy(text, b->data + 4, len);
	text[len] = 0;
	return len;
}

static int send_machine(struct perf_child *c)
{
	const struct dat_machine machine = { .cpus = c->cpus, .page_size = c->page_size };

	return dat_send(c->out, DAT_MACHINE, &machine, sizeof(machine));
}

/* All of the file as a string, which the caller frees; NULL: it cannot be read. */
static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, 0, file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

/* A recording has no symbols: perf takes them from where it runs. */
static bool read_symbols(struct perf_child *c, const char *path)
{
	char *text = path ? read_text(path) : NULL;

	if (text)
		tep_parse_kallsyms(c->out->tep, text);
	free(text);
	return !path || text;
}

static int send_features(struct perf_child *c, unsigned int major, unsigned int minor)
{
	const struct perf_bytes *cpus = &c->file.features[PERF_NRCPUS];
	char text[256];

	c->page_size = perf_formats_read(c->out->tep, &c->file.features[PERF_TRACING_DATA]);
	c->cpus = cpus->len >= 8 ? perf_u32(cpus, 4) : 0;
	if (send_machine(c) < 0 || dat_send_text(c->out, DAT_CLOCK, "perf") < 0)
		return -1;
	if (feature_text(c, PERF_ARCH, text, sizeof(text)) && dat_send_text(c->out, DAT_ARCH, text) < 0)
		return -1;
	if (feature_text(c, PERF_OSRELEASE, text, sizeof(text)) && dat_send_kernel(c->out, text, &major, &minor) < 0)
		return -1;
	dat_records_know(c->out);
	c->out->layout = major ? gfp_layout_of_kernel(major, minor) : GFP_LAYOUT_L5;
	return dat_comm(c->out, 0, "swapper", strlen("swapper"));
}

static int take_comm(struct perf_child *c, const struct perf_bytes *body)
{
	if (body->len < 8)
		return 0;
	return dat_comm(c->out, (int)perf_u32(body, 4), (const char *)body->data + 8,
		strnlen((const char *)body->data + 8, body->len - 8 < COMM_MAX ? body->len - 8 : COMM_MAX));
}

static int take_fork(struct perf_child *c, const struct perf_bytes *body)
{
	return body->len < 16 ? 0 : dat_comm_inherit(c->out, (int)perf_u32(body, 8), (int)perf_u32(body, 12));
}

/* A task whose name was never told is called by its number, as `perf script` does. */
static int name_task(struct perf_child *c, int tid)
{
	char text[16];
	int len;

	if (dat_comm_known(c->out, tid))
		return 0;
	len = snprintf(text, sizeof(text), ":%d", tid);
	return dat_comm(c->out, tid, text, (size_t)len);
}

static int take_sample(struct perf_child *c, const struct perf_record *record)
{
	const struct perf_attr *attr = perf_attr_of(&c->file, record);
	struct perf_sample sample;
	struct dat_callers callers;
	struct dat_raw event;
	uint16_t cpu;

	if (!attr || !perf_sample_parse(attr, record, &sample) || sample.cpu >= (int)CPU_MAX) {
		c->shapeless++;
		return 0;
	}
	if (sample.raw.len < 8) {
		c->foreign++;
		return 0;
	}
	event = (struct dat_raw){ .time_ns = sample.time_ns, .data = sample.raw.data, .size = (int)sample.raw.len };
	cpu = sample.cpu < 0 ? 0 : (uint16_t)sample.cpu;
	if (sample.tid < 0)
		sample.tid = dat_record_pid(c->out, &event);
	if (cpu >= c->cpus)
		c->cpus = cpu + 1u;
	callers = (struct dat_callers){ sample.callers.data, (uint32_t)(sample.callers.len / 8), sample.callers.swap };
	return name_task(c, sample.tid) < 0 ? -1 : dat_record(c->out, &event, cpu, sample.tid, &callers);
}

/* Every record that matters once more, in the order of time. */
static int play(struct perf_child *c, struct err *err)
{
	struct perf_record record;
	struct perf_key key;
	int code;

	while ((code = perf_order_next(&c->order, &key, err)) > 0) {
		perf_file_next(&c->file, &key.at, &record);
		if (record.type == PERF_COMM)
			code = take_comm(c, &record.body);
		else if (record.type == PERF_FORK)
			code = take_fork(c, &record.body);
		else
			code = take_sample(c, &record);
		if (code < 0)
			return code;
	}
	return code;
}

static int send_counts(struct perf_child *c)
{
	c->out->lost = c->lost > c->lost_samples ? c->lost : c->lost_samples;
	if (c->shapeless &&
		dat_send_count(c->out, DAT_UNUSABLE, c->shapeless, "sample that is damaged or of no event") < 0)
		return -1;
	if (c->foreign && dat_send_count(c->out, DAT_IGNORED, c->foreign, "sample of no trace event") < 0)
		return -1;
	return send_machine(c);
}

static int fail(struct perf_child *c, const char *why)
{
	dat_records_cut(c->out, why);
	return -1;
}

static int refuse(struct perf_child *c, const char *why)
{
	dat_send_text(c->out, DAT_REFUSED, why);
	return -1;
}

static int read_file(struct perf_child *c, const struct dat_request *request, const void *data, uint64_t len)
{
	struct err err = { 0 };

	if (perf_file_open(&c->file, data, len) < 0)
		return fail(c, c->file.why);
	if (survey(c, &err) < 0 || perf_order_sort(&c->order, &err) < 0)
		return err.code ? fail(c, err.text) : -1;
	if (!c->refused && !c->why && c->file.features[PERF_TRACING_DATA].len == 0)
		c->refused = "it holds no trace events: record some, as `perf kmem record` does";
	if (c->refused)
		return refuse(c, c->refused);
	if (send_features(c, request->kernel_major, request->kernel_minor) < 0)
		return -1;
	if (!read_symbols(c, request->kallsyms))
		return refuse(c, "the file with its symbols cannot be read");
	if (!c->why && !c->page_size)
		c->why = "the formats of its events are damaged";
	if (play(c, &err) < 0)
		return err.code ? fail(c, err.text) : -1;
	if (send_counts(c) < 0)
		return -1;
	return c->why ? fail(c, c->why) : dat_records_end(c->out);
}

static int map_file(struct perf_child *c, const struct dat_request *request)
{
	int fd = open(request->path, O_RDONLY | O_CLOEXEC), code;
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
		if (fd >= 0)
			close(fd);
		return fail(c, "it cannot be opened");
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return fail(c, "it cannot be mapped into memory");
	madvise(data, (size_t)st.st_size, MADV_SEQUENTIAL);
	code = read_file(c, request, data, (uint64_t)st.st_size);
	munmap(data, (size_t)st.st_size);
	return code;
}

int perf_child(const struct dat_request *request)
{
	struct perf_child c = { .out = dat_records_create(request) };
	int code;

	if (!c.out)
		return 1;
	/* perf records inside the tracepoint, which has disabled preemption itself; ftrace takes that off. */
	c.out->preempt_bias = 1;
	tep_set_loglevel(TEP_LOG_NONE);
	c.out->tep = tep_alloc();
	if (!c.out->tep) {
		dat_records_destroy(c.out);
		return 1;
	}
	perf_order_init(&c.order, request->beside, KEYS_AT_ONCE);
	code = map_file(&c, request);
	perf_order_fini(&c.order);
	perf_file_close(&c.file);
	tep_free(c.out->tep);
	dat_records_destroy(c.out);
	return code < 0;
}

#else

int perf_child(const struct dat_request *request)
{
	(void)request;
	return 1;
}

#endif
