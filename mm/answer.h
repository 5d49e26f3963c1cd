/* answer: what the modelled kernel says to a request. Never an error of kmemsim itself. */
#ifndef KMEMSIM_MM_ANSWER_H
#define KMEMSIM_MM_ANSWER_H

enum mm_answer {
	MM_DONE,
	MM_FAILED, /* no memory, or refused, as the kernel would */
	MM_WAIT,   /* must sleep; call again when the wait is over */
};

#endif
