/* clock: microseconds since the boot from a free-running timer, and one alarm. */
#ifndef RIPIENO_CLOCK_H
#define RIPIENO_CLOCK_H

#include <stdint.h>

struct clock {
    uint32_t cycles; /* at the last look */
    uint32_t rest;   /* cycles that are no whole microsecond yet */
    uint32_t now_us;
};

void clock_start(struct clock *clock);

/* The present; to be asked more often than every 171 s, when the timer wraps. Only the main loop may ask. */
uint32_t clock_now_us(struct clock *clock);

/* Interrupt once after `us`, which is at least 1. */
void alarm_set(uint32_t us);

#endif
