/* A dma-buf of ordinary memory, which programs may map: what a laptop has instead of a GPU's. */
#ifndef UDMABUF_H
#define UDMABUF_H

#include <stddef.h>
#include <stdint.h>

struct udmabuf {
	int fd;
	uint8_t *bytes;
	size_t size;
};

/* Makes and maps one; whole pages. Ends the program when that cannot be. */
struct udmabuf udmabuf_create(size_t size);

/* Around every look at the bytes, and every change. */
void udmabuf_begin_access(const struct udmabuf *buffer, int writing);
void udmabuf_end_access(const struct udmabuf *buffer, int writing);

#endif
