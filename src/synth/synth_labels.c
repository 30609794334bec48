/* Draws the synthetic patients. The counts below are ODIR-5K's; random numbers
 * come from base/rng. */
#include "synth/synth_labels.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"

#define KEYWORD_SEPARATOR                                                      \
    "\xef\xbc\x8c" /* U+FF0C, as in ODIR's tables                              \
                    */

/* ODIR-5K (docs/data-format.md): numbers of patients, out of 3,500 and out of
 * the 2,360 with a finding. */
enum {
    PATIENTS = 3500,
    NORMAL = 1140,
    FOUND = 2360,
    DOUBLE = 557,
    TRIPLE = 29
};

typedef struct label_rule {
    double first;            /* weight in the draw, see below */
    double unilateral;       /* share of patients with one affected eye */
    int age;                 /* mean age of its patients */
    const char *keywords[4]; /* by severity */
} label_rule;

/* The weights `first` were solved so that drawing 1, 2 or 3 labels without
 * replacement gives each label ODIR-5K's number of patients. */
static const label_rule rules[DMS_SYNTH_LABELS] = {
    [DMS_SYNTH_N] = {0, 0, 55, {"normal fundus"}},
    [DMS_SYNTH_D] = {.3981,
                     .40,
                     58,
                     {"mild nonproliferative retinopathy",
                      "moderate non proliferative retinopathy",
                      "severe nonproliferative retinopathy",
                      "proliferative diabetic retinopathy"}},
    [DMS_SYNTH_G] = {.0665,
                     .48,
                     60,
                     {"suspected glaucoma", "glaucoma", "glaucoma",
                      "glaucoma"}},
    [DMS_SYNTH_C] = {.0656,
                     .52,
                     66,
                     {"cataract", "cataract", "cataract", "cataract"}},
    [DMS_SYNTH_A] = {.0505,
                     .29,
                     66,
                     {"dry age-related macular degeneration",
                      "dry age-related macular degeneration",
                      "dry age-related macular degeneration",
                      "wet age-related macular degeneration"}},
    [DMS_SYNTH_H] = {.0316,
                     .13,
                     57,
                     {"hypertensive retinopathy", "hypertensive retinopathy",
                      "hypertensive retinopathy", "hypertensive retinopathy"}},
    [DMS_SYNTH_M] = {.0537,
                     .46,
                     54,
                     {"myopia retinopathy", "pathological myopia",
                      "pathological myopia", "pathological myopia"}},
    [DMS_SYNTH_O] = {.3340, .77, 59, {NULL}},
};

static const struct {
    const char *keyword;
    int weight; /* roughly its frequency in ODIR */
} others[DMS_SYNTH_OTHERS] = {
    [DMS_SYNTH_MEMBRANE] = {"epiretinal membrane", 5},
    [DMS_SYNTH_MEMBRANE_MACULAR] = {"macular epiretinal membrane", 5},
    [DMS_SYNTH_LASER] = {"laser spot", 5},
    [DMS_SYNTH_MYELIN] = {"myelinated nerve fibers", 4},
    [DMS_SYNTH_HOLE] = {"macular hole", 1},
    [DMS_SYNTH_VEIN_OCCLUSION] = {"branch retinal vein occlusion", 3},
    [DMS_SYNTH_VITREOUS] = {"vitreous degeneration", 3},
    [DMS_SYNTH_PIGMENTOSA] = {"retinitis pigmentosa", 2},
    [DMS_SYNTH_ATROPHY] = {"chorioretinal atrophy", 3},
};

/* Add a label, by weight, among those not yet in `labels`. u in [0,1). */
static void label_add(uint8_t *labels, double u)
{
    double left = 0;
    int last = DMS_SYNTH_D;

    for (int i = 0; i < DMS_SYNTH_LABELS; i++)
        left += labels[i] ? 0 : rules[i].first;
    left *= u;
    for (int i = DMS_SYNTH_D; i < DMS_SYNTH_LABELS; i++) {
        if (labels[i])
            continue;
        last = i;
        left -= rules[i].first;
        if (left < 0)
            break;
    }
    labels[last] = 1;
}

static void labels_draw(uint8_t *labels, dms_rng *rng, double u)
{
    double extra = dms_rng_uniform(rng) * FOUND;
    int count = extra < TRIPLE ? 3 : extra < TRIPLE + DOUBLE ? 2 : 1;
    double found = (u * PATIENTS - NORMAL) / FOUND;

    memset(labels, 0, DMS_SYNTH_LABELS);
    if (found < 0) {
        labels[DMS_SYNTH_N] = 1;
        return;
    }
    label_add(labels, found);
    for (int i = 1; i < count; i++)
        label_add(labels, dms_rng_uniform(rng));
}

