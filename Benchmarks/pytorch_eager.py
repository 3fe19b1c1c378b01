"""Python's PyTorch on the workloads of `torchlayers bench`: eager, or compiled with --compile."""

import torch

import workloads

options = workloads.flags(
    ("--fused", "the fused optimizer, which is not Python's default"),
    ("--channels-last", "weights and images with the channels last in memory"),
    ("--compile", "through torch.compile"))
torch.set_num_threads(options.threads)
torch.manual_seed(0)
workload = options.workload
device = torch.device(options.device)
model = workload.make().to(device)
images, labels = (tensor.to(device) for tensor in workload.data(options.batch_size))
if options.channels_last:
    model = model.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
optimizer = getattr(torch.optim, workload.optimizer)(model.parameters(), lr=workload.lr, fused=options.fused)
run = torch.compile(model) if options.compile else model


def autocast():
    return torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16")


def train():
    with autocast():
        loss = torch.nn.functional.cross_entropy(run(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize(device)


trained = workloads.images_per_second(options, "train", train, wait)
model.eval()
with torch.inference_mode(), autocast():
    inferred = workloads.images_per_second(options, "infer", lambda: run(images), wait)
workloads.report(inferred, trained)
