#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "base/file.h"
#include "dms/data.h"

#define CHALLENGE                                                              \
    "ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,"                     \
    "Left-Diagnostic Keywords,Right-Diagnostic Keywords,"

static char folder[] = "/tmp/test_odir.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_odir.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *ftw)
{
    (void)info, (void)type, (void)ftw;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* folder/name; valid until the next but three calls. */
static const char *at(const char *name)
{
    static char paths[4][512];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static const char *put(const char *name, const char *text)
{
    const char *path = at(name);
    char parent[512];

    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(dms_folder_make(parent, NULL), DMS_OK);
    assert_int_equal(dms_file_write(path, text, strlen(text), NULL), DMS_OK);
    return path;
}

static dms_dataset *open_set(const char *path, const char *images)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    if (dms_dataset_open(&dataset, path, images, NULL, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return dataset;
}

/* The table is refused and the message ends so. */
static void assert_refused(const char *text, const char *says)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};
    const char *path = put("bad.csv", text);

    if (dms_dataset_open(&dataset, path, NULL, NULL, &err) == DMS_OK)
        fail_msg("accepted: %s", text);
    if (strncmp(err.message, path, strlen(path)) != 0 ||
        strcmp(err.message + strlen(path), says) != 0)
        fail_msg("said '%s', want '%s%s'", err.message, path, says);
}

static void the_challenge_form_is_read(void **state)
{
    dms_dataset *d;
    const dms_patient *p;

    (void)state;
    put("annotations.csv",
        CHALLENGE "N,D,G,C,A,H,M,O,split\n"
                  "7,69,Female,7_left.jpg,7_right.jpg,cataract,"
                  "normal fundus,0,0,0,1,0,0,0,0,train\n"
                  "12,1,male,12_left.jpg,12_right.jpg,"
                  "\"lens dust,low image quality\",drusen,"
                  "0,0,0,0,0,0,0,1,validation\n");
    put("images/7_left.jpg", "");
    d = open_set(folder, NULL);
    assert_int_equal(d->count, 2);
    assert_true(d->has_split_column);
    assert_string_equal(d->table, at("annotations.csv"));
    p = &d->patients[0];
    assert_string_equal(p->id, "7");
    assert_int_equal(p->age, 69);
    assert_int_equal(p->sex, 'F');
    assert_int_equal(p->line, 2);
    assert_true(p->labelled);
    assert_int_equal(p->labels[3], 1);
    assert_int_equal(p->split, DMS_SPLIT_TRAIN);
    assert_string_equal(p->eye[DMS_LEFT].path, at("images/7_left.jpg"));
    assert_int_equal(p->eye[DMS_LEFT].labels[3], 1);
    assert_int_equal(p->eye[DMS_RIGHT].labels[0], 1);
    p = &d->patients[1];
    assert_int_equal(p->age, -1);
    assert_int_equal(p->sex, 'M');
    assert_int_equal(p->split, DMS_SPLIT_VAL);
    assert_false(p->eye[DMS_LEFT].labelled);
    assert_string_equal(p->eye[DMS_LEFT].keywords,
                        "lens dust,low image quality");
    assert_true(p->eye[DMS_RIGHT].labelled);
    assert_int_equal(p->group, 1);
    dms_dataset_close(d);
}

/* The annotations with only these of ODIR's labels. */
static dms_dataset *open_some(const char *codes)
{
    dms_dataset *d = NULL;
    dms_error err = {0};
    dms_label_set *set = NULL;
    dms_dataset_options options = {.struct_size = sizeof options};

    assert_int_equal(dms_label_set_parse(&set, codes, &err), DMS_OK);
    options.labels = set;
    if (dms_dataset_open_with(&d, at("annotations.csv"), &options, &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    dms_label_set_destroy(set);
    return d;
}

static void keywords_label_the_eyes_for_some_of_odirs_labels_too(void **state)
{
    static const char *const unknown[] = {"D,X", "normal,D"};
    dms_dataset *d;

    (void)state;
    put("annotations.csv",
        CHALLENGE "N,D,G,C,X,normal\n"
                  "7,69,Female,,,\"glaucoma,cataract\",normal fundus,"
                  "0,0,1,1,0,0\n"
                  "8,70,Male,,,lens dust,mild nonproliferative retinopathy,"
                  "0,1,0,0,0,0\n");
    d = open_some("G,D");
    assert_true(d->patients[0].eye[DMS_LEFT].labelled);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[0], 1);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[1], 0);
    assert_true(d->patients[0].eye[DMS_RIGHT].labelled);
    assert_int_equal(d->patients[0].eye[DMS_RIGHT].labels[0], 0);
    assert_int_equal(d->patients[0].eye[DMS_RIGHT].labels[1], 0);
    assert_false(d->patients[1].eye[DMS_LEFT].labelled);
    assert_int_equal(d->patients[1].eye[DMS_RIGHT].labels[0], 0);
    assert_int_equal(d->patients[1].eye[DMS_RIGHT].labels[1], 1);
    dms_dataset_close(d);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        d = open_some(unknown[i]);
        assert_false(d->patients[0].eye[DMS_LEFT].labelled);
        assert_false(d->patients[0].eye[DMS_RIGHT].labelled);
        dms_dataset_close(d);
    }
}

