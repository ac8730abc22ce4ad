/*
 * Ordinary TCP to and from the other end, every byte checked by whoever receives.
 *
 *   tcp-transfer receive [--bytes N] [--seed N] [--port 5201]     listens; the other end connects and sends
 *   tcp-transfer fetch --from ADDRESS [--bytes N] [--seed N]      connects; the other end sends
 *   tcp-transfer send --to ADDRESS [--bytes N] [--seed N]         connects and sends
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "options.h"
#include "pattern.h"
#include "result.h"
#include "transfer.h"

#define PATIENCE_MS 30000
/* For all of it, whatever it waits for. */
#define PATIENCE_SECONDS 40
#define CHUNK_BYTES 65536

static uint8_t chunk[CHUNK_BYTES];

static void receive_all(int fd, uint64_t wanted, uint32_t seed)
{
	uint64_t done = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t received;
		size_t right;

		if (poll(&ready, 1, PATIENCE_MS) != 1)
			die("nothing came after %llu bytes", (unsigned long long)done);
		received = recv(fd, chunk, sizeof(chunk), 0);
		if (received < 0)
			die_errno("receiving after %llu bytes", (unsigned long long)done);
		if (received == 0)
			break;
		right = pattern_check(chunk, done, received, seed);
		if (right != (size_t)received)
			die("byte %llu of the stream is wrong", (unsigned long long)(done + right));
		done += received;
	}
	if (done != wanted)
		die("%llu of %llu bytes came", (unsigned long long)done, (unsigned long long)wanted);
}

static void send_all(int fd, uint64_t wanted, uint32_t seed)
{
	for (uint64_t done = 0; done < wanted;) {
		size_t length = wanted - done < CHUNK_BYTES ? wanted - done : CHUNK_BYTES;
		ssize_t sent;

		pattern_fill(chunk, done, length, seed);
		sent = send(fd, chunk, length, 0);
		if (sent <= 0)
			die_errno("sending after %llu bytes", (unsigned long long)done);
		done += sent;
	}
	shutdown(fd, SHUT_WR);
	expect_verdict(fd);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct transfer_header header = {
		.magic = TRANSFER_MAGIC,
		.bytes = option_number(argc, argv, "bytes", 4 << 20),
		.seed = option_number(argc, argv, "seed", 1),
	};
	uint16_t port = option_number(argc, argv, "port", 5201);
	double began;
	int fd;

	if (!strcmp(mode, "receive")) {
		fd = accept_stream(port, header.bytes, header.seed);
	} else if (!strcmp(mode, "fetch")) {
		header.direction = TRANSFER_TO_GUEST;
		fd = request_stream(option_text(argc, argv, "from", "10.99.0.1"), &header);
	} else if (!strcmp(mode, "send")) {
		header.direction = TRANSFER_FROM_GUEST;
		fd = request_stream(option_text(argc, argv, "to", "10.99.0.1"), &header);
	} else {
		die("usage: tcp-transfer receive|fetch|send …");
	}
	alarm(PATIENCE_SECONDS);
	began = seconds_now();
	if (header.direction == TRANSFER_FROM_GUEST)
		send_all(fd, header.bytes, header.seed);
	else
		receive_all(fd, header.bytes, header.seed);
	began = seconds_now() - began;
	close(fd);
	printf("%u bytes, every one right, %.1f MB/s\n", header.bytes, header.bytes / began / 1e6);
	return 0;
}
