#include "configs/machine_yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "configs/loader_priv.h"

/* One byte more than is allowed, so that a longer file is seen to be too long. */
static int read_all(int fd, char *text, size_t *len)
{
	*len = 0;
	while (*len <= YAML_MAX_BYTES) {
		ssize_t got = read(fd, text + *len, YAML_MAX_BYTES + 1 - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			return 0;
		*len += (size_t)got;
	}
	return 0;
}

static int read_file(const char *path, char **text, size_t *len, struct err *err)
{
	bool standard_input = !strcmp(path, "-");
	int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), answer;

	if (fd < 0)
		return err_errno(err, "%s", path);
	*text = malloc(YAML_MAX_BYTES + 1);
	if (!*text)
		answer = err_set(err, ERR_NOMEM, "%s: no memory to read it", path);
	else if (read_all(fd, *text, len) < 0)
		answer = err_errno(err, "%s", path);
	else
		answer = 0;
	if (!standard_input)
		close(fd);
	if (answer < 0) {
		free(*text);
		*text = NULL;
	}
	return answer;
}

/* Sizes in pages need it, wherever it stands. */
static uint32_t find_page_size(const struct loader *l)
{
	const struct key *key = key_find("page_size");
	const struct yaml_node *node = l->root ? yaml_tree_find(l->root, key->path) : NULL;
	size_t len = strlen(key->path);

	key_set(key, l->draft, 0, key->def, 0);
	if (node && node->kind == YAML_SCALAR)
		key_set(key, l->draft, 0, node->text, 0);
	for (uint32_t i = 0; i < l->nr_sets; i++) {
		if (!strncmp(l->sets[i], key->path, len) && l->sets[i][len] == '=')
			key_set(key, l->draft, 0, l->sets[i] + len + 1, 0);
	}
	return l->draft->machine.page_size;
}

static void load_file(struct loader *l)
{
	struct yaml_problem problem;

	if (yaml_tree_read(&l->root, l->findings->text, l->findings->len, &problem) < 0)
		findings_add(l->findings, (struct finding_place){ .line = problem.line, .column = problem.column },
			"%s", problem.text);
	else if (!l->root)
		findings_add(l->findings, (struct finding_place){ 0 },
			"empty: expected a machine, at least \"kmemsim: 1\"");
	l->page_size = find_page_size(l);
	if (l->root)
		load_map(l, l->draft, "", l->root);
}

/* Without the bytes between and behind the members: equal machines are equal in memory. */
static void copy_range(struct machine_range *to, const struct machine_range *from)
{
	memset(to, 0, sizeof(*to));
	to->start = from->start;
	to->size = from->size;
	to->node = from->node;
	memcpy(to->name, from->name, sizeof(to->name));
	to->scales = from->scales;
}

static void hand_out(struct machine *machine, const struct machine *from)
{
	memcpy(machine, from, sizeof(*machine));
	for (uint32_t i = 0; i < from->nr_ram; i++)
		copy_range(&machine->ram[i], &from->ram[i]);
	for (uint32_t i = 0; i < from->nr_reserved; i++)
		copy_range(&machine->reserved[i], &from->reserved[i]);
}

static bool is_set(const char *const *sets, uint32_t nr_sets, const char *key)
{
	size_t len = strlen(key);

	for (uint32_t i = 0; i < nr_sets; i++)
		if (!strncmp(sets[i], key, len) && sets[i][len] == '=')
			return true;
	return false;
}

int machine_place_initial(struct machine *machine, const char *file, struct err *err)
{
	const char *slash = strrchr(file, '/');
	char place[sizeof(machine->initial)];

	if (!machine->initial[0] || machine->initial[0] == '/' || !slash)
		return 0;
	if (snprintf(place, sizeof(place), "%.*s/%s", (int)(slash - file), file, machine->initial) >=
		(int)sizeof(place))
		return err_set(err, ERR_CONFIG, "%s: initial: the path is longer than %zu bytes", file,
			sizeof(place) - 1);
	memcpy(machine->initial, place, sizeof(place));
	return 0;
}

int machine_load_text(struct machine *machine, const char *name, const char *text, size_t len, const char *const *sets,
	uint32_t nr_sets, struct err *err)
{
	struct findings findings = { .file = name, .text = text, .len = len };
	struct loader l = { .findings = &findings, .sets = sets, .nr_sets = nr_sets };
	int answer;

	l.draft = malloc(sizeof(*l.draft));
	if (!l.draft)
		return err_set(err, ERR_NOMEM, "%s: no memory to read it", name);
	draft_defaults(l.draft);
	if (text)
		load_file(&l);
	else
		l.page_size = find_page_size(&l);
	load_settings(&l);
	/* What belongs together is looked at only when each part is sound: else one slip gives many findings. */
	if (!findings.nr)
		draft_resolve(&l);
	answer = findings_report(&findings, err);
	if (!answer)
		hand_out(machine, &l.draft->machine);
	if (!answer && !strcmp(machine->initial, "none"))
		machine->initial[0] = '\0';
	/* That of a setting is meant from here. */
	if (!answer && !is_set(sets, nr_sets, "initial"))
		answer = machine_place_initial(machine, name, err);
	findings_fini(&findings);
	yaml_tree_free(l.root);
	free(l.draft);
	return answer;
}

int machine_load(struct machine *machine, const char *path, const char *const *sets, uint32_t nr_sets, struct err *err)
{
	size_t len = 0;
	char *text = NULL;
	int answer;

	if (!path)
		return machine_load_text(machine, "defaults", NULL, 0, sets, nr_sets, err);
	answer = read_file(path, &text, &len, err);
	if (answer < 0)
		return answer;
	answer = machine_load_text(machine, strcmp(path, "-") ? path : "standard input", text, len, sets, nr_sets, err);
	free(text);
	return answer;
}

void machine_defaults(struct machine *machine)
{
	/* The defaults are sound; only memory for the draft can be missing, and then there is no machine to give. */
	if (machine_load_text(machine, "defaults", NULL, 0, NULL, 0, NULL) < 0)
		memset(machine, 0, sizeof(*machine));
}

int machine_hash(const struct machine *machine, char *hex, struct err *err)
{
	struct machine *nameless = malloc(sizeof(*nameless));
	char *yaml = NULL;

	if (nameless) {
		memcpy(nameless, machine, sizeof(*nameless));
		memset(nameless->name, 0, sizeof(nameless->name));
		yaml = machine_to_yaml(nameless);
	}
	free(nameless);
	if (!yaml)
		return err_set(err, ERR_NOMEM, "no memory for the machine's YAML");
	sha256_buffer(yaml, strlen(yaml), hex);
	free(yaml);
	return 0;
}
