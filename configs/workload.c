#include "configs/workload.h"

#include <stdlib.h>
#include <string.h>

#include "configs/cpu_range_priv.h"
#include "configs/text_file.h"
#include "configs/workload_priv.h"

#define FIRST_PID 100u

static void no_memory(struct workload *w, const struct yaml_node *node)
{
	findings_add(&w->findings, PLACE(node), "no memory for it");
}

/*
 * Entries of a map whose values are maps, as an array of @size
 * bytes each. NULL: there are none, or findings say why.
 */
static void *entries(struct workload *w, const char *key, const struct yaml_node *node, size_t size)
{
	void *array;

	if (!map_of(w, key, node) || !node->first)
		return NULL;
	if (count_of(node) > WORKLOAD_MAX_ITEMS) {
		findings_add(&w->findings, PLACE(node), "%s: more than %u", key, WORKLOAD_MAX_ITEMS);
		return NULL;
	}
	array = calloc(count_of(node), size);
	if (!array)
		no_memory(w, node);
	return array;
}

static void load_cpus(struct workload *w, struct workload_cpus *cpus, const struct yaml_node *node)
{
	bool list = node->kind == YAML_LIST;

	for (const struct yaml_node *one = list ? node->first : node; one; one = list ? one->next : NULL) {
		const char *text = load_text(w, "cpus", one), *behind;
		uint32_t first, last, *numbers;

		if (!text)
			continue;
		behind = cpu_range(text, w->cpus, &first, &last);
		if (!behind || *behind) {
			findings_add(&w->findings, PLACE(one), "cpus: \"%s\": expected CPUs such as 0-3, below %u",
				text, w->cpus);
			continue;
		}
		numbers = realloc(cpus->numbers, (cpus->nr + last - first + 1) * sizeof(*numbers));
		if (!numbers) {
			no_memory(w, one);
			return;
		}
		cpus->numbers = numbers;
		while (first <= last)
			numbers[cpus->nr++] = first++;
	}
}

static void all_cpus(struct workload *w, struct workload_cpus *cpus)
{
	cpus->numbers = calloc(w->cpus, sizeof(*cpus->numbers));
	if (!cpus->numbers) {
		findings_add(&w->findings, (struct finding_place){ 0 }, "no memory for %u CPUs", w->cpus);
		return;
	}
	for (cpus->nr = 0; cpus->nr < w->cpus; cpus->nr++)
		cpus->numbers[cpus->nr] = cpus->nr;
}

static void load_tasks_key(struct workload *w, struct workload_tasks *tasks, const struct yaml_node *name)
{
	static const char *const keys[] = { "count", "cpus", "context", "comm", "pid", "migrate" };
	static const char *const contexts[] = { "process", "softirq", "hardirq", "nmi", NULL };
	const struct yaml_node *node = name->next;
	uint64_t number;

	if (!strcmp(name->text, "count") && load_number(w, "count", node, 1, 65536, &number))
		tasks->count = (uint32_t)number;
	else if (!strcmp(name->text, "pid") && load_number(w, "pid", node, 0, INT32_MAX / 2, &number))
		tasks->pid = (uint32_t)number;
	else if (!strcmp(name->text, "cpus"))
		load_cpus(w, &tasks->cpus, node);
	else if (!strcmp(name->text, "comm"))
		tasks->comm = load_text(w, "comm", node);
	else if (!strcmp(name->text, "migrate"))
		load_bool(w, "migrate", node, &tasks->migrate);
	else if (!strcmp(name->text, "context"))
		tasks->context = (enum workload_context)(load_word(w, "context", node, contexts) % 4);
	else if (strcmp(name->text, "count") && strcmp(name->text, "pid"))
		unknown_key(w, name, keys, sizeof(keys) / sizeof(keys[0]));
}

/* What was not said: in interrupt context there is one on each CPU, and it is no task of its own. */
static void complete_tasks(struct workload *w, struct workload_tasks *tasks, uint32_t *next_pid)
{
	bool process = tasks->context == WORKLOAD_PROCESS;

	if (!tasks->cpus.nr)
		all_cpus(w, &tasks->cpus);
	if (!tasks->count)
		tasks->count = process ? 1 : tasks->cpus.nr;
	if (!tasks->comm)
		tasks->comm = tasks->name;
	if (tasks->pid == UINT32_MAX)
		tasks->pid = process ? *next_pid : 0;
	if (process)
		*next_pid += tasks->count;
}

/* Without `tasks` there is one on each CPU. */
static void default_tasks(struct workload *w)
{
	w->tasks = calloc(1, sizeof(*w->tasks));
	if (!w->tasks) {
		findings_add(&w->findings, (struct finding_place){ 0 }, "no memory for tasks");
		return;
	}
	w->nr_tasks = 1;
	w->tasks[0] = (struct workload_tasks){ .name = "task", .comm = "task", .count = w->cpus, .pid = FIRST_PID };
	all_cpus(w, &w->tasks[0].cpus);
}

