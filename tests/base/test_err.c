#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"

Test(err, text_grows_outward)
{
	struct err err = { 0 };

	cr_assert_eq(err_set(&err, ERR_TRACE, "block %d: checksum differs", 7), -(int)ERR_TRACE);
	cr_assert_eq(err_context(&err, "%s", "boot.kmt"), -(int)ERR_TRACE);
	cr_assert_str_eq(err.text, "boot.kmt: block 7: checksum differs");
	cr_assert_eq(err.code, ERR_TRACE);
}

Test(err, errno_is_io_but_no_memory_is_its_own_code)
{
	struct err err;

	errno = ENOSPC;
	cr_assert_eq(err_errno(&err, "%s", "out.db"), -(int)ERR_IO);
	cr_assert_str_eq(err.text, "out.db: No space left on device");
	errno = ENOMEM;
	cr_assert_eq(err_errno(&err, "x"), -(int)ERR_NOMEM);
}

Test(err, nobody_needs_to_listen)
{
	cr_assert_eq(err_set(NULL, ERR_CONFIG, "x"), -(int)ERR_CONFIG);
	errno = EACCES;
	cr_assert_eq(err_errno(NULL, "x"), -(int)ERR_IO);
	cr_assert_lt(err_context(NULL, "x"), 0);
}

Test(err, longest_text_is_cut_not_overrun)
{
	char longer[2 * ERR_TEXT_MAX];
	struct err err;

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	err_set(&err, ERR_IO, "%s", longer);
	cr_assert_eq(strlen(err.text), ERR_TEXT_MAX - 1);
	err_context(&err, "file");
	cr_assert_eq(strncmp(err.text, "file: aaa", 9), 0);
	cr_assert_lt(strlen(err.text), ERR_TEXT_MAX);
	err_context(&err, "%s", longer);
	cr_assert_lt(strlen(err.text), ERR_TEXT_MAX);
}

Test(err, exit_status_is_the_documented_one)
{
	cr_assert_eq(err_exit_status(ERR_NONE), 0);
	cr_assert_eq(err_exit_status(ERR_USAGE), 2);
	cr_assert_eq(err_exit_status(ERR_CONFIG), 2);
	cr_assert_eq(err_exit_status(ERR_TRACE), 2);
	cr_assert_eq(err_exit_status(ERR_IO), 3);
	cr_assert_eq(err_exit_status(ERR_NOMEM), 3);
	cr_assert_eq(err_exit_status(ERR_INTERRUPTED), 130);
}
