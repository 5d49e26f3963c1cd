#include "configs/schema_priv.h"

#include <stdio.h>
#include <string.h>

/* Whether @key is a direct key of the map @prefix ("" or "nodes.#."): no element in between. */
static bool belongs_to(const struct key *key, const char *prefix)
{
	size_t len = strlen(prefix);

	return !strncmp(key->path, prefix, len) && !strchr(key->path + len, '#');
}

/* Of the keys from @first to @end that belong to it. */
static void set_defaults(const struct key *first, const struct key *end, const char *prefix, void *base)
{
	for (const struct key *key = first; key < end; key++) {
		char word[32];

		if (!key->def || !belongs_to(key, prefix))
			continue;
		if (key->kind != KEY_COUNTS) {
			key_set(key, base, 0, key->def, 0);
			continue;
		}
		const char *at = key->def;

		for (uint32_t index = 0; *at; index++) {
			size_t len = strcspn(at, ",");

			snprintf(word, sizeof(word), "%.*s", (int)len, at);
			key_set(key, base, index, word, 0);
			at += len + (at[len] == ',');
		}
	}
}

void draft_defaults(struct draft *draft)
{
	memset(draft, 0, sizeof(*draft));
	set_defaults(machine_keys, machine_keys + nr_machine_keys, "", draft);
}

void draft_element_defaults(const struct key *list, void *element)
{
	char prefix[KEY_PATH_MAX];

	snprintf(prefix, sizeof(prefix), "%s.#.", list->path);
	memset(element, 0, list->size);
	set_defaults(list + 1, key_elements_end(list), prefix, element);
}

void draft_first_node(struct draft *draft)
{
	draft->nr_nodes = 1;
	draft_element_defaults(key_find("nodes"), &draft->nodes[0]);
}