static dms_synth_other other_draw(dms_rng *rng)
{
    int total = 0, pick;

    for (int i = 0; i < DMS_SYNTH_OTHERS; i++)
        total += others[i].weight;
    pick = (int)dms_rng_below(rng, (uint64_t)total);
    for (int i = 0; i < DMS_SYNTH_OTHERS; i++)
        if ((pick -= others[i].weight) < 0)
            return (dms_synth_other)i;
    return DMS_SYNTH_MEMBRANE;
}

static void eyes_assign(dms_synth_patient *p, dms_rng *rng)
{
    for (int label = DMS_SYNTH_D; label < DMS_SYNTH_LABELS; label++) {
        /* drawn for absent labels too, so that labels do not affect others */
        bool one = dms_rng_uniform(rng) < rules[label].unilateral;
        int side = (int)dms_rng_below(rng, 2);
        /* mild .30 moderate .56 severe .10 most severe .04: as ODIR's D */
        double u = dms_rng_uniform(rng);
        uint8_t severity = u < .30 ? 0 : u < .86 ? 1 : u < .96 ? 2 : 3;

        for (int eye = 0; eye < 2; eye++) {
            bool has = p->labels[label] && (!one || side == eye);
            bool milder = dms_rng_uniform(rng) < .2;

            p->eye[eye].labels[label] = has;
            p->eye[eye].severity[label] =
                (uint8_t)(severity - (milder && severity > 0));
        }
    }
    p->eye[0].other = p->eye[1].other = other_draw(rng);
}

static bool eye_has_finding(const dms_synth_eye *eye)
{
    for (int i = DMS_SYNTH_D; i < DMS_SYNTH_LABELS; i++)
        if (eye->labels[i])
            return true;
    return false;
}

/* Every keyword here is shorter than 40 bytes and there are at most 6. */
static void keyword_add(dms_synth_eye *eye, const char *keyword)
{
    if (eye->keywords[0])
        strcat(eye->keywords, KEYWORD_SEPARATOR);
    strcat(eye->keywords, keyword);
}

static void eye_describe(dms_synth_eye *eye)
{
    eye->keywords[0] = '\0';
    eye->labels[DMS_SYNTH_N] = !eye_has_finding(eye) && !eye->ungradable;
    if (eye->lens_dust)
        keyword_add(eye, "lens dust");
    if (eye->low_quality)
        keyword_add(eye, "low image quality");
    for (int i = 0; i < DMS_SYNTH_LABELS; i++) {
        if (!eye->labels[i])
            continue;
        keyword_add(eye, i == DMS_SYNTH_O
                             ? others[eye->other].keyword
                             : rules[i].keywords[eye->severity[i]]);
    }
}

static void quality_draw(dms_synth_patient *p, dms_rng *rng)
{
    int worse = (int)dms_rng_below(rng, 2);

    for (int i = 0; i < 2; i++) {
        dms_synth_eye *eye = &p->eye[i];

        eye->lens_dust = dms_rng_uniform(rng) < .05;
        /* one eye at most: a patient's labels must remain visible */
        eye->low_quality = i == worse && dms_rng_uniform(rng) < .02;
        eye->ungradable = eye->low_quality && !eye_has_finding(eye);
    }
}

static int age_draw(const dms_synth_patient *p, dms_rng *rng)
{
    double mean = 0, count = 0, age;

    for (int i = 0; i < DMS_SYNTH_LABELS; i++) {
        mean += p->labels[i] * rules[i].age;
        count += p->labels[i];
    }
    age = mean / count + 10 * dms_rng_normal(rng);
    return (int)lrint(fmin(fmax(age, 18), 92));
}

void dms_synth_patient_draw(dms_synth_patient *out, uint64_t seed, int patient)
{
    const double golden = 0.61803398874989485;
    dms_rng set = dms_rng_seeded(dms_hash_mix(seed, 0));
    dms_rng rng = dms_rng_seeded(dms_hash_mix(seed, (uint64_t)patient));
    double u = dms_rng_uniform(&set) + golden * patient;

    memset(out, 0, sizeof *out);
    labels_draw(out->labels, &rng, u - floor(u));
    eyes_assign(out, &rng);
    quality_draw(out, &rng);
    out->age = age_draw(out, &rng);
    out->sex = dms_rng_uniform(&rng) < .54 ? 'M' : 'F';
    eye_describe(&out->eye[0]);
    eye_describe(&out->eye[1]);
}
