#include "traces/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const field_name[NR_FIELDS] = {
#define X(id, text) [FIELD_##id] = text,
	TRACE_KEYS(X)
#undef X
};

const char *const backing_name[NR_BACKINGS] = {
	[BACKING_SLAB] = "slab",
	[BACKING_KMALLOC] = "kmalloc",
	[BACKING_PAGE] = "page",
	[BACKING_OTHER] = "other",
};

const char *const cache_mode_name[NR_CACHE_MODES] = {
	[CACHE_MODE_UC] = "uc",
	[CACHE_MODE_WC] = "wc",
	[CACHE_MODE_WB] = "wb",
	[CACHE_MODE_NP] = "np",
	[CACHE_MODE_WT] = "wt",
};

struct bit_name {
	uint32_t bit;
	const char *name;
};

static const struct bit_name slab_flag_names[] = {
	{ SLAB_FLAG_CONSISTENCY_CHECKS, "SLAB_CONSISTENCY_CHECKS" },
	{ SLAB_FLAG_RED_ZONE, "SLAB_RED_ZONE" },
	{ SLAB_FLAG_POISON, "SLAB_POISON" },
	{ SLAB_FLAG_NO_REAP, "SLAB_NO_REAP" },
	{ SLAB_FLAG_HWCACHE_ALIGN, "SLAB_HWCACHE_ALIGN" },
	{ SLAB_FLAG_CACHE_DMA, "SLAB_CACHE_DMA" },
	{ SLAB_FLAG_CACHE_DMA32, "SLAB_CACHE_DMA32" },
	{ SLAB_FLAG_STORE_USER, "SLAB_STORE_USER" },
	{ SLAB_FLAG_RECLAIM_ACCOUNT, "SLAB_RECLAIM_ACCOUNT" },
	{ SLAB_FLAG_PANIC, "SLAB_PANIC" },
	{ SLAB_FLAG_TYPESAFE_BY_RCU, "SLAB_TYPESAFE_BY_RCU" },
	{ SLAB_FLAG_MEM_SPREAD, "SLAB_MEM_SPREAD" },
	{ SLAB_FLAG_TRACE, "SLAB_TRACE" },
	{ SLAB_FLAG_NOLEAKTRACE, "SLAB_NOLEAKTRACE" },
	{ SLAB_FLAG_ACCOUNT, "SLAB_ACCOUNT" },
	{ SLAB_FLAG_NO_MERGE, "SLAB_NO_MERGE" },
	{ 0, NULL },
};

static const char *const ctx_name[] = { "process", "softirq", "hardirq", "nmi" };

enum field_key field_by_name(const char *name, size_t len)
{
	for (int key = 0; key < NR_FIELDS; key++)
		if (!strncmp(field_name[key], name, len) && !field_name[key][len])
			return (enum field_key)key;
	return NR_FIELDS;
}

#define NEAR_MAX 24u

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein distance; words longer than NEAR_MAX are far from everything. */
static unsigned int distance(const char *a, size_t len, const char *b)
{
	unsigned int row[NEAR_MAX + 1];
	size_t blen = strlen(b);

	if (len > NEAR_MAX || blen > NEAR_MAX)
		return NEAR_MAX;
	for (unsigned int j = 0; j <= blen; j++)
		row[j] = j;
	for (size_t i = 1; i <= len; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= blen; j++) {
			unsigned int next = min3(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));

			diagonal = row[j];
			row[j] = next;
		}
	}
	return row[blen];
}

/* A name is near when at most a third of it has to change. */
static void consider(const char *name, size_t len, const char *candidate, const char **best, unsigned int *least)
{
	unsigned int d = distance(name, len, candidate);

	if (d < *least && 3 * d <= len + 2) {
		*least = d;
		*best = candidate;
	}
}

const char *field_nearest(const char *name, size_t len)
{
	const char *best = NULL;
	unsigned int least = NEAR_MAX;

	for (int key = 0; key < NR_FIELDS; key++)
		consider(name, len, field_name[key], &best, &least);
	return best;
}

