/* workload_value: numbers, times, words and distributions of a workload file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/word.h"
#include "configs/workload_priv.h"

static void wrong(struct workload *w, const char *key, const struct yaml_node *node, const char *expected)
{
	char got[80];

	if (node->kind != YAML_SCALAR)
		findings_add(&w->findings, PLACE(node), "%s: expected %s, not a %s", key, expected,
			node->kind == YAML_LIST ? "list" : "map");
	else
		findings_add(&w->findings, PLACE(node), "%s: \"%s\": expected %s", key,
			finding_quote(node->text, node->len, got, sizeof(got)), expected);
}

static bool is_text(const struct yaml_node *node)
{
	return node->kind == YAML_SCALAR && node->len && strlen(node->text) == node->len;
}

bool load_number(struct workload *w, const char *key, const struct yaml_node *node, uint64_t min, uint64_t max,
	uint64_t *number)
{
	uint64_t n;
	char range[96];

	if (!is_text(node) || units_parse_size(node->text, w->page_size, &n) < 0) {
		wrong(w, key, node, "a number, or a size such as 4 KiB");
		return false;
	}
	if (n < min || n > max) {
		snprintf(range, sizeof(range), "%llu to %llu", (unsigned long long)min, (unsigned long long)max);
		wrong(w, key, node, range);
		return false;
	}
	*number = n;
	return true;
}

bool load_time(struct workload *w, const char *key, const struct yaml_node *node, ns_t *time)
{
	ns_t ns;

	if (!is_text(node) || units_parse_time(node->text, &ns) < 0 || ns > INT64_MAX / 4) {
		wrong(w, key, node, "a time such as 20 us");
		return false;
	}
	*time = ns;
	return true;
}

const char *parse_fraction(const char *text, uint64_t one, uint64_t *number)
{
	unsigned __int128 value = 0;
	uint64_t scale = 1;
	bool point = false, any = false;

	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		any = true;
		if (scale >= 1000000000 || value >> 60)
			continue;
		value = value * 10 + (unsigned int)(*text - '0');
		scale *= point ? 10 : 1;
	}
	value = value * one / scale;
	*number = value >> 64 ? UINT64_MAX : (uint64_t)value;
	return any ? text : NULL;
}

bool load_fraction(struct workload *w, const char *key, const struct yaml_node *node, uint64_t one, uint64_t max,
	uint64_t *number)
{
	uint64_t n;
	const char *rest = is_text(node) ? parse_fraction(node->text, one, &n) : NULL;
	bool percent = false;

	if (rest) {
		rest += strspn(rest, " ");
		percent = *rest == '%';
		rest += percent;
	}
	if (!rest || *rest) {
		wrong(w, key, node, "a number such as 0.25, or 25 %");
		return false;
	}
	n /= percent ? 100 : 1;
	if (n / one > max || (n / one == max && n % one)) {
		wrong(w, key, node, "a smaller number");
		return false;
	}
	*number = n;
	return true;
}

bool load_bool(struct workload *w, const char *key, const struct yaml_node *node, bool *is)
{
	bool yes = is_text(node) && !strcmp(node->text, "true");

	if (!yes && !(is_text(node) && !strcmp(node->text, "false"))) {
		wrong(w, key, node, "true or false");
		return false;
	}
	*is = yes;
	return true;
}

const char *load_text(struct workload *w, const char *key, const struct yaml_node *node)
{
	if (is_text(node))
		return node->text;
	wrong(w, key, node, "a text");
	return NULL;
}

uint32_t load_word(struct workload *w, const char *key, const struct yaml_node *node, const char *const *words)
{
	char expected[256];
	uint32_t nr = 0;

	for (; words[nr]; nr++)
		if (is_text(node) && !strcmp(words[nr], node->text))
			return nr;
	wrong(w, key, node, word_list(words, expected, sizeof(expected)));
	return nr;
}

void unknown_key(struct workload *w, const struct yaml_node *name, const char *const *keys, size_t nr)
{
	char got[80], hint[96];

	findings_add(&w->findings, PLACE(name), "unknown key \"%s\"%s",
		finding_quote(name->text, name->len, got, sizeof(got)),
		word_hint(name->text, keys, nr, "", hint, sizeof(hint)));
}

bool map_of(struct workload *w, const char *what, const struct yaml_node *node)
{
	bool good = true;

	if (node->kind == YAML_SCALAR && !node->len && !node->quoted)
		return true;
	if (node->kind != YAML_MAP) {
		wrong(w, what, node, "keys and values");
		return false;
	}
	for (const struct yaml_node *name = node->first; name && name->next; name = name->next->next) {
		if (!is_text(name)) {
			findings_add(&w->findings, PLACE(name), "expected a plain word as a key");
			good = false;
		} else if (yaml_map_key(node, name->text, name->len) != name) {
			findings_add(&w->findings, PLACE(name), "%s: given twice", name->text);
			good = false;
		}
	}
	return good;
}

uint32_t count_of(const struct yaml_node *node)
{
	uint32_t nr = 0;

	for (const struct yaml_node *child = node->first; child; child = child->next)
		nr++;
	return node->kind == YAML_MAP ? nr / 2 : nr;
}

/* A quantity in the unit, or any text. Return: whether it is one; *number only of a quantity. */
static bool parse_one(const struct workload *w, const struct yaml_node *node, enum workload_unit unit, uint64_t *number,
	bool *is_number)
{
	if (!is_text(node))
		return false;
	if (unit == UNIT_TIME)
		*is_number = units_parse_time(node->text, number) == 0 && *number <= INT64_MAX / 4;
	else
		*is_number = units_parse_size(node->text, w->page_size, number) == 0;
	return *is_number || unit == UNIT_ANY;
}

