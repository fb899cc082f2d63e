/* bytes: numbers as the line carries them, little-endian, at any address. */
#ifndef RIPIENO_BYTES_H
#define RIPIENO_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t get_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | (uint32_t)from[1] << 8);
}

static inline uint32_t get_u32(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static inline int32_t get_i32(const uint8_t *from)
{
    return (int32_t)get_u32(from);
}

static inline uint8_t *put_u8(uint8_t *to, uint8_t value)
{
    to[0] = value;
    return to + 1;
}

static inline uint8_t *put_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    return to + 2;
}

static inline uint8_t *put_u32(uint8_t *to, uint32_t value)
{
    to = put_u16(to, (uint16_t)value);
    return put_u16(to, (uint16_t)(value >> 16));
}

static inline uint8_t *put_i32(uint8_t *to, int32_t value)
{
    return put_u32(to, (uint32_t)value);
}

static inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
    }
}

#endif
