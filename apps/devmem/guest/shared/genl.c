#include "genl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "result.h"

#define HEADER_BYTES (NLMSG_HDRLEN + GENL_HDRLEN)

static struct nlmsghdr *header_of(struct genl_request *request)
{
	return (struct nlmsghdr *)request->bytes;
}

void genl_begin(struct genl_request *request, int command, int version, int dump)
{
	struct nlmsghdr *header = header_of(request);
	struct genlmsghdr *genl_header = NLMSG_DATA(header);

	memset(request, 0, sizeof(*request));
	header->nlmsg_len = HEADER_BYTES;
	header->nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK);
	genl_header->cmd = command;
	genl_header->version = version;
}

void genl_put(struct genl_request *request, int type, const void *value, size_t length)
{
	struct nlmsghdr *header = header_of(request);
	struct nlattr *attribute = (struct nlattr *)(request->bytes + header->nlmsg_len);

	if (header->nlmsg_len + NLA_HDRLEN + NLA_ALIGN(length) > sizeof(request->bytes))
		die("a netlink request of more than %zu bytes", sizeof(request->bytes));
	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + length;
	if (length)
		memcpy((uint8_t *)attribute + NLA_HDRLEN, value, length);
	header->nlmsg_len += NLA_HDRLEN + NLA_ALIGN(length);
}

void genl_put_u32(struct genl_request *request, int type, uint32_t value)
{
	genl_put(request, type, &value, sizeof(value));
}

void genl_put_u8(struct genl_request *request, int type, uint8_t value)
{
	genl_put(request, type, &value, sizeof(value));
}

size_t genl_nest_begin(struct genl_request *request, int type)
{
	size_t at = header_of(request)->nlmsg_len;

	genl_put(request, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void genl_nest_end(struct genl_request *request, size_t nest)
{
	((struct nlattr *)(request->bytes + nest))->nla_len = header_of(request)->nlmsg_len - nest;
}

const struct nlattr *genl_find(const struct nlattr *attributes, size_t length, int type)
{
	const uint8_t *at = (const uint8_t *)attributes;

	while (length >= NLA_HDRLEN) {
		const struct nlattr *attribute = (const struct nlattr *)at;
		size_t whole = NLA_ALIGN(attribute->nla_len);

		if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > length)
			return NULL;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return attribute;
		if (whole >= length)
			return NULL;
		at += whole;
		length -= whole;
	}
	return NULL;
}

const void *genl_payload(const struct nlattr *attribute)
{
	return (const uint8_t *)attribute + NLA_HDRLEN;
}

size_t genl_payload_length(const struct nlattr *attribute)
{
	return attribute->nla_len - NLA_HDRLEN;
}

uint32_t genl_u32(const struct nlattr *attribute)
{
	uint32_t value;

	memcpy(&value, genl_payload(attribute), sizeof(value));
	return value;
}

/* NLMSG_ERROR: errno, the request's header (its body is left out with NETLINK_CAP_ACK), then the extended ack. */
static int refusal(struct genl *genl, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);
	const uint8_t *extended = (const uint8_t *)(error + 1);
	size_t length = header->nlmsg_len - NLMSG_HDRLEN - sizeof(*error);
	const struct nlattr *message;

	genl->message[0] = '\0';
	if (!error->error || !(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return error->error;
	message = genl_find((const struct nlattr *)extended, length, NLMSGERR_ATTR_MSG);
	if (message)
		snprintf(genl->message, sizeof(genl->message), "%.*s", (int)genl_payload_length(message),
			 (const char *)genl_payload(message));
	return error->error;
}

int genl_call(struct genl *genl, struct genl_request *request, genl_answer answer, void *context)
{
	static _Alignas(8) uint8_t reply[65536];
	struct nlmsghdr *header = header_of(request);

	header->nlmsg_type = genl->family;
	header->nlmsg_seq = ++genl->sequence;
	if (send(genl->fd, header, header->nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t received = recv(genl->fd, reply, sizeof(reply), 0);
		int left = received;

		if (received < 0)
			return -errno;
		for (struct nlmsghdr *one = (struct nlmsghdr *)reply; NLMSG_OK(one, (unsigned int)left);
		     one = NLMSG_NEXT(one, left)) {
			if (one->nlmsg_seq != genl->sequence)
				continue;
			if (one->nlmsg_type == NLMSG_ERROR)
				return refusal(genl, one);
			if (one->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(one);
			if (answer)
				answer((const struct nlattr *)((uint8_t *)one + HEADER_BYTES),
				       one->nlmsg_len - HEADER_BYTES, context);
		}
	}
}

static void take_family_id(const struct nlattr *attributes, size_t length, void *context)
{
	const struct nlattr *id = genl_find(attributes, length, CTRL_ATTR_FAMILY_ID);

	if (id)
		memcpy(context, genl_payload(id), sizeof(uint16_t));
}

int genl_open(struct genl *genl, const char *family)
{
	struct genl_request request;
	uint16_t id = 0;
	int on = 1;
	int result;

	memset(genl, 0, sizeof(*genl));
	genl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (genl->fd < 0)
		return -errno;
	setsockopt(genl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(genl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	genl->family = GENL_ID_CTRL;
	genl_begin(&request, CTRL_CMD_GETFAMILY, 1, 0);
	genl_put(&request, CTRL_ATTR_FAMILY_NAME, family, strlen(family) + 1);
	result = genl_call(genl, &request, take_family_id, &id);
	if (result < 0)
		genl_close(genl);
	genl->family = id;
	return result;
}

void genl_close(struct genl *genl)
{
	if (genl->fd >= 0)
		close(genl->fd);
	genl->fd = -1;
}
