/* hearing: a frame belongs to the session that is up, to the one that was offered, or is a HELLO; all else is damage. */
#include "hearing.h"

#include "bytes.h"
#include "numbers.h"
#include "orders.h"
#include "safety.h"
#include "speech.h"

enum { BOOT_PAUSE_US = 50000 };

static void object(struct talk *talk)
{
    if (!talk->nak_sent) {
        talk->nak_sent = talk->nak_owed = true; /* one, until progress is made */
    }
}

void hearing_damage(struct board *board, uint32_t now_us)
{
    if (board_in_session(board)) {
        object(&board->talk);
    } else if (board->boots_left == 0) {
        uint32_t earliest_us = board->last_boot_us + BOOT_PAUSE_US;
        board->boots_left = 1;
        board->next_boot_us = now_us - board->last_boot_us < BOOT_PAUSE_US ? earliest_us : now_us;
    }
}

static uint32_t fresh_token(struct board *board)
{
    uint32_t token;
    do {
        token = board->machine->entropy(board->machine->port);
    } while (token == 0 || token == board->session.token);
    return token;
}

static void write_welcome(const struct board *board, struct session *session, uint32_t now_us)
{
    const struct journal_head *head = &board->journal->head[0];
    uint8_t *end = put_u8(session->welcome, PROTO);
    end = put_u8(end, RING / 16);
    end = put_u16(end, board_state(board));
    end = put_u32(end, session->nonce);
    copy_bytes(end, board->identity->device_uid, UID_BYTES);
    end = put_u32(end + UID_BYTES, board->boot_id);
    end = put_u32(end, session->token);
    end = put_u32(end, head->last_cmd_id);
    end = put_u32(end, head->epoch);
    end = put_u32(end, now_us);
    end = put_i32(end, board->machine->count(board->machine->port, now_us));
    end = put_u32(end, head->edges[0]);
    end = put_u32(end, board->identity->fw_id);
    end = put_u32(end, channels_crc());
    end = put_u8(end, board->cause);
    put_u8(end, WINDOW);
}

static bool is_session_of(const struct session *session, uint32_t nonce)
{
    return session->token != 0 && session->nonce == nonce;
}

static void take_hello(struct board *board, const uint8_t *payload, uint32_t now_us)
{
    uint32_t nonce = get_u32(payload + 2);
    board->welcome_owed = true;
    board->welcome_is_session = is_session_of(&board->session, nonce);
    if (!board->welcome_is_session && !is_session_of(&board->offered, nonce)) {
        board->offered.nonce = nonce;
        board->offered.token = fresh_token(board);
        write_welcome(board, &board->offered, now_us);
    }
}

/* Let the old session die at the first frame of the new one. What waited is taken back while nobody listens: the new
 * session asks for what it wants to know. */
static void take_over(struct board *board, uint32_t now_us)
{
    board->session.token = 0;
    orders_drop_all(board, STATUS_CANCELLED);
    board->session = board->offered;
    board->offered.token = 0;
    if (board->welcome_owed && !board->welcome_is_session) {
        board->welcome_is_session = true; /* the offer that it was for is the session now */
    }
    board->boots_left = 0;
    board->talk.expected = 0;
    board->talk.ack_owed = board->talk.nak_owed = board->talk.nak_sent = board->talk.estop_owed = false;
    board->talk.pings = 0;
    board->talk.lost_events = 0;
    board->talk.next_sample_us = now_us + board->identity->sample_us;
    window_open(&board->talk.window, board->identity->byte_ns);
    speech_tell_owed(board);
}

static void take_ack(struct board *board, uint8_t ack, uint32_t now_us)
{
    struct window *window = &board->talk.window;
    uint8_t confirmed = window_confirms(window, ack);
    for (uint8_t i = 0; i < confirmed; i++) {
        speech_confirmed(board, window_sent(window, i));
    }
    window_drop(window, confirmed, now_us);
}

static void take_ping(struct talk *talk, uint32_t tag)
{
    if (talk->pings == PINGS_MAX) {
        for (uint8_t i = 1; i < PINGS_MAX; i++) {
            talk->tags[i - 1] = talk->tags[i];
        }
        talk->pings--;
    }
    talk->tags[talk->pings++] = tag;
}

static void obey(struct board *board, const struct frame *frame, uint32_t now_us)
{
    switch (frame->type) {
    case ACT:
        orders_act(board, frame->payload, now_us);
        break;
    case QUERY:
        orders_query(board, get_u32(frame->payload));
        break;
    case CANCEL:
        orders_cancel(board, get_u32(frame->payload));
        break;
    case SET:
        orders_set(board, frame->payload, now_us);
        break;
    default:
        orders_arm(board, get_u16(frame->payload), now_us);
        break;
    }
}

static void take_numbered(struct board *board, const struct frame *frame, uint32_t now_us)
{
    struct talk *talk = &board->talk;
    int8_t gap = (int8_t)(uint8_t)(frame->seq - talk->expected);
    if (gap > 0) {
        object(talk);
        return;
    }
    talk->ack_owed = true;
    if (gap == 0) {
        talk->expected++;
        talk->nak_sent = talk->nak_owed = false;
        obey(board, frame, now_us);
    }
}

static void take_frame(struct board *board, const struct frame *frame, uint32_t now_us)
{
    struct talk *talk = &board->talk;
    talk->heard_us = now_us;
    talk->is_silent = false;
    take_ack(board, frame->ack, now_us);
    if (frame_is_reliable(frame->type)) {
        take_numbered(board, frame, now_us);
    } else if (frame->type == PING) {
        take_ping(talk, get_u32(frame->payload));
    } else if (frame->type == NAK) {
        window_reject(&talk->window, now_us);
    } else if (frame->type == ESTOP) {
        talk->estop_owed = true;
        talk->estop_reason = frame->payload[0];
        safety_estop(board, ESTOP_FROM_LINE, now_us);
    }
}

void hearing_take(struct board *board, const uint8_t *body, uint8_t size, uint32_t now_us)
{
    struct frame frame;
    bool is_ours = board_in_session(board) && frame_open(body, size, board->session.token, &frame);
    bool is_offered = !is_ours && board->offered.token != 0 && frame_open(body, size, board->offered.token, &frame);
    if (is_ours || is_offered) {
        if (!frame_is_from_host(frame.type)) {
            return; /* the board's own bytes, thrown back by the line: no sign of life */
        }
        if (is_offered) {
            take_over(board, now_us);
        }
        take_frame(board, &frame, now_us);
    } else if (frame_open(body, size, 0, &frame) && frame.type == HELLO) {
        take_hello(board, frame.payload, now_us);
    } else {
        hearing_damage(board, now_us);
    }
}
