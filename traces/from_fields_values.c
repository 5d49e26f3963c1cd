/* from_fields_values: reads the values of a line's fields. */
#include "traces/from_fields_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fields_unusable(struct from_fields *f, const char *hint, const char *fmt, const char *what)
{
	snprintf(f->reason, sizeof(f->reason), fmt, what);
	snprintf(f->hint, sizeof(f->hint), "%s", hint ? hint : "");
	return UNUSABLE;
}

int fields_no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the trace's tables");
}

bool field_number(const struct field *v, uint64_t *number)
{
	char *end;

	if (v->type == FIELD_TYPE_NUMBER && !v->negative) {
		*number = v->number;
		return true;
	}
	if (v->type != FIELD_TYPE_TEXT || v->text[0] < '0' || v->text[0] > '9')
		return false;
	errno = 0;
	*number = strtoull(v->text, &end, !strncmp(v->text, "0x", 2) || !strncmp(v->text, "0X", 2) ? 16 : 10);
	return !errno && !*end;
}

int take_number(struct from_fields *f, const struct fields *fields, enum field_key key, uint64_t max, uint64_t *number)
{
	uint64_t n;

	if (!fields_have(fields, key))
		return 0;
	if (!field_number(&fields->field[key], &n))
		return fields_unusable(f, NULL, "%s: not a whole number", field_name[key]);
	if (n > max)
		return fields_unusable(f, NULL, "%s: out of range", field_name[key]);
	*number = n;
	return 0;
}

int take_signed(struct from_fields *f, const struct fields *fields, enum field_key key, int64_t min, int64_t max,
	int64_t *number)
{
	struct field magnitude = fields->field[key];
	uint64_t n;
	bool negative;

	if (!fields_have(fields, key))
		return 0;
	negative = magnitude.negative;
	magnitude.negative = false;
	if (magnitude.type == FIELD_TYPE_TEXT && magnitude.text[0] == '-') {
		negative = true;
		magnitude.text++;
	}
	if (!field_number(&magnitude, &n))
		return fields_unusable(f, NULL, "%s: not a whole number", field_name[key]);
	if (n > INT32_MAX || (negative ? -(int64_t)n : (int64_t)n) < min || (!negative && (int64_t)n > max))
		return fields_unusable(f, NULL, "%s: out of range", field_name[key]);
	*number = negative ? -(int64_t)n : (int64_t)n;
	return 0;
}

int take_bool(struct from_fields *f, const struct fields *fields, enum field_key key, bool *is)
{
	const struct field *v = &fields->field[key];

	if (!fields_have(fields, key))
		return 0;
	if (v->type == FIELD_TYPE_BOOL || (v->type == FIELD_TYPE_NUMBER && v->number <= 1 && !v->negative))
		*is = v->number;
	else if (v->type == FIELD_TYPE_TEXT && (!strcmp(v->text, "true") || !strcmp(v->text, "1")))
		*is = true;
	else if (v->type == FIELD_TYPE_TEXT && (!strcmp(v->text, "false") || !strcmp(v->text, "0")))
		*is = false;
	else
		return fields_unusable(f, "true or false is expected", "%s: not a boolean", field_name[key]);
	return 0;
}

int take_text(struct from_fields *f, const struct fields *fields, enum field_key key, const char **text)
{
	const struct field *v = &fields->field[key];

	if (!fields_have(fields, key))
		return 0;
	if (v->type != FIELD_TYPE_TEXT)
		return fields_unusable(f, "a text is expected", "%s: not a text", field_name[key]);
	*text = v->text;
	return 0;
}

int take_string(struct from_fields *f, const struct fields *fields, enum field_key key, uint32_t *string,
	struct err *err)
{
	const char *text = "";
	int ret = take_text(f, fields, key, &text);

	if (ret)
		return ret;
	*string = trace_writer_string(f->writer, text, strlen(text));
	return *string == UINT32_MAX ? fields_no_memory(err) : 0;
}

int take_name(struct from_fields *f, const struct fields *fields, enum field_key key, const char *const *names,
	unsigned int nr, uint64_t *number)
{
	const char *text = NULL;
	int ret = take_text(f, fields, key, &text);

	if (ret || !text)
		return ret;
	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(names[i], text)) {
			*number = i;
			return 0;
		}
	return fields_unusable(f, text, "%s: unknown value", field_name[key]);
}
