#include "traces/kind.h"

#include <string.h>

const struct kind_info kind_info[NR_KINDS] = {
#define X(id, text, does, keyset) [KIND_##id] = { .name = text, .slot = does, .keys = keyset },
	TRACE_KINDS(X)
#undef X
};

const char *const origin_name[NR_ORIGINS] = {
#define X(id, text) [ORIGIN_##id] = text,
	TRACE_ORIGINS(X)
#undef X
};

enum trace_kind kind_by_name(const char *name)
{
	for (int kind = 0; kind < NR_KINDS; kind++)
		if (!strcmp(kind_info[kind].name, name))
			return (enum trace_kind)kind;
	return NR_KINDS;
}
