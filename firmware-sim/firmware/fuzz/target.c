/* target: the input is a script. Each step is an opcode and its arguments; frames are sealed for it, or CRC-32 would
 * keep every fuzzer outside.
 *
 *     0 raw bytes   1 a frame under the session's token   2 under the offered one   3 under none
 *     4 time passes   5 an edge   6 a reset   7 RAM is damaged, then a reset   8 the belt's speed   9 a HELLO
 *
 * Checked beside the sanitizers: no act moves a pin twice in one journal epoch, an output that is not safe is armed
 * for or bound, a spoken frame fits the wire, silence leaves every output safe.
 */
#include "target.h"

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "bytes.h"
#include "frames.h"

enum { IDS = 1024, QUANTUM_US = 50000, SILENCE_US = 300000 };

struct world {
    struct board board;
    struct machine machine;
    struct journal journal;
    uint32_t now_us;
    int32_t count;
    uint32_t counted_us;
    uint32_t speed; /* counts in a millisecond */
    uint32_t entropy;
    uint16_t inputs;
    uint32_t epoch;
    uint8_t executed[IDS];
    uint32_t seq;
};

struct script {
    const uint8_t *at;
    size_t left;
};

struct reached fuzz_reached;

static const struct identity IDENTITY = {.device_uid = "FUZZ", .fw_id = 1, .byte_ns = 10000, .sample_us = 20000};

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

static uint32_t take(struct script *script, size_t size)
{
    uint32_t number = 0;
    for (; size != 0 && script->left != 0; size--, script->left--) {
        number = number << 8 | *script->at++;
    }
    return number;
}

static int32_t count(void *port, uint32_t now_us)
{
    const struct world *world = port;
    return (int32_t)((uint32_t)world->count + (now_us - world->counted_us) / 1000 * world->speed);
}

static bool time_of_count(void *port, int32_t wanted, uint32_t now_us, uint32_t *at_us)
{
    const struct world *world = port;
    int32_t missing = ahead((uint32_t)wanted, (uint32_t)count(port, now_us));
    if (missing > 0 && world->speed == 0) {
        return false;
    }
    uint32_t ms = missing <= 0 ? 0 : (uint32_t)missing / world->speed;
    *at_us = now_us + (ms < 1000000 ? ms : 1000000) * 1000; /* on purpose a little early */
    return true;
}

static uint16_t inputs(void *port)
{
    return ((const struct world *)port)->inputs;
}

static void output(void *port, uint8_t channel, int32_t value, uint32_t cmd_id, uint32_t now_us)
{
    struct world *world = port;
    (void)now_us;
    check(channel < CHANNELS && value >= CHANNEL[channel].minimum && value <= CHANNEL[channel].maximum);
    if (cmd_id == 0) {
        return;
    }
    fuzz_reached.acts++;
    if (world->journal.head[0].epoch != world->epoch) {
        world->epoch = world->journal.head[0].epoch;
        memset(world->executed, 0, sizeof world->executed);
    }
    if (cmd_id < IDS) {
        check(world->executed[cmd_id]++ == 0);
    }
}

static uint32_t entropy(void *port)
{
    struct world *world = port;
    return world->entropy = world->entropy * 1664525u + 1013904223u;
}

static void listen(struct world *world)
{
    uint8_t wire[SPOKEN_MAX];
    for (int frames = 0; frames < 40; frames++) {
        size_t size = board_next_wire(&world->board, world->now_us, wire);
        check(size <= SPOKEN_MAX);
        if (size == 0) {
            return;
        }
        fuzz_reached.frames++;
    }
}

static void boot(struct world *world, uint8_t cause)
{
    board_start(&world->board, &IDENTITY, &world->machine, &world->journal, cause, true, world->now_us);
    world->seq = 0;
    fuzz_reached.resets++;
}

static void receive_frame(struct world *world, struct script *script, uint32_t token)
{
    uint8_t payload[PAYLOAD_MAX];
    uint8_t wire[WIRE_MAX];
    static const uint8_t TYPES[] = {ACT, QUERY, ARM, SET, CANCEL, PING, ACK, NAK, ESTOP, SAMPLE, 0x7f};
    static const uint8_t SIZES[] = {ACT_BYTES, 4, 2, 7, 4, PONG_BYTES, 0, 0, 1, SAMPLE_BYTES, 3};
    uint32_t pick = take(script, 1);
    struct frame frame = {.type = TYPES[pick % sizeof TYPES], .size = SIZES[pick % sizeof TYPES], .payload = payload};
    uint32_t numbers = take(script, 1);
    /* mostly the number that is expected, or nothing would ever be obeyed */
    frame.seq = frame_is_reliable(frame.type) ? (uint8_t)(world->board.talk.expected + (numbers > 0xf0 ? numbers : 0)) : 0;
    frame.ack = (uint8_t)(world->board.talk.window.first_seq + (numbers & 0x0f));
    for (uint8_t i = 0; i < frame.size; i++) {
        payload[i] = (uint8_t)take(script, 1);
    }
    if (frame.type == ACT && (numbers & 0x10) != 0) { /* near the truth: what is all noise is only ever REFUSED */
        put_u32(payload, world->journal.head[0].last_cmd_id + 1);
        payload[4] = payload[4] & 0xc0;
        put_i32(payload + 5, payload[5] & 1);
        put_u32(payload + 9, (payload[4] >> 6 == TRIGGER_COUNT ? (uint32_t)count(world, world->now_us) : world->now_us) +
                                 get_u16(payload + 9));
        put_u16(payload + 15, (uint16_t)(1 + get_u16(payload + 15) % 300));
    }
    if (frame.type == SET && (numbers & 0x10) != 0) {
        payload[0] = 1;
        put_i32(payload + 1, 6000 + payload[1]);
        put_u16(payload + 5, (uint16_t)(1 + payload[5]));
    }
    board_receive(&world->board, wire, frame_seal(&frame, token, wire), world->now_us);
    fuzz_reached.sessions += board_in_session(&world->board);
}

