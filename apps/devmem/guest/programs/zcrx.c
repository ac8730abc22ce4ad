/*
 * Receives a stream by io_uring zero-copy receive: gives a queue an area of its own memory, looks at every byte there, refills.
 *
 *   zcrx [--dev eth0] [--queue 1] [--port 5201] [--bytes N] [--seed N] [--area BYTES]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "netdev-family.h"
#include "options.h"
#include "pattern.h"
#include "result.h"
#include "ring.h"
#include "transfer.h"
#include "zcrx-uapi.h"

#define PAGE_BYTES 4096
#define ENTRIES 64
#define PATIENCE_SECONDS 30

struct receiver {
	struct ring ring;
	int fd;
	uint8_t *area;
	size_t area_bytes;
	uint64_t area_token;
	uint32_t id;
	unsigned int *refill_head;
	unsigned int *refill_tail;
	struct zcrx_refill_entry *refill;
	unsigned int refill_entries;
	uint32_t seed;
	uint64_t bytes;
	uint64_t completions;
};

static uint8_t *anonymous(size_t bytes)
{
	uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die_errno("%zu bytes of memory", bytes);
	return memory;
}

static void register_queue(struct receiver *receiver, unsigned int ifindex, uint32_t queue)
{
	size_t ring_bytes = PAGE_BYTES + receiver->refill_entries * sizeof(struct zcrx_refill_entry);
	struct zcrx_area area = { .address = (uintptr_t)receiver->area, .length = receiver->area_bytes };
	struct zcrx_region region = {
		.size = (ring_bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1), .flags = MEMORY_REGION_OF_USER
	};
	struct zcrx_registration registration = {
		.ifindex = ifindex,
		.rx_queue = queue,
		.refill_entries = receiver->refill_entries,
		.area = (uintptr_t)&area,
		.region = (uintptr_t)&region,
	};
	uint8_t *ring = anonymous(region.size);

	region.address = (uintptr_t)ring;
	if (syscall(SYS_io_uring_register, receiver->ring.fd, REGISTER_ZCRX_IFQ, &registration, 1) < 0)
		die_errno("registering rx queue %u", queue);
	receiver->area_token = area.token;
	receiver->id = registration.id;
	receiver->refill_head = (unsigned int *)(ring + registration.offsets.head);
	receiver->refill_tail = (unsigned int *)(ring + registration.offsets.tail);
	receiver->refill = (struct zcrx_refill_entry *)(ring + registration.offsets.entries);
	receiver->refill_entries = registration.refill_entries;
}

static void ask(struct receiver *receiver)
{
	struct io_uring_sqe *entry = ring_next_entry(&receiver->ring);

	entry->opcode = OP_RECV_ZC;
	entry->fd = receiver->fd;
	entry->ioprio = RECV_MULTISHOT_FLAG;
	/* The same word names the registered queue. */
	entry->splice_fd_in = receiver->id;
	ring_enter(&receiver->ring, 1, 0);
}

static void give_back(struct receiver *receiver, uint64_t offset, uint32_t length)
{
	unsigned int tail = *receiver->refill_tail;
	struct zcrx_refill_entry *entry = &receiver->refill[tail & (receiver->refill_entries - 1)];

	if (tail - __atomic_load_n(receiver->refill_head, __ATOMIC_ACQUIRE) >= receiver->refill_entries)
		die("the refill ring is full");
	entry->offset = offset | receiver->area_token;
	entry->length = length;
	__atomic_store_n(receiver->refill_tail, tail + 1, __ATOMIC_RELEASE);
}

static void take_data(struct receiver *receiver, const struct io_uring_cqe *completion)
{
	uint64_t offset = *(const uint64_t *)(completion + 1) & ((1ULL << ZCRX_AREA_SHIFT) - 1);
	size_t length = completion->res;
	size_t right;

	if (offset + length > receiver->area_bytes)
		die("a completion at %llu, behind the area", (unsigned long long)offset);
	right = pattern_check(receiver->area + offset, receiver->bytes, length, receiver->seed);
	if (right != length)
		die("byte %llu of the stream is wrong", (unsigned long long)(receiver->bytes + right));
	receiver->bytes += length;
	receiver->completions++;
	give_back(receiver, offset, length);
}

/* Takes all completions that are there. Returns 0 at the end of the stream. */
static int take_completions(struct receiver *receiver)
{
	struct io_uring_cqe *completion;

	while ((completion = ring_peek(&receiver->ring))) {
		int result = completion->res;
		int more = completion->flags & CQE_MORE_FLAG;

		if (result > 0)
			take_data(receiver, completion);
		ring_seen(&receiver->ring);
		if (result == 0)
			return 0;
		/* For a moment there was no room for completions, or no buffer; both have gone back by now. */
		if (result < 0 && result != -ENOSPC && result != -ENOMEM && result != -ENOBUFS)
			die("receiving: %s after %llu bytes", strerror(-result), (unsigned long long)receiver->bytes);
		if (!more)
			ask(receiver);
	}
	return 1;
}

int main(int argc, char **argv)
{
	unsigned int ifindex = option_device(argc, argv);
	uint32_t queue = option_number(argc, argv, "queue", 1);
	uint16_t port = option_number(argc, argv, "port", 5201);
	uint64_t wanted = option_number(argc, argv, "bytes", 16 << 20);
	struct receiver receiver = {
		.ring = ring_create(ENTRIES),
		.area_bytes = option_number(argc, argv, "area", 16 << 20),
		.seed = option_number(argc, argv, "seed", 1),
	};
	struct queue_state state;
	struct genl genl;
	double began;
	int result = genl_open(&genl, "netdev");

	if (result < 0)
		die("the netdev family: %s", strerror(-result));
	receiver.area = anonymous(receiver.area_bytes);
	receiver.refill_entries = 8192;
	register_queue(&receiver, ifindex, queue);
	result = netdev_queue_get(&genl, ifindex, queue, QUEUE_TYPE_RX, &state);
	if (result < 0 || !state.io_uring)
		die("queue-get shows no io-uring on rx queue %u", queue);

	receiver.fd = accept_stream(port, wanted, receiver.seed);
	alarm(PATIENCE_SECONDS);
	began = seconds_now();
	ask(&receiver);
	do
		ring_enter(&receiver.ring, 0, 1);
	while (take_completions(&receiver));
	began = seconds_now() - began;
	close(receiver.fd);
	if (receiver.bytes != wanted)
		die("%llu of %llu bytes came", (unsigned long long)receiver.bytes, (unsigned long long)wanted);
	printf("%llu bytes in %llu completions, all given back, %.1f MB/s\n", (unsigned long long)receiver.bytes,
	       (unsigned long long)receiver.completions, receiver.bytes / began / 1e6);
	return 0;
}
