// PyTorch's C++ frontend on the workloads of `torchlayers bench`: torch::nn, autograd, the plain optimizers, nothing
// else. What a language binding costs is the distance to this.
//
//   cpp_frontend --workload cnn --batch-size 100 --threads 2 --steps 50 [--warmup 5] [--only train|infer]
//   cpp_frontend --operations
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

namespace nn = torch::nn;
using torch::Tensor;

static double seconds_of(int64_t count, const std::function<void()> &step) {
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// --- The networks, as in Tests/PythonTests/peer/models.py. ---

static nn::Conv2d conv(int64_t in, int64_t out, int64_t size, int64_t stride = 1, int64_t padding = 0,
                       bool bias = true) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, size).stride(stride).padding(padding).bias(bias));
}

static nn::ReLU relu_in_place() { return nn::ReLU(nn::ReLUOptions(true)); }

static nn::MaxPool2d pool(int64_t size, int64_t stride, int64_t padding = 0) {
  return nn::MaxPool2d(nn::MaxPool2dOptions(size).stride(stride).padding(padding));
}

static nn::Sequential cnn() {
  return nn::Sequential(
      nn::Conv2d(nn::Conv2dOptions(1, 32, 5).padding(torch::kSame)), nn::ReLU(), nn::MaxPool2d(2),
      nn::Conv2d(nn::Conv2dOptions(32, 64, 5).padding(torch::kSame)), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
      nn::Linear(64 * 7 * 7, 1024), nn::ReLU(), nn::Dropout(0.4), nn::Linear(1024, 10));
}

static nn::Sequential mlp() {
  return nn::Sequential(nn::Flatten(), nn::Linear(784, 200), nn::ReLU(), nn::Linear(200, 100), nn::ReLU(),
                        nn::Linear(100, 60), nn::ReLU(), nn::Linear(60, 30), nn::ReLU(), nn::Linear(30, 10));
}

static nn::Sequential tiny() {
  return nn::Sequential(conv(1, 8, 3), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(), nn::Linear(8 * 13 * 13, 10));
}

static nn::Sequential alexnet() {
  return nn::Sequential(
      conv(3, 64, 11, 4, 2), relu_in_place(), pool(3, 2), conv(64, 192, 5, 1, 2), relu_in_place(), pool(3, 2),
      conv(192, 384, 3, 1, 1), relu_in_place(), conv(384, 256, 3, 1, 1), relu_in_place(), conv(256, 256, 3, 1, 1),
      relu_in_place(), pool(3, 2), nn::AdaptiveAvgPool2d(6), nn::Flatten(), nn::Dropout(), nn::Linear(256 * 36, 4096),
      relu_in_place(), nn::Dropout(), nn::Linear(4096, 4096), relu_in_place(), nn::Linear(4096, 1000));
}

struct BasicBlockImpl : nn::Module {
  nn::Conv2d conv1, conv2;
  nn::BatchNorm2d bn1, bn2;
  nn::Sequential downsample{nullptr};

  BasicBlockImpl(int64_t in, int64_t out, int64_t stride)
      : conv1(conv(in, out, 3, stride, 1, false)), conv2(conv(out, out, 3, 1, 1, false)), bn1(out), bn2(out) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
    if (stride != 1 || in != out) {
      downsample = nn::Sequential(conv(in, out, 1, stride, 0, false), nn::BatchNorm2d(out));
      register_module("downsample", downsample);
    }
  }

  Tensor forward(Tensor x) {
    Tensor y = bn1(conv1(x)).relu_();
    y = bn2(conv2(y));
    y += downsample.is_empty() ? x : downsample->forward(x);
    return y.relu_();
  }
};
TORCH_MODULE(BasicBlock);

static nn::Sequential resnet18() {
  nn::Sequential net(conv(3, 64, 7, 2, 3, false), nn::BatchNorm2d(64), relu_in_place(), pool(3, 2, 1));
  int64_t in = 64;
  for (int64_t out : {64, 128, 256, 512}) {
    net->push_back(BasicBlock(in, out, out == 64 ? 1 : 2));
    net->push_back(BasicBlock(out, out, 1));
    in = out;
  }
  net->push_back(nn::AdaptiveAvgPool2d(1));
  net->push_back(nn::Flatten());
  net->push_back(nn::Linear(512, 1000));
  return net;
}

// --- What is measured. ---

