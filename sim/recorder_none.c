#include "sim/recorder.h"

/* One do-nothing function per member: the compiler checks their types. */
#define DROP(name, type)                                                          \
	static int drop_##name(struct recorder *rec, const struct type *row, struct err *err) \
	{                                                                         \
		(void)rec, (void)row, (void)err;                                  \
		return 0;                                                         \
	}

DROP(begin, record_run)
DROP(sample, record_sample)
DROP(zone, record_zone)
DROP(free_blocks, record_free_blocks)
DROP(pageblocks, record_pageblocks)
DROP(frag, record_frag)
DROP(cache, record_cache)
DROP(op, record_op)
DROP(extfrag, record_extfrag)
DROP(call_site, record_call_site)
DROP(violation, record_violation)
DROP(counter, record_counter)
DROP(verify_check, record_verify_check)
DROP(verify_zone, record_verify_zone)
DROP(verify_cache, record_verify_cache)
DROP(row, record_row)
DROP(end, record_end)

static void drop_close(struct recorder *rec)
{
	(void)rec;
}

static const struct recorder_ops none_ops = {
	.begin = drop_begin,
	.sample = drop_sample,
	.zone = drop_zone,
	.free_blocks = drop_free_blocks,
	.pageblocks = drop_pageblocks,
	.frag = drop_frag,
	.cache = drop_cache,
	.op = drop_op,
	.extfrag = drop_extfrag,
	.call_site = drop_call_site,
	.violation = drop_violation,
	.counter = drop_counter,
	.verify_check = drop_verify_check,
	.verify_zone = drop_verify_zone,
	.verify_cache = drop_verify_cache,
	.row = drop_row,
	.end = drop_end,
	.close = drop_close,
};

struct recorder *recorder_none(void)
{
	/* Nothing ever writes to it, so one for all is as good as one each. */
	static struct recorder none = { .ops = &none_ops };

	return &none;
}
