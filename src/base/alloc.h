/* The one place where the library takes memory from the heap.
 *
 * Counted, so that tests can assert that a forward pass allocates nothing,
 * and breakable, so that they can fail the n-th allocation. */
#ifndef DMS_BASE_ALLOC_H
#define DMS_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* count*size zeroed bytes; NULL when that overflows, is not to be had, or when
 * a test asked for it. count*size = 0 gives a unique pointer. */
void *dms_calloc(size_t count, size_t size);

/* As dms_calloc, aligned to 64 bytes (a cache line, a 512-bit vector); free
 * with dms_free, never pass to dms_resize. */
void *dms_calloc_aligned(size_t count, size_t size);

/* The same, not zeroed and not touched: what is never written takes no memory.
 * For what is written before it is read. */
void *dms_alloc_aligned(size_t size);

/* realloc with a checked product; on failure NULL and old is untouched. */
void *dms_resize(void *old, size_t count, size_t size);

char *dms_strdup(const char *text);
char *dms_strndup(const char *text, size_t len);

/* Accepts NULL. */
void dms_free(void *memory);

/* false when a*b does not fit; *product is then unchanged. */
bool dms_mul_size(size_t *product, size_t a, size_t b);
bool dms_add_size(size_t *sum, size_t a, size_t b);

/* Tests only. Allocations made by this process so far. */
size_t dms_alloc_count(void);

/* Tests only. Bytes asked for by this process so far, freed ones too. */
size_t dms_alloc_bytes(void);

/* Tests only. Fail the n-th allocation from now (1 = the next); 0 never.
 * Returns whether the failure asked for before has happened: a test of failing
 * allocations goes on until one has not (tests/unit/alloc_fault.h). */
bool dms_alloc_fail_at(size_t n);

#endif
