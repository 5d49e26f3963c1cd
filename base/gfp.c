#include "base/gfp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gfp_bit {
	uint32_t raw;
	gfp_t gfp;
};

/* Bits 0x1 .. 0x8 and 0x40, 0x80 mean the same in every layout; 0x10 and 0x20 in all but L1. */
#define BITS_COMMON                                                                                             \
	{ 0x1, GFP_BIT_DMA }, { 0x2, GFP_BIT_HIGHMEM }, { 0x4, GFP_BIT_DMA32 }, { 0x8, GFP_BIT_MOVABLE },       \
	{ 0x20, GFP_BIT_HIGH }, { 0x40, GFP_BIT_IO }, { 0x80, GFP_BIT_FS }

/* 0x100 .. 0x40000 of L1, L2 and L3. COLD (0x100) only said which end of a list to use. */
#define BITS_OLD                                                                                                \
	{ 0x100, 0 }, { 0x200, GFP_BIT_NOWARN }, { 0x400, GFP_BIT_RETRY_MAYFAIL }, { 0x800, GFP_BIT_NOFAIL },   \
	{ 0x1000, GFP_BIT_NORETRY }, { 0x2000, GFP_BIT_MEMALLOC }, { 0x4000, GFP_BIT_COMP },                    \
	{ 0x8000, GFP_BIT_ZERO }, { 0x10000, GFP_BIT_NOMEMALLOC }, { 0x20000, GFP_BIT_HARDWALL },               \
	{ 0x40000, GFP_BIT_THISNODE }

static const struct gfp_bit bits_l1[] = { BITS_COMMON, BITS_OLD, { 0x10, GFP_RECLAIM },
	{ 0x80000, GFP_BIT_RECLAIMABLE }, { 0x1000000, GFP_BIT_WRITE }, { 0, 0 } };
static const struct gfp_bit bits_l2[] = { BITS_COMMON, BITS_OLD, { 0x10, GFP_BIT_RECLAIMABLE },
	{ 0x80000, GFP_BIT_ATOMIC }, { 0x100000, GFP_BIT_ACCOUNT }, { 0x200000, 0 },
	{ 0x400000, GFP_BIT_DIRECT_RECLAIM }, { 0x800000, 0 }, { 0x1000000, GFP_BIT_WRITE },
	{ 0x2000000, GFP_BIT_KSWAPD_RECLAIM }, { 0, 0 } };
static const struct gfp_bit bits_l3[] = { BITS_COMMON, BITS_OLD, { 0x10, GFP_BIT_RECLAIMABLE },
	{ 0x80000, GFP_BIT_ATOMIC }, { 0x100000, GFP_BIT_ACCOUNT }, { 0x200000, 0 },
	{ 0x400000, GFP_BIT_DIRECT_RECLAIM }, { 0x800000, GFP_BIT_WRITE }, { 0x1000000, GFP_BIT_KSWAPD_RECLAIM },
	{ 0x2000000, 0 }, { 0, 0 } };
static const struct gfp_bit bits_l4[] = { BITS_COMMON, { 0x10, GFP_BIT_RECLAIMABLE }, { 0x100, GFP_BIT_WRITE },
	{ 0x200, GFP_BIT_NOWARN }, { 0x400, GFP_BIT_RETRY_MAYFAIL }, { 0x800, GFP_BIT_NOFAIL },
	{ 0x1000, GFP_BIT_NORETRY }, { 0x2000, GFP_BIT_MEMALLOC }, { 0x4000, GFP_BIT_COMP },
	{ 0x8000, GFP_BIT_ZERO }, { 0x10000, GFP_BIT_NOMEMALLOC }, { 0x20000, GFP_BIT_HARDWALL },
	{ 0x40000, GFP_BIT_THISNODE }, { 0x80000, GFP_BIT_ATOMIC }, { 0x100000, GFP_BIT_ACCOUNT },
	{ 0x200000, GFP_BIT_DIRECT_RECLAIM }, { 0x400000, GFP_BIT_KSWAPD_RECLAIM }, { 0x800000, 0 }, { 0, 0 } };

static const struct gfp_bit *const layout_bits[] = {
	[GFP_LAYOUT_L1] = bits_l1,
	[GFP_LAYOUT_L2] = bits_l2,
	[GFP_LAYOUT_L3] = bits_l3,
	[GFP_LAYOUT_L4] = bits_l4,
};

enum gfp_layout gfp_layout_of_kernel(unsigned int major, unsigned int minor)
{
	unsigned int version = major * 1000 + minor;

	if (version <= 4003)
		return GFP_LAYOUT_L1;
	if (version <= 4009)
		return GFP_LAYOUT_L2;
	if (version <= 4017)
		return GFP_LAYOUT_L3;
	if (version <= 5000)
		return GFP_LAYOUT_L4;
	if (version <= 6002)
		return GFP_LAYOUT_L5;
	return version <= 6006 ? GFP_LAYOUT_L6 : GFP_LAYOUT_L7;
}

