/* acts: what an ACT says, and the acts that wait for their trigger. */
#ifndef RIPIENO_ACTS_H
#define RIPIENO_ACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "numbers.h"

enum { ACTS_WAITING_MAX = 32 };

enum trigger { TRIGGER_NOW = 0, TRIGGER_TIME = 1, TRIGGER_COUNT = 2 };

struct act {
    uint32_t cmd_id;
    uint32_t args_crc;
    int32_t value;
    uint32_t at; /* time or count */
    uint16_t late;
    uint16_t hold_ms;
    uint16_t span;
    uint8_t channel;
    uint8_t trigger;
};

/* An accepted act. */
struct waiting {
    struct act act;
    uint16_t slot; /* of the journal */
    bool is_due;   /* due_us is known: false while the belt does not go there */
    uint32_t accepted_us;
    uint32_t due_us;
};

struct acts {
    struct waiting waiting[ACTS_WAITING_MAX];
    uint8_t number;
};

/* Read an ACT's payload. */
void act_read(struct act *act, const uint8_t *payload);

/* Say whether the window in which an act may begin has passed. */
bool act_is_late(const struct act *act, const struct machine *machine, uint32_t accepted_us, uint32_t now_us);

/* Let an accepted act wait; there must be room. */
void acts_add(struct acts *acts, const struct machine *machine, const struct act *act, uint16_t slot, uint32_t now_us);

/* Take an act out by its id; false when it does not wait. */
bool acts_take(struct acts *acts, uint32_t cmd_id, struct waiting *taken);

/* Take the oldest act out; false when none waits. */
bool acts_take_any(struct acts *acts, struct waiting *taken);

/* Take out the act that was due first, the lower id of two. One whose count is not reached yet goes on waiting. */
bool acts_take_due(struct acts *acts, const struct machine *machine, uint32_t now_us, struct waiting *taken);

/* Ask the machine again when the counts will be reached. */
void acts_look_again(struct acts *acts, const struct machine *machine, uint32_t now_us);

void acts_due(const struct acts *acts, struct soonest *soonest);

#endif
