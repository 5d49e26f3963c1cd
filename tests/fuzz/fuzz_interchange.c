/* JSONL or CSV of any bytes. */
#include "tests/fuzz/fuzz.h"
#include "traces/interchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_options options = { .recorded = true };
	struct trace_meta meta = { .page_size = 0 };
	struct trace_writer *w;
	struct source src;
	struct err err;
	char path[32];
	int fd = fuzz_file(data, size, path);

	if (source_open(&src, path, &err) == 0) {
		if (interchange_recognise(src.head, src.head_len) && trace_writer_open(&w, "-", NULL, &err) == 0) {
			interchange_import(&src, w, &options, &meta, &err);
			trace_writer_abort(w);
		}
		source_close(&src);
	}
	trace_meta_fini(&meta);
	close(fd);
	return 0;
}
