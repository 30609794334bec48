#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "data/labels.h"
#include "dms/data.h"

/* ODIR-5K's 102 distinct keyword fields; "": no label. */
static const char *const fields[][2] = {
    {"abnormal pigment", "O"},
    {"age-related macular degeneration", "A"},
    {"anterior segment image", ""},
    {"arteriosclerosis", "O"},
    {"asteroid hyalosis", "O"},
    {"atrophic change", "O"},
    {"atrophy", "O"},
    {"branch retinal artery occlusion", "O"},
    {"branch retinal vein occlusion", "O"},
    {"cataract", "C"},
    {"central retinal artery occlusion", "O"},
    {"central retinal vein occlusion", "O"},
    {"central serous chorioretinopathy", "O"},
    {"chorioretinal atrophy", "O"},
    {"chorioretinal atrophy with pigmentation proliferation", "O"},
    {"choroidal nevus", "O"},
    {"congenital choroidal coloboma", "O"},
    {"depigmentation of the retinal pigment epithelium", "O"},
    {"diabetic retinopathy", "D"},
    {"diffuse chorioretinal atrophy", "O"},
    {"diffuse retinal atrophy", "O"},
    {"drusen", "O"},
    {"dry age-related macular degeneration", "A"},
    {"epiretinal membrane", "O"},
    {"epiretinal membrane over the macula", "O"},
    {"fundus laser photocoagulation spots", "O"},
    {"glaucoma", "G"},
    {"glial remnants anterior to the optic disc", "O"},
    {"hypertensive retinopathy", "H"},
    {"idiopathic choroidal neovascularization", "O"},
    {"image offset", ""},
    {"intraretinal hemorrhage", "O"},
    {"intraretinal microvascular abnormality", "O"},
    {"laser spot", "O"},
    {"lens dust", ""},
    {"low image quality", ""},
    {"macular coloboma", "O"},
    {"macular epiretinal membrane", "O"},
    {"macular hole", "O"},
    {"macular pigmentation disorder", "O"},
    {"maculopathy", "O"},
    {"mild nonproliferative retinopathy", "D"},
    {"moderate non proliferative retinopathy", "D"},
    {"morning glory syndrome", "O"},
    {"myelinated nerve fibers", "O"},
    {"myopia retinopathy", "M"},
    {"myopic maculopathy", "M"},
    {"myopic retinopathy", "M"},
    {"no fundus image", ""},
    {"normal fundus", "N"},
    {"old branch retinal vein occlusion", "O"},
    {"old central retinal vein occlusion", "O"},
    {"old chorioretinopathy", "O"},
    {"old choroiditis", "O"},
    {"optic disc edema", "O"},
    {"optic discitis", "O"},
    {"optic disk epiretinal membrane", "O"},
    {"optic disk photographically invisible", ""},
    {"optic nerve atrophy", "O"},
    {"oval yellow-white atrophy", "O"},
    {"pathological myopia", "M"},
    {"peripapillary atrophy", "O"},
    {"pigment epithelium proliferation", "O"},
    {"pigmentation disorder", "O"},
    {"post laser photocoagulation", "O"},
    {"post retinal laser surgery", "O"},
    {"proliferative diabetic retinopathy", "D"},
    {"punctate inner choroidopathy", "O"},
    {"refractive media opacity", "O"},
    {"retina fold", "O"},
    {"retinal artery macroaneurysm", "O"},
    {"retinal detachment", "O"},
    {"retinal pigment epithelial hypertrophy", "O"},
    {"retinal pigment epithelium atrophy", "O"},
    {"retinal pigmentation", "O"},
    {"retinal vascular sheathing", "O"},
    {"retinitis pigmentosa", "O"},
    {"retinochoroidal coloboma", "O"},
    {"rhegmatogenous retinal detachment", "O"},
    {"severe nonproliferative retinopathy", "D"},
    {"severe proliferative diabetic retinopathy", "D"},
    {"silicone oil eye", "O"},
    {"spotted membranous change", "O"},
    {"suspected abnormal color of  optic disc", "O"},
    {"suspected cataract", "C"},
    {"suspected diabetic retinopathy", "D"},
    {"suspected glaucoma", "G"},
    {"suspected macular epimacular membrane", "O"},
    {"suspected microvascular anomalies", "O"},
    {"suspected moderate non proliferative retinopathy", "D"},
    {"suspected retinal vascular sheathing", "O"},
    {"suspected retinitis pigmentosa", "O"},
    {"suspicious diabetic retinopathy", "D"},
    {"tessellated fundus", "O"},
    {"vascular loops", "O"},
    {"vessel tortuosity", "O"},
    {"vitreous degeneration", "O"},
    {"vitreous opacity", "O"},
    {"wedge white line change", "O"},
    {"wedge-shaped change", "O"},
    {"wet age-related macular degeneration", "A"},
    {"white vessel", "O"},
};

