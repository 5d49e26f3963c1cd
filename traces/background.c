#include "traces/background.h"

#include <errno.h>
#include <signal.h>

void background_init(struct background *b, background_fn work, void *arg)
{
	*b = (struct background){ .work = work, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };
}

static void *run(void *arg)
{
	struct background *b = arg;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		struct err err = { 0 };

		while (!b->busy && !b->ending)
			pthread_cond_wait(&b->changed, &b->lock);
		if (!b->busy)
			break;
		pthread_mutex_unlock(&b->lock);
		b->work(b->arg, &err);
		pthread_mutex_lock(&b->lock);
		b->err = err;
		b->busy = false;
		pthread_cond_signal(&b->changed);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

int background_wait(struct background *b, struct err *err)
{
	struct err done;

	if (!b->started)
		return 0;
	pthread_mutex_lock(&b->lock);
	while (b->busy)
		pthread_cond_wait(&b->changed, &b->lock);
	done = b->err;
	b->err = (struct err){ 0 };
	pthread_mutex_unlock(&b->lock);
	if (!done.code)
		return 0;
	*err = done;
	return -(int)done.code;
}

/* Signals are for the thread that can act on them. */
static int start_thread(struct background *b)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&b->thread, NULL, run, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	b->started = errno == 0;
	return b->started ? 0 : -1;
}

int background_start(struct background *b, struct err *err)
{
	if (!b->started && start_thread(b) < 0)
		return err_errno(err, "no thread to write with");
	pthread_mutex_lock(&b->lock);
	b->busy = true;
	pthread_cond_signal(&b->changed);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

void background_fini(struct background *b)
{
	if (!b->started)
		return;
	pthread_mutex_lock(&b->lock);
	b->ending = true;
	pthread_cond_signal(&b->changed);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	b->started = false;
}
