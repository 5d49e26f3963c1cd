/* severity: how bad it is to break a rule of the kernel's interfaces, as the recorder's rows name it. */
#ifndef KMEMSIM_SIM_SEVERITY_H
#define KMEMSIM_SIM_SEVERITY_H

/* From mildest to worst: what could be better, what works by luck, what is never given back, what the kernel complains
 * about, what it refuses or what is a bug, what stops the kernel or corrupts its memory. */
enum severity {
	SEVERITY_ADVICE,
	SEVERITY_NOTICE,
	SEVERITY_LEAK,
	SEVERITY_WARNING,
	SEVERITY_ERROR,
	SEVERITY_FATAL,
	NR_SEVERITIES,
};

extern const char *const severity_name[NR_SEVERITIES];

/** severity_by_name() - the severity called @name, or NR_SEVERITIES. */
enum severity severity_by_name(const char *name);

/** rule_name() - of rules from 0 on; NULL behind the last. */
const char *rule_name(unsigned int rule);

#endif
