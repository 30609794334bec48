"""OpenVINO: peer_openvino.py MODEL.onnx PATIENTS SIZE THREADS f32|bf16"""
import sys

import openvino

from serve import images, serve

path, (patients, size, threads) = sys.argv[1], map(int, sys.argv[2:5])
core = openvino.Core()
model = core.read_model(path)
shape = [patients, 3, size, size]
model.reshape({"left": shape, "right": shape})
compiled = core.compile_model(model, "CPU", {
    "INFERENCE_NUM_THREADS": threads,
    "INFERENCE_PRECISION_HINT": sys.argv[5],
    "PERFORMANCE_HINT": "LATENCY"})
request = compiled.create_infer_request()
left, right = images(patients, size)
inputs = {"left": left, "right": right}
serve(lambda: request.infer(inputs))
