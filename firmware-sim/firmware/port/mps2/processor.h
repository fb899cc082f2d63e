/* processor: the three instructions that C has no word for. */
#ifndef RIPIENO_PROCESSOR_H
#define RIPIENO_PROCESSOR_H

static inline void interrupts_off(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
}

static inline void interrupts_on(void)
{
    __asm__ volatile("cpsie i" ::: "memory");
}

/* Sleep until an interrupt is pending, also while they are off. */
static inline void sleep_for_interrupt(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

#endif
