/* clock: the timer counts cycles down. */
#include "clock.h"

#include "registers.h"

static uint32_t cycles_now(void)
{
    return ~CLOCK_TIMER->value;
}

void clock_start(struct clock *clock)
{
    CLOCK_TIMER->control = 0;
    CLOCK_TIMER->reload = 0xffffffffu;
    CLOCK_TIMER->control = TIMER_RUNS;
    clock->cycles = cycles_now();
    clock->rest = clock->now_us = 0;
}

uint32_t clock_now_us(struct clock *clock)
{
    uint32_t cycles = cycles_now();
    uint32_t ran = cycles - clock->cycles + clock->rest;
    clock->cycles = cycles;
    clock->now_us += ran / CYCLES_PER_US;
    clock->rest = ran % CYCLES_PER_US;
    return clock->now_us;
}

void alarm_set(uint32_t us)
{
    ALARM_TIMER->control = 0;
    ALARM_TIMER->clear = 1;
    ALARM_TIMER->reload = 0; /* once */
    ALARM_TIMER->value = us * CYCLES_PER_US;
    ALARM_TIMER->control = TIMER_RUNS | TIMER_INTERRUPTS;
}
