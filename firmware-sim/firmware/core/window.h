/* window: go-back-N: the board's numbered frames until the host confirms them (protocol, section 4). */
#ifndef RIPIENO_WINDOW_H
#define RIPIENO_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"

enum {
    WINDOW = 8,
    WAITING_MAX = 96,        /* behind the window, all types */
    EVENTS_WAITING_MAX = 32, /* of these, EVENTs: answers must not be crowded out */
    LETTERS = WINDOW + WAITING_MAX
};

/* A frame that has, or will have, a number. */
struct letter {
    uint8_t type;
    uint8_t size;
    uint8_t payload[EVENT_BYTES];
};

struct window {
    struct letter letters[LETTERS]; /* a ring: sent ones first, then those that wait */
    uint8_t first;
    uint8_t sent;
    uint8_t waiting;
    uint8_t events_waiting;
    uint8_t first_seq; /* of the oldest sent one */
    uint8_t resend_at; /* sent ones from here on go out again; `sent` when there are none */
    uint8_t times[WINDOW];
    uint32_t sent_us[WINDOW]; /* first time each went out; index is seq modulo WINDOW */
    bool timer_runs;
    bool has_resent;
    uint32_t timer_us;
    uint32_t last_resend_us;
    uint32_t rto_us;
    uint32_t floor_us;
    uint32_t nak_pause_us;
    int32_t smoothed_us;
    int32_t deviation_us;
};

void window_open(struct window *window, uint32_t byte_ns);

/* Queue a frame; false when there is no room. */
bool window_push(struct window *window, uint8_t type, const uint8_t *payload, uint8_t size);

/* Return how many of the sent frames an `ack` confirms; look at them with window_sent, then drop them. */
uint8_t window_confirms(const struct window *window, uint8_t ack);
const struct letter *window_sent(const struct window *window, uint8_t index);
void window_drop(struct window *window, uint8_t confirmed, uint32_t now_us);

/* Take a NAK: everything goes out again, at most once per 30 byte times. */
void window_reject(struct window *window, uint32_t now_us);

/* Let the timer run out if it is time. */
void window_advance(struct window *window, uint32_t now_us);

bool window_has_letter(const struct window *window);

/* Return the next frame to send and its number, or NULL; `again` says that it went out before. */
const struct letter *window_next(struct window *window, uint32_t now_us, uint8_t *seq, bool *again);

#endif
