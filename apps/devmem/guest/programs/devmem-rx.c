/*
 * Receives a stream into device memory: binds a udmabuf to a queue, receives with MSG_SOCK_DEVMEM, looks at every byte, gives every token back, unbinds.
 *
 *   devmem-rx [--dev eth0] [--queue 1] [--port 5201] [--bytes N] [--seed N] [--dmabuf BYTES] [--hoard TOKENS]
 *
 * --hoard: keeps that many tokens until they are all there or nothing more comes for a second, then gives them back and goes on.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "devmem-uapi.h"
#include "netdev-family.h"
#include "options.h"
#include "pattern.h"
#include "result.h"
#include "transfer.h"
#include "udmabuf.h"

#define PATIENCE_MS 20000
#define HOARDING_PATIENCE_MS 1000
#define READ_BYTES 819200
#define CONTROL_BYTES 65536

struct receiver {
	int fd;
	struct udmabuf memory;
	uint32_t binding;
	uint32_t seed;
	uint64_t bytes;
	uint64_t linear_bytes;
	uint64_t fragments;
	uint64_t returned;
	uint64_t hoard;
	struct devmem_tokens *tokens;
	size_t held;
};

static void give_back(struct receiver *receiver)
{
	for (size_t at = 0; at < receiver->held;) {
		size_t left = receiver->held - at;
		size_t count = left < DONTNEED_RANGES_MAX ? left : DONTNEED_RANGES_MAX;
		int freed = setsockopt(receiver->fd, SOL_SOCKET, SO_DEVMEM_DONTNEED_OPTION, receiver->tokens + at,
				       count * sizeof(struct devmem_tokens));

		if (freed < 0)
			die_errno("SO_DEVMEM_DONTNEED");
		if ((size_t)freed != count)
			die("SO_DEVMEM_DONTNEED took %d of %zu tokens", freed, count);
		receiver->returned += freed;
		at += count;
	}
	receiver->held = 0;
}

static void take_fragment(struct receiver *receiver, const struct devmem_fragment *fragment)
{
	size_t right;

	if (fragment->dmabuf_id != receiver->binding)
		die("a fragment of binding %u, not %u", fragment->dmabuf_id, receiver->binding);
	if (fragment->offset + fragment->size > receiver->memory.size)
		die("a fragment at %llu, behind the memory", (unsigned long long)fragment->offset);
	right = pattern_check(receiver->memory.bytes + fragment->offset, receiver->bytes, fragment->size, receiver->seed);
	if (right != fragment->size)
		die("byte %llu of the stream is wrong", (unsigned long long)(receiver->bytes + right));
	receiver->bytes += fragment->size;
	receiver->fragments++;
	receiver->tokens[receiver->held++] = (struct devmem_tokens){ .first = fragment->token, .count = 1 };
}

static void take_messages(struct receiver *receiver, struct msghdr *message)
{
	for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
		struct devmem_fragment fragment;

		if (one->cmsg_level != SOL_SOCKET)
			continue;
		memcpy(&fragment, CMSG_DATA(one), sizeof(fragment));
		if (one->cmsg_type == SCM_DEVMEM_DMABUF_TYPE)
			take_fragment(receiver, &fragment);
		else if (one->cmsg_type == SCM_DEVMEM_LINEAR_TYPE)
			receiver->linear_bytes += fragment.size;
	}
}

/* Returns 0 at the end of the stream. */
static int receive(struct receiver *receiver)
{
	static uint8_t bytes[READ_BYTES];
	static uint8_t control[CONTROL_BYTES];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct pollfd ready = { .fd = receiver->fd, .events = POLLIN };
	int hoarding = receiver->held < receiver->hoard;
	ssize_t received;

	if (poll(&ready, 1, hoarding ? HOARDING_PATIENCE_MS : PATIENCE_MS) != 1) {
		if (!hoarding || !receiver->held)
			die("nothing came after %llu bytes", (unsigned long long)receiver->bytes);
		fprintf(stderr, "starved with %zu tokens held\n", receiver->held);
		receiver->hoard = 0;
		give_back(receiver);
		return 1;
	}
	received = recvmsg(receiver->fd, &message, MSG_SOCK_DEVMEM_FLAG | MSG_DONTWAIT);
	if (received < 0 && errno == EAGAIN)
		return 1;
	if (received < 0)
		die_errno("recvmsg after %llu bytes", (unsigned long long)receiver->bytes);
	if (received == 0)
		return 0;
	udmabuf_begin_access(&receiver->memory, 0);
	take_messages(receiver, &message);
	udmabuf_end_access(&receiver->memory, 0);
	if (receiver->held >= receiver->hoard)
		give_back(receiver);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned int ifindex = option_device(argc, argv);
	uint32_t queue = option_number(argc, argv, "queue", 1);
	uint16_t port = option_number(argc, argv, "port", 5201);
	uint64_t wanted = option_number(argc, argv, "bytes", 16 << 20);
	size_t memory_bytes = option_number(argc, argv, "dmabuf", 16 << 20);
	struct receiver receiver = {
		.seed = option_number(argc, argv, "seed", 1), .hoard = option_number(argc, argv, "hoard", 0)
	};
	struct queue_state state;
	struct genl genl, reader;
	int64_t binding;
	double began;
	int result;

	receiver.memory = udmabuf_create(memory_bytes);
	/* A page may be in several tokens, and one recvmsg returns as many as its control buffer holds. */
	receiver.tokens = calloc(memory_bytes / 64 + CONTROL_BYTES, sizeof(*receiver.tokens));
	if ((result = genl_open(&genl, "netdev")) < 0 || (result = genl_open(&reader, "netdev")) < 0)
		die("the netdev family: %s", strerror(-result));
	binding = netdev_bind_rx(&genl, ifindex, receiver.memory.fd, queue);
	if (binding < 0)
		die("bind-rx: %s (errno %d) %s", strerror(-binding), (int)-binding, genl.message);
	receiver.binding = binding;
	result = netdev_queue_get(&reader, ifindex, queue, QUEUE_TYPE_RX, &state);
	if (result < 0 || state.dmabuf_id != receiver.binding)
		die("queue-get shows dma-buf %u on rx queue %u, not %u", state.dmabuf_id, queue, receiver.binding);

	receiver.fd = accept_stream(port, wanted, receiver.seed);
	began = seconds_now();
	while (receive(&receiver))
		;
	began = seconds_now() - began;
	give_back(&receiver);
	close(receiver.fd);
	if (receiver.linear_bytes)
		die("%llu bytes came outside device memory", (unsigned long long)receiver.linear_bytes);
	if (receiver.bytes != wanted)
		die("%llu of %llu bytes came", (unsigned long long)receiver.bytes, (unsigned long long)wanted);
	if (receiver.returned != receiver.fragments)
		die("%llu of %llu tokens returned", (unsigned long long)receiver.returned,
		    (unsigned long long)receiver.fragments);

	genl_close(&genl);
	result = netdev_queue_get(&reader, ifindex, queue, QUEUE_TYPE_RX, &state);
	if (result < 0 || state.dmabuf_id)
		die("rx queue %u shows dma-buf %u after the binding was closed", queue, state.dmabuf_id);
	printf("%llu bytes in %llu fragments, %llu tokens returned, %.1f MB/s\n", (unsigned long long)receiver.bytes,
	       (unsigned long long)receiver.fragments, (unsigned long long)receiver.returned,
	       receiver.bytes / began / 1e6);
	return 0;
}
