/* safety: the pins first, the words after. */
#include "safety.h"

#include "orders.h"
#include "speech.h"

void safety_fall(struct board *board, uint8_t cause, uint32_t now_us)
{
    uint16_t changed = outputs_all_safe(board->outputs, board->machine, now_us);
    board->unarmed_by_fault = (uint16_t)(board->unarmed_by_fault | board->armed);
    board->armed = 0;
    board->safe_latched = true;
    orders_drop_all(board, cause == SAFE_BY_SILENCE ? STATUS_CANCELLED : STATUS_SAFE);
    speech_event(board, EVENT_SAFE, cause, changed, 0, now_us);
}

void safety_estop(struct board *board, uint8_t source, uint32_t now_us)
{
    if (board->estop_latched) {
        return;
    }
    board->estop_latched = true;
    safety_fall(board, SAFE_BY_ESTOP, now_us);
    speech_event(board, EVENT_ESTOP, source, 0, 0, now_us);
}

bool safety_estop_is_pressed(const struct board *board)
{
    return (board->machine->inputs(board->machine->port) >> ESTOP_INPUT & 1) != 0;
}
