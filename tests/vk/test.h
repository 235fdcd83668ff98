/* SPDX-License-Identifier: MIT */
/* cmocka with what it wants included first. */
#ifndef DV_TESTS_VK_TEST_H
#define DV_TESTS_VK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
