/*
 * latency: what steps cost on machines of known kinds, the profiles that `latency.profile`
 * names. docs/latency.md says of each step what it is and where its costs come from.
 */
#ifndef KMEMSIM_CONFIGS_LATENCY_H
#define KMEMSIM_CONFIGS_LATENCY_H

#include "configs/machine.h"

/** latency_default_ns() - what @step costs in @profile: ns; of zero_kib and zero_cold_kib ns per KiB. */
uint32_t latency_default_ns(enum machine_profile profile, enum machine_step step);

/** latency_is_device() - whether @step waits for a device rather than for the processor and its memory. */
bool latency_is_device(enum machine_step step);

#endif
