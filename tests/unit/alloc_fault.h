/* Each allocation of a call made to fail, one after the other. Include behind
 * cmocka.h.
 *
 *     alloc_fault fault = {0};
 *
 *     while (alloc_fault_next(&fault)) {
 *         st = call();
 *         alloc_fault_end(&fault, st);
 *         ... release what call() gave ...
 *     }
 *
 * Goes on until an allocation that was to fail was never asked for, so none is
 * left out however many there come to be. */
#ifndef DMS_TESTS_ALLOC_FAULT_H
#define DMS_TESTS_ALLOC_FAULT_H

#include "base/alloc.h"
#include "dms/status.h"

typedef struct alloc_fault {
    size_t count; /* rounds begun: the last one fails nothing */
    bool fired;   /* the round's allocation was asked for, and failed */
} alloc_fault;

static inline bool alloc_fault_next(alloc_fault *fault)
{
    if (fault->count > 0 && !fault->fired)
        return false;
    dms_alloc_fail_at(++fault->count);
    return true;
}

/* From here on every allocation is let through again. */
static inline void alloc_fault_over(alloc_fault *fault)
{
    fault->fired = dms_alloc_fail_at(0);
}

/* The same, and the status is what it must be. */
static inline void alloc_fault_end(alloc_fault *fault, dms_status st)
{
    alloc_fault_over(fault);
    if (st != (fault->fired ? DMS_ENOMEM : DMS_OK))
        fail_msg("allocation %zu %s: the call gives %s", fault->count,
                 fault->fired ? "fails" : "is never asked for",
                 dms_status_name(st));
}

/* For a call that can do without some of its memory. */
static inline void alloc_fault_end_lenient(alloc_fault *fault, dms_status st)
{
    alloc_fault_over(fault);
    if (st != DMS_OK && !(fault->fired && st == DMS_ENOMEM))
        fail_msg("allocation %zu %s: the call gives %s", fault->count,
                 fault->fired ? "fails" : "is never asked for",
                 dms_status_name(st));
}

#endif
