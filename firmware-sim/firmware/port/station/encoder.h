/* encoder: where the belt is between two words of the plant; stands in for the counter of a real encoder.
 *
 *     count(t) = count + (fraction + speed * (t - since)) / 10^6      fraction in millionths of a count
 *
 * The plant tells the next change of speed before it comes, because a plant that is late with its word must not make
 * a board late: a real encoder never is.
 */
#ifndef RIPIENO_ENCODER_H
#define RIPIENO_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

struct motion {
    int32_t count;
    uint32_t fraction; /* below 10^6 */
    uint32_t speed;    /* counts a second, at most SPEED_MAX; the belt of this plant never runs back */
    uint32_t since_us;
};

struct encoder {
    struct motion present;
    struct motion next;
    bool has_next;
};

enum { SPEED_MAX = 4000000 };

/* Take a word of the plant. The present one replaces all that was told, also when its instant seems a little ahead:
 * plant and board know each other's clock to some 100 us. */
void encoder_tell(struct encoder *encoder, const struct motion *present);
void encoder_foretell(struct encoder *encoder, const struct motion *next);

/* The count at an instant; before the present motion it is the one with which that began. */
int32_t encoder_count(const struct encoder *encoder, uint32_t at_us);

/* When a count is reached, at most 2^30 us after `now_us`, or earlier than it truly is; false if never. */
bool encoder_time_of(const struct encoder *encoder, int32_t count, uint32_t now_us, uint32_t *at_us);

#endif
