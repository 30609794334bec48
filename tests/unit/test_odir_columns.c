/* Which line of a table is its header and which column holds what, however
 * people write them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc_fault.h"
#include "tables.h"

#define NO_BREAK   "\xc2\xa0"
#define WIDE_BLANK "\xe3\x80\x80"
#define MARK       "\xef\xbb\xbf" /* of byte order */

static void unicode_blanks_around_cells_do_not_count(void **state)
{
    dms_dataset *d = open_heard(
        "ID" NO_BREAK "," WIDE_BLANK "Left-Fundus" NO_BREAK ",Right" NO_BREAK
        "Fundus,Left-Diagnostic Keywords,"
        "Right-Diagnostic Keywords,N,D,G,C,A,H,M" NO_BREAK ",O,split\n"
        "1" NO_BREAK ",1_left.jpg" NO_BREAK "," WIDE_BLANK "1_right.jpg"
        ",cataract" NO_BREAK "," NO_BREAK "normal fundus\xef\xbc\x8c" WIDE_BLANK
        "lens dust,0,0,0,1" NO_BREAK ",0,0,0,0,\xe2\x80\x83train\n"
        "2" MARK ",a.jpg,b.jpg,,,0,1,0,0,0,0,0,0,val\xe2\x80\x8b\n");
    const dms_patient *p = d->patients;

    (void)state;
    assert_string_equal(p[0].id, "1");
    assert_string_equal(p[1].id, "2");
    assert_string_equal(p[0].eye[DMS_LEFT].path, at("1_left.jpg"));
    assert_string_equal(p[0].eye[DMS_RIGHT].path, at("1_right.jpg"));
    assert_int_equal(p[0].labels[3], 1);
    assert_int_equal(p[0].eye[DMS_RIGHT].labels[0], 1);
    assert_int_equal(p[0].eye[DMS_RIGHT].labels[7], 0);
    assert_int_equal(p[0].split, DMS_SPLIT_TRAIN);
    assert_int_equal(p[1].split, DMS_SPLIT_VAL);
    assert_null(strstr(said, "not used"));
    dms_dataset_close(d);
}

static void a_row_of_blanks_is_none(void **state)
{
    dms_dataset *d = open_set(put("t.csv", "id,left,right\n"
                                           " ," NO_BREAK "," WIDE_BLANK "\n"
                                           "1,a,b\n" NO_BREAK "\n"),
                              NULL);

    (void)state;
    assert_int_equal(d->count, 1);
    assert_int_equal(d->patients[0].line, 3);
    dms_dataset_close(d);
}

static void any_word_for_a_side_names_a_picture_column(void **state)
{
    static const char *const headers[] = {
        "ID,os,od",
        "ID,OS image,OD image",
        "ID,fundus (OS),fundus (OD)",
        "id,image_L,image_R",
        "id,L,R",
        "id,gauche,droite",
        "id,image gauche,image droit",
        "id,izquierda,derecha",
        "id,Ojo izquierdo,Ojo derecho",
        "id,links,rechts",
        "id,Foto_links,Foto_rechts",
        "id,LE,RE",
        "id,LE photo,RE photo",
        "id,\xe5\xb7\xa6,\xe5\x8f\xb3",
        "id,\xe5\xb7\xa6\xe7\x9c\xbc,\xe5\x8f\xb3\xe7\x9c\xbc",
        ("id,\xe5\xb7\xa6\xe7\x9c\xbc\xe5\x9b\xbe\xe7\x89\x87,"
         "\xe5\x8f\xb3\xe7\x9c\xbc\xe5\x9b\xbe\xe7\x89\x87"),
        "id,left,OD image",
        "id,OS\xef\xbc\xbfimage,OD\xef\xbc\x8dimage",
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

static void keyword_columns_take_any_word_for_a_side(void **state)
{
    dms_dataset *d =
        open_set(put("t.csv", "ID,OS keywords,OD keywords,N,D,G,C,A,H,M,O\n"
                              "1,cataract,glaucoma,0,0,1,1,0,0,0,0\n"),
                 NULL);

    (void)state;
    assert_string_equal(d->patients[0].eye[DMS_LEFT].keywords, "cataract");
    assert_string_equal(d->patients[0].eye[DMS_RIGHT].keywords, "glaucoma");
    dms_dataset_close(d);
}

/* Acuity, surnames, grades: two letters are many things. */
static void short_words_do_not_turn_other_columns_into_pictures(void **state)
{
    static const char *const tables[] = {
        "ID,OS,OD,N,D,G,C,A,H,M,O\n1,0.8,1.0,1,0,0,0,0,0,0,0\n",
        "ID,L name,R name,N,D,G,C,A,H,M,O\n1,Le,Re,1,0,0,0,0,0,0,0\n",
        "ID,rename,lname,N,D,G,C,A,H,M,O\n1,x,y,1,0,0,0,0,0,0,0\n",
        "ID,res,les,N,D,G,C,A,H,M,O\n1,x,y,1,0,0,0,0,0,0,0\n",
    };
    dms_dataset *d;

    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        d = open_set(put("t.csv", tables[i]), NULL);
        if (d->patients[0].eye[DMS_LEFT].path ||
            d->patients[0].eye[DMS_RIGHT].path)
            fail_msg("pictures in %s", tables[i]);
        dms_dataset_close(d);
    }
    d = open_set(put("t.csv", "ID,filename,OS,OD\n1,1_left.jpg,20/20,20/25\n"),
                 NULL);
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("1_left.jpg"));
    dms_dataset_close(d);
    d = open_set(put("t.csv", "id,left,right,OS,OD\n1,a,b,20/20,20/25\n"),
                 NULL);
    assert_string_equal(d->patients[0].eye[DMS_LEFT].path, at("a"));
    dms_dataset_close(d);
    assert_refused("ID,OS image,note\n1,a,b\n",
                   ":1: column 'OS image' has the left eyes' photographs, but "
                   "no column has the right eyes', expected Right-Fundus or "
                   "right; the columns are ID, OS image, note. If there are "
                   "none, add an empty column right");
}

