/*
 * sweep_where: the conditions of a sweep: a small language of comparisons over swept keys, compiled to a tree.
 *
 *	or    := and { "or" and }         compare := sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
 *	and   := not { "and" not }        sum     := term { ("+" | "-") term }
 *	not   := "not" not | compare      term    := factor { ("*" | "/") factor }
 *	factor := quantity | 'text' | key | "(" or ")" | "-" factor
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/sweep_priv.h"

#define MAX_DEPTH 100
#define WORD_MAX 160

enum op {
	OP_NUMBER, OP_TEXT, OP_KEY,
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_NEGATE,
	OP_LESS, OP_LESS_EQUAL, OP_MORE, OP_MORE_EQUAL, OP_EQUAL, OP_DIFFERENT,
	OP_AND, OP_OR, OP_NOT,
};

struct where {
	enum op op;
	double number;
	char *text;                /* owned: of a text or a key */
	struct where *left, *right; /* owned */
};

static bool is_condition(const struct where *w)
{
	return w->op >= OP_LESS;
}

struct parser {
	struct loader *l;
	const struct sweep *sweep;
	const struct yaml_node *node;
	const char *at;
	unsigned int depth;
	bool failed;               /* a finding was made: no more are */
};

static struct where *parse_or(struct parser *p);

static void complain(struct parser *p, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void complain(struct parser *p, const char *at, const char *fmt, ...)
{
	struct finding_place place = place_of(p->l, p->node);
	char text[300];
	va_list args;

	if (p->failed)
		return;
	p->failed = true;
	/* Within one line of source the column can be told. */
	if (!strchr(p->node->text, '\n'))
		place.column += (uint32_t)(at - p->node->text) + p->node->quoted;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	findings_add(p->l->findings, place, "where: %s", text);
}

static struct where *make(struct parser *p, enum op op, struct where *left, struct where *right)
{
	struct where *w = p->failed ? NULL : calloc(1, sizeof(*w));

	if (!w) {
		complain(p, p->at, "no memory");
		sweep_where_free(left);
		sweep_where_free(right);
		return NULL;
	}
	*w = (struct where){ .op = op, .left = left, .right = right };
	return w;
}

static struct where *make_text(struct parser *p, enum op op, const char *text, size_t len)
{
	struct where *w = make(p, op, NULL, NULL);

	if (w && !(w->text = strndup(text, len)))
		complain(p, text, "no memory");
	return w;
}

static void skip_blanks(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static size_t word_length(const char *at)
{
	size_t len = 0;

	if (!isalpha((unsigned char)*at) && *at != '_')
		return 0;
	while (isalnum((unsigned char)at[len]) || at[len] == '_' ||
		(at[len] == '.' && isalnum((unsigned char)at[len + 1])))
		len++;
	return len;
}

static bool is_word(const char *at, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(at, word, len);
}

static bool take_word(struct parser *p, const char *word)
{
	skip_blanks(p);
	if (!is_word(p->at, word_length(p->at), word))
		return false;
	p->at += strlen(word);
	return true;
}

static bool take_sign(struct parser *p, const char *sign)
{
	skip_blanks(p);
	if (strncmp(p->at, sign, strlen(sign)))
		return false;
	p->at += strlen(sign);
	return true;
}

/* @page_size: 0 = a size in pages is none. */
static bool parse_quantity(const char *text, uint64_t page_size, double *number)
{
	uint64_t value;

	if (units_parse_size(text, page_size, &value) < 0 && units_parse_time(text, &value) < 0 &&
		units_parse_count(text, &value) < 0)
		return false;
	*number = (double)value;
	return true;
}

static struct where *parse_number(struct parser *p)
{
	const char *from = p->at, *end = from;
	char text[WORD_MAX];
	struct where *w;
	size_t unit;

	while (isalnum((unsigned char)*end) || (*end == '.' && isdigit((unsigned char)end[1])))
		end++;
	p->at = end;
	skip_blanks(p);
	unit = word_length(p->at);
	/* Digits alone may have their unit behind a blank. */
	if (unit && strspn(from, "0123456789.") == (size_t)(end - from) && !is_word(p->at, unit, "and") &&
		!is_word(p->at, unit, "or"))
		end = p->at + unit;
	p->at = end;
	snprintf(text, sizeof(text), "%.*s", (int)(end - from), from);
	w = make(p, OP_NUMBER, NULL, NULL);
	if (w && !parse_quantity(text, 0, &w->number))
		complain(p, from, "\"%s\": expected a quantity such as 64 MiB or 10", text);
	return w;
}

static struct where *parse_key(struct parser *p, size_t len)
{
	static const char *const own[] = { "variant", "trace", "repeat", "seed" };
	static const char *const words[] = { "true", "false", "auto", "none" };
	const char *from = p->at;

	p->at += len;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(from, len, words[i]))
			return make_text(p, OP_TEXT, from, len);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (is_word(from, len, own[i]))
			return make_text(p, OP_KEY, from, len);
	if (!sweep_key_known(p->sweep, from, len))
		complain(p, from, "%.*s: is not swept here (a word is written 'in quotes')", (int)len, from);
	return make_text(p, OP_KEY, from, len);
}

static struct where *parse_factor(struct parser *p)
{
	struct where *w = NULL;
	const char *end;

	skip_blanks(p);
	if (p->depth > MAX_DEPTH) {
		complain(p, p->at, "nested too deep");
	} else if (take_sign(p, "(")) {
		p->depth++;
		w = parse_or(p);
		p->depth--;
		if (!take_sign(p, ")"))
			complain(p, p->at, "expected )");
	} else if (take_sign(p, "-")) {
		p->depth++;
		w = make(p, OP_NEGATE, parse_factor(p), NULL);
		p->depth--;
	} else if (isdigit((unsigned char)*p->at)) {
		w = parse_number(p);
	} else if ((*p->at == '\'' || *p->at == '"') && (end = strchr(p->at + 1, *p->at))) {
		w = make_text(p, OP_TEXT, p->at + 1, (size_t)(end - p->at - 1));
		p->at = end + 1;
	} else if (word_length(p->at)) {
		w = parse_key(p, word_length(p->at));
	} else {
		complain(p, p->at, "expected a key or a quantity");
	}
	return w;
}

/* Join two sides, both of which must be conditions, or quantities. */
static struct where *join(struct parser *p, const char *at, enum op op, struct where *left, struct where *right)
{
	bool wants_conditions = op >= OP_AND;

	if (left && right && (is_condition(left) != wants_conditions || is_condition(right) != wants_conditions))
		complain(p, at,
			wants_conditions ? "expected comparisons on both sides" : "expected quantities on both sides");
	return make(p, op, left, right);
}

struct sign {
	const char *text;
	enum op op;
};

static const struct sign *find_sign(struct parser *p, const struct sign *signs)
{
	for (; signs->text; signs++)
		if (take_sign(p, signs->text))
			return signs;
	return NULL;
}

static struct where *parse_term(struct parser *p)
{
	static const struct sign signs[] = { { "*", OP_MUL }, { "/", OP_DIV }, { NULL, OP_MUL } };
	struct where *left = parse_factor(p);
	const struct sign *sign;

	while (!p->failed && (sign = find_sign(p, signs)))
		left = join(p, p->at, sign->op, left, parse_factor(p));
	return left;
}

static struct where *parse_sum(struct parser *p)
{
	static const struct sign signs[] = { { "+", OP_ADD }, { "-", OP_SUB }, { NULL, OP_ADD } };
	struct where *left = parse_term(p);
	const struct sign *sign;

	while (!p->failed && (sign = find_sign(p, signs)))
		left = join(p, p->at, sign->op, left, parse_term(p));
	return left;
}

static struct where *parse_compare(struct parser *p)
{
	static const struct sign signs[] = {
		{ "<=", OP_LESS_EQUAL }, { "<", OP_LESS }, { ">=", OP_MORE_EQUAL }, { ">", OP_MORE },
		{ "==", OP_EQUAL }, { "!=", OP_DIFFERENT }, { NULL, OP_LESS },
	};
	struct where *left = parse_sum(p);
	const struct sign *sign = p->failed ? NULL : find_sign(p, signs);

	return sign ? join(p, p->at, sign->op, left, parse_sum(p)) : left;
}

static struct where *parse_not(struct parser *p)
{
	struct where *w;

	if (!take_word(p, "not"))
		return parse_compare(p);
	if (++p->depth > MAX_DEPTH)
		complain(p, p->at, "nested too deep");
	w = p->failed ? NULL : parse_not(p);
	p->depth--;
	if (w && !is_condition(w))
		complain(p, p->at, "not: expected a comparison");
	return make(p, OP_NOT, w, NULL);
}

static struct where *parse_and(struct parser *p)
{
	struct where *left = parse_not(p);

	while (!p->failed && take_word(p, "and"))
		left = join(p, p->at, OP_AND, left, parse_not(p));
	return left;
}

static struct where *parse_or(struct parser *p)
{
	struct where *left = parse_and(p);

	while (!p->failed && take_word(p, "or"))
		left = join(p, p->at, OP_OR, left, parse_and(p));
	return left;
}

struct where *sweep_where_parse(struct loader *l, const struct sweep *sweep, const struct yaml_node *node)
{
	struct parser p = { .l = l, .sweep = sweep, .node = node };
	struct where *w;

	if (node->kind != YAML_SCALAR || strlen(node->text) != node->len) {
		findings_add(l->findings, place_of(l, node), "where: expected a condition such as memory >= 64 MiB");
		return NULL;
	}
	p.at = node->text;
	w = parse_or(&p);
	skip_blanks(&p);
	if (*p.at)
		complain(&p, p.at, "expected and, or, or the end");
	else if (w && !is_condition(w))
		complain(&p, node->text, "expected a comparison such as memory >= 64 MiB");
	if (!p.failed)
		return w;
	sweep_where_free(w);
	return NULL;
}

/* A quantity, a text, or neither (both members say so). */
struct operand {
	bool is_number;
	double number;
	const char *text;          /* NULL: a number, or nothing */
	char buf[24];
};

static uint64_t page_size_of(const struct sweep *sweep, const struct sweep_point *point)
{
	const char *text = sweep_set_value(point, "page_size", strlen("page_size"));
	uint64_t size = sweep->page_size;

	if (text)
		units_parse_size(text, 0, &size); /* it has been looked at: it is one */
	return size;
}

static void key_operand(const char *key, const struct sweep *sweep, const struct sweep_point *point, struct operand *o)
{
	const char *text = sweep_set_value(point, key, strlen(key));

	if (!strcmp(key, "variant"))
		text = point->variant;
	else if (!strcmp(key, "trace"))
		text = sweep->given[point->trace];
	else if (!strcmp(key, "repeat") || !strcmp(key, "seed"))
		snprintf(o->buf, sizeof(o->buf), "%" PRIu64, key[0] == 'r' ? point->repeat : point->seed);
	if (o->buf[0])
		text = o->buf;
	o->text = text;
	o->is_number = text && parse_quantity(text, page_size_of(sweep, point), &o->number);
}

static void operand(const struct where *w, const struct sweep *sweep, const struct sweep_point *point,
	struct operand *o)
{
	struct operand a, b = { 0 };

	*o = (struct operand){ 0 };
	if (w->op == OP_NUMBER)
		*o = (struct operand){ .is_number = true, .number = w->number };
	else if (w->op == OP_TEXT)
		o->text = w->text;
	else if (w->op == OP_KEY)
		key_operand(w->text, sweep, point, o);
	if (w->op < OP_ADD)
		return;
	operand(w->left, sweep, point, &a);
	if (w->right)
		operand(w->right, sweep, point, &b);
	o->is_number = a.is_number && (b.is_number || !w->right) && !(w->op == OP_DIV && b.number == 0);
	if (!o->is_number)
		return;
	o->number = w->op == OP_ADD ? a.number + b.number :
		    w->op == OP_SUB ? a.number - b.number :
		    w->op == OP_MUL ? a.number * b.number :
		    w->op == OP_DIV ? a.number / b.number : -a.number;
}

static bool compare(enum op op, const struct operand *a, const struct operand *b)
{
	bool equal;

	if (a->is_number && b->is_number) {
		switch (op) {
		case OP_LESS:
			return a->number < b->number;
		case OP_LESS_EQUAL:
			return a->number <= b->number;
		case OP_MORE:
			return a->number > b->number;
		case OP_MORE_EQUAL:
			return a->number >= b->number;
		default:
			return (a->number == b->number) == (op == OP_EQUAL);
		}
	}
	if (op != OP_EQUAL && op != OP_DIFFERENT)
		return false;
	equal = a->text && b->text && !strcmp(a->text, b->text);
	return equal == (op == OP_EQUAL);
}

bool sweep_where_holds(const struct where *w, const struct sweep *sweep, const struct sweep_point *point)
{
	struct operand a, b;

	switch (w->op) {
	case OP_AND:
		return sweep_where_holds(w->left, sweep, point) && sweep_where_holds(w->right, sweep, point);
	case OP_OR:
		return sweep_where_holds(w->left, sweep, point) || sweep_where_holds(w->right, sweep, point);
	case OP_NOT:
		return !sweep_where_holds(w->left, sweep, point);
	default:
		operand(w->left, sweep, point, &a);
		operand(w->right, sweep, point, &b);
		return compare(w->op, &a, &b);
	}
}

void sweep_where_free(struct where *w)
{
	if (!w)
		return;
	sweep_where_free(w->left);
	sweep_where_free(w->right);
	free(w->text);
	free(w);
}
