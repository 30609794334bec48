/* The C library's allocator, with atomic counters around each call; tests can
 * make a call fail. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

static atomic_size_t allocations;
static atomic_size_t bytes_asked;
static atomic_size_t fail_at; /* 0: never */

static bool allowed(size_t bytes)
{
    size_t made = atomic_fetch_add(&allocations, 1) + 1;

    atomic_fetch_add(&bytes_asked, bytes);
    return made != atomic_load(&fail_at);
}

bool dms_mul_size(size_t *product, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, product);
}

bool dms_add_size(size_t *sum, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, sum);
}

void *dms_calloc(size_t count, size_t size)
{
    if (!allowed(count * size)) /* calloc itself refuses what overflows */
        return NULL;
    if (count == 0 || size == 0)
        return calloc(1, 1);
    return calloc(count, size);
}

/* Large blocks ask for huge pages: fewer page faults when they are first
 * written, fewer TLB misses when they are streamed. */
void *dms_alloc_aligned(size_t size)
{
    size_t alignment = size >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    size_t padded;
    void *memory;

    if (!allowed(size) || !dms_add_size(&padded, size, alignment))
        return NULL;
    padded -= padded % alignment;
    memory = aligned_alloc(alignment, padded);
    if (memory && alignment == HUGE_PAGE)
        madvise(memory, padded, MADV_HUGEPAGE);
    return memory;
}

void *dms_calloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    void *memory;

    if (!dms_mul_size(&bytes, count, size))
        return NULL;
    memory = dms_alloc_aligned(bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

void *dms_resize(void *old, size_t count, size_t size)
{
    size_t bytes;

    if (!allowed(count * size) || !dms_mul_size(&bytes, count, size))
        return NULL;
    return realloc(old, bytes ? bytes : 1);
}

char *dms_strndup(const char *text, size_t len)
{
    char *copy = dms_calloc(len + 1, 1);

    if (copy)
        memcpy(copy, text, len);
    return copy;
}

char *dms_strdup(const char *text)
{
    return dms_strndup(text, strlen(text));
}

void dms_free(void *memory)
{
    free(memory);
}

size_t dms_alloc_count(void)
{
    return atomic_load(&allocations);
}

size_t dms_alloc_bytes(void)
{
    return atomic_load(&bytes_asked);
}

bool dms_alloc_fail_at(size_t n)
{
    size_t made = atomic_load(&allocations);
    size_t before = atomic_exchange(&fail_at, n ? made + n : 0);

    return before != 0 && made >= before;
}
