/* speech: ESTOP, WELCOME, BOOT, PONG, NAK, numbered frames, SAMPLE, ACK: in this order. */
#include "speech.h"

#include "bytes.h"

enum { BOOT_EVERY_US = 20000, IDLE_US = 10000 };

static const uint8_t OWED_KIND[OWED] = {EVENT_SAFE, EVENT_ESTOP, EVENT_FAULT};

/* A frame that is about to be sealed. */
struct said {
    uint8_t payload[PAYLOAD_MAX];
    uint8_t type;
    uint8_t seq;
    uint8_t size;
    bool again;
};

static bool is_same(const uint8_t *one, const uint8_t *other, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (one[i] != other[i]) {
            return false;
        }
    }
    return true;
}

static uint32_t count_at(const struct board *board, uint32_t at_us)
{
    return (uint32_t)board->machine->count(board->machine->port, at_us);
}

void speech_answer(struct board *board, uint8_t type, const struct answer *answer)
{
    if (!board_in_session(board)) {
        return;
    }
    uint8_t payload[DONE_BYTES];
    uint8_t *end = put_u32(payload, answer->cmd_id);
    end = put_u8(end, (uint8_t)answer->status);
    end = put_u32(end, answer->args_crc);
    end = put_u32(end, answer->t_actual_us);
    put_u32(end, answer->count);
    (void)window_push(&board->talk.window, type, payload, sizeof payload);
}

static void push_event(struct board *board, const uint8_t *payload)
{
    if (board_in_session(board) && !window_push(&board->talk.window, EVENT, payload, EVENT_BYTES)) {
        board->talk.lost_events++;
    }
}

void speech_event(struct board *board, uint8_t kind, uint8_t source, uint32_t number, int32_t value, uint32_t at_us)
{
    uint8_t payload[EVENT_BYTES];
    uint8_t *end = put_u8(payload, kind);
    end = put_u8(end, source);
    end = put_u32(end, at_us);
    end = put_u32(end, count_at(board, at_us));
    end = put_u32(end, number);
    put_i32(end, value);
    for (size_t i = 0; i < OWED; i++) {
        if (OWED_KIND[i] == kind) {
            board->owed[i].is_owed = true;
            copy_bytes(board->owed[i].payload, payload, EVENT_BYTES);
        }
    }
    push_event(board, payload);
}

void speech_tell_owed(struct board *board)
{
    for (size_t i = 0; i < OWED; i++) {
        if (board->owed[i].is_owed) {
            push_event(board, board->owed[i].payload);
        }
    }
}

void speech_confirmed(struct board *board, const struct letter *letter)
{
    for (size_t i = 0; i < OWED && letter->type == EVENT; i++) {
        struct owed *owed = &board->owed[i];
        owed->is_owed = owed->is_owed && !is_same(owed->payload, letter->payload, EVENT_BYTES);
    }
}

static void say_estop(struct board *board, struct said *said)
{
    board->talk.estop_owed = false;
    said->type = ESTOP;
    said->size = (uint8_t)(put_u8(said->payload, board->talk.estop_reason) - said->payload);
}

static void say_welcome(struct board *board, struct said *said)
{
    const struct session *session = board->welcome_is_session ? &board->session : &board->offered;
    board->welcome_owed = false;
    said->type = WELCOME;
    said->size = WELCOME_BYTES;
    copy_bytes(said->payload, session->welcome, WELCOME_BYTES);
}

static void say_boot(struct board *board, struct said *said, uint32_t now_us)
{
    board->boots_left--;
    board->last_boot_us = now_us;
    board->next_boot_us = now_us + BOOT_EVERY_US;
    said->type = BOOT;
    uint8_t *end = put_u32(said->payload, board->boot_id);
    said->size = (uint8_t)(put_u8(end, board->cause) - said->payload);
}

static void say_pong(struct board *board, struct said *said, uint32_t now_us)
{
    struct talk *talk = &board->talk;
    said->type = PONG;
    uint8_t *end = put_u32(said->payload, talk->tags[0]);
    end = put_u32(end, now_us);
    end = put_u32(end, count_at(board, now_us));
    end = put_u16(end, board_state(board));
    said->size = (uint8_t)(put_u16(end, board->armed) - said->payload);
    talk->pings--;
    for (uint8_t i = 0; i < talk->pings; i++) {
        talk->tags[i] = talk->tags[i + 1];
    }
}

