/*
 * gen_operations: the keys of an event in a workload file, as
 * operations of a trace; what they mean stands in traces/.
 */
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "sim/gen_priv.h"

#define VALUES_OF_ONE 1024u       /* different values of a drawn number, where it is the only key that is drawn */
#define VALUES_OF_SEVERAL 64u
#define MAX_OPERATIONS 65536u     /* of a stream */

#define BIT(field) (1ull << FIELD_##field)
#define NUMBERS                                                                                                 \
	(BIT(SIZE) | BIT(NODE) | BIT(ORDER) | BIT(ALIGN) | BIT(MIN_NR) | BIT(START) | BIT(PHYS) | BIT(OFFSET) | \
		BIT(VALUE) | BIT(PORT) | BIT(COUNT) | BIT(TARGET_CPU) | BIT(DMA_MASK) | BIT(BOUNDARY) |         \
		BIT(STACK_USE) | BIT(BYTES_ALLOC))
#define ANY_EVENT (BIT(CALL_SITE) | BIT(PREEMPT_OFF) | BIT(IRQS_OFF) | BIT(BYTES_ALLOC))

/* One key of the stream: which field, of which of the two events, and what is drawn. */
struct drawn {
	const struct workload_value *value;
	enum field_key field;
	bool begin, end;
	uint32_t nr;              /* 1: not drawn */
	uint32_t index;           /* of the value in the combination at hand */
};

/* The name of a context in the interchange. */
static const char *gen_context_name(enum workload_context context)
{
	static const char *const names[] = { "process", "softirq", "hardirq", "nmi" };

	return names[context];
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the operations of a workload");
}

/* The nearest among what the event and its end take, and what all streams take. */
static void unknown_key(struct gen_build *b, const struct workload_value *value, enum trace_kind kind, uint64_t keys)
{
	const char *words[NR_FIELDS + 64];
	size_t nr = 0;
	bool known = field_by_name(value->key, strlen(value->key)) != NR_FIELDS;
	char got[80], hint[80];

	for (int i = 0; i < NR_FIELDS; i++)
		if (keys >> i & 1)
			words[nr++] = field_name[i];
	for (size_t i = 0; i < nr_workload_stream_keys && nr < sizeof(words) / sizeof(words[0]); i++)
		words[nr++] = workload_stream_keys[i];
	findings_add(&b->workload->findings, value->key_place, "%s \"%s\" of %s%s",
		known ? "there is no key" : "unknown key",
		finding_quote(value->key, strlen(value->key), got, sizeof(got)), kind_info[kind].name,
		word_hint(value->key, words, nr, "", hint, sizeof(hint)));
}

/* Which fields the stream's keys are. Return: whether all are known. */
static bool find_fields(struct gen_build *b, const struct workload_stream *from, struct drawn *drawn,
	enum trace_kind kind)
{
	enum trace_kind end = gen_end_of(kind);
	uint64_t begin_keys = (from_fields_keys(kind) | ANY_EVENT) & ~BIT(PAGE);
	uint64_t end_keys = end == NR_KINDS ? 0 : from_fields_keys(end) & ~BIT(PAGE);
	bool good = true;

	for (uint32_t i = 0; i < from->nr_values; i++) {
		const struct workload_value *value = &from->values[i];
		struct drawn *d = &drawn[i];

		*d = (struct drawn){ .value = value, .field = field_by_name(value->key, strlen(value->key)), .nr = 1 };
		if (d->field != NR_FIELDS) {
			d->begin = begin_keys >> d->field & 1;
			d->end = end_keys >> d->field & 1;
		}
		if (!d->begin && !d->end) {
			unknown_key(b, value, kind, begin_keys | end_keys);
			good = false;
		}
	}
	return good;
}

/* How many values each key has. Return: of all combinations, or 0 when findings say that it cannot be. */
static uint32_t count_values(struct gen_build *b, const struct workload_stream *from, struct drawn *drawn)
{
	uint32_t nr_drawn = 0, product = 1;

	for (uint32_t i = 0; i < from->nr_values; i++)
		nr_drawn += drawn[i].value->dist.kind != DIST_CONSTANT;
	if (nr_drawn > GEN_MAX_VARIABLES) {
		findings_add(&b->workload->findings, from->place, "%s: at most %u keys can be drawn", from->name,
			GEN_MAX_VARIABLES);
		return 0;
	}
	for (uint32_t i = 0; i < from->nr_values; i++) {
		struct drawn *d = &drawn[i];

		if (d->value->dist.kind == DIST_CONSTANT)
			continue;
		if (d->value->dist.kind == DIST_CHOICE) {
			d->nr = d->value->dist.nr_choices;
		} else if (NUMBERS >> d->field & 1) {
			d->nr = nr_drawn == 1 ? VALUES_OF_ONE : VALUES_OF_SEVERAL;
		} else {
			findings_add(&b->workload->findings, d->value->place,
				"%s: expected a text, or a choice of texts", d->value->key);
			return 0;
		}
		if (product > MAX_OPERATIONS / d->nr) {
			findings_add(&b->workload->findings, from->place, "%s: more than %u combinations of drawn keys",
				from->name, MAX_OPERATIONS);
			return 0;
		}
		product *= d->nr;
	}
	return product;
}

/* Put the value that the combination at hand has for this key into the fields. */
static void set_field(struct fields *fields, const struct drawn *d)
{
	const struct dist *dist = &d->value->dist;
	bool number = d->value->numbers && NUMBERS >> d->field & 1;
	/* The middle of the index'th of nr equal parts. */
	uint64_t u = (uint64_t)(((unsigned __int128)(2 * d->index + 1) << 63) / d->nr);

	if (number && dist->kind == DIST_CHOICE)
		fields_set_number(fields, d->field, dist->choices[d->index].value);
	else if (number)
		fields_set_number(fields, d->field, dist_quantile(dist, u));
	else
		fields_set_text(fields, d->field, d->value->texts[d->index]);
}

