/* The netdev generic netlink family: binding dma-bufs, and what queues say of themselves. */
#ifndef NETDEV_FAMILY_H
#define NETDEV_FAMILY_H

#include <stdint.h>

#include "genl.h"

#define QUEUE_TYPE_RX 0
#define QUEUE_TYPE_TX 1

/* What queue-get says of one queue. */
struct queue_state {
	uint32_t napi_id;
	/* Id of the binding; 0 for none. */
	uint32_t dmabuf_id;
	/* An io_uring has it. */
	int io_uring;
};

/* Binds a dma-buf to one rx queue until the socket is closed. Returns the id, or a negative errno. */
int64_t netdev_bind_rx(struct genl *genl, unsigned int ifindex, int dmabuf_fd, uint32_t queue);

/* Binds a dma-buf for sending until the socket is closed. Returns the id, or a negative errno. */
int64_t netdev_bind_tx(struct genl *genl, unsigned int ifindex, int dmabuf_fd);

/* Returns 0 or a negative errno. */
int netdev_queue_get(struct genl *genl, unsigned int ifindex, uint32_t queue, uint32_t type, struct queue_state *state);

/* Objects of a dump (`command` is NETDEV_COMMAND_*) that belong to the device; or a negative errno. */
int netdev_count(struct genl *genl, int command, unsigned int ifindex);

/* Sum of an attribute over those objects, which may have 4 or 8 bytes; 0 where none has it. */
uint64_t netdev_sum(struct genl *genl, int command, unsigned int ifindex, int attribute);

#define NETDEV_COMMAND_DEV_GET 1
#define NETDEV_COMMAND_PAGE_POOL_GET 5
#define NETDEV_COMMAND_QUEUE_GET 10
#define NETDEV_COMMAND_NAPI_GET 11
#define NETDEV_COMMAND_QSTATS_GET 12

#define PAGE_POOL_INFLIGHT 4
#define QSTATS_RX_PACKETS 8
#define QSTATS_TX_PACKETS 10

#endif