#define EIGHT "N,D,G,C,A,H,M,O\n"

static void keywords_of_one_eye_only_are_told(void **state)
{
    static const dms_monitor monitor = {.message = hear};
    static const char says[] =
        "no right eye has keywords or labels of its own, but 2 left eyes do; "
        "is the column of the right eyes' missing or named otherwise?";
    dms_data_report *report = NULL;
    dms_dataset *d = open_heard(
        "ID,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,RightDiag," EIGHT
        "1,a,b,cataract,drusen,0,0,0,1,0,0,0,1\n"
        "2,a,b,glaucoma,drusen,0,0,1,0,0,0,0,1\n");

    (void)state;
    assert_said(says);
    assert_said("columns not used: RightDiag");
    assert_int_equal(dms_data_check(&report, d, &monitor, NULL), DMS_OK);
    assert_non_null(strstr(report->text, says));
    assert_non_null(strstr(report->json, says));
    dms_data_report_destroy(report);
    dms_dataset_close(d);
}

static void eyes_without_labels_are_told_only_if_the_others_have_some(void **s)
{
    static const char *const tables[] = {
        "ID,left,right," EIGHT "1,a,b,0,0,0,1,0,0,0,0\n",
        "ID,left,right,Left keywords,Right keywords," EIGHT
        "1,a,b,cataract,lens dust,0,0,0,1,0,0,0,0\n",
        "image,level\n1_left,0\n2_left,1\n",
        "id_code,diagnosis\nx,0\ny,1\n",
    };

    (void)s;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        dms_dataset *d = open_heard(tables[i]);

        if (strstr(said, "of its own"))
            fail_msg("%s\n%s", tables[i], said);
        dms_dataset_close(d);
    }
}

