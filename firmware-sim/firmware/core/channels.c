/* channels: the conveyor: 0 is the gate that lets a part pass, 1 the extruder's flow in hundredths of a percent. */
#include "channels.h"

#include "bytes.h"
#include "crc.h"

const struct channel CHANNEL[CHANNELS] = {
    {PULSE, 1, 0, 1, 0, 2000},
    {SETPOINT, 100, 6000, 14000, 10000, 3000},
};

uint32_t channels_crc(void)
{
    uint32_t crc = 0;
    for (uint8_t number = 0; number < CHANNELS; number++) {
        const struct channel *channel = &CHANNEL[number];
        uint8_t row[20];
        uint8_t *end = put_u8(row, number);
        end = put_u8(end, channel->kind);
        end = put_i32(end, channel->scale);
        end = put_i32(end, channel->minimum);
        end = put_i32(end, channel->maximum);
        end = put_i32(end, channel->safe);
        put_u16(end, channel->cap_ms);
        crc = crc_of(row, sizeof row, crc);
    }
    return crc;
}
