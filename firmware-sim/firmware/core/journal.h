/* journal: what a board remembers through a warm reset (protocol, section 5, rule 3).
 *
 * The port places a struct journal where a warm reset leaves it alone (.noinit). All fields are words, so the layout
 * has no holes. The head is kept twice, the first written first: a reset in the middle of writing one leaves the
 * other. Each answer has a CRC of its own; one that fails it may have been any id, so that from then on an id without
 * a stored answer is FORGOTTEN, not NONE.
 */
#ifndef RIPIENO_JOURNAL_H
#define RIPIENO_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "channels.h"

enum { RING = 256 };

enum status {
    STATUS_NONE = 0,
    STATUS_PENDING = 1,
    STATUS_DONE = 2,
    STATUS_LATE = 3,
    STATUS_SAFE = 4,
    STATUS_FULL = 5,
    STATUS_CANCELLED = 6,
    STATUS_IN_DOUBT = 7,
    STATUS_REFUSED = 8,
    STATUS_MISMATCH = 9,
    STATUS_FORGOTTEN = 10
};

struct journal_head {
    uint32_t magic;
    uint32_t epoch;
    uint32_t last_cmd_id;
    uint32_t forgotten; /* the highest id whose answer was overwritten */
    uint32_t slot;      /* of the next answer */
    uint32_t edges[INPUTS];
    uint32_t crc;
};

struct answer {
    uint32_t cmd_id; /* 0: the slot is free */
    uint32_t status;
    uint32_t args_crc;
    uint32_t t_actual_us;
    uint32_t count;
    uint32_t crc;
};

struct journal {
    struct journal_head head[2];
    struct answer answers[RING];
};

/* Take up what a reset has left, or begin anew under `epoch`; say whether it survived. `damaged` gets the number of
 * answers that had to be thrown away. What was PENDING becomes CANCELLED: it did not run. */
bool journal_open(struct journal *journal, uint32_t epoch, uint32_t *damaged);

/* Return the stored answer of a command, or NULL. */
const struct answer *journal_find(const struct journal *journal, uint32_t cmd_id);

/* Return what is true of an id without a stored answer: NONE or FORGOTTEN. */
uint8_t journal_unknown(const struct journal *journal, uint32_t cmd_id);

/* Store the first word on a command with an id above last_cmd_id; return its slot. The oldest answer is overwritten,
 * but never one that waits for its trigger: fewer than RING acts may wait. */
uint16_t journal_accept(struct journal *journal, uint32_t cmd_id, uint8_t status, uint32_t args_crc);

/* Change what is stored in a slot. */
void journal_note(struct journal *journal, uint16_t slot, uint8_t status, uint32_t t_actual_us, uint32_t count);

/* Count a rising edge of an input; return how many there were in this epoch. */
uint32_t journal_edge(struct journal *journal, uint8_t input);

#endif
