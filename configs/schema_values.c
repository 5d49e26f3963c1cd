#include "configs/schema_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/word.h"

static void *field(const struct key *key, void *base, uint32_t index)
{
	return (char *)base + key->offset + (size_t)index * key->size;
}

uint64_t key_number(const struct key *key, const void *base, uint32_t index)
{
	const void *at = (const char *)base + key->offset + (size_t)index * key->size;
	uint64_t u64;
	uint32_t u32;
	uint8_t u8;

	switch (key->size) {
	case sizeof(u64):
		memcpy(&u64, at, sizeof(u64));
		return u64;
	case sizeof(u32):
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		assert(key->size == sizeof(u8));
		memcpy(&u8, at, sizeof(u8));
		return u8;
	}
}

static void store(const struct key *key, void *base, uint32_t index, uint64_t value)
{
	uint32_t u32 = (uint32_t)value;
	uint8_t u8 = (uint8_t)value;

	switch (key->size) {
	case sizeof(value):
		memcpy(field(key, base, index), &value, sizeof(value));
		return;
	case sizeof(u32):
		memcpy(field(key, base, index), &u32, sizeof(u32));
		return;
	default:
		assert(key->size == sizeof(u8));
		memcpy(field(key, base, index), &u8, sizeof(u8));
	}
}

static enum key_answer set_text(const struct key *key, void *base, const char *text)
{
	size_t len = strlen(text);

	if (!len)
		return KEY_MISTYPED;
	if (len >= key->size)
		return KEY_OUT_OF_RANGE;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return KEY_MISTYPED;
	}
	memset(field(key, base, 0), 0, key->size);
	memcpy(field(key, base, 0), text, len);
	return KEY_OK;
}

static int parse_word(const struct key *key, const char *text, uint64_t *value)
{
	static const char *const bools[] = { "false", "true", NULL };
	const char *const *words = key->kind == KEY_BOOL ? bools : key->words;

	for (uint64_t i = 0; words[i]; i++) {
		if (!strcmp(words[i], text)) {
			*value = i;
			return 0;
		}
	}
	return -1;
}

static int parse_number(const struct key *key, const char *text, uint32_t page_size, uint64_t *value)
{
	switch (key->kind) {
	case KEY_SIZE:
		return units_parse_size(text, page_size, value);
	case KEY_TIME:
		return units_parse_time(text, value);
	case KEY_RATE:
		return units_parse_rate(text, value);
	default:
		return units_parse_count(text, value);
	}
}

enum key_answer key_set(const struct key *key, void *base, uint32_t index, const char *text, uint32_t page_size)
{
	uint64_t value;

	if (key->automatic && !strcmp(text, "auto")) {
		store(key, base, index, key->auto_value);
		return KEY_OK;
	}
	if (key->none && !strcmp(text, "none")) {
		store(key, base, index, key->none_value);
		return KEY_OK;
	}
	if (key->kind == KEY_TEXT)
		return set_text(key, base, text);
	if (key->kind == KEY_BOOL || key->kind == KEY_WORD) {
		if (parse_word(key, text, &value) < 0)
			return KEY_MISTYPED;
	} else {
		if (parse_number(key, text, page_size, &value) < 0)
			return KEY_MISTYPED;
		if (value < key->min || value > key->max)
			return KEY_OUT_OF_RANGE;
	}
	store(key, base, index, value);
	return KEY_OK;
}

/* Plain where YAML and this reader take it for the same text, quoted where not. */
static char *format_text(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0' &&
		text[0] != '-') {
		snprintf(buf, size, "%s", text);
		return buf;
	}
	buf[used++] = '"';
	for (; *text && used + 4 < size; text++) {
		if (*text == '"' || *text == '\\')
			buf[used++] = '\\';
		buf[used++] = *text;
	}
	buf[used++] = '"';
	buf[used] = '\0';
	return buf;
}