static void say_sample(struct board *board, struct said *said, uint32_t now_us)
{
    board->talk.next_sample_us = now_us + board->identity->sample_us;
    said->type = SAMPLE;
    uint8_t *end = put_u32(said->payload, now_us);
    end = put_u32(end, count_at(board, now_us));
    end = put_u32(end, board->journal->head[0].edges[0]);
    end = put_u16(end, board_state(board));
    end = put_u16(end, board->armed);
    end = put_u16(end, board->machine->inputs(board->machine->port));
    end = put_u16(end, outputs_mask(board->outputs));
    for (uint8_t channel = 0; channel < CHANNELS && channel < READINGS_MAX; channel++) {
        if (CHANNEL[channel].kind == SETPOINT) {
            end = put_u8(end, channel);
            end = put_i32(end, board->outputs[channel].value);
        }
    }
    said->size = (uint8_t)(end - said->payload);
}

static void report_lost_events(struct board *board, uint32_t now_us)
{
    struct talk *talk = &board->talk;
    if (talk->lost_events != 0 && talk->window.events_waiting < EVENTS_WAITING_MAX / 2) {
        uint32_t lost = talk->lost_events;
        talk->lost_events = 0;
        speech_event(board, EVENT_FAULT, FAULT_EVENTS_LOST, lost, 0, now_us);
    }
}

static bool say_letter(struct board *board, struct said *said, uint32_t now_us)
{
    report_lost_events(board, now_us);
    const struct letter *letter = window_next(&board->talk.window, now_us, &said->seq, &said->again);
    if (letter == NULL) {
        return false;
    }
    said->type = letter->type;
    said->size = letter->size;
    copy_bytes(said->payload, letter->payload, letter->size);
    return true;
}

static bool say_of_session(struct board *board, struct said *said, uint32_t now_us)
{
    struct talk *talk = &board->talk;
    if (talk->pings != 0) {
        say_pong(board, said, now_us);
    } else if (talk->nak_owed) {
        talk->nak_owed = false;
        said->type = NAK;
    } else if (say_letter(board, said, now_us)) {
        return true;
    } else if (reached(now_us, talk->next_sample_us)) {
        say_sample(board, said, now_us);
    } else if (talk->ack_owed) {
        said->type = ACK;
    } else {
        return false;
    }
    return true;
}

static bool choose(struct board *board, struct said *said, uint32_t now_us)
{
    if (board_in_session(board) && board->talk.estop_owed) {
        say_estop(board, said);
    } else if (board->welcome_owed) {
        say_welcome(board, said);
    } else if (board_in_session(board)) {
        return say_of_session(board, said, now_us);
    } else if (board->boots_left != 0 && reached(now_us, board->next_boot_us)) {
        say_boot(board, said, now_us);
    } else {
        return false;
    }
    return true;
}

size_t board_next_wire(struct board *board, uint32_t now_us, uint8_t *wire)
{
    struct said said = {.size = 0};
    if (!choose(board, &said, now_us)) {
        return 0;
    }
    bool of_session = said.type != WELCOME && said.type != BOOT;
    struct frame frame = {said.type, said.seq, 0, said.size, said.payload};
    size_t size = 0;
    if (said.again || board->is_quiet || ahead(now_us, board->last_sent_us) > IDLE_US) {
        wire[size++] = 0;
    }
    if (of_session) {
        frame.ack = board->talk.expected;
        board->talk.ack_owed = false;
    }
    size += frame_seal(&frame, of_session ? board->session.token : 0, wire + size);
    board->is_quiet = false;
    board->last_sent_us = now_us + ((uint32_t)size * board->identity->byte_ns + 999) / 1000;
    return size;
}

bool board_speaks(const struct board *board, uint32_t now_us, uint32_t *due_us)
{
    const struct talk *talk = &board->talk;
    *due_us = now_us;
    if (board->welcome_owed) {
        return true;
    }
    if (!board_in_session(board)) {
        *due_us = board->next_boot_us;
        return board->boots_left != 0;
    }
    bool at_once = talk->ack_owed || talk->nak_owed || talk->estop_owed || talk->pings != 0;
    if (!at_once && !window_has_letter(&talk->window)) {
        *due_us = talk->next_sample_us;
    }
    return true;
}
