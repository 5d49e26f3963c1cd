#include "base/sha256.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

static void finish(struct sha256_ctx *ctx, char hex[SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(digest), digest);
	for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[SHA256_HEX_SIZE - 1] = '\0';
}

void sha256_buffer(const void *data, size_t len, char hex[SHA256_HEX_SIZE])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	finish(&ctx, hex);
}

int sha256_fd(int fd, char hex[SHA256_HEX_SIZE], struct err *err)
{
	uint8_t buf[1 << 16];
	struct sha256_ctx ctx;
	off_t at = 0;
	ssize_t got;

	sha256_init(&ctx);
	while ((got = pread(fd, buf, sizeof(buf), at)) > 0) {
		sha256_update(&ctx, (size_t)got, buf);
		at += got;
	}
	if (got < 0)
		return err_errno(err, "cannot read");
	finish(&ctx, hex);
	return 0;
}
