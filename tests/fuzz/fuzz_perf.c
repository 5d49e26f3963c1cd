/*
 * A perf.data of any bytes, read in this process; what it would send goes nowhere.
 * libtraceevent leaks on formats that it does not understand: -detect_leaks=0.
 */
#include <fcntl.h>
#include <sys/eventfd.h>

#include "tests/fuzz/fuzz.h"
#include "traces/dat_priv.h"
#include "traces/perf_file.h"

static bool is_within(const struct perf_bytes *part, const uint8_t *data, size_t size)
{
	return !part->len || (part->data >= data && part->data + part->len <= data + size);
}

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
			if (!attr || !perf_sample_parse(attr, &record, &sample))
				continue;
			if (!is_within(&sample.raw, data, size) || !is_within(&sample.callers, data, size))
				abort();
		}
	}
	perf_file_close(&f);
}

/* Symbols, so that chains of callers are looked into. */
static const char kallsyms[] =
	"ffffffff81000000 T free_unref_page\nffffffff81000010 T pipe_release\nffffffff81000080 T vfs_write\n"
	"ffffffff81234560 T return_to_handler\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dat_slot slots[DAT_SLOTS];
	struct dat_request request = { .beside = "-", .slots = slots };
	char path[32], symbols[32];
	int fd, symbols_fd;

	if (!size)
		return 0;
	walk(data, size);
	fd = fuzz_file(data, size, path);
	symbols_fd = fuzz_file((const uint8_t *)kallsyms, sizeof(kallsyms) - 1, symbols);
	request.path = path;
	request.kallsyms = symbols;
	request.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	request.free_slots = eventfd(UINT32_MAX, EFD_CLOEXEC | EFD_SEMAPHORE);
	perf_child(&request);
	close(request.free_slots);
	close(request.fd);
	close(symbols_fd);
	close(fd);
	return 0;
}
