/* controller: everything that this controller has, in one place. */
#ifndef RIPIENO_CONTROLLER_H
#define RIPIENO_CONTROLLER_H

#include "clock.h"
#include "station.h"
#include "uart.h"

struct controller {
    struct clock clock;
    struct uart link;
    struct uart bus;
    struct port port;
    struct station station;
    uint32_t overruns_told;
};

/* The main loop; never returns. */
void controller_run(void);

/* The interrupts. */
void link_rx(void);
void link_tx(void);
void bus_rx(void);
void bus_tx(void);
void alarm_rings(void);

/* The watchdog has run out once; the next time it resets. */
void watchdog_bites_next(void);

#endif
