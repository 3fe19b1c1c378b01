"""JAX, compiled by XLA, on the workloads of `torchlayers bench`."""

import os

import workloads

options = workloads.flags()
# XLA starts as many threads as the process may use cores.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])

import jax
import jax.numpy as jnp
import torch
from jax import lax

import foreign

workload = options.workload
torch.manual_seed(0)
model = workload.make()
torch_images, labels = workload.data(options.batch_size)
images = jnp.asarray(torch_images.permute(0, 2, 3, 1).contiguous().numpy())
labels = jnp.asarray(labels.numpy())


class Operations:
    """`key` is None in evaluation; in training `running` collects the new running values."""

    relu = staticmethod(jax.nn.relu)
    tanh = staticmethod(jnp.tanh)

    def __init__(self, key=None):
        self.key = key
        self.running = {}

    def conv(self, x, w, b, stride, padding):
        y = lax.conv_general_dilated(
            x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return y if b is None else y + b

    def linear(self, x, w, b):
        return x @ w + b

    def max_pool(self, x, size, stride, padding):
        around = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), around)

    def avg_pool(self, x, size):
        window = (1, size, size, 1)
        return lax.reduce_window(x, 0.0, lax.add, window, window, "VALID") / size**2

    def batch_norm(self, x, weights, prefix, eps):
        keys = prefix + "running_mean", prefix + "running_var"
        mean, variance = weights[keys[0]], weights[keys[1]]
        if self.key is not None:
            batch = x.mean((0, 1, 2)), x.var((0, 1, 2))
            unbiased = batch[1] * (x.size / x.shape[3] / (x.size / x.shape[3] - 1))
            self.running[keys[0]] = 0.9 * mean + 0.1 * batch[0]
            self.running[keys[1]] = 0.9 * variance + 0.1 * unbiased
            mean, variance = batch
        return (x - mean) * lax.rsqrt(variance + eps) * weights[prefix + "weight"] + weights[prefix + "bias"]

    def mean(self, x):
        return x.mean((1, 2))

    def dropout(self, x, p):
        if self.key is None:
            return x
        self.key, own = jax.random.split(self.key)
        return jnp.where(jax.random.bernoulli(own, 1 - p, x.shape), x / (1 - p), 0)

    def flatten(self, x):
        return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1) if x.ndim == 4 else x


def loss(weights, running, key, images, labels):
    operations = Operations(key)
    logits = foreign.forward(operations, model, weights | running, images)
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
    return -picked.mean(), operations.running


def update(weights, memory, count, running, key, images, labels):
    """One step; the memory is that of Adam, unused by SGD."""
    key, own = jax.random.split(key)
    gradients, running = jax.grad(loss, has_aux=True)(weights, running, own, images, labels)
    each = jax.tree_util.tree_map
    if workload.optimizer == "SGD":
        return each(lambda w, g: w - workload.lr * g, weights, gradients), memory, count, running, key
    count += 1
    first = each(lambda m, g: 0.9 * m + 0.1 * g, memory[0], gradients)
    second = each(lambda v, g: 0.999 * v + 0.001 * g * g, memory[1], gradients)
    rate, root = workload.lr / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
    weights = each(lambda w, m, v: w - rate * m / (jnp.sqrt(v) / root + 1e-8), weights, first, second)
    return weights, (first, second), count, running, key


def arrays(values, convert=jnp.array):
    return {key: convert(value) for key, value in values.items()}


infer = jax.jit(lambda weights, running, x: foreign.forward(Operations(), model, weights | running, x))
step = jax.jit(update, donate_argnums=(0, 1, 3, 4))
weights = arrays(foreign.parameters(model))
memory = arrays(weights, jnp.zeros_like), arrays(weights, jnp.zeros_like)
state = [weights, memory, jnp.zeros(()), arrays(foreign.buffers(model)), jax.random.key(0)]
foreign.check(infer(state[0], state[3], images).tolist(), model, torch_images)


def train():
    global state
    state = jax.block_until_ready(step(*state, images, labels))


trained = workloads.images_per_second(options, "train", train)
inferred = workloads.images_per_second(
    options, "infer", lambda: infer(state[0], state[3], images).block_until_ready())
workloads.report(inferred, trained)