gfp_t gfp_from_raw(uint64_t raw, enum gfp_layout layout, uint64_t *unknown)
{
	gfp_t gfp = 0;
	uint64_t left = raw;

	if (layout >= GFP_LAYOUT_L5) {
		gfp = (gfp_t)(raw & GFP_ALL_BITS);
		left = raw & ~(uint64_t)GFP_ALL_BITS;
		/* From 6.3 on 0x200 means nothing; HIGH without DIRECT_RECLAIM is what ATOMIC was. */
		if (layout >= GFP_LAYOUT_L6) {
			gfp &= ~GFP_BIT_ATOMIC;
			if ((gfp & (GFP_BIT_HIGH | GFP_BIT_DIRECT_RECLAIM)) == GFP_BIT_HIGH)
				gfp |= GFP_BIT_ATOMIC;
		}
	} else {
		for (const struct gfp_bit *bit = layout_bits[layout]; bit->raw; bit++) {
			if (!(raw & bit->raw))
				continue;
			gfp |= bit->gfp;
			left &= ~(uint64_t)bit->raw;
		}
		/* Up to 4.3 every request woke kswapd, and HIGH without WAIT was GFP_ATOMIC. */
		if (layout == GFP_LAYOUT_L1)
			gfp |= GFP_BIT_KSWAPD_RECLAIM |
			       ((gfp & GFP_BIT_HIGH) && !(gfp & GFP_BIT_DIRECT_RECLAIM) ? GFP_BIT_ATOMIC : 0);
	}
	if (unknown)
		*unknown = left;
	return gfp;
}

struct gfp_name {
	const char *name;
	gfp_t gfp;
};

