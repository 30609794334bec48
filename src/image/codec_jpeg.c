/* JPEG through libjpeg, except that jpeg_scan.c decodes a plain sequential
 * picture at reduced size. libjpeg's errors arrive by longjmp. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "image/codec.h"
#include "image/jpeg_scan.h"

/* libjpeg's error manager and ours; first member: cinfo->err points here. */
typedef struct trap {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    dms_status status;
    char text[JMSG_LENGTH_MAX];
} trap;

static _Noreturn void spring(trap *t, dms_status status, const char *text)
{
    t->status = status;
    snprintf(t->text, sizeof t->text, "%s", text);
    longjmp(t->jump, 1);
}

static void on_error(j_common_ptr cinfo)
{
    trap *t = (trap *)cinfo->err;
    char text[JMSG_LENGTH_MAX];
    bool memory = t->base.msg_code == JERR_OUT_OF_MEMORY;

    t->base.format_message(cinfo, text);
    spring(t, memory ? DMS_ENOMEM : DMS_EFORMAT, text);
}

/* libjpeg fills missing data with grey and only warns: for us that is an
 * error. Other warnings (stray bytes between markers) lose no pixel. */
static void on_message(j_common_ptr cinfo, int level)
{
    trap *t = (trap *)cinfo->err;

    if (level >= 0)
        return;
    if (t->base.msg_code == JWRN_JPEG_EOF ||
        t->base.msg_code == JWRN_HIT_MARKER)
        spring(t, DMS_EFORMAT, "the JPEG is truncated or damaged");
}

static void on_output(j_common_ptr cinfo)
{
    (void)cinfo;
}

/* Even a scan of a few bytes makes the decoder walk the whole picture. */
static void on_progress(j_common_ptr cinfo)
{
    if (((j_decompress_ptr)cinfo)->input_scan_number > DMS_IMAGE_SCANS_MAX)
        spring((trap *)cinfo->err, DMS_ELIMIT, "more than 256 JPEG scans");
}

static void trap_init(trap *t)
{
    memset(t, 0, sizeof *t);
    jpeg_std_error(&t->base);
    t->base.error_exit = on_error;
    t->base.emit_message = on_message;
    t->base.output_message = on_output;
}

/* The smallest of 1/8, 2/8, 3/8, 4/8, 1 that keeps the shorter side. */
static void choose_scale(struct jpeg_decompress_struct *d, int side_min)
{
    unsigned shorter =
        d->image_width < d->image_height ? d->image_width : d->image_height;
    unsigned num = side_min > 0 ? 1 : 8;

    while (num <= DMS_JPEG_EIGHTHS_MAX &&
           (shorter * num + 7) / 8 < (unsigned)side_min)
        num++;
    d->scale_denom = 8;
    d->scale_num = num <= DMS_JPEG_EIGHTHS_MAX ? num : 8;
    jpeg_calc_output_dimensions(d);
}

static dms_jpeg_code code_of(const JHUFF_TBL *table)
{
    return (dms_jpeg_code){table->bits, table->huffval};
}

/* The scan after the header that libjpeg has read; false if it is not one that
 * dms_jpeg_scan_decode supports. */
static bool describe_scan(dms_jpeg_scan *scan,
                          const struct jpeg_decompress_struct *d)
{
    *scan = (dms_jpeg_scan){.data = d->src->next_input_byte,
                            .size = d->src->bytes_in_buffer,
                            .width = (int)d->image_width,
                            .height = (int)d->image_height,
                            .component_count = d->num_components,
                            .restart_interval = (int)d->restart_interval};
    if (d->progressive_mode || d->arith_code || d->data_precision != 8 ||
        d->comps_in_scan != d->num_components ||
        !(d->jpeg_color_space == JCS_YCbCr ||
          d->jpeg_color_space == JCS_GRAYSCALE))
        return false;
    for (int c = 0; c < d->num_components; c++) {
        const jpeg_component_info *in = d->cur_comp_info[c];
        dms_jpeg_component *to = &scan->components[c];
        const JQUANT_TBL *quant;
        const JHUFF_TBL *dc, *ac;

        if (in != &d->comp_info[c] || (unsigned)in->quant_tbl_no > 3 ||
            (unsigned)in->dc_tbl_no > 3 || (unsigned)in->ac_tbl_no > 3)
            return false;
        quant = d->quant_tbl_ptrs[in->quant_tbl_no];
        dc = d->dc_huff_tbl_ptrs[in->dc_tbl_no];
        ac = d->ac_huff_tbl_ptrs[in->ac_tbl_no];
        if (!quant || !dc || !ac)
            return false;
        *to = (dms_jpeg_component){
            .across = d->num_components == 1 ? 1 : in->h_samp_factor,
            .down = d->num_components == 1 ? 1 : in->v_samp_factor,
            .quant = quant->quantval,
            .dc = code_of(dc),
            .ac = code_of(ac)};
    }
    return true;
}

