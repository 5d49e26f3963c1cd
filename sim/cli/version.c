#include "sim/cli/version.h"

#include "reports/build.h"
#include "sim/cli/build_features.h"
#include "traces/trace.h"

void version_print(FILE *out)
{
	fprintf(out, "kmemsim %s\n", build_version());
	fprintf(out, "commit: %s\n", build_commit());
	fprintf(out, "built with: %s (%s)\n", build_compiler(), build_flags());
	fprintf(out, "features: tracecmd %s, libdeflate %s\n", FEATURE_TRACECMD ? "yes" : "no",
		FEATURE_LIBDEFLATE ? "yes" : "no");
	fprintf(out, "results schema: %d\n", RESULTS_SCHEMA_VERSION);
	fprintf(out, "results version: %d\n", RESULTS_VERSION);
	fprintf(out, "trace format: %d.%d\n", TRACE_FORMAT_MAJOR, TRACE_FORMAT_MINOR);
}
