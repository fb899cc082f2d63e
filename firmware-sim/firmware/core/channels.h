/* channels: the outputs of this machine. The table is all that a port to another machine must change in the core.
 *
 * The host knows the machine by the digest of this table (protocol, section 3: config_crc).
 */
#ifndef RIPIENO_CHANNELS_H
#define RIPIENO_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

enum channel_kind { PULSE = 1, SETPOINT = 2 };

enum { CHANNELS = 2, ESTOP_INPUT = 2, INPUTS = 16 };

struct channel {
    uint8_t kind;
    int32_t scale; /* this many make one unit */
    int32_t minimum;
    int32_t maximum;
    int32_t safe;
    uint16_t cap_ms; /* the longest hold or lease */
};

extern const struct channel CHANNEL[CHANNELS];

/* Return the digest of the table. */
uint32_t channels_crc(void);

#endif
