/* machine: what the core needs of the controller and the machine around it. A port fills one of these.
 *
 * `now_us` is the board's free-running clock, modulo 2^32; counts are modulo 2^32 too. The port in turn calls
 * board_input at each edge and board_speed_changed when a count will be reached at another time than it said before.
 */
#ifndef RIPIENO_MACHINE_H
#define RIPIENO_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* Places in the life of a command where power may fail. */
enum step { STEP_ACCEPTED, STEP_BEFORE_PIN, STEP_AFTER_PIN, STEP_AFTER_DONE };

struct machine {
    void *port; /* handed back as the first argument */

    /* The encoder's position at an instant that is not in the future. */
    int32_t (*count)(void *port, uint32_t now_us);

    /* When `count` is expected to be reached, at most 2^30 us ahead; false while the belt does not go there. Too early
     * does no harm: the core looks at the count again and asks anew. */
    bool (*time_of_count)(void *port, int32_t count, uint32_t now_us, uint32_t *at_us);

    /* The levels of the inputs, bit n for input n. */
    uint16_t (*inputs)(void *port);

    /* Drive an output, now. `cmd_id` is 0 where no ACT is the reason; a port without a use for it ignores it. */
    void (*output)(void *port, uint8_t channel, int32_t value, uint32_t cmd_id, uint32_t now_us);

    /* 32 bits that differ from boot to boot. */
    uint32_t (*entropy)(void *port);

#ifdef RIPIENO_STEPS
    /* Only in builds for tests: the board is at this step of this command. */
    void (*step)(void *port, uint8_t step, uint32_t cmd_id);
#endif
};

#ifdef RIPIENO_STEPS
#define AT_STEP(machine, which, cmd_id) (machine)->step((machine)->port, (which), (cmd_id))
#else
#define AT_STEP(machine, which, cmd_id) ((void)0)
#endif

#endif
