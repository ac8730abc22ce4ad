#define _GNU_SOURCE
#include "udmabuf.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "result.h"

struct udmabuf udmabuf_create(size_t size)
{
	struct udmabuf buffer = { .size = size };
	int memory = memfd_create("devmem", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	struct udmabuf_create create = { .memfd = memory, .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };

	if (device < 0)
		die_errno("/dev/udmabuf");
	if (memory < 0 || fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) < 0 || ftruncate(memory, size) < 0)
		die_errno("memfd of %zu bytes", size);
	buffer.fd = ioctl(device, UDMABUF_CREATE, &create);
	if (buffer.fd < 0)
		die_errno("udmabuf of %zu bytes", size);
	buffer.bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, buffer.fd, 0);
	if (buffer.bytes == MAP_FAILED)
		die_errno("mapping the udmabuf");
	close(memory);
	close(device);
	return buffer;
}

static void sync_access(const struct udmabuf *buffer, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	if (ioctl(buffer->fd, DMA_BUF_IOCTL_SYNC, &sync) < 0)
		die_errno("DMA_BUF_IOCTL_SYNC");
}

static uint64_t direction(int writing)
{
	return writing ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ;
}

void udmabuf_begin_access(const struct udmabuf *buffer, int writing)
{
	sync_access(buffer, DMA_BUF_SYNC_START | direction(writing));
}

void udmabuf_end_access(const struct udmabuf *buffer, int writing)
{
	sync_access(buffer, DMA_BUF_SYNC_END | direction(writing));
}
