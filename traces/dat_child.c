/* The side of the pipe that has libtracecmd. */
#include "traces/dat_priv.h"

#ifdef HAVE_TRACECMD

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/dat_layout.h"
#include "traces/dat_order.h"
#include "traces/dat_pages.h"

/* Exported by libtracecmd and not declared; absent from some versions. */
extern const char *tracecmd_get_uname(struct tracecmd_input *handle) __attribute__((weak));
extern const char *tracecmd_get_trace_clock(struct tracecmd_input *handle) __attribute__((weak));
extern struct tep_record *tracecmd_peek_data(struct tracecmd_input *handle, int cpu) __attribute__((weak));

/* A CPU whose records are being merged with the others'. */
struct merge_cpu {
	const struct dat_run *run; /* NULL: it has no more */
	uint32_t next;             /* record of the run */
};

/* The CPU's task has the name that the recording tells at its end; it is asked for once. */
static int know_comm(struct dat_records *c, int pid)
{
	const char *comm;

	if (dat_comm_known(c, pid))
		return 0;
	comm = tep_data_comm_from_pid(c->tep, pid);
	return dat_comm(c, pid, comm ? comm : "", comm ? strlen(comm) : 0);
}

static int take_record(struct dat_records *c, const struct dat_raw *raw, int cpu)
{
	int pid = dat_record_pid(c, raw);

	if (raw->missed)
		c->lost += raw->missed > 0 ? (uint64_t)raw->missed : 1;
	return know_comm(c, pid) < 0 ? -1 : dat_record(c, raw, (uint16_t)cpu, pid, NULL);
}

static uint64_t time_of(const struct merge_cpu *m)
{
	return m->run->records[m->next].time_ns;
}

/* What is in the next run is not known yet. */
static struct dat_next next_of(const struct merge_cpu *m)
{
	if (!m->run)
		return (struct dat_next){ .time_ns = DAT_NOTHING };
	return (struct dat_next){
		.time_ns = time_of(m),
		.alone = m->next + 1 < m->run->nr && m->run->records[m->next + 1].time_ns > time_of(m),
	};
}

/* All records in order of time. */
static int merge(struct dat_records *c, struct dat_pages *pages, struct merge_cpu *cpus, struct dat_next *nexts, int nr)
{
	uint64_t bound;
	int cpu;

	for (cpu = 0; cpu < nr; cpu++) {
		cpus[cpu] = (struct merge_cpu){ .run = dat_pages_next(pages, cpu) };
		nexts[cpu] = next_of(&cpus[cpu]);
	}
	while ((cpu = dat_earliest(nexts, nr, &bound)) >= 0) {
		struct merge_cpu *m = &cpus[cpu];

		do {
			if (take_record(c, &m->run->records[m->next], cpu) < 0)
				return -1;
			if (++m->next == m->run->nr)
				*m = (struct merge_cpu){ .run = dat_pages_next(pages, cpu) };
		} while (m->run && time_of(m) <= bound);
		nexts[cpu] = next_of(m);
	}
	return 0;
}

static int send_damage(struct dat_records *c, int cpu)
{
	char why[64];

	snprintf(why, sizeof(why), "what CPU %d recorded goes on with no page of records", cpu);
	dat_send_text(c, DAT_FAILED, why);
	return -1;
}

static int send_records(struct dat_records *c, struct tracecmd_input *handle)
{
	struct dat_pages *pages = dat_pages_open(handle, c->request->path);
	int nr = pages ? dat_pages_cpus(pages) : 0;
	struct merge_cpu *cpus = calloc((size_t)nr + 1, sizeof(*cpus));
	struct dat_next *nexts = calloc((size_t)nr + 1, sizeof(*nexts));
	int code = pages && cpus && nexts ? merge(c, pages, cpus, nexts, nr) : -1;

	if (code == 0 && dat_pages_damaged(pages) >= 0)
		code = send_damage(c, dat_pages_damaged(pages));
	free(nexts);
	free(cpus);
	dat_pages_close(pages);
	return code;
}

/* "Linux host 6.1.0-56-amd64 x86_64": the release is the first word that begins with a version. */
static int send_uname(struct dat_records *c, const char *uname, unsigned int *major, unsigned int *minor)
{
	char text[512], *rest = text, *word, *last = text;
	unsigned int a, b;

	snprintf(text, sizeof(text), "%s", uname);
	while ((word = strsep(&rest, " "))) {
		last = *word ? word : last;
		if (!*major && sscanf(word, "%u.%u", &a, &b) == 2 && dat_send_kernel(c, word, major, minor) < 0)
			return -1;
	}
	return dat_send_text(c, DAT_ARCH, last);
}

static bool knows_tsc(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct dat_layout layout;
	bool knows;

	if (fd < 0)
		return false;
	dat_layout_read_file(&layout, fd);
	knows = layout.knows_tsc;
	dat_layout_fini(&layout);
	close(fd);
	return knows;
}

