"""ONNX Runtime: peer_onnxruntime.py MODEL.onnx PATIENTS SIZE THREADS"""
import sys

import onnxruntime

from serve import images, serve

path, (patients, size, threads) = sys.argv[1], map(int, sys.argv[2:5])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
options.graph_optimization_level = \
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
session = onnxruntime.InferenceSession(path, options,
                                       providers=["CPUExecutionProvider"])
left, right = images(patients, size)
serve(lambda: session.run(None, {"left": left, "right": right}))
