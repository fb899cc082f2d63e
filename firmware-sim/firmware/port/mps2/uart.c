/* uart: bytes go out by interrupt, so that a peer who does not read never holds the main loop up. */
#include "uart.h"

#include "processor.h"

enum { DIVIDER_LEAST = 16 }; /* the line's pace is the business of who holds its other end */

void uart_start(struct uart *uart, struct uart_registers *registers)
{
    uart->registers = registers;
    registers->divider = DIVIDER_LEAST;
    registers->control = UART_SENDS | UART_TAKES | UART_TX_INTERRUPTS | UART_RX_INTERRUPTS;
}

static void pump(struct uart *uart)
{
    while (!ring_is_empty(&uart->to_send) && (uart->registers->state & UART_TX_FULL) == 0) {
        uart->registers->data = ring_take(&uart->to_send);
    }
}

void uart_write(struct uart *uart, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ring_put(&uart->to_send, bytes[i]);
    }
    interrupts_off();
    pump(uart);
    interrupts_on();
}

size_t uart_read(struct uart *uart, uint8_t *bytes, size_t size)
{
    size_t taken = 0;
    while (taken < size && !ring_is_empty(&uart->received)) {
        bytes[taken++] = ring_take(&uart->received);
    }
    return taken;
}

void uart_received(struct uart *uart)
{
    uart->registers->clear = UART_RX_DONE; /* first: a byte that comes while we drain must interrupt again */
    while ((uart->registers->state & UART_RX_FULL) != 0) {
        ring_put(&uart->received, (uint8_t)uart->registers->data);
    }
}

void uart_sent(struct uart *uart)
{
    uart->registers->clear = UART_TX_DONE;
    pump(uart);
}
