/* The side of the pipe that has libtracecmd. */
#include "traces/dat_priv.h"

#ifdef HAVE_TRACECMD

#include <stdio.h>
#include <string.h>
#include <trace-cmd.h>

#include "traces/dat_records.h"

/* Exported by libtracecmd and not declared; absent from some versions. */
extern const char *tracecmd_get_uname(struct tracecmd_input *handle) __attribute__((weak));
extern const char *tracecmd_get_trace_clock(struct tracecmd_input *handle) __attribute__((weak));

static int on_record(struct tracecmd_input *handle, struct tep_record *record, int cpu, void *data)
{
	struct dat_records *c = data;
	int pid = tep_data_pid(c->tep, record);

	(void)handle;
	if (record->missed_events)
		c->lost += record->missed_events > 0 ? (uint64_t)record->missed_events : 1;
	if (!dat_comm_known(c, pid)) {
		const char *comm = tep_data_comm_from_pid(c->tep, pid);

		if (dat_comm(c, pid, comm ? comm : "", comm ? strlen(comm) : 0) < 0)
			return -1;
	}
	return dat_record(c, record, (uint16_t)cpu, pid);
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

static int send_file(struct dat_records *c, struct tracecmd_input *handle, unsigned int major, unsigned int minor)
{
	struct dat_machine machine;
	const char *uname = tracecmd_get_uname ? tracecmd_get_uname(handle) : NULL;
	const char *clock = tracecmd_get_trace_clock ? tracecmd_get_trace_clock(handle) : NULL;

	c->tep = tracecmd_get_tep(handle);
	machine.cpus = (uint32_t)tep_get_cpus(c->tep);
	machine.page_size = (uint32_t)tep_get_page_size(c->tep);
	if (dat_send(c, DAT_MACHINE, &machine, sizeof(machine)) < 0)
		return -1;
	if (clock && dat_send_text(c, DAT_CLOCK, clock) < 0)
		return -1;
	if (uname && !major && send_uname(c, uname, &major, &minor) < 0)
		return -1;
	c->layout = major ? gfp_layout_of_kernel(major, minor) : GFP_LAYOUT_L5;
	if (tracecmd_iterate_events(handle, NULL, 0, on_record, c) < 0)
		return -1;
	return dat_records_end(c);
}

int dat_child(const struct dat_request *request)
{
	struct dat_records *c = dat_records_create(request->fd);
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
