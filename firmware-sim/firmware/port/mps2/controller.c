/* controller: the main loop, which alone kicks the watchdog, and sleeps without a tick.
 *
 * Two things are global because interrupts and resets have no arguments: the controller, and the RAM that it keeps.
 */
#include "controller.h"

#include "processor.h"

#define ALIVE 0x414c4956u
#define BITTEN 0x42495445u

enum { LINK_BAUD = 1000000, WATCHDOG_US = 250000, SLEEP_MAX_US = 200000, READ_BYTES = 64 };

/* RAM as a reset leaves it. */
struct kept {
    uint32_t alive;
    uint32_t bitten;
    uint32_t entropy;
    struct journal journal;
};

static struct controller controller;
__attribute__((section(".noinit"))) static struct kept kept;
/* What the loader puts at the beginning of RAM, in place of a random source and of strapping pins. */
__attribute__((section(".noinit.strapped"), used)) static volatile struct {
    uint32_t seed; /* differs from power-on to power-on */
    uint32_t baud;
    uint32_t not_baud; /* the complement: RAM that nobody filled names no speed */
} strapped;

static void link_write(void *context, const uint8_t *bytes, size_t size)
{
    uart_write(&((struct controller *)context)->link, bytes, size);
}

static void bus_write(void *context, const uint8_t *bytes, size_t size)
{
    uart_write(&((struct controller *)context)->bus, bytes, size);
}

/* xorshift32 (Marsaglia, 2003) over a state that a warm reset keeps: no number comes twice in a row of boots. */
static uint32_t entropy(void *context)
{
    (void)context;
    uint32_t state = kept.entropy;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    kept.entropy = state;
    return state;
}

#ifdef RIPIENO_HANG
static void hang(void *context, uint32_t for_ms)
{
    struct controller *its = context;
    uint32_t began_us = clock_now_us(&its->clock);
    while (clock_now_us(&its->clock) - began_us < for_ms * 1000) {
    }
}
#endif

static void watchdog_start(void)
{
    WATCHDOG->lock = WATCHDOG_UNLOCK;
    WATCHDOG->load = WATCHDOG_US * CYCLES_PER_US;
    WATCHDOG->control = WATCHDOG_NMI | WATCHDOG_RESETS;
}

static void watchdog_kick(void)
{
    WATCHDOG->clear = 1;
}

static uint8_t cause_of_boot(void)
{
    uint8_t cause = kept.alive != ALIVE ? CAUSE_POWER : kept.bitten == BITTEN ? CAUSE_WATCHDOG : CAUSE_PIN;
    if (cause == CAUSE_POWER) {
        kept.entropy = 0;
    }
    kept.entropy ^= strapped.seed;
    kept.entropy += 0x9e3779b9u; /* xorshift stays at 0 */
    if (kept.entropy == 0) {
        kept.entropy = 1;
    }
    kept.alive = ALIVE;
    kept.bitten = 0;
    return cause;
}

static uint32_t link_baud(void)
{
    uint32_t baud = strapped.baud;
    return baud != 0 && baud == ~strapped.not_baud ? baud : LINK_BAUD;
}

static void tell_overruns(void)
{
    uint32_t lost = controller.link.received.lost;
    if (lost != controller.overruns_told) {
        board_overrun(&controller.station.board, lost - controller.overruns_told, clock_now_us(&controller.clock));
        controller.overruns_told = lost;
    }
}

static void take_received(void)
{
    uint8_t bytes[READ_BYTES];
    size_t size;
    while ((size = uart_read(&controller.bus, bytes, sizeof bytes)) != 0) {
        station_bus(&controller.station, bytes, size, clock_now_us(&controller.clock));
    }
    while ((size = uart_read(&controller.link, bytes, sizeof bytes)) != 0) {
        station_link(&controller.station, bytes, size, clock_now_us(&controller.clock));
    }
    tell_overruns();
}

/* With interrupts off between the last look and the sleep, none that comes in between is slept through. */
static void sleep(uint32_t us)
{
    if (us == 0) {
        return;
    }
    alarm_set(us);
    interrupts_off();
    if (ring_is_empty(&controller.link.received) && ring_is_empty(&controller.bus.received)) {
        sleep_for_interrupt();
    }
    interrupts_on();
}

void controller_run(void)
{
    uint8_t cause = cause_of_boot();
    struct port *port = &controller.port;
    watchdog_start();
    clock_start(&controller.clock);
    uart_start(&controller.link, LINK_UART);
    uart_start(&controller.bus, BUS_UART);
    *NVIC_ENABLE = 1u << IRQ_LINK_RX | 1u << IRQ_LINK_TX | 1u << IRQ_BUS_RX | 1u << IRQ_BUS_TX | 1u << IRQ_ALARM;
    port->context = &controller;
    port->link_write = link_write;
    port->bus_write = bus_write;
    port->entropy = entropy;
#ifdef RIPIENO_HANG
    port->hang = hang;
#endif
    station_start(&controller.station, port, &kept.journal, link_baud(), cause, clock_now_us(&controller.clock));
    for (;;) {
        watchdog_kick();
        take_received();
        sleep(station_turn(&controller.station, clock_now_us(&controller.clock), SLEEP_MAX_US));
    }
}

void link_rx(void)
{
    uart_received(&controller.link);
}

void link_tx(void)
{
    uart_sent(&controller.link);
}

void bus_rx(void)
{
    uart_received(&controller.bus);
}

void bus_tx(void)
{
    uart_sent(&controller.bus);
}

void alarm_rings(void)
{
    ALARM_TIMER->control = 0;
    ALARM_TIMER->clear = 1;
}

void watchdog_bites_next(void)
{
    kept.bitten = BITTEN;
}
