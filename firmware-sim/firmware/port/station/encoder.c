/* encoder: long division by steps of a thousand, because a Cortex-M3 has no 64-bit division. */
#include "encoder.h"

#include "numbers.h"

enum { MILLION = 1000000, THOUSAND = 1000, FAR_COUNTS = 4000000 };
#define FARTHEST_US (1u << 30)

int32_t encoder_count(const struct encoder *encoder, uint32_t at_us)
{
    if (ahead(at_us, encoder->since_us) <= 0) {
        return encoder->count;
    }
    uint32_t ran_us = at_us - encoder->since_us;
    uint32_t seconds = ran_us / MILLION;
    uint32_t rest_us = ran_us % MILLION;
    /* speed * rest_us = thousands * 1000 + ones, each below 2^32 */
    uint32_t thousands = encoder->speed * (rest_us / THOUSAND);
    uint32_t ones = encoder->speed * (rest_us % THOUSAND) + encoder->fraction;
    uint32_t counts = encoder->speed * seconds + (thousands + ones / THOUSAND) / THOUSAND;
    return (int32_t)((uint32_t)encoder->count + counts);
}

bool encoder_time_of(const struct encoder *encoder, int32_t count, uint32_t now_us, uint32_t *at_us)
{
    int32_t missing = ahead((uint32_t)count, (uint32_t)encoder->count);
    *at_us = now_us;
    if (missing <= 0) {
        return true;
    }
    if (encoder->speed == 0) {
        return false;
    }
    if (missing > FAR_COUNTS) {
        *at_us = now_us + FARTHEST_US / 2; /* machine.h: early does no harm */
        return true;
    }
    /* ceil(((missing - 1) * 10^6 + 10^6 - fraction) / speed), the first product in two steps of a thousand */
    uint32_t speed = encoder->speed;
    uint32_t first = ((uint32_t)missing - 1) * THOUSAND;
    uint32_t second = first % speed * THOUSAND;
    uint32_t whole_us = first / speed * THOUSAND + second / speed;
    uint32_t rest_us = (second % speed + MILLION - encoder->fraction + speed - 1) / speed;
    if (first / speed > FARTHEST_US / THOUSAND) {
        *at_us = now_us + FARTHEST_US / 2;
        return true;
    }
    uint32_t reached_us = encoder->since_us + whole_us + rest_us;
    *at_us = reached(now_us, reached_us) ? now_us : reached_us;
    return true;
}
