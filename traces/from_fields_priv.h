/* from_fields_priv: what the files that make events of lines share. */
#ifndef KMEMSIM_TRACES_FROM_FIELDS_PRIV_H
#define KMEMSIM_TRACES_FROM_FIELDS_PRIV_H

#include "traces/from_fields.h"

/* Answer of all below, and of from_fields_take(), for a line that cannot be used: why is in the reason and the hint. */
#define UNUSABLE 1
#define BIT(field) (1ull << FIELD_##field)

/* A line in the making: checked and complete before anything of it takes effect. */
struct draft {
	struct trace_op op;
	struct trace_who who;
	struct trace_event event;
	const struct kind_info *kind;
	gfp_t added_gfp; /* by the name of the call */
	bool prologue;
};

int fields_unusable(struct from_fields *f, const char *hint, const char *fmt, const char *what)
	__attribute__((format(printf, 3, 0)));
int fields_no_memory(struct err *err);

/*
 * from_fields_values.c: one field of a line. A field that is not there leaves what it is to be put into as it is.
 * Return: 0, UNUSABLE, or minus an error code.
 */

/* Whether it is a whole number, also written as text, decimal or 0x; blanks and signs are not part of one. */
bool field_number(const struct field *v, uint64_t *number);
int take_number(struct from_fields *f, const struct fields *fields, enum field_key key, uint64_t max, uint64_t *number);
int take_signed(struct from_fields *f, const struct fields *fields, enum field_key key, int64_t min, int64_t max,
	int64_t *number);
int take_bool(struct from_fields *f, const struct fields *fields, enum field_key key, bool *is);
int take_text(struct from_fields *f, const struct fields *fields, enum field_key key, const char **text);
/* A text's number in the trace's string table; a missing field is string 0. */
int take_string(struct from_fields *f, const struct fields *fields, enum field_key key, uint32_t *string,
	struct err *err);
/* One of a list of names. */
int take_name(struct from_fields *f, const struct fields *fields, enum field_key key, const char *const *names,
	unsigned int nr, uint64_t *number);

/* from_fields_kinds.c: which event it is, and which keys it has. */
int draft_kind(struct from_fields *f, const struct fields *fields, struct draft *d);
/* Keys of the interchange that this event has no use for are counted: what design tables write for a row of events. */
int draft_drop_foreign(struct from_fields *f, struct fields *fields, const struct draft *d, struct err *err);
int draft_check_required(struct from_fields *f, const struct fields *fields, const struct draft *d);

/* from_fields_objects.c: which object it is of. */
int draft_check_id(struct from_fields *f, const struct fields *fields, const struct draft *d);
/* The page that a mapping is of: PAGE_GONE when it does not live, SLOT_NONE when none is named. */
int draft_resolve_page(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err);
/* The slot that the event's id stands for. From here on the line takes effect. */
int draft_resolve_id(struct from_fields *f, const struct fields *fields, struct draft *d, struct err *err);

#endif
