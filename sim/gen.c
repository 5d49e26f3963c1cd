#include "sim/gen.h"

#include <string.h>

static int fill_meta(struct trace_meta *meta, const struct workload *w, struct err *err)
{
	const char *slash = strrchr(w->file, '/');

	meta->tool = strdup("gen");
	meta->source = strdup(slash ? slash + 1 : w->file);
	meta->page_size = w->page_size;
	meta->cpus = w->cpus;
	return meta->tool && meta->source ? 0 : err_set(err, ERR_NOMEM, "no memory for a trace's header");
}

int gen_trace(struct workload *workload, const char *output, const struct gen_options *options, struct trace_meta *meta,
	struct err *err)
{
	struct trace_writer *writer;
	struct gen_plan plan = { 0 };
	int ret = trace_writer_open(&writer, output, &(struct trace_writer_options){ .level = 1 }, err);

	if (ret < 0)
		return ret;
	*meta = (struct trace_meta){ 0 };
	ret = gen_plan(&plan, workload, options, writer, err);
	if (ret == 0)
		ret = generate(&plan, writer, options->progress, options->progress_arg, err);
	gen_plan_fini(&plan);
	if (ret == 0)
		ret = fill_meta(meta, workload, err);
	if (ret == 0)
		ret = trace_writer_close(writer, meta, err);
	else
		trace_writer_abort(writer);
	if (ret < 0)
		trace_meta_fini(meta);
	return ret;
}