const char *kind_nearest(const char *name, size_t len)
{
	const char *best = NULL;
	unsigned int least = NEAR_MAX;

	for (int kind = 0; kind < NR_KINDS; kind++)
		consider(name, len, kind_info[kind].name, &best, &least);
	return best;
}

void fields_set_number(struct fields *f, enum field_key key, uint64_t number)
{
	f->present |= 1ull << key;
	f->field[key] = (struct field){ .type = FIELD_TYPE_NUMBER, .number = number };
}

void fields_set_text(struct fields *f, enum field_key key, const char *text)
{
	f->present |= 1ull << key;
	f->field[key] = (struct field){ .type = FIELD_TYPE_TEXT, .text = text, .len = strlen(text) };
}

/* Append "|word" or "word". */
static void join(char *buf, size_t size, const char *word)
{
	size_t used = strlen(buf);

	snprintf(buf + used, size - used, "%s%s", used ? "|" : "", word);
}

void slab_flags_format(uint32_t flags, char *buf, size_t size)
{
	buf[0] = '\0';
	for (const struct bit_name *n = slab_flag_names; n->name; n++) {
		if (flags & n->bit)
			join(buf, size, n->name);
		flags &= ~n->bit;
	}
	if (flags) {
		char rest[16];

		snprintf(rest, sizeof(rest), "0x%x", flags);
		join(buf, size, rest);
	}
}

/* One word of a list; numbers give their bits. Return: 0, or -1. */
static int slab_flag_of(const char *word, size_t len, uint32_t *bits)
{
	char number[24];
	char *end;
	unsigned long long value;

	for (const struct bit_name *n = slab_flag_names; n->name; n++)
		if (!strncmp(n->name, word, len) && !n->name[len]) {
			*bits = n->bit;
			return 0;
		}
	if (!len || len >= sizeof(number) || word[0] < '0' || word[0] > '9')
		return -1;
	memcpy(number, word, len);
	number[len] = '\0';
	value = strtoull(number, &end, 0);
	*bits = (uint32_t)value;
	return *end || value > UINT32_MAX ? -1 : 0;
}

int slab_flags_parse(const char *text, size_t len, uint32_t *flags)
{
	const char *end = text + len;
	uint32_t all = 0, bits;

	while (text < end) {
		const char *bar = memchr(text, '|', (size_t)(end - text));
		size_t word = (size_t)((bar ? bar : end) - text);

		if (slab_flag_of(text, word, &bits) < 0)
			return -1;
		all |= bits;
		text += word + (bar ? 1 : 0);
	}
	*flags = all;
	return 0;
}

void ctx_format(unsigned int ctx, char *buf, size_t size)
{
	snprintf(buf, size, "%s", ctx_name[ctx & CTX_MASK]);
	if (ctx & CTX_PREEMPT_OFF)
		join(buf, size, "preempt_off");
	if (ctx & CTX_IRQS_OFF)
		join(buf, size, "irqs_off");
}

static int ctx_of(const char *word, size_t len, unsigned int *ctx)
{
	for (unsigned int i = 0; i <= CTX_MASK; i++)
		if (!strncmp(ctx_name[i], word, len) && !ctx_name[i][len]) {
			*ctx |= i;
			return 0;
		}
	if (len == 11 && !memcmp(word, "preempt_off", len))
		*ctx |= CTX_PREEMPT_OFF;
	else if (len == 8 && !memcmp(word, "irqs_off", len))
		*ctx |= CTX_IRQS_OFF;
	else
		return -1;
	return 0;
}

int ctx_parse(const char *text, size_t len, unsigned int *ctx)
{
	const char *end = text + len;
	unsigned int all = 0;

	while (text < end) {
		const char *bar = memchr(text, '|', (size_t)(end - text));
		size_t word = (size_t)((bar ? bar : end) - text);

		if (ctx_of(text, word, &all) < 0)
			return -1;
		text += word + (bar ? 1 : 0);
	}
	*ctx = all;
	return 0;
}
