/* perf_maker: for tests: makes a perf.data of known events, in file or pipe form, of either byte order. */
#ifndef KMEMSIM_TESTS_TRACES_PERF_MAKER_H
#define KMEMSIM_TESTS_TRACES_PERF_MAKER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAKER_KMALLOC 500u /* ids of events */
#define MAKER_KFREE   501u
#define MAKER_PAGE_FREE 502u
#define MAKER_STACK   503u
#define MAKER_NR      4u
/* IDENTIFIER TID TIME ID CPU CALLCHAIN RAW */
#define MAKER_SAMPLE_TYPE (0x10000u | 0x2u | 0x4u | 0x40u | 0x80u | 0x20u | 0x400u)

struct maker {
	unsigned char *data; /* owned */
	size_t len, cap;
	bool swap;           /* write the other byte order */
	bool pipe;
	size_t attrs_at, ids_at, data_at;
};

static inline void maker_bytes(struct maker *m, const void *bytes, size_t len)
{
	if (m->len + len > m->cap) {
		m->cap = (m->len + len) * 2 + 4096;
		m->data = realloc(m->data, m->cap);
	}
	memcpy(m->data + m->len, bytes, len);
	m->len += len;
}

static inline void maker_u16(struct maker *m, unsigned int value)
{
	uint16_t v = (uint16_t)(m->swap ? __builtin_bswap16((uint16_t)value) : value);

	maker_bytes(m, &v, sizeof(v));
}

static inline void maker_u32(struct maker *m, uint32_t value)
{
	uint32_t v = m->swap ? __builtin_bswap32(value) : value;

	maker_bytes(m, &v, sizeof(v));
}

static inline void maker_u64(struct maker *m, uint64_t value)
{
	uint64_t v = m->swap ? __builtin_bswap64(value) : value;

	maker_bytes(m, &v, sizeof(v));
}

static inline void maker_set_u64(struct maker *m, size_t at, uint64_t value)
{
	uint64_t v = m->swap ? __builtin_bswap64(value) : value;

	memcpy(m->data + at, &v, sizeof(v));
}

/* The header of a record; its length is filled in by maker_end_record(). */
static inline size_t maker_record(struct maker *m, uint32_t type)
{
	size_t at = m->len;

	maker_u32(m, type);
	maker_u16(m, 0);
	maker_u16(m, 0);
	return at;
}

static inline void maker_end_record(struct maker *m, size_t at)
{
	uint16_t len = (uint16_t)(m->len - at), v = m->swap ? __builtin_bswap16(len) : len;

	memcpy(m->data + at + 6, &v, sizeof(v));
}

static inline void maker_attr(struct maker *m, uint64_t config)
{
	maker_u32(m, 2);             /* PERF_TYPE_TRACEPOINT */
	maker_u32(m, 64);
	maker_u64(m, config);
	maker_u64(m, 1);
	maker_u64(m, MAKER_SAMPLE_TYPE);
	maker_u64(m, 4);             /* PERF_FORMAT_ID */
	/* sample_id_all is bit 18: bits are counted from the other end of a byte in big-endian files. */
	maker_bytes(m, m->swap ? "\0\0\x20\0\0\0\0\0" : "\0\0\x04\0\0\0\0\0", 8);
	maker_u64(m, 0);
	maker_u64(m, 0);
}

static inline uint64_t maker_sample_id(uint64_t config)
{
	return config - MAKER_KMALLOC + 7;
}

/** maker_begin() - header and events. End with maker_finish(), then free(m.data). */
static inline struct maker maker_begin(bool pipe, bool swap)
{
	struct maker m = { .swap = swap, .pipe = pipe };

	maker_bytes(&m, swap ? "2ELIFREP" : "PERFILE2", 8);
	maker_u64(&m, pipe ? 16 : 104);
	if (!pipe) {
		for (int i = 0; i < 11; i++)
			maker_u64(&m, 0);
		maker_set_u64(&m, 16, 64 + 16);
		m.ids_at = m.len;
		for (uint64_t config = MAKER_KMALLOC; config < MAKER_KMALLOC + MAKER_NR; config++)
			maker_u64(&m, maker_sample_id(config));
		m.attrs_at = m.len;
	}
	for (uint64_t config = MAKER_KMALLOC; config < MAKER_KMALLOC + MAKER_NR; config++) {
		size_t at = pipe ? maker_record(&m, 64) : 0;

		maker_attr(&m, config);
		if (pipe) {
			maker_u64(&m, maker_sample_id(config));
			maker_end_record(&m, at);
		} else {
			maker_u64(&m, m.ids_at + 8 * (config - MAKER_KMALLOC));
			maker_u64(&m, 8);
		}
	}
	m.data_at = m.len;
	return m;
}