static const char *expected_of(enum workload_unit unit)
{
	return unit == UNIT_TIME ? "a time such as 20 us" : "a number, or a size such as 4 KiB";
}

static bool load_quantity(struct workload *w, const char *key, const struct yaml_node *node, enum workload_unit unit,
	uint64_t *number)
{
	bool is_number = false;

	if (parse_one(w, node, unit, number, &is_number) && is_number)
		return true;
	wrong(w, key, node, expected_of(unit));
	return false;
}

static void load_constant(struct workload *w, struct workload_value *value, const struct yaml_node *node,
	enum workload_unit unit)
{
	value->dist.kind = DIST_CONSTANT;
	if (!parse_one(w, node, unit, &value->dist.a, &value->numbers)) {
		wrong(w, value->key, node, expected_of(unit));
		return;
	}
	value->texts = malloc(sizeof(*value->texts));
	if (value->texts)
		value->texts[0] = node->text;
	else
		findings_add(&w->findings, value->place, "no memory for a value");
}

/* choice: [a, b], equally often, or {a: 3, b: 1}. */
static void load_choice(struct workload *w, struct workload_value *value, const struct yaml_node *node,
	enum workload_unit unit)
{
	bool weighted = node->kind == YAML_MAP;
	uint32_t nr = count_of(node);
	uint64_t *weights;
	const struct yaml_node *one = node->first;

	value->dist.kind = DIST_CHOICE;
	value->numbers = true;
	if (node->kind == YAML_SCALAR || !nr || nr > WORKLOAD_MAX_ITEMS) {
		wrong(w, "choice", node, "values such as [64, 128], or {64: 3, 128: 1} with how often each");
		return;
	}
	weights = calloc(nr, sizeof(*weights));
	value->dist.choices = calloc(nr, sizeof(*value->dist.choices));
	value->texts = calloc(nr, sizeof(*value->texts));
	if (!weights || !value->dist.choices || !value->texts) {
		findings_add(&w->findings, value->place, "no memory for %u choices", nr);
		free(weights);
		return;
	}
	for (uint32_t i = 0; i < nr; i++, one = weighted ? one->next->next : one->next) {
		bool is_number = false;

		if (!parse_one(w, one, unit, &value->dist.choices[i].value, &is_number))
			wrong(w, value->key, one, expected_of(unit));
		else
			value->texts[i] = one->text;
		value->numbers &= is_number;
		weights[i] = 1;
		if (weighted)
			load_number(w, value->key, one->next, 1, 1000000, &weights[i]);
	}
	dist_share(value->dist.choices, weights, nr);
	value->dist.nr_choices = nr;
	free(weights);
}

static const char *const dist_words[] = { "uniform", "exponential", "normal", "lognormal", "pareto", "choice", "sd",
	"sigma", "alpha", "min", "max", "step" };
#define NR_DIST_WORDS (sizeof(dist_words) / sizeof(dist_words[0]))

