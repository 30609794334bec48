/* The whole network for one batch size and mode: what trainer, evaluator and
 * predictor run. */
#ifndef DMS_NET_DMSNET_H
#define DMS_NET_DMSNET_H

#include "dms/architecture.h"
#include "dms/labels.h"
#include "graph/run.h"

typedef struct dms_net dms_net;

/* Which part of it: the backbone's map divides the network in two. */
typedef enum dms_net_part {
    DMS_NET_WHOLE,
    DMS_NET_TO_MAP,  /* the backbone alone; for inference */
    DMS_NET_FROM_MAP /* what stands behind it; the caller fills the map */
} dms_net_part;

/* A value that somebody may want the gradient of. */
typedef enum dms_net_place {
    DMS_PLACE_IMAGES,  /* 2N x 3 x S x S */
    DMS_PLACE_MAP,     /* 2N x C x S/32 x S/32, the backbone's */
    DMS_PLACE_CONTEXT, /* 2N x D x S/32 x S/32, MSCAM's */
    DMS_PLACE_FEATURES /* 2N x 2D, what the heads read */
} dms_net_place;
enum { DMS_NET_PLACES = 4 };

typedef struct dms_net_options {
    int patients; /* N >= 1; batch statistics need N >= 2 */
    int size;     /* S >= 32; 0: the architecture's */
    dms_run_mode
        mode; /* all 0: inference. Rows frozen by dms_params_freeze have
                 no gradient, and their norms use running statistics */
    /* In a mode that has gradients: of these places too. With GRADIENTS_NODES,
     * of one at least; then only what lies between it and the logits is kept
     * for backward, and all else runs as in inference. */
    bool gradient_of[DMS_NET_PLACES];
    float dropout;     /* 0 <= p < 1, where the mode has dropout */
    dms_type type;     /* of the feature maps; in a mode of gradients or batch
                          statistics: of the backbone's */
    dms_net_part part; /* params hold the whole network in any case */
    dms_type map_type; /* FROM_MAP: the `type` of who made the map */
    bool int8;         /* quantised weights as integers; no gradients, no
                          batch statistics */
    bool winograd;     /* quicker, more memory */
    bool sums_apart;   /* no sum within a convolution, for who wants to see
                          its terms */
    bool recompute;    /* little is kept for backward, the rest is made
                          again; the same bits */
    /* Inference: where nets of one table share its weights in the order of the
     * kernels; borrowed. NULL: the net keeps its own. */
    dms_kept_store *store;
    bool zero_init_residual; /* last norm's scale of each block starts at 0 */
    /* Whose codes messages use; borrowed, must outlive the net. NULL: a logit
     * is named by its number, from 1. */
    const dms_label_set *labels;
} dms_net_options;

/* Has this CPU instructions for maps of that type? */
bool dms_net_has_type(dms_type type);

/* What computes and its version, for records. Returns as snprintf. */
int dms_net_backend(char *text, size_t capacity);

/* Declare every tensor of the architecture in params (state_dict order). The
 * caller then allocates; for training, before dms_net_create. */
dms_status dms_net_declare(dms_params *params, const dms_architecture *arch,
                           bool training, bool zero_init_residual,
                           dms_error *err);

/* Build and prepare. params is borrowed, must outlive the net, and is shared
 * by nets of other batch sizes; as options->mode says, forward updates its
 * running statistics and backward writes params->grad: two threads may not do
 * so on one params. For GRADIENTS_PARAMS the table must be declared for
 * training, for any other mode not. */
dms_status dms_net_create(dms_net **out, const dms_architecture *arch,
                          dms_params *params, const dms_net_options *options,
                          dms_error *err);
void dms_net_destroy(dms_net *net);

/* Bytes of activations, gradients and scratch that the net holds, weights not
 * counted. */
size_t dms_net_memory(const dms_net *net);

/* Its weights in the order of the kernels; lives as long as the net. */
const dms_kept *dms_net_kept(const dms_net *net);

/* The plan of those bytes: see dms_run_map_create. */
dms_status dms_net_memory_map(dms_run_map *out, const dms_net *net,
                              dms_error *err);

/* The graph as it runs, after all passes; lives as long as the net. */
const dms_graph *dms_net_graph(const dms_net *net);

/* Seconds of each of its nodes: see dms_run_profile. */
void dms_net_profile(dms_net *net, double *forward_s, double *backward_s);

/* After each node of a forward: see dms_run_observe. */
void dms_net_observe(dms_net *net, dms_observer *observer, void *user);

/* 2N x 3 x S x S normalised pixels, all left eyes first; the caller fills it
 * before each forward. With eyes = left or right the caller puts the one eye
 * in both halves. NULL of a net FROM_MAP. */
float *dms_net_images(dms_net *net);

/* 2N x C x S/32 x S/32, left eyes first, in this machine's layout: what a net
 * TO_MAP makes, and what one FROM_MAP begins with; the caller fills it before
 * each forward. NULL of a whole net. */
void *dms_net_map(dms_net *net);

/* Of one eye, when the backbone runs in `type`. */
size_t dms_net_map_bytes(const dms_architecture *arch, dms_type type);

/* Bring the weights into the kernels' order now rather than at the first
 * forward. */
dms_status dms_net_load(dms_net *net, dms_error *err);

/* Values in params were changed since the last forward: the net reorders them
 * again. One with GRADIENTS_PARAMS looks at each step anyway. */
void dms_net_weights_changed(dms_net *net);

/* dropout_seed: a function of seed and step; the same one gives the same
 * mask. */
dms_status dms_net_forward(dms_net *net, uint64_t dropout_seed, dms_error *err);

enum { DMS_NET_WHO = 128 };

/* "patient ID" for the messages of the checks below, a long id cut; NULL: "?".
 * Returns who. */
const char *dms_net_who(char who[DMS_NET_WHO], const char *id);

/* Did all that the last forward of an inference net made for this patient (its
 * place, 0 to N - 1) stay finite, from the stages' maps to the logits?
 * DMS_EFORMAT says what overflowed, whose, in which numbers; who, "patient 7",
 * is for the message. Not of a net TO_MAP. */
dms_status dms_net_check(const dms_net *net, size_t patient, const char *who,
                         dms_error *err);

/* The same of one of the 2N images, which is that eye of who. */
dms_status dms_net_check_eye(const dms_net *net, size_t image, int eye,
                             const char *who, dms_error *err);

const float *dms_net_patient_logits(const dms_net *net); /* N x K */
const float *dms_net_eye_logits(const dms_net *net);     /* 2N x K, left first*/

/* 2N x 2D, left first: what the heads read (eq. 9). NULL in a mode that has
 * gradients. */
const float *dms_net_features(const dms_net *net);

/* dLoss/dlogits, to be filled before backward; in a mode that has gradients. */
float *dms_net_patient_gradient(dms_net *net); /* N x K */
float *dms_net_eye_gradient(dms_net *net);     /* 2N x K */

/* Makes the gradients that were asked for. GRADIENTS_PARAMS: overwrites
 * params->grad, every trained tensor of it: zero where a tensor is
 * not reached. */
dms_status dms_net_backward(dms_net *net, dms_error *err);

/* Of a place in options.gradient_of: its shape, its value after a forward and
 * its dLoss/dvalue after a backward, as N x H x W x C floats. */
dms_shape dms_net_place_shape(const dms_net *net, dms_net_place place);
void dms_net_read_value(float *plain, const dms_net *net, dms_net_place place);
void dms_net_read_gradient(float *plain, const dms_net *net,
                           dms_net_place place);

#endif
