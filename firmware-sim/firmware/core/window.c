/* window: timeouts as RFC 6298 has them (gains 1/8 and 1/4), between the protocol's floor and 200 ms. */
#include "window.h"

#include <stddef.h>

#include "bytes.h"
#include "numbers.h"

enum { RTO_FLOOR_US = 20000, RTO_CEILING_US = 200000, RTO_BYTES = 40, NAK_PAUSE_BYTES = 30 };

static uint32_t bounded(uint32_t rto_us)
{
    return rto_us < RTO_CEILING_US ? rto_us : RTO_CEILING_US;
}

void window_open(struct window *window, uint32_t byte_ns)
{
    window->first = window->sent = window->waiting = window->events_waiting = 0;
    window->first_seq = window->resend_at = 0;
    window->timer_runs = window->has_resent = false;
    window->floor_us = bounded(RTO_FLOOR_US + RTO_BYTES * byte_ns / 1000);
    window->nak_pause_us = NAK_PAUSE_BYTES * byte_ns / 1000;
    window->rto_us = window->floor_us;
    window->smoothed_us = window->deviation_us = 0;
}

bool window_push(struct window *window, uint8_t type, const uint8_t *payload, uint8_t size)
{
    if (window->waiting == WAITING_MAX || (type == EVENT && window->events_waiting == EVENTS_WAITING_MAX)) {
        return false;
    }
    struct letter *letter = &window->letters[(window->first + window->sent + window->waiting) % LETTERS];
    letter->type = type;
    letter->size = size;
    copy_bytes(letter->payload, payload, size);
    window->waiting++;
    if (type == EVENT) {
        window->events_waiting++;
    }
    return true;
}

uint8_t window_confirms(const struct window *window, uint8_t ack)
{
    uint8_t confirmed = (uint8_t)(ack - window->first_seq);
    return confirmed <= window->sent ? confirmed : 0;
}

const struct letter *window_sent(const struct window *window, uint8_t index)
{
    return &window->letters[(window->first + index) % LETTERS];
}

static void measure(struct window *window, int32_t round_trip_us)
{
    if (window->smoothed_us == 0) {
        window->smoothed_us = round_trip_us;
        window->deviation_us = round_trip_us / 2;
        return;
    }
    int32_t off_us = round_trip_us - window->smoothed_us;
    window->deviation_us += ((off_us < 0 ? -off_us : off_us) - window->deviation_us) / 4;
    window->smoothed_us += off_us / 8;
}

static uint32_t estimate_us(const struct window *window)
{
    int32_t estimate = window->smoothed_us + 4 * window->deviation_us;
    return estimate > (int32_t)window->floor_us ? bounded((uint32_t)estimate) : window->floor_us;
}

void window_drop(struct window *window, uint8_t confirmed, uint32_t now_us)
{
    if (confirmed == 0) {
        return;
    }
    uint8_t last = (uint8_t)(window->first_seq + confirmed - 1) % WINDOW;
    uint32_t round_trip_us = now_us - window->sent_us[last];
    if (window->times[last] == 1 && round_trip_us < 10000000) { /* Karn: a resent frame tells no round trip */
        measure(window, (int32_t)round_trip_us);
    }
    window->first = (uint8_t)((window->first + confirmed) % LETTERS);
    window->first_seq = (uint8_t)(window->first_seq + confirmed);
    window->sent = (uint8_t)(window->sent - confirmed);
    window->resend_at = window->resend_at > confirmed ? (uint8_t)(window->resend_at - confirmed) : 0;
    window->rto_us = estimate_us(window);
    window->timer_runs = window->sent != 0;
    window->timer_us = now_us + window->rto_us;
}

static void resend(struct window *window, uint32_t now_us)
{
    window->resend_at = 0;
    window->has_resent = true;
    window->last_resend_us = now_us;
    window->timer_runs = true;
    window->timer_us = now_us + window->rto_us;
}

void window_reject(struct window *window, uint32_t now_us)
{
    bool too_soon = window->has_resent && now_us - window->last_resend_us < window->nak_pause_us;
    if (window->sent != 0 && !too_soon) {
        resend(window, now_us);
    }
}

void window_advance(struct window *window, uint32_t now_us)
{
    if (window->timer_runs && reached(now_us, window->timer_us)) {
        window->rto_us = bounded(2 * window->rto_us);
        resend(window, now_us);
    }
}

bool window_has_letter(const struct window *window)
{
    return window->resend_at < window->sent || (window->waiting != 0 && window->sent < WINDOW);
}

static const struct letter *send_first(struct window *window, uint32_t now_us, uint8_t *seq)
{
    const struct letter *letter = window_sent(window, window->sent);
    *seq = (uint8_t)(window->first_seq + window->sent);
    window->times[*seq % WINDOW] = 1;
    window->sent_us[*seq % WINDOW] = now_us;
    window->sent++;
    window->resend_at = window->sent;
    window->waiting--;
    if (letter->type == EVENT) {
        window->events_waiting--;
    }
    if (!window->timer_runs) {
        window->timer_runs = true;
        window->timer_us = now_us + window->rto_us;
    }
    return letter;
}

const struct letter *window_next(struct window *window, uint32_t now_us, uint8_t *seq, bool *again)
{
    *again = window->resend_at < window->sent;
    if (*again) {
        uint8_t index = window->resend_at++;
        *seq = (uint8_t)(window->first_seq + index);
        window->times[*seq % WINDOW] = 2; /* only "once" and "more often" matter */
        return window_sent(window, index);
    }
    if (window->waiting == 0 || window->sent == WINDOW) {
        return NULL;
    }
    return send_first(window, now_us, seq);
}