/* The right eye's cataract makes the patient not normal, asked for or not. */
static void a_check_holds_some_labels_to_all_of_the_keywords(void **state)
{
    dms_data_report *report = NULL;
    dms_error err = {0};
    dms_dataset *d;

    (void)state;
    put("annotations.csv", CHALLENGE "N,D\n"
                                     "7,69,Female,,,normal fundus,cataract,"
                                     "0,0\n"
                                     "8,70,Male,,,normal fundus,cataract,"
                                     "1,0\n");
    d = open_some("N,D");
    assert_int_equal(dms_data_check(&report, d, NULL, &err), DMS_OK);
    assert_null(strstr(report->text, "line 2: labels are"));
    assert_non_null(
        strstr(report->text, "line 3: labels are N, the keywords say none"));
    dms_data_report_destroy(report);
    dms_dataset_close(d);
}

static void an_eye_without_any_of_one_of_labels_is_not_labelled(void **state)
{
    dms_label labels[] = {{.code = "G"}, {.code = "D"}};
    dms_label_options about;
    dms_dataset_options options = {.struct_size = sizeof options};
    dms_label_set *set = NULL;
    dms_dataset *d = NULL;

    (void)state;
    put("annotations.csv", CHALLENGE "D,G\n"
                                     "7,69,Female,,,glaucoma,drusen,0,1\n");
    dms_label_options_init(&about, sizeof about);
    about.labels = labels, about.count = 2;
    about.task = DMS_TASK_SINGLE_LABEL;
    assert_int_equal(dms_label_set_create(&set, &about, NULL), DMS_OK);
    options.labels = set;
    assert_int_equal(
        dms_dataset_open_with(&d, at("annotations.csv"), &options, NULL),
        DMS_OK);
    assert_true(d->patients[0].eye[DMS_LEFT].labelled);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[0], 1);
    assert_false(d->patients[0].eye[DMS_RIGHT].labelled);
    dms_dataset_close(d);
    dms_label_set_destroy(set);
}

static void oia_odirs_folders_are_known(void **state)
{
    dms_dataset *d;

    (void)state;
    put("Training Set/Annotation/training annotation (Chinese).xlsx", "");
    put("Training Set/Annotation/training annotation (English).csv",
        CHALLENGE "N,D,G,C,A,H,M,O\n"
                  "1,50,Male,1_left.jpg,1_right.jpg,a,b,1,0,0,0,0,0,0,0\n");
    put("Training Set/Images/1_left.jpg", "");
    d = open_set(at("Training Set"), NULL);
    assert_non_null(strstr(d->table, "(English).csv"));
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("Training Set/Annotation/../Images/1_left.jpg"));
    dms_dataset_close(d);
}

#define KAGGLE                                                                 \
    CHALLENGE "Normal ,Diabetes ,Glaucoma ,Cataract ,"                         \
              "Age related Macular Degeneration ,Hypertension ,"               \
              "Pathological Myopia ,Other diseases/abnormalities ,"            \
              "filepath,labels,target,filename\n"
#define KAGGLE_0 "0,69,Female,0_left.jpg,0_right.jpg,cataract,normal fundus,"

