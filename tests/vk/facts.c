/* SPDX-License-Identifier: MIT */
/* What needs no device. */
#include "modules.h"

int main(void)
{
    return (test_caps() + test_matrices() + test_find() + test_spirv()) != 0;
}
