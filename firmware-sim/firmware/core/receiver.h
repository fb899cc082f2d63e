/* receiver: cuts the bytes of a line at its zeros; remembers at most one run. */
#ifndef RIPIENO_RECEIVER_H
#define RIPIENO_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"

enum heard { HEARD_NOTHING, HEARD_BODY, HEARD_DAMAGE };

struct receiver {
    uint8_t run[RUN_MAX];
    uint8_t body[BODY_MAX];
    uint8_t size;      /* of the run so far */
    uint8_t body_size; /* of the last HEARD_BODY */
    bool overlong;
};

/* Take one byte. After HEARD_BODY the body is in `body` until the next call. */
enum heard receiver_take(struct receiver *receiver, uint8_t byte);

#endif
