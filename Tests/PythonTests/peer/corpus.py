"""Runs the inputs of PyTorch's own module tests: forward, gradients, state afterwards.

usage: corpus.py CLASSES OUTPUT     CLASSES: the names of the classes to run, a line each

The tensor `description` holds JSON as bytes: `tested`, all classes that PyTorch tests; `entries`, how each module was
made and whether PyTorch refuses its input; `skipped`, what was not run, with the reason.
"""

import inspect
import json
import sys
import types
import unittest

import torch

# What PyTorch's own tests want of this package, so that it need not be installed.
sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase, ACCEPT=False))

from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import exchange

results, entries, skipped = {}, [], []


class Skip(Exception):
    """The reason why an input of PyTorch's tests is not run."""


def bind(callable, given):
    return inspect.signature(callable).bind(*given.args, **given.kwargs).arguments


def described(value, key):
    """A constructor's argument as JSON; a tensor goes to the results under its key."""
    if isinstance(value, torch.Tensor):
        results[key] = value
        return {"tensor": key}
    if isinstance(value, (list, tuple)):
        return [described(element, key) for element in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise Skip(f"an argument of type {type(value).__name__}")


def inputs_of(module_class, item):
    values = list(bind(lambda input, target=None: 0, item.forward_input).values())
    wanted = 2 if module_class.__name__.endswith("Loss") else 1
    if len(values) != wanted or not all(isinstance(value, torch.Tensor) for value in values):
        raise Skip("forward takes something else than one tensor, or two for a loss")
    return [
        value.detach().clone(memory_format=torch.contiguous_format).requires_grad_(value.requires_grad)
        for value in values
    ]


def run(module_class, item, key, training, refused):
    inputs = inputs_of(module_class, item)
    arguments = {
        name: described(value, f"{key}/argument/{name}")
        for name, value in bind(module_class, item.constructor_input).items()
    }
    torch.manual_seed(7)
    module = module_class(*item.constructor_input.args, **item.constructor_input.kwargs).train(training)
    if hasattr(module, "_random_samples"):  # given in float64, and converted by PyTorch's tests
        module.to(torch.float32)
    for name, value in module.state_dict().items():
        results[f"{key}/state/{name}"] = value.clone()
    for index, value in enumerate(inputs):
        results[f"{key}/input/{index}"] = value
    entries.append(dict(
        key=key, module=module_class.__name__, training=training, refused=refused, arguments=arguments,
        recorded=[value.requires_grad for value in inputs]))
    try:
        output = module(*inputs)
    except Exception:
        if refused:
            return
        raise
    assert not refused, f"{key} should have been refused"
    if isinstance(output, tuple):  # with the indices of the maxima
        output = output[0]
    results[f"{key}/output"] = output
    results[f"{key}/seed"] = torch.randn_like(output)
    output.backward(results[f"{key}/seed"])
    for index, value in enumerate(inputs):
        if value.grad is not None:
            results[f"{key}/gradient/{index}"] = value.grad
    for name, value in module.named_parameters():
        results[f"{key}/parameter/{name}"] = value.grad
    for name, value in module.state_dict().items():
        results[f"{key}/after/{name}"] = value.clone()


classes = open(sys.argv[1]).read().split()
for info in module_db:
    name = info.module_cls.__name__
    if name not in classes:
        continue
    for training in [True, False] if info.train_and_eval_differ else [True]:
        options = dict(device="cpu", dtype=torch.float32, requires_grad=True, training=training)
        torch.manual_seed(3)
        items = [(item, False) for item in info.module_inputs_func(info, **options)]
        if training and info.module_error_inputs_func:  # PyTorch runs these as constructed: in training
            items += [
                (item.module_error_input, item.error_on)
                for item in info.module_error_inputs_func(info, **options)
            ]
        for number, (item, error) in enumerate(items):
            key = f"{name}/{'train' if training else 'eval'}/{number}{'-' + item.desc if item.desc else ''}"
            try:
                if error == ModuleErrorEnum.CONSTRUCTION_ERROR:
                    raise Skip("PyTorch refuses to construct it")
                run(info.module_cls, item, key, training, bool(error))
            except Skip as reason:
                skipped.append(f"{key}: {reason}")

description = json.dumps(dict(
    tested=[info.module_cls.__name__ for info in module_db], entries=entries, skipped=skipped))
results["description"] = torch.frombuffer(bytearray(description.encode()), dtype=torch.uint8)
exchange.save(sys.argv[2], results)
