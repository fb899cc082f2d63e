/* station: the plant's words become edges and motion, the board's outputs become words to the plant. */
#include "station.h"

#include "bytes.h"
#include "cobs.h"
#include "crc.h"
#include "numbers.h"

enum { BUS_BODY_MAX = 24, SAMPLE_EVERY_US = 20000, BITS_OF_A_BYTE = 10 };

static const uint8_t DEVICE_UID[UID_BYTES] = "RIPIENO-SIM"; /* the demo's settings name it */
#define FIRMWARE_ID 0x00010000u

static void bus_say(struct station *station, const uint8_t *message, size_t size)
{
    uint8_t body[BUS_BODY_MAX + CRC_BYTES];
    uint8_t wire[sizeof body + 3];
    copy_bytes(body, message, size);
    put_u32(body + size, crc_of(body, size, 0));
    wire[0] = 0; /* a reset may have cut the message before */
    size_t stuffed = cobs_encode(body, size + CRC_BYTES, wire + 1);
    wire[1 + stuffed] = 0;
    station->port->bus_write(station->port->context, wire, stuffed + 2);
}

static int32_t count(void *context, uint32_t at_us)
{
    const struct station *station = context;
    return encoder_count(&station->encoder, at_us);
}

static bool time_of_count(void *context, int32_t wanted, uint32_t now_us, uint32_t *at_us)
{
    const struct station *station = context;
    return encoder_time_of(&station->encoder, wanted, now_us, at_us);
}

static uint16_t inputs(void *context)
{
    const struct station *station = context;
    return station->levels;
}

static void output(void *context, uint8_t channel, int32_t value, uint32_t cmd_id, uint32_t now_us)
{
    uint8_t message[BUS_BODY_MAX];
    uint8_t *end = put_u8(message, BUS_OUTPUT);
    end = put_u32(end, now_us);
    end = put_u8(end, channel);
    end = put_i32(end, value);
    end = put_u32(end, cmd_id);
    bus_say(context, message, (size_t)(end - message));
}

static uint32_t entropy(void *context)
{
    const struct station *station = context;
    return station->port->entropy(station->port->context);
}

#ifdef RIPIENO_STEPS
static void step(void *context, uint8_t which, uint32_t cmd_id)
{
    (void)context;
    (void)which;
    (void)cmd_id;
}
#endif

void station_start(struct station *station, const struct port *port, struct journal *journal, uint32_t baud,
                   uint8_t cause, uint32_t now_us)
{
    station->port = port;
    station->machine.port = station;
    station->machine.count = count;
    station->machine.time_of_count = time_of_count;
    station->machine.inputs = inputs;
    station->machine.output = output;
    station->machine.entropy = entropy;
#ifdef RIPIENO_STEPS
    station->machine.step = step;
#endif
    copy_bytes(station->identity.device_uid, DEVICE_UID, UID_BYTES);
    station->identity.fw_id = FIRMWARE_ID;
    station->identity.byte_ns = BITS_OF_A_BYTE * (1000000000u / baud);
    station->identity.sample_us = SAMPLE_EVERY_US;
    station->encoder = (struct encoder){.present = {.since_us = now_us}};
    station->bus.size = 0;
    station->bus.overlong = false;
    station->levels = 0;
    station->wire_is_busy = false;
    uint8_t message[BUS_BODY_MAX];
    uint8_t *end = put_u32(put_u8(message, BUS_BOOTED), now_us);
    end = put_u8(end, cause);
    bus_say(station, message, (size_t)(end - message));
    board_start(&station->board, &station->identity, &station->machine, journal, cause, false, now_us);
}

void station_link(struct station *station, const uint8_t *bytes, size_t size, uint32_t now_us)
{
    board_receive(&station->board, bytes, size, now_us);
}

static void take_edge(struct station *station, uint8_t input, bool level, uint32_t at_us, uint32_t now_us)
{
    bool is_high = input < INPUTS && (station->levels >> input & 1) != 0;
    if (input >= INPUTS || is_high == level) {
        return;
    }
    station->levels = (uint16_t)(station->levels ^ 1u << input);
    board_input(&station->board, input, level, reached(now_us, at_us) ? at_us : now_us, now_us);
}

