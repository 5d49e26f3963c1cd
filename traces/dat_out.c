/* What the process that has libtracecmd sends: the pipe, the slots, and texts by number. See dat_records.h. */
#ifdef HAVE_TRACEEVENT

#include "traces/dat_records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/call_chain.h"

#define OUT_MAX   (64u << 10) /* bytes of texts that wait */
#define HELD_BACK 128u        /* events: those of other CPUs that may come between an event and its chain of callers */

/* Waits until the next slot may be filled. */
static int take_slot(struct dat_records *c)
{
	uint64_t one;
	ssize_t got;

	do
		got = read(c->request->free_slots, &one, sizeof(one));
	while (got < 0 && errno == EINTR);
	c->slot = &c->request->slots[c->batches++ % DAT_SLOTS];
	c->sent += c->nr_events;
	c->nr_events = c->nr_moves = 0;
	return got == sizeof(one) ? 0 : -1;
}

struct dat_records *dat_records_create(const struct dat_request *request)
{
	struct dat_records *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->request = request;
	if (texts_add(&c->texts, "", 0) != TEXT_NO_MEMORY && take_slot(c) == 0)
		return c;
	dat_records_destroy(c);
	return NULL;
}

void dat_records_destroy(struct dat_records *c)
{
	if (!c)
		return;
	for (int id = 0; id < DAT_IDS; id++)
		free(c->types[id]);
	bytes_fini(&c->out);
	texts_fini(&c->texts);
	idmap_fini(&c->sites);
	idmap_fini(&c->callers);
	idmap_fini(&c->comms);
	free(c);
}