static void lines_above_the_header_are_told_and_skipped(void **state)
{
    static const char *const above[] = {
        "ODIR-5K annotations\n",
        "# exported 2026-01-05, 12:00, by \"X\"\n",
        "ODIR-5K annotations,,,\nversion 2,,,\n",
        "\"A title, with commas, and more, of them\"\n\n",
        "Ophthalmology; ward 3; 2026; final\nnot for publication\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof above / sizeof above[0]; i++)
        for (int semicolons = 0; semicolons < 2; semicolons++) {
            char text[256], line[64];
            int header = 1;
            dms_dataset *d;

            for (const char *c = above[i]; *c; c++)
                header += *c == '\n';
            snprintf(text, sizeof text, "%s%s", above[i],
                     semicolons ? "id;left;right;note\n1;a;b;c\n"
                                : "id,left,right,note\n1,a,b,c\n");
            if (semicolons && strstr(above[i], ",,,"))
                continue; /* a spreadsheet writes one separator alone */
            d = open_heard(text);
            assert_string_equal(d->patients[0].id, "1");
            assert_int_equal(d->patients[0].line, header + 1);
            snprintf(line, sizeof line, "; line %d is", header);
            assert_said("t.csv: line 1 is not the header: '");
            assert_said(line);
            dms_dataset_close(d);
        }
    assert_refused("Title\n\nid,left,right\n1,a,b\n1,c,d\n",
                   ":5: patient '1' is listed twice, first in line 4, and the "
                   "two rows differ");
}

static void
a_table_whose_header_is_not_found_is_told_what_line_1_holds(void **s)
{
    (void)s;
    assert_refused("Our patients\nname,a,b\n1,a,b\n",
                   ":1: column 'ID' is missing; the columns are Our patients");
    assert_refused("Our patients\nID,left,rihgt\n1,a,b\n",
                   ":2: column 'left' has the left eyes' photographs, but no "
                   "column has the right eyes', expected Right-Fundus or "
                   "right; the columns are ID, left, rihgt. If there are none, "
                   "add an empty column right");
    /* a header beyond the first lines is none */
    assert_refused("1st\n2nd\n3rd\n4th\n5th\n6th\n7th\n8th\n9th\n10th\nid,left,"
                   "right\n1,a,b\n",
                   ":1: column 'ID' is missing; the columns are 1st");
}

static void labels_that_are_asked_for_are_found_below_a_title(void **state)
{
    dms_dataset_options options = {.struct_size = sizeof options};
    dms_label_set *set = NULL;
    dms_dataset *d;

    (void)state;
    assert_int_equal(dms_label_set_parse(&set, "drusen,scar", NULL), DMS_OK);
    options.labels = set;
    d = open_with(put("t.csv", "Our study\nID,drusen,scar\n1,0,1\n"), &options);
    assert_int_equal(d->patients[0].labels[1], 1);
    dms_dataset_close(d);
    dms_label_set_destroy(set);
}

#define E_COMPOSED   "\xc3\xa9"
#define E_DECOMPOSED "e\xcc\x81"

static void one_id_in_two_unicode_forms_is_refused(void **state)
{
    (void)state;
    assert_refused("id,left,right\nRen" E_COMPOSED ",a,b\n2,a,b\n"
                   "Ren" E_DECOMPOSED ",c,d\n",
                   ":4: id 'Ren" E_DECOMPOSED "' is that of line 2 in another "
                   "Unicode form (composed or decomposed); write both in the "
                   "same form");
    assert_refused("image,level\nRen" E_DECOMPOSED "_left,0\n"
                   "Ren" E_COMPOSED "_right,1\n",
                   ":3: id 'Ren" E_COMPOSED "' is that of line 2 in another "
                   "Unicode form (composed or decomposed); write both in the "
                   "same form");
}

static void ids_that_only_look_alike_stay_patients(void **state)
{
    dms_dataset *d =
        open_set(put("t.csv", "id,left,right\nRen" E_COMPOSED ",a,b\nRene,a,b\n"
                              "REN" E_COMPOSED ",a,b\n\xef\xbc\x91,a,b\n"),
                 NULL);

    (void)state;
    assert_int_equal(d->count, 4);
    dms_dataset_close(d);
}

/* 128 bytes are those of the patient's id, without side and ending. */
static void the_length_of_an_id_is_limited(void **state)
{
    char id[130], text[512];
    dms_dataset *d;

    (void)state;
    memset(id, 'x', sizeof id);
    id[128] = '\0';
    snprintf(text, sizeof text, "image,level\n%s_left.jpg,0\n", id);
    d = open_set(put("t.csv", text), NULL);
    assert_string_equal(d->patients[0].id, id);
    dms_dataset_close(d);
    snprintf(text, sizeof text, "image,level\n%sx_left.jpg,0\n", id);
    assert_refused(text, ":2: column image: found 'xxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', expected an id of "
                         "1 to 128 bytes");
}

static void a_failed_allocation_leaks_nothing(void **state)
{
    const char *path = put("t.csv", "Title\nid,os,od\nRen" E_COMPOSED ",a,b\n"
                                    "Ren" E_COMPOSED "e,c,d\n");
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_dataset *d = NULL;
        dms_status st = dms_dataset_open(&d, path, NULL, NULL, NULL);

        alloc_fault_end(&fault, st);
        dms_dataset_close(d);
    }
    assert_true(fault.count > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(unicode_blanks_around_cells_do_not_count),
        TEST_IN_FOLDER(a_row_of_blanks_is_none),
        TEST_IN_FOLDER(any_word_for_a_side_names_a_picture_column),
        TEST_IN_FOLDER(keyword_columns_take_any_word_for_a_side),
        TEST_IN_FOLDER(short_words_do_not_turn_other_columns_into_pictures),
        TEST_IN_FOLDER(keywords_of_one_eye_only_are_told),
        TEST_IN_FOLDER(
            eyes_without_labels_are_told_only_if_the_others_have_some),
        TEST_IN_FOLDER(lines_above_the_header_are_told_and_skipped),
        TEST_IN_FOLDER(
            a_table_whose_header_is_not_found_is_told_what_line_1_holds),
        TEST_IN_FOLDER(labels_that_are_asked_for_are_found_below_a_title),
        TEST_IN_FOLDER(one_id_in_two_unicode_forms_is_refused),
        TEST_IN_FOLDER(ids_that_only_look_alike_stay_patients),
        TEST_IN_FOLDER(the_length_of_an_id_is_limited),
        TEST_IN_FOLDER(a_failed_allocation_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
