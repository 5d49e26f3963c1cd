/*
 * call_chain: who asked, of the chain of callers that a recorder wrote behind an event (option stacktrace,
 * `trace-cmd record -T`, `perf record -g`). The chain begins in the tracer and in the memory layer; the first
 * function behind those is the caller.
 */
#ifndef KMEMSIM_TRACES_CALL_CHAIN_H
#define KMEMSIM_TRACES_CALL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

/** call_chain_is_caller() - whether @function (@len bytes, no offset) is of neither. */
bool call_chain_is_caller(const char *function, size_t len);

/**
 * call_chain_is_trampoline() - whether @function is what function_graph and return probes put in
 * the place of a return address: who called the function that they trace is not known from that.
 */
bool call_chain_is_trampoline(const char *function, size_t len);

/**
 * call_chain_line() - "=> symbol+0x1d/0x40" (the kernel), "=> symbol+0x1d (ffffffff81234567)" (trace-cmd),
 * "\tffffffff816349cd symbol+0x20d ([kernel.kallsyms])" (perf; the last word may be missing).
 * @site, @len: "symbol+0x1d", or "symbol" where no offset is printed; points into the line.
 * Return: whether it is such a line; *len is 0 where it names no function of the kernel.
 */
bool call_chain_line(const char *line, const char **site, size_t *len);

#endif
