/* workload_priv: what the files of a workload share: workload.c (the file), workload_stream.c, workload_value.c. */
#ifndef KMEMSIM_CONFIGS_WORKLOAD_PRIV_H
#define KMEMSIM_CONFIGS_WORKLOAD_PRIV_H

#include "configs/workload.h"
#include "configs/yaml_tree.h"

enum workload_unit { UNIT_COUNT, UNIT_TIME, UNIT_ANY };

#define PLACE(node) ((struct finding_place){ .line = (node)->line, .column = (node)->column })

/* Findings go into w->findings; what cannot be read is left at its default. */

/** load_draw() - a value or a distribution; texts are let in where @unit is ANY. */
void load_draw(struct workload *w, struct workload_value *value, const char *key, const struct yaml_node *node,
	enum workload_unit unit);
void workload_value_fini(struct workload_value *value);
/** values_fini() - @nr of them and their array. */
void values_fini(struct workload_value *values, uint32_t nr);

/** Scalars. Return: whether it could be read and is within @min .. @max. */
bool load_number(struct workload *w, const char *key, const struct yaml_node *node, uint64_t min, uint64_t max,
	uint64_t *number);
bool load_time(struct workload *w, const char *key, const struct yaml_node *node, ns_t *time);
/** load_fraction() - "0.25", or "25 %" of @one; at most @max ones. */
bool load_fraction(struct workload *w, const char *key, const struct yaml_node *node, uint64_t one, uint64_t max,
	uint64_t *number);
bool load_bool(struct workload *w, const char *key, const struct yaml_node *node, bool *is);
/** load_text() - a scalar that is not empty. Return: NULL when it is not one. */
const char *load_text(struct workload *w, const char *key, const struct yaml_node *node);
/** load_word() - index of one of @words, NULL ends them; the number of words when it is none. */
uint32_t load_word(struct workload *w, const char *key, const struct yaml_node *node, const char *const *words);

/** parse_fraction() - a decimal number as units of 1 / @one. Return: the rest of the text, or NULL. */
const char *parse_fraction(const char *text, uint64_t one, uint64_t *number);

/** map_of() - whether the node is a map whose keys are plain words, each once. An empty value is an empty map. */
bool map_of(struct workload *w, const char *what, const struct yaml_node *node);
/** count_of() - elements of a list; entries of a map. */
uint32_t count_of(const struct yaml_node *node);
/** unknown_key() - with the nearest of @nr @keys. */
void unknown_key(struct workload *w, const struct yaml_node *name, const char *const *keys, size_t nr);

void load_streams(struct workload *w, const struct yaml_node *node);
void stream_fini(struct workload_stream *stream);

#endif
