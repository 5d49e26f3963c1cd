/* Second pass: accesses to I/O ports and device registers. */
#include "traces/resolve_priv.h"

#define NR_PORT_WIDTHS 3
#define NR_MMIO_WIDTHS 4

/* By direction and width: 1, 2, 4, 8 bytes. */
static const uint8_t port_kind[2][NR_PORT_WIDTHS] = {
	{ KIND_INB, KIND_INW, KIND_INL }, { KIND_OUTB, KIND_OUTW, KIND_OUTL },
};
static const uint8_t string_kind[2][NR_PORT_WIDTHS] = {
	{ KIND_INSB, KIND_INSW, KIND_INSL }, { KIND_OUTSB, KIND_OUTSW, KIND_OUTSL },
};
static const uint8_t mmio_kind[2][NR_MMIO_WIDTHS] = {
	{ KIND_READB, KIND_READW, KIND_READL, KIND_READQ }, { KIND_WRITEB, KIND_WRITEW, KIND_WRITEL, KIND_WRITEQ },
};

/* log2 of a width, or a number past all widths. */
static unsigned int width_index(uint64_t width)
{
	return width && !(width & (width - 1)) ? (unsigned int)__builtin_ctzll(width) : NR_MMIO_WIDTHS;
}

static int resolve_port(struct resolve *r, const struct raw_event *event, struct err *err)
{
	unsigned int index = width_index(event->size);
	bool string = event->size_alloc > 1;
	struct trace_op op = { .node = -1, .arg[0] = event->aux, .arg[1] = string ? event->size_alloc : 0 };

	if (index >= NR_PORT_WIDTHS || event->aux > PORT_MAX || event->order > 1)
		return resolve_count_unusable(r, "access to a port: not of 1, 2 or 4 bytes, or past port 0xffff", err);
	op.kind = string ? string_kind[event->order][index] : port_kind[event->order][index];
	return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
}

static int resolve_mmio(struct resolve *r, const struct raw_event *event, struct err *err)
{
	unsigned int index = width_index(event->size);
	struct trace_op op = { .node = -1, .arg[0] = event->aux };

	if (event->order == ACCESS_UNSATISFIED)
		return trace_counts_add(&r->meta->ignored, "kvm_mmio: unsatisfied read: the read follows", 1) < 0 ?
			resolve_no_memory(err) : 0;
	if (index >= NR_MMIO_WIDTHS || event->order > ACCESS_WRITE)
		return resolve_count_unusable(r, "access to a device register: not of 1, 2, 4 or 8 bytes", err);
	op.kind = mmio_kind[event->order - ACCESS_READ][index];
	return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
}

/* A region that was claimed before the recording began. */
static int resolve_region_there(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_REQUEST_REGION, .node = -1, .size = event->size, .arg[0] = event->aux,
		.name = resolve_string(r, event->name) };

	return op.name == UINT32_MAX ? resolve_no_memory(err) : resolve_prologue(r, &op, SLOT_NONE, 0, err);
}

int resolve_access(struct resolve *r, const struct raw_event *event, struct err *err)
{
	if (event->type == RAW_REGION_THERE)
		return resolve_region_there(r, event, err);
	return event->type == RAW_PORT_IO ? resolve_port(r, event, err) : resolve_mmio(r, event, err);
}
