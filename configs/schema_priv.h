/*
 * schema: every key of a machine file, once: path, kind of value, range, default, place in the draft. Loading, --set,
 * suggestions and the canonical output all read this one table. A '#' in a path stands for the index of a list element.
 */
#ifndef KMEMSIM_CONFIGS_SCHEMA_PRIV_H
#define KMEMSIM_CONFIGS_SCHEMA_PRIV_H

#include <stddef.h>

#include "configs/machine.h"

/* What a draft holds for `auto` that is resolved before the machine is handed out. */
#define DRAFT_AUTO (UINT64_MAX - 1)
#define DRAFT_AUTO32 (UINT32_MAX - 1)

#define KEY_PATH_MAX 160

struct draft_range {
	uint64_t start;
	uint64_t size;
};

struct draft_node {
	uint64_t memory;                          /* bytes; DRAFT_AUTO = not given */
	struct draft_range ranges[MACHINE_MAX_RANGES];
	uint32_t nr_ranges;
	uint32_t nr_cpus;                         /* how many; which ones when cpu_list is set */
	bool cpu_list;
	uint64_t cpu_mask[MACHINE_MAX_CPUS / 64];
	uint32_t distances[MACHINE_MAX_NODES];
	uint32_t nr_distances;
};

/* A machine as people write it, before it is checked as a whole and flattened. */
struct draft {
	struct machine machine;
	uint64_t version;                         /* of the file's layout: kmemsim: 1 */
	uint64_t memory;                          /* bytes; DRAFT_AUTO = see nodes */
	uint32_t cpus;                            /* DRAFT_AUTO32 = see nodes */
	struct draft_node nodes[MACHINE_MAX_NODES];
	uint32_t nr_nodes;
	uint64_t zero_bandwidth;                  /* bytes a second; 0 = not given: latency.zero_kib says it */
};

enum key_kind {
	KEY_COUNT,   /* a number */
	KEY_SIZE,    /* bytes */
	KEY_TIME,    /* nanoseconds */
	KEY_RATE,    /* bytes a second */
	KEY_BOOL,
	KEY_WORD,    /* one of .words; stored as its index */
	KEY_TEXT,    /* characters of .size bytes, the terminating 0 among them */
	KEY_COUNTS,  /* list of at most .list_max numbers of .size bytes */
	KEY_CPUS,    /* a number of CPUs, or a list of CPUs and ranges of CPUs: struct draft_node */
	KEY_RECORDS, /* list of at most .list_max structs of .size bytes, whose keys follow as "path.#.key" */
};

struct key {
	const char *path;
	enum key_kind kind;
	uint32_t size;              /* bytes of the field, or of one element of a list */
	uint32_t offset;            /* in struct draft, or in the element that the last # stands for */
	uint64_t min, max;
	const char *def;            /* as it would be written; NULL: none, for an element's key: required */
	bool automatic;             /* `auto` is allowed and stores auto_value */
	uint64_t auto_value;
	bool none;                  /* `none` is allowed and stores none_value */
	uint64_t none_value;
	const char *const *words;   /* of KEY_WORD, NULL ends */
	uint32_t list_max;
	/* of the uint32_t that counts the list's elements; 0 = ended by 0 if .min, else fixed */
	uint32_t list_offset;
	bool ascending;             /* KEY_COUNTS: each larger than the one before */
	bool address;               /* written in hexadecimal */
	bool silent_zero;           /* the canonical file leaves it out when it is 0 or false */
	bool input_only;            /* the canonical file says it with other keys */
};

extern const struct key machine_keys[];
extern const size_t nr_machine_keys;

/** key_find() - the key of @path, in which numbers match '#'; NULL when there is none. */
const struct key *key_find(const char *path);
/** key_find_from() - the same, looked for from @from on: files have their keys mostly in the order of the table. */
const struct key *key_find_from(const char *path, const struct key *from);
/** key_elements_end() - behind the keys of the elements of @list, which stand behind its own in the table. */
const struct key *key_elements_end(const struct key *list);

/** key_is_section() - whether @path is a map that holds keys ("zones", "nodes.0"). */
bool key_is_section(const char *path);

/** key_nearest() - the known path nearest to the unknown @path, with @path's own indices; false when none is near. */
bool key_nearest(const char *path, char *nearest);

/** key_expected() - what a value of this key looks like, for messages ("a size such as 4 GiB"). Return: @buf. */
char *key_expected(const struct key *key, char *buf, size_t size);

/** key_range() - the range of its values, for messages ("1 MiB to 64 TiB"). Return: @buf. */
char *key_range(const struct key *key, char *buf, size_t size);

enum key_answer { KEY_OK, KEY_MISTYPED, KEY_OUT_OF_RANGE };

/**
 * key_set() - store the scalar @text. @base: the struct that key->offset counts from. @index: of a KEY_COUNTS element.
 * The draft is left alone unless the answer is KEY_OK.
 */
enum key_answer key_set(const struct key *key, void *base, uint32_t index, const char *text, uint32_t page_size);

/** key_format() - the canonical text of a stored scalar; loading it stores the same. Return: @buf. */
char *key_format(const struct key *key, const void *base, uint32_t index, char *buf, size_t size);

/** key_number() - a stored scalar that is not a text. */
uint64_t key_number(const struct key *key, const void *base, uint32_t index);

/**
 * key_list_length() / key_set_list_length() - elements of a list; setting clears
 * those behind. key_grow_list() - the same where these are clear already.
 */
uint32_t key_list_length(const struct key *key, const void *base);
void key_set_list_length(const struct key *key, void *base, uint32_t length);
void key_grow_list(const struct key *key, void *base, uint32_t length);

/** draft_defaults() - all keys at their defaults. */
void draft_defaults(struct draft *draft);

/** draft_first_node() - node 0 with its defaults, for a draft without nodes. */
void draft_first_node(struct draft *draft);

/** draft_element_defaults() - the keys of one list element ("nodes.#.") at their defaults. */
void draft_element_defaults(const struct key *list, void *element);

#endif
