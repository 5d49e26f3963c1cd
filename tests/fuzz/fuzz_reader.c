/* A .kmt file of any bytes: opened, summed up and read to its end. */
#include "tests/fuzz/fuzz.h"
#include "traces/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct trace_reader_options options = { .recorded = true };
	struct print_options printing = { .format = PRINT_JSONL, .recorded = true };
	struct trace_reader *r;
	struct err err;
	char path[32];
	int fd = fuzz_file(data, size, path);
	FILE *out = fopen("/dev/null", "w");

	if (out && trace_open(&r, path, &options, &err) == 0) {
		trace_info_json(r, out, &err);
		trace_print(r, &printing, out, &err);
		trace_close(r);
	}
	if (out)
		fclose(out);
	close(fd);
	return 0;
}
