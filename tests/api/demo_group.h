/* SPDX-License-Identifier: MIT */
/* The demonstration model as a group of tests shares it; its messages are counted. */
#ifndef TESTS_API_DEMO_GROUP_H
#define TESTS_API_DEMO_GROUP_H

#include "demo.h"

extern struct demo     demo;
extern struct demo_log demo_messages;

int open_demo(void **state);
int open_demo_words(void **state); /* without a device */
int close_demo(void **state);

#endif