static void kaggles_rows_are_eyes(void **state)
{
    dms_dataset *d;

    (void)state;
    put("full_df.csv", KAGGLE KAGGLE_0
        "0,0,0,1,0,0,0,0,../x,['N'],\"[1, 0]\",0_right.jpg\n"
        "4,53,Male,4_left.jpg,4_right.jpg,glaucoma,drusen,"
        "0,0,1,0,0,0,0,1,../x,['O'],\"[1]\",4_right.jpg\n" KAGGLE_0
        "0,0,0,1,0,0,0,0,../x,['C'],\"[0, 1]\",0_left.jpg\n");
    put("ODIR-5K/ODIR-5K/Training Images/0_left.jpg", "");
    put("ODIR-5K/ODIR-5K/data.xlsx", "");
    d = open_set(folder, NULL);
    assert_int_equal(d->count, 2);
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("ODIR-5K/ODIR-5K/Training Images/0_left.jpg"));
    assert_non_null(d->patients[0].eye[DMS_RIGHT].path);
    assert_int_equal(d->patients[0].labels[3], 1);
    assert_null(d->patients[1].eye[DMS_LEFT].path);
    assert_non_null(d->patients[1].eye[DMS_RIGHT].path);
    assert_true(d->patients[1].eye[DMS_LEFT].labelled);
    dms_dataset_close(d);
}

static void kaggles_rows_must_agree(void **state)
{
    (void)state;
    assert_refused(KAGGLE KAGGLE_0
                   "0,0,0,1,0,0,0,0,x,x,x,0_right.jpg\n" KAGGLE_0
                   "0,0,1,1,0,0,0,0,x,x,x,0_left.jpg\n",
                   ":3: patient '0' contradicts line 2: column 'Glaucoma ' has "
                   "'1' here and '0' there");
    assert_refused(KAGGLE KAGGLE_0 "0,0,0,1,0,0,0,0,x,x,x,0_left.jpg\n" KAGGLE_0
                                   "0,0,0,1,0,0,0,0,x,x,x,0_left.jpg\n",
                   ":3: the row is the same as line 2, of patient '0'; remove "
                   "one of them");
    assert_refused(KAGGLE KAGGLE_0 "0,0,0,1,0,0,0,0,x,x,x,0_left.jpg\n" KAGGLE_0
                                   "0,0,0,1,0,0,0,0,y,x,x,0_left.jpg\n",
                   ":3: the left eye of patient '0' is listed twice, first in "
                   "line 2, and the two rows differ");
    assert_refused(KAGGLE KAGGLE_0 "0,0,0,1,0,0,0,0,x,x,x,9_left.jpg\n",
                   ":2: column filename: found '9_left.jpg', expected the "
                   "patient's left or right picture");
}

static void any_pairs_are_read(void **state)
{
    dms_dataset *d;
    const char *table =
        put("pairs.csv", "id;left;right\na;l/1.png;/r/1.png\nb;l/2.png;\n");

    (void)state;
    put("l/1.png", "");
    d = open_set(table, NULL);
    assert_int_equal(d->count, 2);
    assert_false(d->patients[0].labelled);
    assert_false(d->has_split_column);
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("l/1.png"));
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, "/r/1.png");
    assert_null(d->patients[1].eye[DMS_RIGHT].path);
    dms_dataset_close(d);
}

static void labels_alone_are_a_table(void **state)
{
    dms_dataset *d;
    const char *table = put("labels.csv", "ID,N,D,G,C,A,H,M,O\n"
                                          "3,0,1,0,0,0,0,0,1.0\n"
                                          "4,,,,,,,,\n");

    (void)state;
    d = open_set(table, NULL);
    assert_int_equal(d->count, 2);
    assert_true(d->patients[0].labelled);
    assert_int_equal(d->patients[0].labels[7], 1);
    assert_false(d->patients[1].labelled);
    assert_null(d->patients[0].eye[DMS_LEFT].path);
    assert_non_null(d->folder);
    dms_dataset_close(d);
}

static void an_empty_split_column_is_none(void **state)
{
    dms_dataset *d =
        open_set(put("t.csv", "id,left,right,split\n1,a,b,\n2,a,b,\n"), NULL);

    (void)state;
    assert_false(d->has_split_column);
    dms_dataset_close(d);
}

static void an_explicit_folder_of_images_wins(void **state)
{
    dms_dataset *d;
    dms_error err = {0};
    const char *table = put("t.csv", "id,left,right\n1,a.jpg,b.jpg\n");

    (void)state;
    put("images/a.jpg", "");
    put("elsewhere/nothing.txt", "");
    d = open_set(table, at("elsewhere"));
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("elsewhere/a.jpg"));
    dms_dataset_close(d);
    assert_int_equal(
        dms_dataset_open(&d, at("t.csv"), at("nowhere"), NULL, &err), DMS_EIO);
}

