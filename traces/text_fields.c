#include "traces/text_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/call_chain.h"
#include "traces/pfn_map.h"

#define UNKNOWN_FLAGS_MAX 128 /* bytes */

void text_fields_fini(struct text_fields *t)
{
	texts_fini(&t->masks);
	free(t->mask_values);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(const char *p, const char *end, uint64_t *value)
{
	uint64_t v = 0;

	if (p == end || end - p > 16)
		return false;
	for (; p < end; p++) {
		int digit = digit_value(*p);

		if (digit < 0)
			return false;
		v = v << 4 | (uint64_t)digit;
	}
	*value = v;
	return true;
}

static bool parse_decimal(const char *p, const char *end, uint64_t *value)
{
	bool negative = p < end && *p == '-';
	uint64_t v = 0;

	p += negative;
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	*value = negative ? -v : v;
	return true;
}

static bool has_hex_prefix(const char *p, const char *end)
{
	return end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x';
}

static bool parse_number(const char *p, const char *end, uint64_t *value)
{
	return has_hex_prefix(p, end) ? parse_hex(p + 2, end, value) : parse_decimal(p, end, value);
}

static bool parse_pointer(struct text_fields *t, const char *p, const char *end, uint64_t *value)
{
	if (*p == '(') {
		*value = 0;
		return !strncmp(p, "(nil)", 5) || !strncmp(p, "(null)", 6);
	}
	if (has_hex_prefix(p, end))
		return parse_hex(p + 2, end, value);
	t->wide_pointers = end - p == 16;
	return parse_hex(p, end, value);
}

static bool parse_mask(struct text_fields *t, const char *p, const char *end, gfp_t *gfp)
{
	uint32_t known = t->masks.nr;
	uint32_t number = texts_add(&t->masks, p, (size_t)(end - p));

	/* The empty text is known from the start, and no mask. */
	if (number == TEXT_NO_MEMORY || p == end)
		return false;
	if (!array_room(&t->mask_values, &t->mask_cap, number))
		return false;
	if (number >= known) {
		char unknown[UNKNOWN_FLAGS_MAX];

		t->mask_values[number] = (struct text_mask){ .gfp = UINT32_MAX };
		gfp_parse_known(p, (size_t)(end - p), t->layout, &t->mask_values[number].gfp, unknown,
			sizeof(unknown));
	}
	t->mask_values[number].used++;
	*gfp = t->mask_values[number].gfp;
	return *gfp != UINT32_MAX;
}

int text_fields_count(const struct text_fields *t, struct trace_counts *repaired)
{
	for (uint32_t i = 1; i < t->masks.nr; i++) {
		char unknown[UNKNOWN_FLAGS_MAX], why[UNKNOWN_FLAGS_MAX + 64];
		gfp_t gfp;

		if (gfp_parse_known(texts_at(&t->masks, i), texts_len(&t->masks, i), t->layout, &gfp, unknown,
			sizeof(unknown)) < 0 || !unknown[0])
			continue;
		snprintf(why, sizeof(why), "gfp flag of an unknown name, left out: %s", unknown);
		if (trace_counts_add(repaired, why, t->mask_values[i].used) < 0)
			return -1;
	}
	return 0;
}

static bool parse_text(struct text_fields *t, const char *p, const char *end, uint32_t *number)
{
	if (end - p >= 2 && *p == '"' && end[-1] == '"') {
		p++;
		end--;
	}
	/* What a probe prints when it could not read the string. */
	if (end - p == 7 && !memcmp(p, "(fault)", 7))
		end = p;
	*number = texts_add(t->texts, p, (size_t)(end - p));
	return *number != TEXT_NO_MEMORY;
}

static bool parse_value(struct text_fields *t, const struct source_field *field, const char *p, const char *end,
	struct raw_event *event)
{
	char *member = (char *)event + field->offset;
	uint64_t value = 0;
	bool good;

	switch (field->how) {
	case FIELD_PTR:
		good = parse_pointer(t, p, end, &value);
		memcpy(member, &value, sizeof(value));
		return good;
	case FIELD_NUMBER:
		good = parse_number(p, end, &value);
		memcpy(member, &value, sizeof(value));
		return good;
	case FIELD_PFN:
		good = parse_number(p, end, &value);
		if (value == UINT64_MAX || value == UINT32_MAX)
			value = 0;
		memcpy(member, &value, sizeof(value));
		return good && value < PFN_MAP_MAX - (1u << ORDER_MAX_USABLE);
	case FIELD_ORDER:
		good = parse_number(p, end, &value) && value <= ORDER_MAX_USABLE;
		*member = (char)value;
		return good;
	case FIELD_NODE:
		good = parse_number(p, end, &value) && value + 1 <= INT16_MAX; /* -1: any node */
		event->node = (int16_t)value;
		return good;
	case FIELD_GFP:
		return parse_mask(t, p, end, &event->gfp);
	case FIELD_SITE:
		for (const char *slash = p; slash < end; slash++)
			if (*slash == '/')
				end = slash;
		if (call_chain_is_trampoline(p, strcspn(p, "+/ ")))
			return true;
		event->call_site = texts_add(t->texts, p, (size_t)(end - p));
		return event->call_site != TEXT_NO_MEMORY;
	case FIELD_NAME:
		return parse_text(t, p, end, &event->name);
	case FIELD_BOOL:
		*member = (end - p == 4 && !memcmp(p, "true", 4)) || (end - p == 1 && *p == '1');
		return true;
	}
	return false;
}

/* The end of a value: a quoted text, an array, or up to the next blank. */
static const char *value_end(const char *p, enum field_how how)
{
	const char *end;

	if (*p == '"') {
		end = strchr(p + 1, '"');
		return end ? end + 1 : p + strlen(p);
	}
	end = strchrnul(p, ' ');
	if (how != FIELD_NAME)
		return end;
	/* A bare name may hold blanks: it goes on until "key=" or the end. */
	while (*end) {
		size_t word = strcspn(end + 1, " =");

		if (end[1 + word] == '=')
			break;
		end += 1 + word;
	}
	return end;
}

static bool is_key(const struct source_field *field, const char *key, size_t len)
{
	return field->key && field->key_len == len && !memcmp(field->key, key, len);
}

/*
 * Number of the field with that key, SOURCE_FIELDS_MAX if
 * there is none. Fields mostly come in the order of the table.
 */
static unsigned int field_named(const struct source_event *event, const char *key, size_t len, unsigned int expected)
{
	if (expected < SOURCE_FIELDS_MAX && is_key(&event->fields[expected], key, len))
		return expected;
	for (unsigned int i = 0; i < SOURCE_FIELDS_MAX && event->fields[i].key; i++)
		if (is_key(&event->fields[i], key, len))
			return i;
	return SOURCE_FIELDS_MAX;
}

/* Up to 5.1 a NULL is as wide as other pointers: "ptr=          (null)". */
static const char *skip_null_padding(const struct source_field *field, const char *p)
{
	const char *text = p + strspn(p, " ");

	return field && field->how == FIELD_PTR && *text == '(' ? text : p;
}

static unsigned int nr_fields(const struct source_event *event)
{
	unsigned int nr = 0;

	while (nr < SOURCE_FIELDS_MAX && event->fields[nr].key)
		nr++;
	return nr;
}

static bool complain(const struct source_event *known, const struct source_field *field, const char *what, char *why,
	size_t size)
{
	snprintf(why, size, "%s: %s= %s", known->name, field->key, what);
	return false;
}

bool text_fields_parse(struct text_fields *t, const struct source_event *known, const char *p, struct raw_event *event,
	char *why, size_t size)
{
	unsigned int nr = nr_fields(known), left = nr, found = 0, index = UINT32_MAX;

	while (left && *p) {
		const char *key = p, *end;
		const struct source_field *field;
		bool colon;

		while (*p && *p != '=' && *p != ' ')
			p++;
		/* "va_start: 18446…": alloc_vmap_area prints one of its values so. */
		colon = *p == ' ' && p > key && p[-1] == ':';
		if (*p != '=' && !colon) {
			p += *p == ' ';
			continue;
		}
		index = field_named(known, key, (size_t)(p - key) - colon, index + 1);
		if (colon && index >= nr)
			continue;
		field = index < nr ? &known->fields[index] : NULL;
		p = skip_null_padding(field, p + 1);
		end = value_end(p, field ? field->how : FIELD_NUMBER);
		if (field && !(found & 1u << index)) {
			if (!parse_value(t, field, p, end, event))
				return complain(known, field, "is not understood", why, size);
			found |= 1u << index;
			left--;
		}
		p = *end ? end + 1 : end;
	}
	for (index = 0; left && index < nr; index++)
		if (known->fields[index].needed && !(found & 1u << index))
			return complain(known, &known->fields[index], "is missing", why, size);
	return true;
}
