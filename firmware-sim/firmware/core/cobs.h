/* cobs: bytes without a zero inside (Cheshire and Baker, 1999), for bodies of less than 254 bytes. */
#ifndef RIPIENO_COBS_H
#define RIPIENO_COBS_H

#include <stddef.h>
#include <stdint.h>

/* Write the stuffed form of 0..253 bytes, one byte longer than they are; return its size. No closing zero. */
size_t cobs_encode(const uint8_t *body, size_t size, uint8_t *stuffed);

/* Write what a run of bytes without a zero stands for; return its size, or 0 for a run that stands for nothing.
 * `body` needs room for size - 1 bytes. */
size_t cobs_decode(const uint8_t *run, size_t size, uint8_t *body);

#endif
