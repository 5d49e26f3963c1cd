#include "traces/tables.h"

#include <stdlib.h>

#include "traces/format.h"

/* Members of struct trace_op in the order of the format; a value of 0 is the usual one for each. */
enum op_member {
	MEMBER_KIND,
	MEMBER_ORIGIN,
	MEMBER_CTX,
	MEMBER_ORDER,
	MEMBER_NODE,
	MEMBER_FLAGS,
	MEMBER_GFP,
	MEMBER_CALL_SITE,
	MEMBER_NAME,
	MEMBER_NAME2,
	MEMBER_SLAB_FLAGS,
	MEMBER_SIZE,
	MEMBER_SIZE_ALLOC,
	MEMBER_ALIGN,
	MEMBER_ARG0,
	MEMBER_ARG1,
	NR_MEMBERS,
};

static void op_to_members(const struct trace_op *op, uint64_t m[NR_MEMBERS])
{
	m[MEMBER_KIND] = op->kind;
	m[MEMBER_ORIGIN] = op->origin;
	m[MEMBER_CTX] = op->ctx;
	m[MEMBER_ORDER] = op->order;
	m[MEMBER_NODE] = (uint16_t)(op->node + 1);
	m[MEMBER_FLAGS] = op->flags;
	m[MEMBER_GFP] = op->gfp;
	m[MEMBER_CALL_SITE] = op->call_site;
	m[MEMBER_NAME] = op->name;
	m[MEMBER_NAME2] = op->name2;
	m[MEMBER_SLAB_FLAGS] = op->slab_flags;
	m[MEMBER_SIZE] = op->size;
	m[MEMBER_SIZE_ALLOC] = op->size_alloc;
	m[MEMBER_ALIGN] = op->align;
	m[MEMBER_ARG0] = op->arg[0];
	m[MEMBER_ARG1] = op->arg[1];
}

/* Return: false when a member does not fit or names nothing. */
static bool op_from_members(struct trace_op *op, const uint64_t m[NR_MEMBERS], uint32_t nr_strings)
{
	if (m[MEMBER_KIND] >= NR_KINDS || m[MEMBER_ORIGIN] >= NR_ORIGINS || m[MEMBER_ORDER] > UINT8_MAX ||
	    m[MEMBER_CTX] > (CTX_MASK | CTX_PREEMPT_OFF | CTX_IRQS_OFF) || m[MEMBER_NODE] > INT16_MAX ||
	    m[MEMBER_FLAGS] > UINT16_MAX || m[MEMBER_GFP] > UINT32_MAX || m[MEMBER_SLAB_FLAGS] > UINT32_MAX ||
	    m[MEMBER_CALL_SITE] >= nr_strings || m[MEMBER_NAME] >= nr_strings || m[MEMBER_NAME2] >= nr_strings)
		return false;
	*op = (struct trace_op){
		.kind = (uint8_t)m[MEMBER_KIND],
		.origin = (uint8_t)m[MEMBER_ORIGIN],
		.ctx = (uint8_t)m[MEMBER_CTX],
		.order = (uint8_t)m[MEMBER_ORDER],
		.node = (int16_t)((int)m[MEMBER_NODE] - 1),
		.flags = (uint16_t)m[MEMBER_FLAGS],
		.gfp = (gfp_t)m[MEMBER_GFP],
		.call_site = (uint32_t)m[MEMBER_CALL_SITE],
		.name = (uint32_t)m[MEMBER_NAME],
		.name2 = (uint32_t)m[MEMBER_NAME2],
		.slab_flags = (uint32_t)m[MEMBER_SLAB_FLAGS],
		.size = m[MEMBER_SIZE],
		.size_alloc = m[MEMBER_SIZE_ALLOC],
		.align = m[MEMBER_ALIGN],
		.arg = { m[MEMBER_ARG0], m[MEMBER_ARG1] },
	};
	return true;
}

static void encode_ops(const struct trace_tables *tables, struct bytes *out)
{
	struct bytes columns[NR_MEMBERS] = { 0 };

	bytes_put_varint(out, tables->nr_ops);
	for (uint32_t i = 0; i < tables->nr_ops; i++) {
		uint64_t members[NR_MEMBERS];
		uint32_t mask = 0;

		op_to_members(&tables->ops[i], members);
		for (unsigned int m = 0; m < NR_MEMBERS; m++) {
			if (!members[m])
				continue;
			mask |= 1u << m;
			bytes_put_varint(&columns[m], members[m]);
		}
		bytes_put_varint(out, mask);
	}
	for (unsigned int m = 0; m < NR_MEMBERS; m++) {
		bytes_put(out, columns[m].data, columns[m].len);
		out->failed |= columns[m].failed;
		bytes_fini(&columns[m]);
	}
	for (uint32_t i = 0; i < tables->nr_ops; i++)
		bytes_put_varint(out, tables->op_counts[i]);
}

void tables_encode(const struct trace_tables *tables, struct bytes *out)
{
	bytes_put_varint(out, tables->nr_strings - 1);
	for (uint32_t i = 1; i < tables->nr_strings; i++) {
		size_t len = strlen(tables->strings[i]);

		bytes_put_varint(out, len);
		bytes_put(out, tables->strings[i], len);
	}
	encode_ops(tables, out);
	bytes_put_varint(out, tables->nr_whos);
	for (uint32_t i = 0; i < tables->nr_whos; i++) {
		bytes_put_varint(out, tables->whos[i].cpu);
		bytes_put_varint(out, zigzag32(tables->whos[i].pid));
		bytes_put_varint(out, tables->whos[i].comm);
	}
	for (uint32_t i = 0; i < tables->nr_whos; i++)
		bytes_put_varint(out, tables->whos[i].ctx);
}