static void load_tasks(struct workload *w, const struct yaml_node *node)
{
	uint32_t next_pid = FIRST_PID;

	w->tasks = entries(w, "tasks", node, sizeof(*w->tasks));
	for (const struct yaml_node *name = node->first; w->tasks && name; name = name->next->next) {
		struct workload_tasks *tasks = &w->tasks[w->nr_tasks++];

		*tasks = (struct workload_tasks){ .name = name->text, .pid = UINT32_MAX };
		if (map_of(w, name->text, name->next))
			for (const struct yaml_node *key = name->next->first; key; key = key->next->next)
				load_tasks_key(w, tasks, key);
		complete_tasks(w, tasks, &next_pid);
	}
}

static void load_phase(struct workload *w, struct workload_phase *phase, const struct yaml_node *map)
{
	static const char *const keys[] = { "start", "duration", "rate" };
	uint64_t rate;

	if (!map_of(w, phase->name, map))
		return;
	for (const struct yaml_node *name = map->first; name; name = name->next->next) {
		if (!strcmp(name->text, "start"))
			load_time(w, "start", name->next, &phase->start_ns);
		else if (!strcmp(name->text, "duration"))
			load_time(w, "duration", name->next, &phase->duration_ns);
		else if (strcmp(name->text, "rate"))
			unknown_key(w, name, keys, 3);
		else if (load_fraction(w, "rate", name->next, WORKLOAD_RATE_ONE, 10000, &rate))
			phase->rate = (uint32_t)rate;
	}
	if (!phase->duration_ns)
		findings_add(&w->findings, PLACE(map), "%s: expected a duration", phase->name);
}

/* One after the other, unless they say when they start. */
static void load_phases(struct workload *w, const struct yaml_node *node)
{
	ns_t end = 0;

	w->phases = entries(w, "phases", node, sizeof(*w->phases));
	for (const struct yaml_node *name = node->first; w->phases && name; name = name->next->next) {
		struct workload_phase *phase = &w->phases[w->nr_phases++];

		*phase = (struct workload_phase){ .name = name->text, .start_ns = end, .rate = WORKLOAD_RATE_ONE };
		load_phase(w, phase, name->next);
		if (phase->start_ns < end)
			findings_add(&w->findings, PLACE(name), "%s: begins before the phase in front of it ends",
				phase->name);
		end = phase->start_ns + phase->duration_ns;
	}
}

static void load_caches(struct workload *w, const struct yaml_node *node)
{
	w->caches = entries(w, "caches", node, sizeof(*w->caches));
	for (const struct yaml_node *name = node->first; w->caches && name; name = name->next->next) {
		struct workload_cache *cache = &w->caches[w->nr_caches++];

		cache->name = name->text;
		cache->place = PLACE(name);
		if (!map_of(w, name->text, name->next))
			continue;
		cache->values = calloc(count_of(name->next) + 1, sizeof(*cache->values));
		if (!cache->values) {
			no_memory(w, name);
			return;
		}
		for (const struct yaml_node *key = name->next->first; key; key = key->next->next) {
			struct workload_value *value = &cache->values[cache->nr_values++];

			load_draw(w, value, key->text, key->next, UNIT_ANY);
			value->key_place = PLACE(key);
		}
	}
}

static void load_page_size(struct workload *w, const struct yaml_node *node)
{
	uint64_t bytes = 4096;

	if (load_number(w, "page_size", node, 1024, 1u << 20, &bytes) && bytes & (bytes - 1))
		findings_add(&w->findings, PLACE(node), "page_size: expected a power of two such as 4 KiB");
	else
		w->page_size = (uint32_t)bytes;
}

static void load_version(struct workload *w, const struct yaml_node *node)
{
	uint64_t version;

	if (load_number(w, "kmemsim", node, 1, UINT64_MAX, &version) && version != 1)
		findings_add(&w->findings, PLACE(node), "kmemsim: this program reads version 1 of workload files");
}

