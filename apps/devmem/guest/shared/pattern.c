#include "pattern.h"

#include <string.h>

/* An odd multiplier makes neighbours differ in many bits; the shift brings the high ones down. */
static uint32_t word_at(uint64_t index, uint32_t seed)
{
	uint32_t word = ((uint32_t)index + seed) * 0x9e3779b1u;

	return word ^ (word >> 15);
}

static uint8_t byte_at(uint64_t offset, uint32_t seed)
{
	return word_at(offset >> 2, seed) >> ((offset & 3) * 8);
}

void pattern_fill(uint8_t *to, uint64_t offset, size_t length, uint32_t seed)
{
	size_t done = 0;

	for (; done < length && ((offset + done) & 3); done++)
		to[done] = byte_at(offset + done, seed);
	for (; done + 4 <= length; done += 4) {
		uint32_t word = word_at((offset + done) >> 2, seed);

		memcpy(to + done, &word, 4);
	}
	for (; done < length; done++)
		to[done] = byte_at(offset + done, seed);
}

size_t pattern_check(const uint8_t *bytes, uint64_t offset, size_t length, uint32_t seed)
{
	size_t done = 0;

	for (; done < length && ((offset + done) & 3); done++)
		if (bytes[done] != byte_at(offset + done, seed))
			return done;
	for (; done + 4 <= length; done += 4) {
		uint32_t word;

		memcpy(&word, bytes + done, 4);
		if (word != word_at((offset + done) >> 2, seed))
			break;
	}
	for (; done < length; done++)
		if (bytes[done] != byte_at(offset + done, seed))
			return done;
	return length;
}
