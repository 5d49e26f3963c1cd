/* interchange_json: JSON lines of the text interchange, an object of keys and values each. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "traces/interchange_priv.h"

#define BIG_DIGITS 19u         /* of INT64_MAX */

static struct field field_of_json(json_t *v)
{
	struct field f = { .type = FIELD_TYPE_OTHER };

	switch (json_typeof(v)) {
	case JSON_INTEGER:
		f.type = FIELD_TYPE_NUMBER;
		f.negative = json_integer_value(v) < 0;
		f.number = f.negative ? 0 - (uint64_t)json_integer_value(v) : (uint64_t)json_integer_value(v);
		break;
	case JSON_STRING:
		f.type = FIELD_TYPE_TEXT;
		f.text = json_string_value(v);
		f.len = json_string_length(v);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		f.type = FIELD_TYPE_BOOL;
		f.number = json_is_true(v);
		break;
	case JSON_NULL:
		f.type = FIELD_TYPE_NULL;
		break;
	default:
		break;
	}
	return f;
}

static int take_json_object(struct interchange *ic, json_t *object, struct err *err)
{
	const char *name;
	json_t *value;

	ic->fields.present = 0;
	json_object_foreach(object, name, value) {
		enum field_key key = field_by_name(name, strlen(name));

		if (key == NR_FIELDS)
			return interchange_refuse_key(ic, name, strlen(name), err);
		/* A null is the NULL pointer for `id`; for other keys it says that they do not apply. */
		if (json_is_null(value) && key != FIELD_ID)
			continue;
		ic->fields.present |= 1ull << key;
		ic->fields.field[key] = field_of_json(value);
	}
	return interchange_take_fields(ic, err);
}

/* Nothing, or a remark, as in CSV. */
static bool is_blank(const char *line, size_t len)
{
	if (len && line[0] == '#')
		return true;
	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)line[i]))
			return false;
	return true;
}

static bool begins_number(const char *line, size_t at)
{
	return isdigit((unsigned char)line[at]) && (at == 0 || strchr(" \t,:[", line[at - 1]));
}

/*
 * The library has integers of 64 bits with a sign. Addresses and masks go beyond: as
 * text they are read in full, so those with as many digits stand in quotes in the copy.
 */
static json_t *load_quoted(const char *line, size_t len, json_error_t *why)
{
	char *copy = malloc(2 * len + 1);
	bool in_text = false;
	json_t *object;
	size_t to = 0;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		size_t digits = 0;

		while (!in_text && begins_number(line, i) && i + digits < len &&
			isdigit((unsigned char)line[i + digits]))
			digits++;
		if (digits >= BIG_DIGITS) {
			copy[to++] = '"';
			memcpy(copy + to, line + i, digits);
			to += digits;
			copy[to++] = '"';
			i += digits - 1;
			continue;
		}
		if (line[i] == '"')
			in_text = !in_text;
		copy[to++] = line[i];
		if (in_text && line[i] == '\\' && i + 1 < len)
			copy[to++] = line[++i];
	}
	object = json_loadb(copy, to, JSON_REJECT_DUPLICATES, why);
	free(copy);
	return object;
}

static int take_json_line(struct interchange *ic, const char *line, size_t len, struct err *err)
{
	json_error_t why;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	int ret;

	if (!object && json_error_code(&why) == json_error_numeric_overflow)
		object = load_quoted(line, len, &why);
	if (!object && json_error_code(&why) == json_error_duplicate_key)
		return interchange_refuse_line(ic, "a key is there twice", why.text, err);
	if (!object)
		return interchange_refuse_line(ic, "not JSON", why.text, err);
	if (!json_is_object(object))
		ret = interchange_refuse_line(ic, "not a JSON object", NULL, err);
	else if (!ic->nr_events && !ic->with_header && json_object_get(object, "kmemsim_trace"))
		ret = interchange_take_header(ic, line, len, err);
	else
		ret = take_json_object(ic, object, err);
	json_decref(object);
	return ret;
}

int interchange_jsonl(struct interchange *ic, struct err *err)
{
	char *line;
	size_t len;
	int ret;

	while ((ret = source_line(ic->src, &line, &len, err)) > 0) {
		if (is_blank(line, len))
			continue;
		ret = take_json_line(ic, line, len, err);
		if (ret < 0 || (ret = interchange_progress(ic, err)) < 0)
			return ret;
	}
	return ret;
}
