#define _GNU_SOURCE
#include "ring.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "result.h"
#include "zcrx-uapi.h"

/* With SETUP_CQE32. */
#define COMPLETION_BYTES 32
/* One multishot request completes many times. */
#define COMPLETIONS_PER_ENTRY 64

static uint8_t *map_ring(int fd, size_t size, uint64_t offset)
{
	uint8_t *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (mapped == MAP_FAILED)
		die_errno("mapping an io_uring");
	return mapped;
}

struct ring ring_create(unsigned int entries)
{
	struct io_uring_params params = {
		.flags = SETUP_CQE32_FLAG | SETUP_SINGLE_ISSUER_FLAG | SETUP_DEFER_TASKRUN_FLAG | IORING_SETUP_CQSIZE,
		.cq_entries = COMPLETIONS_PER_ENTRY * entries,
	};
	struct ring ring = { .fd = syscall(SYS_io_uring_setup, entries, &params) };
	uint8_t *sq, *cq;

	if (ring.fd < 0)
		die_errno("io_uring_setup");
	sq = map_ring(ring.fd, params.sq_off.array + params.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = map_ring(ring.fd, params.cq_off.cqes + params.cq_entries * COMPLETION_BYTES, IORING_OFF_CQ_RING);
	ring.sqes = (struct io_uring_sqe *)map_ring(ring.fd, params.sq_entries * sizeof(struct io_uring_sqe),
						    IORING_OFF_SQES);
	ring.sq_tail = (unsigned int *)(sq + params.sq_off.tail);
	ring.sq_mask = (unsigned int *)(sq + params.sq_off.ring_mask);
	ring.sq_array = (unsigned int *)(sq + params.sq_off.array);
	ring.cq_head = (unsigned int *)(cq + params.cq_off.head);
	ring.cq_tail = (unsigned int *)(cq + params.cq_off.tail);
	ring.cq_mask = (unsigned int *)(cq + params.cq_off.ring_mask);
	ring.cqes = cq + params.cq_off.cqes;
	return ring;
}

struct io_uring_sqe *ring_next_entry(struct ring *ring)
{
	unsigned int tail = *ring->sq_tail;
	unsigned int index = tail & *ring->sq_mask;

	memset(&ring->sqes[index], 0, sizeof(ring->sqes[index]));
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return &ring->sqes[index];
}

void ring_enter(struct ring *ring, unsigned int submitted, unsigned int wanted)
{
	if (syscall(SYS_io_uring_enter, ring->fd, submitted, wanted, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		die_errno("io_uring_enter");
}

struct io_uring_cqe *ring_peek(struct ring *ring)
{
	unsigned int head = *ring->cq_head;

	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		return NULL;
	return (struct io_uring_cqe *)(ring->cqes + (head & *ring->cq_mask) * COMPLETION_BYTES);
}

void ring_seen(struct ring *ring)
{
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
}
