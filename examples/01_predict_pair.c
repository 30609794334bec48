/* Two photographs of a patient in, one probability per label out.
 *
 *     cc 01_predict_pair.c -o predict_pair $(pkg-config --cflags --libs dmsnet)
 *     ./predict_pair model.safetensors left.jpg right.jpg */
#include <dms/dms.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    dms_error err = {0};
    dms_model *model = NULL;
    dms_prediction *p = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: %s MODEL LEFT RIGHT\n", argv[0]);
        return 2;
    }
    if (dms_model_open(&model, argv[1], NULL, &err) == DMS_OK &&
        dms_predict_pair(model, argv[2], argv[3], &p, &err) == DMS_OK)
        for (int k = 0; k < p->label_count; k++)
            printf("%-12s %.6f%s\n", dms_model_label_name(model, k),
                   p->patient[k], p->finding[k] ? "  found" : "");
    else
        fprintf(stderr, "%s\n", err.message);
    dms_prediction_destroy(p);
    dms_model_destroy(model);
    return err.code != DMS_OK;
}
