/* xoshiro256** and the hashes, in 64-bit integers only: the same numbers on
 * every machine. */
#include "base/rng.h"

#include <math.h>
#include <string.h>

static uint64_t rotate_left(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

dms_rng dms_rng_seeded(uint64_t seed)
{
    dms_rng rng;

    for (int i = 0; i < 4; i++)
        rng.s[i] = splitmix(&seed);
    return rng;
}

uint64_t dms_rng_u64(dms_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double dms_rng_uniform(dms_rng *rng)
{
    return (double)(dms_rng_u64(rng) >> 11) * 0x1p-53;
}

double dms_rng_range(dms_rng *rng, double low, double high)
{
    return low + (high - low) * dms_rng_uniform(rng);
}

uint64_t dms_rng_below(dms_rng *rng, uint64_t bound)
{
    uint64_t unbiased = UINT64_MAX - UINT64_MAX % bound;
    uint64_t x;

    do
        x = dms_rng_u64(rng);
    while (x >= unbiased);
    return x % bound;
}

double dms_rng_normal(dms_rng *rng)
{
    double u = 1.0 - dms_rng_uniform(rng); /* in (0, 1]: log is finite */
    double v = dms_rng_uniform(rng);

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void dms_rng_shuffle(dms_rng *rng, size_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)dms_rng_below(rng, i);
        size_t item = items[i - 1];

        items[i - 1] = items[j];
        items[j] = item;
    }
}

uint64_t dms_hash_mix(uint64_t a, uint64_t b)
{
    uint64_t state = a ^ rotate_left(b * UINT64_C(0xd1342543de82ef95), 32);

    return splitmix(&state);
}

uint64_t dms_hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t dms_hash_words(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *p = data;
    uint64_t word;

    for (; size >= sizeof word; size -= sizeof word, p += sizeof word) {
        memcpy(&word, p, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return dms_hash_bytes(hash, p, size);
}
