/* orders: what the host asks for, done at most once (protocol, sections 2, 5 and 7).
 *
 *     ACT -> refused: LATE SAFE FULL REFUSED, stored and answered
 *         -> PENDING -> IN_DOUBT -> the pin -> DONE, each in the journal before the next
 */
#ifndef RIPIENO_ORDERS_H
#define RIPIENO_ORDERS_H

#include "board.h"

void orders_act(struct board *board, const uint8_t *payload, uint32_t now_us);
void orders_query(struct board *board, uint32_t cmd_id);
void orders_cancel(struct board *board, uint32_t cmd_id);
void orders_set(struct board *board, const uint8_t *payload, uint32_t now_us);
void orders_arm(struct board *board, uint16_t mask, uint32_t now_us);

/* Take everything back that waits. */
void orders_drop_all(struct board *board, uint8_t status);

/* Start what is due, then end what has come to its end. */
void orders_advance(struct board *board, uint32_t now_us);

#endif
