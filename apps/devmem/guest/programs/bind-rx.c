/*
 * Binds a udmabuf to an rx queue and keeps it bound until it is killed, so that others can see what that means.
 *
 *   bind-rx [--dev eth0] [--queue 1] [--dmabuf BYTES]
 *
 * Prints `bound ID` when it is.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netdev-family.h"
#include "options.h"
#include "result.h"
#include "udmabuf.h"

int main(int argc, char **argv)
{
	unsigned int ifindex = option_device(argc, argv);
	uint32_t queue = option_number(argc, argv, "queue", 1);
	struct udmabuf memory = udmabuf_create(option_number(argc, argv, "dmabuf", 4 << 20));
	struct genl genl;
	int64_t binding;
	int result = genl_open(&genl, "netdev");

	if (result < 0)
		die("the netdev family: %s", strerror(-result));
	binding = netdev_bind_rx(&genl, ifindex, memory.fd, queue);
	if (binding < 0)
		die("bind-rx: %s (errno %d) %s", strerror(-binding), (int)-binding, genl.message);
	printf("bound %u\n", (uint32_t)binding);
	fflush(stdout);
	for (;;)
		pause();
}
