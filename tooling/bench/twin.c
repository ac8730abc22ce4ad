/*
 * What the page_pool benchmark is measured against: the least that a pool with a cache of 128 and a ring of 1024 has to do, in C.
 * Not the kernel's code, and less than the kernel does: one thread, no DMA, no NUMA, nothing across a module boundary.
 *
 *   cache          a last-in-first-out array of 128 ints. Pop and count it; hand it out; test its reference count and its signature;
 *                  push it. Laid out as the kernel's: the fast path returns from its branch, the slow one returns an element.
 *   cache_tight    the same with one exit for both paths, so that the compiler can carry the fill level from the pop to the push of
 *                  the same loop in a register, which no driver with work between the two would see.
 *   ring           a first-in-first-out ring of 1024: pop from the cache, put into the ring under a spinlock, every 64th time refill
 *                  the cache from it; consumed slots are emptied 16 at a time.
 *   ring_unlocked  the same without the lock, which a program of one thread does not need.
 *
 * Prints a line per case: name, and nanoseconds per pair of alloc and put, the median of 9 times 10 million (or the argument).
 */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TIMES = 9, CACHE = 128, REFILL = 64, RING = 1024, BATCH = 16, SLOTS = 16384, SIGNATURE = 0x40 };

struct pool {
	int count;
	int cache[CACHE];
	uint64_t fast, refill;
	int producer, head, tail;
	int ring[RING];
	int next_slot;
	pthread_spinlock_t lock;
};

static int32_t *ref_count;
static uint8_t *signature;
static volatile int sink;

/* Out of line, as in any pool: the cache is empty, or the element is not wanted. */
static __attribute__((noinline)) void fill(struct pool *p)
{
	for (int i = 0; i < REFILL; i++) {
		int slot = 1 + p->next_slot++ % (SLOTS - 1);

		ref_count[slot] = 1;
		signature[slot] = SIGNATURE;
		p->cache[p->count++] = slot;
	}
}

static __attribute__((noinline)) int fill_and_pop(struct pool *p)
{
	fill(p);
	return p->cache[--p->count];
}

static __attribute__((noinline)) void give_up(int slot)
{
	signature[slot] = 0;
}

static __attribute__((noinline)) int refill_and_pop(struct pool *p)
{
	while (p->count < REFILL && p->ring[p->head]) {
		p->cache[p->count++] = p->ring[p->head++];
		if (p->head - p->tail < BATCH && p->head < RING)
			continue;
		while (p->tail < p->head)
			p->ring[p->tail++] = 0;
		if (p->head == RING)
			p->head = p->tail = 0;
	}
	p->refill++;
	return p->cache[--p->count];
}

static int pop(struct pool *p, int (*slow)(struct pool *))
{
	if (p->count) {
		p->fast++;
		return p->cache[--p->count];
	}
	return slow(p);
}

static int pop_tight(struct pool *p)
{
	if (p->count)
		p->fast++;
	else
		fill(p);
	return p->cache[--p->count];
}

/* The last reference was dropped, and the element is the pool's. */
static int is_free(int slot)
{
	if (ref_count[slot] != 1 && --ref_count[slot] != 0)
		return 0;
	ref_count[slot] = 1;
	return signature[slot] == SIGNATURE;
}

static void push(struct pool *p, int slot)
{
	if (!is_free(slot))
		return;
	if (p->count == CACHE)
		give_up(slot);
	else
		p->cache[p->count++] = slot;
}

static void produce(struct pool *p, int slot, int locked)
{
	int full;

	if (!is_free(slot))
		return;
	if (locked)
		pthread_spin_lock(&p->lock);
	full = p->ring[p->producer];
	if (!full) {
		p->ring[p->producer] = slot;
		if (++p->producer == RING)
			p->producer = 0;
	}
	if (locked)
		pthread_spin_unlock(&p->lock);
	if (full)
		give_up(slot);
}

static void cache_loop(struct pool *p, long loops)
{
	for (long i = 0; i < loops; i++) {
		int slot = pop(p, fill_and_pop);

		sink = slot;
		push(p, slot);
	}
}

static void cache_tight_loop(struct pool *p, long loops)
{
	for (long i = 0; i < loops; i++) {
		int slot = pop_tight(p);

		sink = slot;
		push(p, slot);
	}
}

static void ring_loop(struct pool *p, long loops)
{
	for (long i = 0; i < loops; i++) {
		int slot = pop(p, refill_and_pop);

		sink = slot;
		produce(p, slot, 1);
	}
}

static void ring_unlocked_loop(struct pool *p, long loops)
{
	for (long i = 0; i < loops; i++) {
		int slot = pop(p, refill_and_pop);

		sink = slot;
		produce(p, slot, 0);
	}
}

static double now(void)
{
	struct timespec t;

	/* Its own CPU time: what else the machine does is not C's doing. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, void (*loop)(struct pool *, long), struct pool *p, long loops)
{
	double ns[TIMES];

	loop(p, loops / 10);
	for (int i = 0; i < TIMES; i++) {
		double start = now();

		loop(p, loops);
		ns[i] = (now() - start) / loops;
	}
	qsort(ns, TIMES, sizeof(*ns), by_value);
	printf("%s %.4f\n", name, ns[TIMES / 2]);
}

int main(int argc, char **argv)
{
	long loops = argc > 1 ? atol(argv[1]) : 10000000;
	struct pool *p = calloc(1, sizeof(*p));

	ref_count = calloc(SLOTS, sizeof(*ref_count));
	signature = calloc(SLOTS, sizeof(*signature));
	if (!p || !ref_count || !signature || loops < 10 || pthread_spin_init(&p->lock, PTHREAD_PROCESS_PRIVATE))
		return 1;
	fill(p);
	measure("cache", cache_loop, p, loops);
	measure("cache_tight", cache_tight_loop, p, loops);
	measure("ring", ring_loop, p, loops);
	measure("ring_unlocked", ring_unlocked_loop, p, loops);
	return sink < 0;
}
