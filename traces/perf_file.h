/*
 * perf_file: the container that `perf record` writes: header, events, features and a stream of records, in file and
 * in pipe form, of either byte order. Knows where things lie and checks that they lie within the file; knows
 * nothing of what the kernel recorded. Layout: tools/perf/Documentation/perf.data-file-format.txt and
 * perf_event_open(2).
 */
#ifndef KMEMSIM_TRACES_PERF_FILE_H
#define KMEMSIM_TRACES_PERF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/idmap.h"
#include "base/units.h"

/** perf_file_recognise() - whether these are the first bytes of one. */
bool perf_file_recognise(const void *bytes, size_t len);

/* Bytes with their order. */
struct perf_bytes {
	const unsigned char *data; /* borrowed */
	uint64_t len;
	bool swap;                 /* their byte order is not this machine's */
};

/** perf_u16(), perf_u32(), perf_u64() - the number at @at, which must lie in @b with all of its bytes. */
static inline uint16_t perf_u16(const struct perf_bytes *b, uint64_t at)
{
	uint16_t value;

	memcpy(&value, b->data + at, sizeof(value));
	return b->swap ? __builtin_bswap16(value) : value;
}

static inline uint32_t perf_u32(const struct perf_bytes *b, uint64_t at)
{
	uint32_t value;

	memcpy(&value, b->data + at, sizeof(value));
	return b->swap ? __builtin_bswap32(value) : value;
}

static inline uint64_t perf_u64(const struct perf_bytes *b, uint64_t at)
{
	uint64_t value;

	memcpy(&value, b->data + at, sizeof(value));
	return b->swap ? __builtin_bswap64(value) : value;
}

/* What records of one event look like (struct perf_event_attr). */
struct perf_attr {
	uint64_t sample_type, read_format;
	bool sample_id_all;        /* records other than samples say when and who as well */
	/* in a sample: where these members lie, and bytes of those before READ */
	uint16_t id_at, time_at, cpu_at, tid_at, fixed;
};

enum perf_feature {
	PERF_TRACING_DATA = 1,     /* formats of trace events */
	PERF_OSRELEASE = 4,
	PERF_ARCH = 6,
	PERF_NRCPUS = 7,
	NR_PERF_FEATURES = 256,
};

enum perf_record_type {
	PERF_LOST = 2, PERF_COMM = 3, PERF_FORK = 7, PERF_SAMPLE = 9, PERF_LOST_SAMPLES = 13,
	PERF_HEADER_ATTR = 64, PERF_HEADER_TRACING_DATA = 66, PERF_AUXTRACE = 71,
	PERF_HEADER_FEATURE = 80, PERF_COMPRESSED_DATA = 81, PERF_COMPRESSED2_DATA = 83,
};

struct perf_file {
	struct perf_bytes bytes;
	bool pipe;                 /* attributes and features come as records */
	uint64_t data_at, data_end;
	struct perf_attr *attrs;   /* owned */
	uint32_t nr_attrs, attrs_cap;
	struct idmap attr_of_id;   /* by the id that samples carry */
	uint64_t last_id;          /* the id looked up last, and its attribute */
	uint32_t last_attr;
	bool looked_up;
	struct perf_bytes features[NR_PERF_FEATURES]; /* len 0: not there */
	bool features_cut;         /* the header promises more of them */
	const char *why;           /* what is wrong with the file, after a call that failed */
};

struct perf_record {
	uint32_t type;
	uint16_t misc;
	uint64_t at;               /* in the file */
	struct perf_bytes body;    /* behind its header */
};

/** perf_file_open() - @data must live as long as @f. Return: 0, or -1 with f->why. End it with perf_file_close(). */
int perf_file_open(struct perf_file *f, const void *data, uint64_t len);
/**
 * perf_file_next() - the record at *at, which moves behind it;
 * what records tell of attributes and features is taken in.
 * Return: 1 with *record, 0 at the end, -1 with f->why where the stream breaks off.
 */
int perf_file_next(struct perf_file *f, uint64_t *at, struct perf_record *record);
void perf_file_close(struct perf_file *f);

/* What a sample, or the end of another record, says. Members that are not recorded are 0 (cpu, pid: -1). */
struct perf_sample {
	uint64_t time_ns;
	int32_t pid, tid, cpu;
	struct perf_bytes raw;     /* the trace event's own bytes */
	struct perf_bytes callers; /* addresses of 8 bytes, innermost first; in the kernel alone */
};

/** perf_attr_places() - fill in where the members of its samples lie. */
void perf_attr_places(struct perf_attr *attr);
/** perf_attr_of() - the attribute of a sample; NULL when none fits or the record is too short. */
const struct perf_attr *perf_attr_of(struct perf_file *f, const struct perf_record *record);
/** perf_sample_parse() - of a PERF_SAMPLE. Return: whether it is whole. */
bool perf_sample_parse(const struct perf_attr *attr, const struct perf_record *record, struct perf_sample *sample);
/** perf_sample_time() - only the time, for sorting; 0: there is none. */
uint64_t perf_sample_time(const struct perf_attr *attr, const struct perf_record *record);
/** perf_trailer_time() - the time of a record that is no sample; 0: not told. */
uint64_t perf_trailer_time(const struct perf_file *f, const struct perf_record *record);

#endif
