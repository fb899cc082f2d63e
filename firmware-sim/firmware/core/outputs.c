/* outputs: whichever bound comes first ends an output. */
#include "outputs.h"

static void expect_count(struct output *output, const struct machine *machine, uint32_t now_us)
{
    output->count_is_due =
        output->by_count && machine->time_of_count(machine->port, output->until_count, now_us, &output->count_us);
}

static void fall(struct output outputs[CHANNELS], const struct machine *machine, uint8_t channel, uint32_t now_us)
{
    struct output *output = &outputs[channel];
    output->is_bound = false;
    if (output->value != CHANNEL[channel].safe) {
        output->value = CHANNEL[channel].safe;
        machine->output(machine->port, channel, output->value, 0, now_us);
    }
}

void outputs_start(struct output outputs[CHANNELS])
{
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        outputs[channel] = (struct output){.value = CHANNEL[channel].safe};
    }
}

void outputs_drive(struct output outputs[CHANNELS], const struct machine *machine, const struct drive *drive,
                   uint32_t now_us)
{
    struct output *output = &outputs[drive->channel];
    output->value = drive->value;
    output->is_bound = true;
    output->until_us = now_us + drive->hold_us;
    output->by_count = drive->by_count;
    output->until_count = drive->until_count;
    expect_count(output, machine, now_us);
    machine->output(machine->port, drive->channel, drive->value, drive->cmd_id, now_us);
}

static bool has_ended(struct output *output, const struct machine *machine, uint32_t now_us)
{
    if (reached(now_us, output->until_us)) {
        return true;
    }
    if (!output->count_is_due || !reached(now_us, output->count_us)) {
        return false;
    }
    if (reached((uint32_t)machine->count(machine->port, now_us), (uint32_t)output->until_count)) {
        return true;
    }
    expect_count(output, machine, now_us);
    if (output->count_is_due && reached(now_us, output->count_us)) {
        output->count_us = now_us + 1; /* the belt is slower than was said; do not ask without end */
    }
    return false;
}

uint16_t outputs_expire(struct output outputs[CHANNELS], const struct machine *machine, uint32_t now_us)
{
    uint16_t ended = 0;
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        if (outputs[channel].is_bound && has_ended(&outputs[channel], machine, now_us)) {
            fall(outputs, machine, channel, now_us);
            ended = (uint16_t)(ended | 1u << channel);
        }
    }
    return ended;
}

uint16_t outputs_all_safe(struct output outputs[CHANNELS], const struct machine *machine, uint32_t now_us)
{
    uint16_t changed = outputs_mask(outputs);
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        fall(outputs, machine, channel, now_us);
    }
    return changed;
}

uint16_t outputs_mask(const struct output outputs[CHANNELS])
{
    uint16_t mask = 0;
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        if (outputs[channel].value != CHANNEL[channel].safe) {
            mask = (uint16_t)(mask | 1u << channel);
        }
    }
    return mask;
}

void outputs_look_again(struct output outputs[CHANNELS], const struct machine *machine, uint32_t now_us)
{
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        if (outputs[channel].is_bound) {
            expect_count(&outputs[channel], machine, now_us);
        }
    }
}

void outputs_due(const struct output outputs[CHANNELS], struct soonest *soonest)
{
    for (uint8_t channel = 0; channel < CHANNELS; channel++) {
        if (outputs[channel].is_bound) {
            soonest_of(soonest, outputs[channel].until_us);
            if (outputs[channel].count_is_due) {
                soonest_of(soonest, outputs[channel].count_us);
            }
        }
    }
}
