/* A torchvision backbone in; a model file, an ONNX file and the backbone out.
 *
 *     cc 03_import_and_export.c -o convert $(pkg-config --cflags --libs dmsnet)
 *     ./convert resnet18.pth model.safetensors model.onnx backbone.safetensors
 */
#include <dms/dms.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    dms_architecture architecture = dms_architecture_default();
    dms_import_options import;
    dms_export_options backbone;
    dms_onnx_options onnx;
    dms_import_report *report = NULL;
    dms_model *model = NULL;
    dms_error err = {0};

    if (argc != 5) {
        fprintf(stderr, "usage: %s WEIGHTS MODEL ONNX BACKBONE\n", argv[0]);
        return 2;
    }
    architecture.size = 96;
    dms_import_options_init(&import, sizeof import);
    import.architecture = &architecture;
    dms_export_options_init(&backbone, sizeof backbone);
    backbone.backbone_only = true;
    dms_onnx_options_init(&onnx, sizeof onnx);
    onnx.probabilities = true;
    if (dms_model_import(&model, &report, argv[1], &import, NULL, &err) ==
            DMS_OK &&
        dms_model_write(model, argv[2], &err) == DMS_OK &&
        dms_model_export_onnx(model, argv[3], &onnx, &err) == DMS_OK)
        dms_model_export_safetensors(model, argv[4], &backbone, &err);
    if (err.code != DMS_OK)
        fprintf(stderr, "%s\n", err.message);
    if (report)
        printf("%zu taken, %zu left, %zu missing\n",
               report->fates[DMS_IMPORT_TAKEN], report->fates[DMS_IMPORT_LEFT],
               report->fates[DMS_IMPORT_MISSING]);
    dms_import_report_destroy(report);
    dms_model_destroy(model);
    return err.code != DMS_OK;
}
