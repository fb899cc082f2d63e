/* encoder: where the belt is between two words of the plant; stands in for the counter of a real encoder.
 *
 *     count(t) = count + (fraction + speed * (t - since)) / 10^6      fraction in millionths of a count
 */
#ifndef RIPIENO_ENCODER_H
#define RIPIENO_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

struct encoder {
    int32_t count;
    uint32_t fraction; /* below 10^6 */
    uint32_t speed;    /* counts a second, below 2^22 / 10^3; the belt of this plant never runs back */
    uint32_t since_us;
};

enum { SPEED_MAX = 4000000 };

/* The count at an instant; before `since_us` it is the one of `since_us`. */
int32_t encoder_count(const struct encoder *encoder, uint32_t at_us);

/* When a count is reached; false if never, or more than 2^30 us after `now_us` and the belt stands. */
bool encoder_time_of(const struct encoder *encoder, int32_t count, uint32_t now_us, uint32_t *at_us);

#endif
