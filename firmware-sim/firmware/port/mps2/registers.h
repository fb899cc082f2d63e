/* registers: what this port uses of the mps2-an385 (Arm AN385 and CMSDK, DDI 0479): a Cortex-M3 at 25 MHz. */
#ifndef RIPIENO_REGISTERS_H
#define RIPIENO_REGISTERS_H

#include <stdint.h>

enum { CYCLES_PER_US = 25 };

struct timer_registers {
    volatile uint32_t control; /* bit 0 runs, bit 3 interrupts */
    volatile uint32_t value;   /* counts down */
    volatile uint32_t reload;
    volatile uint32_t clear;
};
enum { TIMER_RUNS = 1, TIMER_INTERRUPTS = 8 };

struct uart_registers {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t clear;
    volatile uint32_t divider;
};
enum { UART_TX_FULL = 1, UART_RX_FULL = 2 };              /* state */
enum { UART_SENDS = 1, UART_TAKES = 2, UART_TX_INTERRUPTS = 4, UART_RX_INTERRUPTS = 8 }; /* control */
enum { UART_TX_DONE = 1, UART_RX_DONE = 2 };              /* clear */

struct watchdog_registers {
    volatile uint32_t load;
    volatile uint32_t value;
    volatile uint32_t control; /* bit 0 counts and raises the NMI, bit 1 resets at the second time */
    volatile uint32_t clear;
    uint32_t unused[764];
    volatile uint32_t lock;
};
enum { WATCHDOG_NMI = 1, WATCHDOG_RESETS = 2 };
#define WATCHDOG_UNLOCK 0x1acce551u

#define CLOCK_TIMER ((struct timer_registers *)0x40000000u)
#define ALARM_TIMER ((struct timer_registers *)0x40001000u)
#define LINK_UART ((struct uart_registers *)0x40004000u)
#define BUS_UART ((struct uart_registers *)0x40005000u)
#define WATCHDOG ((struct watchdog_registers *)0x40008000u)
#define NVIC_ENABLE ((volatile uint32_t *)0xe000e100u)

enum { IRQ_LINK_RX = 0, IRQ_LINK_TX = 1, IRQ_BUS_RX = 2, IRQ_BUS_TX = 3, IRQ_ALARM = 9 };

#endif