static inline void maker_trailer(struct maker *m, uint32_t tid, uint64_t time_ns)
{
	maker_u32(m, tid);
	maker_u32(m, tid);
	maker_u64(m, time_ns);
	maker_u64(m, maker_sample_id(MAKER_KMALLOC));
	maker_u32(m, 0);
	maker_u32(m, 0);
	maker_u64(m, maker_sample_id(MAKER_KMALLOC));
}

static inline void maker_comm(struct maker *m, uint32_t tid, uint64_t time_ns, const char *comm)
{
	size_t at = maker_record(m, 3);
	char padded[16] = "";

	strncpy(padded, comm, sizeof(padded) - 1);
	maker_u32(m, tid);
	maker_u32(m, tid);
	maker_bytes(m, padded, sizeof(padded));
	maker_trailer(m, tid, time_ns);
	maker_end_record(m, at);
}

static inline void maker_fork(struct maker *m, uint32_t parent, uint32_t child, uint64_t time_ns)
{
	size_t at = maker_record(m, 7);

	maker_u32(m, child);
	maker_u32(m, parent);
	maker_u32(m, child);
	maker_u32(m, parent);
	maker_u64(m, time_ns);
	maker_trailer(m, parent, time_ns);
	maker_end_record(m, at);
}

static inline void maker_lost(struct maker *m, uint64_t nr, uint64_t time_ns)
{
	size_t at = maker_record(m, 2);

	maker_u64(m, maker_sample_id(MAKER_KMALLOC));
	maker_u64(m, nr);
	maker_trailer(m, 0, time_ns);
	maker_end_record(m, at);
}

static inline size_t maker_sample(struct maker *m, uint32_t event, uint64_t time_ns, uint32_t cpu, uint32_t tid,
	uint32_t raw_len)
{
	size_t at = maker_record(m, 9);

	maker_u64(m, maker_sample_id(event));
	maker_u32(m, tid);
	maker_u32(m, tid);
	maker_u64(m, time_ns);
	maker_u64(m, maker_sample_id(event));
	maker_u32(m, cpu);
	maker_u32(m, 0);
	maker_u64(m, 5);                      /* a call chain of two in the kernel, and one behind them */
	maker_u64(m, (uint64_t)-128);         /* PERF_CONTEXT_KERNEL */
	maker_u64(m, 0xffffffff81000004u);
	maker_u64(m, 0xffffffff81000014u);
	maker_u64(m, (uint64_t)-512);         /* PERF_CONTEXT_USER */
	maker_u64(m, 0xffffffff81000084u);
	maker_u32(m, raw_len);
	maker_u16(m, event);
	maker_bytes(m, "\0\1", 2);            /* flags, preemption disabled by the tracepoint itself */
	maker_u32(m, tid);
	return at;
}

static inline void maker_kmalloc(struct maker *m, uint64_t time_ns, uint32_t cpu, uint32_t tid, uint64_t ptr,
	uint64_t bytes_req, uint64_t bytes_alloc)
{
	size_t at = maker_sample(m, MAKER_KMALLOC, time_ns, cpu, tid, 52);

	maker_u64(m, 0xffffffff81234560u);
	maker_u64(m, ptr);
	maker_u64(m, bytes_req);
	maker_u64(m, bytes_alloc);
	maker_u64(m, 0xcc0);                  /* GFP_KERNEL */
	maker_u32(m, UINT32_MAX);
	maker_end_record(m, at);
}

static inline void maker_kfree(struct maker *m, uint64_t time_ns, uint32_t cpu, uint32_t tid, uint64_t ptr)
{
	size_t at = maker_sample(m, MAKER_KFREE, time_ns, cpu, tid, 28);

	maker_u64(m, 0xffffffff81234570u);
	maker_u64(m, ptr);
	maker_u32(m, 0);                      /* padding */
	maker_end_record(m, at);
}

static inline void maker_page_free(struct maker *m, uint64_t time_ns, uint32_t cpu, uint32_t tid, uint64_t pfn,
	uint32_t order)
{
	size_t at = maker_sample(m, MAKER_PAGE_FREE, time_ns, cpu, tid, 20);

	maker_u64(m, pfn);
	maker_u32(m, order);
	maker_end_record(m, at);
}

