/* Numbers and layouts that the headers of older systems do not have yet. They are part of the kernel's user-space ABI. */
#ifndef DEVMEM_UAPI_H
#define DEVMEM_UAPI_H

#include <stdint.h>

#define SCM_DEVMEM_LINEAR_TYPE 78
#define SCM_DEVMEM_DMABUF_TYPE 79
#define SO_DEVMEM_DONTNEED_OPTION 80
#define MSG_SOCK_DEVMEM_FLAG 0x02000000
#define MSG_ZEROCOPY_FLAG 0x04000000
#define SO_ZEROCOPY_OPTION 60

struct devmem_fragment {
	uint64_t offset;
	uint32_t size;
	uint32_t token;
	uint32_t dmabuf_id;
	uint32_t flags;
};

struct devmem_tokens {
	uint32_t first;
	uint32_t count;
};

/* One setsockopt takes that many ranges, and looks at that many tokens. */
#define DONTNEED_RANGES_MAX 128

#endif