static void say_hello(struct world *world, uint32_t nonce)
{
    uint8_t payload[6] = {PROTO, 0};
    uint8_t wire[WIRE_MAX];
    put_u32(payload + 2, nonce);
    struct frame frame = {HELLO, 0, 0, sizeof payload, payload};
    board_receive(&world->board, wire, frame_seal(&frame, 0, wire), world->now_us);
}

static void pass_time(struct world *world, uint32_t us)
{
    uint32_t until_us = world->now_us + us;
    for (int turns = 0; turns < 64 && ahead(until_us, world->now_us) > 0; turns++) {
        uint32_t due_us = until_us;
        if (!board_due(&world->board, world->now_us, &due_us) || ahead(due_us, until_us) > 0) {
            due_us = until_us;
        }
        world->now_us = ahead(due_us, world->now_us) > 0 ? due_us : world->now_us + 1;
        board_advance(&world->board, world->now_us);
        listen(world);
        const struct talk *talk = &world->board.talk;
        if (board_in_session(&world->board) && world->now_us - talk->heard_us >= SILENCE_US) {
            check(outputs_mask(world->board.outputs) == 0 && world->board.armed == 0);
        }
    }
}

static void change_speed(struct world *world, uint32_t speed)
{
    world->count = count(world, world->now_us);
    world->counted_us = world->now_us;
    world->speed = speed % 16;
    board_speed_changed(&world->board, world->now_us);
}

static void receive_raw(struct world *world, struct script *script)
{
    size_t size = take(script, 1) % 100;
    size = size < script->left ? size : script->left;
    board_receive(&world->board, script->at, size, world->now_us);
    script->at += size;
    script->left -= size;
}

static void do_step(struct world *world, struct script *script)
{
    uint32_t opcode = take(script, 1) % 24;
    switch (opcode) {
    case 0:
        receive_raw(world, script);
        break;
    case 2:
        receive_frame(world, script, world->board.offered.token);
        break;
    case 3:
        receive_frame(world, script, 0);
        break;
    case 4:
        pass_time(world, take(script, 2) * 16);
        break;
    case 5: {
        uint32_t edge = take(script, 1);
        world->inputs = (uint16_t)(world->inputs ^ 1u << (edge & 15));
        board_input(&world->board, (uint8_t)(edge & 31), (edge & 32) != 0, world->now_us, world->now_us);
        break;
    }
    case 6:
        if (take(script, 1) < 32) { /* seldom: a script that only resets does nothing else */
            boot(world, CAUSE_PIN);
        }
        break;
    case 7: {
        uint32_t place = take(script, 2) % sizeof world->journal;
        if (take(script, 1) < 32) {
            ((uint8_t *)&world->journal)[place] ^= (uint8_t)take(script, 1);
            boot(world, CAUSE_BROWN_OUT);
        }
        break;
    }
    case 8:
        change_speed(world, take(script, 1));
        break;
    case 9:
        say_hello(world, take(script, 1));
        break;
    default:
        receive_frame(world, script, world->board.session.token);
        break;
    }
    listen(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static struct world world;
    struct script script = {input, size};
    memset(&world, 0, sizeof world);
    world.machine = (struct machine){&world, count, time_of_count, inputs, output, entropy};
    world.entropy = 7;
    world.now_us = 0u - QUANTUM_US; /* so that the clock wraps soon */
    world.speed = 5;
    boot(&world, CAUSE_POWER);
    if (size != 0 && (input[0] & 0xc0) != 0) { /* most inputs begin inside a session, armed */
        uint8_t arm[2] = {3, 0};
        uint8_t wire[WIRE_MAX];
        struct frame frame = {ARM, 0, 0, sizeof arm, arm};
        say_hello(&world, 1);
        board_receive(&world.board, wire, frame_seal(&frame, world.board.offered.token, wire), world.now_us);
        listen(&world);
    }
    while (script.left != 0) {
        do_step(&world, &script);
    }
    return 0;
}
