#include "netdev-family.h"

#include <errno.h>
#include <string.h>

#define FAMILY_VERSION 1
#define COMMAND_BIND_RX 13
#define COMMAND_BIND_TX 15

#define DMABUF_IFINDEX 1
#define DMABUF_QUEUES 2
#define DMABUF_FD 3
#define DMABUF_ID 4
#define QUEUE_ID 1
#define QUEUE_IFINDEX 2
#define QUEUE_TYPE 3
#define QUEUE_NAPI_ID 4
#define QUEUE_DMABUF 5
#define QUEUE_IO_URING 6

/* Where an object of a dump says which device it belongs to. */
static int ifindex_attribute(int command)
{
	switch (command) {
	case NETDEV_COMMAND_QUEUE_GET:
	case NETDEV_COMMAND_PAGE_POOL_GET:
		return 2;
	default:
		return 1;
	}
}

static void take_id(const struct nlattr *attributes, size_t length, void *context)
{
	const struct nlattr *id = genl_find(attributes, length, DMABUF_ID);

	if (id)
		*(int64_t *)context = genl_u32(id);
}

static int64_t bind_buffer(struct genl *genl, struct genl_request *request)
{
	int64_t id = -EPROTO;
	int result = genl_call(genl, request, take_id, &id);

	return result < 0 ? result : id;
}

int64_t netdev_bind_rx(struct genl *genl, unsigned int ifindex, int dmabuf_fd, uint32_t queue)
{
	struct genl_request request;
	size_t nest;

	genl_begin(&request, COMMAND_BIND_RX, FAMILY_VERSION, 0);
	genl_put_u32(&request, DMABUF_IFINDEX, ifindex);
	genl_put_u32(&request, DMABUF_FD, dmabuf_fd);
	nest = genl_nest_begin(&request, DMABUF_QUEUES);
	genl_put_u32(&request, QUEUE_ID, queue);
	genl_put_u32(&request, QUEUE_TYPE, QUEUE_TYPE_RX);
	genl_nest_end(&request, nest);
	return bind_buffer(genl, &request);
}

int64_t netdev_bind_tx(struct genl *genl, unsigned int ifindex, int dmabuf_fd)
{
	struct genl_request request;

	genl_begin(&request, COMMAND_BIND_TX, FAMILY_VERSION, 0);
	genl_put_u32(&request, DMABUF_IFINDEX, ifindex);
	genl_put_u32(&request, DMABUF_FD, dmabuf_fd);
	return bind_buffer(genl, &request);
}

static void take_queue(const struct nlattr *attributes, size_t length, void *context)
{
	struct queue_state *state = context;
	const struct nlattr *napi = genl_find(attributes, length, QUEUE_NAPI_ID);
	const struct nlattr *dmabuf = genl_find(attributes, length, QUEUE_DMABUF);

	state->napi_id = napi ? genl_u32(napi) : 0;
	state->dmabuf_id = dmabuf ? genl_u32(dmabuf) : 0;
	state->io_uring = genl_find(attributes, length, QUEUE_IO_URING) != NULL;
}

int netdev_queue_get(struct genl *genl, unsigned int ifindex, uint32_t queue, uint32_t type, struct queue_state *state)
{
	struct genl_request request;

	memset(state, 0, sizeof(*state));
	genl_begin(&request, NETDEV_COMMAND_QUEUE_GET, FAMILY_VERSION, 0);
	genl_put_u32(&request, QUEUE_ID, queue);
	genl_put_u32(&request, QUEUE_IFINDEX, ifindex);
	genl_put_u32(&request, QUEUE_TYPE, type);
	return genl_call(genl, &request, take_queue, state);
}

struct tally {
	unsigned int ifindex;
	int ifindex_attribute;
	int attribute;
	int objects;
	uint64_t sum;
};

static void tally_object(const struct nlattr *attributes, size_t length, void *context)
{
	struct tally *tally = context;
	const struct nlattr *ifindex = genl_find(attributes, length, tally->ifindex_attribute);
	const struct nlattr *value = genl_find(attributes, length, tally->attribute);

	if (!ifindex || genl_u32(ifindex) != tally->ifindex)
		return;
	tally->objects++;
	if (value && genl_payload_length(value) == sizeof(uint64_t)) {
		uint64_t wide;

		memcpy(&wide, genl_payload(value), sizeof(wide));
		tally->sum += wide;
	} else if (value && genl_payload_length(value) == sizeof(uint32_t)) {
		tally->sum += genl_u32(value);
	}
}

static int dump(struct genl *genl, int command, struct tally *tally)
{
	struct genl_request request;

	genl_begin(&request, command, FAMILY_VERSION, 1);
	return genl_call(genl, &request, tally_object, tally);
}

int netdev_count(struct genl *genl, int command, unsigned int ifindex)
{
	struct tally tally = { .ifindex = ifindex, .ifindex_attribute = ifindex_attribute(command) };
	int result = dump(genl, command, &tally);

	return result < 0 ? result : tally.objects;
}

uint64_t netdev_sum(struct genl *genl, int command, unsigned int ifindex, int attribute)
{
	struct tally tally = {
		.ifindex = ifindex, .ifindex_attribute = ifindex_attribute(command), .attribute = attribute
	};

	return dump(genl, command, &tally) < 0 ? 0 : tally.sum;
}
