/*
 * What the netdev family says of a device, one `name value` per line, for scripts.
 *
 *   netdev-query [--dev eth0]
 */
#include <stdio.h>
#include <string.h>

#include "netdev-family.h"
#include "options.h"
#include "result.h"

static int count(struct genl *genl, const char *name, int command, unsigned int ifindex)
{
	int objects = netdev_count(genl, command, ifindex);

	if (objects < 0)
		die("%s: %s", name, strerror(-objects));
	printf("%s %d\n", name, objects);
	return objects;
}

static unsigned long long sum(struct genl *genl, int command, unsigned int ifindex, int attribute)
{
	return netdev_sum(genl, command, ifindex, attribute);
}

int main(int argc, char **argv)
{
	unsigned int ifindex = option_device(argc, argv);
	struct queue_state state;
	struct genl genl;
	int result = genl_open(&genl, "netdev");

	if (result < 0)
		die("the netdev family: %s", strerror(-result));
	count(&genl, "queues", NETDEV_COMMAND_QUEUE_GET, ifindex);
	count(&genl, "napis", NETDEV_COMMAND_NAPI_GET, ifindex);
	count(&genl, "page-pools", NETDEV_COMMAND_PAGE_POOL_GET, ifindex);
	printf("inflight %llu\n", sum(&genl, NETDEV_COMMAND_PAGE_POOL_GET, ifindex, PAGE_POOL_INFLIGHT));
	printf("rx-packets %llu\n", sum(&genl, NETDEV_COMMAND_QSTATS_GET, ifindex, QSTATS_RX_PACKETS));
	printf("tx-packets %llu\n", sum(&genl, NETDEV_COMMAND_QSTATS_GET, ifindex, QSTATS_TX_PACKETS));
	for (uint32_t queue = 0; netdev_queue_get(&genl, ifindex, queue, QUEUE_TYPE_RX, &state) == 0; queue++)
		printf("rx%u napi %u dmabuf %u io-uring %d\n", queue, state.napi_id, state.dmabuf_id, state.io_uring);
	return 0;
}
