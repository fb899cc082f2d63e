/* encoder: long division by steps of a thousand, because a Cortex-M3 has no 64-bit division. */
#include "encoder.h"

#include "numbers.h"

enum { MILLION = 1000000, THOUSAND = 1000, FAR_COUNTS = 4000000 };
#define FARTHEST_US (1u << 30)

void encoder_tell(struct encoder *encoder, const struct motion *present)
{
    encoder->present = *present;
    encoder->has_next = false;
}

void encoder_foretell(struct encoder *encoder, const struct motion *next)
{
    encoder->next = *next;
    encoder->has_next = true;
}

static const struct motion *motion_at(const struct encoder *encoder, uint32_t at_us)
{
    bool is_next = encoder->has_next && reached(at_us, encoder->next.since_us);
    return is_next ? &encoder->next : &encoder->present;
}

static int32_t count_in(const struct motion *motion, uint32_t at_us)
{
    if (ahead(at_us, motion->since_us) <= 0) {
        return motion->count;
    }
    uint32_t ran_us = at_us - motion->since_us;
    uint32_t seconds = ran_us / MILLION;
    uint32_t rest_us = ran_us % MILLION;
    /* speed * rest_us = thousands * 1000 + ones, each below 2^32 */
    uint32_t thousands = motion->speed * (rest_us / THOUSAND);
    uint32_t ones = motion->speed * (rest_us % THOUSAND) + motion->fraction;
    uint32_t counts = motion->speed * seconds + (thousands + ones / THOUSAND) / THOUSAND;
    return (int32_t)((uint32_t)motion->count + counts);
}

int32_t encoder_count(const struct encoder *encoder, uint32_t at_us)
{
    return count_in(motion_at(encoder, at_us), at_us);
}

static bool time_in(const struct motion *motion, int32_t count, uint32_t now_us, uint32_t *at_us)
{
    int32_t missing = ahead((uint32_t)count, (uint32_t)motion->count);
    if (missing <= 0) {
        *at_us = motion->since_us;
        return true;
    }
    if (motion->speed == 0) {
        return false;
    }
    *at_us = now_us + FARTHEST_US / 2; /* machine.h: early does no harm */
    if (missing > FAR_COUNTS) {
        return true;
    }
    /* ceil(((missing - 1) * 10^6 + 10^6 - fraction) / speed), the first product in two steps of a thousand */
    uint32_t speed = motion->speed;
    uint32_t first = ((uint32_t)missing - 1) * THOUSAND;
    uint32_t second = first % speed * THOUSAND;
    uint32_t rest_us = (second % speed + MILLION - motion->fraction + speed - 1) / speed;
    if (first / speed < FARTHEST_US / THOUSAND / 2) {
        *at_us = motion->since_us + first / speed * THOUSAND + second / speed + rest_us;
    }
    return true;
}

bool encoder_time_of(const struct encoder *encoder, int32_t count, uint32_t now_us, uint32_t *at_us)
{
    const struct motion *motion = motion_at(encoder, now_us);
    if (encoder->has_next && ahead((uint32_t)count, (uint32_t)encoder->next.count) > 0) {
        motion = &encoder->next; /* not before the change that is to come */
    }
    if (!time_in(motion, count, now_us, at_us)) {
        return false;
    }
    if (reached(now_us, *at_us)) {
        *at_us = now_us;
    }
    return true;
}
