/* virtual: the core as a shared object in a time that the caller hands in; ripieno_sim.firmware is the caller.
 *
 * Plain numbers in and out, so that ctypes needs no knowledge of a struct but struct look.
 */
#ifndef RIPIENO_VIRTUAL_H
#define RIPIENO_VIRTUAL_H

#include "board.h"
#include "encoder.h"

#define EXPORTED __attribute__((visibility("default")))

enum { DUE = 1, SPEAKS = 2 };

/* One controller; it may boot often. */
struct virtual {
    struct board board;
    struct identity identity;
    struct machine machine;
};

/* What a test may see of the inside. */
struct look {
    uint32_t boot_id;
    uint32_t epoch;
    uint32_t last_cmd_id;
    uint32_t token;
    int32_t values[CHANNELS];
    uint16_t state;
    uint16_t armed;
    uint16_t outputs;
    uint16_t waiting;
};

EXPORTED size_t virtual_bytes(void);
EXPORTED size_t virtual_journal_bytes(void);
EXPORTED uint32_t virtual_config_crc(void);
EXPORTED void virtual_wire_up(struct virtual *virtual, const struct machine *machine, const uint8_t *device_uid,
                              uint32_t fw_id, uint32_t byte_ns, uint32_t sample_us);
EXPORTED void virtual_start(struct virtual *virtual, struct journal *journal, uint8_t cause, bool position_valid,
                            uint32_t now_us);
EXPORTED void virtual_receive(struct virtual *virtual, const uint8_t *bytes, size_t size, uint32_t now_us);
EXPORTED void virtual_overrun(struct virtual *virtual, uint32_t lost, uint32_t now_us);
EXPORTED void virtual_input(struct virtual *virtual, uint8_t input, bool rising, uint32_t now_us);
EXPORTED void virtual_speed_changed(struct virtual *virtual, uint32_t now_us);
EXPORTED void virtual_clear_estop(struct virtual *virtual);
EXPORTED void virtual_advance(struct virtual *virtual, uint32_t now_us);
EXPORTED size_t virtual_next_wire(struct virtual *virtual, uint32_t now_us, uint8_t *wire);

/* Write when there is something to do and something to say; return DUE, SPEAKS or both. */
EXPORTED int virtual_deadlines(const struct virtual *virtual, uint32_t now_us, uint32_t *due_us, uint32_t *speaks_us);
EXPORTED void virtual_look(const struct virtual *virtual, struct look *look);

/* The codec, for the golden frames. Each returns a size, or 0 for nothing. */
EXPORTED size_t virtual_seal(uint8_t type, uint8_t seq, uint8_t ack, const uint8_t *payload, uint8_t size,
                             uint32_t seed, uint8_t *wire);
EXPORTED size_t virtual_open(const uint8_t *wire, size_t size, uint32_t seed, uint8_t *head_and_payload);
EXPORTED size_t virtual_cobs_encode(const uint8_t *body, size_t size, uint8_t *stuffed);
EXPORTED size_t virtual_cobs_decode(const uint8_t *run, size_t size, uint8_t *body);
EXPORTED uint32_t virtual_crc(const uint8_t *bytes, size_t size, uint32_t seed);
EXPORTED uint32_t virtual_args_crc(const uint8_t *payload);

/* The encoder of port/station, for its arithmetic: `motions` is the present one, and the next if `has_next`. */
EXPORTED int32_t virtual_encoder_count(const struct motion *motions, bool has_next, uint32_t at_us);
EXPORTED bool virtual_encoder_time_of(const struct motion *motions, bool has_next, int32_t count, uint32_t now_us,
                                      uint32_t *at_us);

#endif
