/* Translates between torchvision's tensor names and those of other programs, by
 * patterns. Relies on nothing but the tensor names of an open file. */
#include "net/import_names.h"

#include <stdio.h>
#include <string.h>

enum { NUMBERS_MAX = 3, DIGITS_MAX = 4, ROWS_MAX = 6, SIGNS_MAX = 2 };

/* The same tensors under two names. '#' is a number that counts from 0, '@' a
 * number that counts from 1; '*' at the end is any remainder. */
typedef struct rename_row {
    const char *torchvision, *written;
} rename_row;

static const struct {
    const char *title;
    rename_row rows[ROWS_MAX]; /* empty: torchvision's own names */
} namings[DMS_NAMINGS] = {
    [DMS_NAMING_TORCHVISION] = {"torchvision's names", {{NULL, NULL}}},
    [DMS_NAMING_CHILDREN] = {"the numbers of a Sequential",
                             {{"conv1.*", "0.*"},
                              {"bn1.*", "1.*"},
                              {"layer1.*", "4.*"},
                              {"layer2.*", "5.*"},
                              {"layer3.*", "6.*"},
                              {"layer4.*", "7.*"}}},
    [DMS_NAMING_STEM_APART] = {"the numbers of a Sequential, its stem apart",
                               {{"conv1.*", "0.0.*"},
                                {"bn1.*", "0.1.*"},
                                {"layer1.*", "1.*"},
                                {"layer2.*", "2.*"},
                                {"layer3.*", "3.*"},
                                {"layer4.*", "4.*"}}},
    [DMS_NAMING_LAYER0] = {"torchvision's names, the stem as layer0",
                           {{"conv1.*", "layer0.0.*"},
                            {"bn1.*", "layer0.1.*"},
                            {"layer@.*", "layer@.*"}}},
    [DMS_NAMING_HUGGING_FACE] =
        {"Hugging Face's names",
         {{"conv1.*", "embedder.embedder.convolution.*"},
          {"bn1.*", "embedder.embedder.normalization.*"},
          {"layer@.#.conv@.*",
           "encoder.stages.#.layers.#.layer.#.convolution.*"},
          {"layer@.#.bn@.*",
           "encoder.stages.#.layers.#.layer.#.normalization.*"},
          {"layer@.#.downsample.0.*",
           "encoder.stages.#.layers.#.shortcut.convolution.*"},
          {"layer@.#.downsample.1.*",
           "encoder.stages.#.layers.#.shortcut.normalization.*"}}},
};

const char *dms_naming_title(dms_naming naming)
{
    return namings[naming].title;
}

/* What the wildcards of a pattern matched in one name. */
typedef struct matched {
    int numbers[NUMBERS_MAX]; /* each counts from 0; count of them */
    int count;
    const char *rest;
} matched;

/* Match a number >= first without leading zeros; false if there is none. */
static bool match_number(matched *m, const char **text, int first)
{
    size_t digits = strspn(*text, "0123456789");
    int value = 0;

    if (digits == 0 || digits > DIGITS_MAX || (digits > 1 && **text == '0'))
        return false;
    for (; digits > 0; digits--)
        value = 10 * value + *(*text)++ - '0';
    if (value < first)
        return false;
    m->numbers[m->count++] = value - first;
    return true;
}

static bool match(matched *m, const char *pattern, const char *text)
{
    *m = (matched){.rest = ""};
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            m->rest = text;
            return *text != '\0';
        }
        if (*pattern == '#' || *pattern == '@') {
            if (!match_number(m, &text, *pattern == '@'))
                return false;
        } else if (*pattern != *text++) {
            return false;
        }
    }
    return *text == '\0';
}

/* Write pattern with its wildcards filled in; false if that is too long. */
static bool fill(char *out, const char *pattern, const matched *m)
{
    size_t len = 0;
    int number = 0;

    for (; *pattern && len < DMS_IMPORT_NAME_MAX; pattern++) {
        size_t room = DMS_IMPORT_NAME_MAX - len;
        int added = 1;

        if (*pattern == '*')
            added = snprintf(out + len, room, "%s", m->rest);
        else if (*pattern == '#' || *pattern == '@')
            added = snprintf(out + len, room, "%d",
                             m->numbers[number++] + (*pattern == '@'));
        else
            added = snprintf(out + len, room, "%c", *pattern);
        len += (size_t)added;
    }
    return len < DMS_IMPORT_NAME_MAX;
}

