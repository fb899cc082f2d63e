/* numbers: clock and count wrap at 2^32, so that "before" is the sign of a difference (protocol, section 6). */
#ifndef RIPIENO_NUMBERS_H
#define RIPIENO_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* How far `target` lies ahead of `now`; negative when it lies behind. */
static inline int32_t ahead(uint32_t target, uint32_t now)
{
    return (int32_t)(target - now);
}

static inline bool reached(uint32_t now, uint32_t due)
{
    return ahead(due, now) <= 0;
}

/* The sooner of some instants, as seen from one present. */
struct soonest {
    uint32_t now_us;
    uint32_t due_us;
    bool known;
};

static inline void soonest_of(struct soonest *soonest, uint32_t due_us)
{
    if (!soonest->known || ahead(due_us, soonest->now_us) < ahead(soonest->due_us, soonest->now_us)) {
        soonest->due_us = due_us;
        soonest->known = true;
    }
}

#endif
