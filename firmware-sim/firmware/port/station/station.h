/* station: a board whose machine is at the other end of a plant bus; what the process and the image have in common.
 *
 * The plant bus is a second serial line. A message on it is COBS( kind u8 | body | crc32 of these u32 ) 00; README.md
 * has the bodies. The port moves bytes, knows the time and sleeps; everything else is here.
 */
#ifndef RIPIENO_STATION_H
#define RIPIENO_STATION_H

#include "board.h"
#include "encoder.h"

enum bus_message {
    BUS_OUTPUT = 'O',
    BUS_TIME = 'T',
    BUS_BOOTED = 'B',
    BUS_ASK = 'A',
    BUS_EDGE = 'E',
    BUS_LEVELS = 'L',
    BUS_MOTION = 'M',
    BUS_NEXT = 'N',
    BUS_HANG = 'H'
};

/* What a port provides. Writing must not block: what finds no room is lost. */
struct port {
    void *context;
    void (*link_write)(void *context, const uint8_t *bytes, size_t size);
    void (*bus_write)(void *context, const uint8_t *bytes, size_t size);
    uint32_t (*entropy)(void *context);
#ifdef RIPIENO_HANG
    void (*hang)(void *context, uint32_t for_ms); /* only for tests of the watchdog */
#endif
};

struct station {
    struct board board;
    struct identity identity;
    struct machine machine;
    struct encoder encoder;
    struct receiver bus;
    const struct port *port;
    uint16_t levels;
    uint32_t now_us;       /* of the call that runs */
    uint32_t wire_free_us; /* when the last frame will have left the link's wire */
    bool wire_is_busy;
};

/* Begin a boot. */
void station_start(struct station *station, const struct port *port, struct journal *journal, uint32_t baud,
                   uint8_t cause, uint32_t now_us);

/* Take bytes of the link, or of the plant bus. */
void station_link(struct station *station, const uint8_t *bytes, size_t size, uint32_t now_us);
void station_bus(struct station *station, const uint8_t *bytes, size_t size, uint32_t now_us);

/* Do what is due and say what the wire has room for; then say how long, at most `most_us`, nothing will be due. */
uint32_t station_turn(struct station *station, uint32_t now_us, uint32_t most_us);

#endif
