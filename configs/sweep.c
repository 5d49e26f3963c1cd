#include "configs/sweep.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/machine_yaml.h"
#include "configs/sweep_priv.h"
#include "configs/text_file.h"

/* What a sweep file may hold beside these: machine, trace, traces, workload, workloads, vary, where. */
#define IN(field) \
	.size = (uint32_t)sizeof(((struct sweep *)0)->field), .offset = (uint32_t)offsetof(struct sweep, field)

static const char *const pace_words[] = { "recorded", "think", "asap", NULL };
static const char *const cpu_map_words[] = { "fold", "spread", "auto", NULL };
static const char *const detail_words[] = { "summary", "full", NULL };
static const char *const layer_words[] = { "intent", "page", NULL };

static const struct key settings[] = {
	{ "name", KEY_TEXT, IN(name), .def = "" },
	{ "repeat", KEY_COUNT, IN(repeat), 1, 100000, "1" },
	{ "seed", KEY_COUNT, IN(seed), 0, INT64_MAX, "1" },
	{ "samples", KEY_COUNT, IN(samples), 1, 100000, "20" },
	{ "detail", KEY_WORD, IN(full), .words = detail_words, .def = "summary" },
	{ "pace", KEY_WORD, IN(pace), .words = pace_words, .def = "recorded" },
	{ "cpu_map", KEY_WORD, IN(cpu_map), .words = cpu_map_words, .def = "auto" },
	{ "layer", KEY_WORD, IN(layer), .words = layer_words, .def = "intent" },
	{ "initial", KEY_TEXT, IN(initial), .def = "" },
	{ "from", KEY_TEXT, IN(from), .def = "" },
	{ "timeout", KEY_TIME, IN(timeout_ns), 1000000, 1000000000000000000, "none", .none = true, .none_value = 0 },
	{ "memory", KEY_SIZE, IN(memory_bytes), 1u << 20, 1ull << 50, "none", .none = true, .none_value = 0 },
};
#define NR_SETTINGS (sizeof(settings) / sizeof(settings[0]))

struct sweep_loader {
	struct loader l;
	struct sweep *sweep;
	const struct yaml_node *machine, *vary, *where; /* values; NULL = not given */
	bool has_traces;
	struct where *conditions[SWEEP_MAX_WHERE];              /* owned */
	uint32_t nr_conditions;
};

static bool choice_sets(const struct sweep_choice *choice, const char *key, size_t len)
{
	for (uint32_t i = 0; i < choice->nr_sets; i++)
		if (!strncmp(choice->sets[i], key, len) && choice->sets[i][len] == '=')
			return true;
	return false;
}

bool sweep_key_known(const struct sweep *sweep, const char *key, size_t len)
{
	for (uint32_t a = 0; a < sweep->nr_axes; a++)
		for (uint32_t c = 0; c < sweep->axes[a].nr_choices; c++)
			if (choice_sets(&sweep->axes[a].choices[c], key, len))
				return true;
	return false;
}

const char *sweep_set_value(const struct sweep_point *point, const char *key, size_t len)
{
	for (uint32_t i = point->nr_sets; i-- > 0;)
		if (!strncmp(point->sets[i], key, len) && point->sets[i][len] == '=')
			return point->sets[i] + len + 1;
	return NULL;
}

