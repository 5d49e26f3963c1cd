/*
 * unmerged: the recorded kernel merged caches of like objects, so events name the first of them for all; this
 * machine keeps them apart (slab.merge: false). Which one a call meant its function tells, where that has words in
 * common with a cache's name: ext4_free_blocks() takes from ext4_free_data, not from jbd2_journal_handle.
 */
#include <string.h>

#include "sim/serve_priv.h"

#define WORD_BYTES 8u /* a cache is merged with one that is less than this larger */

/* Words that tell nothing of what is allocated. */
static const char *const common_words[] = { "add", "alloc", "cache", "create", "free", "get", "head", "init", "new",
	"node", "struct" };

static size_t word_length(const char *at)
{
	return strcspn(at, "_-+. ");
}

static bool is_common(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(common_words) / sizeof(common_words[0]); i++)
		if (strlen(common_words[i]) == len && !memcmp(common_words[i], word, len))
			return true;
	return len < 2;
}

/* Words of a function's name end where its offset or its suffix begins. */
static bool has_word(const char *function, const char *word, size_t len)
{
	for (const char *at = function; *at && *at != '+' && *at != '.' && *at != ' ';) {
		size_t here = word_length(at);

		if (here == len && !memcmp(at, word, len))
			return true;
		at += here;
		at += *at == '_' || *at == '-';
	}
	return false;
}

static unsigned int words_shared(const char *function, const char *cache)
{
	unsigned int shared = 0;

	for (const char *at = cache; *at; at += *at != '\0') {
		size_t len = word_length(at);

		shared += !is_common(at, len) && has_word(function, at, len);
		at += len;
	}
	return shared;
}

uint32_t unmerged_cache(const struct run *run, const struct run_op *op, uint32_t named)
{
	const struct slab *slab = run->mm.slab;
	const char *function = run_string(run, op->trace->call_site);
	unsigned int most = words_shared(function, run_string(run, op->trace->name));
	uint32_t size = slab_cache_geometry(slab, named)->size, best = named;

	for (uint32_t cache = 0; *function && cache < slab_nr_caches(slab); cache++) {
		struct slab_stats stats;
		unsigned int shared;

		if (!slab_cache_live(slab, cache) || cache == named ||
			slab_cache_geometry(slab, cache)->size + WORD_BYTES <= size ||
			slab_cache_geometry(slab, cache)->size > size)
			continue;
		slab_cache_stats(slab, cache, &stats);
		shared = words_shared(function, stats.name);
		if (shared <= most || strstr(stats.name, "kmalloc-") || trace_names_cache(run, stats.name))
			continue;
		best = cache;
		most = shared;
	}
	return best;
}
