/* The multiply-adds of x86-64, from 512 bits down. Each function is compiled
 * for its own instruction set, whatever the build's target, and runs only on a
 * CPU that supports it. */
#include "machine/peak_kernels.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <string.h>

/* One loop: CHAINS sums of a vector type, one multiply-add per sum and round.
 * The empty asm hides a factor from the compiler, so that the product can
 * neither be folded nor hoisted out of the loop. */
#define PEAK_LOOP(name_, target_, vector_, set_, step_, total_)                \
    __attribute__((target(target_))) static float name_(size_t rounds,         \
                                                        float seed)            \
    {                                                                          \
        vector_ sum[DMS_PEAK_CHAINS], x = set_(seed), y = set_(seed);          \
        float first;                                                           \
                                                                               \
        for (int i = 0; i < DMS_PEAK_CHAINS; i++)                              \
            sum[i] = set_(seed);                                               \
        for (size_t r = 0; r < rounds; r++) {                                  \
            __asm__ volatile("" : "+x"(x), "+x"(y));                           \
            _Pragma("GCC unroll 12") for (int i = 0; i < DMS_PEAK_CHAINS; i++) \
                sum[i] = step_(sum[i], x, y);                                  \
        }                                                                      \
        for (int i = 1; i < DMS_PEAK_CHAINS; i++)                              \
            sum[0] = total_(sum[0], sum[i]);                                   \
        memcpy(&first, sum, sizeof first);                                     \
        return first;                                                          \
    }

#define SET_PS512(seed)      _mm512_set1_ps(seed)
#define FMA_PS512(sum, x, y) _mm512_fmadd_ps(x, y, sum)
PEAK_LOOP(run_fma512, "avx512f", __m512, SET_PS512, FMA_PS512, _mm512_add_ps)

#define SET_PS256(seed)      _mm256_set1_ps(seed)
#define FMA_PS256(sum, x, y) _mm256_fmadd_ps(x, y, sum)
PEAK_LOOP(run_fma256, "avx2,fma", __m256, SET_PS256, FMA_PS256, _mm256_add_ps)

#define SET_I512(seed) _mm512_set1_epi8((char)(seed))
#define DOT_BF16(sum, x, y)                                                    \
    (__m512i) _mm512_dpbf16_ps((__m512)(sum), (__m512bh)(x), (__m512bh)(y))
PEAK_LOOP(run_bf16_512, "avx512f,avx512bw,avx512bf16", __m512i, SET_I512,
          DOT_BF16, _mm512_add_epi32)

#define DOT_I8_512(sum, x, y) _mm512_dpbusd_epi32(sum, x, y)
PEAK_LOOP(run_int8_512, "avx512f,avx512bw,avx512vnni", __m512i, SET_I512,
          DOT_I8_512, _mm512_add_epi32)

/* Without VNNI it takes three instructions: u8 x s8 to pairs in 16 bits, pairs
 * to quads in 32 bits, and the sum. */
#define SET_I256(seed) _mm256_set1_epi8((char)(seed))
#define DOT_I8_256(sum, x, y)                                                  \
    _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, y),        \
                                            _mm256_set1_epi16(1)))
PEAK_LOOP(run_int8_256, "avx2", __m256i, SET_I256, DOT_I8_256, _mm256_add_epi32)

static bool has_avx512f(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

static bool has_fma(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_bf16(void)
{
    return __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512bf16");
}

static bool has_vnni(void)
{
    return __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vnni");
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

/* lanes x (multiply + add) x products per lane */
#define OPERATIONS(lanes, products) (2.0 * DMS_PEAK_CHAINS * lanes * products)

static const dms_peak_kernel kernels[] = {
    {DMS_PEAK_F32, "avx512f", OPERATIONS(16, 1), has_avx512f, run_fma512},
    {DMS_PEAK_F32, "avx2 fma", OPERATIONS(8, 1), has_fma, run_fma256},
    {DMS_PEAK_BF16, "avx512_bf16", OPERATIONS(16, 2), has_bf16, run_bf16_512},
    {DMS_PEAK_INT8, "avx512_vnni", OPERATIONS(16, 4), has_vnni, run_int8_512},
    {DMS_PEAK_INT8, "avx2", OPERATIONS(8, 4), has_avx2, run_int8_256},
};

const dms_peak_kernel *dms_peak_kernels(size_t *count)
{
    *count = sizeof kernels / sizeof *kernels;
    return kernels;
}

#else

const dms_peak_kernel *dms_peak_kernels(size_t *count)
{
    *count = 0;
    return NULL;
}

#endif
