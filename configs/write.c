#include "configs/machine_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/loader_priv.h"

#define VALUE_MAX 4096 /* the longest text, every character escaped, and its quotes */

/* The draft that resolves to @machine. */
static void draft_from_machine(struct draft *draft, const struct machine *machine)
{
	memset(draft, 0, sizeof(*draft));
	memcpy(&draft->machine, machine, sizeof(*machine));
	draft->version = 1;
	draft->memory = DRAFT_AUTO;
	draft->cpus = machine->cpus;
	draft->nr_nodes = machine->nr_nodes;
	for (uint32_t i = 0; i < machine->nr_nodes; i++) {
		struct draft_node *node = &draft->nodes[i];

		node->memory = DRAFT_AUTO;
		if (machine->nr_nodes == 1)
			break;
		node->cpu_list = true;
		node->nr_distances = machine->nr_nodes;
		for (uint32_t j = 0; j < machine->nr_nodes; j++)
			node->distances[j] = machine->distance[i][j];
	}
	for (uint32_t i = 0; i < machine->nr_ram; i++) {
		struct draft_node *node = &draft->nodes[machine->ram[i].node];

		node->ranges[node->nr_ranges++] =
			(struct draft_range){ .start = machine->ram[i].start, .size = machine->ram[i].size };
	}
	for (uint32_t cpu = 0; cpu < machine->cpus; cpu++)
		draft->nodes[machine->node_of_cpu[cpu]].cpu_mask[cpu / 64] |= 1ull << (cpu % 64);
}

static bool has_cpu(const struct draft_node *node, uint32_t cpu)
{
	return cpu < MACHINE_MAX_CPUS && (node->cpu_mask[cpu / 64] >> (cpu % 64) & 1);
}

static void write_cpus(FILE *out, const struct draft_node *node)
{
	const char *between = "";

	fputc('[', out);
	for (uint32_t cpu = 0; cpu < MACHINE_MAX_CPUS; cpu++) {
		uint32_t last = cpu;

		if (!has_cpu(node, cpu))
			continue;
		while (has_cpu(node, last + 1))
			last++;
		if (last > cpu)
			fprintf(out, "%s%u-%u", between, cpu, last);
		else
			fprintf(out, "%s%u", between, cpu);
		between = ", ";
		cpu = last;
	}
	fputc(']', out);
}

static void write_counts(FILE *out, const struct key *key, const void *base)
{
	const struct key one = { .kind = KEY_COUNT, .size = key->size, .offset = key->offset };
	char text[VALUE_MAX];

	fputc('[', out);
	for (uint32_t i = 0; i < key_list_length(key, base); i++)
		fprintf(out, "%s%s", i ? ", " : "", key_format(&one, base, i, text, sizeof(text)));
	fputc(']', out);
}

/* Addresses read better in hexadecimal. */
static void write_scalar(FILE *out, const struct key *key, const void *base)
{
	char text[VALUE_MAX];

	if (key->address)
		fprintf(out, "0x%llx", (unsigned long long)key_number(key, base, 0));
	else
		fputs(key_format(key, base, 0, text, sizeof(text)), out);
}

/* What the canonical file leaves out, because other keys say it. */
static bool is_silent(const struct key *key, const void *base)
{
	if (key->kind == KEY_CPUS)
		return !((const struct draft_node *)base)->cpu_list;
	if (key->kind == KEY_COUNTS)
		return key->list_offset && !key_list_length(key, base);
	if (key->kind == KEY_TEXT)
		return !*((const char *)base + key->offset);
	return key->input_only || (key->silent_zero && !key_number(key, base, 0));
}

static void write_records(FILE *out, const struct key *list, const void *base, int indent);

static void write_value(FILE *out, const struct key *key, const void *base, int indent)
{
	if (key->kind != KEY_RECORDS || !key_list_length(key, base))
		fputc(' ', out);
	if (key->kind == KEY_RECORDS)
		write_records(out, key, base, indent);
	else if (key->kind == KEY_COUNTS)
		write_counts(out, key, base);
	else if (key->kind == KEY_CPUS)
		write_cpus(out, base);
	else
		write_scalar(out, key, base);
}

static bool is_element_key(const struct key *key, const struct key *list)
{
	size_t len = strlen(list->path);

	return !strncmp(key->path, list->path, len) && !strncmp(key->path + len, ".#.", 3);
}

/* Elements with lists of their own take a line for each key, others one line: "- {start: 0x1000, size: 636 KiB}". */
static bool is_one_line(const struct key *list)
{
	for (const struct key *key = list + 1; key < machine_keys + nr_machine_keys && is_element_key(key, list);
		key++) {
		if (key->kind == KEY_RECORDS)
			return false;
	}
	return true;
}

/* The keys of an element follow their list in the table. */
static void write_element(FILE *out, const struct key *list, const void *element, int indent)
{
	const struct key *end = machine_keys + nr_machine_keys;
	size_t prefix = strlen(list->path) + strlen(".#.");
	bool one_line = is_one_line(list), first = true;

	fprintf(out, "\n%*s- %s", indent, "", one_line ? "{" : "");
	for (const struct key *key = list + 1; key < end && is_element_key(key, list); key++) {
		if (strchr(key->path + prefix, '#') || is_silent(key, element))
			continue;
		if (!first && one_line)
			fputs(", ", out);
		else if (!first)
			fprintf(out, "\n%*s", indent + 2, "");
		first = false;
		fprintf(out, "%s:", key->path + prefix);
		write_value(out, key, element, indent + 2);
	}
	fputs(one_line ? "}" : "", out);
}

static void write_records(FILE *out, const struct key *list, const void *base, int indent)
{
	uint32_t length = key_list_length(list, base);

	if (!length)
		fputs("[]", out);
	for (uint32_t i = 0; i < length; i++)
		write_element(out, list, (const char *)base + list->offset + (size_t)i * list->size, indent + 2);
}

static void write_draft(FILE *out, const struct draft *draft)
{
	const char *section = "";
	size_t section_len = 0;

	for (size_t i = 0; i < nr_machine_keys; i++) {
		const struct key *key = &machine_keys[i];
		const char *dot = strchr(key->path, '.');
		size_t len = dot ? (size_t)(dot - key->path) : 0;

		if (strchr(key->path, '#') || is_silent(key, draft))
			continue;
		if (dot && (len != section_len || strncmp(key->path, section, len)))
			fprintf(out, "%.*s:\n", (int)len, key->path);
		section = key->path;
		section_len = len;
		fprintf(out, "%s%s:", dot ? "  " : "", dot ? dot + 1 : key->path);
		write_value(out, key, draft, dot ? 2 : 0);
		fputc('\n', out);
	}
}

char *machine_to_yaml(const struct machine *machine)
{
	struct draft *draft = malloc(sizeof(*draft));
	size_t len = 0;
	char *yaml = NULL;
	FILE *out = draft ? open_memstream(&yaml, &len) : NULL;

	if (out) {
		draft_from_machine(draft, machine);
		write_draft(out, draft);
		if (fclose(out) != 0) {
			free(yaml);
			yaml = NULL;
		}
	}
	free(draft);
	return yaml;
}
