/* startup: the vectors, and what has to be so before C can run. */
#include <stdint.h>

#include "controller.h"

extern uint32_t data_begin[], data_end[], data_from[], bss_begin[], bss_end[], stack_top[];

void reset(void);

void reset(void)
{
    const uint32_t *from = data_from;
    for (uint32_t *to = data_begin; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_begin; to < bss_end; to++) {
        *to = 0;
    }
    controller_run();
}

/* A fault is left to the watchdog: it is the one way back that is tested. */
static void stuck(void)
{
    for (;;) {
    }
}

typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    vector system[15];
    vector interrupts[16];
} VECTORS = {
    stack_top,
    {reset, watchdog_bites_next, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck,
     stuck},
    {link_rx, link_tx, bus_rx, bus_tx, stuck, stuck, stuck, stuck, stuck, alarm_rings, stuck, stuck, stuck, stuck,
     stuck, stuck},
};
