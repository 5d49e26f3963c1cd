/* loader: one load of a machine: what was read, where it came from, what is wrong with it. */
#ifndef KMEMSIM_CONFIGS_LOADER_PRIV_H
#define KMEMSIM_CONFIGS_LOADER_PRIV_H

#include "configs/findings.h"
#include "configs/schema_priv.h"
#include "configs/yaml_tree.h"

struct loader {
	struct draft *draft;
	struct findings *findings;
	struct yaml_node *root;        /* owned: of the file; NULL without one */
	const char *const *sets;       /* borrowed */
	uint32_t nr_sets;
	const char *setting;           /* borrowed: the one being applied; NULL while the file is read */
	uint32_t page_size;            /* for sizes in pages */
	/* bytes of RAM that the file has, when a setting of memory changes them; else 0 */
	uint64_t memory_before;
};

/** load_settings() - apply all --set texts to the draft, in order. */
void load_settings(struct loader *l);

/** load_value() - one value of the file, or of a setting, into the struct at @base that its key counts from. */
void load_value(struct loader *l, const struct key *key, void *base, const char *path, const struct yaml_node *node);

/** load_map() - the keys of a map. @path: of the map, "" for the whole file. */
void load_map(struct loader *l, void *base, const char *path, const struct yaml_node *map);

/** load_unknown() - report a key that is not known, with the nearest one. */
void load_unknown(struct loader *l, struct finding_place place, const char *path);

/** path_is_within() - whether @path is @above or a key below it. */
bool path_is_within(const char *path, const char *above);

/** place_of() - of a node that is being read. */
struct finding_place place_of(const struct loader *l, const struct yaml_node *node);

/** place_of_path() - where @path, or what is nearest above it, was given, by a setting or in the file. */
struct finding_place place_of_path(const struct loader *l, const char *path);

/** draft_resolve() - replace each `auto` that is resolved here, flatten nodes, check the machine as a whole. */
void draft_resolve(struct loader *l);

/** latency_load_map() - before the keys of a map `latency` are read: the profile in it sets their defaults. */
void latency_load_map(struct loader *l, const struct yaml_node *map);

/** latency_after_setting() - what a setting of @path replaces of the costs that were given before. */
void latency_after_setting(struct loader *l, const char *path);

/** draft_resolve_latency() - the cost of clearing, where it was given as a bandwidth. */
void draft_resolve_latency(struct loader *l);

/** draft_resolve_kernel() - defaults that depend on the kernel. */
void draft_resolve_kernel(struct loader *l);

/** draft_resolve_memory() - RAM, nodes, CPUs, then reserved ranges: the part of draft_resolve() that places things. */
void draft_resolve_memory(struct loader *l);
void draft_resolve_reserved(struct loader *l);

/**
 * machine_place_initial() - a relative folder of the initial state
 * is meant from that of @file, which names it. ERR_CONFIG: too long.
 */
int machine_place_initial(struct machine *machine, const char *file, struct err *err);

/** draft_resolve_regions() - @io in order, properly nested, its claims decided. @path: of the list, for messages. */
void draft_resolve_regions(struct loader *l, const char *path, struct machine_io *io);

#endif