static void write_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(out, "\\x%02x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

/* The same with quotes or without: quantities and words. */
static bool is_plain(const char *text)
{
	size_t len = strlen(text);

	return isalnum((unsigned char)text[0]) && text[len - 1] != ' ' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.%/-")] == '\0';
}

/* Without quotes that make no difference: "64 MiB" is a quantity where runs are asked for it. */
static void write_flow(FILE *out, const struct yaml_node *node, bool inside)
{
	bool key = true;

	if (node->kind == YAML_SCALAR) {
		if (is_plain(node->text))
			fputs(node->text, out);
		else if (node->quoted || (inside && node->text[strcspn(node->text, ",[]{}:#\n")]))
			write_quoted(out, node->text);
		else
			fputs(node->text, out);
		return;
	}
	fputc(node->kind == YAML_LIST ? '[' : '{', out);
	for (const struct yaml_node *child = node->first; child; child = child->next, key = !key) {
		write_flow(out, child, true);
		if (node->kind == YAML_MAP && key)
			fputs(": ", out);
		else if (child->next)
			fputs(", ", out);
	}
	fputc(node->kind == YAML_LIST ? ']' : '}', out);
}

char *node_to_flow(const struct yaml_node *node)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	write_flow(out, node, false);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* @path as the sweep file means it: from the folder that it is in. */
static char *beside(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	char *joined;

	if (path[0] == '/' || !slash)
		return strdup(path);
	return asprintf(&joined, "%.*s/%s", (int)(slash - file), file, path) < 0 ? NULL : joined;
}

static void add(struct sweep_loader *sl, const struct yaml_node *node, const char *text)
{
	findings_add(sl->l.findings, place_of(&sl->l, node), "%s", text);
}

static bool is_traces(const char *key)
{
	return !strcmp(key, "trace") || !strcmp(key, "traces") || !strcmp(key, "workload") || !strcmp(key, "workloads");
}

bool sweep_is_workload(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
}

static void load_trace(struct sweep_loader *sl, const char *key, const struct yaml_node *node)
{
	struct sweep *sweep = sl->sweep;

	if (node->kind != YAML_SCALAR || !node->len || strlen(node->text) != node->len) {
		add(sl, node, "expected the path of a trace or of a workload");
		return;
	}
	if (key[0] == 'w' && !sweep_is_workload(node->text))
		add(sl, node, "expected a workload, whose name ends in .yaml");
	sweep->traces[sweep->nr_traces] = beside(sweep->file, node->text);
	sweep->given[sweep->nr_traces] = strdup(node->text);
	if (!sweep->traces[sweep->nr_traces] || !sweep->given[sweep->nr_traces])
		add(sl, node, "no memory for the path");
	sweep->nr_traces++;
}

static bool grow(char ***texts, uint32_t nr)
{
	char **grown = reallocarray(*texts, nr, sizeof(*grown));

	if (grown)
		*texts = grown;
	return grown;
}

/* Traces and workloads are one list, in the order of the file: each key adds to it. */
static void load_traces(struct sweep_loader *sl, const char *key, const struct yaml_node *node)
{
	uint32_t nr = sl->sweep->nr_traces + 1;

	sl->has_traces = true;
	for (const struct yaml_node *child = node->first; child; child = child->next)
		nr++;
	if (!grow(&sl->sweep->traces, nr) || !grow(&sl->sweep->given, nr)) {
		add(sl, node, "no memory for the traces");
		return;
	}
	if (node->kind != YAML_LIST)
		load_trace(sl, key, node);
	else if (!node->first)
		add(sl, node, "expected at least one path");
	for (const struct yaml_node *child = node->kind == YAML_LIST ? node->first : NULL; child; child = child->next)
		load_trace(sl, key, child);
}

static void load_setting(struct sweep_loader *sl, const struct yaml_node *name)
{
	const struct yaml_node *value = name->next;

	for (size_t i = 0; i < NR_SETTINGS; i++) {
		if (!strcmp(settings[i].path, name->text)) {
			load_value(&sl->l, &settings[i], sl->sweep, name->text, value);
			return;
		}
	}
	if (!strcmp(name->text, "machine"))
		sl->machine = value;
	else if (!strcmp(name->text, "vary"))
		sl->vary = value;
	else if (!strcmp(name->text, "where"))
		sl->where = value;
	else if (!strcmp(name->text, "kmemsim"))
		load_value(&sl->l, key_find("kmemsim"), sl->l.draft, "kmemsim", value);
	else if (is_traces(name->text))
		load_traces(sl, name->text, value);
	else
		add(sl, name,
			"unknown key: expected name, machine, trace, traces, workload, workloads, vary, where, repeat,"
			" seed, samples, detail, pace, cpu_map, layer, initial, from, timeout or memory");
}

static void load_top(struct sweep_loader *sl, const struct yaml_node *root)
{
	if (root->kind != YAML_MAP) {
		add(sl, root, "expected keys and values");
		return;
	}
	for (const struct yaml_node *name = root->first; name && name->next; name = name->next->next) {
		if (name->kind != YAML_SCALAR || strlen(name->text) != name->len)
			add(sl, name, "expected a plain word as a key");
		else if (yaml_map_key(root, name->text, name->len) != name)
			findings_add(sl->l.findings, place_of(&sl->l, name), "%s: given twice", name->text);
		else
			load_setting(sl, name);
	}
	if (!sl->has_traces)
		add(sl, root, "expected a key \"traces\" or \"workloads\": what is replayed");
}

/* A sweep without a name has that of its file, if there is one. */
static void name_by_file(struct sweep *sweep)
{
	const char *file = strcmp(sweep->file, TEXT_STANDARD_INPUT) ? sweep->file : "sweep";
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	const char *dot = strrchr(name, '.');
	size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);

	if (sweep->name[0])
		return;
	if (len >= sizeof(sweep->name))
		len = sizeof(sweep->name) - 1;
	while (len && (name[len] & 0xC0) == 0x80) /* no character in part */
		len--;
	memcpy(sweep->name, name, len);
	sweep->name[len] = '\0';
}

