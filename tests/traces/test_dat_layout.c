/* Where the pages lie in files of both versions, and in ones that are cut or damaged. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "traces/dat_layout.h"

/* A file in the making. */
struct file {
	unsigned char bytes[32768];
	size_t len;
};

static void put(struct file *f, const void *bytes, size_t len)
{
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

static void put_number(struct file *f, uint64_t number, size_t size)
{
	put(f, &number, size); /* little-endian, as the tests' machines are */
}

#define PUT_TEXT(f, text) put(f, text, sizeof(text)) /* with its end */

static void begin_file(struct file *f, const char *version)
{
	*f = (struct file){ .len = 0 };
	put(f, "\x17\x08" "Dtracing", 10);
	put(f, version, 2);
	put(f, "\0\x08", 2);
	put_number(f, 4096, 4);
}

static void make_version_6(struct file *f)
{
	begin_file(f, "6");
	PUT_TEXT(f, "header_page");
	put_number(f, 3, 8);
	put(f, "abc", 3);
	PUT_TEXT(f, "header_event");
	put_number(f, 0, 8);
	put_number(f, 1, 4);   /* formats of ftrace */
	put_number(f, 2, 8);
	put(f, "xy", 2);
	put_number(f, 1, 4);   /* systems */
	PUT_TEXT(f, "kmem");
	put_number(f, 1, 4);
	put_number(f, 1, 8);
	put(f, "z", 1);
	put_number(f, 2, 4);   /* symbols */
	put(f, "ss", 2);
	put_number(f, 0, 4);   /* formats of printk */
	put_number(f, 1, 8);   /* names of tasks */
	put(f, "n", 1);
	put_number(f, 2, 4);   /* CPUs */
	PUT_TEXT(f, "options  ");
	put_number(f, 8, 2);
	put_number(f, 4, 4);
	put_number(f, 2, 4);
	put_number(f, 0, 2);
	PUT_TEXT(f, "flyrecord");
	put_number(f, 4096, 8);
	put_number(f, 8192, 8);
	put_number(f, 12288, 8);
	put_number(f, 4096, 8);
	f->len = 16384;
}

static void put_section(struct file *f, unsigned int id, unsigned int flags)
{
	put_number(f, id, 2);
	put_number(f, flags, 2);
	put_number(f, 0, 4);
	put_number(f, 0, 8);
}

/* Two sections of options; another instance stands before the top one. */
static void make_version_7(struct file *f)
{
	size_t options, buffer;

	begin_file(f, "7");
	PUT_TEXT(f, "zstd");
	PUT_TEXT(f, "1.5.4");
	options = f->len;
	put_number(f, 0, 8);
	buffer = f->len;
	put_section(f, 3, 1);
	memcpy(f->bytes + options, &(uint64_t){ f->len }, 8);
	put_section(f, 0, 0);
	put_number(f, 8, 2);   /* number of CPUs */
	put_number(f, 4, 4);
	put_number(f, 1, 4);
	put_number(f, 0, 2);
	put_number(f, 8, 4);
	put_number(f, f->len + 8, 8); /* the next section follows at once */
	put_section(f, 0, 0);
	put_number(f, 3, 2);
	put_number(f, 8 + 6 + 1 + 8, 4);
	put_number(f, buffer, 8);
	PUT_TEXT(f, "other");
	PUT_TEXT(f, "");
	put_number(f, 4096, 4);
	put_number(f, 0, 4);
	put_number(f, 3, 2);
	put_number(f, 8 + 1 + 7 + 8 + 20, 4);
	put_number(f, buffer, 8);
	PUT_TEXT(f, "");
	PUT_TEXT(f, "global");
	put_number(f, 8192, 4);
	put_number(f, 1, 4);
	put_number(f, 0, 4);
	put_number(f, 8192, 8);
	put_number(f, 100, 8);
	put_number(f, 0, 2);
	put_number(f, 8, 4);
	put_number(f, 0, 8);
	f->len = 16384;
}

Test(dat_layout, version_6_has_plain_pages)
{
	struct dat_layout layout;
	struct file f;

	make_version_6(&f);
	cr_assert(dat_layout_read(&layout, f.bytes, f.len));
	cr_expect(!layout.packed);
	cr_expect_eq(layout.page_size, 4096);
	cr_assert_eq(layout.nr_cpus, 2);
	cr_expect(layout.cpus[0].at == 4096 && layout.cpus[0].bytes == 8192);
	cr_expect(layout.cpus[1].at == 12288 && layout.cpus[1].bytes == 4096);
	dat_layout_fini(&layout);
}

Test(dat_layout, version_7_has_the_pages_of_the_top_instance)
{
	struct dat_layout layout;
	struct file f;

	make_version_7(&f);
	cr_assert(dat_layout_read(&layout, f.bytes, f.len));
	cr_expect(layout.packed);
	cr_expect_eq(layout.page_size, 8192);
	cr_expect_str_eq(layout.codec, "zstd");
	cr_expect_str_eq(layout.codec_version, "1.5.4");
	cr_assert_eq(layout.nr_cpus, 1);
	cr_expect(layout.cpus[0].at == 8192 && layout.cpus[0].bytes == 100);
	dat_layout_fini(&layout);
}

/* Each in memory of exactly its length, so that a sanitizer sees a look behind it. */
static bool is_known(const unsigned char *bytes, size_t len)
{
	unsigned char *copy = malloc(len + 1);
	struct dat_layout layout;
	bool known;

	memcpy(copy + 1, bytes, len);
	known = dat_layout_read(&layout, copy + 1, len);
	for (uint32_t i = 0; known && i < layout.nr_cpus; i++)
		cr_assert(!layout.cpus[i].bytes || layout.cpus[i].at + layout.cpus[i].bytes <= len);
	dat_layout_fini(&layout);
	free(copy);
	return known;
}

Test(dat_layout, cut_and_flipped_files_name_no_place_outside)
{
	struct file f[2];

	make_version_6(&f[0]);
	make_version_7(&f[1]);
	for (int i = 0; i < 2; i++) {
		for (size_t len = 0; len < 600; len++)
			cr_assert(!is_known(f[i].bytes, len), "%zu bytes of version %d", len, 6 + i);
		for (size_t bit = 0; bit < 8 * 400; bit++) {
			f[i].bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
			is_known(f[i].bytes, f[i].len);
			f[i].bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
		cr_assert(is_known(f[i].bytes, f[i].len));
	}
}

Test(dat_layout, the_other_byte_order_and_other_versions_are_not_known)
{
	struct file f;

	make_version_6(&f);
	f.bytes[12] = 1;
	cr_expect(!is_known(f.bytes, f.len));
	make_version_6(&f);
	f.bytes[10] = '5';
	cr_expect(!is_known(f.bytes, f.len));
}
