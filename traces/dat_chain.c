/*
 * Who asked, where the recording has the callers: ftrace's kernel_stack, a record of its
 * own behind the event's, or perf's PERF_SAMPLE_CALLCHAIN within it. See call_chain.h.
 */
#ifdef HAVE_TRACEEVENT

#include "traces/dat_records.h"

#include <string.h>

#include "traces/call_chain.h"
#include "traces/trace.h"

/*
 * Whether the function at @address is outside of the tracer and
 * the memory layer; without a symbol it is not. -1: no memory.
 */
static int is_caller(struct dat_records *c, uint64_t address)
{
	uint32_t known = idmap_get(&c->callers, address);
	const char *function;

	if (known != IDMAP_NONE)
		return (int)known;
	function = tep_find_function(c->tep, address);
	known = function && call_chain_is_caller(function, strlen(function));
	return idmap_put(&c->callers, address, known) < 0 ? -1 : (int)known;
}

/* What the chain belongs to, unless it has been sent: so many events of other CPUs came between. */
static struct raw_event *event_of_chain(struct dat_records *c, uint16_t cpu, unsigned int level)
{
	uint64_t number = cpu_track_chain(&c->tracks[cpu], level);

	return number > c->sent ? &c->slot->events[number - c->sent - 1].event : NULL;
}

int dat_chain_record(struct dat_records *c, const struct dat_type_info *type, const struct dat_raw *raw, uint16_t cpu,
	unsigned int level, int pid)
{
	struct raw_event *event = type->chain ? event_of_chain(c, cpu, level) : NULL;
	int size = tep_get_long_size(c->tep), end = raw->size;
	unsigned long long told;

	c->chains = true;
	if (!event || event->call_site || event->pid != pid || size <= 0 || end <= (int)type->chain)
		return 0;
	/* Older kernels have no size and fill the record up with all ones. */
	if (type->chain_size && (int64_t)type->chain_size->offset + type->chain_size->size <= raw->size &&
	    !tep_read_number_field((struct tep_format_field *)type->chain_size, raw->data, &told) &&
	    told < (uint64_t)(end - (int)type->chain) / (uint64_t)size)
		end = (int)type->chain + (int)told * size;
	for (int at = (int)type->chain; at + size <= end; at += size) {
		uint64_t address = tep_read_number(c->tep, (const char *)raw->data + at, size);
		int caller = is_caller(c, address);

		if (caller)
			return caller < 0 ? -1 : dat_site_number(c, address, &event->call_site);
	}
	return 0;
}

int dat_chain_of(struct dat_records *c, const struct dat_callers *callers, struct raw_event *event)
{
	for (uint32_t i = 0; i < callers->nr; i++) {
		uint64_t address;
		int caller;

		memcpy(&address, callers->bytes + (size_t)i * sizeof(address), sizeof(address));
		if (callers->swap)
			address = __builtin_bswap64(address);
		caller = is_caller(c, address);
		if (caller)
			return caller < 0 ? -1 : dat_site_number(c, address, &event->call_site);
	}
	return 0;
}

#endif
