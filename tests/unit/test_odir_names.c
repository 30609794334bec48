/* Tables that name their columns, splits or ids otherwise than ODIR does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tables.h"

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

static void photographs_that_no_row_names_can_be_insisted_on(void **state)
{
    dms_error err = {0};
    dms_dataset *d = open_set(put("t.csv", "ID,N,D,G,C,A,H,M,O,one,two\n"
                                           "1,1,0,0,0,0,0,0,0,a,b\n"),
                              NULL);

    (void)state;
    assert_int_equal(dms_dataset_need_photographs(d, &err), DMS_EFORMAT);
    assert_non_null(strstr(err.message, "the columns are ID, N, D, G, C, A, H, "
                                        "M, O, one, two"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(mistakes_are_named_by_line_and_cell),
        TEST_IN_FOLDER(picture_columns_may_be_named_a_little_otherwise),
        TEST_IN_FOLDER(the_usual_name_of_a_column_wins),
        TEST_IN_FOLDER(keyword_columns_may_be_named_a_little_otherwise),
        TEST_IN_FOLDER(a_table_says_which_encoding_it_is_in),
        TEST_IN_FOLDER(photographs_that_no_row_names_can_be_insisted_on),
        TEST_IN_FOLDER(ids_that_a_spreadsheet_rewrote_are_warned_of),
        TEST_IN_FOLDER(patients_in_no_split_are_told),
        TEST_IN_FOLDER(exchanged_columns_of_pictures_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
