/* orders: judge, keep, start, answer. */
#include "orders.h"

#include "bytes.h"
#include "speech.h"

enum { REFUSED_NOT_ARMED = 1, REFUSED_RANGE = 2, REFUSED_NO_CHANNEL = 3, REFUSED_KIND = 4, REFUSED_LEASE = 5 };

static bool is_armed(const struct board *board, uint8_t channel)
{
    return (board->armed >> channel & 1) != 0;
}

static bool is_within(const struct channel *channel, int32_t value)
{
    return value >= channel->minimum && value <= channel->maximum;
}

static bool is_possible(const struct act *act)
{
    if (act->channel >= CHANNELS || act->trigger > TRIGGER_COUNT) {
        return false;
    }
    const struct channel *channel = &CHANNEL[act->channel];
    return channel->kind == PULSE && is_within(channel, act->value) && act->hold_ms != 0 &&
           act->hold_ms <= channel->cap_ms;
}

static uint8_t judge(const struct board *board, const struct act *act, uint32_t now_us)
{
    if (!is_possible(act)) {
        return STATUS_REFUSED;
    }
    if (!is_armed(board, act->channel)) {
        return STATUS_SAFE;
    }
    if (act_is_late(act, board->machine, now_us, now_us)) {
        return STATUS_LATE;
    }
    return board->acts.number < ACTS_WAITING_MAX ? STATUS_PENDING : STATUS_FULL;
}

/* Tell what the journal knows of an id. */
static void tell_known(struct board *board, uint8_t type, uint32_t cmd_id, const uint32_t *args_crc)
{
    const struct answer *answer = journal_find(board->journal, cmd_id);
    if (answer == NULL) {
        struct answer unknown = {.cmd_id = cmd_id, .status = journal_unknown(board->journal, cmd_id)};
        speech_answer(board, type, &unknown);
        return;
    }
    struct answer told = *answer;
    if (args_crc != NULL && *args_crc != told.args_crc) {
        told.status = STATUS_MISMATCH;
    }
    speech_answer(board, type, &told);
}

static void note_and_tell(struct board *board, uint16_t slot, uint8_t status)
{
    journal_note(board->journal, slot, status, 0, 0);
    speech_answer(board, DONE, &board->journal->answers[slot]);
}

void orders_act(struct board *board, const uint8_t *payload, uint32_t now_us)
{
    struct act act;
    act_read(&act, payload);
    if (act.cmd_id <= board->journal->head[0].last_cmd_id) {
        tell_known(board, DONE, act.cmd_id, &act.args_crc);
        return;
    }
    uint8_t status = judge(board, &act, now_us);
    uint16_t slot = journal_accept(board->journal, act.cmd_id, status, act.args_crc);
    if (status != STATUS_PENDING) {
        speech_answer(board, DONE, &board->journal->answers[slot]);
        return;
    }
    acts_add(&board->acts, board->machine, &act, slot, now_us);
    AT_STEP(board->machine, STEP_ACCEPTED, act.cmd_id);
}

void orders_query(struct board *board, uint32_t cmd_id)
{
    tell_known(board, STATUS, cmd_id, NULL);
}

void orders_cancel(struct board *board, uint32_t cmd_id)
{
    struct waiting waiting;
    if (acts_take(&board->acts, cmd_id, &waiting)) {
        note_and_tell(board, waiting.slot, STATUS_CANCELLED);
    } else {
        tell_known(board, DONE, cmd_id, NULL);
    }
}

void orders_drop_all(struct board *board, uint8_t status)
{
    struct waiting waiting;
    while (acts_take_any(&board->acts, &waiting)) {
        note_and_tell(board, waiting.slot, status);
    }
}

static uint8_t refusal(const struct board *board, uint8_t number, int32_t value, uint16_t lease_ms)
{
    if (number >= CHANNELS) {
        return REFUSED_NO_CHANNEL;
    }
    const struct channel *channel = &CHANNEL[number];
    if (channel->kind != SETPOINT) {
        return REFUSED_KIND;
    }
    if (!is_within(channel, value)) {
        return REFUSED_RANGE;
    }
    if (lease_ms == 0 || lease_ms > channel->cap_ms) {
        return REFUSED_LEASE;
    }
    return is_armed(board, number) ? 0 : REFUSED_NOT_ARMED;
}

void orders_set(struct board *board, const uint8_t *payload, uint32_t now_us)
{
    struct drive drive = {.channel = payload[0], .value = get_i32(payload + 1)};
    uint16_t lease_ms = get_u16(payload + 5);
    uint8_t reason = refusal(board, drive.channel, drive.value, lease_ms);
    if (reason != 0) {
        speech_event(board, EVENT_REFUSED, drive.channel, reason, drive.value, now_us);
        return;
    }
    drive.hold_us = lease_ms * 1000u;
    outputs_drive(board->outputs, board->machine, &drive, now_us);
}

void orders_arm(struct board *board, uint16_t mask, uint32_t now_us)
{
    if (board->estop_latched) {
        return;
    }
    board->armed = (uint16_t)(board->armed | (mask & ((1u << CHANNELS) - 1)));
    board->unarmed_by_fault = (uint16_t)(board->unarmed_by_fault & ~board->armed);
    board->safe_latched = board->safe_latched && board->unarmed_by_fault != 0;
    speech_event(board, EVENT_ARMED, 0, board->armed, 0, now_us);
}

/* The one place where an act moves an output. */
static void start(struct board *board, const struct waiting *waiting, uint32_t now_us)
{
    const struct act *act = &waiting->act;
    if (act_is_late(act, board->machine, waiting->accepted_us, now_us)) {
        note_and_tell(board, waiting->slot, STATUS_LATE);
        return;
    }
    struct drive drive = {
        .channel = act->channel,
        .by_count = act->trigger == TRIGGER_COUNT && act->span != 0,
        .value = act->value,
        .cmd_id = act->cmd_id,
        .hold_us = act->hold_ms * 1000u,
        .until_count = (int32_t)(act->at + act->span),
    };
    uint32_t count = (uint32_t)board->machine->count(board->machine->port, now_us);
    journal_note(board->journal, waiting->slot, STATUS_IN_DOUBT, 0, 0);
    AT_STEP(board->machine, STEP_BEFORE_PIN, act->cmd_id);
    outputs_drive(board->outputs, board->machine, &drive, now_us);
    AT_STEP(board->machine, STEP_AFTER_PIN, act->cmd_id);
    journal_note(board->journal, waiting->slot, STATUS_DONE, now_us, count);
    AT_STEP(board->machine, STEP_AFTER_DONE, act->cmd_id);
    speech_answer(board, DONE, &board->journal->answers[waiting->slot]);
}

void orders_advance(struct board *board, uint32_t now_us)
{
    struct waiting waiting;
    while (acts_take_due(&board->acts, board->machine, now_us, &waiting)) {
        start(board, &waiting, now_us);
    }
    uint16_t ended = outputs_expire(board->outputs, board->machine, now_us);
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        if ((ended >> channel & 1) != 0 && CHANNEL[channel].kind == SETPOINT) {
            speech_event(board, EVENT_LAPSED, channel, 0, CHANNEL[channel].safe, now_us);
        }
    }
}