static void mistakes_are_named_by_line_and_cell(void **state)
{
    static const char *const cases[][2] = {
        {"ID,N,D,G,C,A,H,M,O\n1,1,0,0,0,0,0,0,0\n2,0,0,2,0,0,0,0,0\n",
         ":3: column G: found '2', expected 0 or 1"},
        {"ID,N,D,G,C,A,H,M,O\n1,1,0,0,x,0,0,0,0\n",
         ":2: column C: found 'x', expected 0 or 1"},
        {"ID,N,D,G,C,A,H,M,O\n1,1,0,0,0,0,0,0,0\n\n 1 ,1,0,0,0,0,0,0,0\n",
         ":4: the row is the same as line 2, of patient '1'; remove one of "
         "them"},
        {"ID,N,D,G,C,A,H,M,O\n1,1,0,0,0,0,0,0,0\n1,0,1,0,0,0,0,0,0\n",
         ":3: patient '1' is listed twice, first in line 2, and the two rows "
         "differ"},
        {"ID,N,D,G,C,A,H,M,O\n1,1,0,0,0\n",
         ":2: found 5 cells, expected the header's 9"},
        {"ID,left,right,note\n1,a,b,c,d\n",
         ":2: found 5 cells, expected the header's 4"},
        {"ID,left,right,split\n1,a,b,trian\n",
         ":2: column split: found 'trian', expected train, val or test"},
        {"ID,left,right\n ,a,b\n",
         ":2: column ID: found '', expected an id of 1 to 128 bytes"},
        {"name,left,right\n1,a,b\n",
         ":1: column 'ID' is missing; the columns are name, left, right"},
        {"ID,N,D,G,C,A,H\n1,1,0,0,0,0,0\n",
         ":1: of the label columns NDGCAHMO, some are missing: MO"},
        {"ID,N,D,G,C,A,H,M,O,Normal\n1,1,0,0,0,0,0,0,0,1\n",
         ":1: columns 2 and 10 are both 'N'"},
        {"ID,age\n1,3\n",
         ":1: expected picture columns (Left-Fundus and Right-Fundus, or left "
         "and right) or the label columns N, D, G, C, A, H, M, O; the columns "
         "are ID, age"},
        {"ID,left,rihgt\n1,a,b\n",
         ":1: column 'left' has the left eyes' photographs, but no column "
         "has the right eyes', expected Right-Fundus or right; the columns are "
         "ID, "
         "left, rihgt. If there are none, add an empty column right"},
        {"ID,left file,left path,right\n1,a,b,c\n",
         ":1: columns 'left file' and 'left path' may both be 'Left-Fundus'; "
         "give one of them this name"},
        {"", ": the table is empty"},
        {"ID,left,right\n", ": the table has no patients"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i][0], cases[i][1]);
}

static void picture_columns_may_be_named_a_little_otherwise(void **state)
{
    static const char *const headers[] = {
        "ID,Left fundus,RightFundus image",
        "PatientID,left_image,right_image",
        "subject id,Left-Fundus ,Right-Fundus\t",
        "ID,LEFT  FUNDUS,RIGHT__FUNDUS",
        "id,img_left,img-right",
        "id,Left\xc2\xa0Image,Right\xc2\xa0Image",
        "id,LeftEyePhoto,RightEyePhoto",
        "id,file path left,file path right",
        "id,Left-Fundus (file name),Right-Fundus (file name)",
        "id,Left images,pics right",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        char text[256];
        dms_dataset *d;

        snprintf(text, sizeof text, "%s\n1,a.png,b.png\n", headers[i]);
        d = open_set(put("t.csv", text), NULL);
        if (!d->patients[0].eye[DMS_LEFT].path ||
            !d->patients[0].eye[DMS_RIGHT].path)
            fail_msg("%s: an eye is left out", headers[i]);
        assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("a.png"));
        assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, at("b.png"));
        dms_dataset_close(d);
    }
}

/* The usual name wins: a near one beside it is another column. */
static void the_usual_name_of_a_column_wins(void **state)
{
    dms_dataset *d = open_set(put("t.csv", "id,left path,left,right,right eye\n"
                                           "1,x,a,b,y\n"),
                              NULL);

    (void)state;
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("a"));
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, at("b"));
    dms_dataset_close(d);
}

static void keyword_columns_may_be_named_a_little_otherwise(void **state)
{
    dms_dataset *d = open_set(
        put("t.csv", "ID,left,right,LeftDiagnosticKeyword,keywords (x),"
                     "Right eye keywords,N,D,G,C,A,H,M,O\n"
                     "1,a,b,cataract,,glaucoma,0,0,1,1,0,0,0,0\n"),
        NULL);

    (void)state;
    assert_string_equal(d->patients[0].eye[DMS_LEFT].keywords, "cataract");
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].keywords, "glaucoma");
    dms_dataset_close(d);
}