/* Decode a reduced picture without libjpeg if possible. */
static dms_status decode_scan(dms_image *out, bool *done,
                              const struct jpeg_decompress_struct *d,
                              dms_error *err)
{
    dms_jpeg_scan scan;

    *done = false;
    if (d->scale_num > DMS_JPEG_EIGHTHS_MAX || !describe_scan(&scan, d))
        return DMS_OK;
    return dms_jpeg_scan_decode(out, done, &scan, (int)d->scale_num, err);
}

/* Adobe stores CMYK inverted: 255 is no ink. */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, size_t count,
                        bool inverted)
{
    unsigned flip = inverted ? 0 : 255;

    for (size_t i = 0; i < count; i++) {
        unsigned k = cmyk[4 * i + 3] ^ flip;

        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] =
                (uint8_t)(((cmyk[4 * i + c] ^ flip) * k + 127) / 255);
    }
}

static void read_rows(dms_image *image, struct jpeg_decompress_struct *d)
{
    bool cmyk = d->out_color_space == JCS_CMYK;
    JSAMPARRAY line = d->mem->alloc_sarray((j_common_ptr)d, JPOOL_IMAGE,
                                           d->output_width * (cmyk ? 4 : 3), 1);

    while (d->output_scanline < d->output_height) {
        uint8_t *row =
            image->rgb + (size_t)d->output_scanline * d->output_width * 3;

        jpeg_read_scanlines(d, line, 1);
        if (cmyk)
            cmyk_to_rgb(row, line[0], d->output_width, d->saw_Adobe_marker);
        else
            memcpy(row, line[0], (size_t)d->output_width * 3);
    }
}

static bool begins(jpeg_saved_marker_ptr m, const char *head, size_t len)
{
    return m->data_length >= len && memcmp(m->data, head, len) == 0;
}

static int marker_orientation(const struct jpeg_decompress_struct *d)
{
    static const char exif[] = "Exif\0", xmp[] = "http://ns.adobe.com/xap/1.0/";
    int found = DMS_ORIENTATION_ABSENT, second = DMS_ORIENTATION_ABSENT;

    for (jpeg_saved_marker_ptr m = d->marker_list; m; m = m->next)
        if (begins(m, exif, sizeof exif) && found == DMS_ORIENTATION_ABSENT)
            found = dms_exif_orientation(m->data, m->data_length);
        else if (begins(m, xmp, sizeof xmp) && second == DMS_ORIENTATION_ABSENT)
            second = dms_xmp_orientation(m->data + sizeof xmp,
                                         m->data_length - sizeof xmp);
    return found == DMS_ORIENTATION_ABSENT ? second : found;
}

