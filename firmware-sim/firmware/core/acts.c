/* acts: a short list in the order of acceptance; 32 are searched faster than a heap is kept. */
#include "acts.h"

#include "bytes.h"
#include "crc.h"
#include "frames.h"

enum { LATE_UNIT_US = 100 };

void act_read(struct act *act, const uint8_t *payload)
{
    act->cmd_id = get_u32(payload);
    act->args_crc = crc_of(payload + 4, ACT_BYTES - 4, 0);
    act->channel = payload[4] & 0x3f;
    act->trigger = payload[4] >> 6;
    act->value = get_i32(payload + 5);
    act->at = get_u32(payload + 9);
    act->late = get_u16(payload + 13);
    act->hold_ms = get_u16(payload + 15);
    act->span = get_u16(payload + 17);
}

static uint32_t count_now(const struct machine *machine, uint32_t now_us)
{
    return (uint32_t)machine->count(machine->port, now_us);
}

bool act_is_late(const struct act *act, const struct machine *machine, uint32_t accepted_us, uint32_t now_us)
{
    switch (act->trigger) {
    case TRIGGER_COUNT:
        return ahead(count_now(machine, now_us), act->at) > act->late;
    case TRIGGER_TIME:
        return ahead(now_us, act->at) > act->late * LATE_UNIT_US;
    default:
        return now_us - accepted_us > (uint32_t)act->late * LATE_UNIT_US;
    }
}

static void expect(struct waiting *waiting, const struct machine *machine, uint32_t now_us)
{
    if (waiting->act.trigger == TRIGGER_COUNT) {
        int32_t count = (int32_t)waiting->act.at;
        waiting->is_due = machine->time_of_count(machine->port, count, now_us, &waiting->due_us);
    }
}

void acts_add(struct acts *acts, const struct machine *machine, const struct act *act, uint16_t slot, uint32_t now_us)
{
    struct waiting *waiting = &acts->waiting[acts->number++];
    waiting->act = *act;
    waiting->slot = slot;
    waiting->accepted_us = now_us;
    waiting->is_due = true;
    waiting->due_us = act->trigger == TRIGGER_TIME && !reached(now_us, act->at) ? act->at : now_us;
    expect(waiting, machine, now_us);
}

static void take_at(struct acts *acts, uint8_t index, struct waiting *taken)
{
    *taken = acts->waiting[index];
    acts->number--;
    for (uint8_t i = index; i < acts->number; i++) {
        acts->waiting[i] = acts->waiting[i + 1];
    }
}

bool acts_take(struct acts *acts, uint32_t cmd_id, struct waiting *taken)
{
    for (uint8_t i = 0; i < acts->number; i++) {
        if (acts->waiting[i].act.cmd_id == cmd_id) {
            take_at(acts, i, taken);
            return true;
        }
    }
    return false;
}

bool acts_take_any(struct acts *acts, struct waiting *taken)
{
    if (acts->number == 0) {
        return false;
    }
    take_at(acts, 0, taken);
    return true;
}

static bool is_before(const struct waiting *one, const struct waiting *other, uint32_t now_us)
{
    int32_t one_us = ahead(one->due_us, now_us);
    int32_t other_us = ahead(other->due_us, now_us);
    return one_us < other_us || (one_us == other_us && one->act.cmd_id < other->act.cmd_id);
}

/* Look at a count that should have been reached; ask again when it has not. */
static bool is_really_due(struct waiting *waiting, const struct machine *machine, uint32_t now_us)
{
    if (!waiting->is_due || !reached(now_us, waiting->due_us)) {
        return false;
    }
    if (waiting->act.trigger != TRIGGER_COUNT || reached(count_now(machine, now_us), waiting->act.at)) {
        return true;
    }
    expect(waiting, machine, now_us);
    if (waiting->is_due && reached(now_us, waiting->due_us)) {
        waiting->due_us = now_us + 1; /* the belt is slower than was said; do not ask without end */
    }
    return false;
}

bool acts_take_due(struct acts *acts, const struct machine *machine, uint32_t now_us, struct waiting *taken)
{
    uint8_t first = ACTS_WAITING_MAX;
    for (uint8_t i = 0; i < acts->number; i++) {
        if (is_really_due(&acts->waiting[i], machine, now_us) &&
            (first == ACTS_WAITING_MAX || is_before(&acts->waiting[i], &acts->waiting[first], now_us))) {
            first = i;
        }
    }
    if (first == ACTS_WAITING_MAX) {
        return false;
    }
    take_at(acts, first, taken);
    return true;
}

void acts_look_again(struct acts *acts, const struct machine *machine, uint32_t now_us)
{
    for (uint8_t i = 0; i < acts->number; i++) {
        expect(&acts->waiting[i], machine, now_us);
    }
}

void acts_due(const struct acts *acts, struct soonest *soonest)
{
    for (uint8_t i = 0; i < acts->number; i++) {
        if (acts->waiting[i].is_due) {
            soonest_of(soonest, acts->waiting[i].due_us);
        }
    }
}