static void load_uniform(struct workload *w, struct workload_value *value, const struct yaml_node *node,
	enum workload_unit unit)
{
	if (node->kind != YAML_LIST || count_of(node) != 2) {
		wrong(w, "uniform", node, "two values such as [1 KiB, 4 KiB]");
		return;
	}
	if (load_quantity(w, value->key, node->first, unit, &value->dist.a) &&
	    load_quantity(w, value->key, node->first->next, unit, &value->dist.b) && value->dist.b < value->dist.a)
		findings_add(&w->findings, PLACE(node), "%s: uniform: expected the smaller value first", value->key);
}

/* One key of a distribution. Return: whether it is one that says which distribution it is. */
static bool load_dist_key(struct workload *w, struct workload_value *value, const struct yaml_node *name,
	enum workload_unit unit)
{
	static const struct {
		const char *word;
		enum dist_kind kind;
	} means[] = { { "exponential", DIST_EXPONENTIAL }, { "normal", DIST_NORMAL }, { "lognormal", DIST_LOGNORMAL },
		{ "pareto", DIST_PARETO } };
	const struct yaml_node *node = name->next;
	struct dist *dist = &value->dist;

	for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++)
		if (!strcmp(name->text, means[i].word)) {
			dist->kind = means[i].kind;
			load_quantity(w, value->key, node, unit, &dist->a);
			return true;
		}
	if (!strcmp(name->text, "uniform") || !strcmp(name->text, "choice")) {
		if (name->text[0] == 'u')
			load_uniform(w, value, node, unit);
		else
			load_choice(w, value, node, unit);
		dist->kind = name->text[0] == 'u' ? DIST_UNIFORM : DIST_CHOICE;
		return true;
	}
	if (!strcmp(name->text, "sd"))
		load_quantity(w, "sd", node, unit, &dist->b);
	else if (!strcmp(name->text, "sigma") || !strcmp(name->text, "alpha"))
		load_fraction(w, name->text, node, FIXED_ONE, 100, &dist->shape);
	else if (!strcmp(name->text, "min"))
		load_quantity(w, "min", node, unit, &dist->min);
	else if (!strcmp(name->text, "max"))
		load_quantity(w, "max", node, unit, &dist->max);
	else if (!strcmp(name->text, "step"))
		load_quantity(w, "step", node, unit, &dist->step);
	else
		unknown_key(w, name, dist_words, NR_DIST_WORDS);
	return false;
}

static void check_dist(struct workload *w, const struct workload_value *value, const struct yaml_node *node,
	uint32_t kinds)
{
	const struct dist *dist = &value->dist;
	static const struct {
		enum dist_kind kind;
		const char *key;
	} needs[] = { { DIST_LOGNORMAL, "sigma" }, { DIST_PARETO, "alpha" }, { DIST_NORMAL, "sd" } };

	if (kinds != 1)
		findings_add(&w->findings, PLACE(node),
			"%s: expected one of uniform, exponential, normal, lognormal, pareto and choice", value->key);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		bool there = yaml_map_key(node, needs[i].key, strlen(needs[i].key)) != NULL;

		if (there != (dist->kind == needs[i].kind))
			findings_add(&w->findings, PLACE(node),
				there ? "%s: %s is not for this distribution" : "%s: %s is missing", value->key,
				needs[i].key);
	}
	if (dist->kind == DIST_PARETO && dist->shape < FIXED_ONE / 100)
		findings_add(&w->findings, PLACE(node), "%s: alpha: expected at least 0.01", value->key);
	if (dist->min > dist->max)
		findings_add(&w->findings, PLACE(node), "%s: min is above max", value->key);
}

void load_draw(struct workload *w, struct workload_value *value, const char *key, const struct yaml_node *node,
	enum workload_unit unit)
{
	uint32_t kinds = 0;

	workload_value_fini(value);
	*value = (struct workload_value){ .key = key, .place = PLACE(node), .given = true,
		.dist = { .max = unit == UNIT_TIME ? INT64_MAX / 4 : UINT64_MAX } };
	if (node->kind != YAML_MAP) {
		load_constant(w, value, node, unit);
		return;
	}
	if (!map_of(w, key, node))
		return;
	value->numbers = true;
	for (const struct yaml_node *name = node->first; name; name = name->next->next)
		kinds += load_dist_key(w, value, name, unit);
	check_dist(w, value, node, kinds);
}

void workload_value_fini(struct workload_value *value)
{
	free(value->dist.choices);
	free(value->texts);
}

void values_fini(struct workload_value *values, uint32_t nr)
{
	for (uint32_t i = 0; values && i < nr; i++)
		workload_value_fini(&values[i]);
	free(values);
}
