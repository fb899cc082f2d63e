/* board: the controller's end of the link protocol, bytes in and frames out, in a time that is handed in.
 *
 * One struct board is one boot. The port calls board_receive, board_input and board_speed_changed as things happen,
 * board_advance no later than board_due says, and board_next_wire when the line is free. Never: an allocation, a
 * blocking call, an act done twice.
 */
#ifndef RIPIENO_BOARD_H
#define RIPIENO_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acts.h"
#include "journal.h"
#include "machine.h"
#include "outputs.h"
#include "receiver.h"
#include "window.h"

enum { UID_BYTES = 12, PROTO = 1, SPOKEN_MAX = WIRE_MAX + 1 };

enum state { STATE_SAFE = 1, STATE_ESTOP = 2, STATE_POSITION_VALID = 4, STATE_JOURNAL_SURVIVED = 8 };

enum cause { CAUSE_UNKNOWN, CAUSE_POWER, CAUSE_PIN, CAUSE_SOFTWARE, CAUSE_WATCHDOG, CAUSE_BROWN_OUT };

enum event_kind {
    EVENT_RISING = 1,
    EVENT_FALLING = 2,
    EVENT_SAFE = 3,
    EVENT_ARMED = 4,
    EVENT_ESTOP = 5,
    EVENT_LAPSED = 6,
    EVENT_REFUSED = 7,
    EVENT_FAULT = 8
};

enum fault { FAULT_OVERRUN = 1, FAULT_EVENTS_LOST = 2, FAULT_JOURNAL = 3 };

/* What is burnt in or soldered on. */
struct identity {
    uint8_t device_uid[UID_BYTES];
    uint32_t fw_id;
    uint32_t byte_ns; /* how long one byte takes on the line: 10 bits */
    uint32_t sample_us;
};

/* A session that is up, or was offered and waits for the host's first frame. */
struct session {
    uint32_t nonce;
    uint32_t token; /* 0: there is none */
    uint8_t welcome[WELCOME_BYTES];
};

enum { PINGS_MAX = 4, OWED = 3 };

/* What the session that is up has heard and still has to say. */
struct talk {
    struct window window;
    uint8_t expected; /* the host's next number */
    bool ack_owed;
    bool nak_owed;
    bool nak_sent;
    bool is_silent;
    bool estop_owed;
    uint8_t estop_reason;
    uint8_t pings;
    uint32_t tags[PINGS_MAX];
    uint32_t heard_us;
    uint32_t next_sample_us;
    uint32_t lost_events;
};

/* An event that is told again until some session confirms it. */
struct owed {
    bool is_owed;
    uint8_t payload[EVENT_BYTES];
};

struct board {
    const struct identity *identity;
    const struct machine *machine;
    struct journal *journal;
    struct receiver receiver;
    uint32_t boot_id;
    uint8_t cause;
    bool journal_survived;

    /* what is done */
    struct acts acts;
    struct output outputs[CHANNELS];
    uint16_t armed;
    uint16_t unarmed_by_fault; /* channels that a fail-safe took and that wait for ARM */
    bool safe_latched;
    bool estop_latched;
    bool position_valid;

    /* what is said */
    struct session session;
    struct session offered;
    struct talk talk;
    struct owed owed[OWED];
    bool welcome_owed;
    bool welcome_is_session; /* the WELCOME owed is that of the session that is up */
    uint8_t boots_left;
    uint32_t next_boot_us;
    uint32_t last_boot_us;
    bool is_quiet; /* nothing was sent for more than 10 ms */
    uint32_t last_sent_us;
};

/* Begin a boot, every output safe at its pin already. */
void board_start(struct board *board, const struct identity *identity, const struct machine *machine,
                 struct journal *journal, uint8_t cause, bool position_valid, uint32_t now_us);

/* Take received bytes. */
void board_receive(struct board *board, const uint8_t *bytes, size_t size, uint32_t now_us);

/* Bytes were lost in the port's receive buffer. */
void board_overrun(struct board *board, uint32_t lost, uint32_t now_us);

/* Take an edge that was at `at_us`, now or a little ago. */
void board_input(struct board *board, uint8_t input, bool rising, uint32_t at_us, uint32_t now_us);

/* The belt's speed, or what is known of its position, is another one from now on. */
void board_speed_changed(struct board *board, uint32_t now_us);

/* The encoder's position is known again. */
void board_position_known(struct board *board);

/* Somebody pressed the board's own button: clears a latched emergency stop whose input is not active. */
void board_clear_estop(struct board *board);

/* Do what is due. */
void board_advance(struct board *board, uint32_t now_us);

/* Say when board_advance has something to do; false: only a byte, an edge or another speed can change that. */
bool board_due(const struct board *board, uint32_t now_us, uint32_t *due_us);

/* Say when board_next_wire has something to say; false: not before something happens. */
bool board_speaks(const struct board *board, uint32_t now_us, uint32_t *due_us);

/* Write the most urgent frame, at most SPOKEN_MAX bytes, which starts to go out now; return its size or 0. */
size_t board_next_wire(struct board *board, uint32_t now_us, uint8_t *wire);

uint16_t board_state(const struct board *board);

static inline bool board_in_session(const struct board *board)
{
    return board->session.token != 0;
}

#endif
