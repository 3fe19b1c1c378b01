"""Opens an exported network: keys, logits on given images, dropout in training mode, one SGD step.

usage: torchscript.py MODEL IMAGES OUTPUT     IMAGES: raw float32 of N x 1 x 28 x 28
"""

import sys

import torch

import exchange

model = torch.jit.load(sys.argv[1])
images = torch.frombuffer(bytearray(open(sys.argv[2], "rb").read()), dtype=torch.float32).view(-1, 1, 28, 28)
results = {f"state/{key}": value.clone() for key, value in model.state_dict().items()}
model.eval()
with torch.no_grad():
    results["logits"] = torch.cat([model(batch) for batch in images.split(100)])
    results["repeatable"] = torch.equal(model(images[:100]), model(images[:100])) * torch.ones(())
    model.train()
    results["random"] = (not torch.equal(model(images[:100]), model(images[:100]))) * torch.ones(())
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
torch.nn.functional.cross_entropy(model(images[:100]), torch.arange(100) % 10).backward()
optimizer.step()
results["moved"] = torch.stack([
    (value - results[f"state/{key}"]).abs().max() for key, value in model.state_dict().items()])
exchange.save(sys.argv[3], results)
