/* The bytes that both ends know: each 32-bit word of a stream follows from its place and the stream's seed. */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Writes bytes `offset` to `offset + length` of the stream. */
void pattern_fill(uint8_t *to, uint64_t offset, size_t length, uint32_t seed);

/* Compares with the same bytes. Returns how many are right before the first wrong one: `length` when all are. */
size_t pattern_check(const uint8_t *bytes, uint64_t offset, size_t length, uint32_t seed);

#endif