static bool translate(char *out, dms_naming naming, const char *name,
                      bool reading)
{
    const rename_row *rows = namings[naming].rows;
    static const rename_row same = {"*", "*"};

    if (naming == DMS_NAMING_TORCHVISION)
        rows = &same;
    for (int i = 0; i < ROWS_MAX && rows[i].torchvision; i++) {
        matched m;

        if (match(&m, reading ? rows[i].written : rows[i].torchvision, name) &&
            fill(out, reading ? rows[i].torchvision : rows[i].written, &m))
            return true;
        if (rows == &same)
            break;
    }
    out[0] = '\0';
    return false;
}

bool dms_naming_write(char *out, dms_naming naming, const char *name)
{
    return translate(out, naming, name, false);
}

bool dms_naming_read(char *out, dms_naming naming, const char *written)
{
    return translate(out, naming, written, true);
}

const dms_tensor_view *dms_naming_find(const dms_tensor_file *file,
                                       const char *prefix, dms_naming naming,
                                       const char *name)
{
    char written[DMS_IMPORT_NAME_MAX];

    return dms_naming_write(written, naming, name)
               ? dms_tensor_file_find(file, prefix, written)
               : NULL;
}

/* Parts of names that identify a network: each must occur in some tensor's
 * name. The more specific networks come first. */
static const struct {
    const char *whose;
    const char *signs[SIGNS_MAX];
} others[] = {
    {"a CLIP's", {"visual.", "token_embedding.weight"}},
    {"a Swin transformer's", {"relative_position_bias_table"}},
    {"a vision transformer's (ViT)", {"patch_embed.proj.", "attn.qkv."}},
    {"a vision transformer's (ViT)", {"encoder.layers.encoder_layer_0."}},
    {"a vision transformer's (ViT)", {"embeddings.patch_embeddings."}},
    {"a DenseNet's", {"denseblock1.denselayer1."}},
    {"an EfficientNet's or MobileNet's", {"conv_stem.weight"}},
    {"an EfficientNet's", {"features.1.0.block.0.0.weight"}},
    {"an EfficientNet's", {"efficientnet.", "depthwise_conv."}},
    {"a MobileNet's", {"features.1.conv.0.0.weight"}},
    {"a MobileNet's", {"features.1.block.0.0.weight"}},
    {"a ConvNeXt's", {"features.1.0.layer_scale"}},
    {"a ConvNeXt's", {"stages.0.blocks.0.conv_dw."}},
    {"a ConvNeXt's", {"downsample_layers.0.0.weight"}},
    {"a ConvNeXt's", {"stages.0.layers.0.dwconv."}},
    {"an Inception's", {"Mixed_5b."}},
    {"a GoogLeNet's", {"inception3a."}},
    {"a RegNet's", {"trunk_output.block1"}},
    {"a RegNet's", {"regnet.embedder."}},
    {"a RegNet's", {"s1.b1.conv1.conv."}},
    {"a ShuffleNet's", {"stage2.0.branch1."}},
    {"a SqueezeNet's", {"squeeze.weight", "expand1x1.weight"}},
    {"a VGG's or AlexNet's", {"features.0.weight", "classifier.1.weight"}},
    {"a VGG's", {"features.0.weight", "classifier.0.weight"}},
    {"a ResNet-D's, whose stem is three convolutions,",
     {"conv1.0.weight", "layer1.0.conv1.weight"}},
    {"a pre-activation ResNet's (resnetv2)",
     {"stem.conv.weight", "stages.0.blocks.0.conv1."}},
    {"a Detectron2 ResNet's", {"stem.conv1.weight", "res2.0.conv1.weight"}},
};

static bool has_sign(const dms_tensor_file *file, const char *sign)
{
    for (size_t i = 0; i < dms_tensor_file_count(file); i++)
        if (strstr(dms_tensor_file_at(file, i)->name, sign))
            return true;
    return false;
}

const char *dms_names_of_others(const dms_tensor_file *file)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        bool all = true;

        for (int s = 0; s < SIGNS_MAX && others[i].signs[s] && all; s++)
            all = has_sign(file, others[i].signs[s]);
        if (all)
            return others[i].whose;
    }
    return NULL;
}
