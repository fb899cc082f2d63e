/* board: from the first instruction of a boot on; hearing, orders and speech do the rest. */
#include "board.h"

#include "hearing.h"
#include "orders.h"
#include "safety.h"
#include "speech.h"

enum { SILENCE_US = 300000, BOOT_TIMES = 3, BOOT_PAUSE_US = 50000, IDLE_US = 10000 };

static void forget(struct board *board)
{
    board->receiver.size = 0;
    board->receiver.overlong = false;
    board->acts.number = 0;
    outputs_start(board->outputs);
    board->armed = board->unarmed_by_fault = 0;
    board->safe_latched = board->estop_latched = false;
    board->session.token = board->offered.token = 0;
    for (size_t i = 0; i < OWED; i++) {
        board->owed[i].is_owed = false;
    }
    board->welcome_owed = board->welcome_is_session = false;
}

void board_start(struct board *board, const struct identity *identity, const struct machine *machine,
                 struct journal *journal, uint8_t cause, bool position_valid, uint32_t now_us)
{
    forget(board);
    board->identity = identity;
    board->machine = machine;
    board->journal = journal;
    board->cause = cause;
    board->position_valid = position_valid;
    board->boot_id = machine->entropy(machine->port);
    board->boots_left = BOOT_TIMES;
    board->next_boot_us = now_us;
    board->last_boot_us = now_us - BOOT_PAUSE_US;
    board->is_quiet = true;
    board->last_sent_us = now_us;
    uint32_t damaged = 0;
    board->journal_survived = journal_open(journal, machine->entropy(machine->port), &damaged);
    if (damaged != 0) {
        speech_event(board, EVENT_FAULT, FAULT_JOURNAL, damaged, 0, now_us);
    }
    if (safety_estop_is_pressed(board)) {
        safety_estop(board, ESTOP_FROM_INPUT, now_us);
    }
}

void board_receive(struct board *board, const uint8_t *bytes, size_t size, uint32_t now_us)
{
    for (size_t i = 0; i < size; i++) {
        switch (receiver_take(&board->receiver, bytes[i])) {
        case HEARD_BODY:
            hearing_take(board, board->receiver.body, board->receiver.body_size, now_us);
            break;
        case HEARD_DAMAGE:
            hearing_damage(board, now_us);
            break;
        default:
            break;
        }
    }
    orders_advance(board, now_us);
}

void board_overrun(struct board *board, uint32_t lost, uint32_t now_us)
{
    speech_event(board, EVENT_FAULT, FAULT_OVERRUN, lost, 0, now_us);
}

void board_input(struct board *board, uint8_t input, bool rising, uint32_t at_us, uint32_t now_us)
{
    if (input >= INPUTS) {
        return;
    }
    if (!rising) {
        speech_event(board, EVENT_FALLING, input, board->journal->head[0].edges[input], 0, at_us);
        return;
    }
    uint32_t edges = journal_edge(board->journal, input);
    board->position_valid = board->position_valid || input == 0;
    if (input == ESTOP_INPUT) {
        safety_estop(board, ESTOP_FROM_INPUT, now_us);
    }
    speech_event(board, EVENT_RISING, input, edges, 0, at_us);
}

void board_speed_changed(struct board *board, uint32_t now_us)
{
    acts_look_again(&board->acts, board->machine, now_us);
    outputs_look_again(board->outputs, board->machine, now_us);
}

void board_position_known(struct board *board)
{
    board->position_valid = true;
}

void board_clear_estop(struct board *board)
{
    if (!safety_estop_is_pressed(board)) {
        board->estop_latched = false;
    }
}

void board_advance(struct board *board, uint32_t now_us)
{
    struct talk *talk = &board->talk;
    if (board_in_session(board)) {
        if (!talk->is_silent && now_us - talk->heard_us >= SILENCE_US) {
            talk->is_silent = true;
            safety_fall(board, SAFE_BY_SILENCE, now_us);
        }
        window_advance(&talk->window, now_us);
    }
    if (ahead(now_us, board->last_sent_us) > IDLE_US) {
        board->is_quiet = true; /* noted before the difference can wrap */
    }
    orders_advance(board, now_us);
}

bool board_due(const struct board *board, uint32_t now_us, uint32_t *due_us)
{
    struct soonest soonest = {.now_us = now_us};
    acts_due(&board->acts, &soonest);
    outputs_due(board->outputs, &soonest);
    if (board_in_session(board)) {
        if (!board->talk.is_silent) {
            soonest_of(&soonest, board->talk.heard_us + SILENCE_US);
        }
        if (board->talk.window.timer_runs) {
            soonest_of(&soonest, board->talk.window.timer_us);
        }
    }
    *due_us = soonest.due_us;
    return soonest.known;
}

uint16_t board_state(const struct board *board)
{
    unsigned state = 0;
    state |= board->safe_latched ? STATE_SAFE : 0u;
    state |= board->estop_latched ? STATE_ESTOP : 0u;
    state |= board->position_valid ? STATE_POSITION_VALID : 0u;
    state |= board->journal_survived ? STATE_JOURNAL_SURVIVED : 0u;
    return (uint16_t)state;
}
