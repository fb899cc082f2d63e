/* ring: bytes between an interrupt and the main loop; one end writes, the other reads, neither waits. */
#ifndef RIPIENO_RING_H
#define RIPIENO_RING_H

#include <stdbool.h>
#include <stdint.h>

enum { RING_BYTES = 1024 }; /* a power of two */

struct ring {
    volatile uint16_t head; /* where the next byte is put; counts on and wraps */
    volatile uint16_t tail;
    volatile uint32_t lost;
    uint8_t bytes[RING_BYTES];
};

static inline bool ring_is_empty(const struct ring *ring)
{
    return ring->head == ring->tail;
}

static inline void ring_put(struct ring *ring, uint8_t byte)
{
    if ((uint16_t)(ring->head - ring->tail) == RING_BYTES) {
        ring->lost++;
        return;
    }
    ring->bytes[ring->head % RING_BYTES] = byte;
    ring->head++;
}

static inline uint8_t ring_take(struct ring *ring)
{
    uint8_t byte = ring->bytes[ring->tail % RING_BYTES];
    ring->tail++;
    return byte;
}

#endif
