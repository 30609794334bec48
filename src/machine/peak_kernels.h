/* Loops of nothing but multiply-adds, one for each instruction. */
#ifndef DMS_MACHINE_PEAK_KERNELS_H
#define DMS_MACHINE_PEAK_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"

/* Sums that do not wait for one another: more than latency times ports of any
 * CPU (4 x 2), and with the two factors no more than 16 registers. */
enum { DMS_PEAK_CHAINS = 12 };

typedef struct dms_peak_kernel {
    dms_peak_kind kind;
    const char *instruction;
    double operations; /* multiplications and additions in one round */
    bool (*supported)(void);
    /* The result depends on all that was computed, so that none is left out. */
    float (*run)(size_t rounds, float seed);
} dms_peak_kernel;

/* Of this build's CPU family (peak_x86.c); count may be 0. Best first. */
const dms_peak_kernel *dms_peak_kernels(size_t *count);

#endif
