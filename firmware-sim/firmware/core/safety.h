/* safety: what puts every output safe and latches it (protocol, section 7). */
#ifndef RIPIENO_SAFETY_H
#define RIPIENO_SAFETY_H

#include "board.h"

enum safe_cause { SAFE_BY_SILENCE = 1, SAFE_BY_ESTOP = 2 };
enum estop_source { ESTOP_FROM_LINE = 1, ESTOP_FROM_INPUT = 2 };

/* Outputs back, nothing waits, nothing armed, SAFE latched. */
void safety_fall(struct board *board, uint8_t cause, uint32_t now_us);

/* Latch the emergency stop. */
void safety_estop(struct board *board, uint8_t source, uint32_t now_us);

bool safety_estop_is_pressed(const struct board *board);

#endif
