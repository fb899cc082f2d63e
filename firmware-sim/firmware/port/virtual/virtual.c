/* virtual: nothing is decided here. */
#include "virtual.h"

#include "bytes.h"
#include "cobs.h"
#include "crc.h"

size_t virtual_bytes(void)
{
    return sizeof(struct virtual);
}

size_t virtual_journal_bytes(void)
{
    return sizeof(struct journal);
}

uint32_t virtual_config_crc(void)
{
    return channels_crc();
}

void virtual_wire_up(struct virtual *virtual, const struct machine *machine, const uint8_t *device_uid,
                     uint32_t fw_id, uint32_t byte_ns, uint32_t sample_us)
{
    copy_bytes(virtual->identity.device_uid, device_uid, UID_BYTES);
    virtual->identity.fw_id = fw_id;
    virtual->identity.byte_ns = byte_ns;
    virtual->identity.sample_us = sample_us;
    virtual->machine = *machine;
}

void virtual_start(struct virtual *virtual, struct journal *journal, uint8_t cause, bool position_valid,
                   uint32_t now_us)
{
    board_start(&virtual->board, &virtual->identity, &virtual->machine, journal, cause, position_valid, now_us);
}

void virtual_receive(struct virtual *virtual, const uint8_t *bytes, size_t size, uint32_t now_us)
{
    board_receive(&virtual->board, bytes, size, now_us);
}

void virtual_overrun(struct virtual *virtual, uint32_t lost, uint32_t now_us)
{
    board_overrun(&virtual->board, lost, now_us);
}

void virtual_input(struct virtual *virtual, uint8_t input, bool rising, uint32_t now_us)
{
    board_input(&virtual->board, input, rising, now_us, now_us);
}

void virtual_speed_changed(struct virtual *virtual, uint32_t now_us)
{
    board_speed_changed(&virtual->board, now_us);
}

void virtual_clear_estop(struct virtual *virtual)
{
    board_clear_estop(&virtual->board);
}

void virtual_advance(struct virtual *virtual, uint32_t now_us)
{
    board_advance(&virtual->board, now_us);
}

size_t virtual_next_wire(struct virtual *virtual, uint32_t now_us, uint8_t *wire)
{
    return board_next_wire(&virtual->board, now_us, wire);
}

int virtual_deadlines(const struct virtual *virtual, uint32_t now_us, uint32_t *due_us, uint32_t *speaks_us)
{
    int found = board_due(&virtual->board, now_us, due_us) ? DUE : 0;
    return found | (board_speaks(&virtual->board, now_us, speaks_us) ? SPEAKS : 0);
}

void virtual_look(const struct virtual *virtual, struct look *look)
{
    const struct board *board = &virtual->board;
    look->boot_id = board->boot_id;
    look->epoch = board->journal->head[0].epoch;
    look->last_cmd_id = board->journal->head[0].last_cmd_id;
    look->token = board->session.token;
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        look->values[channel] = board->outputs[channel].value;
    }
    look->state = board_state(board);
    look->armed = board->armed;
    look->outputs = outputs_mask(board->outputs);
    look->waiting = board->acts.number;
}

size_t virtual_seal(uint8_t type, uint8_t seq, uint8_t ack, const uint8_t *payload, uint8_t size, uint32_t seed,
                    uint8_t *wire)
{
    struct frame frame = {type, seq, ack, size, payload};
    return size <= PAYLOAD_MAX ? frame_seal(&frame, seed, wire) : 0;
}

size_t virtual_open(const uint8_t *wire, size_t size, uint32_t seed, uint8_t *head_and_payload)
{
    struct receiver receiver = {.size = 0};
    struct frame frame;
    enum heard heard = HEARD_NOTHING;
    for (size_t i = 0; i < size && heard == HEARD_NOTHING; i++) {
        heard = receiver_take(&receiver, wire[i]);
    }
    if (heard != HEARD_BODY || !frame_open(receiver.body, receiver.body_size, seed, &frame)) {
        return 0;
    }
    copy_bytes(head_and_payload, receiver.body, HEAD_BYTES + (size_t)frame.size);
    return HEAD_BYTES + (size_t)frame.size;
}

size_t virtual_cobs_encode(const uint8_t *body, size_t size, uint8_t *stuffed)
{
    return cobs_encode(body, size, stuffed);
}

size_t virtual_cobs_decode(const uint8_t *run, size_t size, uint8_t *body)
{
    return cobs_decode(run, size, body);
}

uint32_t virtual_crc(const uint8_t *bytes, size_t size, uint32_t seed)
{
    return crc_of(bytes, size, seed);
}

uint32_t virtual_args_crc(const uint8_t *payload)
{
    struct act act;
    act_read(&act, payload);
    return act.args_crc;
}

static struct encoder encoder_of(const struct motion *motions, bool has_next)
{
    return (struct encoder){motions[0], motions[has_next ? 1 : 0], has_next};
}

int32_t virtual_encoder_count(const struct motion *motions, bool has_next, uint32_t at_us)
{
    struct encoder encoder = encoder_of(motions, has_next);
    return encoder_count(&encoder, at_us);
}

bool virtual_encoder_time_of(const struct motion *motions, bool has_next, int32_t count, uint32_t now_us,
                             uint32_t *at_us)
{
    struct encoder encoder = encoder_of(motions, has_next);
    return encoder_time_of(&encoder, count, now_us, at_us);
}
