/*
 * captures: the recorded machines, whose saved states lie in
 * the folder of captures beside the project, if that is there.
 */
#ifndef KMEMSIM_TESTS_CONFIGS_CAPTURES_H
#define KMEMSIM_TESTS_CONFIGS_CAPTURES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const captures[] = { "A-boot-256m", "B-fs-churn", "C-net-ipc", "D-pressure", "E-drivers", "F-numa",
	"I-highmem-32bit", "J-whatif/base", "J-whatif/base-repeat", "J-whatif/cpus-1", "J-whatif/cpus-4",
	"J-whatif/less-memory", "J-whatif/less-memory-repeat", "J-whatif/min-free-x8", "J-whatif/pcp-high-fraction-8",
	"J-whatif/slub-max-order-0", "J-whatif/slub-min-order-1", "J-whatif/slub-nomerge", "J-whatif/wmark-scale-200" };
#define NR_CAPTURES (sizeof(captures) / sizeof(captures[0]))

/* The folder of the saved states of @capture. Return: false where the captures are not beside the project. */
static inline bool snapshots_of(const char *capture, char *path, size_t size)
{
	const char *shared = getenv("KMEMSIM_SHARED");

	if (!shared)
		return false;
	snprintf(path, size, "%s/captures/%s/snapshots", shared, capture);
	return access(path, R_OK) == 0;
}

#endif
