/* driver: runs a fuzz target once over each file, or over all files of each folder, named on the command line. */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (16u << 20)

static void run_file(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX);
	FILE *f = fopen(path, "rb");
	size_t len = data && f ? fread(data, 1, INPUT_MAX, f) : 0;

	if (!data || !f) {
		fprintf(stderr, "%s: cannot read\n", path);
		exit(1);
	}
	LLVMFuzzerTestOneInput(data, len);
	fclose(f);
	free(data);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *entry;
		char path[4096];

		if (!dir) {
			run_file(argv[i]);
			continue;
		}
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			run_file(path);
		}
		closedir(dir);
	}
	return 0;
}