/* A relative folder of the initial state is meant from the folder of the sweep, as traces are. */
static void place_initial(struct sweep_loader *sl)
{
	struct sweep *sweep = sl->sweep;
	bool given = sweep->initial[0] && strcmp(sweep->initial, "none");
	char *path = given ? beside(sweep->file, sweep->initial) : NULL;

	if (path && strlen(path) < sizeof(sweep->initial))
		strcpy(sweep->initial, path);
	else if (given)
		add(sl, sl->l.root, "initial: the path is too long");
	free(path);
}

/* The base machine: a file, or a map in place, whose errors are found here with their places. */
static void load_machine(struct sweep_loader *sl)
{
	struct sweep *sweep = sl->sweep;
	const struct yaml_node *node = sl->machine;
	struct err err = { 0 };

	if (!node) {
		sweep->machine_name = strdup("defaults");
		return;
	}
	if (node->kind == YAML_MAP) {
		load_map(&sl->l, sl->l.draft, "", node);
		sweep->machine_name = strdup(sweep->file);
		sweep->machine_text = node_to_flow(node);
	} else if (node->kind == YAML_SCALAR && node->len && strlen(node->text) == node->len) {
		sweep->machine_name = beside(sweep->file, node->text);
		if (sweep->machine_name &&
			text_read(&sweep->machine_text, sweep->machine_name, YAML_MAX_BYTES, NULL, &err) <= 0) {
			findings_add(sl->l.findings, place_of(&sl->l, node), "machine: %s",
				err.code ? err.text : "there is no such file");
			return;
		}
	} else {
		add(sl, node, "machine: expected a file, or a map as a machine file has it");
		return;
	}
	if (!sweep->machine_name || !sweep->machine_text)
		add(sl, node, "no memory for the machine");
	else
		sweep->machine_len = strlen(sweep->machine_text);
}

/* Of the base machine, whatever else is wrong with it: sizes may be in pages. */
static uint32_t base_page_size(const struct sweep *sweep)
{
	struct machine *machine = malloc(sizeof(*machine));
	uint32_t size = 4096;

	if (machine && machine_load_text(machine, "", sweep->machine_text, sweep->machine_len, NULL, 0, NULL) == 0)
		size = machine->page_size;
	free(machine);
	return size;
}

static void load_where(struct sweep_loader *sl)
{
	const struct yaml_node *node = sl->where;
	bool list = node->kind == YAML_LIST;

	for (node = list ? node->first : node; node; node = list ? node->next : NULL) {
		struct where *where;

		if (sl->nr_conditions == SWEEP_MAX_WHERE) {
			findings_add(sl->l.findings, place_of(&sl->l, node), "where: more than %d conditions",
				SWEEP_MAX_WHERE);
			return;
		}
		where = sweep_where_parse(&sl->l, sl->sweep, node);
		if (where)
			sl->conditions[sl->nr_conditions++] = where;
	}
}

