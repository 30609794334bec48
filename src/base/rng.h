/* Random numbers: a small state that is stored in checkpoints, and stateless
 * hashes where a value must depend on (seed, epoch, patient, eye) only.
 *
 * xoshiro256** seeded by splitmix64 (Blackman & Vigna). Not cryptographic. */
#ifndef DMS_BASE_RNG_H
#define DMS_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct dms_rng {
    uint64_t s[4];
} dms_rng;

dms_rng dms_rng_seeded(uint64_t seed);

uint64_t dms_rng_u64(dms_rng *rng);

/* Uniform in [0, 1), 53 bits. */
double dms_rng_uniform(dms_rng *rng);

/* Uniform in [low, high). */
double dms_rng_range(dms_rng *rng, double low, double high);

/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t dms_rng_below(dms_rng *rng, uint64_t bound);

/* Standard normal (Box-Muller, one value per call). */
double dms_rng_normal(dms_rng *rng);

/* Fisher-Yates. */
void dms_rng_shuffle(dms_rng *rng, size_t *items, size_t count);

/* splitmix64's finaliser over a and b: a stateless hash of two words. */
uint64_t dms_hash_mix(uint64_t a, uint64_t b);

/* FNV-1a 64 over bytes; start with DMS_HASH_START, continue by passing the
 * previous hash. */
#define DMS_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t dms_hash_bytes(uint64_t hash, const void *data, size_t size);

/* The same over 8-byte words, for large data. Each step mixes high bits into
 * low ones, so that every bit of a word reaches every bit of the hash. Differs
 * from the hash over bytes. A checksum, not a signature. */
uint64_t dms_hash_words(uint64_t hash, const void *data, size_t size);

#endif
