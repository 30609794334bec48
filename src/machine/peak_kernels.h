/* Loops of nothing but multiply-adds, one per instruction set. */
#ifndef DMS_MACHINE_PEAK_KERNELS_H
#define DMS_MACHINE_PEAK_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"

/* Independent sums: more than latency times ports on any CPU (4 x 2), and
 * together with the two factors at most 16 registers. */
enum { DMS_PEAK_CHAINS = 12 };

typedef struct dms_peak_kernel {
    dms_peak_kind kind;
    const char *instruction;
    double operations; /* multiplications and additions in one round */
    bool (*supported)(void);
    /* The result depends on every operation, so that none is optimised away. */
    float (*run)(size_t rounds, float seed);
} dms_peak_kernel;

/* The kernels for this build's CPU family (peak_x86.c), best first; *count may
 * be 0. */
const dms_peak_kernel *dms_peak_kernels(size_t *count);

#endif
