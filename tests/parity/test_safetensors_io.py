"""The Python reader and writer that the other parity tests lean on."""

import os
import tempfile
import unittest

import numpy as np

import safetensors_io


class SafetensorsIo(unittest.TestCase):
    def test_what_is_written_is_read_back(self):
        tensors = {
            "f64": np.array([1.5, np.nan]),
            "f32": np.arange(6, dtype=np.float32).reshape(2, 3),
            "f16": np.ones((1, 0), np.float16),
            "i64": np.array(7),
            "u8": np.arange(3, dtype=np.uint8),
        }
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.safetensors")
            safetensors_io.write(path, tensors, {"format": "pt"})
            again, metadata = safetensors_io.read(path)
        self.assertEqual(metadata, {"format": "pt"})
        self.assertEqual(list(again), list(tensors))
        for name, values in tensors.items():
            self.assertEqual(again[name].dtype, values.dtype)
            np.testing.assert_array_equal(again[name], values)

    def test_a_dtype_that_is_not_written_is_refused(self):
        with self.assertRaises(TypeError):
            safetensors_io.write(os.devnull, {"c": np.ones(1, np.complex64)})


if __name__ == "__main__":
    unittest.main()
