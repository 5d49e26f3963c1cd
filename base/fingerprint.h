/* fingerprint: a 64-bit rolling hash of what a run did; equal runs have equal fingerprints on every machine. */
#ifndef KMEMSIM_BASE_FINGERPRINT_H
#define KMEMSIM_BASE_FINGERPRINT_H

#include <stdint.h>

#define FINGERPRINT_START 0x6b6d656d73696d31u

/** fingerprint_add() - the fingerprint @fp after it has also seen @value; order matters. */
static inline uint64_t fingerprint_add(uint64_t fp, uint64_t value)
{
	uint64_t x = (fp ^ value) * 0x9e3779b97f4a7c15u;

	return x ^ (x >> 29);
}

#endif
