/* Generic netlink by hand: one request at a time, each answered or acknowledged before the next. */
#ifndef GENL_H
#define GENL_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct genl {
	int fd;
	uint16_t family;
	uint32_t sequence;
	/* What the kernel said about the last refusal; empty when nothing. */
	char message[160];
};

struct genl_request {
	_Alignas(8) uint8_t bytes[1024];
};

/* Called for each answer with its attributes. */
typedef void (*genl_answer)(const struct nlattr *attributes, size_t length, void *context);

/* Opens a socket and looks the family up. Returns 0 or a negative errno. */
int genl_open(struct genl *genl, const char *family);
void genl_close(struct genl *genl);

/* Begins a request; `dump` asks for all objects instead of one. */
void genl_begin(struct genl_request *request, int command, int version, int dump);
void genl_put(struct genl_request *request, int type, const void *value, size_t length);
void genl_put_u32(struct genl_request *request, int type, uint32_t value);
void genl_put_u8(struct genl_request *request, int type, uint8_t value);

/* A nest: what is put between begin and end lies inside it. */
size_t genl_nest_begin(struct genl_request *request, int type);
void genl_nest_end(struct genl_request *request, size_t nest);

/* Sends the request and waits for all that comes. Returns 0 or the negative errno of the refusal. */
int genl_call(struct genl *genl, struct genl_request *request, genl_answer answer, void *context);

/* Finds an attribute; NULL when it is not there. */
const struct nlattr *genl_find(const struct nlattr *attributes, size_t length, int type);
const void *genl_payload(const struct nlattr *attribute);
size_t genl_payload_length(const struct nlattr *attribute);
uint32_t genl_u32(const struct nlattr *attribute);

#endif
