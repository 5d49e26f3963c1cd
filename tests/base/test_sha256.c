#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"

/* The examples of FIPS 180-2. */
Test(sha256, of_nothing_abc_and_two_blocks)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	char hex[SHA256_HEX_SIZE];

	sha256_buffer("", 0, hex);
	cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_buffer("abc", 3, hex);
	cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_buffer(two, strlen(two), hex);
	cr_assert_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, of_a_file_is_that_of_its_bytes_wherever_the_file_stands)
{
	char path[] = "/tmp/sha256-test-XXXXXX", of_file[SHA256_HEX_SIZE], of_bytes[SHA256_HEX_SIZE];
	size_t len = 200001; /* more than one buffer */
	char *bytes = malloc(len);
	struct err err;
	int fd = mkstemp(path);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	lseek(fd, 100, SEEK_SET);
	cr_assert_eq(sha256_fd(fd, of_file, &err), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), 100);
	sha256_buffer(bytes, len, of_bytes);
	cr_assert_str_eq(of_file, of_bytes);
	close(fd);
	unlink(path);
	free(bytes);
}

Test(sha256, of_what_cannot_be_read_is_an_io_error)
{
	char hex[SHA256_HEX_SIZE];
	struct err err;

	cr_assert_eq(sha256_fd(-1, hex, &err), -(int)ERR_IO);
}
