/* io_uring's zero-copy receive, as far as the headers of older systems do not have it. Part of the kernel's user-space ABI. */
#ifndef ZCRX_UAPI_H
#define ZCRX_UAPI_H

#include <stdint.h>

#define OP_RECV_ZC 58
#define REGISTER_ZCRX_IFQ 32
#define MEMORY_REGION_OF_USER 1
#define RECV_MULTISHOT_FLAG 2
#define SETUP_CQE32_FLAG (1U << 11)
#define SETUP_SINGLE_ISSUER_FLAG (1U << 12)
#define SETUP_DEFER_TASKRUN_FLAG (1U << 13)
#define CQE_MORE_FLAG 2

/* An offset has the number of its area above this bit. */
#define ZCRX_AREA_SHIFT 48

struct zcrx_refill_entry {
	uint64_t offset;
	uint32_t length;
	uint32_t reserved;
};

struct zcrx_ring_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t entries;
	uint32_t reserved[5];
};

struct zcrx_area {
	uint64_t address;
	uint64_t length;
	uint64_t token;
	uint32_t flags;
	uint32_t dmabuf_fd;
	uint64_t reserved[2];
};

struct zcrx_region {
	uint64_t address;
	uint64_t size;
	uint32_t flags;
	uint32_t id;
	uint64_t mmap_offset;
	uint64_t reserved[4];
};

struct zcrx_registration {
	uint32_t ifindex;
	uint32_t rx_queue;
	uint32_t refill_entries;
	uint32_t flags;
	uint64_t area;
	uint64_t region;
	struct zcrx_ring_offsets offsets;
	uint32_t id;
	uint32_t rx_buffer_bytes;
	uint64_t reserved[3];
};

#endif
