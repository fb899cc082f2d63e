/* mutate: a small fuzzer for where there is no libFuzzer: fuzz-mutate RUNS [SEED]. The same seed gives the same runs.
 *
 * Inputs are random scripts, and scripts made of earlier ones by flips, cuts and copies. A crash prints the input's
 * number; `fuzz-mutate RUNS SEED` up to it repeats it under a debugger.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

enum { INPUT_MAX = 256, POOL = 64 };

struct input {
    size_t size;
    uint8_t bytes[INPUT_MAX];
};

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void invent(struct input *input, uint32_t *state)
{
    input->size = 1 + next(state) % INPUT_MAX;
    for (size_t i = 0; i < input->size; i++) {
        input->bytes[i] = (uint8_t)next(state);
    }
}

static void mutate(struct input *input, const struct input *other, uint32_t *state)
{
    for (uint32_t times = 1 + next(state) % 8; times != 0; times--) {
        size_t place = next(state) % input->size;
        switch (next(state) % 5) {
        case 0:
            input->bytes[place] ^= (uint8_t)(1u << next(state) % 8);
            break;
        case 1:
            input->bytes[place] = (uint8_t)next(state);
            break;
        case 2:
            input->bytes[place] = (uint8_t)(next(state) % 2 != 0 ? 0xff : 0);
            break;
        case 3:
            input->size = place + 1;
            break;
        default:
            if (place < other->size) {
                memcpy(input->bytes + place, other->bytes + place, other->size - place);
                input->size = input->size > other->size ? input->size : other->size;
            }
            break;
        }
    }
}

int main(int argc, char **argv)
{
    static struct input pool[POOL];
    static struct input input;
    unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    uint32_t state = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) | 1u : 1;
    for (size_t i = 0; i < POOL; i++) {
        invent(&pool[i], &state);
    }
    for (unsigned long run = 0; run < runs; run++) {
        struct input *from = &pool[next(&state) % POOL];
        if (next(&state) % 4 == 0) {
            invent(&input, &state);
        } else {
            input = *from;
            mutate(&input, &pool[next(&state) % POOL], &state);
        }
        if (run % 65536 == 0) {
            (void)fprintf(stderr, "run %lu\n", run);
        }
        (void)LLVMFuzzerTestOneInput(input.bytes, input.size);
        if (next(&state) % 16 == 0) {
            *from = input;
        }
    }
    printf("{\"runs\": %lu, \"frames\": %llu, \"in_session\": %llu, \"acts\": %llu, \"resets\": %llu}\n", runs,
           fuzz_reached.frames, fuzz_reached.sessions, fuzz_reached.acts, fuzz_reached.resets);
    return 0;
}
