/* uart: a serial line behind two rings. */
#ifndef RIPIENO_UART_H
#define RIPIENO_UART_H

#include <stddef.h>

#include "registers.h"
#include "ring.h"

struct uart {
    struct uart_registers *registers;
    struct ring received;
    struct ring to_send;
};

void uart_start(struct uart *uart, struct uart_registers *registers);
void uart_write(struct uart *uart, const uint8_t *bytes, size_t size);

/* Take at most `size` received bytes; return how many. */
size_t uart_read(struct uart *uart, uint8_t *bytes, size_t size);

/* The interrupts. */
void uart_received(struct uart *uart);
void uart_sent(struct uart *uart);

#endif
