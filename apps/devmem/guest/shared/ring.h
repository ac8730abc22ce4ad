/* A small io_uring by system calls: entries of 64 bytes in, completions of 32 bytes out. */
#ifndef RING_H
#define RING_H

#include <linux/io_uring.h>
#include <stdint.h>

struct ring {
	int fd;
	unsigned int *sq_tail;
	unsigned int *sq_mask;
	unsigned int *sq_array;
	struct io_uring_sqe *sqes;
	unsigned int *cq_head;
	unsigned int *cq_tail;
	unsigned int *cq_mask;
	uint8_t *cqes;
};

/* Ends the program when there is none to be had. */
struct ring ring_create(unsigned int entries);

/* An empty entry, which the next ring_enter submits. */
struct io_uring_sqe *ring_next_entry(struct ring *ring);

/* Submits what is new and waits for completions. Ends the program on errors. */
void ring_enter(struct ring *ring, unsigned int submitted, unsigned int wanted);

/* The oldest completion, followed by its second half; NULL when there is none. ring_seen gives it back. */
struct io_uring_cqe *ring_peek(struct ring *ring);
void ring_seen(struct ring *ring);

#endif