/* Why the times of a recording with this clock are no ns (trace_clocks[] in kernel/trace/trace.c); NULL: they are. */
static const char *no_time(const char *clock, const char *path)
{
	static const char *const why[][2] = {
		{ "counter", "which counts events and not time" },
		{ "uptime", "which counts ticks of 10 ms, and does not tell what came first" },
		{ "ppc-tb", "which counts ticks of an unknown length" },
		{ "s390-tod", "which counts units of 1/4096 us" },
		{ "x86-tsc", "which counts cycles of a length that the file does not tell" },
	};

	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++)
		if (!strcmp(clock, why[i][0]))
			return !strcmp(clock, "x86-tsc") && knows_tsc(path) ? NULL : why[i][1];
	return NULL;
}

/* Return: -1 when the clock's times are of no use, which the import has been told. */
static int send_clock(struct dat_records *c, const char *clock)
{
	const char *why = no_time(clock, c->request->path);
	char text[256];

	if (!why)
		return dat_send_text(c, DAT_CLOCK, clock);
	snprintf(text, sizeof(text), "its times are those of the clock %s, %s; record with a clock of ns, as "
		"`trace-cmd record -C mono` does", clock, why);
	dat_send_text(c, DAT_REFUSED, text);
	return -1;
}

static uint64_t nr_records(struct tracecmd_input *handle)
{
	int cpus = tep_get_cpus(tracecmd_get_tep(handle));
	struct tep_record *record;
	uint64_t nr = 0;

	for (int cpu = 0; cpu < cpus; cpu++)
		while ((record = tracecmd_read_data(handle, cpu))) {
			tracecmd_free_record(record);
			nr++;
		}
	return nr;
}

static bool has_records(struct tracecmd_input *handle)
{
	int cpus = tep_get_cpus(tracecmd_get_tep(handle));

	for (int cpu = 0; cpu < cpus; cpu++)
		if (tracecmd_peek_data(handle, cpu))
			return true;
	return false;
}

/*
 * Whose records are read: those of the only instance where the
 * top one has none, as `trace-cmd record -B NAME` leaves it.
 */
static struct tracecmd_input *choose_instance(struct tracecmd_input *handle)
{
	bool other = tracecmd_peek_data && tracecmd_buffer_instances(handle) == 1 && !has_records(handle);

	return other ? tracecmd_buffer_instance_handle(handle, 0) : handle;
}

/* What other instances saw of the same memory is told, and not mixed in. */
static int send_ignored_instances(struct dat_records *c, struct tracecmd_input *handle)
{
	int failed = 0;

	for (int i = 0; i < tracecmd_buffer_instances(handle) && !failed; i++) {
		struct tracecmd_input *instance = tracecmd_buffer_instance_handle(handle, i);
		uint64_t nr = instance ? nr_records(instance) : 0;
		char why[256];

		snprintf(why, sizeof(why), "event of the instance %s: those of the top one are read",
			tracecmd_buffer_instance_name(handle, i));
		failed = nr ? dat_send_count(c, DAT_IGNORED, nr, why) : 0;
		tracecmd_close(instance);
	}
	return failed;
}

static int send_file(struct dat_records *c, struct tracecmd_input *handle, unsigned int major, unsigned int minor)
{
	struct tracecmd_input *read;
	struct dat_machine machine;
	const char *uname = tracecmd_get_uname ? tracecmd_get_uname(handle) : NULL;
	const char *clock = tracecmd_get_trace_clock ? tracecmd_get_trace_clock(handle) : NULL;

	c->tep = tracecmd_get_tep(handle);
	machine.cpus = (uint32_t)tep_get_cpus(c->tep);
	machine.page_size = (uint32_t)tep_get_page_size(c->tep);
	if (dat_send(c, DAT_MACHINE, &machine, sizeof(machine)) < 0)
		return -1;
	if (clock && send_clock(c, clock) < 0)
		return -1;
	if (uname && !major && send_uname(c, uname, &major, &minor) < 0)
		return -1;
	c->layout = major ? gfp_layout_of_kernel(major, minor) : GFP_LAYOUT_L5;
	dat_records_know(c);
	read = choose_instance(handle);
	if (!read) {
		dat_send_text(c, DAT_FAILED, "its instance cannot be read");
		return -1;
	}
	if (send_records(c, read) < 0 || (read == handle && send_ignored_instances(c, handle) < 0))
		return -1;
	return dat_records_end(c);
}

int dat_child(const struct dat_request *request)
{
	struct dat_records *c = dat_records_create(request);
	struct tracecmd_input *handle;

	if (!c)
		return 1;
	tracecmd_set_loglevel(TEP_LOG_NONE);
	handle = tracecmd_open(request->path, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!handle) {
		dat_send_text(c, DAT_FAILED, "libtracecmd cannot read it");
		return 1;
	}
	return send_file(c, handle, request->kernel_major, request->kernel_minor) < 0;
}

#else

int dat_child(const struct dat_request *request)
{
	(void)request;
	return 1;
}

#endif