static void take_motion(struct station *station, bool is_next, const uint8_t *body, uint32_t now_us)
{
    uint32_t speed = get_u32(body + 12);
    struct motion motion = {
        .since_us = get_u32(body),
        .count = get_i32(body + 4),
        .fraction = get_u32(body + 8) % 1000000,
        .speed = speed < SPEED_MAX ? speed : SPEED_MAX,
    };
    if (is_next) {
        encoder_foretell(&station->encoder, &motion);
    } else {
        encoder_tell(&station->encoder, &motion);
    }
    board_position_known(&station->board);
    board_speed_changed(&station->board, now_us);
}

static void tell_time(struct station *station, uint32_t tag, uint32_t now_us)
{
    uint8_t message[BUS_BODY_MAX];
    uint8_t *end = put_u32(put_u8(message, BUS_TIME), tag);
    end = put_u32(end, now_us);
    bus_say(station, message, (size_t)(end - message));
}

/* Only an emergency stop that is pressed already matters at a boot: it is an edge; other levels are as found. */
static void take_levels(struct station *station, uint16_t levels, uint32_t now_us)
{
    bool pressed = (levels >> ESTOP_INPUT & 1) != 0;
    station->levels = (uint16_t)((levels & ~(1u << ESTOP_INPUT)) | (station->levels & 1u << ESTOP_INPUT));
    take_edge(station, ESTOP_INPUT, pressed, now_us, now_us);
}

static void take_message(struct station *station, const uint8_t *body, size_t size, uint32_t now_us)
{
    if (body[0] == BUS_ASK && size == 5) {
        tell_time(station, get_u32(body + 1), now_us);
    } else if (body[0] == BUS_EDGE && size == 7) {
        take_edge(station, body[5], body[6] != 0, get_u32(body + 1), now_us);
    } else if (body[0] == BUS_LEVELS && size == 3) {
        take_levels(station, get_u16(body + 1), now_us);
    } else if ((body[0] == BUS_MOTION || body[0] == BUS_NEXT) && size == 17) {
        take_motion(station, body[0] == BUS_NEXT, body + 1, now_us);
    }
#ifdef RIPIENO_HANG
    if (body[0] == BUS_HANG && size == 5) {
        station->port->hang(station->port->context, get_u32(body + 1));
    }
#endif
}

void station_bus(struct station *station, const uint8_t *bytes, size_t size, uint32_t now_us)
{
    for (size_t i = 0; i < size; i++) {
        if (receiver_take(&station->bus, bytes[i]) != HEARD_BODY) {
            continue;
        }
        size_t sealed = (size_t)station->bus.body_size - CRC_BYTES;
        if (crc_of(station->bus.body, sealed, 0) == get_u32(station->bus.body + sealed)) {
            take_message(station, station->bus.body, sealed, now_us);
        }
    }
}

static void speak(struct station *station, uint32_t now_us)
{
    uint8_t wire[SPOKEN_MAX];
    size_t size = board_next_wire(&station->board, now_us, wire);
    if (size != 0) {
        station->port->link_write(station->port->context, wire, size);
        station->wire_is_busy = true;
        station->wire_free_us = now_us + ((uint32_t)size * station->identity.byte_ns + 999) / 1000;
    }
}

uint32_t station_turn(struct station *station, uint32_t now_us, uint32_t most_us)
{
    struct soonest soonest = {.now_us = now_us};
    uint32_t due_us;
    board_advance(&station->board, now_us);
    if (station->wire_is_busy && reached(now_us, station->wire_free_us)) {
        station->wire_is_busy = false;
    }
    if (!station->wire_is_busy) {
        speak(station, now_us);
    }
    soonest_of(&soonest, now_us + most_us);
    if (board_due(&station->board, now_us, &due_us)) {
        soonest_of(&soonest, due_us);
    }
    if (board_speaks(&station->board, now_us, &due_us)) {
        bool must_wait = station->wire_is_busy && ahead(station->wire_free_us, due_us) > 0;
        soonest_of(&soonest, must_wait ? station->wire_free_us : due_us);
    }
    return reached(now_us, soonest.due_us) ? 0 : soonest.due_us - now_us;
}