static dms_dataset *open_with(const char *path,
                              const dms_dataset_options *options)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    if (dms_dataset_open_with(&dataset, path, options, &err) != DMS_OK)
        fail_msg("%s", err.message);
    return dataset;
}

static char said[2048]; /* what the monitor heard */

static void hear(void *user, dms_log_level level, const char *text)
{
    size_t len = strlen(said);

    (void)user, (void)level;
    snprintf(said + len, sizeof said - len, "%s\n", text);
}

static dms_dataset *open_heard(const char *table)
{
    static const dms_monitor monitor = {.message = hear};
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    said[0] = '\0';
    if (dms_dataset_open(&dataset, put("t.csv", table), NULL, &monitor, &err) !=
        DMS_OK)
        fail_msg("%s", err.message);
    return dataset;
}

static void a_table_says_which_encoding_it_is_in(void **state)
{
    static const char text[] = "ID,left,right,Left keywords,Right keywords,"
                               "N,D,G,C,A,H,M,O\n"
                               "1,a,b,cataract\xa3\xacglaucoma,"
                               "drusen\xa3\xacnormal fundus,"
                               "0,0,1,1,0,0,0,1\n";
    const dms_dataset_options asked = {.struct_size = sizeof asked,
                                       .encoding = "windows-1252"};
    dms_dataset *d = open_set(put("t.csv", text), NULL);

    (void)state;
    assert_string_equal(d->encoding, "gb18030");
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[2], 1);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[3], 1);
    dms_dataset_close(d);
    d = open_with(at("t.csv"), &asked);
    assert_string_equal(d->encoding, "windows-1252");
    assert_string_equal(d->patients[0].eye[DMS_LEFT].keywords,
                        "cataract\xc2\xa3\xc2\xacglaucoma");
    dms_dataset_close(d);
}

static void a_split_that_is_not_used_is_not_checked(void **state)
{
    const dms_dataset_options ignoring = {.struct_size = sizeof ignoring,
                                          .split_ignored = true};
    dms_dataset *d = open_with(
        put("t.csv", "id,left,right,split\n1,a,b,fold 3\n2,a,b,train\n"),
        &ignoring);

    (void)state;
    assert_false(d->has_split_column);
    assert_int_equal(d->patients[1].split, DMS_SPLIT_NONE);
    dms_dataset_close(d);
}

static void photographs_that_no_row_names_can_be_insisted_on(void **state)
{
    dms_error err = {0};
    dms_dataset *d = open_set(put("t.csv", "ID,N,D,G,C,A,H,M,O,OS,OD\n"
                                           "1,1,0,0,0,0,0,0,0,a,b\n"),
                              NULL);

    (void)state;
    assert_int_equal(dms_dataset_need_photographs(d, &err), DMS_EFORMAT);
    assert_non_null(strstr(err.message, "the columns are ID, N, D, G, C, A, H, "
                                        "M, O, OS, OD"));
    dms_dataset_close(d);
    d = open_set(put("t.csv", "id,left,right\n1,,\n2,,b\n"), NULL);
    assert_int_equal(dms_dataset_need_photographs(d, NULL), DMS_OK);
    dms_dataset_close(d);
}

static void keep_warning(void *user, dms_log_level level, const char *text)
{
    if (level == DMS_LOG_WARNING && strstr(text, "spreadsheet"))
        snprintf(user, 512, "%s", strstr(text, "t.csv"));
}

static void ids_that_a_spreadsheet_rewrote_are_warned_of(void **state)
{
    char warning[512] = "";
    const dms_monitor monitor = {.user = warning, .message = keep_warning};
    dms_dataset_options options = {.struct_size = sizeof options,
                                   .monitor = &monitor};
    dms_dataset *d =
        open_with(put("t.csv", "ID,left,right\n007,a,b\n12e45,a,b\n"
                               "1.2.3,a,b\n7,a,b\n"),
                  &options);

    (void)state;
    assert_string_equal(warning, "");
    assert_int_equal(d->count, 4);
    dms_dataset_close(d);
    d = open_with(put("t.csv", "ID,left,right\n7,a,b\n1.0,a,b\n1E+05,a,b\n"),
                  &options);
    assert_string_equal(
        warning, "t.csv:3: id '1.0' looks like a number that a spreadsheet has "
                 "rewritten, as 2 of the ids do; ids are texts, so '1.0' and "
                 "'1' are different patients");
    assert_string_equal(d->patients[1].id, "1.0");
    dms_dataset_close(d);
}

