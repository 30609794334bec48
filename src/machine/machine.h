/* This machine: what it is called and the most that it can do, measured. */
#ifndef DMS_MACHINE_MACHINE_H
#define DMS_MACHINE_MACHINE_H

#include <stddef.h>

/* Kinds of multiply-add that a network's time is made of. */
typedef enum dms_peak_kind {
    DMS_PEAK_F32,  /* float32 x float32 + float32 */
    DMS_PEAK_BF16, /* pairs of bfloat16, summed in float32 */
    DMS_PEAK_INT8  /* quads of u8 x s8, summed in int32 */
} dms_peak_kind;
enum { DMS_PEAK_KINDS = 3 };

/* The CPU's own name, "" where it tells none. Returns as snprintf. */
int dms_machine_cpu(char *text, size_t capacity);

/* Vector instructions that matter here, "avx2 fma avx512f"; "" for none.
 * Returns as snprintf. */
int dms_machine_isa(char *text, size_t capacity);

/* Processors that this process may run on, >= 1. */
int dms_machine_cores(void);

/* Bytes of memory that can be had without taking others' away, as the kernel
 * and the container's limit tell it; SIZE_MAX where nothing does. */
size_t dms_machine_memory(void);

/* The best instruction for the kind: "avx512_bf16", "fma", "plain C"; NULL
 * where the CPU has none (bf16, int8). */
const char *dms_peak_instruction(dms_peak_kind kind);

/* 1e9 multiplications and additions a second (a multiply-add is two) with
 * `threads` threads at once, each in its registers only: the best of short runs
 * that take `seconds` together, over every instruction for the kind that the
 * CPU has. 0 where it has none. A build without OpenMP uses one thread. */
double dms_peak_measure(dms_peak_kind kind, int threads, double seconds);

/* 1e9 bytes a second of memory read and written by a[i] = b[i] + 3 c[i] over
 * arrays far larger than the caches; the best run, as above. 0 when 192 MB are
 * not to be had. */
double dms_bandwidth_measure(int threads, double seconds);

#endif
