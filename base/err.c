#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_record(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return;
	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
}

int err_errno(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	enum err_code code = saved == ENOMEM ? ERR_NOMEM : ERR_IO;
	va_list args;
	size_t used;

	if (!err)
		return -(int)code;
	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(saved));
	return -(int)code;
}

int err_context(struct err *err, const char *fmt, ...)
{
	char outer[ERR_TEXT_MAX];
	va_list args;
	size_t used;

	if (!err)
		return -(int)ERR_IO;
	va_start(args, fmt);
	vsnprintf(outer, sizeof(outer), fmt, args);
	va_end(args);
	used = strlen(outer);
	snprintf(outer + used, sizeof(outer) - used, ": %.*s", (int)(sizeof(outer) - used - 3), err->text);
	memcpy(err->text, outer, sizeof(outer));
	return -(int)err->code;
}

int err_exit_status(enum err_code code)
{
	switch (code) {
#define X(name, status) \
	case ERR_##name: \
		return status;
		ERR_CODES(X)
#undef X
	case ERR_NONE:
		break;
	}
	return 0;
}
