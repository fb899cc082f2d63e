/* target: one input for a board: bytes of the line, edges, time, resets and damaged RAM, in any order. */
#ifndef RIPIENO_FUZZ_TARGET_H
#define RIPIENO_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* The name that libFuzzer looks for. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* How many good frames and executed acts the inputs so far have led to: a fuzzer that reaches none tests nothing. */
struct reached {
    unsigned long long frames;
    unsigned long long sessions;
    unsigned long long acts;
    unsigned long long resets;
};
extern struct reached fuzz_reached;

#endif
