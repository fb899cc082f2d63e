/* speech: what waits to be said, and which of it is the most urgent. */
#ifndef RIPIENO_SPEECH_H
#define RIPIENO_SPEECH_H

#include "board.h"

/* Queue a DONE or STATUS. With no room it is left out: the host asks by QUERY for what it was not told. */
void speech_answer(struct board *board, uint8_t type, const struct answer *answer);

/* Queue an EVENT of `at_us`; one without room is counted and reported as a FAULT. SAFE, ESTOP and FAULT are told
 * again in every session until one confirms them. */
void speech_event(struct board *board, uint8_t kind, uint8_t source, uint32_t number, int32_t value, uint32_t at_us);

/* A session has begun: tell it what is owed. */
void speech_tell_owed(struct board *board);

/* The host has confirmed this frame. */
void speech_confirmed(struct board *board, const struct letter *letter);

#endif
