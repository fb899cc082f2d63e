/* hearing: frames of the host, the handshake, and the order in which numbered ones are taken (sections 3 and 4). */
#ifndef RIPIENO_HEARING_H
#define RIPIENO_HEARING_H

#include "board.h"

/* Take a body that came between two zeros. */
void hearing_take(struct board *board, const uint8_t *body, uint8_t size, uint32_t now_us);

/* Something came that is no frame. */
void hearing_damage(struct board *board, uint32_t now_us);

#endif