static void assert_labels(const char *keywords, const char *expected)
{
    uint8_t labels[DMS_ODIR_LABELS];
    char got[DMS_ODIR_LABELS + 1] = "";
    size_t len = 0;
    bool any = dms_keywords_label(labels, keywords);

    for (int k = 0; k < DMS_ODIR_LABELS; k++)
        if (labels[k])
            got[len++] = "NDGCAHMO"[k];
    if (strcmp(got, expected) != 0 || any != (*expected != '\0'))
        fail_msg("'%s': got '%s', want '%s'", keywords ? keywords : "NULL", got,
                 expected);
}

static void each_of_the_102_fields_gives_its_label(void **state)
{
    (void)state;
    assert_int_equal(sizeof fields / sizeof fields[0], 102);
    for (size_t i = 0; i < 102; i++)
        assert_labels(fields[i][0], fields[i][1]);
}

static void fields_are_parted_by_both_commas(void **state)
{
    static const char *const cases[][2] = {
        {"glaucoma,cataract", "GC"},
        {"glaucoma\xef\xbc\x8c"
         "cataract\xef\xbc\x8cmyopic maculopathy,drusen",
         "GCMO"},
        {" Glaucoma , CATARACT ", "GC"},
        {",glaucoma,,\xef\xbc\x8c", "G"},
        {"lens dust\xef\xbc\x8cnormal fundus", "N"},
        {"normal fundus,lens dust", "N"},
        {"normal fundus\xef\xbc\x8c"
         "drusen",
         "O"},
        {"low image quality,image offset", ""},
        {"", ""},
        {" , ", ""},
        {"\xef\xbc", "O"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_labels(cases[i][0], cases[i][1]);
    assert_labels(NULL, "");
}

/* The union of the eyes' labels, N only if nothing else. */
static bool eyes_give_the_patients_labels(const dms_patient *patient)
{
    uint8_t labels[DMS_ODIR_LABELS];
    bool finding = false;

    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        labels[k] =
            patient->eye[0].labels[k] == 1 || patient->eye[1].labels[k] == 1;
        finding |= k > 0 && labels[k];
    }
    if (finding)
        labels[0] = 0;
    return memcmp(labels, patient->labels, sizeof labels) == 0;
}

static void the_official_table_is_reproduced_but_for_patient_4149(void **state)
{
    static const char table[] =
        DMS_TESTS_DIR "/../../shared/data/odir-table.csv";
    dms_dataset *dataset = NULL;
    dms_error err = {0};
    FILE *there = fopen(table, "rb");
    size_t equal = 0;

    (void)state;
    if (!there) {
        print_message("skipped: %s is not there\n", table);
        skip();
    }
    fclose(there);
    if (dms_dataset_open(&dataset, table, NULL, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dataset->count, 3500);
    for (size_t i = 0; i < dataset->count; i++) {
        if (eyes_give_the_patients_labels(&dataset->patients[i]))
            equal++;
        else
            assert_string_equal(dataset->patients[i].id, "4149");
    }
    assert_int_equal(equal, 3499);
    dms_dataset_close(dataset);
}

static void known_keywords_and_wide_commas_are_counted(void **state)
{
    static const struct {
        const char *text;
        size_t known;
    } cases[] = {
        {"", 0},
        {"1,left.jpg,right.jpg", 0},
        {"a,\"Cataract\"\r\nnormal fundus;x", 2},
        {"cataract\xef\xbc\x8cglaucoma", 3},
        {"drusen\xef\xbc\x8cx", 1},
        /* what Windows-1252 makes of GB18030 */
        {"cataract\xc2\xa3\xc2\xacglaucoma", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            dms_keywords_known(cases[i].text, strlen(cases[i].text)),
            cases[i].known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_the_102_fields_gives_its_label),
        cmocka_unit_test(fields_are_parted_by_both_commas),
        cmocka_unit_test(the_official_table_is_reproduced_but_for_patient_4149),
        cmocka_unit_test(known_keywords_and_wide_commas_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