static void load_all(struct sweep_loader *sl)
{
	struct loader *l = &sl->l;
	struct yaml_problem problem;

	if (yaml_tree_read(&l->root, l->findings->text, l->findings->len, &problem) < 0) {
		findings_add(l->findings, (struct finding_place){ .line = problem.line, .column = problem.column },
			"%s", problem.text);
		return;
	}
	if (!l->root) {
		findings_add(l->findings, (struct finding_place){ 0 },
			"empty: expected a sweep, at least traces and vary");
		return;
	}
	load_top(sl, l->root);
	name_by_file(sl->sweep);
	place_initial(sl);
	load_machine(sl);
	sl->sweep->page_size = base_page_size(sl->sweep);
	if (sl->vary)
		sweep_load_vary(l, sl->sweep, sl->vary);
	/* Keys of a wrong `vary` would be called unknown. */
	if (sl->where && !l->findings->nr)
		load_where(sl);
}

static struct sweep *new_sweep(const char *path)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	if (!sweep || !(sweep->file = strdup(path))) {
		free(sweep);
		return NULL;
	}
	for (size_t i = 0; i < NR_SETTINGS; i++)
		key_set(&settings[i], sweep, 0, settings[i].def, 0);
	return sweep;
}

int sweep_load_text(struct sweep **out, const char *path, const char *text, size_t len, struct err *err)
{
	struct findings findings = { .file = path, .text = text, .len = len };
	struct sweep_loader sl = { .l = { .findings = &findings, .page_size = 4096 } };
	int ret;

	sl.sweep = new_sweep(path);
	sl.l.draft = malloc(sizeof(*sl.l.draft));
	if (!sl.sweep || !sl.l.draft) {
		sweep_free(sl.sweep);
		free(sl.l.draft);
		return err_set(err, ERR_NOMEM, "%s: no memory for a sweep", path);
	}
	draft_defaults(sl.l.draft);
	load_all(&sl);
	ret = findings_report(&findings, err);
	if (ret == 0)
		ret = sweep_expand(sl.sweep, sl.conditions, sl.nr_conditions, err);
	for (uint32_t i = 0; i < sl.nr_conditions; i++)
		sweep_where_free(sl.conditions[i]);
	findings_fini(&findings);
	yaml_tree_free(sl.l.root);
	free(sl.l.draft);
	if (ret < 0)
		sweep_free(sl.sweep);
	else
		*out = sl.sweep;
	return ret;
}

int sweep_load(struct sweep **out, const char *path, struct err *err)
{
	char *text;
	int ret = text_read_existing(&text, path, YAML_MAX_BYTES, err);

	if (ret < 0)
		return ret;
	ret = sweep_load_text(out, strcmp(path, "-") ? path : TEXT_STANDARD_INPUT, text, strlen(text), err);
	free(text);
	return ret;
}

void sweep_free(struct sweep *sweep)
{
	if (!sweep)
		return;
	sweep_axes_free(sweep);
	for (uint32_t i = 0; i < sweep->nr_traces; i++) {
		free(sweep->traces[i]);
		free(sweep->given[i]);
	}
	free(sweep->traces);
	free(sweep->given);
	free(sweep->points);
	free(sweep->machine_text);
	free(sweep->machine_name);
	free(sweep->file);
	free(sweep);
}

char *sweep_point_text(const struct sweep *sweep, const struct sweep_point *point, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	if (sweep->nr_traces > 1)
		used += (size_t)snprintf(buf, size, " trace=%s", sweep->traces[point->trace]);
	if (point->variant && used < size)
		used += (size_t)snprintf(buf + used, size - used, " variant=%s", point->variant);
	for (uint32_t i = 0; i < point->nr_sets && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, " %s", point->sets[i]);
	if (sweep->repeat > 1 && used < size)
		used += (size_t)snprintf(buf + used, size - used, " repeat=%u", point->repeat);
	if (buf[0])
		memmove(buf, buf + 1, strlen(buf));
	return buf;
}

int sweep_machine(const struct sweep *sweep, const struct sweep_point *point, struct machine *machine, struct err *err)
{
	char text[400];
	int ret = machine_load_text(machine, sweep->machine_name, sweep->machine_text, sweep->machine_len, point->sets,
		point->nr_sets, err);

	if (ret == 0 && sweep_set_value(point, "initial", strlen("initial")))
		ret = machine_place_initial(machine, sweep->file, err);
	if (ret == 0)
		return 0;
	return err_context(err, "%s: point %u (%s)", sweep->file, point->number,
		sweep_point_text(sweep, point, text, sizeof(text)));
}
