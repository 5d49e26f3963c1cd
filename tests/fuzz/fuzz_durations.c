/* Measured calls of any bytes: a table, function_graph, probes and the events of reclaim; what they tell is fitted. */
#include "configs/machine_yaml.h"
#include "sim/calibrate.h"
#include "tests/fuzz/fuzz.h"
#include "traces/perf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine machine;
	struct trace_meta meta = { 0 };
	struct calibration c;
	struct durations d;
	struct err err;
	char path[32];
	int fd = fuzz_file(data, size, path);

	if (!machine.cpus)
		machine_defaults(&machine);
	calibrate_init(&c, &machine, 0);
	durations_init(&d, calibrate_add, &c, &meta);
	/* trace.dat is libtracecmd's to read, in a process of its own; perf.data has a target of its own. */
	if ((size < 3 || data[0] != 0x17) && !perf_file_recognise(data, size) && durations_read(&d, path, &err) == 0)
		(void)calibrate_fit(&c, &err);
	durations_fini(&d);
	calibrate_fini(&c);
	trace_meta_fini(&meta);
	close(fd);
	return 0;
}
