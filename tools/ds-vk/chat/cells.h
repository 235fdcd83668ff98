/* SPDX-License-Identifier: MIT */
/* The width of signs on a terminal. */
#ifndef CHAT_CELLS_H
#define CHAT_CELLS_H

#include <stdbool.h>
#include <stdint.h>

/* 2 for wide signs, 0 for those that stand on the one before, else 1. */
unsigned cells_of(uint32_t sign);

#endif
