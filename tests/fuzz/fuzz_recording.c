/* A recording as text, of any bytes, through both passes of the import. */
#include "tests/fuzz/fuzz.h"
#include "traces/import.h"
#include "traces/perf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct import_options options = { .recorded = true };
	struct trace_meta meta;
	struct err err;
	char path[32];
	const char *source = path;
	int fd = fuzz_file(data, size, path);

	/* trace.dat is libtracecmd's to read, in a process of its own; perf.data has a target of its own. */
	if ((size < 3 || data[0] != 0x17) && !perf_file_recognise(data, size) &&
	    import_files(&source, 1, "/dev/null", &options, &meta, &err) == 0)
		trace_meta_fini(&meta);
	close(fd);
	return 0;
}
