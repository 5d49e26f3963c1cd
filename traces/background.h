/*
 * background: one piece of work at a time, done in a thread of its own while the caller prepares the next. What the
 * work touches is the thread's from background_start() until background_wait(), so that it needs no locks of its
 * own.
 */
#ifndef KMEMSIM_TRACES_BACKGROUND_H
#define KMEMSIM_TRACES_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

typedef int (*background_fn)(void *arg, struct err *err);

struct background {
	background_fn work;
	void *arg;             /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool started;          /* the thread is there; it is made when there is work */
	bool busy, ending;
	struct err err;        /* of the last piece of work */
};

void background_init(struct background *b, background_fn work, void *arg);
/** background_wait() - until the last piece of work is done. Return: what it answered; the first time only. */
int background_wait(struct background *b, struct err *err);
/** background_start() - do the next piece of work; the one before must have been waited for. */
int background_start(struct background *b, struct err *err);
/** background_fini() - waits as well. */
void background_fini(struct background *b);

#endif
