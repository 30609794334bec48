/* This machine: its name, its memory, and its measured peak speeds. */
#ifndef DMS_MACHINE_MACHINE_H
#define DMS_MACHINE_MACHINE_H

#include <stddef.h>

/* The kinds of multiply-add that dominate a network's time. */
typedef enum dms_peak_kind {
    DMS_PEAK_F32,  /* float32 x float32 + float32 */
    DMS_PEAK_BF16, /* pairs of bfloat16, summed in float32 */
    DMS_PEAK_INT8  /* quads of u8 x s8, summed in int32 */
} dms_peak_kind;
enum { DMS_PEAK_KINDS = 3 };

/* The CPU's brand string; "" if unknown. Returns like snprintf. */
int dms_machine_cpu(char *text, size_t capacity);

/* The supported vector instruction sets that matter here, such as
 * "avx2 fma avx512f"; "" if none. Returns like snprintf. */
int dms_machine_isa(char *text, size_t capacity);

/* Processors that this process may run on, >= 1. */
int dms_machine_cores(void);

/* Bytes of memory available without swapping, according to the kernel and the
 * container's limit; SIZE_MAX if neither is known. */
size_t dms_machine_memory(void);

/* The best instruction set for the kind: "avx512_bf16", "fma", "plain C"; NULL
 * if the CPU has none (bf16, int8). */
const char *dms_peak_instruction(dms_peak_kind kind);

/* Peak arithmetic in 1e9 operations per second (a multiply-add is two), with
 * `threads` threads working in registers only: the best of short runs that
 * take `seconds` in total, over every instruction set for the kind that the
 * CPU has. 0 if it has none. A build without OpenMP uses one thread. */
double dms_peak_measure(dms_peak_kind kind, int threads, double seconds);

/* Memory bandwidth in 1e9 bytes per second, read and written by
 * a[i] = b[i] + 3 c[i] over arrays far larger than the caches; the best run,
 * as above. 0 if 192 MB cannot be allocated. */
double dms_bandwidth_measure(int threads, double seconds);

#endif
