/*
 * fuzz: what the fuzz targets share. Each target is one LLVMFuzzerTestOneInput(); with -Dfuzz=true (clang)
 * libFuzzer drives it, else tests/fuzz/driver.c runs it over files, as the tests do with what is in
 * tests/fuzz/corpus.
 */
#ifndef KMEMSIM_TESTS_FUZZ_FUZZ_H
#define KMEMSIM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A nameless file with the input, and a path by which it can be opened. */
static inline int fuzz_file(const uint8_t *data, size_t size, char path[32])
{
	int fd = memfd_create("fuzz", 0);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

#endif
