/* The only place where the library allocates heap memory.
 *
 * Allocations are counted, so that tests can assert that a forward pass
 * allocates nothing, and tests can make the n-th allocation fail. */
#ifndef DMS_BASE_ALLOC_H
#define DMS_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* count*size zeroed bytes; NULL if the product overflows, memory is exhausted
 * or a test asked for a failure. count*size = 0 gives a unique pointer. */
void *dms_calloc(size_t count, size_t size);

/* Like dms_calloc, aligned to 64 bytes (a cache line, a 512-bit vector). Free
 * it with dms_free; never pass it to dms_resize. */
void *dms_calloc_aligned(size_t count, size_t size);

/* The same, uninitialised: the caller writes before it reads. Pages that are
 * never written take no memory. */
void *dms_alloc_aligned(size_t size);

/* realloc with an overflow check; on failure returns NULL and leaves old
 * unchanged. */
void *dms_resize(void *old, size_t count, size_t size);

char *dms_strdup(const char *text);
char *dms_strndup(const char *text, size_t len);

/* Accepts NULL. */
void dms_free(void *memory);

/* false if a*b overflows; *product is then unchanged. */
bool dms_mul_size(size_t *product, size_t a, size_t b);
bool dms_add_size(size_t *sum, size_t a, size_t b);

/* Tests only. Allocations made by this process so far. */
size_t dms_alloc_count(void);

/* Tests only. Bytes requested by this process so far, including freed ones. */
size_t dms_alloc_bytes(void);

/* Tests only. Make the n-th allocation from now fail (1 = the next; 0 = none).
 * Returns whether the failure requested by the previous call has happened: a
 * test raises n until it has not (tests/unit/alloc_fault.h). */
bool dms_alloc_fail_at(size_t n);

#endif
