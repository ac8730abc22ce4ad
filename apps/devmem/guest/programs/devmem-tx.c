/*
 * Sends a stream from device memory: binds a udmabuf for sending, names its bytes by offset with SCM_DEVMEM_DMABUF, and writes new ones only where the
 * card is done with the old.
 *
 *   devmem-tx --to ADDRESS [--dev eth0] [--bytes N] [--seed N] [--dmabuf BYTES]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Needs struct timespec, and does not say so. */
#include <linux/errqueue.h>

#include "clock.h"
#include "devmem-uapi.h"
#include "netdev-family.h"
#include "options.h"
#include "pattern.h"
#include "result.h"
#include "transfer.h"
#include "udmabuf.h"

#define PATIENCE_MS 20000
#define WRITE_BYTES 65536

struct sender {
	int fd;
	uint32_t binding;
	uint32_t sent_calls;
	uint32_t completed_calls;
	uint64_t copied_calls;
};

/* A notification names a range of sendmsg calls, counted from 0. */
static void take_notification(struct sender *sender)
{
	uint8_t control[256];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };

	if (recvmsg(sender->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		if (errno == EAGAIN)
			return;
		die_errno("the error queue");
	}
	for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
		struct sock_extended_err error;

		memcpy(&error, CMSG_DATA(one), sizeof(error));
		if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY || error.ee_errno != 0)
			die("an error of origin %u: %s", error.ee_origin, strerror(error.ee_errno));
		if (error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
			sender->copied_calls += error.ee_data - error.ee_info + 1;
		sender->completed_calls += error.ee_data - error.ee_info + 1;
	}
}

static void wait_for_all(struct sender *sender)
{
	while (sender->completed_calls != sender->sent_calls) {
		struct pollfd ready = { .fd = sender->fd, .events = 0 };

		if (poll(&ready, 1, PATIENCE_MS) != 1)
			die("%u of %u sends were never completed", sender->sent_calls - sender->completed_calls,
			    sender->sent_calls);
		take_notification(sender);
	}
}

static size_t send_range(struct sender *sender, size_t offset, size_t length)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint32_t))] = { 0 };
	struct iovec iov = { .iov_base = (void *)offset, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
	ssize_t sent;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_DEVMEM_DMABUF_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(uint32_t));
	memcpy(CMSG_DATA(cmsg), &sender->binding, sizeof(uint32_t));
	sent = sendmsg(sender->fd, &message, MSG_ZEROCOPY_FLAG);
	if (sent <= 0)
		die_errno("sendmsg");
	sender->sent_calls++;
	take_notification(sender);
	return sent;
}

int main(int argc, char **argv)
{
	unsigned int ifindex = option_device(argc, argv);
	struct transfer_header header = {
		.magic = TRANSFER_MAGIC,
		.direction = TRANSFER_FROM_GUEST,
		.bytes = option_number(argc, argv, "bytes", 16 << 20),
		.seed = option_number(argc, argv, "seed", 1),
	};
	const char *to = option_text(argc, argv, "to", "10.99.0.1");
	struct udmabuf memory = udmabuf_create(option_number(argc, argv, "dmabuf", 4 << 20));
	struct sender sender = { 0 };
	struct genl genl;
	int64_t binding;
	double began;
	int on = 1;
	int result = genl_open(&genl, "netdev");

	if (result < 0)
		die("the netdev family: %s", strerror(-result));
	binding = netdev_bind_tx(&genl, ifindex, memory.fd);
	if (binding < 0)
		die("bind-tx: %s (errno %d) %s", strerror(-binding), (int)-binding, genl.message);
	sender.binding = binding;
	sender.fd = request_stream(to, &header);
	if (setsockopt(sender.fd, SOL_SOCKET, SO_ZEROCOPY_OPTION, &on, sizeof(on)) < 0)
		die_errno("SO_ZEROCOPY");

	began = seconds_now();
	for (uint64_t done = 0; done < header.bytes;) {
		uint64_t left = header.bytes - done;
		size_t round = left < memory.size ? left : memory.size;

		udmabuf_begin_access(&memory, 1);
		pattern_fill(memory.bytes, done, round, header.seed);
		udmabuf_end_access(&memory, 1);
		for (size_t at = 0; at < round;)
			at += send_range(&sender, at, round - at < WRITE_BYTES ? round - at : WRITE_BYTES);
		wait_for_all(&sender);
		done += round;
	}
	shutdown(sender.fd, SHUT_WR);
	expect_verdict(sender.fd);
	began = seconds_now() - began;
	close(sender.fd);
	genl_close(&genl);
	if (sender.copied_calls)
		die("%llu sends were copied", (unsigned long long)sender.copied_calls);
	printf("%u bytes in %u sends, all completed, %.1f MB/s\n", header.bytes, sender.sent_calls,
	       header.bytes / began / 1e6);
	return 0;
}