/* In the order in which 6.1 looks for names when it prints (trace/events/mmflags.h). */
static const struct gfp_name names[] = {
	{ "GFP_TRANSHUGE", GFP_TRANSHUGE },
	{ "GFP_TRANSHUGE_LIGHT", GFP_TRANSHUGE_LIGHT },
	{ "GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVABLE },
	{ "GFP_HIGHUSER", GFP_HIGHUSER },
	{ "GFP_USER", GFP_USER },
	{ "GFP_KERNEL_ACCOUNT", GFP_KERNEL_ACCOUNT },
	{ "GFP_KERNEL", GFP_KERNEL },
	{ "GFP_NOFS", GFP_NOFS },
	{ "GFP_ATOMIC", GFP_ATOMIC },
	{ "GFP_NOIO", GFP_NOIO },
	{ "GFP_NOWAIT", GFP_NOWAIT },
	{ "GFP_DMA", GFP_BIT_DMA },
	{ "__GFP_HIGHMEM", GFP_BIT_HIGHMEM },
	{ "GFP_DMA32", GFP_BIT_DMA32 },
	{ "__GFP_HIGH", GFP_BIT_HIGH },
	{ "__GFP_ATOMIC", GFP_BIT_ATOMIC },
	{ "__GFP_IO", GFP_BIT_IO },
	{ "__GFP_FS", GFP_BIT_FS },
	{ "__GFP_NOWARN", GFP_BIT_NOWARN },
	{ "__GFP_RETRY_MAYFAIL", GFP_BIT_RETRY_MAYFAIL },
	{ "__GFP_NOFAIL", GFP_BIT_NOFAIL },
	{ "__GFP_NORETRY", GFP_BIT_NORETRY },
	{ "__GFP_COMP", GFP_BIT_COMP },
	{ "__GFP_ZERO", GFP_BIT_ZERO },
	{ "__GFP_NOMEMALLOC", GFP_BIT_NOMEMALLOC },
	{ "__GFP_MEMALLOC", GFP_BIT_MEMALLOC },
	{ "__GFP_HARDWALL", GFP_BIT_HARDWALL },
	{ "__GFP_THISNODE", GFP_BIT_THISNODE },
	{ "__GFP_RECLAIMABLE", GFP_BIT_RECLAIMABLE },
	{ "__GFP_MOVABLE", GFP_BIT_MOVABLE },
	{ "__GFP_ACCOUNT", GFP_BIT_ACCOUNT },
	{ "__GFP_WRITE", GFP_BIT_WRITE },
	{ "__GFP_RECLAIM", GFP_RECLAIM },
	{ "__GFP_DIRECT_RECLAIM", GFP_BIT_DIRECT_RECLAIM },
	{ "__GFP_KSWAPD_RECLAIM", GFP_BIT_KSWAPD_RECLAIM },
	{ "__GFP_ZEROTAGS", GFP_BIT_ZEROTAGS },
};

/* Read, never printed: other spellings, names of other kernels, and flags that change nothing in the model. */
static const struct gfp_name old_names[] = {
	{ "__GFP_DMA", GFP_BIT_DMA },
	{ "__GFP_DMA32", GFP_BIT_DMA32 },
	{ "__GFP_WAIT", GFP_RECLAIM },
	{ "__GFP_REPEAT", GFP_BIT_RETRY_MAYFAIL },
	{ "GFP_TEMPORARY", GFP_KERNEL | GFP_BIT_RECLAIMABLE },
	{ "GFP_KERNEL_ZERO", GFP_KERNEL | GFP_BIT_ZERO },
	{ "GFP_THISNODE", GFP_BIT_THISNODE | GFP_BIT_NORETRY | GFP_BIT_NOWARN },
	{ "__GFP_COLD", 0 },
	{ "__GFP_NOTRACK", 0 },
	{ "__GFP_OTHER_NODE", 0 },
	{ "__GFP_NO_KSWAPD", 0 },
	{ "__GFP_NOLOCKDEP", 0 },
	{ "__GFP_NO_OBJ_EXT", 0 },
	{ "__GFP_SKIP_ZERO", 0 },
	{ "__GFP_SKIP_KASAN", 0 },
	{ "__GFP_SKIP_KASAN_POISON", 0 },
	{ "__GFP_SKIP_KASAN_UNPOISON", 0 },
};

#define NR_NAMES     (sizeof(names) / sizeof(names[0]))
#define NR_OLD_NAMES (sizeof(old_names) / sizeof(old_names[0]))

/* Before 4.6 single flags were printed without "__": "GFP_ZERO" is __GFP_ZERO. */
static bool same_name(const char *name, const char *word, size_t len)
{
	if (strlen(name) == len && !memcmp(name, word, len))
		return true;
	return !strncmp(name, "__", 2) && strlen(name + 2) == len && !memcmp(name + 2, word, len);
}

static const struct gfp_name *find_name(const struct gfp_name *table, size_t nr, const char *word, size_t len)
{
	for (size_t i = 0; i < nr; i++)
		if (same_name(table[i].name, word, len))
			return &table[i];
	return NULL;
}

static int parse_word(const char *word, size_t len, enum gfp_layout layout, gfp_t *gfp)
{
	const struct gfp_name *name;
	char number[24];
	char *end;

	if (len == 0 || len >= 64)
		return -1;
	if (len < sizeof(number) && word[0] >= '0' && word[0] <= '9') {
		memcpy(number, word, len);
		number[len] = '\0';
		*gfp |= gfp_from_raw(strtoull(number, &end, 0), layout, NULL);
		return *end ? -1 : 0;
	}
	if ((len == 4 && !memcmp(word, "none", 4)))
		return 0;
	name = find_name(names, NR_NAMES, word, len);
	if (!name)
		name = find_name(old_names, NR_OLD_NAMES, word, len);
	if (!name)
		return -1;
	*gfp |= name->gfp;
	if (layout == GFP_LAYOUT_L7 && name->gfp == GFP_NOWAIT && name->name[0] == 'G')
		*gfp |= GFP_BIT_NOWARN;
	return 0;
}

/* Whether a word has the form of a flag's name. */
static bool is_flag(const char *word, size_t len)
{
	if (len <= 6 || len >= 64 || memcmp(word, "__GFP_", 6))
		return false;
	for (size_t i = 6; i < len; i++)
		if (!(word[i] >= 'A' && word[i] <= 'Z') && !(word[i] >= '0' && word[i] <= '9') && word[i] != '_')
			return false;
	return true;
}

static void note_unknown(char *unknown, size_t size, const char *word, size_t len)
{
	size_t used = strlen(unknown);

	snprintf(unknown + used, size - used, "%s%.*s", used ? "|" : "", (int)len, word);
}

int gfp_parse_known(const char *text, size_t len, enum gfp_layout layout, gfp_t *gfp, char *unknown, size_t size)
{
	gfp_t sum = 0;
	size_t start = 0;

	if (size)
		unknown[0] = '\0';
	for (size_t i = 0; i <= len; i++) {
		const char *word = text + start;

		if (i < len && text[i] != '|')
			continue;
		if (parse_word(word, i - start, layout, &sum) < 0) {
			if (!size || !is_flag(word, i - start))
				return -1;
			note_unknown(unknown, size, word, i - start);
		}
		start = i + 1;
	}
	*gfp = sum;
	return 0;
}

int gfp_parse(const char *text, size_t len, enum gfp_layout layout, gfp_t *gfp)
{
	return gfp_parse_known(text, len, layout, gfp, NULL, 0);
}

int gfp_format(gfp_t gfp, char *buf, size_t size)
{
	gfp_t left = gfp;
	int used = 0;

	if (!gfp)
		return snprintf(buf, size, "none");
	if (size)
		buf[0] = '\0';
	for (size_t i = 0; i < NR_NAMES && left; i++) {
		size_t at = (size_t)used < size ? (size_t)used : size;

		if ((left & names[i].gfp) != names[i].gfp)
			continue;
		left &= ~names[i].gfp;
		used += snprintf(buf + at, size - at, "%s%s", used ? "|" : "", names[i].name);
	}
	if (left) {
		size_t at = (size_t)used < size ? (size_t)used : size;

		used += snprintf(buf + at, size - at, "%s0x%x", used ? "|" : "", left);
	}
	return used;
}