static int flush_out(struct dat_records *c)
{
	const uint8_t *from = c->out.data;

	while (c->out.len) {
		ssize_t done = write(c->request->fd, from, c->out.len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		from += done;
		c->out.len -= (size_t)done;
	}
	return 0;
}

/* Texts wait for what names them. */
static int send_message(struct dat_records *c, enum dat_type type, const void *a, size_t a_len, const void *b,
	size_t b_len)
{
	struct dat_message message = { .type = type, .len = (uint32_t)(a_len + b_len) };

	bytes_put(&c->out, &message, sizeof(message));
	bytes_put(&c->out, a, a_len);
	bytes_put(&c->out, b, b_len);
	if (c->out.failed)
		return -1;
	return type == DAT_TEXT && c->out.len < OUT_MAX ? 0 : flush_out(c);
}

int dat_send(struct dat_records *c, enum dat_type type, const void *data, size_t len)
{
	return send_message(c, type, data, len, NULL, 0);
}

int dat_send_text(struct dat_records *c, enum dat_type type, const char *text)
{
	return dat_send(c, type, text, strlen(text));
}

int dat_send_count(struct dat_records *c, enum dat_type type, uint64_t count, const char *why)
{
	struct dat_count message = { count };

	return send_message(c, type, &message, sizeof(message), why, strlen(why));
}

int dat_flush(struct dat_records *c)
{
	const struct dat_batch batch = { c->nr_events, c->nr_moves };

	if (!batch.nr_events && !batch.nr_moves)
		return 0;
	return dat_send(c, DAT_EVENTS, &batch, sizeof(batch)) < 0 ? -1 : take_slot(c);
}

/* A slot that was sent is read by the other side, and written by nobody until it is taken again. */
int dat_flush_older(struct dat_records *c)
{
	struct dat_slot *before = c->slot;
	uint32_t events = c->nr_events, moves = c->nr_moves, held = c->chains ? HELD_BACK : 0;
	uint32_t cut = events > held ? events - held : 0, cut_moves = 0;

	while (cut_moves < moves && before->moves[cut_moves].before <= cut)
		cut_moves++;
	if (!held || !(cut || cut_moves))
		return dat_flush(c);
	c->nr_events = cut;
	c->nr_moves = cut_moves;
	if (dat_flush(c) < 0)
		return -1;
	for (uint32_t i = cut; i < events; i++)
		c->slot->events[c->nr_events++] = before->events[i];
	for (uint32_t i = cut_moves; i < moves; i++) {
		c->slot->moves[c->nr_moves] = before->moves[i];
		c->slot->moves[c->nr_moves++].before -= cut;
	}
	return 0;
}

/* Number of a text, which is sent when it is new. */
int dat_text_number(struct dat_records *c, const char *text, size_t len, uint32_t *number)
{
	uint32_t known = c->texts.nr;

	if (len > DAT_MESSAGE_MAX)
		len = DAT_MESSAGE_MAX;
	*number = texts_add(&c->texts, text, len);
	if (*number == TEXT_NO_MEMORY)
		return -1;
	return *number >= known ? send_message(c, DAT_TEXT, text, len, NULL, 0) : 0;
}

/* "symbol+0xoff", as %pS prints it; nothing for what is no caller. */
static int new_site(struct dat_records *c, uint64_t address, uint32_t *number)
{
	const char *function;
	char text[256];
	int len;

	function = tep_find_function(c->tep, address);
	if (function && call_chain_is_trampoline(function, strlen(function))) {
		*number = 0;
		return idmap_put(&c->sites, address, 0);
	}
	if (function)
		len = snprintf(text, sizeof(text), "%s+0x%llx", function,
			(unsigned long long)(address - tep_find_function_address(c->tep, address)));
	else
		len = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	if (dat_text_number(c, text, (size_t)len, number) < 0)
		return -1;
	return idmap_put(&c->sites, address, *number);
}

int dat_site_number(struct dat_records *c, uint64_t address, uint32_t *number)
{
	struct dat_site *recent = &c->recent[address >> 2 & (DAT_RECENT - 1)];

	if (recent->address == address && address) {
		*number = recent->text;
		return 0;
	}
	*number = idmap_get(&c->sites, address);
	if (*number == IDMAP_NONE && new_site(c, address, number) < 0)
		return -1;
	*recent = (struct dat_site){ address, *number };
	return 0;
}

static struct dat_task *recent_task(struct dat_records *c, int pid)
{
	return &c->recent_tasks[(uint32_t)pid & (DAT_RECENT_TASKS - 1)];
}

/* The task's name, or a number of IDMAP_NONE. */
static const struct dat_task *look_up_task(struct dat_records *c, int pid)
{
	struct dat_task *task = recent_task(c, pid);

	if (!task->known || task->pid != pid)
		*task = (struct dat_task){ pid, idmap_get(&c->comms, (uint64_t)(uint32_t)pid), true };
	return task;
}

int dat_comm(struct dat_records *c, int pid, const char *comm, size_t len)
{
	uint32_t number;

	if (dat_text_number(c, comm, len, &number) < 0)
		return -1;
	recent_task(c, pid)->known = false;
	return idmap_put(&c->comms, (uint64_t)(uint32_t)pid, number);
}

int dat_comm_inherit(struct dat_records *c, int pid, int parent)
{
	uint32_t number = idmap_get(&c->comms, (uint64_t)(uint32_t)parent);

	recent_task(c, pid)->known = false;
	return number == IDMAP_NONE ? 0 : idmap_put(&c->comms, (uint64_t)(uint32_t)pid, number);
}

bool dat_comm_known(struct dat_records *c, int pid)
{
	return look_up_task(c, pid)->text != IDMAP_NONE;
}

uint32_t dat_comm_of(struct dat_records *c, int pid)
{
	uint32_t number = look_up_task(c, pid)->text;

	return number != IDMAP_NONE ? number : 0;
}

int dat_send_kernel(struct dat_records *c, const char *release, unsigned int *major, unsigned int *minor)
{
	if (*major)
		return 0;
	if (sscanf(release, "%u.%u", major, minor) != 2)
		*major = 0;
	return dat_send_text(c, DAT_KERNEL, release);
}

#endif
