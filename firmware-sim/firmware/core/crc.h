/* crc: the CRC-32 of zlib (reflected 0x04C11DB7), with the value that it starts from. */
#ifndef RIPIENO_CRC_H
#define RIPIENO_CRC_H

#include <stddef.h>
#include <stdint.h>

/* crc_of(b, n, crc_of(a, m, s)) is the CRC of a followed by b. */
uint32_t crc_of(const uint8_t *bytes, size_t size, uint32_t seed);

#endif
