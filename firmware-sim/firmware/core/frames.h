/* frames: the envelope and the sizes of every frame (protocol, sections 1 and 2).
 *
 *     COBS( type u8 | seq u8 | ack u8 | payload 0..64 | crc u32 ) 00        crc = crc32(all before it, seed)
 */
#ifndef RIPIENO_FRAMES_H
#define RIPIENO_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_type {
    HELLO = 0x01,
    WELCOME = 0x02,
    BOOT = 0x03,
    ACK = 0x10,
    NAK = 0x11,
    PING = 0x12,
    PONG = 0x13,
    SAMPLE = 0x14,
    ACT = 0x20,
    DONE = 0x21,
    QUERY = 0x22,
    STATUS = 0x23,
    ARM = 0x24,
    EVENT = 0x25,
    ESTOP = 0x26,
    CANCEL = 0x27,
    SET = 0x28
};

enum {
    HEAD_BYTES = 3,
    CRC_BYTES = 4,
    PAYLOAD_MAX = 64,
    BODY_MIN = HEAD_BYTES + CRC_BYTES,
    BODY_MAX = BODY_MIN + PAYLOAD_MAX,
    RUN_MAX = BODY_MAX + 1,  /* between two zeros */
    WIRE_MAX = RUN_MAX + 1,  /* with the closing zero */

    WELCOME_BYTES = 58,
    SAMPLE_BYTES = 20,
    READING_BYTES = 5,
    READINGS_MAX = 8,
    ACT_BYTES = 19,
    DONE_BYTES = 17,
    EVENT_BYTES = 18,
    PONG_BYTES = 16
};

/* A good frame; `payload` points into the body that it was opened from. */
struct frame {
    uint8_t type;
    uint8_t seq;
    uint8_t ack;
    uint8_t size;
    const uint8_t *payload;
};

/* Say whether a body is a frame under `seed`: its CRC holds and its payload has the size of its type. */
bool frame_open(const uint8_t *body, size_t size, uint32_t seed, struct frame *frame);

/* Write the wire bytes of a frame, closing zero included, at most WIRE_MAX; return how many. */
size_t frame_seal(const struct frame *frame, uint32_t seed, uint8_t *wire);

/* Say whether the host sends frames of this type inside a session. */
bool frame_is_from_host(uint8_t type);

/* Say whether a type the host sends inside a session is numbered. */
bool frame_is_reliable(uint8_t type);

#endif