char *key_format(const struct key *key, const void *base, uint32_t index, char *buf, size_t size)
{
	uint64_t value;

	if (key->kind == KEY_TEXT)
		return format_text((const char *)base + key->offset, buf, size);
	value = key_number(key, base, index);
	if (key->automatic && value == key->auto_value)
		snprintf(buf, size, "auto");
	else if (key->none && value == key->none_value)
		snprintf(buf, size, "none");
	else if (key->kind == KEY_BOOL)
		snprintf(buf, size, "%s", value ? "true" : "false");
	else if (key->kind == KEY_WORD)
		format_text(key->words[value], buf, size);
	else if (key->kind == KEY_SIZE)
		units_format_size(value, buf, size);
	else if (key->kind == KEY_TIME)
		snprintf(buf, size, "%" PRIu64 " ns", value);
	else
		snprintf(buf, size, "%" PRIu64, value);
	return buf;
}

uint32_t key_list_length(const struct key *key, const void *base)
{
	uint32_t length = 0;

	if (key->list_offset) {
		memcpy(&length, (const char *)base + key->list_offset, sizeof(length));
		return length;
	}
	if (!key->min)
		return key->list_max;
	while (length < key->list_max && key_number(key, base, length))
		length++;
	return length;
}

void key_grow_list(const struct key *key, void *base, uint32_t length)
{
	if (key->list_offset)
		memcpy((char *)base + key->list_offset, &length, sizeof(length));
}

/* Elements behind a counted list's last one are zero already. */
void key_set_list_length(const struct key *key, void *base, uint32_t length)
{
	uint32_t end = key->list_offset ? key_list_length(key, base) : key->list_max;

	key_grow_list(key, base, length);
	if (end > length)
		memset(field(key, base, length), 0, (size_t)(end - length) * key->size);
}

/* "1 ms" for 1000000: exact, in the largest unit that is. */
static void format_time_bound(ns_t ns, char *buf, size_t size)
{
	static const struct { ns_t ns; const char *name; } units[] = {
		{ 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" },
	};
	size_t u = 0;

	while (ns % units[u].ns)
		u++;
	snprintf(buf, size, "%" PRIu64 " %s", ns / units[u].ns, ns ? units[u].name : "ns");
}

static void format_bound(const struct key *key, uint64_t value, char *buf, size_t size)
{
	if (key->kind == KEY_SIZE)
		units_format_size(value, buf, size);
	else if (key->kind == KEY_RATE)
		snprintf(buf, size, "%" PRIu64 " MB/s", value / 1000000);
	else if (key->kind == KEY_TIME)
		format_time_bound(value, buf, size);
	else
		snprintf(buf, size, "%" PRIu64, value);
}

char *key_range(const struct key *key, char *buf, size_t size)
{
	char low[32], high[32];

	if (key->kind == KEY_TEXT) {
		snprintf(buf, size, "at most %u characters", key->size - 1);
		return buf;
	}
	format_bound(key, key->min, low, sizeof(low));
	format_bound(key, key->max, high, sizeof(high));
	if (key->min == key->max)
		snprintf(buf, size, "%s", low);
	else
		snprintf(buf, size, "%s to %s", low, high);
	return buf;
}

char *key_expected(const struct key *key, char *buf, size_t size)
{
	static const char *const nouns[] = {
		[KEY_COUNT] = "a number", [KEY_SIZE] = "a size such as 4 GiB", [KEY_TIME] = "a time such as 250 ns",
		[KEY_RATE] = "a rate such as 1.2 GB/s",
		[KEY_BOOL] = "true or false", [KEY_WORD] = "", [KEY_TEXT] = "a text",
		[KEY_COUNTS] = "a list of numbers such as [96, 192]",
		[KEY_CPUS] = "a number of CPUs or a list such as [0-3, 8]",
		[KEY_RECORDS] = "a list",
	};
	size_t used;

	if (key->kind == KEY_WORD)
		used = strlen(word_list(key->words, buf, size));
	else
		used = (size_t)snprintf(buf, size, "%s", nouns[key->kind]);
	if (used < size && (key->automatic || key->none))
		snprintf(buf + used, size - used, "%s%s", key->automatic ? ", or auto" : "",
			key->none ? ", or none" : "");
	return buf;
}
