#include "transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "result.h"

/* A program that waits longer waits for something that will not come. */
#define PATIENCE_MS 20000

static struct sockaddr_in address_of(const char *text, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		die("%s is no IPv4 address", text);
	return address;
}

int accept_stream(uint16_t port, uint32_t bytes, uint32_t seed)
{
	struct sockaddr_in address = address_of("0.0.0.0", port);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	int on = 1;
	int fd;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
		die_errno("listening on port %u", port);
	tell("@send %u %u %u", port, bytes, seed);
	if (poll(&ready, 1, PATIENCE_MS) != 1)
		die("nobody connected to port %u", port);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die_errno("accept");
	close(listener);
	return fd;
}

int request_stream(const char *address, const struct transfer_header *header)
{
	struct sockaddr_in peer = address_of(address, TRANSFER_PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		die_errno("connecting to %s", address);
	if (send(fd, header, sizeof(*header), 0) != sizeof(*header))
		die_errno("asking for a transfer");
	return fd;
}

void expect_verdict(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint32_t verdict;

	if (poll(&ready, 1, PATIENCE_MS) != 1)
		die("the other end did not say whether all had come");
	if (recv(fd, &verdict, sizeof(verdict), MSG_WAITALL) != sizeof(verdict))
		die_errno("the other end hung up without a verdict");
	if (verdict != 0)
		die("the other end received %u right bytes, and then none or a wrong one", verdict);
}