static void assert_said(const char *part)
{
    if (!strstr(said, part))
        fail_msg("'%s' is not in:\n%s", part, said);
}

static void ids_of_one_persons_eyes_are_one_group(void **state)
{
    dms_dataset *d = open_heard("id,left,right\n"
                                "1_left,a,\n2_OS,b,\n1_right,,c\n"
                                "OD-2,,d\n3,e,f\n");
    static const size_t groups[] = {0, 1, 0, 1, 4};

    (void)state;
    assert_int_equal(d->count, 5);
    for (size_t i = 0; i < d->count; i++)
        assert_int_equal(d->patients[i].group, groups[i]);
    assert_said("4 ids are eyes of 2 persons, as 1_left and 1_right are");
    assert_said("4 of 5 ids name an eye, the others do not");
    assert_int_equal(dms_dataset_group_duplicates(d, NULL, NULL), DMS_OK);
    assert_int_equal(d->patients[2].group, 0);
    dms_dataset_close(d);
}

static void patients_in_no_split_are_told(void **state)
{
    dms_dataset *d = open_heard("id,left,right,split\n"
                                "1,a,b,train\n2,c,d,\n3,e,f,val\n4,g,h,\n");

    (void)state;
    assert_said(":3: the split of patient '2' is empty, as of 2 of 4 patients; "
                "they are in no split");
    dms_dataset_close(d);
    d = open_heard("id,left,right,split\n1,a,b,train\n2,c,d,val\n");
    assert_null(strstr(said, "no split"));
    dms_dataset_close(d);
}

static void exchanged_columns_of_pictures_are_told(void **state)
{
    dms_dataset *d = open_heard("id,left,right\n1,1_left.jpg,1_right.jpg\n"
                                "2,2_right.jpg,2_left.jpg\n3,OD-3.jpg,\n");

    (void)state;
    assert_said(":3: patient '2': a photograph's name says the other eye than "
                "its column, as of 3 photographs; are the columns exchanged?");
    dms_dataset_close(d);
    d = open_heard("id,left,right\n1,1_left.jpg,1_right.jpg\n2,a.jpg,b.jpg\n");
    assert_null(strstr(said, "exchanged"));
    dms_dataset_close(d);
}

static void ids_that_are_sides_are_ids(void **state)
{
    dms_dataset *d = open_heard("id,left,right\nr,a,\nl,b,\nOS,c,\nos,d,\n");

    (void)state;
    for (size_t i = 0; i < d->count; i++)
        assert_int_equal(d->patients[i].group, i);
    assert_null(strstr(said, "ids"));
    dms_dataset_close(d);
}

/* Whichever way the hash falls: no person is on both sides. */
static void no_split_parts_a_persons_eyes(void **state)
{
    char table[4096] = "id,left,right\n";
    dms_split_options options;
    dms_dataset *d;

    (void)state;
    for (int i = 0; i < 40; i++)
        snprintf(table + strlen(table), sizeof table - strlen(table),
                 "%d_left,a,\n%d_right,,b\n", i, i);
    d = open_heard(table);
    dms_split_options_init(&options, sizeof options);
    options.val = options.test = 0.3;
    assert_int_equal(dms_dataset_split(d, &options, NULL), DMS_OK);
    for (size_t i = 0; i < d->count; i += 2)
        assert_int_equal(d->patients[i].split, d->patients[i + 1].split);
    dms_dataset_close(d);
}

static void a_split_column_that_parts_a_person_is_told(void **state)
{
    dms_dataset *d = open_heard("id,left,right,split\n"
                                "1_left,a,,train\n1_right,,b,val\n");

    (void)state;
    assert_said("the split column separates the eyes of 1 person, as 1_left "
                "(train) and 1_right (val)");
    dms_dataset_close(d);
}

/* The ids are the photographs', so the rows' labels are the eyes' own. */
static void sided_ids_of_photographs_make_pairs(void **state)
{
    dms_dataset *d = open_heard("id,filename,N,D,G,C,A,H,M,O\n"
                                "1_left,a.jpg,1,0,0,0,0,0,0,0\n"
                                "1_right,b.jpg,0,1,0,0,0,0,0,0\n");

    (void)state;
    assert_int_equal(d->count, 1);
    assert_string_equal(d->patients[0].id, "1");
    assert_non_null(strstr(d->patients[0].eye[DMS_RIGHT].path, "b.jpg"));
    assert_int_equal(d->patients[0].labels[1], 1);
    assert_int_equal(d->patients[0].eye[DMS_LEFT].labels[0], 1);
    dms_dataset_close(d);
}

