/* frames: seal and open; a frame of the wrong size is a damaged one. */
#include "frames.h"

#include "bytes.h"
#include "cobs.h"
#include "crc.h"

static bool size_fits(uint8_t type, size_t size)
{
    switch (type) {
    case HELLO:
        return size == 6;
    case WELCOME:
        return size == WELCOME_BYTES;
    case BOOT:
        return size == 5;
    case ACK:
    case NAK:
        return size == 0;
    case PING:
    case PONG:
        return size == PONG_BYTES;
    case SAMPLE:
        return size >= SAMPLE_BYTES && size <= SAMPLE_BYTES + READINGS_MAX * READING_BYTES &&
               (size - SAMPLE_BYTES) % READING_BYTES == 0;
    case ACT:
        return size == ACT_BYTES;
    case DONE:
    case STATUS:
        return size == DONE_BYTES;
    case QUERY:
    case CANCEL:
        return size == 4;
    case ARM:
        return size == 2;
    case EVENT:
        return size == EVENT_BYTES;
    case ESTOP:
        return size == 1;
    case SET:
        return size == 7;
    default:
        return false;
    }
}

bool frame_open(const uint8_t *body, size_t size, uint32_t seed, struct frame *frame)
{
    if (size < BODY_MIN || size > BODY_MAX) {
        return false;
    }
    size_t sealed = size - CRC_BYTES;
    if (!size_fits(body[0], sealed - HEAD_BYTES) || crc_of(body, sealed, seed) != get_u32(body + sealed)) {
        return false;
    }
    frame->type = body[0];
    frame->seq = body[1];
    frame->ack = body[2];
    frame->size = (uint8_t)(sealed - HEAD_BYTES);
    frame->payload = body + HEAD_BYTES;
    return true;
}

size_t frame_seal(const struct frame *frame, uint32_t seed, uint8_t *wire)
{
    uint8_t body[BODY_MAX];
    size_t sealed = HEAD_BYTES + (size_t)frame->size;
    body[0] = frame->type;
    body[1] = frame->seq;
    body[2] = frame->ack;
    copy_bytes(body + HEAD_BYTES, frame->payload, frame->size);
    put_u32(body + sealed, crc_of(body, sealed, seed));
    size_t size = cobs_encode(body, sealed + CRC_BYTES, wire);
    wire[size] = 0;
    return size + 1;
}

bool frame_is_from_host(uint8_t type)
{
    return frame_is_reliable(type) || type == ACK || type == NAK || type == PING || type == ESTOP;
}

bool frame_is_reliable(uint8_t type)
{
    return type == ACT || type == QUERY || type == ARM || type == CANCEL || type == SET;
}
