/* sha256: of a buffer or a file, as 64 hexadecimal digits. */
#ifndef KMEMSIM_BASE_SHA256_H
#define KMEMSIM_BASE_SHA256_H

#include <stddef.h>

#include "base/err.h"

#define SHA256_HEX_SIZE 65 /* bytes, with the terminating 0 */

void sha256_buffer(const void *data, size_t len, char hex[SHA256_HEX_SIZE]);
/** sha256_fd() - of all that can be read from the start of @fd; the file position is left alone (pread). */
int sha256_fd(int fd, char hex[SHA256_HEX_SIZE], struct err *err);

#endif