/* R-1 is a patient's code where the photographs are of both eyes. */
static void a_code_that_begins_as_a_side_does_is_an_id(void **state)
{
    dms_dataset *d = open_heard("id,filename,N,D,G,C,A,H,M,O\n"
                                "R-1,a_left.jpg,1,0,0,0,0,0,0,0\n"
                                "R-1,b_right.jpg,1,0,0,0,0,0,0,0\n");

    (void)state;
    assert_int_equal(d->count, 1);
    assert_string_equal(d->patients[0].id, "R-1");
    assert_non_null(d->patients[0].eye[DMS_LEFT].path);
    dms_dataset_close(d);
}

static void photographs_are_named_by_any_word_for_a_side(void **state)
{
    dms_dataset *d = open_heard("image,level\n"
                                "7_OD,0\nLEFT-7.jpeg,2\n8,1\n");

    (void)state;
    assert_int_equal(d->count, 2);
    assert_string_equal(d->patients[0].id, "7");
    assert_false(d->patients[0].side_unknown);
    assert_true(d->patients[1].side_unknown);
    assert_said("it is unknown which eye the photographs of 1 of 2 patients "
                "show, the first is 8");
    dms_dataset_close(d);
    assert_refused("image,level\nod_os_1,0\n",
                   ":2: column image: found 'od_os_1', expected a name with "
                   "one side");
}

static void a_column_of_sides_says_which_eye(void **state)
{
    dms_dataset *d = open_heard("id,image,laterality\n"
                                "7,x1.jpg,OD\n7,x2.jpg,os\n8,x3.jpg,R\n");

    (void)state;
    assert_int_equal(d->count, 2);
    assert_non_null(strstr(d->patients[0].eye[DMS_RIGHT].path, "x1.jpg"));
    assert_non_null(strstr(d->patients[0].eye[DMS_LEFT].path, "x2.jpg"));
    assert_null(d->patients[1].eye[DMS_LEFT].path);
    dms_dataset_close(d);
    assert_refused("id,filename,eye\n7,7_left.jpg,right\n",
                   ":2: column eye: found 'right', expected the side that the "
                   "photograph's name says");
    assert_refused("id,filename,eye\n7,x.jpg,right\n7,y.jpg,\n",
                   ":3: column filename: found 'y.jpg', expected the patient's "
                   "left or right picture");
}

static void backslashes_part_folders(void **state)
{
    dms_dataset *d;

    (void)state;
    put("p/1_left.jpg", "");
    put("a\\b.jpg", "");
    d = open_heard("id,left,right\n1,p\\1_left.jpg,a\\b.jpg\n");
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("p/1_left.jpg"));
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, at("a\\b.jpg"));
    dms_dataset_close(d);
}

static void an_ending_that_is_not_written_may_be_in_capitals(void **state)
{
    dms_dataset *d;

    (void)state;
    put("1_left.JPG", "");
    put("1_right.jpe", "");
    d = open_heard("image,level\n1_left,0\n1_right,0\n");
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("1_left.JPG"));
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].path, at("1_right.jpe"));
    dms_dataset_close(d);
}

static void photographs_under_other_names_are_found_to_be_told(void **state)
{
    dms_dataset *d;

    (void)state;
    put("images/1_left.JPG", "");
    d = open_heard("id,left,right\n1,1_left.jpg,\n");
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path,
                        at("images/1_left.jpg"));
    assert_said("'1_left.jpg' is missing; '1_left.JPG' is there");
    dms_dataset_close(d);
    d = open_heard("id,left,right\n1,Images/1_left.JPG,\n");
    assert_said("'Images/1_left.JPG' is missing; 'images' is there");
    dms_dataset_close(d);
}

static void a_check_counts_pictures_that_no_row_names(void **state)
{
    static const dms_monitor monitor = {.message = hear};
    dms_data_report *report = NULL;
    dms_dataset *d;

    (void)state;
    put("images/1_left.jpg", "");
    put("images/1_right.JPG", "");
    put("images/2_left.bmp", "");
    put("images/notes.txt", "");
    put("images/.hidden.jpg", "");
    d = open_heard("id,left,right\n1,1_left.jpg,\n");
    assert_int_equal(dms_data_check(&report, d, &monitor, NULL), DMS_OK);
    assert_said("2 of the 3 pictures are not named in ");
    assert_said(": 1_right.JPG, 2_left.bmp\n");
    dms_data_report_destroy(report);
    dms_dataset_close(d);
}

