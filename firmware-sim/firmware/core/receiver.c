/* receiver: a run longer than any frame is thrown away up to the next zero. */
#include "receiver.h"

#include "cobs.h"

enum heard receiver_take(struct receiver *receiver, uint8_t byte)
{
    if (byte != 0) {
        if (receiver->size == RUN_MAX) {
            receiver->overlong = true;
        } else {
            receiver->run[receiver->size++] = byte;
        }
        return HEARD_NOTHING;
    }
    uint8_t size = receiver->size;
    bool overlong = receiver->overlong;
    receiver->size = 0;
    receiver->overlong = false;
    if (size == 0) {
        return HEARD_NOTHING; /* lead-in, line break, or the zero after one */
    }
    receiver->body_size = overlong ? 0 : (uint8_t)cobs_decode(receiver->run, size, receiver->body);
    return receiver->body_size < BODY_MIN ? HEARD_DAMAGE : HEARD_BODY;
}
