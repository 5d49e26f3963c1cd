/* parts: the list of parts, and calls to all of them. */
#include "sim/part.h"

#include "sim/run.h"

extern const struct run_part part_resource, part_ioport, part_mempool, part_highmem;

/* Ascending by the layers of mm/ that they need; ends in NULL. */
static const struct run_part *const parts[] = {
	&part_resource,
	&part_ioport,
	&part_ioremap,
	&part_vmalloc,
	&part_percpu,
	&part_kernel_stack,
	&part_mempool,
	&part_highmem,
	&part_dma,
	&part_boot_memory,
	NULL,
};

/* Whether an event of that kind takes memory, whose page events are then its effects. */
static bool causes_pages(enum trace_kind kind)
{
	return kind_info[kind].slot == SLOT_BEGINS || kind == KIND_MEMPOOL_CREATE;
}

/* Whether the trace has events of its own for this part: without, its page events have no cause to be derived from. */
static bool trace_has(const struct trace_tables *tables, const struct run_part *part)
{
	for (uint32_t i = 0; i < tables->nr_ops; i++)
		for (uint32_t k = 0; k < part->nr_kinds; k++)
			if (tables->ops[i].kind == part->kinds[k] && causes_pages(part->kinds[k]))
				return true;
	return false;
}

void parts_prepare(struct run *run)
{
	for (const struct run_part *const *part = parts; *part; part++) {
		if ((*part)->from_boot && run->options->initial && rules_is_recording(run))
			continue;
		for (uint32_t k = 0; k < (*part)->nr_kinds; k++)
			run->part_of_kind[(*part)->kinds[k]] = *part;
		if ((*part)->origins && trace_has(run->tables, *part))
			run->origins_modelled |= (*part)->origins;
	}
}

void parts_totals(const struct run *run, struct record_sample *sample)
{
	for (const struct run_part *const *part = parts; *part; part++)
		if ((*part)->totals)
			(*part)->totals(run, sample);
}

int parts_sample(struct run *run, bool full, struct err *err)
{
	int ret = 0;

	for (const struct run_part *const *part = parts; *part && ret == 0; part++)
		if ((*part)->sample)
			ret = (*part)->sample(run, full, err);
	return ret;
}

int parts_finish(struct run *run, struct err *err)
{
	int ret = 0;

	for (const struct run_part *const *part = parts; *part && ret == 0; part++)
		if ((*part)->finish)
			ret = (*part)->finish(run, err);
	return ret;
}
