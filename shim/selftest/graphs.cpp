// CUDA graphs: what a replay must have in common with the work itself, and what must be left of a failure.
#include "training.hpp"

#include <cstring>

namespace selftest {
namespace {

// Six times: eagerly, and three warm-ups, then a recording and its replays.
std::vector<std::vector<float>> six_times(const Tensor &into, const std::function<void()> &draw, bool recorded) {
  std::vector<std::vector<float>> drawn;
  ok(shim->manual_seed(3));
  std::unique_ptr<Graph> graph;
  if (recorded) graph = std::make_unique<Graph>();
  for (int i = 0; i < 6; ++i) {
    if (!graph) {
      draw();
    } else if (i < 3) {
      graph->warm_up(draw);
    } else {
      if (i == 3) graph->capture(draw);
      graph->replay();
    }
    drawn.push_back(into.values<float>());
  }
  return drawn;
}

std::string same_draws(const Tensor &into, const std::function<void()> &draw) {
  const auto eager = six_times(into, draw, false), replayed = six_times(into, draw, true);
  for (size_t i = 0; i < 6; ++i) {
    require(eager[i] == replayed[i], "number " + std::to_string(i + 1) + " of six differs from what eager draws");
    require(i == 0 || eager[i] != eager[i - 1], "the same numbers came twice");
  }
  return {};
}

const Register draws("a replay draws what eager would", Needs::device, [] {
  const Tensor into = zeros({1000}, cuda);
  return same_draws(into, [&] { call("aten::copy_", "", {into, rand({1000}, cuda)}); });
});

const Register masks("a replay's dropout masks are those of eager", Needs::device, [] {
  const Tensor into = zeros({1000}, cuda);
  const Tensor ones = call("aten::ones", "", {std::vector<int64_t>{1000}, SHIM_FLOAT32, nullptr, cuda});
  return same_draws(into, [&] { call("aten::copy_", "", {into, call("aten::dropout", "", {ones, 0.5, true})}); });
});

const Register failed("a recording that fails says why; drawing and another recording then work", Needs::device, [] {
  ok(shim->manual_seed(3));
  const auto expected = rand({10}, cuda).values<float>();
  ok(shim->manual_seed(3));
  Graph graph;
  const auto error = refusal("waiting for the device while recording", [&] {
    graph.capture([] { item(call("aten::sum", "", {rand({10}, cuda)})); });
  });
  require(strstr(error.what(), "captur") != nullptr, std::string("unexpected words: ") + error.what());
  require(rand({10}, cuda).values<float>() == expected, "the numbers afterwards are not those that come next");
  const Tensor x = zeros({1}, cuda);
  graph.capture([&] { call("aten::add_", "Scalar", {x, 1}); });
  for (int i = 0; i < 3; ++i) graph.replay();
  require(item(x) == 3, "three replays of + 1 make " + std::to_string(item(x)));
  std::string first = error.what();
  return first.substr(0, first.find('\n'));
});

const Register exhausted("a recording that runs out of memory is refused as such; another one then works", Needs::device, [] {
  Graph graph;
  const Tensor x = zeros({1}, cuda);
  const auto error = refusal("64 TiB while recording", [&] {
    graph.capture([&] {
      call("aten::add_", "Scalar", {x, 1});
      zeros({int64_t{1} << 46}, cuda, SHIM_UINT8);
    });
  });
  require(error.status == SHIM_OUT_OF_MEMORY, std::string("it is another error: ") + error.what());
  require(item(x) == 0, "what was recorded has run");
  graph.capture([&] { call("aten::add_", "Scalar", {x, 1}); });
  graph.replay();
  require(item(x) == 1, "the second recording does not run");
  return std::string();
});

const Register rates("learning rates changed between replays take effect", Needs::device, [] {
  const std::vector<double> each{0.003, 0.003, 0.001, 0.001, 0.004, 0.002};
  // A constant gradient: the same kernels in both ways, so the same bits.
  const auto run = [&](bool recorded) {
    const Tensor p = zeros({8}, cuda), g = call("aten::ones_like", "", {p}), first = zeros({8}, cuda),
                 second = zeros({8}, cuda), step = zeros({}, cuda), rate = zeros({}, cuda);
    const auto list = [](const Tensor &t) { return std::vector<shim_tensor>{t.get()}; };
    const std::function<void()> adam = [&] {
      call("aten::add_", "Scalar", {step, 1});
      call("aten::_fused_adam_", "tensor_lr", {list(p), list(g), list(first), list(second), std::vector<shim_tensor>{},
                                               list(step), rate, 0.9, 0.999, 0.0, 1e-8, false, false});
    };
    std::unique_ptr<Graph> graph;
    if (recorded) graph = std::make_unique<Graph>();
    std::vector<float> path;
    for (size_t i = 0; i < each.size(); ++i) {
      call("aten::fill_", "Scalar", {rate, each[i]});
      if (!graph) {
        adam();
      } else {
        if (i == 0) graph->capture(adam);
        graph->replay();
      }
      path.push_back(item(p));
    }
    return path;
  };
  const auto eager = run(false), replayed = run(true);
  require(eager == replayed, "the weights differ from those of eager steps");
  require(eager[4] - eager[3] < 2 * (eager[3] - eager[2]), "a larger rate did not make a larger step");
  return std::string();
});

const Register recorded("a small network learns, recorded, as without a graph", Needs::device, [] {
  // Algorithms that add in a fixed order.
  ok(shim->set_context_flag("deterministic", true));
  const auto restore = [] { ok(shim->set_context_flag("deterministic", false)); };
  std::vector<float> plain, replayed;
  try {
    plain = Network(cuda).train(40);
    replayed = Network(cuda).train(40, true);
  } catch (...) {
    restore();
    throw;
  }
  restore();
  const std::string text = words(replayed);
  (void)words(plain);
  require(plain[0] == replayed[0], "the first losses differ");
  return text + (plain == replayed ? ", all losses bit-identical" : ", the first losses bit-identical, not all");
});

const Register memory("a graph's memory is counted, and free when the graph is gone", Needs::device, [] {
  const auto now = [] {
    ok(shim->cuda_empty_cache());
    shim_memory out{};
    ok(shim->cuda_memory(0, &out));
    return out;
  };
  const shim_memory before = now();
  ok(shim->cuda_reset_peak_memory(0));
  {
    Graph graph;
    graph.capture([] { call("aten::relu", "", {zeros({1 << 20}, cuda)}); });
    graph.replay();
    shim_memory during{};
    ok(shim->cuda_memory(0, &during));
    require(during.peak_allocated >= before.allocated + (8 << 20), "its 8 MiB were not counted");
  }
  require(now().allocated == before.allocated, "some of its 8 MiB is still there");
  // cuBLAS keeps a workspace for each stream that it was used on. libtorch has 32 streams, taken in turn: after 40 networks
  // every one has its workspace, and 40 more must leave nothing.
  const auto train = [] {
    for (int i = 0; i < 40; ++i) (void)Network(cuda).train(5, true);
  };
  train();
  const shim_memory after = now();
  train();
  const shim_memory later = now();
  char text[200];
  snprintf(text, sizeof text, "%lld bytes at first, %lld after 40 networks, %lld after 80, reserved %lld",
           (long long)before.allocated, (long long)after.allocated, (long long)later.allocated, (long long)later.reserved);
  require(later.allocated <= after.allocated, std::string(text) + ": memory stays");
  return std::string(text);
});

}  // namespace
}  // namespace selftest
