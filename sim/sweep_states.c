/* sweep_states: the saved states that points of a sweep begin with. */
#include <stdlib.h>
#include <string.h>

#include "configs/saved_list.h"
#include "configs/saved_state.h"
#include "sim/sweep_priv.h"

static int read_state(struct sweep_plan *plan, const char *path, struct err *err)
{
	struct plan_state *grown = reallocarray(plan->states, plan->nr_states + 1, sizeof(*grown));
	struct plan_state *s;

	if (!grown)
		return err_set(err, ERR_NOMEM, "%s: no memory for it", path);
	plan->states = grown;
	s = &grown[plan->nr_states++];
	*s = (struct plan_state){
		.path = strdup(path),
		.maps = calloc(plan->sweep->nr_traces, sizeof(*s->maps)),
		.mapped = calloc(plan->sweep->nr_traces, sizeof(*s->mapped)),
	};
	if (!s->path || !s->maps || !s->mapped)
		return err_set(err, ERR_NOMEM, "%s: no memory for it", path);
	if (saved_initial(&s->state, path, NULL, err) < 0)
		s->unread = *err;
	return -(int)s->unread.code;
}

/* A state that does not tell its slabs has no objects to be found by address. */
static int find_map(struct plan_state *s, const struct sweep *sweep, uint32_t trace, uint32_t page_size,
	struct err *err)
{
	if (s->mapped[trace] || !s->state->exact_slabs)
		return 0;
	s->mapped[trace] = true;
	return direct_map_find(&s->maps[trace], sweep->traces[trace], saved_memory_end(s->state, page_size), err);
}

int plan_states_add(struct sweep_plan *plan, const struct machine *machine, uint32_t trace, uint32_t *index,
	struct err *err)
{
	const struct sweep *sweep = plan->sweep;
	const char *path = sweep->initial[0] ? sweep->initial : machine->initial;
	uint32_t i = 0;

	*index = PLAN_BOOT;
	if (!path[0] || !strcmp(path, "none"))
		return 0;
	while (i < plan->nr_states && strcmp(plan->states[i].path, path))
		i++;
	if (i == plan->nr_states && read_state(plan, path, err) < 0)
		return -(int)err->code;
	/* Another point's machine begins there, too, and was told why not. */
	if (!plan->states[i].state) {
		*err = plan->states[i].unread;
		return -(int)err->code;
	}
	*index = i;
	return find_map(&plan->states[i], sweep, trace, machine->page_size, err);
}

void plan_states_free(struct sweep_plan *plan)
{
	for (uint32_t i = 0; i < plan->nr_states; i++) {
		saved_state_free(plan->states[i].state);
		free(plan->states[i].path);
		free(plan->states[i].maps);
		free(plan->states[i].mapped);
	}
	free(plan->states);
}
