#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

/* Small, exactly a huge page, and one with a rest behind its last huge page: all of it can be written. */
Test(table, every_byte_is_there)
{
	static const size_t sizes[] = { 1, 4096, 2u << 20, (5u << 20) + 12345 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *table = table_alloc(sizes[i]);

		cr_assert(table, "%zu", sizes[i]);
		memset(table, 0x5a, sizes[i]);
		cr_expect(table[0] == 0x5a && table[sizes[i] - 1] == 0x5a);
		free(table);
	}
}

/* Address sanitizing reports such a request instead of refusing it. */
#ifndef __SANITIZE_ADDRESS__
Test(table, what_cannot_be_had_is_null)
{
	cr_expect_null(table_alloc(SIZE_MAX / 2));
	cr_expect_null(table_alloc(SIZE_MAX - 4096));
}
#endif
