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

/* Less and more than half a huge page, exactly one, and rests of both kinds behind others. */
Test(table, what_is_mapped_is_zero_and_every_byte_is_there)
{
	static const size_t sizes[] = { 1, 4096, 1u << 20, 1500001, 2u << 20, (4u << 20) + 12345, (5u << 20) + 12345 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *table = table_map(sizes[i]);

		cr_assert(table, "%zu", sizes[i]);
		for (size_t at = 0; at < sizes[i]; at++)
			cr_assert_eq(table[at], 0, "%zu of %zu", at, sizes[i]);
		memset(table, 0x5a, sizes[i]);
		table_unmap(table, sizes[i]);
	}
	table_unmap(NULL, 4096);
	cr_expect_null(table_map(SIZE_MAX / 2));
	cr_expect_null(table_map(SIZE_MAX - 4096));
}

/* Address sanitizing reports such a request instead of refusing it. */
#ifndef __SANITIZE_ADDRESS__
Test(table, what_cannot_be_had_is_null)
{
	cr_expect_null(table_alloc(SIZE_MAX / 2));
	cr_expect_null(table_alloc(SIZE_MAX - 4096));
}
#endif
