"""ONNX Runtime on the workloads of `torchlayers bench`: inference only."""

import contextlib
import io
import os
import tempfile
import warnings

import onnxruntime
import torch

import workloads

options = workloads.flags()
warnings.simplefilter("ignore")
torch.manual_seed(0)
model = options.workload.make().eval()
images, _ = options.workload.data(options.batch_size)
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
    path = os.path.join(folder, "model.onnx")
    torch.onnx.export(model, (images,), path)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
feed = {session.get_inputs()[0].name: images.numpy()}
error = abs(torch.from_numpy(session.run(None, feed)[0]) - model(images)).max().item()
assert error < 1e-3, f"ONNX Runtime's logits differ by {error}"
workloads.report(workloads.images_per_second(options, "infer", lambda: session.run(None, feed)))
