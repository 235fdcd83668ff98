/* SPDX-License-Identifier: MIT */
/* Cooperative matrices: which of the shapes that drivers list are taken, and where none is. */
#include "test.h"

#include "fake_probe.h"
#include "modules.h"

/* Adds what a driver lists: A and B of one type, sums of another. */
static void add_shape(struct dv_probe *p, uint32_t m, uint32_t n, uint32_t k,
                      VkComponentTypeKHR type, VkComponentTypeKHR sum)
{
    p->coop[p->n_coop++] = (VkCooperativeMatrixPropertiesKHR){ .MSize      = m,
                                                               .NSize      = n,
                                                               .KSize      = k,
                                                               .AType      = type,
                                                               .BType      = type,
                                                               .CType      = sum,
                                                               .ResultType = sum,
                                                               .scope = VK_SCOPE_SUBGROUP_KHR };
}

static void expect_shape(const struct dv_caps *caps, enum dv_coop_type type, uint32_t m, uint32_t n,
                         uint32_t k)
{
    const struct dv_coop_shape *s = &caps->coop[type];
    if (s->m != m || s->n != n || s->k != k)
        fail_msg("type %d: %u x %u x %u, not %u x %u x %u", (int)type, s->m, s->n, s->k, m, n, k);
}

static void caps_take_the_largest_shapes(void **state)
{
    const VkComponentTypeKHR f16 = VK_COMPONENT_TYPE_FLOAT16_KHR;
    const VkComponentTypeKHR f32 = VK_COMPONENT_TYPE_FLOAT32_KHR;
    struct dv_probe          p;
    struct dv_caps           caps;
    (void)state;
    fake_probe(&p);
    p.cooperative_matrix_features.cooperativeMatrix = VK_TRUE;
    p.features12.shaderFloat16                      = VK_TRUE;
    add_shape(&p, 16, 8, 8, f16, f32);
    add_shape(&p, 16, 8, 16, f16, f32);
    add_shape(&p, 16, 16, 16, f16, f16); /* its sums are too coarse */
    add_shape(&p, 64, 64, 16, f16, f32); /* larger than any tile */
    add_shape(&p, 12, 16, 16, f16, f32); /* divides no tile */
    add_shape(&p, 32, 32, 32, f16, f32);
    p.coop[p.n_coop - 1].scope = (VkScopeKHR)2; /* of a whole workgroup */
    add_shape(&p, 8, 16, 16, VK_COMPONENT_TYPE_BFLOAT16_KHR, f32);
    add_shape(&p, 16, 16, 16, VK_COMPONENT_TYPE_FLOAT8_E4M3_EXT, f32);
    dv_caps_read(&caps, &p);
    assert_true(caps.cooperative_matrix);
    expect_shape(&caps, DV_COOP_F16, 16, 8, 16);
    expect_shape(&caps, DV_COOP_BF16, 0, 0, 0); /* the features are missing */
    expect_shape(&caps, DV_COOP_E4M3, 0, 0, 0);
    p.bfloat16_features.shaderBFloat16CooperativeMatrix = VK_TRUE;
    p.float8_features.shaderFloat8CooperativeMatrix     = VK_TRUE;
    p.features12.shaderFloat16                          = VK_FALSE;
    dv_caps_read(&caps, &p);
    expect_shape(&caps, DV_COOP_F16, 0, 0, 0);
    expect_shape(&caps, DV_COOP_BF16, 8, 16, 16);
    expect_shape(&caps, DV_COOP_E4M3, 16, 16, 16);
}

/* Kernels of matrix units need the memory model, with device scope. */
static void caps_of_matrices_need_the_memory_model(void **state)
{
    const VkComponentTypeKHR bf16 = VK_COMPONENT_TYPE_BFLOAT16_KHR;
    struct dv_probe          p;
    struct dv_caps           caps;
    (void)state;
    fake_probe(&p);
    p.cooperative_matrix_features.cooperativeMatrix     = VK_TRUE;
    p.bfloat16_features.shaderBFloat16CooperativeMatrix = VK_TRUE;
    add_shape(&p, 8, 16, 16, bf16, VK_COMPONENT_TYPE_FLOAT32_KHR);
    dv_caps_read(&caps, &p);
    assert_true(caps.cooperative_matrix);
    expect_shape(&caps, DV_COOP_BF16, 8, 16, 16);
    p.features12.vulkanMemoryModel = VK_FALSE;
    dv_caps_read(&caps, &p);
    assert_false(caps.cooperative_matrix);
    expect_shape(&caps, DV_COOP_BF16, 0, 0, 0);
    p.features12.vulkanMemoryModel            = VK_TRUE;
    p.features12.vulkanMemoryModelDeviceScope = VK_FALSE;
    dv_caps_read(&caps, &p);
    assert_false(caps.cooperative_matrix);
    p.features12.vulkanMemoryModelDeviceScope       = VK_TRUE;
    p.cooperative_matrix_features.cooperativeMatrix = VK_FALSE; /* lavapipe, 128-bit vectors */
    dv_caps_read(&caps, &p);
    assert_false(caps.cooperative_matrix);
    expect_shape(&caps, DV_COOP_BF16, 0, 0, 0);
}

/* ANV 25 emulates matrices on hardware without matrix units. */
static void caps_avoid_emulated_matrices(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.driver.driverID                               = VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA;
    p.properties.properties.driverVersion           = VK_MAKE_API_VERSION(0, 25, 0, 7);
    p.cooperative_matrix_features.cooperativeMatrix = VK_TRUE;
    p.features12.shaderFloat16                      = VK_TRUE;
    p.subgroup.subgroupSize                         = 8;
    add_shape(&p, 8, 8, 16, VK_COMPONENT_TYPE_FLOAT16_KHR, VK_COMPONENT_TYPE_FLOAT32_KHR);
    dv_caps_read(&caps, &p);
    assert_true(caps.usable && !caps.cooperative_matrix);
    expect_shape(&caps, DV_COOP_F16, 0, 0, 0);
    p.subgroup.subgroupSize = 16; /* Xe2 */
    dv_caps_read(&caps, &p);
    expect_shape(&caps, DV_COOP_F16, 8, 8, 16);
    p.subgroup.subgroupSize               = 8;
    p.properties.properties.driverVersion = VK_MAKE_API_VERSION(0, 26, 1, 0);
    dv_caps_read(&caps, &p);
    assert_true(caps.cooperative_matrix);
    expect_shape(&caps, DV_COOP_F16, 8, 8, 16);
}

int test_matrices(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_take_the_largest_shapes),
        cmocka_unit_test(caps_of_matrices_need_the_memory_model),
        cmocka_unit_test(caps_avoid_emulated_matrices),
    };
    return cmocka_run_group_tests_name("matrices", tests, NULL, NULL);
}