static void load_setting(struct workload *w, const struct yaml_node *name)
{
	static const char *const at_end[] = { "free", "keep", NULL };
	static const char *const keys[] = { "kmemsim", "name", "seed", "duration", "events", "page_size", "cpus",
		"at_end", "repeat_phases", "caches", "tasks", "phases", "streams" };
	const struct yaml_node *node = name->next;
	uint64_t number;

	if (!strcmp(name->text, "kmemsim"))
		load_version(w, node);
	else if (!strcmp(name->text, "name"))
		w->name = load_text(w, "name", node);
	else if (!strcmp(name->text, "seed"))
		load_number(w, "seed", node, 0, INT64_MAX, &w->seed);
	else if (!strcmp(name->text, "duration")) {
		if (load_time(w, "duration", node, &w->duration_ns) && !w->duration_ns)
			findings_add(&w->findings, PLACE(node), "duration: expected more than 0");
	} else if (!strcmp(name->text, "events"))
		load_number(w, "events", node, 1, INT64_MAX, &w->events);
	else if (!strcmp(name->text, "page_size"))
		load_page_size(w, node);
	else if (!strcmp(name->text, "at_end"))
		w->keep_at_end = load_word(w, "at_end", node, at_end) == 1;
	else if (!strcmp(name->text, "repeat_phases"))
		load_bool(w, "repeat_phases", node, &w->repeat_phases);
	else if (!strcmp(name->text, "cpus") && load_number(w, "cpus", node, 1, WORKLOAD_MAX_CPUS, &number))
		w->cpus = (uint32_t)number;
	else if (strcmp(name->text, "cpus") && strcmp(name->text, "caches") && strcmp(name->text, "tasks") &&
		 strcmp(name->text, "phases") && strcmp(name->text, "streams"))
		unknown_key(w, name, keys, sizeof(keys) / sizeof(keys[0]));
}

/* Sections in the order in which they lean on each other, whatever their order in the file. */
static void load_sections(struct workload *w)
{
	static const struct {
		const char *key;
		void (*load)(struct workload *w, const struct yaml_node *node);
	} sections[] = { { "caches", load_caches }, { "tasks", load_tasks }, { "phases", load_phases },
		{ "streams", load_streams } };

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct yaml_node *name = yaml_map_key(w->root, sections[i].key, strlen(sections[i].key));

		if (name)
			sections[i].load(w, name->next);
		else if (!strcmp(sections[i].key, "streams"))
			findings_add(&w->findings, PLACE(w->root), "expected a key \"streams\": what happens");
		if (!strcmp(sections[i].key, "tasks") && !w->nr_tasks)
			default_tasks(w);
	}
}

static void load_all(struct workload *w)
{
	struct yaml_problem problem;

	if (yaml_tree_read(&w->root, w->text, w->findings.len, &problem) < 0) {
		findings_add(&w->findings, (struct finding_place){ .line = problem.line, .column = problem.column },
			"%s", problem.text);
		return;
	}
	if (!w->root) {
		findings_add(&w->findings, (struct finding_place){ 0 }, "empty: expected a workload, at least streams");
		return;
	}
	if (w->root->kind != YAML_MAP || !map_of(w, "a workload", w->root)) {
		if (!w->findings.nr)
			findings_add(&w->findings, PLACE(w->root), "expected keys and values");
		return;
	}
	for (const struct yaml_node *name = w->root->first; name; name = name->next->next)
		load_setting(w, name);
	load_sections(w);
	if (!yaml_map_key(w->root, "duration", 8) && !yaml_map_key(w->root, "events", 6))
		findings_add(&w->findings, PLACE(w->root), "expected duration or events: how long the trace is");
}

int workload_load_text(struct workload **out, const char *path, const char *text, size_t len, struct err *err)
{
	struct workload *w = calloc(1, sizeof(*w));
	int ret;

	if (w) {
		w->file = strdup(path);
		w->text = malloc(len + 1);
	}
	if (!w || !w->file || !w->text) {
		workload_free(w);
		return err_set(err, ERR_NOMEM, "%s: no memory for a workload", path);
	}
	memcpy(w->text, text, len);
	w->text[len] = '\0';
	w->findings = (struct findings){ .file = w->file, .text = w->text, .len = len };
	w->name = "workload";
	w->seed = 1;
	w->page_size = 4096;
	w->cpus = 1;
	load_all(w);
	ret = findings_report(&w->findings, err);
	if (ret < 0)
		workload_free(w);
	else
		*out = w;
	return ret;
}

int workload_load(struct workload **out, const char *path, struct err *err)
{
	char *text;
	int ret = text_read_existing(&text, path, YAML_MAX_BYTES, err);

	if (ret < 0)
		return ret;
	ret = workload_load_text(out, strcmp(path, "-") ? path : TEXT_STANDARD_INPUT, text, strlen(text), err);
	free(text);
	return ret;
}

void workload_free(struct workload *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; w->caches && i < w->nr_caches; i++)
		values_fini(w->caches[i].values, w->caches[i].nr_values);
	for (uint32_t i = 0; w->tasks && i < w->nr_tasks; i++)
		free(w->tasks[i].cpus.numbers);
	for (uint32_t i = 0; w->streams && i < w->nr_streams; i++)
		stream_fini(&w->streams[i]);
	free(w->caches);
	free(w->tasks);
	free(w->phases);
	free(w->streams);
	findings_fini(&w->findings);
	yaml_tree_free(w->root);
	free(w->text);
	free(w->file);
	free(w);
}