/* A record that breaks off before its callers, of which it says that there are @nr. */
static inline void maker_cut_stack(struct maker *m, uint64_t time_ns, uint32_t cpu, uint32_t tid, uint32_t nr)
{
	size_t at = maker_sample(m, MAKER_STACK, time_ns, cpu, tid, 12);

	maker_u32(m, nr);
	maker_end_record(m, at);
}

#define MAKER_COMMON                                                                \
	"format:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"          \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"  \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define MAKER_OBJECT MAKER_COMMON                                                   \
	"\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"             \
	"\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"

static inline void maker_format(struct maker *m, const char *format)
{
	maker_u64(m, strlen(format));
	maker_bytes(m, format, strlen(format));
}

/* What perf copies from /sys/kernel/tracing. */
static inline void maker_tracing_data(struct maker *m)
{
	static const char page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		"\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		"\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

	maker_bytes(m, "\x17\x08" "Dtracing" "0.5", 14);
	maker_bytes(m, m->swap ? "\1\10" : "\0\10", 2);
	maker_u32(m, 4096);
	maker_bytes(m, "header_page", 12);
	maker_format(m, page);
	maker_bytes(m, "header_event", 13);
	maker_format(m, "# compressed entry header\n");
	maker_u32(m, 0);
	maker_u32(m, 1);
	maker_bytes(m, "kmem", 5);
	maker_u32(m, MAKER_NR);
	maker_format(m, "name: kmalloc\nID: 500\n" MAKER_OBJECT
		"\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;\n"
		"\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\tsigned:0;\n"
		"\tfield:unsigned long gfp_flags;\toffset:40;\tsize:8;\tsigned:0;\n"
		"\tfield:int node;\toffset:48;\tsize:4;\tsigned:1;\n\n"
		"print fmt: \"call_site=%lx ptr=0x%lx bytes_req=%zu bytes_alloc=%zu gfp_flags=0x%lx node=%d\", REC->call_site, "
		"REC->ptr, REC->bytes_req, REC->bytes_alloc, REC->gfp_flags, REC->node\n");
	maker_format(m, "name: kfree\nID: 501\n" MAKER_OBJECT
		"\nprint fmt: \"call_site=%lx ptr=0x%lx\", REC->call_site, REC->ptr\n");
	maker_format(m, "name: mm_page_free\nID: 502\n" MAKER_COMMON
		"\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n"
		"\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n"
		"\nprint fmt: \"pfn=0x%lx order=%d\", REC->pfn, REC->order\n");
	maker_format(m, "name: kernel_stack\nID: 503\n" MAKER_COMMON
		"\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
		"\tfield:unsigned long caller[];\toffset:16;\tsize:0;\tsigned:0;\n"
		"\nprint fmt: \"\"\n");
	maker_u32(m, 0);
	maker_u32(m, 0);
}

static inline void maker_finish_pipe(struct maker *m)
{
	size_t at = maker_record(m, 66), size_at = m->len, start;
	uint32_t size, v;

	maker_u32(m, 0);
	maker_end_record(m, at);
	start = m->len;
	maker_tracing_data(m);
	size = (uint32_t)(m->len - start);
	v = m->swap ? __builtin_bswap32(size) : size;
	memcpy(m->data + size_at, &v, sizeof(v));
	maker_bytes(m, "\0\0\0\0\0\0\0", (8 - size % 8) % 8);
}

/** maker_finish() - the features behind the data. @formats: whether those of the events are among them. */
static inline void maker_finish(struct maker *m, bool formats)
{
	size_t data_end = m->len, start;

	if (m->pipe) {
		maker_finish_pipe(m);
		return;
	}
	maker_set_u64(m, 24, m->attrs_at);
	maker_set_u64(m, 32, MAKER_NR * (64 + 16));
	maker_set_u64(m, 40, m->data_at);
	maker_set_u64(m, 48, data_end - m->data_at);
	maker_set_u64(m, 72, formats ? 1u << 1 | 1u << 4 : 1u << 4);
	for (int i = 0; i < (formats ? 4 : 2); i++)
		maker_u64(m, 0);
	if (formats) {
		start = m->len;
		maker_tracing_data(m);
		maker_set_u64(m, data_end, start);
		maker_set_u64(m, data_end + 8, m->len - start);
		data_end += 16;
	}
	start = m->len;
	maker_u32(m, 16);
	maker_bytes(m, "6.1.0-kmemsim\0\0", 16);
	maker_set_u64(m, data_end, start);
	maker_set_u64(m, data_end + 8, m->len - start);
}

#endif
