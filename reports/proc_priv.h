/* proc_priv: the kernel's own files that have a source file of their own, for proc.c. */
#ifndef KMEMSIM_REPORTS_PROC_PRIV_H
#define KMEMSIM_REPORTS_PROC_PRIV_H

#include "reports/results_priv.h"

/* What all the files need to know of the sample that they show. */
struct proc_sample {
	struct results *results; /* borrowed */
	FILE *out;               /* borrowed */
	int64_t id;
	int64_t max_order, pageblock_order, cma;
};

/* proc_resource.c */
int proc_iomem(const struct proc_sample *sample, struct err *err);
int proc_ioports(const struct proc_sample *sample, struct err *err);
/* proc_vmallocinfo.c */
int proc_vmallocinfo(const struct proc_sample *sample, struct err *err);
/* proc_zoneinfo.c */
int proc_zoneinfo(const struct proc_sample *sample, struct err *err);

#endif
