/* journal: head first, then the answer, so that a reset in between never makes a false NONE. */
#include "journal.h"

#include <stddef.h>

#include "crc.h"

#define MAGIC 0x52495032u

static uint32_t head_crc(const struct journal_head *head)
{
    return crc_of((const uint8_t *)head, offsetof(struct journal_head, crc), 0);
}

static uint32_t answer_crc(const struct answer *answer)
{
    return crc_of((const uint8_t *)answer, offsetof(struct answer, crc), 0);
}

static bool head_is_good(const struct journal_head *head)
{
    return head->magic == MAGIC && head->slot < RING && head->crc == head_crc(head);
}

/* The running firmware changes head[0] alone; this makes it whole and copies it. */
static void head_save(struct journal *journal)
{
    journal->head[0].crc = head_crc(&journal->head[0]);
    journal->head[1] = journal->head[0];
}

static void answer_clear(struct answer *answer)
{
    *answer = (struct answer){0};
}

static void begin_anew(struct journal *journal, uint32_t epoch)
{
    for (size_t slot = 0; slot < RING; slot++) {
        answer_clear(&journal->answers[slot]);
    }
    journal->head[0] = (struct journal_head){.magic = MAGIC, .epoch = epoch};
    head_save(journal);
}

static bool is_free(const struct answer *answer)
{
    return (answer->cmd_id | answer->status | answer->args_crc | answer->t_actual_us | answer->count | answer->crc) == 0;
}

/* Return 1 for an answer that had to be thrown away. */
static uint32_t restore(struct journal *journal, uint16_t slot)
{
    struct answer *answer = &journal->answers[slot];
    if (is_free(answer)) {
        return 0;
    }
    if (answer->crc != answer_crc(answer)) {
        answer_clear(answer);
        return 1;
    }
    if (answer->cmd_id > journal->head[0].last_cmd_id) {
        journal->head[0].last_cmd_id = answer->cmd_id;
    }
    if (answer->status == STATUS_PENDING) {
        journal_note(journal, slot, STATUS_CANCELLED, 0, 0);
    }
    return 0;
}

bool journal_open(struct journal *journal, uint32_t epoch, uint32_t *damaged)
{
    *damaged = 0;
    if (!head_is_good(&journal->head[0])) {
        if (!head_is_good(&journal->head[1])) {
            begin_anew(journal, epoch);
            return false;
        }
        journal->head[0] = journal->head[1];
    }
    for (uint16_t slot = 0; slot < RING; slot++) {
        *damaged += restore(journal, slot);
    }
    if (*damaged != 0) {
        journal->head[0].forgotten = journal->head[0].last_cmd_id;
    }
    head_save(journal);
    return true;
}

const struct answer *journal_find(const struct journal *journal, uint32_t cmd_id)
{
    for (size_t slot = 0; cmd_id != 0 && slot < RING; slot++) {
        if (journal->answers[slot].cmd_id == cmd_id) {
            return &journal->answers[slot];
        }
    }
    return NULL;
}

uint8_t journal_unknown(const struct journal *journal, uint32_t cmd_id)
{
    return cmd_id != 0 && cmd_id <= journal->head[0].forgotten ? STATUS_FORGOTTEN : STATUS_NONE;
}

uint16_t journal_accept(struct journal *journal, uint32_t cmd_id, uint8_t status, uint32_t args_crc)
{
    struct journal_head *head = &journal->head[0];
    uint32_t slot = head->slot;
    for (size_t tries = 0; tries < RING && journal->answers[slot].status == STATUS_PENDING; tries++) {
        slot = (slot + 1) % RING;
    }
    struct answer *answer = &journal->answers[slot];
    if (answer->cmd_id > head->forgotten) {
        head->forgotten = answer->cmd_id;
    }
    head->slot = (slot + 1) % RING;
    head->last_cmd_id = cmd_id;
    head_save(journal);
    answer->cmd_id = cmd_id;
    answer->args_crc = args_crc;
    journal_note(journal, (uint16_t)slot, status, 0, 0);
    return (uint16_t)slot;
}

void journal_note(struct journal *journal, uint16_t slot, uint8_t status, uint32_t t_actual_us, uint32_t count)
{
    struct answer *answer = &journal->answers[slot];
    answer->status = status;
    answer->t_actual_us = t_actual_us;
    answer->count = count;
    answer->crc = answer_crc(answer);
}

uint32_t journal_edge(struct journal *journal, uint8_t input)
{
    uint32_t edges = ++journal->head[0].edges[input];
    head_save(journal);
    return edges;
}