static void an_ambiguous_folder_lists_its_tables(void **state)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    (void)state;
    put("one.csv", "");
    put("two.csv", "");
    put("three.xlsx", "");
    assert_int_equal(dms_dataset_open(&dataset, folder, NULL, NULL, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "one.csv"));
    assert_non_null(strstr(err.message, "two.csv"));
    assert_null(strstr(err.message, "three.xlsx"));
}

static void a_folder_without_a_table_says_so(void **state)
{
    dms_dataset *dataset = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_dataset_open(&dataset, folder, NULL, NULL, &err),
                     DMS_EINVAL);
    assert_non_null(strstr(err.message, "no table"));
    assert_int_equal(dms_dataset_open(&dataset, at("x"), NULL, NULL, NULL),
                     DMS_EIO);
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    const char *table = put("t.csv", CHALLENGE "N,D,G,C,A,H,M,O\n"
                                               "1,50,Male,l,r,a,b,"
                                               "1,0,0,0,0,0,0,0\n");

    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_dataset *dataset = NULL;

        alloc_fault_end(&fault,
                        dms_dataset_open(&dataset, table, NULL, NULL, NULL));
        assert_int_equal(dataset == NULL, fault.fired);
        dms_dataset_close(dataset);
    }
    assert_true(fault.count > 10);
}

#define TEST_IN_FOLDER(name)                                                   \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(the_challenge_form_is_read),
        TEST_IN_FOLDER(keywords_label_the_eyes_for_some_of_odirs_labels_too),
        TEST_IN_FOLDER(a_check_holds_some_labels_to_all_of_the_keywords),
        TEST_IN_FOLDER(an_eye_without_any_of_one_of_labels_is_not_labelled),
        TEST_IN_FOLDER(oia_odirs_folders_are_known),
        TEST_IN_FOLDER(kaggles_rows_are_eyes),
        TEST_IN_FOLDER(kaggles_rows_must_agree),
        TEST_IN_FOLDER(any_pairs_are_read),
        TEST_IN_FOLDER(labels_alone_are_a_table),
        TEST_IN_FOLDER(an_empty_split_column_is_none),
        TEST_IN_FOLDER(an_explicit_folder_of_images_wins),
        TEST_IN_FOLDER(mistakes_are_named_by_line_and_cell),
        TEST_IN_FOLDER(picture_columns_may_be_named_a_little_otherwise),
        TEST_IN_FOLDER(the_usual_name_of_a_column_wins),
        TEST_IN_FOLDER(keyword_columns_may_be_named_a_little_otherwise),
        TEST_IN_FOLDER(a_table_says_which_encoding_it_is_in),
        TEST_IN_FOLDER(a_split_that_is_not_used_is_not_checked),
        TEST_IN_FOLDER(photographs_that_no_row_names_can_be_insisted_on),
        TEST_IN_FOLDER(ids_that_a_spreadsheet_rewrote_are_warned_of),
        TEST_IN_FOLDER(ids_of_one_persons_eyes_are_one_group),
        TEST_IN_FOLDER(patients_in_no_split_are_told),
        TEST_IN_FOLDER(exchanged_columns_of_pictures_are_told),
        TEST_IN_FOLDER(ids_that_are_sides_are_ids),
        TEST_IN_FOLDER(no_split_parts_a_persons_eyes),
        TEST_IN_FOLDER(a_split_column_that_parts_a_person_is_told),
        TEST_IN_FOLDER(sided_ids_of_photographs_make_pairs),
        TEST_IN_FOLDER(a_code_that_begins_as_a_side_does_is_an_id),
        TEST_IN_FOLDER(photographs_are_named_by_any_word_for_a_side),
        TEST_IN_FOLDER(a_column_of_sides_says_which_eye),
        TEST_IN_FOLDER(backslashes_part_folders),
        TEST_IN_FOLDER(an_ending_that_is_not_written_may_be_in_capitals),
        TEST_IN_FOLDER(photographs_under_other_names_are_found_to_be_told),
        TEST_IN_FOLDER(a_check_counts_pictures_that_no_row_names),
        TEST_IN_FOLDER(an_ambiguous_folder_lists_its_tables),
        TEST_IN_FOLDER(a_folder_without_a_table_says_so),
        TEST_IN_FOLDER(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