static void workload(const std::string &name, int64_t batch, int64_t steps, int64_t warmup, const std::string &only) {
  const bool large = name == "alexnet" || name == "resnet18";
  nn::Sequential model = name == "cnn"       ? cnn()
                         : name == "mlp"     ? mlp()
                         : name == "tiny"    ? tiny()
                         : name == "alexnet" ? alexnet()
                                             : resnet18();
  const Tensor images = large ? torch::randn({batch, 3, 224, 224}) : torch::randn({batch, 1, 28, 28});
  const Tensor labels = torch::randint(0, large ? 1000 : 10, {batch}, torch::kLong);
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  if (name == "tiny") {
    optimizer = std::make_unique<torch::optim::SGD>(model->parameters(), torch::optim::SGDOptions(0.01));
  } else {
    optimizer = std::make_unique<torch::optim::Adam>(model->parameters(), torch::optim::AdamOptions(3e-3));
  }
  std::string report;
  const auto measure = [&](const char *part, const std::function<void()> &step) {
    if (!only.empty() && only != part) return;
    seconds_of(warmup, step);
    const double speed = static_cast<double>(batch * steps) / seconds_of(steps, step);
    report += (report.empty() ? "" : ", ") + ("\"" + std::string(part)) + "\": {\"images_per_second\": " +
              std::to_string(speed) + "}";
  };
  measure("train", [&] {
    const Tensor loss = nn::functional::cross_entropy(model->forward(images), labels);
    optimizer->zero_grad();
    loss.backward();
    optimizer->step();
  });
  model->eval();
  torch::InferenceMode inference;
  measure("infer", [&] { model->forward(images); });
  std::printf("{%s}\n", report.c_str());
  std::fflush(stdout);
}

// Nanoseconds of a call: the fastest of 30 samples of about 10 ms each, as Benchmarks/operations.py and
// `torchlayers bench --operations` take it.
static double nanoseconds(const std::function<void()> &many) {
  const auto samples = [&](int64_t count, int64_t calls) {
    double best = 1e9;
    for (int64_t i = 0; i < count; ++i) best = std::min(best, seconds_of(calls, many));
    return best / static_cast<double>(calls);
  };
  const double first = samples(5, 20);
  return samples(30, std::max<int64_t>(1, static_cast<int64_t>(0.01 / first))) * 1e9 / 100;
}

// Each body makes a hundred calls, so that calling the body itself does not count.
template <class Body>
static double each(Body body) {
  return nanoseconds([&] {
    for (int i = 0; i < 100; ++i) body();
  });
}

static void operations() {
  const Tensor x = torch::ones({1}), y = torch::ones({1});
  const Tensor image = torch::ones({1, 1, 1, 1}), weight = torch::ones({1, 1, 1, 1}), bias = torch::ones({1});
  const double relu = each([&] { Tensor z = torch::relu(x); });
  const double add = each([&] { Tensor z = x + y; });
  const double conv2d = each([&] { Tensor z = torch::conv2d(image, weight, bias); });
  const Tensor leaf = torch::ones({1}, torch::requires_grad());
  const double chain = each([&] {
    Tensor z = leaf;
    for (int i = 0; i < 5; ++i) z = torch::relu(z) + leaf;
    z.backward();
  });
  std::printf("{\"operations\": {\"relu\": %.1f, \"add\": %.1f, \"conv2d\": %.1f, \"chain\": %.1f}}\n", relu, add,
              conv2d, chain);
}

int main(int count, char **arguments) {
  std::map<std::string, std::string> flags{{"--workload", "cnn"}, {"--batch-size", "100"}, {"--threads", "1"},
                                           {"--steps", "50"},     {"--warmup", "5"},       {"--only", ""}};
  bool only_operations = false;
  for (int i = 1; i < count; ++i) {
    const std::string flag = arguments[i];
    if (flag == "--operations") {
      only_operations = true;
    } else if (flags.count(flag) && i + 1 < count) {
      flags[flag] = arguments[++i];
    } else {
      std::fprintf(stderr, "cpp_frontend: unknown flag %s\n", arguments[i]);
      return 64;
    }
  }
  const std::string name = flags["--workload"];
  if (name != "cnn" && name != "mlp" && name != "tiny" && name != "alexnet" && name != "resnet18") {
    std::fprintf(stderr, "cpp_frontend: there is no workload %s here\n", name.c_str());
    return 64;
  }
  torch::set_num_threads(std::stoi(flags["--threads"]));
  torch::manual_seed(0);
  if (only_operations) {
    operations();
  } else {
    workload(name, std::stoll(flags["--batch-size"]), std::stoll(flags["--steps"]), std::stoll(flags["--warmup"]),
             flags["--only"]);
  }
}
