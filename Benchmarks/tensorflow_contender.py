"""TensorFlow, each step compiled by tf.function, on the workloads of `torchlayers bench`."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
import torch

import foreign
import workloads

options = workloads.flags()
tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
workload = options.workload
torch.manual_seed(0)
model = workload.make()
torch_images, labels = workload.data(options.batch_size)
images = tf.constant(torch_images.permute(0, 2, 3, 1).contiguous().numpy())
labels = tf.constant(labels.numpy())
weights = {key: tf.Variable(value) for key, value in foreign.parameters(model).items()}
running = {key: tf.Variable(value) for key, value in foreign.buffers(model).items()}


class Operations:
    relu = staticmethod(tf.nn.relu)
    tanh = staticmethod(tf.tanh)

    def __init__(self, training):
        self.training = training

    def conv(self, x, w, b, stride, padding):
        around = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
        y = tf.nn.conv2d(x, w, stride, around)
        return y if b is None else tf.nn.bias_add(y, b)

    def linear(self, x, w, b):
        return tf.nn.bias_add(x @ w, b)

    def max_pool(self, x, size, stride, padding):
        if padding:
            around = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
            x = tf.pad(x, around, constant_values=x.dtype.min)
        return tf.nn.max_pool2d(x, size, stride, "VALID")

    def avg_pool(self, x, size):
        return tf.nn.avg_pool2d(x, size, size, "VALID")

    def batch_norm(self, x, weights, prefix, eps):
        scale, shift = weights[prefix + "weight"], weights[prefix + "bias"]
        mean, variance = weights[prefix + "running_mean"], weights[prefix + "running_var"]
        y, batch_mean, batch_variance, *_ = tf.compat.v1.nn.fused_batch_norm(
            x, scale, shift, None if self.training else mean, None if self.training else variance, eps,
            is_training=self.training)
        if self.training:
            mean.assign(0.9 * mean + 0.1 * batch_mean)
            variance.assign(0.9 * variance + 0.1 * batch_variance)
        return y

    def mean(self, x):
        return tf.reduce_mean(x, (1, 2))

    def dropout(self, x, p):
        return tf.nn.dropout(x, p) if self.training else x

    def flatten(self, x):
        if x.shape.rank == 4:
            x = tf.transpose(x, (0, 3, 1, 2))
        return tf.reshape(x, (x.shape[0], -1))


settings = {"SGD": {"momentum": 0.0}, "Adam": {"epsilon": 1e-8}}[workload.optimizer]
optimizer = getattr(tf.keras.optimizers, workload.optimizer)(workload.lr, **settings)
optimizer.build(list(weights.values()))


@tf.function(autograph=False)
def train():
    with tf.GradientTape() as tape:
        logits = foreign.forward(Operations(True), model, weights | running, images)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    gradients = tape.gradient(loss, list(weights.values()))
    optimizer.apply_gradients(zip(gradients, weights.values()))
    return loss


@tf.function(autograph=False)
def infer():
    return foreign.forward(Operations(False), model, weights | running, images)


foreign.check(infer().numpy(), model, torch_images)
trained = workloads.images_per_second(options, "train", lambda: train().numpy())
inferred = workloads.images_per_second(options, "infer", lambda: infer().numpy())
workloads.report(inferred, trained)
