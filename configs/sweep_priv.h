/*
 * sweep_priv: what the files of a sweep share: sweep.c (the
 * file), sweep_vary.c (what varies), sweep_where.c (conditions).
 */
#ifndef KMEMSIM_CONFIGS_SWEEP_PRIV_H
#define KMEMSIM_CONFIGS_SWEEP_PRIV_H

#include "configs/loader_priv.h"
#include "configs/sweep.h"

/** One of the alternatives of an axis: the settings that go together. */
struct sweep_choice {
	char *name;                /* owned: of a variant; NULL for other kinds */
	char **sets;               /* owned: "key=value" */
	uint32_t nr_sets;
};

/** What varies independently of the other axes. */
struct sweep_axis {
	struct sweep_choice *choices; /* owned */
	uint32_t nr_choices;
	bool named;                /* its choices are the sweep's variants */
};

/** One choice of each axis. */
struct sweep_combination {
	const char **sets;         /* owned array of borrowed texts */
	uint32_t nr_sets;
	const char *variant;       /* borrowed; NULL = none */
};

#define SWEEP_MAX_WHERE 16

/* A condition, compiled. */
struct where;

/** sweep_load_vary() - the axes of a `vary` map. @vary: its value. */
void sweep_load_vary(struct loader *l, struct sweep *sweep, const struct yaml_node *vary);

/** sweep_axes_free() - all axes and combinations of the sweep. */
void sweep_axes_free(struct sweep *sweep);

/**
 * sweep_expand() - fill the points, in order. @where: @nr_where
 * conditions that must all hold. ERR_CONFIG: too many, or none.
 */
int sweep_expand(struct sweep *sweep, struct where *const *where, uint32_t nr_where, struct err *err);

/**
 * sweep_where_parse() - compile the text of @node. Findings tell what is wrong with it, with the column within the text
 * when it is written plainly in one line. Return: the condition, which the caller frees; NULL when it is wrong.
 */
struct where *sweep_where_parse(struct loader *l, const struct sweep *sweep, const struct yaml_node *node);
bool sweep_where_holds(const struct where *where, const struct sweep *sweep, const struct sweep_point *point);
void sweep_where_free(struct where *where);

/**
 * node_to_flow() - @node as YAML text in one line, which reads
 * as the same. Return: a string that the caller frees, or NULL.
 */
char *node_to_flow(const struct yaml_node *node);

/** sweep_key_known() - whether @len bytes of @key are set by some choice of the sweep. */
bool sweep_key_known(const struct sweep *sweep, const char *key, size_t len);

/** sweep_set_value() - the value that @point sets @key to, NULL if it does not. */
const char *sweep_set_value(const struct sweep_point *point, const char *key, size_t len);

#endif
