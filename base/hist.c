#include "base/hist.h"

uint64_t hist_bucket_low(unsigned int bucket)
{
	if (bucket < HIST_SUB)
		return bucket;
	unsigned int shift = bucket / HIST_SUB - 1;

	return (uint64_t)(bucket % HIST_SUB + HIST_SUB) << shift;
}

uint64_t hist_bucket_high(unsigned int bucket)
{
	if (bucket < HIST_SUB)
		return bucket;
	return hist_bucket_low(bucket) + ((1ull << (bucket / HIST_SUB - 1)) - 1);
}

uint64_t hist_percentile(const struct hist *hist, unsigned int permille10)
{
	uint64_t seen = 0;
	uint64_t wanted;

	if (!hist->count)
		return 0;
	wanted = (uint64_t)(((unsigned __int128)hist->count * permille10 + 9999) / 10000);
	if (!wanted)
		wanted = 1;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += hist->buckets[i];
		if (seen >= wanted)
			return min_u64(hist_bucket_high(i), hist->max);
	}
	return hist->max;
}
