/*
 * A perf.data of any bytes, read in this process; what it would send goes nowhere. libtraceevent leaks on formats that it does
 * not understand: -detect_leaks=0.
 */
#include <fcntl.h>
#include <sys/eventfd.h>

#include "tests/fuzz/fuzz.h"
#include "traces/dat_priv.h"
#include "traces/perf_file.h"

/* Every record and every sample of it, whether there are formats for its events or not. */
static void walk(const uint8_t *data, size_t size)
{
	struct perf_file f;
	struct perf_record record;
	uint64_t at;

	if (perf_file_open(&f, data, size) == 0) {
		at = f.data_at;
		while (perf_file_next(&f, &at, &record) > 0) {
			const struct perf_attr *attr = record.type == PERF_SAMPLE ? perf_attr_of(&f, &record) : NULL;
			struct perf_sample sample;

			perf_trailer_time(&f, &record);
			if (attr && perf_sample_parse(attr, &record, &sample) && sample.raw.len &&
			    (sample.raw.data < data || sample.raw.data + sample.raw.len > data + size))
				abort();
		}
	}
	perf_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dat_slot slots[DAT_SLOTS];
	struct dat_request request = { .beside = "-", .slots = slots };
	char path[32];
	int fd;

	if (!size)
		return 0;
	walk(data, size);
	fd = fuzz_file(data, size, path);
	request.path = path;
	request.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	request.free_slots = eventfd(UINT32_MAX, EFD_CLOEXEC | EFD_SEMAPHORE);
	perf_child(&request);
	close(request.free_slots);
	close(request.fd);
	close(fd);
	return 0;
}
