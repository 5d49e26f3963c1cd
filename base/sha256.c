#include "base/sha256.h"

#include <sys/types.h>
#include <sha2.h>
#include <stdint.h>
#include <unistd.h>

static void to_hex(const uint8_t *digest, char hex[SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[SHA256_HEX_SIZE - 1] = '\0';
}

void sha256_buffer(const void *data, size_t len, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, data, len);
	SHA256Final(digest, &ctx);
	to_hex(digest, hex);
}

int sha256_fd(int fd, char hex[SHA256_HEX_SIZE], struct err *err)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint8_t buf[1 << 16];
	SHA2_CTX ctx;
	off_t at = 0;
	ssize_t got;

	SHA256Init(&ctx);
	while ((got = pread(fd, buf, sizeof(buf), at)) > 0) {
		SHA256Update(&ctx, buf, (size_t)got);
		at += got;
	}
	if (got < 0)
		return err_errno(err, "cannot read");
	SHA256Final(digest, &ctx);
	to_hex(digest, hex);
	return 0;
}