static int bad_tables(struct err *err, const char *what)
{
	return err_set(err, ERR_TRACE, "malformed tables: %s", what);
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the tables");
}

/* A number of items, each of which takes at least a byte of what is left. */
static bool take_number(struct cursor *c, uint32_t max, uint32_t *nr)
{
	uint64_t n = cursor_varint(c);

	if (c->bad || n > max || n > cursor_left(c))
		return false;
	*nr = (uint32_t)n;
	return true;
}

static int decode_strings(struct tables *t, struct cursor *c, struct err *err)
{
	uint32_t nr;
	char *text;

	if (!take_number(c, MAX_STRINGS, &nr))
		return bad_tables(err, "number of strings");
	/* The text is no longer than the payload, plus a terminator each. */
	t->strings = malloc(((size_t)nr + 1) * sizeof(*t->strings));
	t->text = text = malloc(cursor_left(c) + nr + 1);
	if (!t->strings || !t->text)
		return no_memory(err);
	t->strings[0] = "";
	for (uint32_t i = 1; i <= nr; i++) {
		uint64_t len = cursor_varint(c);
		const uint8_t *from = len <= cursor_left(c) ? cursor_take(c, (size_t)len) : NULL;

		if (c->bad || !from || memchr(from, 0, (size_t)len))
			return bad_tables(err, "strings");
		t->strings[i] = text;
		memcpy(text, from, (size_t)len);
		text += len;
		*text++ = '\0';
	}
	t->view.nr_strings = nr + 1;
	return 0;
}

/* The members of all ops, one row of NR_MEMBERS numbers for each, filled in column by column. */
static int decode_members(uint64_t *members, uint32_t nr, struct cursor *c)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t mask = cursor_varint(c);

		if (mask >> NR_MEMBERS)
			return -1;
		for (unsigned int m = 0; m < NR_MEMBERS; m++)
			members[(size_t)i * NR_MEMBERS + m] = mask >> m & 1;
	}
	for (unsigned int m = 0; m < NR_MEMBERS; m++)
		for (uint32_t i = 0; i < nr; i++)
			if (members[(size_t)i * NR_MEMBERS + m])
				members[(size_t)i * NR_MEMBERS + m] = cursor_varint(c);
	return c->bad ? -1 : 0;
}

static int decode_ops(struct tables *t, struct cursor *c, struct err *err)
{
	uint64_t *members;
	uint32_t nr;
	bool good = true;

	if (!take_number(c, MAX_OPS, &nr))
		return bad_tables(err, "number of operations");
	t->ops = malloc(((size_t)nr + 1) * sizeof(*t->ops));
	t->op_counts = malloc(((size_t)nr + 1) * sizeof(*t->op_counts));
	t->op_class = malloc((size_t)nr + 1);
	members = malloc(((size_t)nr + 1) * NR_MEMBERS * sizeof(*members));
	if (!t->ops || !t->op_counts || !t->op_class || !members) {
		free(members);
		return no_memory(err);
	}
	good = decode_members(members, nr, c) == 0;
	for (uint32_t i = 0; good && i < nr; i++) {
		good = op_from_members(&t->ops[i], members + (size_t)i * NR_MEMBERS, t->view.nr_strings);
		if (good)
			t->op_class[i] = op_class_of(&t->ops[i]);
	}
	free(members);
	if (!good)
		return bad_tables(err, "operations (or ones of a newer version)");
	for (uint32_t i = 0; i < nr; i++)
		t->op_counts[i] = cursor_varint(c);
	t->view.nr_ops = nr;
	return 0;
}

static int decode_whos(struct tables *t, struct cursor *c, struct err *err)
{
	uint32_t nr;

	if (!take_number(c, MAX_WHOS, &nr))
		return bad_tables(err, "number of tasks");
	t->whos = malloc(((size_t)nr + 1) * sizeof(*t->whos));
	if (!t->whos)
		return no_memory(err);
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t cpu = cursor_varint(c), pid = cursor_varint(c), comm = cursor_varint(c);

		if (cpu > UINT32_MAX || pid > UINT32_MAX || comm >= t->view.nr_strings)
			return bad_tables(err, "tasks");
		t->whos[i] = (struct trace_who){ (uint32_t)cpu, unzigzag32((uint32_t)pid), (uint32_t)comm, 0 };
	}
	/* Before version 1.2 nothing follows. */
	for (uint32_t i = 0; i < nr && cursor_left(c); i++)
		t->whos[i].ctx = (uint32_t)cursor_varint(c) & WHO_CTX;
	t->view.nr_whos = nr;
	return 0;
}

int tables_decode(struct tables *t, const uint8_t *raw, size_t len, struct err *err)
{
	struct cursor c = { raw, raw + len, false };
	int ret;

	*t = (struct tables){ 0 };
	ret = decode_strings(t, &c, err);
	if (ret < 0 || (ret = decode_ops(t, &c, err)) < 0 || (ret = decode_whos(t, &c, err)) < 0)
		return ret;
	if (c.bad || cursor_left(&c))
		return bad_tables(err, "length");
	t->view.strings = t->strings;
	t->view.ops = t->ops;
	t->view.op_counts = t->op_counts;
	t->view.whos = t->whos;
	return 0;
}

void tables_fini(struct tables *t)
{
	if (!t)
		return;
	free(t->ops);
	free(t->op_counts);
	free(t->op_class);
	free(t->whos);
	free(t->strings);
	free(t->text);
	*t = (struct tables){ 0 };
}
