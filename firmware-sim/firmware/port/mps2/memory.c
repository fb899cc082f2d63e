/* memory: what a freestanding compiler may call by itself (C99, 4; GCC: memcpy, memmove, memset, memcmp). */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);

/* Or the compiler would see through the loop and call the function from itself. */
#define AS_WRITTEN __attribute__((optimize("no-tree-loop-distribute-patterns")))

AS_WRITTEN void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *byte = to;
    for (const uint8_t *source = from; size != 0; size--) {
        *byte++ = *source++;
    }
    return to;
}

AS_WRITTEN void *memset(void *to, int value, size_t size)
{
    for (uint8_t *byte = to; size != 0; size--) {
        *byte++ = (uint8_t)value;
    }
    return to;
}
