/* Connections to and from the machine at the other end of the cable. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdint.h>

/* The port on which the other end serves transfers, and how one is asked for: a header, then the stream. */
#define TRANSFER_PORT 5000
#define TRANSFER_MAGIC 0x6d656d6e
#define TRANSFER_TO_GUEST 1
#define TRANSFER_FROM_GUEST 2

struct transfer_header {
	uint32_t magic;
	uint32_t direction;
	uint32_t bytes;
	uint32_t seed;
};

/* Listens on a port, says so to the other end with what it shall send, and accepts. Ends the program when nobody comes. */
int accept_stream(uint16_t port, uint32_t bytes, uint32_t seed);

/* Connects to `address` and asks for a transfer. Ends the program when nobody answers. */
int request_stream(const char *address, const struct transfer_header *header);

/* Waits for the other end's verdict on what it received: ends the program unless all of it was right. */
void expect_verdict(int fd);

#endif
