/* outputs: the value of each channel, and when it falls back to its safe one by itself: a hold or lease, and a span. */
#ifndef RIPIENO_OUTPUTS_H
#define RIPIENO_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "channels.h"
#include "machine.h"
#include "numbers.h"

struct output {
    int32_t value;
    bool is_bound;
    bool by_count;
    bool count_is_due; /* count_us is known */
    uint32_t until_us;
    int32_t until_count;
    uint32_t count_us;
};

/* Why an output is driven, and for how long. */
struct drive {
    uint8_t channel;
    bool by_count;
    int32_t value;
    uint32_t cmd_id;
    uint32_t hold_us;
    int32_t until_count;
};

/* Forget every value: the pins are safe already. */
void outputs_start(struct output outputs[CHANNELS]);

/* Change an output; its older bounds end with its older value. */
void outputs_drive(struct output outputs[CHANNELS], const struct machine *machine, const struct drive *drive,
                   uint32_t now_us);

/* Put back what has come to its end; return the mask of these channels. */
uint16_t outputs_expire(struct output outputs[CHANNELS], const struct machine *machine, uint32_t now_us);

/* Put everything back; return the mask of the channels that changed. */
uint16_t outputs_all_safe(struct output outputs[CHANNELS], const struct machine *machine, uint32_t now_us);

/* Bit n for each channel n that is not at its safe value. */
uint16_t outputs_mask(const struct output outputs[CHANNELS]);

/* Ask the machine again when the counts will be reached. */
void outputs_look_again(struct output outputs[CHANNELS], const struct machine *machine, uint32_t now_us);

void outputs_due(const struct output outputs[CHANNELS], struct soonest *soonest);

#endif
