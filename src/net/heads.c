/* From descriptors to logits (docs/model.md, 10-11). */
#include "net/parts.h"

/* (10): the sum and the absolute difference do not depend on the order of the
 * eyes, so neither do the patient's logits. */
dms_node *dms_patient_head_build(dms_graph *g, dms_node *h,
                                 const dms_architecture *arch, float dropout)
{
    int64_t patients = h ? h->shape.n / 2 : 0;
    dms_node *left = dms_slice_batch(g, h, 0, patients);
    dms_node *right = dms_slice_batch(g, h, patients, patients);
    dms_node *parts[] = {dms_add(g, left, right),
                         dms_abs(g, dms_sub(g, left, right))};
    dms_node *z = dms_linear(g, dms_concat(g, parts, 2), "fuse", arch->width);

    z = dms_relu(g, dms_batch_norm(g, z, "fuse_bn", DMS_INIT_ONE));
    return dms_linear(g, dms_dropout(g, z, dropout), "head", arch->labels);
}

/* (11): one linear layer, shared by both eyes. */
dms_node *dms_eye_head_build(dms_graph *g, dms_node *h,
                             const dms_architecture *arch)
{
    return dms_linear(g, h, "eye_head", arch->labels);
}
