/* The network for one batch size and mode: what training, evaluation and
 * prediction run. */
#ifndef DMS_NET_DMSNET_H
#define DMS_NET_DMSNET_H

#include "dms/architecture.h"
#include "dms/labels.h"
#include "graph/run.h"

typedef struct dms_net dms_net;

/* The part of the network: the backbone's map divides it in two. */
typedef enum dms_net_part {
    DMS_NET_WHOLE,
    DMS_NET_TO_MAP,  /* only the backbone; for inference */
    DMS_NET_FROM_MAP /* the rest; the caller fills in the map */
} dms_net_part;

/* A value whose gradient can be requested. */
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
    /* In a mode with gradients: the places whose gradient is wanted.
     * GRADIENTS_NODES needs at least one; only what lies between it and the
     * logits is then kept for backward, the rest runs as in inference. */
    bool gradient_of[DMS_NET_PLACES];
    float dropout;     /* 0 <= p < 1, if the mode has dropout */
    dms_type type;     /* of the feature maps; with gradients or batch
                          statistics: only of the backbone's */
    dms_net_part part; /* params always contain the whole network */
    dms_type map_type; /* FROM_MAP: the `type` of the net that made the map */
    bool int8;         /* quantised weights as integers; no gradients, no
                          batch statistics */
    bool winograd;     /* faster, more memory */
    bool sums_apart;   /* no sum fused into a convolution, so that an observer
                          sees its terms */
    bool attention;    /* also compute dms_net_attention; only a whole net */
    bool recompute;    /* keep little for backward and recompute the rest;
                          same bits */
    /* Inference: the store in which nets of one table share prepared weights;
     * borrowed. NULL: the net keeps its own. */
    dms_kept_store *store;
    bool zero_init_residual; /* last norm's scale of each block starts at 0 */
    /* The labels whose codes messages use; borrowed, must outlive the net.
     * NULL: a logit is named by its number, from 1. */
    const dms_label_set *labels;
} dms_net_options;

/* Does this CPU have instructions for maps of that type? */
bool dms_net_has_type(dms_type type);

/* The backend and its version, for records. Returns like snprintf. */
int dms_net_backend(char *text, size_t capacity);

/* Declare every tensor of the architecture in params, in state_dict order. The
 * caller then allocates them, for training before dms_net_create. */
dms_status dms_net_declare(dms_params *params, const dms_architecture *arch,
                           bool training, bool zero_init_residual,
                           dms_error *err);

/* Build and prepare. params is borrowed, must outlive the net, and may be
 * shared by nets of other batch sizes. Depending on options->mode, forward
 * updates its running statistics and backward writes params->grad; two threads
 * may not do this on the same params. The table must be declared for training
 * if and only if the mode is GRADIENTS_PARAMS. */
dms_status dms_net_create(dms_net **out, const dms_architecture *arch,
                          dms_params *params, const dms_net_options *options,
                          dms_error *err);
void dms_net_destroy(dms_net *net);

/* Bytes of activations, gradients and scratch that the net holds, without
 * weights. */
size_t dms_net_memory(const dms_net *net);

/* Its prepared weights; valid for the life of the net. */
const dms_kept *dms_net_kept(const dms_net *net);

/* The plan of those bytes: see dms_run_map_create. */
dms_status dms_net_memory_map(dms_run_map *out, const dms_net *net,
                              dms_error *err);

/* The graph as it runs, after all passes; valid for the life of the net. */
const dms_graph *dms_net_graph(const dms_net *net);

/* Measure the seconds of each node: see dms_run_profile. */
void dms_net_profile(dms_net *net, double *forward_s, double *backward_s);

/* Call observer after each node of a forward: see dms_run_observe. */
void dms_net_observe(dms_net *net, dms_observer *observer, void *user);

/* 2N x 3 x S x S normalised pixels, all left eyes first; the caller writes them
 * before each forward. With eyes = left or right, the caller puts that eye into
 * both halves. NULL for a net FROM_MAP. */
float *dms_net_images(dms_net *net);

/* 2N x C x S/32 x S/32, left eyes first, in this machine's layout: the output
 * of a net TO_MAP, or the input of a net FROM_MAP, which the caller writes
 * before each forward. NULL for a whole net. */
void *dms_net_map(dms_net *net);

/* Bytes of one eye's map if the backbone runs in `type`. */
size_t dms_net_map_bytes(const dms_architecture *arch, dms_type type);

/* Prepare the weights now rather than at the first forward. */
dms_status dms_net_load(dms_net *net, dms_error *err);

/* Values in params have changed since the last forward: the net prepares its
 * weights again. A net with GRADIENTS_PARAMS does so at every step. */
void dms_net_weights_changed(dms_net *net);

/* dropout_seed: derived from seed and step; the same seed gives the same mask.
 */
dms_status dms_net_forward(dms_net *net, uint64_t dropout_seed, dms_error *err);

/* From now on the checks below also concern the forwards before the last, back
 * to the one before this call; or, as at first, they do not. */
void dms_net_keep_flaws(dms_net *net, bool kept);

enum { DMS_NET_WHO = 128 };

/* "patient ID" for the messages of the checks below; a long id is cut; NULL:
 * "?". Returns who. */
const char *dms_net_who(char who[DMS_NET_WHO], const char *id);

/* Check that all values of the last forward of an inference net stayed finite
 * for this patient (0 to N - 1), from the stages' maps to the logits.
 * DMS_EFORMAT: the message names the value that overflowed, the patient (who,
 * "patient 7") and the precision. Not for a net TO_MAP. */
dms_status dms_net_check(const dms_net *net, size_t patient, const char *who,
                         dms_error *err);

/* The same for one of the 2N images, which is that eye of who. */
dms_status dms_net_check_eye(const dms_net *net, size_t image, int eye,
                             const char *who, dms_error *err);

const float *dms_net_patient_logits(const dms_net *net); /* N x K */
const float *dms_net_eye_logits(const dms_net *net);     /* 2N x K, left first*/

/* 2N x H x W, left first, of a net with options.attention: where the backbone's
 * map responds, each image's map of norm 1 (dms_attention_map). */
const float *dms_net_attention(const dms_net *net);

/* Positions of an eye's map of attention: H * W of the backbone's map. */
size_t dms_net_attention_size(const dms_net *net);

/* 2N x 2D, left first: the input of the heads (eq. 9). NULL in a mode with
 * gradients. */
const float *dms_net_features(const dms_net *net);

/* dLoss/dlogits, written by the caller before backward; for a mode with
 * gradients. */
float *dms_net_patient_gradient(dms_net *net); /* N x K */
float *dms_net_eye_gradient(dms_net *net);     /* 2N x K */

/* The same for options.attention, 2N x H x W. NULL if the backbone is
 * frozen. */
float *dms_net_attention_gradient(dms_net *net);

/* Compute the requested gradients. GRADIENTS_PARAMS overwrites params->grad for
 * every trained tensor, with zero if the logits do not depend on it. */
dms_status dms_net_backward(dms_net *net, dms_error *err);

/* For a place in options.gradient_of: its shape, its value after a forward, and
 * its dLoss/dvalue after a backward, as N x H x W x C floats. */
dms_shape dms_net_place_shape(const dms_net *net, dms_net_place place);
void dms_net_read_value(float *plain, const dms_net *net, dms_net_place place);
void dms_net_read_gradient(float *plain, const dms_net *net,
                           dms_net_place place);

#endif