/* The place of the key that the reason names, or of the event. */
static struct finding_place place_of_reason(const struct workload_stream *from, const char *reason)
{
	for (uint32_t i = 0; i < from->nr_values; i++) {
		size_t len = strlen(from->values[i].key);

		if (!strncmp(reason, from->values[i].key, len) && reason[len] == ':')
			return from->values[i].place;
	}
	return from->event_place;
}

/* Return: 0, 1 when findings say what is wrong, or an error. */
static int make_operation(struct gen_build *b, const struct workload_stream *from, const struct drawn *drawn, bool end,
	const char *context, enum trace_kind kind, struct trace_op *op, uint64_t *value, struct err *err)
{
	struct fields fields;
	int ret;

	fields.present = 0;
	fields_set_text(&fields, FIELD_EVENT, kind_info[kind].name);
	fields_set_text(&fields, FIELD_CTX, context);
	for (uint32_t i = 0; i < from->nr_values; i++)
		if (end ? drawn[i].end : drawn[i].begin)
			set_field(&fields, &drawn[i]);
	ret = from_fields_op(&b->from, &fields, op, value, err);
	if (ret > 0) {
		bool hint = *b->from.hint && strcmp(b->from.hint, kind_info[kind].name) != 0;

		findings_add(&b->workload->findings, place_of_reason(from, b->from.reason), "%s: %s%s%s%s",
			kind_info[kind].name, b->from.reason, hint ? " (" : "", hint ? b->from.hint : "",
			hint ? ")" : "");
	}
	return ret;
}

static int set_variables(struct gen_stream *to, const struct drawn *drawn, uint32_t nr, struct err *err)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct gen_variable *v = &to->variables[to->nr_variables];
		const struct dist *dist = &drawn[i].value->dist;

		if (dist->kind == DIST_CONSTANT)
			continue;
		v->nr = drawn[i].nr;
		to->nr_variables++;
		if (dist->kind != DIST_CHOICE)
			continue;
		v->choices = malloc(v->nr * sizeof(*v->choices));
		if (!v->choices)
			return no_memory(err);
		memcpy(v->choices, dist->choices, v->nr * sizeof(*v->choices));
	}
	return 0;
}

/* The next combination, the first key fastest. */
static void step(struct drawn *drawn, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (++drawn[i].index < drawn[i].nr)
			return;
		drawn[i].index = 0;
	}
}

int gen_operations(struct gen_build *b, const struct workload_stream *from, struct gen_stream *to, enum trace_kind kind,
	enum workload_context context, enum workload_context end_context, struct err *err)
{
	struct drawn *drawn = calloc(from->nr_values + 1, sizeof(*drawn));
	enum trace_kind end = gen_end_of(kind);
	int ret = 0;

	if (!drawn)
		return no_memory(err);
	if (!find_fields(b, from, drawn, kind) || !(to->nr_operations = count_values(b, from, drawn))) {
		to->nr_operations = 0;
		free(drawn);
		return 0;
	}
	to->operations = calloc(to->nr_operations, sizeof(*to->operations));
	ret = to->operations ? set_variables(to, drawn, from->nr_values, err) : no_memory(err);
	for (uint32_t i = 0; i < to->nr_operations && ret == 0; i++) {
		struct gen_operation *o = &to->operations[i];
		uint64_t ignored;

		ret = make_operation(b, from, drawn, false, gen_context_name(context), kind, &o->begin, &o->value, err);
		if (ret == 0 && end != NR_KINDS)
			ret = make_operation(b, from, drawn, true, gen_context_name(end_context), end, &o->end,
				&ignored, err);
		step(drawn, from->nr_values);
	}
	free(drawn);
	return ret < 0 ? ret : 0;
}

int gen_cache(struct gen_build *b, const struct workload_cache *cache, struct trace_op *op, struct err *err)
{
	const struct workload_stream from = { .name = cache->name, .place = cache->place, .event_place = cache->place,
		.values = cache->values, .nr_values = cache->nr_values };
	uint64_t keys = from_fields_keys(KIND_KMEM_CACHE_CREATE);
	struct fields fields;
	int ret;

	fields.present = 0;
	fields_set_text(&fields, FIELD_EVENT, kind_info[KIND_KMEM_CACHE_CREATE].name);
	fields_set_text(&fields, FIELD_CACHE, cache->name);
	for (uint32_t i = 0; i < cache->nr_values; i++) {
		const struct drawn d = { .value = &cache->values[i], .nr = 1,
			.field = field_by_name(cache->values[i].key, strlen(cache->values[i].key)) };

		if (d.field == NR_FIELDS || !(keys >> d.field & 1)) {
			unknown_key(b, d.value, KIND_KMEM_CACHE_CREATE, keys);
			return 0;
		}
		if (d.value->dist.kind != DIST_CONSTANT) {
			findings_add(&b->workload->findings, d.value->place, "%s: expected one value", d.value->key);
			return 0;
		}
		set_field(&fields, &d);
	}
	ret = from_fields_op(&b->from, &fields, op, &(uint64_t){ 0 }, err);
	op->flags |= OP_BOOT;
	if (ret > 0)
		findings_add(&b->workload->findings, place_of_reason(&from, b->from.reason), "%s", b->from.reason);
	return ret < 0 ? ret : 0;
}