static dms_status decode(dms_picture *out, struct jpeg_decompress_struct *d,
                         const dms_codec_input *in, dms_error *err)
{
    dms_status st = DMS_OK;

    jpeg_mem_src(d, in->data, (unsigned long)in->size);
    jpeg_save_markers(d, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(d, TRUE);
    TRY(dms_image_check_size(d->image_width, d->image_height, in->name, err));
    out->full_width = (int)d->image_width;
    out->full_height = (int)d->image_height;
    out->orientation = marker_orientation(d);
    d->out_color_space = d->num_components == 4 ? JCS_CMYK : JCS_RGB;
    choose_scale(d, in->side_min);
    TRY(dms_image_create(&out->image, d->output_width, d->output_height,
                         in->name, err));
    if (!in->libjpeg_alone)
        TRY(decode_scan(&out->image, &out->own_scan, d, err));
    if (out->own_scan)
        goto done;
    jpeg_start_decompress(d);
    read_rows(&out->image, d);
    jpeg_finish_decompress(d);
done:
    return st;
}

dms_status dms_jpeg_decode(dms_picture *out, const dms_codec_input *in,
                           dms_error *err)
{
    dms_status st;
    struct jpeg_decompress_struct d = {0};
    struct jpeg_progress_mgr progress = {.progress_monitor = on_progress};
    trap t;

    trap_init(&t);
    d.err = &t.base;
    if (setjmp(t.jump)) {
        jpeg_destroy_decompress(&d);
        return dms_fail(err, t.status, "%s: %s", in->name, t.text);
    }
    jpeg_create_decompress(&d);
    d.progress = &progress;
    st = decode(out, &d, in, err);
    jpeg_destroy_decompress(&d);
    return st;
}

/* libjpeg writes here; the buffer below grows like a dms_strbuf. */
typedef struct sink {
    struct jpeg_destination_mgr base; /* first: libjpeg hands this back */
    dms_strbuf file;
    JOCTET buffer[4096];
} sink;

static void sink_empty(sink *s)
{
    s->base.next_output_byte = s->buffer;
    s->base.free_in_buffer = sizeof s->buffer;
}

static void on_begin(j_compress_ptr c)
{
    sink_empty((sink *)(void *)c->dest);
}

static boolean on_full(j_compress_ptr c)
{
    sink *s = (sink *)(void *)c->dest;

    dms_strbuf_add(&s->file, s->buffer, sizeof s->buffer);
    sink_empty(s);
    return TRUE;
}

static void on_end(j_compress_ptr c)
{
    sink *s = (sink *)(void *)c->dest;

    dms_strbuf_add(&s->file, s->buffer,
                   sizeof s->buffer - s->base.free_in_buffer);
}

static void encode(struct jpeg_compress_struct *c, const dms_image *image,
                   int quality)
{
    c->image_width = (JDIMENSION)image->width;
    c->image_height = (JDIMENSION)image->height;
    c->input_components = 3;
    c->in_color_space = JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, quality, TRUE);
    jpeg_start_compress(c, TRUE);
    while (c->next_scanline < c->image_height) {
        JSAMPROW row =
            image->rgb + (size_t)c->next_scanline * c->image_width * 3;

        jpeg_write_scanlines(c, &row, 1);
    }
    jpeg_finish_compress(c);
}

/* The picture as a JPEG in out->file. */
static dms_status compress(sink *out, const dms_image *image, const char *path,
                           int quality, dms_error *err)
{
    struct jpeg_compress_struct c = {0};
    trap t;

    trap_init(&t);
    c.err = &t.base;
    if (setjmp(t.jump)) {
        jpeg_destroy_compress(&c);
        return dms_fail(err, t.status, "%s: %s", path, t.text);
    }
    jpeg_create_compress(&c);
    c.dest = &out->base;
    encode(&c, image, quality);
    jpeg_destroy_compress(&c);
    return out->file.failed ? dms_fail_memory(err, path) : DMS_OK;
}

dms_status dms_image_write_jpeg(const dms_image *image, const char *path,
                                int quality, dms_error *err)
{
    dms_status st;
    sink out = {.base = {.init_destination = on_begin,
                         .empty_output_buffer = on_full,
                         .term_destination = on_end}};

    if (quality < 1 || quality > 100)
        return dms_fail(err, DMS_EINVAL,
                        "%s: JPEG quality %d; expected 1 to 100", path,
                        quality);
    dms_strbuf_init(&out.file);
    TRY(compress(&out, image, path, quality, err));
    TRY(dms_file_write(path, out.file.data, out.file.len, err));
done:
    dms_strbuf_release(&out.file);
    return st;
}
