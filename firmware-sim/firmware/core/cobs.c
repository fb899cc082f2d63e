/* cobs: each code byte says how far it is to the next zero. */
#include "cobs.h"

size_t cobs_encode(const uint8_t *body, size_t size, uint8_t *stuffed)
{
    size_t code_at = 0;
    size_t out = 1;
    for (size_t i = 0; i < size; i++) {
        if (body[i] != 0) {
            stuffed[out++] = body[i];
        } else {
            stuffed[code_at] = (uint8_t)(out - code_at);
            code_at = out++;
        }
    }
    stuffed[code_at] = (uint8_t)(out - code_at);
    return out;
}

size_t cobs_decode(const uint8_t *run, size_t size, uint8_t *body)
{
    size_t at = 0;
    size_t out = 0;
    while (at < size) {
        size_t next = at + run[at];
        if (next == at || next > size) {
            return 0; /* a zero inside, or a length that points behind the end */
        }
        for (at++; at < next; at++) {
            body[out++] = run[at];
        }
        if (at < size) {
            body[out++] = 0;
        }
    }
    return out;
}
