#include "reports/build.h"

#include "reports/build_options.h"
#include "reports/commit.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

const char *build_version(void)
{
	return BUILD_VERSION;
}

const char *build_commit(void)
{
	return BUILD_COMMIT;
}

const char *build_compiler(void)
{
	return COMPILER;
}

const char *build_flags(void)
{
	return BUILD_OPTIONS;
}
